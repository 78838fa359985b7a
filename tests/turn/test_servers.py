"""Whole turns against what servers really do: what is counted, left out, tried again, taken on, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import ScriptedBackend, ScriptedModel
from model_kit import QUICK

from conjure_magic.api.credentials import Credentials
from conjure_magic.approval import ApprovalRequest
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ContextOverflowError, RequestRefusedError, UsageError
from conjure_magic.events import Compacted, Noted, TurnResult
from conjure_magic.history import settle
from conjure_magic.messages import Message, TextBlock, ToolUseBlock
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.models.model_facts import FACTS
from conjure_magic.secrets import Key
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.testing.stub import Reply, StubServer, bash

OPUS = "claude-opus-5-5"
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
ECHO = {"type": "tool_use", "name": "echo", "input": {"text": "x"}}


def model_at(stub: StubServer, name: str = OPUS, **more: Any) -> MessagesModel:
    dialect = "compatible" if stub.compatible else "anthropic"
    return MessagesModel(
        name, Credentials(stub.url, "x-api-key", Key("sk-test"), dialect), patience=replace(QUICK, idle=30), **more
    )


@pytest.fixture
def session(folder: Any, stub: StubServer) -> Iterator[Session]:
    with Session(backend=ScriptedBackend(), model=model_at(stub)) as it:
        yield it


def notes(result: TurnResult) -> list[str]:
    return [item.text for item in result.items if isinstance(item, Noted)]


# ---- what is counted


class Hosting(ScriptedBackend):
    """Offers the server's own tool beside its own."""

    def contribute(self, context: Any) -> Any:
        from conjure_magic.models.base import ToolDefinition

        given = super().contribute(context)
        return replace(given, tools=(*given.tools, ToolDefinition("code_execution", "", wire=CODE)))


@pytest.mark.parametrize("listed", [True, False], ids=["iterations", "no iterations"])
def test_a_hosted_turn_counts_as_long_as_its_last_iteration_and_costs_what_all_of_them_do(
    folder: Any, stub: StubServer, listed: bool
) -> None:
    """A turn of some kilobytes whose server asked itself sixty times is no reason for a summary."""
    stub.reply(
        Reply(
            tuple(part for n in range(60) for part in (*bash(f"step {n}", "word " * 20), "Go on.")), iterations=listed
        )
    )
    with Session(backend=Hosting(), model=model_at(stub, "claude-haiku-5-5")) as it:
        result = it.chat("Work. " * 2_000)
        used = stub.messages[-1].iterations
        read = sum(used[-1][name] for name in used[-1] if name != "output_tokens")
        assert (result.usage.prompt_tokens or 0) > 30 * read
        assert read / 1.5 < it.context_tokens < 2.5 * read
        assert not listed or it.context_tokens == read + used[-1]["output_tokens"]
        it.chat("Thanks.")
        assert not any(isinstance(item, Compacted) for item in it.turns[-1].items)
    step = FACTS["claude-haiku-5-5"].price
    assert step is not None
    assert step.threshold < (result.usage.prompt_tokens or 0)
    assert result.cost == pytest.approx(replace(step, above=None).cost(result.usage))


# ---- what is left out of later requests


def test_a_refused_turn_stays_in_its_cell_and_out_of_later_requests(session: Session, stub: StubServer) -> None:
    stub.reply("Hello.", [ECHO], Reply(("I cannot",), stop_reason="refusal"), "Fine.")
    session.chat("Hi.")
    before = session.messages
    refused = session.chat("Something bad.")
    assert (refused.stop_reason, refused.text) == ("refusal", "I cannot")
    assert session.messages == before
    session.chat("Something good.")
    sent = json.dumps(stub.messages[-1].body)
    assert "Something good." in sent
    assert "Hi." in sent
    assert "Something bad." not in sent
    assert "I cannot" not in sent
    assert [turn.prompt for turn in session.turns] == ["Hi.", "Something bad.", "Something good."]


def test_a_refused_turn_can_be_tried_with_another_model(session: Session, stub: StubServer) -> None:
    stub.reply(Reply((), stop_reason="refusal"), "Done by another.")
    session.chat("Something odd.")
    assert session.retry(model=model_at(stub, "claude-sonnet-5-5")).text == "Done by another."
    assert len(session.turns) == 1


# ---- windows


def words_of_vllm(asked: int, prompt: int, window: int) -> str:
    return (
        f"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is "
        f"{window} tokens and your request has {prompt} input tokens ({asked} > {window} - {prompt})."
    )


def test_an_answer_too_long_for_a_small_window_is_asked_for_shorter_and_nothing_is_summarised(folder: Any) -> None:
    """vLLM with 16K of context refuses "hi" because of the 16,000 tokens that an answer may have."""
    refusal = Reply.fault(400, "BadRequestError", words_of_vllm(16_000, 500, 16_384))
    with (
        StubServer(refusal, "Hello.", "Again.", compatible=True) as stub,
        Session(backend=ScriptedBackend(), model=model_at(stub, "qwen3")) as it,
    ):
        assert it.chat("hi").text == "Hello."
        first, second = (request.body or {} for request in stub.messages)
        assert first["max_tokens"] == 16_000
        assert second["max_tokens"] <= 16_384 - 500
        assert it.model.context_window == 16_384
        assert not any(isinstance(item, Compacted) for item in it.turns[-1].items)
        it.chat("again")
        assert (stub.messages[-1].body or {})["max_tokens"] < 16_000
        assert len(stub.messages) == 3


def test_a_window_that_a_setting_names_is_kept_to(folder: Any) -> None:
    with (
        StubServer("Hello.", compatible=True) as stub,
        Session(backend=ScriptedBackend(), model=model_at(stub, "qwen3", context_window=8_000)) as it,
    ):
        it.chat("hi")
        assert (stub.messages[-1].body or {})["max_tokens"] < 8_000


def test_a_request_that_cannot_fit_at_all_names_the_settings(session: Session, stub: StubServer) -> None:
    stub.reply(*[Reply.fault(400, message="prompt is too long: 300000 tokens > 200000 maximum")] * 3)
    with pytest.raises(ContextOverflowError, match=r"Settings\.max_tokens .* Settings\.context_window"):
        session.chat("hi")


def test_a_refusal_after_earlier_success_names_undo(session: Session, stub: StubServer) -> None:
    stub.reply("Hello.", Reply.fault(400, message="messages.1: what is this?"))
    session.chat("Hi.")
    with pytest.raises(RequestRefusedError, match=r"session\.undo"):
        session.chat("Again.")
    assert "session.undo" in str(session.turns[-1].remedy)


def test_a_first_request_that_is_refused_names_no_undo(session: Session, stub: StubServer) -> None:
    stub.reply(Reply.fault(400, message="what is this?"))
    with pytest.raises(RequestRefusedError) as raised:
        session.chat("Hi.")
    assert "undo" not in str(raised.value)


# ---- calls


@pytest.mark.parametrize("raw", ['{"text": "ha', "null", "[1]", '{"text": 1e400}', '{"text": NaN}'])
def test_an_unreadable_call_is_answered_and_the_turn_continues(session: Session, stub: StubServer, raw: str) -> None:
    stub.reply([{**ECHO, "raw": raw}, ECHO], "I see.", "Still here.")
    result = session.chat("Go.")
    assert (result.text, result.stop_reason) == ("I see.", "end_turn")
    bad, good = result.tool_calls
    assert [call.is_error for call in (bad, good)] == [True, False]
    results = (stub.messages[1].body or {})["messages"][-1]["content"]
    assert [one.get("is_error", False) for one in results] == [True, False]
    assert "JSON object" in results[0]["content"]
    assert session.chat("And now?").text == "Still here."
    assert [request.error for request in stub.requests] == [""] * len(stub.requests)


def test_a_callables_numbers_that_are_no_json_poison_nothing(folder: Any) -> None:
    replies = iter([ToolUseBlock("a", "echo", {"text": float("nan")}), TextBlock("Done."), TextBlock("Still here.")])
    with Session(backend=ScriptedBackend(), model=lambda request: Message.assistant(next(replies))) as it:
        result = it.chat("Go.")
        assert result.text == "Done."
        assert result.tool_calls[0].is_error
        json.dumps([message.to_dict() for message in it.messages], allow_nan=False)
        assert it.chat("Again.").text == "Still here."


# ---- another server


def test_fields_of_a_gateways_own_do_not_travel_to_another_server(folder: Any, stub: StubServer) -> None:
    """LiteLLM and OpenRouter add them; Anthropic refuses them as extra inputs."""
    text = {"type": "text", "text": "Let me see.", "annotations": [], "provider_specific_fields": {"a": 1}}
    call = {**ECHO, "provider_specific_fields": {"thought_signature": "x"}, "text": "", "caller": {"type": "direct"}}
    with (
        StubServer([text, call], [{**text, "text": "Done."}], compatible=True) as gateway,
        Session(backend=ScriptedBackend(), model=model_at(gateway)) as it,
    ):
        it.chat("Go.")
        assert "provider_specific_fields" in json.dumps((gateway.messages[1].body or {})["messages"])
        it.use(model=model_at(stub))  # the same id, at another server
        it.chat("Go on.")
    assert [request.error for request in stub.messages] == [""]
    assert "echo" in json.dumps((stub.messages[0].body or {})["messages"])


def test_settling_keeps_the_fields_that_the_api_knows() -> None:
    cited = {"type": "text", "text": "x", "citations": [{"type": "char_location"}], "odd": 1}
    used = {"type": "tool_use", "id": "a", "name": "echo", "input": {}, "caller": {"type": "direct"}, "index": 0}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "x", "odd": 1}
    messages = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": [cited, used]}]
    messages.append({"role": "user", "content": [result]})
    settled = settle([Message.from_dict(message) for message in messages], frozenset({"echo"}))
    assert [set(block.to_dict()) for message in settled[1:] for block in message.content] == [
        {"type", "text", "citations"},
        {"type", "id", "name", "input", "caller"},
        {"type", "tool_use_id", "content"},
    ]


# ---- small things


def test_an_empty_answer_says_what_that_often_means(session: Session, stub: StubServer) -> None:
    stub.reply(Reply(()))
    [note] = notes(session.chat("Hi."))
    assert "empty answer" in note


def test_a_stream_that_is_stopped_before_it_is_pulled_asks_nothing(session: Session, stub: StubServer) -> None:
    events = session.stream("Hi.")
    session.stop()
    list(events)
    assert session.turns[-1].stop_reason == "stopped"
    assert stub.messages == []
    assert session.chat("Hi.").stop_reason == "end_turn"


@pytest.mark.parametrize("answer", [True, False])
def test_an_approver_may_answer_with_a_truth_value(folder: Any, answer: bool) -> None:
    from fakes import asking

    def approver(request: ApprovalRequest, cancel: Cancel) -> Any:
        return answer

    model = ScriptedModel([ToolUseBlock("a", "echo", {})], ["done"])
    with Session(backend=ScriptedBackend(echo=asking), model=model, approver=approver) as it:
        [call] = it.chat("Go.").tool_calls
    assert call.approval is not None
    assert call.approval.allowed is answer


def test_an_approver_that_answers_with_nothing_is_the_callers_slip(folder: Any) -> None:
    from fakes import asking

    model = ScriptedModel([ToolUseBlock("a", "echo", {})], ["done"])
    with Session(backend=ScriptedBackend(echo=asking), model=model, approver=lambda request, cancel: None) as it:
        with pytest.raises(UsageError, match="Decision"):
            it.chat("Go.")
        assert it.chat("Again.").text == "done"


def test_a_stalled_server_is_waited_for_as_long_as_the_setting_says(folder: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("CONJURE_IDLE_TIMEOUT", "0.2")
    with StubServer(Reply(silent=True), compatible=True) as stub:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.url)
        with (
            Session(backend=ScriptedBackend(), model="qwen3", settings=Settings()) as it,
            pytest.raises(Exception, match="idle_timeout"),
        ):
            it.chat("Hi.")


def test_a_key_that_was_corrected_in_the_environment_counts_from_the_next_turn(folder: Any, monkeypatch: Any) -> None:
    with StubServer("Hello.", key="sk-right-0123456789") as stub:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.url)
        monkeypatch.setenv("CONJURE_GATEWAY", "anthropic")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-wrong-0123456789")
        with Session(backend=ScriptedBackend(), model=OPUS) as it:
            with pytest.raises(Exception, match="ANTHROPIC_API_KEY") as raised:
                it.chat("Hi.")
            assert "sk-wrong" not in str(raised.value)
            monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-right-0123456789")
            assert it.chat("Hi.").text == "Hello."
            kept = it.model
            it.chat("Hi.")
            assert it.model is kept
