"""The budget of a turn: tokens and dollars used, and how much is left of them and of the model's context."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from conjure_magic.errors import UsageError
from conjure_magic.messages import Message, Usage
from conjure_magic.models.base import Model, Request
from conjure_magic.models.token_counts import BYTES_PER_TOKEN, estimated_tokens
from conjure_magic.remedies import Remedy, setting
from conjure_magic.settings import Settings
from conjure_magic.turn.compaction import SUMMARY_TOKENS, is_nearly_full

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one turn; `Session.limits()` returns those of the settings."""

    max_rounds: int
    """Number of requests to the model."""
    max_pauses: int
    """How often the server's own loop may pause and be resumed."""
    timeout: float | None
    """Seconds, without the time spent waiting for the user; None for no limit."""
    max_tokens: int
    """Tokens of one answer."""
    max_cost: float | None
    """US dollars, checked between rounds; None for no limit."""
    compact: bool
    """Summarise whole rounds when the conversation nears the model's context limit; if False, the turn ends there."""


class LimitChanges(TypedDict, total=False):
    """Limits that differ from the settings; see `Limits`."""

    max_rounds: int
    max_pauses: int
    timeout: float | None
    max_tokens: int
    max_cost: float | None
    compact: bool


def limits_of(settings: Settings) -> Limits:
    """The limits of a turn according to the settings, where 0 means no limit."""
    return Limits(
        max_rounds=settings.max_rounds,
        max_pauses=settings.max_pauses,
        timeout=settings.timeout or None,
        max_tokens=settings.max_tokens,
        max_cost=settings.max_cost or None,
        compact=settings.compact,
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """The conversation's length in tokens as a server last counted it, and the number of messages it counted."""

    tokens: int = 0
    messages: int = 0


class Budget:
    """The tokens and money that one turn has used."""

    def __init__(self, model: Model, limits: Limits, counted: Counted) -> None:
        """Start at zero. Raises UsageError for a cost limit if the model's price is unknown."""
        self._model = model
        self._limits = limits
        self.counted = counted
        self.usage = Usage()
        self._overhead = 0
        self.cost: float | None = 0.0
        self._begun: Usage | None = None
        if limits.max_cost is not None and model.cost(Usage(1, 1)) is None:
            raise UsageError(
                f"the limit max_cost needs a price, and the price of {model.name} is not known",
                remedy=Remedy(
                    "Leave it out, or set a price, in dollars per million tokens, with {0}.",
                    setting("prices", f"{{{model.name!r}: [input, output]}}"),
                ),
            )

    def expect(self, usage: Usage) -> None:
        """Record the usage reported when an answer starts."""
        self.bill_unfinished(())
        self._begun = usage

    def bill(self, usage: Usage) -> None:
        """Add one response's tokens."""
        self._begun = None
        self.usage += usage
        cost = self._model.cost(usage)
        self.cost = None if cost is None or self.cost is None else self.cost + cost

    def bill_unfinished(self, said: Sequence[Message]) -> None:
        """Add an answer that was cut off: its input as the server counted it, and the output received so far."""
        if self._begun is not None:
            output = max(self._begun.output_tokens or 0, estimated_tokens(said))
            self.bill(replace(self._begun, output_tokens=output))

    def count(self, usage: Usage, messages: int) -> None:
        """Record a server's count for a conversation of `messages` messages, including its answer."""
        if usage.context_tokens is not None:
            self.counted = Counted(usage.context_tokens, messages)

    def take_request(self, request: Request) -> None:
        """Estimate the tokens of system prompt and tools; a server's count already includes them."""
        if not self.counted.tokens:
            tools = json.dumps([tool.to_dict() for tool in request.tools], default=str)
            self._overhead = (len(request.system.encode("utf-8", "replace")) + len(tools)) // BYTES_PER_TOKEN

    def forget_count(self) -> None:
        """Discard the last count, because the conversation was rewritten."""
        self.counted = Counted()

    def tokens(self, messages: Sequence[Message]) -> int:
        """The tokens of a conversation: the last count, and an estimate of everything since."""
        known = self.counted.tokens or self._overhead
        return known + estimated_tokens(messages[self.counted.messages :])

    def is_full(self, messages: Sequence[Message]) -> bool:
        """True if the next answer may not fit into the model's context."""
        return is_nearly_full(self.tokens(messages), self._model.context_window, self._reserve())

    def max_tokens(self, messages: Sequence[Message]) -> int:
        """The most tokens the next answer may have, given the context and the money left; 0 if there is no money."""
        new = self.tokens(messages) - self.counted.tokens
        return self.affordable(new, self.counted.tokens, self.longest(messages))

    def longest(self, messages: Sequence[Message]) -> int:
        """The most tokens the next answer may have, apart from its cost."""
        window = self._model.context_window
        if window is None:
            return self._limits.max_tokens
        return min(self._limits.max_tokens, max(window - self.tokens(messages), self._reserve()))

    def can_afford_summary(self, tokens: int) -> bool:
        """True if half of the money left is enough to read `tokens` tokens and write a summary."""
        return self.affordable(tokens, 0, SUMMARY_TOKENS, share=0.5) == SUMMARY_TOKENS

    def affordable(self, new: int, cached: int, most: int, share: float = 1.0) -> int:
        """The tokens of an answer, up to `most`, that can be paid for after the input tokens; 0 if none."""
        if self._limits.max_cost is None:
            return most
        if self.cost is None:  # a server that stopped counting
            return 0
        reading = self._model.cost(Usage(0, 0, new, cached)) or 0.0
        # For this prompt, since the price may depend on its length.
        each = ((self._model.cost(Usage(0, MILLION, new, cached)) or 0.0) - reading) / MILLION
        left = (self._limits.max_cost - self.cost) * share - reading
        if left <= 0:
            return 0
        return min(most, int(left / each + 1e-9)) if each > 0 else most

    def _reserve(self) -> int:
        """Tokens kept free for the answer: at most a quarter of the context window."""
        window = self._model.context_window
        return min(self._limits.max_tokens, window // 4) if window else self._limits.max_tokens
