"""Records with their templates, written as JSON lines or CSV."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from json.encoder import encode_basestring
from typing import TextIO

from loglib import levels
from loglib.layout import Layout
from loglib.records import Record, read_records
from loglib.source import Source
from loglib.templates import TemplateMiner

HEAD = (
    "file", "line", "timestamp", "level", "level_written", "component", "host", "pid", "message",
    "template_id", "template", "parsed",
)  # fmt: skip
Keep = Callable[[Record], bool] | None
Row = tuple[Record, int, str]


def templated(
    sources: Sequence[Source],
    layouts: Sequence[Layout],
    keep: Keep,
    limit: int | None,
    tick: Callable[[int], None] | None,
) -> Iterator[Row]:
    """Records with template number (from 1, most frequent first) and text.

    Templates need the whole log, so it is read twice; in between stay four bytes a record.
    """
    miner = TemplateMiner()
    groups = array("L")
    for number, record in enumerate(_kept(sources, layouts, keep)):
        groups.append(miner.add(record.message))
        if tick is not None and not number & 0x3FFF:
            tick(number)
    templates = miner.finish()
    of_group, texts = templates.of_group, templates.texts
    rows = zip(_kept(sources, layouts, keep), groups, strict=False)
    for record, group in islice(rows, limit):
        number = of_group[group]
        yield record, number + 1, texts[number]


def _kept(sources: Sequence[Source], layouts: Sequence[Layout], keep: Keep) -> Iterator[Record]:
    records = read_records(sources, layouts)
    return records if keep is None else filter(keep, records)


def write_json_lines(rows: Iterator[Row], stream: TextIO) -> None:
    """One JSON object a line; a missing value is null, further lines of a record are joined to its message."""
    quoted: dict[str | None, str] = {None: "null"}
    canonical: dict[str | None, str] = {None: "null"}
    write = stream.write
    for record, number, template in rows:
        file, line, time, _, level, component, host, pid, message, _, more, parsed = record
        for name in (file, component, host, pid, template, level):
            if name not in quoted:
                if len(quoted) > 50_000:
                    quoted = {None: "null"}
                quoted[name] = encode_basestring(name or "")
        if level not in canonical:
            name = levels.canonical(level or "")
            canonical[level] = f'"{name}"' if name else "null"
        if more:
            message = "\n".join((message, *more))
        write(
            f'{{"file": {_get(quoted, file)}, "line": {line}, "timestamp": {chr(34) + time + chr(34) if time else "null"}, '
            f'"level": {canonical[level]}, "level_written": {_get(quoted, level)}, "component": {_get(quoted, component)}, '
            f'"host": {_get(quoted, host)}, "pid": {_get(quoted, pid)}, "message": {encode_basestring(message)}, '
            f'"template_id": {number}, "template": {_get(quoted, template)}, "parsed": {"true" if parsed else "false"}}}\n'
        )


def _get(quoted: dict[str | None, str], name: str | None) -> str:
    found = quoted.get(name)
    return encode_basestring(name or "") if found is None else found


def write_csv(rows: Iterator[Row], stream: TextIO) -> None:
    """A head row, then one row a record; a missing value is empty."""
    import csv

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    for record, number, template in rows:
        file, line, time, _, level, component, host, pid, message, _, more, parsed = record
        text = "\n".join((message, *more)) if more else message
        name = levels.canonical(level) if level else None
        writer.writerow(
            (file, line, time, name, level, component, host, pid, text, number, template, "true" if parsed else "false")
        )
