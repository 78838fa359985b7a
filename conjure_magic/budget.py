"""What a turn has used and may still use: tokens, dollars, room in the model's context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conjure_magic.compaction import estimated_tokens, is_nearly_full
from conjure_magic.errors import UsageError
from conjure_magic.messages import Message, Usage
from conjure_magic.models.base import Model
from conjure_magic.settings import Settings

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one turn."""

    max_rounds: int = 50
    timeout: float | None = None
    """Seconds, waiting for a person not counted."""
    max_tokens: int = 16_000
    """Tokens of one answer."""
    max_cost: float | None = None
    """US dollars, checked between rounds."""
    compact: bool = True
    """Summarise whole rounds when the conversation nears the model's context; else the turn ends there."""


def limits_of(settings: Settings) -> Limits:
    """The bounds of a turn as the settings have them; 0 there is no bound."""
    return Limits(
        max_rounds=settings.max_rounds,
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
        self.cost: float | None = 0.0
        if limits.max_cost is not None and model.cost(Usage(1, 1)) is None:
            raise UsageError(
                f"--max-cost needs a price, and that of {model.name} is not known; set it, or leave it out"
            )

    def bill(self, usage: Usage) -> None:
        """Add one response's tokens."""
        self.usage += usage
        cost = self._model.cost(usage)
        self.cost = None if cost is None or self.cost is None else self.cost + cost

    def count(self, usage: Usage, messages: int) -> None:
        """Remember what a server counted for a conversation of so many messages, its answer included."""
        if usage.prompt_tokens is not None:
            self.counted = Counted(usage.prompt_tokens + (usage.output_tokens or 0), messages)

    def forget_count(self) -> None:
        """The conversation was rewritten: what was counted no longer holds."""
        self.counted = Counted()

    def tokens(self, messages: Sequence[Message]) -> int:
        """The tokens of a conversation: as counted, and an estimate for what came since."""
        return self.counted.tokens + estimated_tokens(messages[self.counted.messages :])

    def is_full(self, messages: Sequence[Message]) -> bool:
        """True if the next answer may no longer fit into the model's context."""
        return is_nearly_full(self.tokens(messages), self._model.context_window, self._limits.max_tokens)

    def max_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the next answer may have; 0 if the money is spent."""
        if self._limits.max_cost is None or self.cost is None:
            return self._limits.max_tokens
        new = self.tokens(messages) - self.counted.tokens
        reading = self._model.cost(Usage(0, 0, new, self.counted.tokens)) or 0.0
        price = (self._model.cost(Usage(0, MILLION)) or 0.0) / MILLION
        left = self._limits.max_cost - self.cost - reading
        if left <= 0:
            return 0
        return min(self._limits.max_tokens, int(left / price)) if price else self._limits.max_tokens
