"""The main output of a running turn: what is finished, redrawn only after it has grown by a fraction of its size."""

from __future__ import annotations

from collections.abc import Sequence

from conjure_magic.events import Called, Item, Said, Thought
from conjure_magic.render import style
from conjure_magic.render.items import Formatting, render_item
from conjure_magic.render.limits import CallLimits
from conjure_magic.render.live_text import block_cut, open_fence

GROWTH = 0.2
"""Fraction by which the main output must grow before it is redrawn, so that the bytes sent stay linear."""
LEAST = 300
"""Minimum number of new characters for a redraw of the main output."""


class Committed:
    """The content of the main output: finished items, and the finished blocks of the text that is being written."""

    def __init__(self, limits: CallLimits) -> None:
        self.items = 0
        self.said = 0
        self.opener = ""
        self._limits = limits
        self._formatting = Formatting()
        self._whole: list[str] = []
        self._begun = ""
        self._weight = 0

    @property
    def html(self) -> str:
        return style.page("\n".join(filter(None, [*self._whole, self._begun])))

    def advance(self, items: Sequence[Item]) -> bool:
        """Add what is finished if that is worth a redraw; True if so. Each item is rendered once."""
        ready = next((i for i in range(self.items, len(items)) if _runs(items[i])), len(items))
        is_open = ready == len(items) > 0 and isinstance(items[-1], Said | Thought)
        pending = sum(map(_weight, items[self.items : ready])) - self.said
        if pending < max(LEAST, self._weight * GROWTH):
            return False
        whole = ready - 1 if is_open else ready
        has_whole = whole > self.items
        if has_whole:
            finished = items[self.items : whole]
            self._whole += [render_item(item, self._limits, self._formatting.covers(item)) for item in finished]
            self.items, self.said, self.opener, self._begun = whole, 0, "", ""
        has_begun = is_open and self._begin(items[-1])
        self._weight += pending if has_whole or has_begun else 0
        return has_whole or has_begun

    def _begin(self, item: Item) -> bool:
        """Add the finished blocks of an unfinished text; True if there are any."""
        if not isinstance(item, Said):
            return False
        said = block_cut(item.text, self.said, self.opener)
        if said == self.said:
            return False
        self.opener = open_fence(item.text[self.said : said], self.opener)
        self.said = said
        begun = Said(item.text[:said])
        self._begun = render_item(begun, self._limits, self._formatting.allows(begun))
        return True


def _runs(item: Item) -> bool:
    return isinstance(item, Called) and item.result is None


def _weight(item: Item) -> int:
    """Approximate number of characters of the item's HTML."""
    if isinstance(item, Called):
        return 800 + min(len(item.result.text) if item.result else 0, 1_500)
    return len(item.text)
