"""Records with their templates, written as JSON lines or CSV.

Templates need the whole log. So a record is written at once to a spool, all but its template, and the
spool is copied out when the templates are known: the log is read and parsed only once.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from json.encoder import encode_basestring
from typing import Protocol, TextIO

from loglib import levels
from loglib.records import Record
from loglib.templates import TemplateMiner

HEAD = (
    "file", "line", "timestamp", "level", "level_written", "component", "host", "pid", "message", "parsed",
    "template_id", "template",
)  # fmt: skip
_IN_MEMORY = 16_000_000
_BREAK = "\x1d"  # stands for a line break inside a spooled record


class RowFormat(Protocol):
    """How records are written."""

    def head(self) -> str:
        """What stands before the first record."""

    def record(self, record: Record) -> str:
        """A record without its template and without a line break."""

    def template(self, number: int, text: str) -> str:
        """The rest of a record, its line break included."""


def write_records(
    records: Iterable[Record], rows: RowFormat, stream: TextIO, limit: int | None, *, web: bool = False
) -> None:
    """Write at most `limit` records with their templates, which are learnt from all of them (`web`: as requests)."""
    miner = TemplateMiner()
    groups = array("I")
    add, note, as_text = miner.add_request if web else miner.add, groups.append, rows.record
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="utf-8", newline="\n") as spool:
        write = spool.write
        for place, record in enumerate(records):
            note(add(record.message))
            if limit is None or place < limit:
                write(as_text(record) + "\n")
        templates = miner.finish()
        ends = [rows.template(number + 1, templates.texts[number]) for number in templates.of_group]
        stream.write(rows.head())
        spool.seek(0)
        out = stream.write
        for line, group in zip(islice(spool, limit), groups, strict=False):
            out(line[:-1].replace(_BREAK, "\n") + ends[group])


class JsonLines:
    """One JSON object a line; a missing value is null, further lines of a record are joined to its message."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = names  # fields that each record tells, too
        self._quoted: dict[str | None, str] = {None: "null"}
        self._level: dict[str | None, str] = {None: 'null, "level_written": null'}

    def head(self) -> str:
        """Nothing: every line stands alone."""
        return ""

    def record(self, record: Record) -> str:
        """The object's beginning."""
        file, line, time, _, level, component, host, pid, message, _, more, parsed = record[:12]
        quoted = self._quoted
        if len(quoted) > 50_000:
            quoted.clear()
        for name in (file, component, host, pid):
            if name not in quoted:
                quoted[name] = "null" if name is None else encode_basestring(name)
        if level not in self._level:
            self._level[level] = _level_json(level or "")
        if more:
            message = "\n".join((message, *more))
        when = f'"{time}"' if time else "null"
        fits = "true" if parsed else "false"
        told = "".join(f', "{name}": {_json(record.fields.get(name))}' for name in self._names)
        return (
            f'{{"file": {quoted[file]}, "line": {line}, "timestamp": {when}, "level": {self._level[level]}, '
            f'"component": {quoted[component]}, "host": {quoted[host]}, "pid": {quoted[pid]}, '
            f'"message": {encode_basestring(message)}, "parsed": {fits}{told}'
        )

    def template(self, number: int, text: str) -> str:
        """The object's end."""
        return f', "template_id": {number}, "template": {encode_basestring(text)}}}\n'


def _json(value: object) -> str:
    return "null" if value is None else encode_basestring(str(value))


def _level_json(written: str) -> str:
    name = levels.canonical(written)
    return f'{encode_basestring(name) if name else "null"}, "level_written": {encode_basestring(written)}'


class CsvRows:
    """A head row, then one row a record; a missing value is empty."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = names

    def head(self) -> str:
        """The names of the columns."""
        return ",".join((*HEAD[:-2], *self._names, *HEAD[-2:])) + "\n"

    def record(self, record: Record) -> str:
        """The row without its last two cells."""
        file, line, time, _, level, component, host, pid, message, _, more, parsed = record[:12]
        text = "\n".join((message, *more)) if more else message
        name = levels.canonical(level) if level else None
        cells: tuple[str | None, ...] = (
            file,
            str(line),
            time,
            name,
            level,
            component,
            host,
            pid,
            text,
            "true" if parsed else "false",
        )
        cells += tuple(None if (value := record.fields.get(name)) is None else str(value) for name in self._names)
        return ",".join([_cell(cell) for cell in cells]).replace("\n", _BREAK)

    def template(self, number: int, text: str) -> str:
        """The row's last two cells."""
        return f",{number},{_cell(text)}\n"


def _cell(text: str | None) -> str:
    if not text:
        return ""
    if '"' in text or "," in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
