"""A request's text with the parts that are understood taken out one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

WORD = re.compile(r"[^\W\d_](?:[\w'’]|[-.:$](?=\w))*=?|\d[\w%.:-]*\w|\d|[_$]\w+")
"""A word, an identifier such as shop.cart or blk_1, a key such as user=, or a number."""
QUOTED = re.compile(
    r"\"([^\"\n]+)\"|`([^`\n]+)`|(?<![\w'])'([^'\n]+)'(?!\w)|“([^”\n]+)”|„([^“”\n]+)[“”]|«([^»\n]+)»|‘([^’\n]+)’(?!\w)"
)


@dataclass
class Unread:
    """What is still to be read: taken spans are blanked, so positions stay those of the whole text."""

    text: str
    whole: str = field(init=False)

    def __post_init__(self) -> None:
        self.whole = self.text

    def blank(self, start: int, end: int) -> None:
        """Mark a span as read."""
        self.text = self.text[:start] + " " * (end - start) + self.text[end:]

    def take(self, pattern: str) -> re.Match[str] | None:
        """The first match of a pattern in what is left, marked as read."""
        found = re.search(pattern, self.text, re.IGNORECASE)
        if found is not None:
            self.blank(*found.span())
        return found

    def take_all(self, pattern: str) -> list[re.Match[str]]:
        """All matches, marked as read."""
        found = list(re.finditer(pattern, self.text, re.IGNORECASE))
        for match in found:
            self.blank(*match.span())
        return found

    def has(self, pattern: str) -> re.Match[str] | None:
        """The first match in what is left; nothing is marked."""
        return re.search(pattern, self.text, re.IGNORECASE)

    def words(self) -> Iterator[re.Match[str]]:
        """The words that are left."""
        return WORD.finditer(self.text)
