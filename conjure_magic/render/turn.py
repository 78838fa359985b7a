"""A finished turn as MIME bundles: the turn itself, its footer, its images."""

from __future__ import annotations

from typing import Any

from conjure_magic.characters import clean
from conjure_magic.events import TurnResult
from conjure_magic.messages import Usage
from conjure_magic.phrases import counted, duration
from conjure_magic.remedies import RETRY, Remedy, Words, with_remedy
from conjure_magic.render import style
from conjure_magic.render.files import (
    Card,
    cards,
    picture_bundle,
    render_cards,
    render_cards_markdown,
    render_cards_text,
)
from conjure_magic.render.items import formatted_items, render_item, render_item_markdown, render_item_text
from conjure_magic.render.limits import DisplayLimits
from conjure_magic.render.safe_markdown import escape_inline, escape_markdown
from conjure_magic.render.text import escape, json_safe, one_line

VENDOR_TYPE = "application/vnd.conjure+json"
"""MIME type of a turn as data, from which a session can be restored."""

Bundle = dict[str, Any]


def render_turn(result: TurnResult, limits: DisplayLimits, *, whole: bool = True) -> Bundle:
    """The MIME bundle of a finished turn: HTML, Markdown, plain text and the vendor data.

    Args:
        result: the turn.
        limits: limits of what is shown and embedded.
        whole: whether to include the footer and images; otherwise they are separate outputs
            (`render_footer`, `render_pictures`).
    """
    found = cards(result.files, limits.file_bytes, limits.cell_bytes, apart=not whole)
    shown = limits.calls(len(result.tool_calls))
    items = formatted_items(result.items)
    html = [render_item(item, shown, formatted) for item, formatted in items] + [render_cards(found)]
    markdown = [render_item_markdown(item, shown, formatted) for item, formatted in items]
    markdown.append(render_cards_markdown(found))
    text = [render_item_text(item, shown) for item in result.items] + [render_cards_text(found)]
    words = limits.words
    if whole:
        html.append(_footer_html(result, words))
        markdown.append(_footer_markdown(result, words))
        text.append(_footer_text(result, words))
    return {
        "text/html": style.page("\n".join(filter(None, html))),
        "text/markdown": "\n\n".join(filter(None, markdown)),
        "text/plain": "\n".join(filter(None, text)),
        VENDOR_TYPE: json_safe(result.to_dict()),
    }


def render_pictures(result: TurnResult, limits: DisplayLimits) -> list[Bundle]:
    """The turn's raster images as separate outputs, which every exporter shows."""
    found: list[Card] = cards(result.files, limits.file_bytes, limits.cell_bytes, apart=True)
    return [picture_bundle(card) for card in found if card.apart]


_ENDED = {
    "interrupted": ("■ Stopped", "You interrupted this turn after {time}. The work so far is kept"),
    "stopped": ("■ Stopped", "This turn was stopped after {time}. The work so far is kept"),
    "closed": ("■ Stopped", "The session was closed after {time}. The work so far is kept"),
    "timeout": ("■ Timed out", "This turn reached its time limit after {time}. The work so far is kept"),
    "max_rounds": ("■ Round limit", "This turn reached its limit of {rounds}. The work so far is kept"),
    "max_cost": ("■ Cost limit", "This turn reached its cost limit. The work so far is kept"),
    "max_tokens": ("■ Cut off", "The answer reached the model's token limit"),
    "model_context_window_exceeded": ("■ Cut off", "The conversation no longer fits the model's context"),
    "refusal": ("■ Refused", "The model declined to answer"),
    "pause_turn": ("■ Paused", "The server paused before the answer was complete"),
    "unknown": ("■ Ended", "The server did not report why the answer ended"),
    "error": ("✗ Failed", "{error}"),
}
_NEXT = {
    "model_context_window_exceeded": "The next cell continues from a summary, unless you reset the conversation.",
    "closed": "Continue in a new session.",
}
_REFUSED = Remedy(
    "Later requests leave this turn out. To continue, rephrase the request or try another model: {0}.", RETRY
)


def ending(result: TurnResult, words: Words = str) -> tuple[str, str]:
    """Label and explanation of a turn that ended early, with a next step; empty strings for a complete one."""
    if result.is_complete:
        return "", ""
    label, sentence = _ENDED.get(result.stop_reason, ("■ Ended", ""))
    unknown = f"This turn ended with “{one_line(result.stop_reason, 60)}”"
    # Foreign text is never used as a format string.
    error = clean(with_remedy(result.error[:2_000], result.remedy, words)) if result.error else "No reason was given"
    said = (
        sentence.format(time=duration(result.seconds), rounds=counted(result.rounds, "model request"), error=error)
        or unknown
    )
    said += "" if said.rstrip().endswith((".", "!", "?")) else "."
    further = (
        _REFUSED.told(words)
        if result.stop_reason == "refusal"
        else _NEXT.get(result.stop_reason, "Continue in the next cell.")
    )
    return label, f"{said} {further}"


def facts(result: TurnResult) -> list[str]:
    """The parts of the footer: backends, model, duration, tokens, cost, session, turn."""
    model = "offline (not a language model)" if result.model == "offline" else one_line(result.model, 80)
    words = [", ".join(one_line(b, 40) for b in result.backends), model, duration(result.seconds)]
    tokens = token_words(result.usage)
    if tokens:
        words += [tokens, cost_words(result.cost)]
    words += [f"session {one_line(result.session, 60)}", f"turn {result.turn}"]
    return [word for word in words if word]


def token_words(usage: Usage) -> str:
    """Token counts: "6,214 in (5,020 cached), 412 out"; empty if the server did not report them."""
    words = []
    if usage.prompt_tokens is not None:
        cached = usage.cache_read_input_tokens
        words.append(f"{usage.prompt_tokens:,} in" + (f" ({cached:,} cached)" if cached else ""))
    if usage.output_tokens is not None:
        words.append(f"{usage.output_tokens:,} out")
    return ", ".join(words)


def cost_words(cost: float | None) -> str:
    """A cost: "$0.012"; "cost unknown" for None."""
    if cost is None:
        return "cost unknown"
    return f"${cost:.2f}" if cost >= 1 or cost == 0 else f"${cost:.3f}" if cost >= 0.001 else f"${cost:.5f}"


def render_footer(result: TurnResult, words: Words = str) -> Bundle:
    """The last line of a cell, and for a turn that ended early the reason and the next step."""
    return {
        "text/html": style.page(_footer_html(result, words)),
        "text/markdown": _footer_markdown(result, words),
        "text/plain": _footer_text(result, words),
    }


def _footer_html(result: TurnResult, words: Words) -> str:
    label, sentence = ending(result, words)
    html = ""
    if label:
        tint = style.ALERT if result.stop_reason == "error" else style.WARN
        html = f'<div style="margin:10px 0 0">{style.span(f"<b>{label}</b>", tint)} {escape(sentence)}</div>'
    line = escape(" · ".join(facts(result)))
    return f'{html}<div style="margin-top:10px;{style.SMALL}">{line}</div>'


def _footer_markdown(result: TurnResult, words: Words) -> str:
    label, sentence = ending(result, words)
    head = f"**{label}** {escape_inline(sentence)}\n\n" if label else ""
    return head + escape_markdown(" · ".join(facts(result)))


def _footer_text(result: TurnResult, words: Words) -> str:
    label, sentence = ending(result, words)
    return (f"{label}: {sentence}\n" if label else "") + " · ".join(facts(result))
