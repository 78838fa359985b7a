"""Time, level, component and message from records whose fields carry names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache

from loglib import clock, levels

TIME_KEYS = [
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "t",
    "date",
    "datetime",
    "asctime",
    "eventtime",
    "event_time",
    "created_at",
]
LEVEL_KEYS = [
    "level",
    "severity",
    "lvl",
    "loglevel",
    "log_level",
    "log.level",
    "levelname",
    "level_name",
    "severity_text",
]
MESSAGE_KEYS = ["message", "msg", "event", "text", "body", "log", "short_message"]
COMPONENT_KEYS = [
    "component",
    "logger",
    "logger_name",
    "name",
    "module",
    "service",
    "service.name",
    "app",
    "target",
    "caller",
    "source",
    "program",
]
HOST_KEYS = ["host", "hostname", "host.name", "node", "server", "instance"]
PID_KEYS = ["pid", "process_id", "process.pid", "procid", "thread", "tid"]
_STYLES = [*clock.STYLES, clock.EPOCH]
Parts = tuple[str | None, float | None, str | None, str | None, str | None, str | None, str]


def from_keyed(newest: datetime) -> Callable[[Mapping[str, object], str], Parts]:
    """A function from named fields (and their line) to a record's parts."""

    @lru_cache(maxsize=20_000)
    def moment(text: str) -> clock.Moment | None:
        return read_time(text, newest)

    def parts(fields: Mapping[str, object], line: str) -> Parts:
        lowered = {key.lower(): value for key, value in fields.items()}
        written = _first(lowered, TIME_KEYS)
        when = moment(str(written)) if written is not None else None
        message = _first(lowered, MESSAGE_KEYS)
        return (
            when.iso if when else None,
            when.epoch if when else None,
            _level(_first(lowered, LEVEL_KEYS)),
            _text(_first(lowered, COMPONENT_KEYS)),
            _text(_first(lowered, HOST_KEYS)),
            _text(_first(lowered, PID_KEYS)),
            str(message) if message is not None else line,
        )

    return parts


def read_time(text: str, newest: datetime) -> clock.Moment | None:
    """The time that a whole text is, None where it is none."""
    for style in _STYLES:
        match = _compiled(style.pattern).fullmatch(text.strip())
        if match:
            settled = clock.settle_order(style, [match.groupdict()])
            return clock.reader(settled, newest)(match.groupdict())
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _first(fields: Mapping[str, object], keys: list[str]) -> object:
    for key in keys:
        value = fields.get(key)
        if value is not None and not isinstance(value, (dict, list)):
            return value
    return None


def _level(value: object) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return levels.from_number(int(value))
    text = str(value) if value is not None else ""
    if text.isdigit():
        return levels.from_number(int(text))
    return text or None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
