"""One figure or list from a log: filter, take a value, then count, rank, add up or list."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from loglib.layout import Layout
from loglib.options import UsageError, compile_pattern
from loglib.records import Record
from loglib.structured import LOGFMT_PAIR

FIELDS = ("level", "component", "host", "pid", "message", "file", "line", "time", "raw")
CLOCKS = {"second": "%Y-%m-%d %H:%M:%S", "minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H", "day": "%Y-%m-%d",
          "month": "%Y-%m", "weekday": "%A"}  # fmt: skip
_EPOCH = datetime(1970, 1, 1)
Taker = Callable[[Record], Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """What a query found: `value` is a number, a text, a list or ranked [name, count] pairs.

    `first` holds, for each name, the place of the record that showed it first.
    """

    verb: str
    value: object
    records: int
    first: dict[str, str]


def taker(takes: Sequence[tuple[str, str]], layouts: Sequence[Layout], missing: str | None) -> Taker | None:
    """A function from a record to its values, from (kind, text) pairs in the order given; None without any.

    Several kinds are joined by a blank; a pattern gives one value for each match in the line.
    """
    if not takes:
        return None
    parts = [_PART[kind](text, layouts) for kind, text in takes]

    def take(record: Record) -> Sequence[str]:
        columns = [part(record) for part in parts]
        if not all(columns):
            return (missing,) if missing is not None else ()
        if len(columns) == 1:
            return columns[0]
        most = max(map(len, columns))
        return [" ".join(column[min(i, len(column) - 1)] for column in columns) for i in range(most)]

    return take


def _take_pattern(text: str, layouts: Sequence[Layout]) -> Taker:
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


def _take_time(text: str, layouts: Sequence[Layout]) -> Taker:
    layout = CLOCKS.get(text, text)
    if "%" not in layout:
        raise UsageError(f"--time {text}: use {', '.join(CLOCKS)}, or a format such as %H:%M")
    memo: dict[int, str] = {}

    def take(record: Record) -> Sequence[str]:
        if record.epoch is None:
            return ()
        second = math.floor(record.epoch + _offset(record.time))
        label = memo.get(second)
        if label is None:
            label = memo[second] = (_EPOCH + timedelta(seconds=second)).strftime(layout)
        return (label,)

    return take


def _offset(iso: str | None) -> float:
    """Seconds to add so that a time with a zone is shown as the log writes it."""
    if not iso or len(iso) < 25 or iso[-6] not in "+-" or iso[-3] != ":":
        return 0.0
    sign = -1 if iso[-6] == "-" else 1
    return sign * (int(iso[-5:-3]) * 3600.0 + int(iso[-2:]) * 60.0)


def _take_field(name: str, layouts: Sequence[Layout]) -> Taker:
    if name in FIELDS:
        return lambda record: _one(getattr(record, name))
    columns = [re.compile(layout.pattern) for layout in layouts if f"(?P<{name}>" in layout.pattern]
    if columns:
        return lambda record: _one(next((m[name] for c in columns if (m := c.match(record.raw))), None))
    kinds = {layout.kind for layout in layouts}
    written = re.compile(rf'(?<![\w.]){re.escape(name)}["\']?\s?[=:]\s?["\']?([^\s,;"\'\])}}]+)')

    def take(record: Record) -> Sequence[str]:
        if "json" in kinds and record.raw.lstrip().startswith("{"):
            return _one(_json_field(record.raw, name))
        if "logfmt" in kinds:
            return _one(dict(LOGFMT_PAIR.findall(record.raw)).get(name, "").strip('"') or None)
        return written.findall(record.raw)

    return take


def _json_field(raw: str, name: str) -> object:
    try:
        value: object = json.loads(raw)
    except ValueError:
        return None
    if isinstance(value, dict) and name in value:
        return value[name]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _one(value: object) -> Sequence[str]:
    if value is None:
        return ()
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),)


_PART: dict[str, Callable[[str, Sequence[Layout]], Taker]] = {
    "pattern": _take_pattern, "time": _take_time, "field": _take_field,
}  # fmt: skip


def answer(records: Iterable[Record], take: Taker | None, verb: str, top: int | None) -> Answer:
    """Run one verb over records.

    Raises:
        UsageError: the verb needs a value and none is taken, or numbers and there are none.
    """
    if verb == "span":
        return _span(records)
    if take is None:
        if verb == "list":
            return _list_records(records, top)
        if verb != "count":
            raise UsageError(f"--{verb} needs a value: add --field NAME, --pattern PATTERN or --time UNIT")
        total = sum(1 for _ in records)
        return Answer("count", total, total, {})
    if verb in ("sum", "max", "min", "mean"):
        return _numbers(records, take, verb)
    return _names(records, take, verb, top)


def _names(records: Iterable[Record], take: Taker, verb: str, top: int | None) -> Answer:
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    seen = 0
    for record in records:
        seen += 1
        for value in take(record):
            counts[value] += 1
            if value not in first:
                first[value] = f"{record.file}:{record.line}"
    if verb == "distinct":
        return Answer(verb, len(counts), seen, first)
    if verb == "list":
        return Answer(verb, list(counts)[:top], seen, first)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return Answer(verb, [[name, count] for name, count in ranked[:top]], seen, first)


def _numbers(records: Iterable[Record], take: Taker, verb: str) -> Answer:
    best: float | None = None
    where: dict[str, str] = {}
    total, count, seen = 0.0, 0, 0
    for record in records:
        seen += 1
        for number in _as_numbers(take(record)):
            total += number
            count += 1
            if best is None or (number > best if verb == "max" else number < best):
                best = number
                where = {f"{verb} at": f"{record.file}:{record.line}"}
    if count == 0:
        raise UsageError(f"--{verb} found no number in {seen} lines: check the pattern or the field")
    value = {"sum": total, "mean": total / count}.get(verb, best or 0.0)
    return Answer(verb, tidy(value), seen, where if verb in ("max", "min") else {})


def _as_numbers(values: Sequence[str]) -> Iterator[float]:
    for value in values:
        try:
            number = float(value.replace(",", ""))
        except ValueError:
            continue
        if math.isfinite(number):
            yield number


def tidy(value: float) -> int | float:
    """A whole number as int, any other rounded to four places."""
    return int(value) if value == int(value) else round(value, 4)


def _span(records: Iterable[Record]) -> Answer:
    first: Record | None = None
    last: Record | None = None
    seen = 0
    for record in records:
        seen += 1
        if record.epoch is not None:
            first, last = first or record, record
    if first is None or last is None or first.epoch is None or last.epoch is None:
        raise UsageError("--span found no times in these lines")
    places = {"first": f"{first.file}:{first.line}", "last": f"{last.file}:{last.line}"}
    return Answer("span", tidy(last.epoch - first.epoch), seen, places)


def _list_records(records: Iterable[Record], top: int | None) -> Answer:
    kept: list[str] = []
    first: dict[str, str] = {}
    seen = 0
    for record in records:
        seen += 1
        if top is None or len(kept) < top:
            kept.append("\n".join((record.raw, *record.more)))
            first.setdefault(kept[-1], f"{record.file}:{record.line}")
    return Answer("list", kept, seen, first)
