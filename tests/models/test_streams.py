"""Answers as servers really send them: what can be read is read, and a fault before the first word is tried again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from model_kit import CALL, QUICK, finished, model_of, said, talk

from conjure_magic.api.client import Patience
from conjure_magic.errors import ModelUnavailableError, RateLimitError, StreamCutError
from conjure_magic.events import BlockFinished, MessageFinished, Notice
from conjure_magic.messages import ToolUseBlock
from conjure_magic.testing.stub import Reply, StubServer

Wire = dict[str, Any]
SSE = "text/event-stream"
START: Wire = {"type": "message_start", "message": {"role": "assistant", "usage": {"input_tokens": 3}}}
END: list[Wire] = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]


def begin(index: int | None = 0, **block: Any) -> Wire:
    block = {"type": "text", "text": "", **block} if block.get("type", "text") == "text" else block
    return {"type": "content_block_start", "index": index, "content_block": block}


def text(words: str, index: int | None = 0) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": words}}


def stop(index: int | None = 0) -> Wire:
    return {"type": "content_block_stop", "index": index}


def arguments(piece: str, index: int | None = 0) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": piece}}


def use(index: int | None = 0, id_: str = "toolu_1") -> Wire:
    return begin(index, type="tool_use", id=id_, name="echo", input={})


def without_index(events: Sequence[Wire]) -> list[Wire]:
    return [{key: value for key, value in event.items() if key != "index"} for event in events]


def streamed(events: Sequence[Wire]) -> Reply:
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Reply(body=body, content_type=SSE)


def hear(stub: StubServer, events: Sequence[Wire]) -> MessageFinished:
    stub.reply(streamed(events))
    heard, error = talk(model_of(stub))
    assert error is None, error
    return finished(heard)


# ---- odd streams


WHOLE = [START, begin(), text("Hello"), text(" there."), stop(), *END]
CALLED = [START, use(), arguments('{"text": '), arguments('"x"}'), stop(), *END]
ODD = {
    "a block that begins twice": [START, begin(), begin(), text("Hello there."), stop(), *END],
    "a block that begins again in its midst": [START, begin(), text("Hello"), begin(), text(" there."), stop(), *END],
    "a block that never begins": [START, text("Hello there."), stop(), *END],
    "a block that never ends": [START, begin(), text("Hello there."), *END],
    "no index": without_index(WHOLE),
    "a null index": [START, begin(None), text("Hello there.", None), stop(None), *END],
    "a clean end without message_stop": WHOLE[:-1],
    "no message_start": WHOLE[1:],
    "a stop for a block that is not there": [START, begin(), text("Hello there."), stop(), stop(), stop(4), *END],
    "an empty start and the text of it later": [START, begin(text="Hello"), text(" there."), stop(), *END],
}


@pytest.mark.parametrize("name", ODD)
def test_what_can_be_read_of_an_odd_stream_is_read(stub: StubServer, name: str) -> None:
    message = hear(stub, ODD[name]).message
    assert message.text == "Hello there."


ODD_CALLS = {
    "no index": without_index(CALLED),
    "a call that begins twice": [START, use(), use(), arguments('{"text": "x"}'), stop(), *END],
    "a call that never ends": [*CALLED[:4], *END],
    "its input whole at its start": [
        START,
        begin(type="tool_use", id="t", name="echo", input={"text": "x"}),
        stop(),
        *END,
    ],
    "its input at the start and again in pieces": [
        *(START, begin(type="tool_use", id="t", name="echo", input={"text": "x"})),
        *(arguments('{"text": "x"}'), stop(), *END),
    ],
}


@pytest.mark.parametrize("name", ODD_CALLS)
def test_what_can_be_read_of_an_odd_call_is_read(stub: StubServer, name: str) -> None:
    [call] = hear(stub, ODD_CALLS[name]).message.tool_uses
    assert (call.name, call.input, call.problem) == ("echo", {"text": "x"}, "")


def test_an_index_that_is_used_again_is_another_block(stub: StubServer) -> None:
    """As some gateways do: every block has index 0."""
    events = [START, begin(), text("One."), stop(), begin(), text("Two."), stop()]
    events += [use(), arguments('{"text": "a"}'), stop(), use(id_="toolu_2"), arguments('{"text": "b"}'), stop(), *END]
    message = hear(stub, events).message
    assert [block.type for block in message.content] == ["text", "text", "tool_use", "tool_use"]
    assert [call.input for call in message.tool_uses] == [{"text": "a"}, {"text": "b"}]


def test_two_calls_whose_blocks_overlap_are_two_calls(stub: StubServer) -> None:
    events = [START, use(0), use(1, "toolu_2"), arguments('{"text": "b"}', 1), arguments('{"text": "a"}', 0)]
    message = hear(stub, [*events, stop(0), stop(1), *END]).message
    assert [(call.id, call.input) for call in message.tool_uses] == [
        ("toolu_1", {"text": "a"}),
        ("toolu_2", {"text": "b"}),
    ]


def test_a_call_in_a_stream_that_ends_without_a_reason_does_not_count(stub: StubServer) -> None:
    stub.reply(*[streamed([START, begin(), text("Now:"), stop(), *CALLED[1:5]])] * 3)
    events, error = talk(model_of(stub))
    assert type(error) is StreamCutError
    assert not [event for event in events if isinstance(event, MessageFinished)]


def test_a_second_reason_that_is_null_does_not_undo_a_cut(stub: StubServer) -> None:
    """Else the call that the limit cut would run."""
    cut = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 5}}
    late = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 6}}
    finished = hear(stub, [START, use(), arguments('{"text": "ha"}'), stop(), cut, late, {"type": "message_stop"}])
    assert finished.stop_reason == "max_tokens"
    assert finished.usage.output_tokens == 6
    late["delta"]["stop_reason"] = "tool_use"
    assert hear(stub, [START, use(), stop(), cut, late, {"type": "message_stop"}]).stop_reason == "max_tokens"


def test_a_second_reason_that_is_null_leaves_the_first(stub: StubServer) -> None:
    """It may be all that says why the message ended."""
    called = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}
    late = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 6}}
    assert hear(stub, [START, use(), arguments("{}"), stop(), called, late]).stop_reason == "tool_use"


MESSAGE: Wire = {
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello there."}, {**CALL, "id": "toolu_1"}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 9, "output_tokens": 4},
}


def test_a_plain_message_is_read_although_a_stream_was_asked_for(stub: StubServer) -> None:
    stub.reply(Reply(body=json.dumps(MESSAGE), content_type="application/json"))
    events, error = talk(model_of(stub))
    assert error is None
    last = finished(events)
    assert (said(events), last.stop_reason) == ("Hello there.", "tool_use")
    assert [call.input for call in last.message.tool_uses] == [CALL["input"]]
    assert last.usage.input_tokens == 9
    assert [type(event.block) for event in events if isinstance(event, BlockFinished)][-1] is ToolUseBlock


def test_a_plain_error_with_status_200_is_told_in_the_servers_own_words(stub: StubServer) -> None:
    for body in (
        {"type": "error", "error": {"type": "invalid_request_error", "message": "no such tool"}},
        {"error": "no such tool"},
        {"object": "error", "message": "no such tool", "code": 400},
        {"detail": "no such tool"},
    ):
        stub.reply(Reply(body=json.dumps(body), content_type="application/json"))
        error = talk(model_of(stub, patience=Patience(retries=0)))[1]
        assert "no such tool" in str(error)


# ---- arguments


UNREADABLE = {
    "cut": '{"text": "hal',
    "null": "null",
    "a list": "[1]",
    "a number": "3",
    "words": "text=x",
    "NaN": '{"text": NaN}',
    "infinity": '{"text": 1e400}',
    "infinity below zero, nested": '{"text": [{"x": -1e400}]}',
    "too deep": "[" * 100_000,
    "a string": '"text"',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_arguments_are_a_call_with_a_problem_that_teaches(stub: StubServer, name: str) -> None:
    """The turn continues: nothing runs, the model reads what was wrong, and what it wrote."""
    raw = UNREADABLE[name]
    stub.reply(Reply(("Now:", {**CALL, "raw": raw}, CALL), piece=50_000))
    events, error = talk(model_of(stub))
    assert error is None, error
    bad, good = finished(events).message.tool_uses
    assert "JSON object" in bad.problem
    assert len(bad.problem) < 3_000
    assert (good.problem, good.input) == ("", CALL["input"])
    json.dumps(bad.to_dict(), allow_nan=False)
    assert "problem" not in bad.to_dict()
    if len(raw) < 100:
        assert raw in bad.problem


@pytest.mark.parametrize("given", ['"x"', [1], None, 7])
def test_input_that_is_no_object_at_the_start_is_a_problem_too(stub: StubServer, given: Any) -> None:
    events = [START, begin(type="tool_use", id="t", name="echo", input=given), stop(), *END]
    [call] = hear(stub, events).message.tool_uses
    assert bool(call.problem) is (given is not None)  # null is how some say: no arguments yet
    assert call.input == {} or "INVALID_JSON" in call.input


def test_an_object_that_was_encoded_twice_is_unwrapped_where_its_schema_fits(stub: StubServer) -> None:
    stub.reply(
        Reply(({**CALL, "raw": json.dumps(json.dumps({"text": "x"}))},)),
        Reply(({**CALL, "raw": json.dumps(json.dumps({"colour": "x"}))},)),
    )
    model = model_of(stub)
    [call] = finished(talk(model)[0]).message.tool_uses
    assert (call.input, call.problem) == ({"text": "x"}, "")
    [call] = finished(talk(model)[0]).message.tool_uses
    assert call.problem


def test_a_call_without_id_or_with_an_odd_name_can_be_answered(stub: StubServer) -> None:
    events = [START, begin(type="tool_use", name="echo", input={}), stop(), *END]
    assert len(hear(stub, events).message.tool_uses) == 1
    events = [START, begin(type="tool_use", id="t", name="no such: tool!", input={}), stop(), *END]
    [call] = hear(stub, events).message.tool_uses
    assert call.name == "no_such__tool_"
    assert "no such: tool!" in call.problem


# ---- another try


EARLY = {
    "an error event": (Reply(("x",), error_after=1), ModelUnavailableError),
    "an error event as the first": (Reply(("x",), error_after=0), ModelUnavailableError),
    "an error event within an empty block": (Reply(("x",), error_after=2), ModelUnavailableError),
    "a limit": (Reply(("x",), error_after=1, error_type="rate_limit_error"), RateLimitError),
    "a lost connection": (Reply(("x",), cut_after=100), StreamCutError),
    "an empty stream": (Reply(body="", content_type=SSE), StreamCutError),
    "a clean end without a word": (Reply(body=": ping\n\n", content_type=SSE), StreamCutError),
    "an error of another protocol": (
        Reply(body='data: {"error": {"message": "it crashed"}}\n\n', content_type=SSE),
        ModelUnavailableError,
    ),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_fault_before_the_first_word_is_tried_again_like_one_with_a_status(stub: StubServer, name: str) -> None:
    reply, error = EARLY[name]
    stub.reply(reply, "Said.")
    events, raised = talk(model_of(stub))
    assert raised is None
    assert said(events) == "Said."
    assert len([event for event in events if isinstance(event, Notice)]) == 1
    stub.reply(*[reply] * (QUICK.retries + 1))
    stub.requests.clear()
    events, raised = talk(model_of(stub))
    assert type(raised) is error
    assert len(stub.messages) == QUICK.retries + 1


def test_tries_are_counted_together_whether_a_status_or_a_stream_failed(stub: StubServer) -> None:
    stub.reply(Reply.fault(529), Reply(("x",), error_after=1), Reply.fault(529), "Never asked for.")
    _, error = talk(model_of(stub))
    assert error is not None
    assert len(stub.messages) == QUICK.retries + 1


@pytest.mark.parametrize(
    "reply", [Reply(("x",), error_after=1, error_type="invalid_request_error"), Reply(("said" * 9,), error_after=4)]
)
def test_a_fault_that_another_try_cannot_help_or_that_comes_after_words_is_final(
    stub: StubServer, reply: Reply
) -> None:
    stub.reply(reply)
    assert talk(model_of(stub))[1] is not None
    assert len(stub.messages) == 1


def test_retry_after_zero_still_backs_off(stub: StubServer) -> None:
    error = RateLimitError(retry_after=0.0)
    assert (Patience(backoff=2.0).wait(1, error) or 0) >= 1.5
    assert (Patience(backoff=2.0).wait(3, error) or 0) >= 6
    assert Patience(backoff=2.0).wait(1, RateLimitError(retry_after=0.25)) == 0.25


def test_a_server_that_loads_its_model_is_waited_for_and_the_person_is_told_once(stub: StubServer) -> None:
    loading = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}  # llama.cpp
    stub.reply(*[Reply(status=503, body=json.dumps(loading), content_type="application/json")] * 9, "Loaded.")
    events, error = talk(model_of(stub, patience=Patience(retries=1, backoff=0.001, loading=60, loading_pause=0.01)))
    assert error is None
    assert said(events) == "Loaded."
    [notice] = [event for event in events if isinstance(event, Notice)]
    assert "loading the model" in notice.text
    stub.reply(*[Reply(status=503, body=json.dumps(loading), content_type="application/json")] * 9)
    assert talk(model_of(stub, patience=Patience(retries=1, backoff=0.001, loading=0.05, loading_pause=0.01)))[1]
