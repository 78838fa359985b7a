"""Fitting a conversation into a model's context: whole rounds become a summary, and the turn goes on after it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.errors import ModelError
from conjure_magic.events import MessageFinished, MessageStarted
from conjure_magic.history import settle
from conjure_magic.messages import Message, TextBlock, Usage
from conjure_magic.models.base import Model, Request
from conjure_magic.phrases import shortened

BYTES_PER_TOKEN = 3
"""A low guess, so that the estimate is rather too high."""
MARGIN = 0.05
"""Part of the window that is left free, since the count is an estimate."""
SUMMARY = "[conjure: summary of the conversation so far]"
SUMMARY_TOKENS = 4_000
RULE_CHARACTERS = 6_000
"""Characters of a summary that is made by rule."""

INSTRUCTION = (
    "The conversation is about to exceed your context. Summarise all of it so that you can go on with nothing "
    "else: what was asked, what was found (figures, names, line numbers, paths as they are), which files were "
    "made where, what was tried and failed, and what is still to be done. Write the summary only."
)


def estimated_tokens(messages: Sequence[Message]) -> int:
    """How many tokens these messages may have, rather too many than too few."""
    return sum(len(message.encoded) for message in messages) // BYTES_PER_TOKEN


def is_nearly_full(tokens: int, window: int | None, answer: int) -> bool:
    """True if a prompt of so many tokens leaves no room for an answer of `answer` tokens; False without a limit."""
    return window is not None and tokens + answer > window * (1 - MARGIN)


def summary_request(request: Request, messages: Sequence[Message], window: int | None) -> Request:
    """The request that asks a model to summarise a conversation: no tools, everything as plain text.

    Args:
        request: the request that did not fit; its model and system text are kept.
        messages: the conversation without the prompt of the turn under way.
        window: the model's context in tokens; a longer conversation loses its middle.
    """
    room = (window or 100_000) * (1 - 2 * MARGIN) - SUMMARY_TOKENS - len(request.system) / BYTES_PER_TOKEN
    text = shortened(transcript(messages), max(int(room * BYTES_PER_TOKEN), 2_000))
    asked = Message.user(f"<conversation>\n{text}\n</conversation>\n\n{INSTRUCTION}")
    return Request(request.model, request.system, (), (asked,), SUMMARY_TOKENS)


def summary_by_rule(messages: Sequence[Message]) -> str:
    """A summary without a model: the beginning and the end of what was said and done."""
    return shortened(transcript(messages), RULE_CHARACTERS)


def summary_note(summary: str) -> TextBlock:
    """The summary as the block that stands in the place of the conversation, before the prompt."""
    return TextBlock(f"{SUMMARY}\n{summary}\n[end of the summary]")


def begins_with_summary(messages: Sequence[Message]) -> bool:
    """True if the beginning of this conversation was summarised."""
    first = messages[0].content[0] if messages and messages[0].content else None
    return isinstance(first, TextBlock) and first.text.startswith(SUMMARY)


class Account(Protocol):
    """What pays for a summary."""

    def can_afford_summary(self, tokens: int) -> bool:
        """True if there is money for reading so many tokens and a summary of them."""

    def expect(self, usage: Usage) -> None:
        """An answer has begun."""

    def bill(self, usage: Usage) -> None:
        """An answer is there."""


def summarise(
    model: Model, request: Request, messages: Sequence[Message], cancel: Cancel, account: Account
) -> tuple[str, bool]:
    """(the summary, whether the model made it): by rule where the model cannot make one, or it would cost too much.

    What the model used is billed to `account`. Raises CancelledError if the turn is stopped meanwhile.
    """
    asked = summary_request(request, messages, model.context_window)
    if not account.can_afford_summary(estimated_tokens(asked.messages)):
        return summary_by_rule(messages), False
    try:
        with contextlib.closing(model.stream(asked, cancel)) as events:
            for body in events:
                if isinstance(body, MessageStarted):
                    account.expect(body.usage)
                elif isinstance(body, MessageFinished):
                    account.bill(body.usage)
                    if body.message.text.strip() and body.stop_reason != "refusal":
                        return body.message.text, True
    except ModelError:
        cancel.raise_if_set()
    return summary_by_rule(messages), False


def transcript(messages: Sequence[Message]) -> str:
    """The conversation as plain text, calls and results included, thinking left out."""
    lines = []
    for message in settle(messages, frozenset()):
        text = "\n".join(block.text for block in message.content if isinstance(block, TextBlock))
        lines.append(f"{message.role}: {text}")
    return "\n\n".join(lines)
