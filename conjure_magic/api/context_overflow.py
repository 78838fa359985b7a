"""Recognition of errors that say a conversation or an answer is too long: servers have no common code for it.

`docs/servers.md` names the source of each wording, and `tests/api/test_context_overflow.py` quotes whole answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAID = 20_000
"""Characters of an error that are looked at."""
WORDS = (
    "prompt is too long",  # Anthropic
    "exceed context limit",  # Anthropic, with the length of the answer
    "input is too long for requested model",  # Bedrock
    "maximum context length",  # vLLM, OpenAI, OpenRouter, SGLang
    "model's context length is only",  # vLLM, newer
    "maximum model length",  # vLLM
    "maximum prompt length is",  # xAI
    "maximum allowed length",  # SGLang
    "longer than the model's context length",  # SGLang
    "exceeds the available context",  # llama.cpp
    "context size has been exceeded",  # llama.cpp, in the middle of an answer
    "exceed_context_size_error",  # llama.cpp's type
    "exceed context window",  # llama-cpp-python
    "context the overflows",  # LM Studio, whose words these are
    "context overflows",  # LM Studio
    "greater than the context length",  # LM Studio
    "cannot truncate prompt with n_keep",  # LM Studio
    "context length of only",  # LM Studio
    "reached context length",  # LM Studio
    "exceeds the context length",  # Ollama
    "exceeds maximum context length",  # Ollama
    "exceeds the context window",  # OpenAI
    "context_length_exceeded",  # OpenAI's code, which LiteLLM and OpenRouter pass on
    "contextwindowexceedederror",  # LiteLLM
    "exceeds the maximum number of tokens allowed",  # Gemini
)
"""In lower case. `docs/servers.md` gives the source of each."""
_N = r"(\d[\d,]{0,15})"
WINDOW = tuple(
    re.compile(pattern)
    for pattern in (
        rf"maximum (?:context|model|prompt) length (?:is|of) {_N}",
        rf"context length (?:of|is) only {_N}",
        rf"n_ctx\W{{1,4}}{_N}",
        rf"available context size \({_N}",
        rf"context length \({_N}",
        rf"maximum allowed length \({_N}",
        rf"tokens > {_N} maximum",
        rf"\d \+ \d+ > {_N}",
        rf"number of tokens allowed \(?{_N}",
        rf"context window of {_N}",
        rf"model with {_N} maximum context length",
    )
)
PROMPT = tuple(
    re.compile(pattern)
    for pattern in (
        rf"n_prompt_tokens\W{{1,4}}{_N}",
        rf"n_keep\W{{1,4}}{_N}",
        rf"\({_N} in the messages",
        rf"(?:your request has|you passed) {_N} input tokens",
        rf"the request contains {_N} tokens",
        rf"prompt is too long: {_N} tokens",
        rf"context limit: {_N} \+",
        rf"keep the first {_N} tokens",
        rf"token count \({_N}\)",
        rf"(?:request|input|input length) \({_N} tokens\)",
        rf"{_N} (?:of text input|in your prompt)",
    )
)
OUTPUT = tuple(
    re.compile(pattern)
    for pattern in (
        rf"max_tokens: \d+ > {_N}, which is the maximum allowed",  # Anthropic
        rf"supports at most {_N} completion tokens",  # OpenAI
        rf"exceeds the model limit of {_N}",  # Bedrock
    )
)


@dataclass(frozen=True, slots=True)
class Lengths:
    """What an error says of lengths, in tokens; None where it says nothing."""

    is_overflow: bool = False
    """True if the conversation, or it and the answer asked for, do not fit the model's context."""
    window: int | None = None
    prompt: int | None = None
    output: int | None = None
    """The longest answer that may be asked for."""


def lengths_of(*texts: str, fields: Mapping[str, Any] | None = None) -> Lengths:
    """Read what a server says of lengths.

    Args:
        texts: its words, its names for the error, and those of a server behind it.
        fields: the error object, which may have numbers of its own (llama.cpp's `n_ctx`).
    """
    text = " ".join(" ".join(texts)[:SAID].lower().replace("’", "'").split())
    output = _first(OUTPUT, text)
    if not any(words in text for words in WORDS):
        return Lengths(output=output)
    window, prompt = (_whole((fields or {}).get(name)) for name in ("n_ctx", "n_prompt_tokens"))
    return Lengths(True, window or _first(WINDOW, text), prompt or _first(PROMPT, text), output)


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    for pattern in patterns:
        if found := pattern.search(text):
            return _whole(int(found[1].replace(",", "")))
    return None


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 10**12 else None
