"""Where a text that is still being written can be divided: between blocks of Markdown, so that each part reads well."""

from __future__ import annotations

import re
from itertools import pairwise

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s")
_DELIMITER = re.compile(r"[ \t]{0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*+\|?[ \t]*")
"""The row below the header of a table."""
HEAD_LIMIT = 2_000
"""Characters of a table's header that are repeated."""


def open_fence(text: str, opener: str = "") -> str:
    """The opening fence of the code block in which the text ends; empty if it ends outside of one.

    Args:
        text: Markdown.
        opener: the opening fence of the block in which the text begins, if any.
    """
    for line in text.split("\n"):
        opener = _fence_after(line, opener)
    return opener


def _fence_after(line: str, opener: str) -> str:
    """The open fence after this line, if `opener` is the one before it."""
    found = _FENCE.match(line)
    if found is None:
        return opener
    run, rest = found.groups()
    if not opener:
        return "" if run[0] == "`" and "`" in rest else run
    return "" if run.startswith(opener) and not rest.strip() else opener


def block_cut(text: str, after: int, opener: str = "") -> int:
    """The last position from `after` on where a block begins; `after` itself if there is none.

    A block is a paragraph, a table or an item of a list; code, which continues in a block of its own, is divided
    between lines.

    Args:
        text: Markdown, of which more may follow.
        after: the start of a block.
        opener: the opening fence of the code block that continues there, if any.
    """
    best = at = after
    was_blank, in_list = True, False
    for line in text[after:].split("\n"):
        closes = bool(opener) and not _fence_after(line, opener)
        begins_item = in_list and _LIST_ITEM.match(line) is not None
        if line and not closes and (opener or ((was_blank or begins_item) and not line[0].isspace())):
            best = at
        if not opener and was_blank and line and not line[0].isspace():
            in_list = _LIST_ITEM.match(line) is not None
        opener = _fence_after(line, opener)
        was_blank = not line.strip()
        at += len(line) + 1
    return best


def last_part(text: str, begin: int, opener: str, limit: int) -> tuple[int, str]:
    """Where about the last `limit` characters begin, and what stands before them: a fence or the header of a table.

    Args:
        text: Markdown, of which more may follow.
        begin: the earliest start.
        opener: the opening fence of the code block that continues at `begin`, if any.
        limit: characters, more or less.
    """
    if len(text) - begin <= limit:
        return begin, f"{opener}\n" if opener else ""
    earliest = len(text) - limit
    start = block_cut(text[: earliest + limit // 2], begin, opener)
    if start < earliest:  # a long block
        start = text.find("\n", earliest, earliest + limit // 2) + 1 or text.find(" ", earliest) + 1 or earliest
    fence = open_fence(text[begin:start], opener)
    return start, f"{fence}\n" if fence else _table_head(text, start)


def _table_head(text: str, at: int) -> str:
    """The header of the table in which a position is; empty if it is in none."""
    block = text[text.rfind("\n\n", 0, at) + 1 : at].strip("\n").split("\n")
    for above, line in pairwise(block):
        if "|" in above and _DELIMITER.fullmatch(line) and len(above) + len(line) < HEAD_LIMIT:
            return f"{above}\n{line}\n"
    return ""


def without_unfinished_table(text: str) -> str:
    """The text without the header of a table at its end whose next line is not complete: it would be shown as text."""
    start = text.rfind("\n\n") + 2 if "\n\n" in text else 0
    lines = text[start:].split("\n", 2)
    is_head = lines[0].lstrip().startswith("|") and len(lines) < 3
    return text[:start] if is_head and not open_fence(text[:start]) else text
