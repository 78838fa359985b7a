"""Facts about models: context window, longest answer, thinking and prices, as of `AS_OF`.

Where a server answers `GET /v1/models/{id}`, its limits count instead. Prices are US dollars per million
tokens; a model that is not here has no price, which is not the same as a price of 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
        prompt = usage.largest_prompt  # a step counts for what was read at once, not for a sum
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
        """These facts with what an object of `GET /v1/models` says instead, in any server's words."""
        facts = replace(
            self,
            context_window=_first(wire, WINDOWS) or self.context_window,
            max_output=_first(wire, OUTPUTS) or self.max_output,
        )
        match wire:
            case {"capabilities": {"thinking": {"types": {"adaptive": {"supported": bool(supported)}}}}}:
                return replace(facts, adaptive_thinking=supported)
            case {"capabilities": {"thinking": {"types": list(types)}}}:  # as gateways to older versions list them
                return replace(facts, adaptive_thinking="adaptive" in types)
        return facts


WINDOWS = (
    ("max_input_tokens",),  # Anthropic, LiteLLM
    ("max_model_len",),  # vLLM, SGLang
    ("loaded_context_length",),  # LM Studio: what the model was loaded with, before what it could have
    ("top_provider", "context_length"),  # OpenRouter
    ("context_length",),  # OpenRouter
    ("context_window",),  # Groq
    ("meta", "n_ctx"),  # llama.cpp
    ("default_generation_settings", "n_ctx"),  # llama.cpp's /props
    ("max_context_length",),  # LM Studio
)
"""Where servers name the tokens that prompt and answer may have together."""
OUTPUTS = (("max_tokens",), ("max_output_tokens",), ("top_provider", "max_completion_tokens"))
"""Where they name those of one answer."""


def _first(wire: Mapping[str, Any], places: Iterable[tuple[str, ...]]) -> int | None:
    """The first positive whole number at one of these places."""
    for place in places:
        value: Any = wire
        for name in place:
            value = value.get(name) if isinstance(value, Mapping) else None
        if type(value) is int and value > 0:
            return value
    return None


def entry_of(listing: object, model: str) -> Mapping[str, Any]:
    """A model's own object in the answer of `GET /v1/models`; the only one there if none has its name; else empty."""
    found = listing.get("data") if isinstance(listing, Mapping) else listing
    entries = [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    named = [e for e in entries if model in (e.get("id"), str(e.get("id", "")).partition(":")[0])]
    chosen = named or (entries if len(entries) == 1 else [])
    return chosen[0] if chosen else {}


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
