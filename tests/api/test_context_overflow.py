"""How servers say that something is too long, each in words from its source, its documentation or its issues."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from conjure_magic.api import error_translation
from conjure_magic.api.context_overflow import SAID, lengths_of
from conjure_magic.errors import ContextOverflowError, ModelError, RequestRefusedError

Wire = dict[str, Any]


def anthropic(message: str) -> Wire:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def openai(message: str, code: str | None = None) -> Wire:
    return {"error": {"message": message, "type": "invalid_request_error", "param": "messages", "code": code}}


def flat(message: str) -> Wire:
    return {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}


LITELLM = "litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - "
OVERFLOWS: dict[str, tuple[int | None, Wire, int | None, int | None]] = {
    # status, body, window, prompt
    "Anthropic": (400, anthropic("prompt is too long: 209303 tokens > 200000 maximum"), 200_000, 209_303),
    "Anthropic, with the answer": (
        400,
        anthropic(
            "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length or "
            "`max_tokens` and try again"
        ),
        200_000,
        178_959,
    ),
    "vLLM": (
        400,
        flat(
            "This model's maximum context length is 16384 tokens. However, you requested 22946 tokens (12946 in the "
            "messages, 10000 in the completion). Please reduce the length of the messages or completion."
        ),
        16_384,
        12_946,
    ),
    "vLLM, newer": (
        400,
        {
            "error": {
                "message": "'max_tokens' or 'max_completion_tokens' is too large: 16000. This model's maximum context "
                "length is 16384 tokens and your request has 500 input tokens (16000 > 16384 - 500).",
                "type": "BadRequestError",
                "code": 400,
            }
        },
        16_384,
        500,
    ),
    "llama.cpp": (  # pull request 15780, "server: add exceed_context_size_error type"
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size. try increasing the context size or enable "
                "context shift",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 1407,
                "n_ctx": 256,
            }
        },
        256,
        1407,
    ),
    "llama.cpp, newer": (
        400,
        {
            "error": {
                "message": "request (1407 tokens) exceeds the available context size (256 tokens), try increasing it"
            }
        },
        256,
        1407,
    ),
    "vLLM, newest": (
        400,
        flat(
            "You passed 202753 input tokens and requested 0 output tokens. However, the model's context length is only "
            "202752 tokens, resulting in a maximum input length of 202752 tokens."
        ),
        202_752,
        202_753,
    ),
    "llama.cpp, in the middle of an answer": (
        None,
        {"error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}},
        None,
        None,
    ),
    "llama.cpp, before it": (500, {"error": {"code": 500, "message": "Context size has been exceeded."}}, None, None),
    "LM Studio": (
        400,
        {
            "error": "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context "
            "length, or provide a shorter input"
        },
        4096,
        15_857,
    ),
    "LM Studio, newer": (
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: "
            "13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."
        },
        4096,
        13_055,
    ),
    "LM Studio, with llama.cpp": (
        400,
        {"error": "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"},
        7424,
        15_028,
    ),
    "Ollama, newer": (  # the answer of llama.cpp's server as text
        400,
        {
            "error": json.dumps(
                {
                    "error": {
                        "code": 400,
                        "message": "request (2622 tokens) exceeds the available context size (512 tokens), try "
                        "increasing it",
                        "type": "exceed_context_size_error",
                        "n_prompt_tokens": 2622,
                        "n_ctx": 512,
                    }
                }
            )
        },
        512,
        2622,
    ),
    "Ollama": (400, {"error": "the input length exceeds the context length"}, None, None),
    "SGLang": (
        400,
        flat("The input (61709 tokens) is longer than the model's context length (40960 tokens)."),
        40_960,
        61_709,
    ),
    "SGLang, short of memory": (
        400,
        flat("Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens)."),
        59_862,
        160_062,
    ),
    "xAI": (
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        },
        131_072,
        537_812,
    ),
    "Gemini, shorter": (
        400,
        openai("The input token count exceeds the maximum number of tokens allowed 1048576."),
        1_048_576,
        None,
    ),
    "llama-cpp-python": (500, openai("Requested tokens (9437) exceed context window of 8192"), 8192, None),
    "SGLang, with the answer": (
        400,
        flat(
            "Requested token count exceeds the model's maximum context length of 40960 tokens. You requested a total "
            "of 45056 tokens: 29056 tokens from the input messages and 16000 tokens for the completion."
        ),
        40_960,
        None,
    ),
    "Bedrock": (400, {"message": "Input is too long for requested model."}, None, None),
    "OpenAI through LiteLLM": (
        400,
        openai(
            f"{LITELLM}This model's maximum context length is 128000 tokens. However, your messages resulted in 130011 "
            "tokens.",
            "context_length_exceeded",
        ),
        128_000,
        None,
    ),
    "OpenAI, newer": (
        400,
        openai(
            "Your input exceeds the context window of this model. Please adjust your input.", "context_length_exceeded"
        ),
        None,
        None,
    ),
    "OpenAI, by its code alone": (400, openai("Something is wrong.", "context_length_exceeded"), None, None),
    "Gemini through LiteLLM": (
        400,
        openai(
            "litellm.BadRequestError: VertexAIException BadRequestError - The input token count (1200000) exceeds the "
            "maximum number of tokens allowed (1048576)."
        ),
        1_048_576,
        1_200_000,
    ),
    "LiteLLM, by its own name alone": (400, openai("litellm.ContextWindowExceededError: too much"), None, None),
    "OpenRouter": (
        400,
        {
            "error": {
                "code": 400,
                "message": "This endpoint's maximum context length is 131072 tokens. However, you requested about "
                "140000 tokens (124000 of text input, 16000 in the output).",
            }
        },
        131_072,
        124_000,
    ),
    "OpenRouter, from the provider behind it": (
        400,
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {
                    "provider_name": "Somebody",
                    "raw": json.dumps(openai("too long", "context_length_exceeded")),
                },
            }
        },
        None,
        None,
    ),
    "FastAPI": (400, {"detail": "This model's maximum context length is 4096 tokens."}, 4096, None),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_an_overflow_is_known_with_the_lengths_that_it_names(name: str) -> None:
    status, body, window, prompt = OVERFLOWS[name]
    error = error_translation.from_body(body, status)
    assert type(error) is ContextOverflowError, error
    assert (error.window, error.prompt) == (window, prompt)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "messages.1: text content blocks must be non-empty"),
        (400, "tools.0.description: String should have at most 1024 characters"),
        (429, "Too many tokens, please wait before trying again. maximum context length"),
        (400, "the context of this request is unclear"),
    ],
)
def test_what_only_sounds_like_it_is_none(status: int, message: str) -> None:
    assert not isinstance(error_translation.from_body(anthropic(message), status), ContextOverflowError)


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("max_tokens: 200000 > 128000, which is the maximum allowed number of output tokens for claude-x", 128_000),
        ("max_tokens is too large: 16000. This model supports at most 4096 completion tokens", 4096),
        ("The maximum tokens you requested exceeds the model limit of 8192.", 8192),
    ],
)
def test_the_longest_answer_is_read(message: str, most: int) -> None:
    error = error_translation.from_body(anthropic(message), 400)
    assert isinstance(error, RequestRefusedError)
    assert error.longest_answer == most


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b'{"detail": "Model not loaded"}', "application/json", "Model not loaded"),
        (
            b'{"detail": [{"loc": ["body", "messages", 0], "msg": "Field required", "type": "missing"}]}',
            "application/json",
            "body.messages.0: Field required",
        ),
        (b'{"detail": {"error": "quota"}}', "application/json", "quota"),
        (b'{"object": "error", "message": "No such thing", "code": 400}', "application/json", "No such thing"),
        (b'{"message": "No such thing"}', "application/json", "No such thing"),
        (b'{"error": "flat words"}', "application/json", "flat words"),
        (b'"just a string"', "application/json", "just a string"),
        (b'{"unheard": "of"}', "application/json", "unheard"),
        (b"model 'x' not found, try pulling it first", "text/plain", "try pulling it first"),
        (b"<html><head><title>502 Bad &amp; Gateway</title></head></html>", "text/html", "502 Bad & Gateway"),
        (
            b'{"error": {"message": "Provider returned error", "metadata": {"raw": "upstream says no"}}}',
            "application/json",
            "upstream says no",
        ),
    ],
)
def test_the_servers_own_words_are_shown_wherever_they_are(content: bytes, kind: str, said: str) -> None:
    shown = str(error_translation.from_response(400, {"content-type": kind}, content))
    assert said in shown
    assert "{" not in shown or said == "unheard", "the words, rather than the JSON that holds them"


def test_a_servers_words_are_bounded_and_cleaned() -> None:
    nasty = "bad \ud83d \x1b[31mred\x1b[0m \u202eevil\x00\n\n lines " + "x" * 100_000
    plain = nasty.encode("utf-8", "replace")
    bodies = ((json.dumps({"detail": nasty}).encode(), "application/json"), (plain, "text/plain"))
    for content, kind in bodies:
        error = error_translation.from_response(400, {"content-type": kind}, content)
        text = str(error)
        for words in (text, error.said, *error.args):
            words.encode("utf-8")
        assert len(text) < 700
        assert not {"\x1b", "\u202e", "\x00", "\n"} & set(text)


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("https://llm.example/v1/messages", "https://llm.example"),
        ("https://llm.example/api/v1/messages/", "https://llm.example/api"),
        ("https://llm.example/v1/messages?x=1", "https://llm.example"),
        ("https://llm.example/login", "https://llm.example/login"),
    ],
)
def test_a_redirects_advice_is_a_base_url_that_works(location: str, base: str) -> None:
    error = error_translation.from_response(307, {"location": location}, b"")
    assert f"redirects to {base}; use that" in str(error)


def test_hostile_errors_are_read_in_linear_time() -> None:
    """Measured as the processor's time for text of one size and of twice as much."""
    for part in ("maximum context length is ", "n_ctx: ", "(1 tokens > ", "1 + 1 > ", "0" * 20, "model loading "):
        for size in (SAID, 2 * SAID):
            began = time.process_time()
            lengths_of(part * (size // len(part)))
            error_translation.from_response(503, {}, json.dumps({"detail": part * (size // len(part))}).encode())
            assert time.process_time() - began < 2


def test_any_body_is_an_error_of_ours() -> None:
    for body in (None, 3, [], {}, {"error": {}}, {"error": []}, {"detail": []}, {"error": {"message": {"a": [1]}}}):
        assert isinstance(error_translation.from_body(body, 400), ModelError)
