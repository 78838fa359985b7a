"""Logs whose columns are named in a head: `#Fields:` lines, and the first line of a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence

from loglib.keyed import ROLES
from loglib.layout import Layout

_FIELDS = re.compile(r"#(?:Fields:\s*|fields[\t ])(.*)", re.IGNORECASE)
_NAME = re.compile(r"@?[^\W\d][\w .:/()@%-]{0,60}\Z")
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
    names, mark = head_of(lines[0]) if lines else ((), "")
    rows = [row for line in lines[1:200] if (row := cells(line, mark))] if names else []
    if names and sum(1 for row in rows if len(row) == len(names)) >= 0.8 * len(rows):
        return Layout("table", level_rule="field", columns=names, delimiter=mark)
    return None


def head_of(line: str) -> tuple[tuple[str, ...], str]:
    """The names in the head of a CSV file and its delimiter; none where a line is no such head."""
    for mark in DELIMITERS:
        names = tuple(name.strip().strip('"') for name in line.strip().split(mark))
        if len(names) < 3 or not all(map(_NAME.match, names)) or len(set(names)) < len(names):
            continue
        if sum(1 for name in names if name.lower() in _KNOWN) > 1:
            return names, mark
    return (), ""


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
