"""Rendering of a running turn: its newest items, its status line, and the state of a turn that never ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from conjure_magic.characters import clean, exact
from conjure_magic.events import Called, Item, Said, Thought, TurnResult
from conjure_magic.phrases import duration
from conjure_magic.render import style
from conjure_magic.render.items import formatted_items, render_item, render_item_markdown, render_item_text
from conjure_magic.render.limits import CallLimits
from conjure_magic.render.live_text import last_part, without_unfinished_table
from conjure_magic.render.markdown import render_markdown
from conjure_magic.render.text import escape, one_line
from conjure_magic.render.tool_calls import render_call_live

NEWEST = 3_500
"""Characters shown of the newest text."""
NEWEST_ITEMS = 12
"""Maximum number of items shown."""
LIVE = CallLimits(600, 1_500)
"""Limits of a call while its turn runs."""
FRAMES = "◐◓◑◒"


def render_newest(items: Sequence[Item], said: int = 0, opener: str = "") -> str:
    """The newest items as HTML, at most `NEWEST` characters of text.

    Args:
        items: items that the main output does not show yet.
        said: characters of the first item's text that the main output shows.
        opener: the opening fence of the code block in which these characters end, if any.
    """
    shown: list[str] = []
    left = NEWEST
    for index in range(len(items) - 1, max(-1, len(items) - 1 - NEWEST_ITEMS), -1):
        item = items[index]
        if isinstance(item, Called):
            shown.append(render_call_live(item, LIVE))
            left -= 200
        elif isinstance(item, Said | Thought):
            begin, fence = (said, opener) if index == 0 else (0, "")
            shown.append(_newest_text(item, begin, fence, max(left, 200)))
            left -= len(item.text) - begin
        else:
            shown.append(render_item(item, LIVE))
        if left <= 0:
            break
    return "\n".join(reversed(shown))


def _newest_text(item: Said | Thought, begin: int, opener: str, limit: int) -> str:
    """The end of a text, as HTML."""
    start, head = last_part(item.text, begin, opener, limit)
    more = f'<div style="{style.SMALL}">…</div>' if start > begin else ""
    text = item.text[start:] if head else without_unfinished_table(item.text[start:])
    html = render_markdown(head + text) if text.strip() else ""
    if isinstance(item, Thought):
        return f'<div style="border-left:{style.RAIL};padding-left:10px;{style.SMALL}">{more}{html}</div>'
    return f'{more}<div dir="auto">{html}</div>'


def render_status(items: Sequence[Item], elapsed: float, now: datetime) -> str:
    """The status line: activity, duration, and the current time, since it may be saved after its kernel is gone."""
    line = f"{FRAMES[int(elapsed) % len(FRAMES)]} {int(elapsed)} s · {escape(_doing(items))}"
    as_of = f'as of <span title="{now:%Y-%m-%d}">{now:%H:%M:%S}</span>'
    return f'<div style="margin-top:8px;{style.SMALL}">{line} · {as_of}</div>'


def render_status_text(now: datetime) -> str:
    """The status as plain text, for front ends without HTML."""
    return f"(running, as of {now:%Y-%m-%d %H:%M:%S})"


def _doing(items: Sequence[Item]) -> str:
    match items[-1] if items else None:
        case Said():
            return "writing"
        case Thought():
            return "thinking"
        case Called(result=None, asked=asked, call=call):
            return "waiting for your answer" if asked else f"running {one_line(call.name, 60)}"
    return "waiting for the model"


def render_unfinished(items: Sequence[Item], elapsed: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The main output and the footer of a turn whose end was never reported."""
    shown = formatted_items(items)
    main = {
        "text/html": style.page("\n".join(filter(None, (render_item(item, LIVE, apply) for item, apply in shown)))),
        "text/markdown": "\n\n".join(filter(None, (render_item_markdown(item, LIVE, apply) for item, apply in shown))),
        "text/plain": "\n".join(filter(None, (render_item_text(item, LIVE) for item in items))),
    }
    label, rest = "■ Stopped", f"after {duration(elapsed)}, before the end of the turn."
    footer = {
        "text/html": style.page(f"<div>{style.span(f'<b>{label}</b>', style.WARN)} {escape(rest)}</div>"),
        "text/markdown": f"**{label}** {rest}",
        "text/plain": f"{label} {rest}",
    }
    return main, footer


def render_failure(result: TurnResult, problem: str) -> dict[str, Any]:
    """The output for a turn that could not be rendered: the answer as plain text, and the error."""
    text = f"{clean(result.text)}\n\n(this output could not be rendered: {exact(problem)})"
    return {"text/html": style.page(style.box(text)), "text/plain": text}
