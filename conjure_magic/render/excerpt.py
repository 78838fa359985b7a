"""Which part of a long output is shown first: its head and tail, or its tail alone if the command failed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conjure_magic.phrases import counted, shortened
from conjure_magic.render import style
from conjure_magic.render.text import escape

TAIL_ROWS = 12
"""Rows shown of the end of a failed command's output."""
HEAD_ROWS = 7
"""Rows shown of the start of a long output, and as many of its end."""
ROW = 110
"""Characters of a row: a longer line takes up several."""


_DROPPED = re.compile(r"^\[… ([\d,]{1,24} bytes) left out …\]$", re.MULTILINE)
"""The line for what a command printed beyond the limit of its output."""
_NOTE = re.compile(r"\[[^\n]*\]")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text in three parts: only the middle one is folded, with its length told."""

    head: str
    middle: str
    tail: str
    failed: bool
    """True if the text ends with an error."""

    @property
    def left_out(self) -> str:
        """The length of the middle: "38 earlier lines", "61 lines between", "4,000 characters between"."""
        in_lines = (not self.head or self.head.endswith("\n")) and self.tail.startswith("\n")
        number = self.middle.strip("\n").count("\n") + 1 if in_lines else len(self.middle)
        noun = "line" if in_lines else "character"
        words = f"{counted(number, noun)} between" if self.head else counted(number, f"earlier {noun}")
        dropped = _DROPPED.search(self.middle)
        return f"{words}, and {dropped[1]} that were left out" if dropped else words


def excerpt(text: str, failed: bool) -> Excerpt:
    """Divide an output; a short one is all tail.

    Args:
        text: the output.
        failed: whether its end explains an error: then nothing is shown of its start.
    """
    text = text.strip("\n")
    head_rows, tail_rows = (0, TAIL_ROWS) if failed else (HEAD_ROWS, HEAD_ROWS)
    if _rows(text, head_rows + tail_rows + 2) <= head_rows + tail_rows + 1:
        return Excerpt("", "", text, failed)
    first, last = _after_rows(text, head_rows), _before_rows(text, tail_rows)
    return Excerpt(text[:first], text[first:last], text[last:], failed)


def _rows(text: str, enough: int) -> int:
    """The number of rows of a text, counted up to `enough` lines."""
    return sum(1 + max(len(line) - 1, 0) // ROW for line in text.split("\n", enough))


def _after_rows(text: str, rows: int) -> int:
    """The index after the first rows: the start of a line, or within a long one."""
    at = 0
    while rows > 0:
        end = text.find("\n", at, at + rows * ROW)
        if end < 0:
            return at if at else rows * ROW
        rows -= 1 + max(end - at - 1, 0) // ROW
        at = end + 1
    return at


def _before_rows(text: str, rows: int) -> int:
    """The index before the last rows: the line break before a line, or within a long one."""
    at = len(text)
    while rows > 0:
        start = text.rfind("\n", max(0, at - rows * ROW), at)
        if start < 0:
            return at if at < len(text) else len(text) - rows * ROW
        rows -= 1 + max(at - start - 2, 0) // ROW
        at = start
    return at


def render_excerpt(part: Excerpt, limit: int) -> str:
    """An excerpt as HTML boxes; the middle unfolds, up to `limit` characters of it."""
    boxes = [style.box(part.head.rstrip("\n"))] if part.head else []
    if part.middle:
        folded = style.box(shortened(part.middle.strip("\n"), limit))
        summary = f'<summary style="{style.SMALL};cursor:pointer">… {escape(part.left_out)}</summary>'
        boxes.append(f"<details>{summary}\n{folded}</details>")
    tail = part.tail.strip("\n")
    boxes.append(style.box(tail, strong=_last_words(tail)) if part.failed else style.box(tail))
    return "\n".join(boxes)


def _last_words(text: str) -> tuple[int, int]:
    """Where the last line of an output begins and ends; notes in brackets below it are not part of the output."""
    end = len(text)
    while True:
        start = text.rfind("\n", 0, end) + 1
        if start == 0 or not _NOTE.fullmatch(text, start, end):
            return start, end
        end = start - 1


def excerpt_text(text: str, failed: bool, limit: int) -> str:
    """At most `limit` characters of an output as plain text: of a failed command, its end."""
    if len(text) <= limit or not failed:
        return shortened(text, limit)
    start = text.find("\n", len(text) - limit, len(text) - limit // 2) + 1 or len(text) - limit
    return f"… {counted(start, 'earlier character')}\n{text[start:]}"
