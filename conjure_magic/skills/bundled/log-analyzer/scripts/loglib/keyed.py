"""Time, level, component and message from records whose fields carry names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from loglib import clock, levels
from loglib.clean import clean
from loglib.objects import Fields
from loglib.roles import Plan, plan_of
from loglib.timetext import read_time

_ASKED = frozenset(["method", "path", "request"])
_REQUEST = re.compile(r"([A-Z][A-Z_-]{1,19}) (\S+)")
_WEB = ("client", "method", "path", "status", "bytes", "duration")
_HOLE = re.compile(r"\{[@$]?(\w+)(?:[,:][^{}]*)?\}")
Parts = tuple[str | None, float | None, str | None, str | None, str | None, str | None, str]
Scales = Mapping[str, Mapping[int, str]]
Found = Mapping[str, str]  # a role -> the key that has it by its values
_FAILED = frozenset(
    [
        "fail",
        "failed",
        "failure",
        "error",
        "errored",
        "broken",
        "crashed",
        "aborted",
        "timeout",
        "timed_out",
        "timedout",
    ]
)
_PASSED = frozenset(
    ["pass", "passed", "ok", "success", "succeeded", "successful", "skip", "skipped", "ignored", "completed", "done"]
)
_ANY_DAY = datetime(2000, 1, 1)  # where the date that a time lacks is no matter
_NO_ERROR = frozenset(["", "0", "none", "null", "nil", "ok", "no error", "false"])


def scales_of(sample: Sequence[Fields]) -> dict[str, dict[int, str]]:
    """For each key that may be a level as a number, the scale that its numbers are of."""
    seen: dict[str, set[int]] = {}
    for fields in sample:
        for key in plan_of(fields).get("level", ()):
            number = _number(fields[key])
            if number is not None:
                seen.setdefault(key, set()).add(number)
    return {key: levels.scale(key, numbers) for key, numbers in seen.items()}


def is_web(fields: Fields) -> bool:
    """Whether named fields are those of a request: a status, and a method or a path."""
    plan = plan_of(fields)
    status = _status(fields, plan)
    return status is not None and not _ASKED.isdisjoint(plan)


class Reader:
    """Takes the parts of a record out of its named fields, and adds the standard names of a request's fields."""

    def __init__(self, newest: datetime, scales: Scales, found: Found | None = None) -> None:
        """`scales` and `found` are what a sample showed: see `scales_of` and `roles_by_value`."""
        self._scales = scales
        self._found = found or {}
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._moment = lru_cache(maxsize=20_000)(lambda text: read_time(text, newest))

    def __call__(self, fields: Fields, line: str) -> tuple[Parts, Fields]:
        """The parts, and the fields with the standard names added."""
        keys = tuple(fields)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) > 2000:
                self._plans.clear()
            plan = self._plans[keys] = plan_of(keys, self._found)
        when = self._when(fields, plan)
        status = None if _ASKED.isdisjoint(plan) else _status(fields, plan)
        if status is not None:
            fields = _with_standard_names(fields, plan, status)
        return (
            when.iso if when else None,
            when.epoch if when else None,
            self._level(fields, plan) or (None if status else _outcome(fields, plan)),
            _text(_first(fields, plan.get("component", ()))),
            _text(_first(fields, plan.get("host", ()))),
            _text(_first(fields, plan.get("pid", ()))),
            _message(fields, plan, line, web=status is not None),
        ), fields

    def _when(self, fields: Fields, plan: Plan) -> clock.Moment | None:
        for key in plan.get("time", ()):
            value = fields[key]
            if value is None or value == "" or isinstance(value, (dict, list, bool)):
                continue
            text = str(value)
            if ":" in text and len(text) < 13 and "date" in fields and key != "date":
                text = f"{fields['date']} {text}"
            found = self._moment(text)
            if found is not None:
                return found
        return None

    def _level(self, fields: Fields, plan: Plan) -> str | None:
        written = None
        for key in plan.get("level", ()):
            value = fields[key]
            number = _number(value)
            if number is not None:
                name = self._scales[key].get(number) if key in self._scales else levels.scale(key, {number}).get(number)
            else:
                name = levels.canonical(value.strip()) if isinstance(value, str) else None
                if (
                    name is None
                    and written is None
                    and isinstance(value, str)
                    and key.lower() not in ("status", "l", "s")
                ):
                    written = value or None
            if name is not None:
                return name
        if written is None and "@t" in fields and "@l" not in fields and ("@m" in fields or "@mt" in fields):
            return "INFO"  # compact log events leave the usual level out
        return written


def _outcome(fields: Fields, plan: Plan) -> str | None:
    """The level of a record that has none and says what came of it: a result, or an error."""
    known = None
    for key in plan.get("outcome", ()):
        value = fields[key]
        word = str(value).strip().lower()
        if word in _FAILED or value is False or word == "false":
            return "ERROR"
        if word in _PASSED or value is True or word == "true":
            known = "INFO"
    for key in plan.get("error", ()):
        value = fields[key]
        if value and str(value).strip().lower() not in _NO_ERROR:
            return "ERROR"
    return known


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) < 7 and value.lstrip("-").isdecimal():
        return int(value)
    return None


def _status(fields: Fields, plan: Plan) -> str | None:
    for key in plan.get("status", ()):
        number = _number(fields[key])
        if number is not None and 100 <= number <= 599:
            return str(number)
    return None


def _with_standard_names(fields: Fields, plan: Plan, status: str) -> Fields:
    added = dict(fields)
    for role in _WEB:
        value = status if role == "status" else _first(fields, plan.get(role, ()))
        if role not in added and value is not None:
            added[role] = value
    request = _REQUEST.match(str(_first(fields, plan.get("request", ())) or ""))
    if request:
        added.setdefault("method", request[1])
        added.setdefault("path", request[2])
    return added


def _message(fields: Fields, plan: Plan, line: str, *, web: bool) -> str:
    message = _first(fields, plan.get("message", ()))
    if message is None:
        if web:
            path = fields.get("path", "-")
            return f'"{fields.get("method", "-")} {path}" {fields["status"]}'
        return line
    text = clean(str(message))
    if "{" in text and ("@mt" in fields or "MessageTemplate" in fields) and "@m" not in fields:
        text = _HOLE.sub(lambda hole: str(fields.get(hole[1], hole[0])), text)
    return text


def _first(fields: Fields, keys: Sequence[str]) -> object:
    for key in keys:
        value = fields[key]
        if value is not None and value != "" and not isinstance(value, (dict, list)):
            return value
    return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def roles_by_value(sample: Sequence[Fields]) -> dict[str, str]:
    """The keys that hold a time, a level or a message by their values, for roles that no key has by its name."""
    read = Reader(_ANY_DAY, scales_of(sample))
    parts = [read(fields, "")[0] for fields in sample[:200]]
    columns = _columns(sample[:200])
    found: dict[str, str] = {}
    for place, role, holds in ((0, "time", _are_times), (2, "level", _are_levels), (6, "message", _are_prose)):
        if 2 * sum(1 for part in parts if part[place]) >= len(parts):
            continue
        fitting = (key for key, texts in columns.items() if 2 * len(texts) >= len(parts) and holds(texts))
        key = next((key for key in fitting if key not in found.values()), None)
        if key is not None:
            found[role] = key
    return found


def _columns(sample: Sequence[Fields]) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for fields in sample:
        for key, value in fields.items():
            if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
                columns.setdefault(key, []).append(str(value))
    return columns


def _are_times(texts: Sequence[str]) -> bool:
    """Whether values are times with a date: a clock alone, or a number that may be anything, is not one."""
    dated = [text for text in texts if len(text) > 11 and (":" in text or text.isdecimal())]
    return len(dated) >= 0.9 * len(texts) and all(read_time(text, _ANY_DAY) for text in dated[:20])


def _are_levels(texts: Sequence[str]) -> bool:
    known = [text for text in texts if len(text) > 1 and levels.canonical(text)]
    return len(known) >= 0.97 * len(texts) and any(map(levels.is_strong, known))


def _are_prose(texts: Sequence[str]) -> bool:
    return sum(1 for text in texts if " " in text.strip() and not text[:1].isdigit()) >= 0.6 * len(texts)
