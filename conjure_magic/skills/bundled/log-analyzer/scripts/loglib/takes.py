"""Values taken from one record: its time by a unit, a field, the matches of a pattern."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from loglib.layout import Layout
from loglib.masks import VALUE
from loglib.options import UsageError, compile_pattern, zone_offset
from loglib.records import Record
from loglib.structured import unquoted

FIELDS = ("level", "component", "host", "pid", "message", "file", "line", "time", "raw")
CLOCKS = {"second": "%Y-%m-%d %H:%M:%S", "minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H", "day": "%Y-%m-%d",
          "month": "%Y-%m", "weekday": "%A"}  # fmt: skip
_STEPS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_EPOCH = datetime(1970, 1, 1)
_PROBE = 2000  # records in which names of fields are looked for
_KEY = re.compile(r"(?<![\w.])([A-Za-z_][\w.-]{0,40})=")
Taker = Callable[[Record], Sequence[str]]


class Part:
    """One value of a record, as asked for: `found` tells whether any record had it."""

    def __init__(self, kind: str, name: str, take: Taker) -> None:
        self.kind = kind
        self.name = name
        self.found = False
        self._take = take

    def __call__(self, record: Record) -> Sequence[str]:
        values = self._take(record)
        if values:
            self.found = True
        return values


class Clock(Part):
    """The time of a record by a unit or a format, with what puts its labels in order.

    Attributes:
        starts: for each label the first second (since 1970, as the log writes its time) that got it.
    """

    def __init__(self, unit: str) -> None:
        self._layout = CLOCKS.get(unit, unit)
        if "%" not in self._layout:
            raise UsageError(f"--time {unit}: use {', '.join(CLOCKS)}, or a format such as %H:%M")
        self._step = _STEPS.get(unit)
        self._monthly = unit == "month"
        self.even = self._monthly or self._step is not None  # whether its labels follow on each other by rule
        self._dated = any(mark in self._layout for mark in ("%d", "%j", "%m", "%b", "%B", "%U", "%W", "%Y", "%y"))
        self._memo: dict[int, str] = {}
        self.starts: dict[str, int] = {}
        super().__init__("time", unit, self._label)

    def _label(self, record: Record) -> Sequence[str]:
        if record.epoch is None:
            return ()
        return (self.label(shown_second(record)),)

    def label(self, second: int) -> str:
        """The label of a second since 1970."""
        text = self._memo.get(second)
        if text is None:
            text = self._memo[second] = (_EPOCH + timedelta(seconds=second)).strftime(self._layout)
            self.starts[text] = min(second, self.starts.get(text, second))
        return text

    def order(self, label: str) -> tuple[float, str]:
        """Sort key: by date where the label has one, by weekday, else by the label's text."""
        start = self.starts.get(label, 0)
        if self._dated:
            return start, label
        return (float((_EPOCH + timedelta(seconds=start)).weekday()) if "%A" in self._layout else 0.0), label

    def between(self, first: int, last: int, limit: int) -> list[str] | None:
        """All labels from one second to another; None where they have no fixed step or are more than `limit`."""
        if self._monthly:
            return self._months(first, last, limit)
        if self._step is None or (last - first) // self._step >= limit:
            return None
        start = first - first % self._step
        return [self.label(second) for second in range(start, last + 1, self._step)]

    def _months(self, first: int, last: int, limit: int) -> list[str] | None:
        moment = (_EPOCH + timedelta(seconds=first)).replace(day=1, hour=0, minute=0, second=0)
        end = _EPOCH + timedelta(seconds=last)
        labels: list[str] = []
        while moment <= end:
            if len(labels) >= limit:
                return None
            labels.append(self.label(int((moment - _EPOCH).total_seconds())))
            moment = (moment + timedelta(days=32)).replace(day=1)
        return labels


def shown_second(record: Record) -> int:
    """The second of a record that has a time, as the log writes it."""
    return math.floor((record.epoch or 0.0) + zone_offset(record.time))


def part(kind: str, text: str, layouts: Sequence[Layout]) -> Part:
    """What --field, --pattern or --time takes.

    Raises:
        UsageError: an invalid pattern or unit.
    """
    if kind == "time":
        return Clock(text)
    take = _pattern(text) if kind == "pattern" else field_taker(text, layouts)
    return Part(kind, text, take)


def _pattern(text: str) -> Taker:
    regex = compile_pattern("--pattern", text)

    def take(record: Record) -> Sequence[str]:
        found = [_group_text(match) for match in regex.finditer(record.raw)]
        for line in record.more:
            found += [_group_text(match) for match in regex.finditer(line)]
        return found

    return take


def _group_text(match: re.Match[str]) -> str:
    groups = [group for group in match.groups() if group is not None]
    return " ".join(groups) if groups else match[0]


def field_taker(name: str, layouts: Sequence[Layout]) -> Taker:
    """A function from a record to the values of a field: a column, a JSON key, or what stands after NAME=."""
    if name in FIELDS:
        return lambda record: _one(getattr(record, name))
    if name in _DERIVED and not any(f"(?P<{name}>" in layout.pattern for layout in layouts):
        of, derive = _DERIVED[name]
        take_of = field_taker(of, layouts)
        return lambda record: [derive(value) for value in take_of(record)]
    columns = [re.compile(layout.pattern) for layout in layouts if f"(?P<{name}>" in layout.pattern]
    start = re.escape(name)
    written = re.compile(
        rf'(?<![\w.]){start}["\']?\s?[=:]\s?(?:"((?:[^"\\]|\\.)*)"|\'([^\'\n]*)\'(?!\w)|["\']?([^\s,;"\'\])}}]+))',
        re.DOTALL,
    )

    def take(record: Record) -> Sequence[str]:
        fields = record.fields
        if name in fields:
            return _one(fields[name])
        if columns:
            found = _one(next((m[name] for c in columns if (m := c.match(record.text))), None))
            if found:
                return found
        if fields:
            inside = _inside(fields, name)
            if inside is not None or record.text.startswith("{"):
                return _one(inside)
        found = written.findall(record.text)
        return [unquoted(f'"{quoted}"') if quoted else single or bare for quoted, single, bare in found]

    return take


def _inside(fields: Mapping[str, object], name: str) -> object:
    """The object under a name whose inner fields are known under dotted names, or the field in other letters."""
    prefix = f"{name}."
    inner = {key[len(prefix) :]: value for key, value in fields.items() if key.startswith(prefix)}
    lowered = name.lower()
    return inner or next((value for key, value in fields.items() if key.lower() == lowered), None)


def _endpoint(path: str) -> str:
    """A path without its query, parts that vary open."""
    parts = path.partition("?")[0].partition("#")[0].split("/")
    return "/".join(VALUE if len(part) > 24 or any(map(str.isdigit, part)) else part for part in parts)


def _status_class(status: str) -> str:
    return f"{status[0]}xx" if len(status) == 3 and status.isdigit() else status


# Fields made of another one.
_DERIVED: dict[str, tuple[str, Callable[[str], str]]] = {
    "endpoint": ("path", _endpoint),
    "status_class": ("status", _status_class),
}


def _one(value: object) -> Sequence[str]:
    if value is None:
        return ()
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),)


def field_names(records: Iterable[Record], layouts: Sequence[Layout]) -> list[str]:
    """The fields that a log has, commonest first."""
    counts: Counter[str] = Counter()
    for record in islice(records, _PROBE):
        counts.update(name for name in ("level", "component", "host", "pid", "message") if getattr(record, name))
        counts.update(set(record.fields or _KEY.findall(record.text)))
    columns = [name for layout in layouts for name in re.findall(r"\(\?P<(\w+)>", layout.pattern)]
    hidden = {"ts", "frac", "tail", "q", "pri", "day", "epoch", *counts}
    return [name for name, _ in counts.most_common()] + [name for name in dict.fromkeys(columns) if name not in hidden]
