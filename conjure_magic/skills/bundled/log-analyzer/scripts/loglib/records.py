"""Records from lines: each line through the learnt layouts, continuations joined to the line before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from loglib import levels
from loglib.coverage import Coverage
from loglib.keyed import from_keyed
from loglib.layout import Layout, TimeReader
from loglib.source import Source
from loglib.structured import LOGFMT_PAIR

_CONTINUES = re.compile(r"[ \t]+\S|Caused by\b|Traceback \(|\.\.\. \d+ (?:more|common)|at \S+\(|[})\]]+[;,]?$")
_WANTED = ("ts", "frac", "tail", "level", "component", "host", "pid", "message")


class Record(NamedTuple):
    """One log record.

    `time` is ISO 8601 as written, `epoch` its seconds (local times count as UTC), `level` as written;
    `more` holds the record's further lines; `parsed` is False where the line fitted no layout.
    """

    file: str
    line: int
    time: str | None
    epoch: float | None
    level: str | None
    component: str | None
    host: str | None
    pid: str | None
    message: str
    raw: str
    more: tuple[str, ...] = ()
    parsed: bool = True


Parser = Callable[[str, int], Record | None]


def read_records(
    sources: Sequence[Source], layouts: Sequence[Layout], coverage: Coverage | None = None
) -> Iterator[Record]:
    """Records of all sources in order; every line is in exactly one of them. What was read is noted in `coverage`."""
    coverage = Coverage() if coverage is None else coverage
    for source in sources:
        yield from _read_one(source, layouts, coverage)


def _read_one(source: Source, layouts: Sequence[Layout], coverage: Coverage) -> Iterator[Record]:
    newest = datetime.fromtimestamp(source.modified, UTC).replace(tzinfo=None)
    parsers = [parser(layout, newest, source.name) for layout in layouts]
    counts = [0] * len(layouts)
    parsed = _parsed(source.lines(), parsers, counts)
    timed = any(layout.style or layout.kind in ("json", "logfmt") for layout in layouts)
    try:
        yield from _timed(parsed, source.name, coverage) if timed else _untimed(parsed, source.name, coverage)
    finally:
        for layout, count in zip(layouts, counts, strict=True):
            coverage.rules[layout.rule] += count


def _parsed(
    lines: Iterable[str], parsers: Sequence[Parser], counts: list[int]
) -> Iterator[tuple[int, str, Record | None]]:
    """Each line with its number and its record by the first layout that it fits, which is counted."""
    parse, *others = parsers
    for number, line in enumerate(lines, start=1):
        record = parse(line, number)
        if record is not None:
            counts[0] += 1
        elif others:
            for place, other in enumerate(others, start=1):
                record = other(line, number)
                if record is not None:
                    counts[place] += 1
                    break
        yield number, line, record


def _timed(parsed: Iterable[tuple[int, str, Record | None]], file: str, coverage: Coverage) -> Iterator[Record]:
    """Records of a log with times: a line that fits no layout belongs to the record before it."""
    held: Record | None = None
    more: list[str] = []
    for number, line, record in parsed:
        if record is None:
            if held is not None and (held.parsed or _continues(line)):
                more.append(line)
                continue
            record = _unread(file, number, line, coverage)
        if held is not None:
            yield _whole(held, more, coverage) if more else held
            more = []
        held = record
    if held is not None:
        yield _whole(held, more, coverage) if more else held


def _whole(held: Record, more: list[str], coverage: Coverage) -> Record:
    """A record with its further lines; one of them that looks so speaks for all, as in a stack trace."""
    coverage.note_further(more, alike=any(line and _continues(line) for line in more))
    return held._replace(more=tuple(more))


def _untimed(parsed: Iterable[tuple[int, str, Record | None]], file: str, coverage: Coverage) -> Iterator[Record]:
    """Records of a log without times: only a line that looks so belongs to the record before it."""
    held: Record | None = None
    more: list[str] = []
    for number, line, record in parsed:
        if held is not None and _continues(line):
            more.append(line)
            coverage.note_further((line,), alike=True, counted=record is not None)
            continue
        if held is not None:
            yield held._replace(more=tuple(more)) if more else held
            more = []
        held = record or _unread(file, number, line, coverage)
    if held is not None:
        yield held._replace(more=tuple(more)) if more else held


def _continues(line: str) -> bool:
    return not line or _CONTINUES.match(line) is not None


def _unread(file: str, number: int, line: str, coverage: Coverage) -> Record:
    if line.strip():
        coverage.note_unread(f"{file}:{number}")
    return Record(file, number, None, None, None, None, None, None, line, line, (), False)


def parser(layout: Layout, newest: datetime, file: str) -> Parser:
    """A function from a line and its number to a Record, None where the line does not fit."""
    if layout.kind == "json":
        return _json_parser(newest, file)
    if layout.kind == "logfmt":
        return _logfmt_parser(newest, file)
    # A group that the layout lacks reads as the last group, which never takes part in a match.
    regex = re.compile(f"(?:{layout.pattern})(\\Z(?!))?", re.DOTALL)
    match_line = regex.match
    none = regex.groups
    read = TimeReader(layout.style, newest) if layout.style else None
    groups = regex.groupindex
    wanted = [groups.get(name, none) for name in _WANTED]
    hinted = layout.style is not None and not layout.style.has_year
    wanted.append((groups.get("day") or groups.get("epoch") or none) if hinted else none)
    by_priority = layout.level_rule == "priority"

    def parse(line: str, number: int) -> Record | None:
        match = match_line(line)
        if match is None:
            return None
        ts, frac, tail, level, component, host, pid, message, hint = match.group(*wanted)
        iso: str | None = None
        epoch: float | None = None
        if read is not None and ts is not None:
            moment = read(ts, frac, tail, hint or "")
            if moment is None:
                return None
            iso, epoch = moment
        if by_priority:
            level = levels.SYSLOG_SEVERITY[int(match["pri"]) % 8]
        return Record(file, number, iso, epoch, level, component, host, pid, message, line)

    return parse


def _json_parser(newest: datetime, file: str) -> Parser:
    keyed = from_keyed(newest)
    loads = json.loads

    def parse(line: str, number: int) -> Record | None:
        if not line.lstrip().startswith("{"):
            return None
        try:
            value = loads(line)
        except ValueError:
            return None
        return Record(file, number, *keyed(value, line), line) if isinstance(value, dict) else None

    return parse


def _logfmt_parser(newest: datetime, file: str) -> Parser:
    keyed = from_keyed(newest)

    def parse(line: str, number: int) -> Record | None:
        pairs = LOGFMT_PAIR.findall(line)
        if len(pairs) < 3:
            return None
        return Record(file, number, *keyed({key: _unquoted(value) for key, value in pairs}, line), line)

    return parse


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')
