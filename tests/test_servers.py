"""The differences of the servers that people run, one small server for each; `docs/servers.md` tells the outcome."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedBackend
from model_kit import QUICK
from server_kit import Answer, Asked, Small, queue, said, serving

from conjure_magic.api.context_overflow import WORDS
from conjure_magic.api.credentials import Credentials
from conjure_magic.cancel import Deadline
from conjure_magic.errors import AuthenticationError, ContextOverflowError, ModelError
from conjure_magic.events import Compacted, Noted, TurnResult
from conjure_magic.models import model_limits
from conjure_magic.models.choice import choose_model
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.secrets import Key
from conjure_magic.session import Session
from conjure_magic.settings import Settings

pytestmark = pytest.mark.usefixtures("folder")


@contextmanager
def session_at(small: Small, name: str, key: str = "sk-test-0123456789", **more: Any) -> Iterator[Session]:
    credentials = Credentials(small.url, "both", Key(key), "compatible", "ANTHROPIC_API_KEY")
    patience = replace(QUICK, idle=30)  # a busy machine is no stall
    model = MessagesModel(name, credentials, patience=patience, **more)
    with Session(backend=ScriptedBackend(), model=model) as session:
        yield session


@contextmanager
def talking(routes: dict[str, Any], name: str) -> Iterator[tuple[Small, Session]]:
    with serving(routes) as small, session_at(small, name) as session:
        yield small, session


def notes(result: TurnResult) -> str:
    return "\n".join(f"{item.text} {item.remedy or ''}".rstrip() for item in result.items if isinstance(item, Noted))


# ---- as llama.cpp (its README of tools/server; pull requests 15780 and 17570)


def llama_cpp(*answers: Answer) -> dict[str, Any]:
    models = {"object": "list", "data": [{"id": "gemma", "owned_by": "llamacpp", "meta": {"n_ctx_train": 32_768}}]}
    return {
        "/v1/models": lambda asked: Answer(body=models),
        "/props": lambda asked: Answer(body={"default_generation_settings": {"n_ctx": 2_048}}),
        "/v1/messages": queue(*answers),
    }


def test_as_llama_cpp_its_window_is_read_and_not_that_of_the_models_training() -> None:
    with serving(llama_cpp(Answer(events=said("Hi.", prompt=12)))) as small, session_at(small, "gemma") as session:
        assert session.chat("hi").text == "Hi."
        assert session.model.context_window == 2_048
        assert small.messages[0].body["max_tokens"] < 2_048


def test_as_llama_cpp_loading_is_waited_for() -> None:
    loading = Answer(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
    with serving(llama_cpp(*[loading] * 3, Answer(events=said("Hi.")))) as small, session_at(small, "gemma") as session:
        result = session.chat("hi")
        assert result.text == "Hi."
        assert "loading the model" in notes(result)


def test_as_llama_cpp_an_overflow_in_the_middle_of_the_answer_is_one() -> None:
    full = {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}
    broken = Answer(events=[*said("It began ")[:3], ("error", full)])
    with serving(llama_cpp(broken)) as small, session_at(small, "gemma") as session:
        with pytest.raises(ContextOverflowError):
            session.chat("hi")
        assert session.turns[-1].text == "It began "


# ---- as Ollama (its documentation of the Anthropic API, its FAQ on the window; issues 8531, 10368)


def test_as_ollama_a_conversation_that_was_silently_cut_is_warned_of_once() -> None:
    answers = Answer(events=said("Hm.", prompt=2_048))
    with serving({"/v1/messages": queue(answers)}) as small, session_at(small, "qwen3") as session:
        result = session.chat("An error of the disk, seen at noon. " * 2_000)
        assert "OLLAMA_CONTEXT_LENGTH" in notes(result)
        assert "2,048" in notes(result)
        assert notes(session.chat("And now?")) == ""


def test_as_ollama_a_conversation_that_it_read_is_not_warned_of() -> None:
    with talking({"/v1/messages": queue(Answer(events=said("Hm.", prompt=17_000)))}, "qwen3") as (_small, session):
        assert notes(session.chat("An error of the disk, seen at noon. " * 2_000)) == ""
        assert notes(session.chat("=" * 100_000 + " " * 100_000)) == ""


def test_as_ollama_counts_that_come_at_the_end_alone_are_taken() -> None:
    with talking(
        {"/v1/messages": queue(Answer(events=said("Hi.", prompt=40, start={"input_tokens": 0})))}, "qwen3"
    ) as (_small, session):
        session.chat("hi")
        assert session.context_tokens == 45


# ---- as vLLM (its issues 20409, 33418; `max_model_len` in its list of models)


VLLM = "This model's maximum context length is 16384 tokens and your request has {} input tokens."


def vllm(asked: Asked) -> Answer:
    """Refuses what prompt and answer together exceed, and a key that is no Bearer."""
    if asked.headers.get("authorization") != "Bearer sk-test-0123456789":
        return Answer(401, {"error": "Unauthorized"})
    if asked.body["max_tokens"] + 500 > 16_384:
        return Answer(400, {"object": "error", "message": VLLM.format(500), "type": "BadRequestError", "code": 400})
    return Answer(events=said("Hello.", prompt=500))


def test_as_vllm_its_window_is_read_from_the_list_of_models() -> None:
    models = {"object": "list", "data": [{"id": "qwen3", "object": "model", "max_model_len": 16_384}]}
    routes = {"/v1/messages": vllm, "/v1/models": lambda asked: Answer(body=models)}
    with serving(routes) as small, session_at(small, "qwen3") as session:
        assert session.chat("hi").text == "Hello."
        assert len(small.messages) == 1


def test_as_vllm_its_window_is_learnt_from_its_refusal_and_nothing_is_summarised_away() -> None:
    with serving({"/v1/messages": vllm}) as small, session_at(small, "qwen3") as session:
        result = session.chat("hi")
        assert result.text == "Hello."
        assert not any(isinstance(item, Compacted) for item in result.items)
        assert len(small.messages) == 2


def test_as_vllm_a_wrong_key_names_its_variable() -> None:
    with serving({"/v1/messages": vllm}) as small, session_at(small, "qwen3", key="sk-wrong-0123456789") as session:
        with pytest.raises(AuthenticationError, match="ANTHROPIC_API_KEY") as raised:
            session.chat("hi")
        assert "sk-wrong" not in str(raised.value)
        assert "Unauthorized" in str(raised.value)


def test_without_any_key_that_is_what_is_told() -> None:
    with serving({"/v1/messages": vllm}) as small:
        model = MessagesModel("qwen3", Credentials(small.url, dialect="compatible", source="ANTHROPIC_API_KEY"))
        with (
            Session(backend=ScriptedBackend(), model=model) as session,
            pytest.raises(AuthenticationError, match="No key was found"),
        ):
            session.chat("hi")


# ---- as LiteLLM (its documentation of exceptions and of /v1/messages; `provider_specific_fields` in its messages)


def test_as_litellm_what_it_adds_stays_with_it_and_an_overflow_behind_it_is_known() -> None:
    block = {"type": "text", "text": "", "provider_specific_fields": {"a": 1}}
    events = said("Hi.")
    events[1] = {**events[1], "content_block": block}
    message = "litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - too long"
    overflow = Answer(400, {"error": {"message": message, "type": None, "param": None, "code": "400"}})
    with talking({"/v1/messages": queue(Answer(events=events), overflow)}, "gpt") as (small, session):
        session.chat("hi")
        with pytest.raises(ContextOverflowError, match="too long"):
            session.chat("and now?")
        assert "provider_specific_fields" in json.dumps(small.messages[1].body["messages"])


def test_as_litellm_a_block_that_begins_again_with_each_piece_is_one() -> None:
    events = said("Hello")
    again = [events[1], {**events[2], "delta": {"type": "text_delta", "text": " there."}}]
    with talking({"/v1/messages": queue(Answer(events=[*events[:3], *again, *events[3:]]))}, "gpt") as (
        _small,
        session,
    ):
        assert session.chat("hi").text == "Hello there."


# ---- as LM Studio (its documentation of /v1/messages and of the list of models; its issue tracker, 237 and 546)


def test_as_lm_studio_its_loaded_window_is_kept_to_and_its_words_are_an_overflow() -> None:
    models = {"data": [{"id": "qwen3", "max_context_length": 131_072, "loaded_context_length": 4_096}]}
    words = (
        "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context "
        "length of only 4096 tokens, which is not enough."
    )
    routes = {"/v1/models": lambda asked: Answer(body=models), "/v1/messages": queue(Answer(400, {"error": words}))}
    with serving(routes) as small, session_at(small, "qwen3") as session:
        with pytest.raises(ContextOverflowError, match="context_window"):
            session.chat("hi")
        assert session.model.context_window == 4_096


# ---- as OpenRouter (its documentation of errors)


def test_as_openrouter_a_provider_that_fails_before_its_first_word_is_tried_again() -> None:
    failed = [
        {
            "type": "error",
            "error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "overloaded"}},
        }
    ]
    with talking({"/v1/messages": queue(Answer(events=failed), Answer(events=said("Hi.")))}, "x/y") as (
        _small,
        session,
    ):
        result = session.chat("hi")
        assert result.text == "Hi."
        assert "overloaded" in notes(result)


def test_as_openrouter_the_words_of_the_provider_behind_it_are_shown() -> None:
    raw = json.dumps({"error": {"message": "tools are not supported here"}})
    body = {
        "error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": raw, "provider_name": "P"}}
    }
    with (
        talking({"/v1/messages": queue(Answer(400, body))}, "x/y") as (_, session),
        pytest.raises(ModelError, match="tools are not supported here"),
    ):
        session.chat("hi")


def test_as_openrouter_an_error_with_status_200_is_one() -> None:
    body = {"error": {"code": 402, "message": "Insufficient credits"}}
    with (
        talking({"/v1/messages": queue(Answer(200, body))}, "x/y") as (_, session),
        pytest.raises(ModelError, match="Insufficient credits"),
    ):
        session.chat("hi")


# ---- as SGLang (the words of its issue 4048 and of those that quote it)


def test_as_sglang_an_overflow_teaches_the_window() -> None:
    words = "The input (61709 tokens) is longer than the model's context length (40960 tokens)."
    body = {"object": "error", "message": words, "type": "BadRequestError", "code": 400}
    with serving({"/v1/messages": queue(Answer(400, body))}) as small, session_at(small, "qwen3") as session:
        with pytest.raises(ContextOverflowError, match="61709"):
            session.chat("hi")
        assert session.model.context_window == 40_960


# ---- any of them


def test_a_server_that_hangs_when_asked_for_the_models_limits_is_not_waited_for_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_limits, "SILENCE", 0.05)
    monkeypatch.setattr(model_limits, "WAIT", 0.2)
    monkeypatch.setattr(model_limits, "Deadline", lambda cancel, seconds: Deadline(cancel, None))
    held, answered = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Answer:
        held.wait(20)
        answered.set()
        return Answer(404, {})

    with talking({"/v1/models/qwen3": hang, "/v1/messages": queue(Answer(events=said("Hi.")))}, "qwen3") as (
        _small,
        session,
    ):
        try:
            result = session.chat("hi")
            assert not answered.is_set()
        finally:
            held.set()
        assert result.text == "Hi."
        assert "has not answered yet" in notes(result)


def test_a_server_is_not_asked_for_the_models_limits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_limits, "SILENCE", 0.05)
    monkeypatch.setattr(model_limits, "WAIT", 0.2)
    before = threading.enumerate()
    held = threading.Event()

    def hang(request: Asked) -> Answer:
        held.wait(20)
        return Answer(404, {})

    with talking({"/v1/models/qwen3": hang, "/v1/messages": queue(Answer(events=said("Hi.")))}, "qwen3") as (
        _small,
        session,
    ):
        try:
            session.chat("hi")
            for thread in threading.enumerate():
                if thread.name == "limits" and thread not in before:
                    thread.join(10)
                    assert not thread.is_alive()
        finally:
            held.set()


def test_the_longest_answer_that_a_refusal_names_is_kept_to() -> None:
    words = "max_tokens is too large: 16000. This model supports at most 4096 completion tokens, not 16000."
    answers = (Answer(400, {"error": {"message": words}}), Answer(events=said("Hi.")))
    with serving({"/v1/messages": queue(*answers)}) as small, session_at(small, "gpt") as session:
        assert session.chat("hi").text == "Hi."
        assert [one.body["max_tokens"] for one in small.messages] == [16_000, 4_096]


# ---- the documentation


DOCUMENTED = (Path(__file__).parent.parent / "docs" / "servers.md").read_text(encoding="utf-8")


def test_every_server_that_the_documentation_calls_tried_is_tried_here() -> None:
    named = set(re.findall(r"^\| [^|]+ \| as ([^|;]+?)(?: \||;)", DOCUMENTED, re.MULTILINE))
    assert named == {"llama.cpp", "Ollama", "vLLM", "SGLang", "LM Studio", "LiteLLM", "OpenRouter"}
    for name in named:
        words = name.lower().replace(".", "_").replace(" ", "_")
        assert any(test.startswith(f"test_as_{words}_") for test in globals()), name


def test_every_wording_of_an_overflow_is_documented_with_its_source() -> None:
    table = DOCUMENTED.partition("## How servers say")[2]
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert [words for words, _ in rows] == list(WORDS)
    assert all(re.search(r"issues? \d|request \d|its source|not found", source) for _, source in rows)


def test_the_documented_settings_exist_with_their_defaults() -> None:
    settings = Settings()
    settings_table = DOCUMENTED.partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d*)", settings_table, re.MULTILINE)
    assert {name for name, _ in rows} == {"max_tokens", "context_window", "idle_timeout", "models"}
    for name, default in rows:
        assert default == "" or getattr(settings, name) == int(default)
    [example] = re.findall(r"`(\{\"local\".*?\}\})`", DOCUMENTED)
    model = choose_model("local", Settings(models=json.loads(example)), {})
    assert model.context_window == 8_192
