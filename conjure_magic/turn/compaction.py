"""Compaction: fit a conversation into a model's context by replacing whole rounds with a summary."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.errors import ModelError
from conjure_magic.events import MessageFinished, MessageStarted
from conjure_magic.history import settle
from conjure_magic.messages import Message, TextBlock, Usage
from conjure_magic.models.base import CUT_SHORT, Model, Request
from conjure_magic.models.token_counts import BYTES_PER_TOKEN, estimated_tokens
from conjure_magic.phrases import shortened

MARGIN = 0.05
"""Fraction of the context window kept free, since the count is an estimate."""
SUMMARY = "[conjure: summary of the conversation so far]"
SUMMARY_TOKENS = 4_000
RULE_CHARACTERS = 6_000
"""Characters of a summary made without a model."""

INSTRUCTION = (
    "The conversation is about to exceed your context. Summarise all of it so that you can continue from the summary "
    "alone: what was asked, what was found (exact figures, names, line numbers and paths), which files were "
    "created and where, what was tried and failed, and what is still to be done. Write only the summary."
)


def is_nearly_full(tokens: int, window: int | None, answer: int) -> bool:
    """True if a prompt of `tokens` tokens leaves no room for an answer of `answer` tokens; False without a window."""
    return window is not None and tokens + answer > window * (1 - MARGIN)


def summary_request(
    request: Request, messages: Sequence[Message], window: int | None, tokens: int = SUMMARY_TOKENS
) -> Request:
    """The request that asks a model to summarise a conversation: no tools, everything as plain text.

    Args:
        request: the request that did not fit; its model and system text are kept.
        messages: the conversation without the prompt of the turn under way.
        window: the model's context in tokens; a longer conversation loses its middle.
        tokens: limit of the summary.
    """
    room = (window or 100_000) * (1 - 2 * MARGIN) - tokens - len(request.system) / BYTES_PER_TOKEN
    text = shortened(transcript(messages), max(int(room * BYTES_PER_TOKEN), 2_000))
    asked = Message.user(f"<conversation>\n{text}\n</conversation>\n\n{INSTRUCTION}")
    return Request(request.model, request.system, (), (asked,), tokens, server=request.server)


def summary_by_rule(messages: Sequence[Message]) -> str:
    """A summary made without a model: the beginning and the end of the transcript."""
    return shortened(transcript(messages), RULE_CHARACTERS)


def summary_note(summary: str) -> TextBlock:
    """The block that replaces the conversation, placed before the prompt."""
    return TextBlock(f"{SUMMARY}\n{summary}\n[end of the summary]")


def begins_with_summary(messages: Sequence[Message]) -> bool:
    """True if the conversation begins with a summary."""
    first = messages[0].content[0] if messages and messages[0].content else None
    return isinstance(first, TextBlock) and first.text.startswith(SUMMARY)


class Account(Protocol):
    """The budget that pays for a summary."""

    def can_afford_summary(self, tokens: int) -> bool:
        """True if there is money to read `tokens` tokens and write a summary."""

    def expect(self, usage: Usage) -> None:
        """Record the usage reported when an answer starts."""

    def bill(self, usage: Usage) -> None:
        """Add the usage of a complete answer."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary that replaces a conversation."""

    text: str
    rule: str = ""
    """Why it was made without the model, in words for the user; empty if the model wrote it."""


def summarise(model: Model, request: Request, messages: Sequence[Message], cancel: Cancel, account: Account) -> Summary:
    """Summarise a conversation: an extract, if the model cannot write a summary or it would cost too much.

    A summary that is cut off is requested again with twice the limit. Lines of the answers with figures, names or
    paths that it lacks are added below it. The model's usage is billed to `account`. Raises CancelledError if the
    turn is stopped meanwhile.
    """
    text, rule = _asked(model, request, messages, cancel, account)
    text = text or summary_by_rule(messages)
    return Summary(f"{text}{missing_facts(text, messages)}", rule)


def _asked(
    model: Model, request: Request, messages: Sequence[Message], cancel: Cancel, account: Account
) -> tuple[str, str]:
    """The model's summary, or the reason why there is none."""
    rule = "the model did not write a summary"
    for tokens in (SUMMARY_TOKENS, 2 * SUMMARY_TOKENS):
        asked = summary_request(request, messages, model.context_window, tokens)
        if not account.can_afford_summary(estimated_tokens(asked.messages)):
            return "", "a summary by the model would cost too much"
        finished: MessageFinished | None = None
        try:
            with contextlib.closing(model.stream(asked, cancel)) as events:
                for body in events:
                    if isinstance(body, MessageStarted):
                        account.expect(body.usage)
                    elif isinstance(body, MessageFinished):
                        finished = body
        except ModelError:
            cancel.raise_if_set()
            return "", rule
        if finished is None:
            return "", rule
        account.bill(finished.usage)
        if finished.stop_reason not in CUT_SHORT:
            return finished.message.text.strip(), "" if finished.message.text.strip() else rule
        if finished.stop_reason == "refusal":
            return "", rule
        rule = "the model's summary was cut off"
    return "", rule


FACTS = 4_000
"""Characters of the lines that are added below a summary."""
LINE = 400
"""Characters of each of these lines."""


def missing_facts(summary: str, messages: Sequence[Message]) -> str:
    """The newest lines of the model's answers with figures, names or paths that the summary lacks."""
    known = set(_facts(summary))
    lines = [line.strip() for message in messages if message.role == "assistant" for line in message.text.splitlines()]
    kept: list[str] = []
    left = FACTS
    for line in reversed(lines):
        if left <= 0:
            break
        lacking = [fact for fact in _facts(line) if fact not in known]
        if lacking:
            kept.append(line[:LINE])
            left -= len(kept[-1])
            known.update(lacking)
    if not kept:
        return ""
    return "\n\nFrom the answers, word for word:\n" + "\n".join(f"- {line}" for line in reversed(kept))


def _facts(text: str) -> list[str]:
    """The figures, paths and names in a text: words that contain a digit or a sign, or begin with a capital letter
    (except the first word)."""
    words = [word.strip(STRIPPED) for word in text.split()]
    return [word for index, word in enumerate(words) if _is_fact(word, first=index == 0)]


STRIPPED = "`'\"*_()[]{}<>.,;:!?…–—|"
SIGNS = frozenset("/_@=.-:\\")


def _is_fact(word: str, *, first: bool) -> bool:
    if len(word) < 2:
        return word.isdigit()
    inside = word[1:-1]
    return any(c.isdigit() for c in word) or any(c in SIGNS for c in inside) or (word[:1].isupper() and not first)


def transcript(messages: Sequence[Message]) -> str:
    """The conversation as plain text, with calls and results and without thinking."""
    lines = []
    for message in settle(messages, frozenset()):
        text = "\n".join(block.text for block in message.content if isinstance(block, TextBlock))
        lines.append(f"{message.role}: {text}")
    return "\n\n".join(lines)
