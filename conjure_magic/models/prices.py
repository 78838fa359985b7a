"""What is known of models beforehand: window, longest answer, thinking, and prices, all as of `AS_OF`.

Where a server answers `GET /v1/models/{id}`, its limits count instead. Prices are US dollars per million
tokens; a model that is not here has no price, which is not the same as a price of 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from conjure_magic.errors import UsageError
from conjure_magic.messages import Usage

AS_OF = "2026-11-20"
"""The day on which the table was compared with the vendor's price list."""

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cache_write: float
    """For the cache that lives five minutes: the only one we ask for."""
    cache_read: float
    threshold: int = 0
    """Tokens of a prompt above which `above` counts for the whole request; 0 if there is no such step."""
    above: Price | None = None

    @classmethod
    def of(cls, input: float, output: float, cache_read: float) -> Price:  # noqa: A002  (the vendor's word)
        """A price after the vendor's rule that writing to the cache costs 1.25 times the input."""
        return cls(input, output, input * 1.25, cache_read)

    def cost(self, usage: Usage) -> float | None:
        """US dollars for one request; None if the server did not count its tokens."""
        prompt = usage.prompt_tokens
        if prompt is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        if self.above is not None and prompt > self.threshold:
            return self.above.cost(usage)
        dollars = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + (usage.cache_creation_input_tokens or 0) * self.cache_write
            + (usage.cache_read_input_tokens or 0) * self.cache_read
        )
        return dollars / MILLION


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model; None where it is not."""

    context_window: int | None = None
    """Tokens that prompt and answer may have together."""
    max_output: int | None = None
    """Tokens that one answer may have."""
    adaptive_thinking: bool = False
    """Whether it takes `thinking: {"type": "adaptive"}`."""
    price: Price | None = None

    def updated(self, wire: Mapping[str, Any]) -> ModelFacts:
        """These facts with what an object of `GET /v1/models` says in their place."""
        window, output = wire.get("max_input_tokens"), wire.get("max_tokens")
        facts = replace(
            self,
            context_window=window if isinstance(window, int) and window > 0 else self.context_window,
            max_output=output if isinstance(output, int) and output > 0 else self.max_output,
        )
        match wire:
            case {"capabilities": {"thinking": {"types": list() | dict() as types}}}:
                return replace(facts, adaptive_thinking="adaptive" in types)
        return facts


_HAIKU_ABOVE = Price.of(0.50, 2.50, 0.05)

FACTS: dict[str, ModelFacts] = {
    "claude-fable-5-2": ModelFacts(MILLION, 128_000, True, Price.of(8, 40, 0.20)),
    "claude-opus-5-5": ModelFacts(MILLION, 128_000, True, Price.of(4, 20, 0.20)),
    "claude-sonnet-5-5": ModelFacts(MILLION, 128_000, True, Price.of(2, 10, 0.10)),
    "claude-haiku-5-5": ModelFacts(MILLION, 128_000, True, Price(0.10, 0.50, 0.125, 0.01, 100_000, _HAIKU_ABOVE)),
    # The previous generation, whose cache reads cost a tenth of the input.
    "claude-opus-5": ModelFacts(adaptive_thinking=True, price=Price.of(5, 25, 0.50)),
    "claude-sonnet-5": ModelFacts(adaptive_thinking=True, price=Price.of(2, 10, 0.20)),
    "claude-haiku-4-5": ModelFacts(200_000, 64_000, False, Price.of(1, 5, 0.10)),
}

_DATED = re.compile(r"-20\d{6}$")


def facts_of(model: str) -> ModelFacts:
    """What the table knows of a model, with or without a date at the end of its id."""
    return FACTS.get(_DATED.sub("", model), ModelFacts())


def parse_price(value: object, model: str = "") -> Price:
    """The price that a setting names: `[3, 15]`, or `{"input": 3, "output": 15}`, dollars per million tokens.

    `cache_write` defaults to 1.25 times the input and `cache_read` to the input, so that what is not named
    is never underestimated. Raises UsageError, which names the model, for anything else.
    """
    names = ("input", "output", "cache_write", "cache_read")
    if isinstance(value, list | tuple) and len(value) == 2:
        value = dict(zip(names, value, strict=False))
    if isinstance(value, Mapping) and {"input", "output"} <= set(value) <= set(names):
        numbers = [value.get(name) for name in names]
        if all(type(n) in (int, float) and 0 <= n < float("inf") for n in numbers if n is not None):
            base, output, write, read = numbers
            if base is not None and output is not None:
                return Price(base, output, base * 1.25 if write is None else write, base if read is None else read)
    raise UsageError(
        f"the price{f' of {model}' if model else ''} in the setting prices has to be [3, 15] or "
        '{"input": 3, "output": 15}, in US dollars per million tokens; the latter may have "cache_write" and '
        '"cache_read"'
    )
