"""What is wrapped around a log's lines: a container's JSON, a runtime's or runner's prefix, syslog's head."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from loglib import clock, levels
from loglib.keyed import Reader
from loglib.layout import TimeReader, time_source
from loglib.objects import flatten, loads

_ISO = next(style for style in clock.STYLES if style.name == "Ymd H:M:S")
_UNIX = next(style for style in clock.STYLES if style.name == "bd H:M:S")
_CLASSIC = next(style for style in clock.STYLES if style.name == "bd H:M:S Y")
_PRIORITY = r"(?:\d{1,6} )?(?:<(?P<pri>\d{1,3})>)?"
_TAG = r"(?P<component>[^\s:\[\]{}\"=]{1,64})(?:\[(?P<pid>[\w.-]{1,32})\])?:\s?"
_HOST = r"(?P<host>[^\s:\[\]{}\"=]{1,255})"
_INNER = r"(?P<inner>.*)"
_PARTS = ("inner", "ts", "frac", "tail", "pri", "level", "component", "host", "pid")
_MOST = 0.8  # of the lines are wrapped so
_WORTH = 0.5  # of what is inside has a form of its own


@dataclass(frozen=True)
class Envelope:
    """One way to wrap a line: a `pattern` with the group `inner`, or a `key` of a JSON object that contains a line.

    `always` tells that nothing else is wrapped so, whatever is inside; `levelled`, that a level inside is enough.
    """

    name: str
    pattern: str = ""
    style: clock.Style | None = None
    key: str = ""
    always: bool = False
    levelled: bool = False


class Outer(NamedTuple):
    """What an envelope says of the line inside it."""

    inner: str
    time: str | None
    epoch: float | None
    level: str | None
    component: str | None
    host: str | None
    pid: str | None
    fields: dict[str, object]


class Worth(Protocol):
    """Gives the part of lines that have a form of their own, 0 to 1."""

    def __call__(self, inner: Sequence[str], *, levelled: bool) -> float:
        """`levelled`: a level at the start is enough."""


Opener = Callable[[str], Outer | None]
_KNOWN = (
    Envelope(
        "container runtime",
        time_source(_ISO) + r" (?P<stream>stdout|stderr) [FP](?::\S+)? " + _INNER,
        _ISO,
        always=True,
    ),
    Envelope(
        "the kernel's ring",
        r"(?P<facility>kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local\d)\s*:"
        rf"(?P<level>emerg|alert|crit|err|warn|notice|info|debug)\s*: {_INNER}",
        always=True,
    ),
    Envelope("syslog", _PRIORITY + time_source(_UNIX) + rf" {_HOST} {_TAG}{_INNER}", _UNIX),
    Envelope("syslog", _PRIORITY + r"(?:\d )?" + time_source(_ISO) + rf" {_HOST} {_TAG}{_INNER}", _ISO),
    Envelope("a program's prefix", _PRIORITY + time_source(_ISO) + rf" {_TAG}{_INNER}", _ISO),
    Envelope(
        "syslog (RFC 5424)",
        r"(?:\d{1,6} )?<(?P<pri>\d{1,3})>\d{1,2} (?:"
        + time_source(_ISO)
        + rf"|-) {_HOST} (?P<component>\S+) (?P<pid>\S+) "
        r'(?P<msgid>\S+) (?:-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*"|\\.)*\])+) ?' + _INNER,
        _ISO,
    ),
    Envelope("a service's prefix", rf"(?P<component>[\w.-]{{1,64}})\s+\| ?{_INNER}", levelled=True),
    Envelope("a pod's prefix", rf"\[(?:pod/)?(?P<host>[\w.-]+)/(?P<component>[\w.-]+)\] {_INNER}", levelled=True),
    Envelope(
        "a runner's job",
        r"(?P<component>[^\t]{1,80})\t(?P<step>[^\t]{1,200})\t\ufeff?" + time_source(_ISO) + " " + _INNER,
        _ISO,
    ),
    Envelope("a runner's time", r"[\[(]?" + time_source(_ISO) + rf"[\])]? (?:\d\d[OE][ +])?\s*{_INNER}", _ISO),
    Envelope("a runner's time", r"\[" + time_source(_CLASSIC) + rf"\] \s*{_INNER}", _CLASSIC),
    Envelope("a prefix", rf"{_TAG}(?P<inner>\{{.*\}}\s*)"),
)
_KEYS = ("log", "MESSAGE", "message", "msg", "line", "@message", "textPayload", "_raw", "event.original", "body")


def find(lines: Sequence[str], worth: Worth) -> Envelope | None:
    """The envelope of most lines, None if there is none; `worth` gives the part of inner lines with a form."""
    probe = lines[:: max(len(lines) // 200, 1)][:300]
    if not probe:
        return None
    in_json = _json_envelope(probe, worth)
    if in_json:
        return in_json
    for envelope in _KNOWN:
        match = re.compile(envelope.pattern, re.DOTALL).match
        inner = [found["inner"] for line in probe if (found := match(line))]
        if len(inner) >= _MOST * len(probe) and (envelope.always or worth(inner, levelled=envelope.levelled) >= _WORTH):
            return envelope
    return None


def around(pattern: str, style: clock.Style | None, lines: Sequence[str]) -> Envelope | None:
    """A learnt layout as an envelope, where what it takes for a message is a JSON object."""
    if "(?P<message>.*)" not in pattern:
        return None
    probe = lines[:: max(len(lines) // 200, 1)][:300]
    pattern = pattern.replace("(?P<message>.*)", _INNER)
    match = re.compile(pattern, re.DOTALL).match
    inner = [found["inner"] for line in probe if (found := match(line))]
    objects = sum(1 for text in inner if text.startswith("{") and loads(text))
    return Envelope("a prefix", pattern, style) if objects >= _MOST * len(probe) else None


def _json_envelope(probe: Sequence[str], worth: Worth) -> Envelope | None:
    if not all(line.lstrip().startswith("{") for line in probe[:5]):
        return None
    objects = [fields for line in probe if (fields := loads(line))]
    if len(objects) < _MOST * len(probe):
        return None
    for key in _KEYS:
        inner = [value.rstrip("\r\n") for fields in objects if isinstance(value := fields.get(key), str)]
        if len(inner) < _MOST * len(objects):
            continue
        docker = key == "log" and sum(1 for fields in objects if "stream" in fields or "time" in fields) >= len(inner)
        if docker or worth(inner, levelled=True) >= _WORTH:
            return Envelope("container log (JSON)" if docker else f"JSON, key {key}", key=key, always=docker)
    return None


def opener(envelope: Envelope, newest: datetime) -> Opener:
    """A function from a line to what is inside it, None where it is not wrapped so."""
    return _json_opener(envelope.key, newest) if envelope.key else _text_opener(envelope, newest)


def _text_opener(envelope: Envelope, newest: datetime) -> Opener:
    # A group that the envelope lacks reads as the last group, which never takes part in a match.
    regex = re.compile(f"(?:{envelope.pattern})(\\Z(?!))?", re.DOTALL)
    match_line, none = regex.match, regex.groups
    places = [regex.groupindex.get(name, none) for name in _PARTS]
    others = [name for name in regex.groupindex if name not in (*_PARTS, "q")]
    read = TimeReader(envelope.style, newest) if envelope.style else None

    def opened(text: str) -> Outer | None:
        match = match_line(text)
        if match is None:
            return None
        inner, ts, frac, tail, priority, level, component, host, pid = match.group(*places)
        time, epoch = None, None
        if read is not None and ts is not None:
            moment = read(ts, frac, tail, "")
            if moment is None:
                return None
            time, epoch = moment
        if priority:
            level = levels.SYSLOG_SEVERITY[int(priority) % 8]
        fields = {name: value for name in others if (value := match[name])}
        return Outer(inner or "", time, epoch, level, component, host, pid, fields)

    return opened


def _json_opener(key: str, newest: datetime) -> Opener:
    read = Reader(newest, {})

    def opened(text: str) -> Outer | None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        fields = dict(flatten(value))
        inner = fields.pop(key, None)
        if not isinstance(inner, str):
            return None
        (time, epoch, level, component, host, pid, _), _ = read(fields, "")
        return Outer(inner.rstrip("\r\n"), time, epoch, level, component, host, pid, fields)

    return opened
