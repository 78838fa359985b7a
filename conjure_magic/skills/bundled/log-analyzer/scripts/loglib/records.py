"""Records from lines: each line through the learnt layouts, continuations joined to the line before."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from loglib import levels
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


def read_records(sources: Sequence[Source], layouts: Sequence[Layout]) -> Iterator[Record]:
    """Records of all sources in order; every line is in exactly one of them, fitting or not."""
    for source in sources:
        yield from _read_one(source, layouts)


def _read_one(source: Source, layouts: Sequence[Layout]) -> Iterator[Record]:
    """A line that fits no layout belongs to the record before it; where records have no time, only if it looks so."""
    stamp = os.path.getmtime(source.path)
    newest = datetime.fromtimestamp(stamp, UTC).replace(tzinfo=None)
    parse, *others = [parser(layout, newest, source.name) for layout in layouts]
    timed = any(layout.style or layout.kind in ("json", "logfmt") for layout in layouts)
    held: Record | None = None
    more: list[str] = []
    for number, line in enumerate(source.lines(), start=1):
        record = parse(line, number)
        if record is None and others:
            record = next((found for other in others if (found := other(line, number))), None)
        if record is None or not timed:
            continues = not line or _CONTINUES.match(line) is not None
            if held is not None and (continues or (timed and held.parsed)):
                more.append(line)
                continue
            if record is None:
                record = Record(source.name, number, None, None, None, None, None, None, line, line, (), False)
        if held is not None:
            yield held._replace(more=tuple(more)) if more else held
            more = []
        held = record
    if held is not None:
        yield held._replace(more=tuple(more)) if more else held


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
