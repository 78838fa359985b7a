"""A line as a block: what is read, with the raw line beside it; limits for blocks of several lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loglib.clean import clean

# The number of the first line, the text to read, the raw text.
Block = tuple[int, str, str]
MAX_LINES = 5_000  # of one block; a longer one is read line by line
MAX_TEXT = 4_000_000


def plain(lines: Iterable[str]) -> Iterator[Block]:
    """Each line of a file as a block."""
    for number, line in enumerate(lines, start=1):
        # Most lines have nothing to take off: asked here, since this runs for every line.
        if "\x1b" in line or "[0m" in line or "[m" in line or "\0" in line or not line.isascii():
            yield number, clean(line), line
        else:
            yield number, line, line
