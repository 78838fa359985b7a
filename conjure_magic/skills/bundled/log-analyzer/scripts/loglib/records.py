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


Parts = tuple[str | None, float | None, str | None, str | None, str | None, str | None, str]
Parser = Callable[[str], Parts | None]


def read_records(sources: Sequence[Source], layouts: Sequence[Layout]) -> Iterator[Record]:
    """Records of all sources in order; every line is in exactly one of them, fitting or not."""
    for source in sources:
        yield from _read_one(source, layouts)


def _read_one(source: Source, layouts: Sequence[Layout]) -> Iterator[Record]:
    stamp = os.path.getmtime(source.path)
    newest = datetime.fromtimestamp(stamp, UTC).replace(tzinfo=None)
    parsers = [parser(layout, newest) for layout in layouts]
    timed = any(layout.style or layout.kind in ("json", "logfmt") for layout in layouts)
    first, others = parsers[0], parsers[1:]
    name = source.name
    held: Record | None = None
    more: list[str] = []
    for number, line in enumerate(source.lines(), start=1):
        parts = first(line)
        if parts is None:
            parts = next((found for parse in others if (found := parse(line))), None)
        if parts is None or (not timed and held and _CONTINUES.match(line)):
            if held is not None and ((timed and held.parsed) or _CONTINUES.match(line) or not line):
                more.append(line)
                continue
            parts = (None, None, None, None, None, None, line)
            fits = False
        else:
            fits = True
        if held is not None:
            yield held._replace(more=tuple(more)) if more else held
            more = []
        if not line and not fits:
            held = None
            continue
        held = Record(name, number, *parts, line, (), fits)
    if held is not None:
        yield held._replace(more=tuple(more)) if more else held


def parser(layout: Layout, newest: datetime) -> Parser:
    """A function from a line to (time, epoch, level, component, host, pid, message), None where it does not fit."""
    if layout.kind == "json":
        return _json_parser(newest)
    if layout.kind == "logfmt":
        return _logfmt_parser(newest)
    regex = re.compile(layout.pattern, re.DOTALL)
    read = TimeReader(layout.style, newest) if layout.style else None
    match_line = regex.match
    index = [regex.groupindex.get(name, 0) for name in _WANTED]
    by_priority = layout.level_rule == "priority"
    ts, frac, tail, level, component, host, pid, message = index
    hinted = read is not None and layout.style is not None and not layout.style.has_year
    hint = (regex.groupindex.get("day") or regex.groupindex.get("epoch") or 0) if hinted else 0

    def parse(line: str) -> Parts | None:
        match = match_line(line)
        if match is None:
            return None
        moment: tuple[str | None, float | None] | None = (None, None)
        if read is not None and match[ts] is not None:
            moment = read(match[ts], match[frac] if frac else None, match[tail] if tail else None, match[hint] if hint else "")
            if moment is None:
                return None
        written = match[level] if level else None
        if by_priority:
            written = levels.SYSLOG_SEVERITY[int(match["pri"]) % 8]
        return (
            *(moment or (None, None)),
            written,
            match[component] if component else None,
            match[host] if host else None,
            match[pid] if pid else None,
            match[message],
        )

    return parse


def _json_parser(newest: datetime) -> Parser:
    keyed = from_keyed(newest)
    loads = json.loads

    def parse(line: str) -> Parts | None:
        if not line.lstrip().startswith("{"):
            return None
        try:
            value = loads(line)
        except ValueError:
            return None
        return keyed(value, line) if isinstance(value, dict) else None

    return parse


def _logfmt_parser(newest: datetime) -> Parser:
    keyed = from_keyed(newest)

    def parse(line: str) -> Parts | None:
        pairs = LOGFMT_PAIR.findall(line)
        if len(pairs) < 3:
            return None
        return keyed({key: _unquoted(value) for key, value in pairs}, line)

    return parse


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')
