"""The items of a turn as HTML, Markdown and plain text."""

from __future__ import annotations

from collections.abc import Iterable

from conjure_magic.characters import clean
from conjure_magic.events import Called, Item, Noted, Said, Thought
from conjure_magic.remedies import with_remedy
from conjure_magic.render import style
from conjure_magic.render.limits import CallLimits
from conjure_magic.render.markdown import effort, render_markdown
from conjure_magic.render.safe_markdown import escape_markdown, render_markdown_source
from conjure_magic.render.text import escape, one_line
from conjure_magic.render.tool_calls import render_call, render_call_markdown, render_call_text

NOTICE = {"info": ("ⓘ", ""), "warning": ("⚠ Warning:", style.WARN), "error": ("✗ Error:", style.ALERT)}
TURN_EFFORT = 1.5
"""How much of a turn's texts is formatted, in terms of `markdown.effort`; later ones are shown as they are."""


class Formatting:
    """Decides which items of a turn are formatted: many texts together must not take longer than one may."""

    def __init__(self) -> None:
        self._left = TURN_EFFORT

    def allows(self, item: Item) -> bool:
        """Whether an item would be formatted if it came next."""
        return not isinstance(item, Said | Thought) or effort(item.text) <= min(self._left, 1)

    def covers(self, item: Item) -> bool:
        """Whether the next item of the turn is formatted; what that takes counts."""
        allowed = self.allows(item)
        if allowed and isinstance(item, Said | Thought):
            self._left -= effort(item.text)
        return allowed


def formatted_items(items: Iterable[Item]) -> list[tuple[Item, bool]]:
    """All items of a turn, each with whether it is formatted."""
    formatting = Formatting()
    return [(item, formatting.covers(item)) for item in items]


def render_item(item: Item, limits: CallLimits, formatted: bool = True) -> str:
    """An item as HTML."""
    match item:
        case Said(text):
            return f'<div dir="auto">{render_markdown(text, formatted)}</div>' if text.strip() else ""
        case Thought(text):
            return _thought(text, formatted)
        case Called():
            return render_call(item, limits)
        case Noted(text, level, remedy):
            text = with_remedy(text, remedy, limits.words)
            mark, tint = NOTICE[level]
            return f'<div style="margin:8px 0;font-size:13px">{style.span(mark, tint)} {escape(clean(text))}</div>'


def _thought(text: str, formatted: bool) -> str:
    if not text.strip():
        return ""
    # The whole element is dimmed: thoughts are not the answer.
    summary = f"<summary>{style.span(f'thought: {escape(one_line(clean(text), 90))}', 'cursor:pointer')}</summary>"
    inside = f'<div dir="auto">{render_markdown(text, formatted)}</div>'
    rail = f"margin:6px 0;border-left:{style.RAIL};padding-left:10px;font-size:12px;{style.SOFT}"
    return f'<div style="{rail}"><details>{summary}\n{inside}</details></div>'


def render_item_markdown(item: Item, limits: CallLimits, formatted: bool = True) -> str:
    """An item as Markdown that is safe even where raw HTML is enabled."""
    match item:
        case Said(text):
            return render_markdown_source(text, formatted)
        case Thought(text):
            lines = render_markdown_source(text, formatted).split("\n")
            return "\n".join(f"> {line}".rstrip() for line in lines) if text.strip() else ""
        case Called():
            return render_call_markdown(item, limits)
        case Noted(text, level, remedy):
            text = with_remedy(text, remedy, limits.words)
            return f"{NOTICE[level][0]} {escape_markdown(clean(text))}"


def render_item_text(item: Item, limits: CallLimits) -> str:
    """An item as plain text, without control characters."""
    match item:
        case Said(text):
            return clean(text).strip("\n")
        case Thought(text):
            return "\n".join(f"  ~ {line}" for line in clean(text).strip().split("\n")) if text.strip() else ""
        case Called():
            return render_call_text(item, limits)
        case Noted(text, level, remedy):
            text = with_remedy(text, remedy, limits.words)
            return f"{NOTICE[level][0]} {clean(text)}"
