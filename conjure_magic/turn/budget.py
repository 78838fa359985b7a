"""What a turn has used and may still use: tokens, dollars, room in the model's context."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from conjure_magic.errors import UsageError
from conjure_magic.messages import Message, Usage
from conjure_magic.models.base import Model, Request
from conjure_magic.models.counting import BYTES_PER_TOKEN, estimated_tokens
from conjure_magic.remedies import Remedy, setting
from conjure_magic.settings import Settings
from conjure_magic.turn.compaction import SUMMARY_TOKENS, is_nearly_full

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one turn. `Session.limits()` has them as the settings do; `limits_of` makes them."""

    max_rounds: int
    """Model requests."""
    max_pauses: int
    """How often a server's own loop may pause and be followed."""
    timeout: float | None
    """Seconds, waiting for a person not counted; None for no limit."""
    max_tokens: int
    """Tokens of one answer."""
    max_cost: float | None
    """US dollars, checked between rounds; None for no limit."""
    compact: bool
    """Summarise whole rounds when the conversation nears the model's context; else the turn ends there."""


class LimitChanges(TypedDict, total=False):
    """Bounds that differ from the settings; see `Limits`. What is left out stays."""

    max_rounds: int
    max_pauses: int
    timeout: float | None
    max_tokens: int
    max_cost: float | None
    compact: bool


def limits_of(settings: Settings) -> Limits:
    """The bounds of a turn as the settings have them; 0 there is no bound."""
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
    """How many tokens the conversation had when a server last counted, and how many messages that were."""

    tokens: int = 0
    messages: int = 0


class Budget:
    """One turn's account."""

    def __init__(self, model: Model, limits: Limits, counted: Counted) -> None:
        """An account over a model's prices.

        Raises UsageError for a cost limit where the model's price is not known.
        """
        self._model = model
        self._limits = limits
        self.counted = counted
        self.usage = Usage()
        self._overhead = 0
        self.cost: float | None = 0.0
        self._begun: Usage | None = None
        if limits.max_cost is not None and model.cost(Usage(1, 1)) is None:
            raise UsageError(
                f"a bound of the cost (max_cost) needs a price, and that of {model.name} is not known",
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
        """Add an answer that broke off: what was read as its server counted it, what was said as far as it came."""
        if self._begun is not None:
            output = max(self._begun.output_tokens or 0, estimated_tokens(said))
            self.bill(replace(self._begun, output_tokens=output))

    def count(self, usage: Usage, messages: int) -> None:
        """Remember what a server counted for a conversation of so many messages, its answer included."""
        if usage.context_tokens is not None:
            self.counted = Counted(usage.context_tokens, messages)

    def take_request(self, request: Request) -> None:
        """Estimate what system text and tools add to the conversation; what a server counted holds them already."""
        if not self.counted.tokens:
            tools = json.dumps([tool.to_dict() for tool in request.tools], default=str)
            self._overhead = (len(request.system.encode("utf-8", "replace")) + len(tools)) // BYTES_PER_TOKEN

    def forget_count(self) -> None:
        """The conversation was rewritten: what was counted no longer holds."""
        self.counted = Counted()

    def tokens(self, messages: Sequence[Message]) -> int:
        """The tokens of a conversation: as counted, and an estimate for what came since."""
        known = self.counted.tokens or self._overhead
        return known + estimated_tokens(messages[self.counted.messages :])

    def is_full(self, messages: Sequence[Message]) -> bool:
        """True if the next answer may no longer fit into the model's context."""
        return is_nearly_full(self.tokens(messages), self._model.context_window, self._reserve())

    def max_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the next answer may have: what fits, and what the money left buys; 0 if that is none."""
        new = self.tokens(messages) - self.counted.tokens
        return self.affordable(new, self.counted.tokens, self.longest(messages))

    def longest(self, messages: Sequence[Message]) -> int:
        """How many tokens the next answer may have, money aside."""
        window = self._model.context_window
        if window is None:
            return self._limits.max_tokens
        return min(self._limits.max_tokens, max(window - self.tokens(messages), self._reserve()))

    def can_afford_summary(self, tokens: int) -> bool:
        """True if half of the money left pays for reading so many tokens and a summary of them."""
        return self.affordable(tokens, 0, SUMMARY_TOKENS, share=0.5) == SUMMARY_TOKENS

    def affordable(self, new: int, cached: int, most: int, share: float = 1.0) -> int:
        """How many tokens of an answer, `most` of them at most, can be paid after reading so many; 0 if none."""
        if self._limits.max_cost is None:
            return most
        if self.cost is None:  # a server that stopped counting
            return 0
        reading = self._model.cost(Usage(0, 0, new, cached)) or 0.0
        # Of this prompt, since a price may depend on its length.
        each = ((self._model.cost(Usage(0, MILLION, new, cached)) or 0.0) - reading) / MILLION
        left = (self._limits.max_cost - self.cost) * share - reading
        if left <= 0:
            return 0
        return min(most, int(left / each + 1e-9)) if each > 0 else most

    def _reserve(self) -> int:
        """Tokens that are kept free for an answer: of a small window no more than a quarter."""
        window = self._model.context_window
        return min(self._limits.max_tokens, window // 4) if window else self._limits.max_tokens
