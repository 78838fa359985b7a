"""Records from lines: each through the learnt layouts, further lines of a record joined to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

from loglib import envelope, parsers
from loglib.blocks import gather
from loglib.coverage import Coverage
from loglib.layout import Layout
from loglib.parsers import HEAD, Found, Parser
from loglib.plainblocks import Block
from loglib.source import Source

_CONTINUES = re.compile(
    r"[ \t]+\S|Caused by\b|Traceback \(|\.\.\. \d+ (?:more|common)|at \S+\(|[})\]]+[;,]?$"
    r"|(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  "
)
# How a stack trace begins that says so in no other way than by the name of what was raised.
_RAISED = re.compile(r"(?:[\w$]+\.)*[\w$]*(?:Exception|Error|Throwable)(?::|$)|goroutine \d+ \[|panic: |fatal error: ")
_NO_FIELDS: Mapping[str, object] = MappingProxyType({})


class Record(NamedTuple):
    """One log record.

    `time` is ISO 8601 as written, `epoch` its seconds (local times count as UTC), `level` as written or, where
    the log writes a code or named fields, its canonical name; `more` holds the record's further lines; `parsed`
    is False where the line fitted no layout. `text` is what was read: the raw line without colours and without
    what is wrapped around it; `fields` are those that the log names, inner ones as `a.b`.
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
    text: str = ""
    fields: Mapping[str, object] = _NO_FIELDS


# A line: its number, its text without what is wrapped around it, its record if a layout fits, and else what the
# envelope alone tells.
_Line = tuple[int, str, Record | None, Record | None]


def read_records(
    sources: Sequence[Source], layouts: Sequence[Layout], coverage: Coverage | None = None
) -> Iterator[Record]:
    """Records of all sources in order; every line is in exactly one of them. What was read is noted in `coverage`."""
    coverage = Coverage() if coverage is None else coverage
    for source in sources:
        yield from _read_one(source, layouts, coverage)


def _read_one(source: Source, layouts: Sequence[Layout], coverage: Coverage) -> Iterator[Record]:
    newest = datetime.fromtimestamp(source.modified, UTC).replace(tzinfo=None)
    if not source.encoding.startswith("utf-8"):
        coverage.encodings.add(source.encoding)
    counts = [0] * (len(layouts) + 1)
    lines = _parsed(gather(source.lines()), layouts, newest, source.name, counts)
    timed = any(layout.style or layout.kind in ("json", "logfmt", "table") for layout in layouts)
    joined = _timed if timed else _untimed
    try:
        yield from joined(lines, source.name, coverage, any(layout.level_rule != "none" for layout in layouts))
    finally:
        for layout, count in zip(layouts, counts, strict=False):
            coverage.rules[layout.rule] += count
            if layout.undated:
                coverage.undated += count
            elif layout.style is not None and not layout.style.has_date and layout.style.name != "uptime":
                coverage.file_dated += 0 if layout.envelopes else count
        if counts[-1]:
            coverage.rules["text in " + layouts[0].envelopes[0].name] += counts[-1]


def _parsed(
    blocks: Iterable[Block], layouts: Sequence[Layout], newest: datetime, file: str, counts: list[int]
) -> Iterator[_Line]:
    """Each line with its record by the first layout that it fits, which is counted."""
    if any(layout.envelopes for layout in layouts):
        yield from _unwrapped(blocks, layouts, newest, file, counts)
        return
    every = [parsers.parser(layout, newest) for layout in layouts]
    parse, last = every[0], len(every) - 1
    for number, text, raw in blocks:
        found, place = parse(text), 0
        while found is None and place < last:
            place += 1
            found = every[place](text)
        if found is None:
            yield number, text, None, None
        elif found is not HEAD:
            counts[place] += 1
            time, epoch, level, component, host, pid, message, fields = found
            yield (
                number,
                text,
                Record(file, number, time, epoch, level, component, host, pid, message, raw, (), True, text, fields),
                None,
            )


def _unwrapped(
    blocks: Iterable[Block], layouts: Sequence[Layout], newest: datetime, file: str, counts: list[int]
) -> Iterator[_Line]:
    """The same for lines that are wrapped in something; what the envelope says is added."""
    places = range(len(layouts))
    chains = [
        (
            [envelope.opener(wrapped, newest) for wrapped in envelopes if isinstance(wrapped, envelope.Envelope)],
            [(place, parsers.parser(layouts[place], newest)) for place in members],
        )
        for envelopes, members in groupby(places, key=lambda place: layouts[place].envelopes)
    ]
    for number, text, raw in blocks:
        loose: Record | None = None
        inner = text
        for openers, candidates in chains:
            outers = _opened(text, openers)
            if outers is None:
                continue
            inner = outers[-1].inner if outers else text
            place, found = _first_fit(inner, candidates)
            if found is HEAD:
                break
            if found is not None:
                counts[place] += 1
                time, epoch, level, component, host, pid, message, fields = found
                record = Record(
                    file, number, time, epoch, level, component, host, pid, message, raw, (), True, inner, fields
                )
                yield number, inner, _with_outers(record, outers, dated=_is_dated(layouts[place])), None
                break
            if outers and loose is None:
                loose = _with_outers(Record(file, number, *_NOTHING, inner, raw, (), True, inner), outers)
        else:
            if loose is not None:
                inner = loose.text
            yield number, inner, None, loose


_NOTHING = (None, None, None, None, None, None)


def _opened(text: str, openers: Sequence[envelope.Opener]) -> list[envelope.Outer] | None:
    outers: list[envelope.Outer] = []
    for opener in openers:
        outer = opener(outers[-1].inner if outers else text)
        if outer is None:
            return None
        outers.append(outer)
    return outers


def _first_fit(text: str, candidates: Sequence[tuple[int, Parser]]) -> tuple[int, Found | None]:
    for place, parse in candidates:
        found = parse(text)
        if found is not None:
            return place, found
    return 0, None


def _is_dated(layout: Layout) -> bool:
    """Whether times of the layout are whole, so that nothing of them is the file's."""
    return layout.style is None or (layout.style.has_date and layout.style.has_year)


def _with_outers(record: Record, outers: Sequence[envelope.Outer], *, dated: bool = True) -> Record:
    """The record with what its envelopes say; what they say differently is kept as a field.

    A time inside wins if it is whole (`dated`), as the program's own; a program named outside wins over a logger
    inside.
    """
    file, line, time, epoch, level, component, host, pid, message, raw, more, parsed, text, inner = record
    fields = dict(inner)
    for outer in reversed(outers):
        fields.update((f"outer_{name}" if name in fields else name, value) for name, value in outer.fields.items())
        if outer.time is not None:
            if time is None or not dated:
                if time is not None:
                    fields["inner_time"] = time
                time, epoch, dated = outer.time, outer.epoch, True
            else:
                fields["outer_time"] = outer.time
        if outer.host is not None:
            if host is not None and host != outer.host:
                fields["inner_host"] = host
            host = outer.host if host is None else host
            fields["outer_host"] = outer.host
        if outer.component is not None:
            if component is not None and component != outer.component:
                fields["logger"] = component
            component = outer.component
            if outer.pid is not None:
                if pid is not None and pid != outer.pid:
                    fields["inner_pid"] = pid
                pid = outer.pid
        pid = pid or outer.pid
        level = level or outer.level
    return Record(file, line, time, epoch, level, component, host, pid, message, raw, more, parsed, text, fields)


def _timed(lines: Iterable[_Line], file: str, coverage: Coverage, levelled: bool) -> Iterator[Record]:
    """Records of a log with times: a line that fits no layout belongs to the record before it."""
    held: Record | None = None
    more: list[str] = []
    for number, text, record, loose in lines:
        if record is None:
            if held is not None and _belongs(text, held, loose, more):
                more.append(text)
                continue
            record = _counted(loose, coverage) or _unread(file, number, text, coverage)
        if held is not None:
            yield _whole(held, more, coverage) if more else held
            more = []
        held = record
    if held is not None:
        yield _whole(held, more, coverage) if more else held


def _belongs(text: str, held: Record, loose: Record | None, more: Sequence[str]) -> bool:
    """Whether a line that fits no layout is a further line of the record before it."""
    if loose is None or loose.component is None:
        return held.parsed or _continues(text)
    # A program under syslog: each line is a message of its own, but for those of a stack trace.
    return (
        loose.component == held.component
        and loose.pid == held.pid
        and (_continues(text) or _raises(text) or bool(more))
    )


def _whole(held: Record, more: list[str], coverage: Coverage) -> Record:
    """A record with its further lines; one of them that looks so speaks for all, as in a stack trace."""
    coverage.note_further(more, alike=any(line and (_continues(line) or _raises(line)) for line in more))
    return held._replace(more=tuple(more))


def _untimed(lines: Iterable[_Line], file: str, coverage: Coverage, levelled: bool) -> Iterator[Record]:
    """Records of a log without times: only a line that looks so belongs to the record before it.

    Where lines have levels, one without belongs to the stack trace before it.
    """
    held: Record | None = None
    more: list[str] = []
    for number, text, record, loose in lines:
        if held is not None and (_continues(text) or (levelled and record is None and (more or _raises(text)))):
            more.append(text)
            coverage.note_further((text,), alike=True, counted=record is not None)
            continue
        if held is not None:
            yield held._replace(more=tuple(more)) if more else held
            more = []
        held = record or _counted(loose, coverage) or _unread(file, number, text, coverage)
    if held is not None:
        yield held._replace(more=tuple(more)) if more else held


def _continues(line: str) -> bool:
    return not line or _CONTINUES.match(line) is not None


def _raises(line: str) -> bool:
    return _RAISED.match(line) is not None


def _counted(loose: Record | None, coverage: Coverage) -> Record | None:
    if loose is not None:
        coverage.rules["text in an envelope"] += 1
    return loose


def _unread(file: str, number: int, line: str, coverage: Coverage) -> Record:
    if line.strip():
        coverage.note_unread(f"{file}:{number}")
    return Record(file, number, *_NOTHING, line, line, (), False, line)
