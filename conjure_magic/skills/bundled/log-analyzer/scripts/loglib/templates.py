"""Message templates in batch: mask word by word, group equal strings, then merge groups that differ in a value."""

from __future__ import annotations

from collections.abc import Sequence

from loglib.masks import VALUE, WordMemo
from loglib.merge import merge
from loglib.structured import request_template


class TemplateMiner:
    """Gives each message a group number as it comes; `finish` turns the groups into templates.

    The result depends on the set of messages only, not on their order, as long as there are fewer than
    `limit` distinct masked messages; beyond, a message is cut to its first words before it is grouped.
    """

    limit = 150_000
    exact_limit = 3_000

    def __init__(self) -> None:
        self._words = WordMemo()
        self._groups: dict[str, int] = {}
        self._counts: list[int] = []
        self._exact: set[str] = set()

    def add(self, message: str) -> int:
        """The group number of a message."""
        words = self._words
        masked = " ".join([words[word] for word in message.split()])
        group = self._groups.get(masked)
        if group is None:
            group = self._new_group(masked)
        self._counts[group] += 1
        return group

    def add_request(self, message: str) -> int:
        """The group number of a web access record's message: requests group by method, path and status."""
        text = request_template(message)
        return self.add(message) if text is None else self.add_exact(text)

    def add_exact(self, text: str) -> int:
        """The group number of a text that is a template already; beyond `exact_limit` it loses its middle."""
        group = self._groups.get(text)
        if group is None:
            if len(self._exact) >= self.exact_limit:
                first, _, last = text.partition(" ")
                text = f"{first} {VALUE} {last.rpartition(' ')[2]}"
                group = self._groups.get(text)
            if group is None:
                group = self._new_group(text)
                self._exact.add(text)
        self._counts[group] += 1
        return group

    def _new_group(self, masked: str) -> int:
        if len(self._groups) >= self.limit:
            masked = " ".join(masked.split(" ", 3)[:3]) + " <*>"
            known = self._groups.get(masked)
            if known is not None:
                return known
        self._groups[masked] = len(self._counts)
        self._counts.append(0)
        return len(self._counts) - 1

    def finish(self) -> Templates:
        """The templates of all messages so far."""
        texts = list(self._groups)
        merged = texts if self._exact else merge(texts, self._counts)
        return Templates(merged, self._counts)


class Templates:
    """The templates of a log, numbered by falling count (equal counts: by text).

    Attributes:
        texts: template number -> its text, values as `<*>`.
        counts: template number -> lines.
        of_group: group number (from `TemplateMiner.add`) -> template number.
    """

    def __init__(self, merged: Sequence[str], counts: Sequence[int]) -> None:
        totals: dict[str, int] = {}
        for text, count in zip(merged, counts, strict=True):
            totals[text] = totals.get(text, 0) + count
        self.texts = sorted(totals, key=lambda text: (-totals[text], text))
        self.counts = [totals[text] for text in self.texts]
        number = {text: place for place, text in enumerate(self.texts)}
        self.of_group = [number[text] for text in merged]
