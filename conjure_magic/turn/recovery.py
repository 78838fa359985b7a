"""Recovery of requests that do not fit or are refused: a shorter answer, a summary, or the cause left out."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.errors import ContextOverflowError, ModelError, ThinkingRefusedError, UploadLostError
from conjure_magic.events import Compacted, Event, MessageFinished, Notice
from conjure_magic.messages import Usage
from conjure_magic.models.base import Request
from conjure_magic.phrases import counted
from conjure_magic.remedies import RESET, UNDO, Remedy, limit, setting
from conjure_magic.secrets import masked
from conjure_magic.turn.budget import Budget
from conjure_magic.turn.compaction import summarise, summary_note
from conjure_magic.turn.conversation import TurnMessages
from conjure_magic.turn.feed import Feed
from conjure_magic.turn.setup import TurnSetup

GO_ON = Remedy("Leave {0} out, or start over with {1}.", limit("compact", "False"), RESET)
LOST = (
    "A file sent to Anthropic earlier is no longer stored there, so the conversation continues without it. Attach "
    "it again if it is still needed."
)
_TOO_LONG = (
    "This request does not fit even by itself. {0} limits the length of the answer and {1} gives the model's context "
    "window; fewer skills and files make the request shorter"
)
_LENGTHS = (setting("max_tokens"), setting("context_window"))
TOO_LONG = Remedy(f"{_TOO_LONG}.", *_LENGTHS)
TOO_LONG_BY_NOW = Remedy(f"{_TOO_LONG}, and {{2}} removes the last turn.", *_LENGTHS, UNDO)


class Asking(Protocol):
    """The turn whose requests are recovered."""

    @property
    def has_spoken(self) -> bool:
        """True if the answer that failed had begun, so that nothing may be repeated."""

    def listen(self, request: Request) -> Generator[Event, None, MessageFinished]:
        """Send the conversation once. Raises ModelError."""

    def prepare_request(self) -> Request:
        """The request as the backends now compose it."""

    def offered_tools(self) -> frozenset[str]:
        """The names of the tools that the backends currently offer."""


class Recovery:
    """Sends the requests of a turn, and fixes what can be fixed when one fails.

    Args:
        setup: the turn's.
        conversation: its messages, which are shortened or summarised if necessary.
        budget: pays for summaries, and knows how long the conversation is.
        feed: receives the notices.
        cancel: the turn's.
    """

    def __init__(
        self, setup: TurnSetup, conversation: TurnMessages, budget: Budget, feed: Feed, cancel: Cancel
    ) -> None:
        self._setup = setup
        self._conversation = conversation
        self._budget = budget
        self._feed = feed
        self._cancel = cancel

    def ask(self, request: Request, turn: Asking) -> Generator[Event, None, MessageFinished]:
        """Send the conversation, summarised first if it would not fit, and again after each error that could be fixed.

        Each kind of error is fixed once.
        """
        if self._budget.is_full(self._conversation.messages) and self._conversation.rounds():
            yield from self._compact(request)
        fixed: set[type[ModelError]] = set()
        shortened = False
        while True:
            longest = self._budget.longest(self._conversation.messages)
            try:
                return (yield from turn.listen(request))
            except ModelError as error:
                if turn.has_spoken:
                    raise
                if not shortened and isinstance(error, ContextOverflowError) and self._fits_shorter(error, longest):
                    shortened = True
                    continue
                if type(error) in fixed or not self._try_to_fix(error, turn):
                    if isinstance(error, ContextOverflowError):
                        error.remedy = error.remedy or (TOO_LONG_BY_NOW if self._setup.messages else TOO_LONG)
                    raise
                fixed.add(type(error))
                if isinstance(error, ContextOverflowError):
                    yield from self._compact(request)
                request = turn.prepare_request()
                yield from self._feed.drain()

    def _fits_shorter(self, error: ContextOverflowError, longest: int) -> bool:
        """True if the requested answer was too long, rather than the conversation: now that the window is known, a
        shorter answer can be requested."""
        window = self._setup.model.context_window
        if window is None or (error.prompt or 0) >= window:
            return False
        if error.prompt is not None:
            self._budget.count(Usage(error.prompt, 0), len(self._conversation.messages))
        room = window - self._budget.tokens(self._conversation.messages)
        return room > 0 and self._budget.longest(self._conversation.messages) < longest

    def _try_to_fix(self, error: ModelError, turn: Asking) -> bool:
        """Fix the cause of a failed request and notify the user: by a backend, or by leaving out what is refused.

        Returns True if another attempt makes sense, also if it only needs a summary.
        """
        told = [text for backend in self._setup.backends if (text := backend.recover(error))]
        if isinstance(error, UploadLostError):
            self._conversation.lose_uploads(error.said, turn.offered_tools())
            self._budget.forget_count()
            told += [LOST]
        elif told:
            self._conversation.give_up_resuming()
        elif isinstance(error, ThinkingRefusedError) and self._conversation.rounds():
            self._conversation.settle(turn.offered_tools())
            self._budget.forget_count()
            told = ["The server no longer accepts the model's earlier thinking; it was left out."]
        for text in told:
            self._feed.emit(Notice(text, "warning"))
        return bool(told) or (isinstance(error, ContextOverflowError) and bool(self._conversation.rounds()))

    def _compact(self, request: Request) -> Iterator[Event]:
        """Replace whole rounds with a summary, and continue with the prompt of this turn."""
        messages = self._conversation.rounds()
        if not self._setup.limits.compact:
            window = self._setup.model.context_window
            limit = f"the limit of {counted(window, 'token')}" if window else "the context limit"
            raise ContextOverflowError(f"The conversation nears {limit} of {self._setup.model.name}.", remedy=GO_ON)
        summary = summarise(self._setup.model, request, messages, self._cancel, self._budget)
        summary = replace(summary, text=masked(summary.text, self._setup.secrets()))
        self._budget.forget_count()
        self._conversation.compact(summary_note(summary.text))
        self._feed.emit(Compacted(summary.text, len(messages)))
        made = f"{'an extract' if summary.rule else 'a summary'} of {counted(len(summary.text.split()), 'word')}"
        why = f" ({summary.rule})" if summary.rule else ""
        told = f"{made} replaces {counted(len(messages), 'message')}{why}"
        self._feed.emit(
            Notice(f"The conversation neared the model's context limit: {told}. Earlier output is unchanged.")
        )
        yield from self._feed.drain()
