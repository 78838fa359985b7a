"""Quoting of foreign text in questions: complete, wrapped, each line after a mark that the text cannot imitate."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from conjure_magic.characters import exact, strict
from conjure_magic.phrases import counted
from conjure_magic.render.text import one_line

WIDTH = 72
"""Columns of quoted text per line, without its mark."""
FIRST, CONTINUED = "│ ", "┆ "
BLANK_LINES = 2
"""Consecutive blank lines that are shown; more are replaced by their number."""


def quoted(text: str) -> str:
    """The text, quoted for a question.

    Every line begins with `│`, every continued one with `┆`, so no quoted text reaches the left edge. Invisible
    characters are made visible; runs of blank lines become a line with their number, which has no mark.
    """
    pieces = [piece for line in strict(text).split("\n") for piece in _pieces(line)]
    lines: list[str] = []
    for blank, run in groupby(pieces, key=lambda piece: not piece[1].strip(" ␉")):
        group = list(run)
        if blank and len(group) > BLANK_LINES:
            lines.append(f"    ({counted(len(group), 'blank line')})")
        else:
            lines += [f"{mark}{piece}".rstrip(" ") if blank else mark + piece for mark, piece in group]
    return "\n".join(lines)


def beginning(text: str, limit: int = 50) -> str:
    """The number of lines of a quoted text, and its first one, for the line where the answer is typed."""
    lines = text.count("\n") + 1
    return f"{counted(lines, 'line')}, beginning “{one_line(strict(text.lstrip().partition(chr(10))[0]), limit)}”"


def named(text: str, limit: int = 200) -> str:
    """A foreign name for use within a sentence: one line, every character visible."""
    return one_line(exact(text).replace("\n", "␊"), limit)


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """The line in pieces of at most `WIDTH` columns, each with its mark; broken after a blank if possible."""
    mark, start = FIRST, 0
    while True:
        end = _fitting(line, start)
        if end < len(line):
            blank = line.rfind(" ", start + WIDTH // 2, end)
            end = blank + 1 if blank > 0 else end
        yield mark, line[start:end]
        mark, start = CONTINUED, end
        if start >= len(line):
            return


def _fitting(line: str, start: int) -> int:
    """The end of the longest piece from `start` that fits."""
    if line[start : start + WIDTH].isascii():
        return min(len(line), start + WIDTH)
    columns = 0
    for index in range(start, min(len(line), start + WIDTH)):
        columns += 2 if unicodedata.east_asian_width(line[index]) in "WF" else 1
        if columns > WIDTH:
            return index
    return min(len(line), start + WIDTH)
