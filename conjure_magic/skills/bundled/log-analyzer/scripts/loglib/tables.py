"""Logs whose columns are named in a head: `#Fields:` lines, and the first line of a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from loglib.layout import Layout
from loglib.roles import ROLES
from loglib.timetext import read_time

_FIELDS = re.compile(r"#(?:Fields:\s*|fields[\t ])(.*)", re.IGNORECASE)
_NAME = re.compile(r"@?[^\W\d][\w .:/()@%-]{0,60}\Z")
_HAS_DIGITS = re.compile(r"\d\d|:")
_CELL = re.compile(r'"(?:[^"]|"")*"|\S+')
DELIMITERS = (",", "\t", ";", "|")
_KNOWN = frozenset(name for role in ("time", "level", "message", "status") for name in ROLES[role])


def detect(lines: Sequence[str]) -> Layout | None:
    """The layout of a log with a head, None where it has none."""
    for line in lines[:50]:
        head = _FIELDS.match(line)
        if head:
            return Layout("table", level_rule="field", columns=tuple(_split_fields(head[1])), delimiter="#")
        if not line.startswith("#"):
            break
    for names, mark, known in _heads(lines[0]) if lines else ():
        rows = [row for line in lines[1:200] if (row := cells(line, mark))]
        fitting = [row for row in rows if len(row) == len(names)]
        if len(fitting) >= 0.8 * len(rows) and (known or _is_unlike(names, fitting)):
            return Layout("table", level_rule="field", columns=names, delimiter=mark)
    return None


def _is_unlike(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column holds times where the first line has a word: names in any language, no record of its own."""
    newest = datetime(2000, 1, 1)
    if not rows or any(map(_HAS_DIGITS.search, names)):
        return False
    columns = ([row[place] for row in rows[:50]] for place in range(len(names)))
    return any(all(_is_time(cell, newest) for cell in column) for column in columns)


def _is_time(cell: str, newest: datetime) -> bool:
    return (":" in cell or cell.isdecimal()) and read_time(cell, newest) is not None


def head_of(line: str) -> tuple[tuple[str, ...], str]:
    """The names in the head of a CSV file and its delimiter; none where a line is no such head."""
    return next(((names, mark) for names, mark, known in _heads(line) if known), ((), ""))


def _heads(line: str) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """The ways to read a line as a head: its names, the delimiter, and whether two of the names are known ones."""
    for mark in DELIMITERS:
        names = tuple(name.strip().strip('"') for name in line.strip().split(mark))
        if len(names) < 2 or not all(map(_NAME.match, names)) or len(set(names)) < len(names):
            continue
        known = sum(1 for name in names if name.lower() in _KNOWN) > 1
        if known or len(names) > 2:
            yield names, mark, known


def reader(layout: Layout) -> Callable[[str], dict[str, object] | None]:
    """A function from a line to its named cells: {} for a line of the head, None where a line does not fit."""
    return _field_lines(layout) if layout.delimiter == "#" else _rows(layout)


def _field_lines(layout: Layout) -> Callable[[str], dict[str, object] | None]:
    names = list(layout.columns)

    def read(line: str) -> dict[str, object] | None:
        if line.startswith("#"):
            head = _FIELDS.match(line)
            if head:
                names[:] = _split_fields(head[1])
            return {}
        row = line.split("\t") if "\t" in line else _CELL.findall(line)
        if len(row) != len(names):
            return None
        return {
            name: cell.strip('"') for name, cell in zip(names, row, strict=True) if cell not in ("-", "(empty)", "")
        }

    return read


def _split_fields(text: str) -> list[str]:
    return text.strip().split("\t") if "\t" in text.strip() else text.split()


def _rows(layout: Layout) -> Callable[[str], dict[str, object] | None]:
    names, mark = layout.columns, layout.delimiter

    def read(line: str) -> dict[str, object] | None:
        row = cells(line, mark)
        if len(row) != len(names):
            return None
        if row[0].strip() == names[0] and tuple(cell.strip() for cell in row) == names:
            return {}
        return dict(zip(names, row, strict=True))

    return read


def cells(line: str, mark: str) -> list[str]:
    """The cells of one line of a CSV file."""
    if '"' not in line:
        return line.split(mark)
    try:
        return next(csv.reader(line.splitlines(keepends=True), delimiter=mark), [])
    except csv.Error:
        return line.split(mark)
