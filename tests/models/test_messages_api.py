"""The real model against the strict stub: what is sent, what is shown, every fault, and stopping."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import replace
from typing import Any

import pytest
from model_kit import CALL, OPUS, QUICK, THOUGHT, ask, finished, model_of, said, talk

from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.errors import (
    AuthenticationError,
    CancelledError,
    ContextOverflowError,
    ModelError,
    ModelUnavailableError,
    ProtocolError,
    RateLimitError,
    RequestRefusedError,
    StalledError,
    StreamCutError,
    ThinkingRefusedError,
    UsageError,
)
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, Notice, TextDelta, ThinkingDelta
from conjure_magic.messages import Message, OtherBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock, Usage
from conjure_magic.models.base import ToolDefinition
from conjure_magic.models.choice import ModelChoice
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.models.model_facts import parse_price
from conjure_magic.testing.stub import Reply, StubServer

# ---- what is shown and kept


def test_an_answer_arrives_in_pieces_and_then_whole(stub: StubServer) -> None:
    stub.reply([THOUGHT, "Hello, it is a fine day.", CALL])
    events, error = talk(model_of(stub))
    assert error is None
    assert said(events) == "Hello, it is a fine day."
    assert len([event for event in events if isinstance(event, TextDelta)]) > 1
    assert "".join(e.text for e in events if isinstance(e, ThinkingDelta)) == THOUGHT["thinking"]
    last = finished(events)
    assert [type(block) for block in last.message.content] == [ThinkingBlock, TextBlock, ToolUseBlock]
    assert [e.block for e in events if isinstance(e, BlockFinished)] == list(last.message.content)
    assert last.message.tool_uses[0].input == CALL["input"]
    assert (last.stop_reason, last.model) == ("tool_use", OPUS)
    assert last.usage.output_tokens


def test_a_loop_with_thinking_is_accepted_and_its_prefix_never_changes(stub: StubServer) -> None:
    """The stub refuses thinking that is not byte for byte what it sent, where it sent it."""
    model = model_of(stub)
    messages: tuple[Message, ...] = (Message.user("Go on until you are done."),)
    for number in range(6):
        stub.reply([THOUGHT, {"type": "redacted_thinking"}, f"Step {number}", CALL, dict(CALL)])
        events, error = talk(model, ask(*messages))
        assert error is None, error
        answer = finished(events).message
        results = [ToolResultBlock(call.id, f"result {number}") for call in answer.tool_uses]
        messages = (*messages, answer, Message.user(*results))
    assert [record.prefix_change for record in stub.messages] == [""] * 6
    assert [record.status for record in stub.messages] == [200] * 6


def test_thirty_rounds_bill_their_input_as_if_each_token_was_written_once_and_then_read(stub: StubServer) -> None:
    model = model_of(stub)
    messages: tuple[Message, ...] = (Message.user("word " * 1000),)
    for _ in range(30):
        stub.reply([THOUGHT, CALL])
        answer = finished(talk(model, ask(*messages))[0]).message
        messages = (*messages, answer, Message.user(ToolResultBlock(answer.tool_uses[0].id, "line\n" * 300)))
    usages = [Usage.from_dict(record.usage) for record in stub.messages]
    prompts = [usage.prompt_tokens or 0 for usage in usages]
    price = model.price
    assert price is not None
    ideal = prompts[-1] * price.cache_write + sum(prompts[:-1]) * price.cache_read
    billed = sum(
        (u.input_tokens or 0) * price.input
        + (u.cache_creation_input_tokens or 0) * price.cache_write
        + (u.cache_read_input_tokens or 0) * price.cache_read
        for u in usages
    )
    assert billed <= 1.1 * ideal


def test_what_is_unknown_is_skipped_or_kept(stub: StubServer) -> None:
    server_call = {"type": "server_tool_use", "name": "bash_code_execution", "input": {"command": "ls"}}
    odd = {"type": "hologram", "depth": [1, {"two": None}]}
    stub.reply(Reply(("One.", odd, server_call, "Two."), noise=True, extra={"container": {"id": "container_1"}}))
    events, error = talk(model_of(stub))
    assert error is None
    blocks = finished(events).message.content
    assert [block.type for block in blocks] == ["text", "hologram", "server_tool_use", "text"]
    assert isinstance(blocks[1], OtherBlock)
    assert blocks[1].to_dict() == odd
    assert blocks[2].to_dict()["input"] == {"command": "ls"}
    assert finished(events).extra["container"] == {"id": "container_1"}


def test_citations_come_back_as_they_came(stub: StubServer) -> None:
    citations = [{"type": "char_location", "cited_text": "a"}, {"type": "char_location", "cited_text": "b"}]
    stub.reply([{"type": "text", "text": "Cited.", "citations": citations}])
    block = finished(talk(model_of(stub))[0]).message.content[0]
    assert block.to_dict() == {"type": "text", "text": "Cited.", "citations": citations}


@pytest.mark.parametrize(
    "reason", ["end_turn", "stop_sequence", "max_tokens", "refusal", "model_context_window_exceeded", "pause_turn", "?"]
)
def test_every_stop_reason_arrives_as_what_it_is(stub: StubServer, reason: str) -> None:
    stub.reply(Reply(("So far",), stop_reason=reason, extra={"stop_details": {"category": "x"}}))
    events, error = talk(model_of(stub))
    assert error is None
    assert finished(events).stop_reason == reason
    assert finished(events).extra["stop_details"] == {"category": "x"}


def test_why_the_model_declined_is_told(stub: StubServer) -> None:
    for details, told in (
        ({"category": "cyber", "explanation": "It asks for malware."}, ["cyber: It asks for malware."]),
        ({"category": None, "explanation": None}, []),
        ("odd", []),
    ):
        stub.reply(Reply(("So far",), stop_reason="refusal", extra={"stop_details": details}))
        notices = [event.text for event in talk(model_of(stub))[0] if isinstance(event, Notice)]
        assert [text.removeprefix("The model declined: ") for text in notices] == told


def test_calls_of_an_answer_that_was_cut_after_them_are_told_as_not_run(stub: StubServer) -> None:
    stub.reply(Reply((CALL, CALL), stop_reason="max_tokens"))
    [notice] = [event.text for event in talk(model_of(stub))[0] if isinstance(event, Notice)]
    assert "calls of echo, echo were not run" in notice


def test_a_call_cut_by_the_output_limit_is_not_presented_and_said(stub: StubServer) -> None:
    stub.reply(Reply(("Now:", {**CALL, "raw": '{"text": "hal'}), stop_reason="max_tokens"))
    events, error = talk(model_of(stub))
    assert error is None
    assert finished(events).message.tool_uses == ()
    assert not [e for e in events if isinstance(e, BlockFinished) and isinstance(e.block, ToolUseBlock)]
    assert [e.level for e in events if isinstance(e, Notice)] == ["warning"]


def test_empty_text_blocks_are_left_out_of_the_message(stub: StubServer) -> None:
    """A model may send them, and the API refuses them when they come back."""
    stub.reply(["", "\n\n", CALL])
    answer = finished(talk(model_of(stub))[0]).message
    assert [block.type for block in answer.content] == ["tool_use"]
    again = ask(Message.user("Hi."), answer, Message.user(ToolResultBlock(answer.tool_uses[0].id, "x")))
    assert talk(model_of(stub), again)[1] is None


# ---- what is sent


def test_the_request_asks_for_caching_and_summarised_thinking_and_never_samples(stub: StubServer) -> None:
    talk(model_of(stub), ask(max_tokens=123))
    body = stub.requests[0].body
    assert body is not None
    assert body["cache_control"] == {"type": "ephemeral"}
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert (body["max_tokens"], body["stream"], body["system"]) == (123, True, "Be brief.")
    assert not {"temperature", "top_p", "top_k"} & set(body)
    assert "cache_control" not in json.dumps(body["messages"])
    assert stub.requests[0].headers["anthropic-version"] == "2026-10-21"
    assert "anthropic-beta" not in stub.requests[0].headers


def test_a_model_without_adaptive_thinking_is_not_asked_for_it(stub: StubServer) -> None:
    assert talk(model_of(stub, "claude-haiku-4-5"))[1] is None
    assert "thinking" not in (stub.requests[0].body or {})


def test_a_model_that_the_server_says_takes_no_adaptive_thinking_is_answered_from_the_first_request_on(
    stub: StubServer,
) -> None:
    """`capabilities.thinking.types` has a key for every kind, with `supported` saying whether the model takes it."""
    model = model_of(stub, "claude-unthinking-stub")
    for _ in range(2):
        assert talk(model)[1] is None
    assert ["thinking" in (request.body or {}) for request in stub.messages] == [False, False]
    assert not any(request.error for request in stub.requests)


def test_a_model_in_no_table_that_takes_adaptive_thinking_is_asked_for_it(stub: StubServer) -> None:
    assert talk(model_of(stub, "claude-tiny-stub"), ask(max_tokens=500))[1] is None
    assert (stub.messages[0].body or {})["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_messages_are_sent_in_the_bytes_they_were_given(stub: StubServer) -> None:
    """Nothing is serialised a second time: marks in the cached bytes go over the wire."""
    message = Message.user("Hi.")
    message.__dict__["encoded"] = b'{"role":"user","content":"given bytes"}'
    talk(model_of(stub), ask(message))
    assert (stub.requests[0].body or {})["messages"] == [{"role": "user", "content": "given bytes"}]


def test_a_long_request_arrives_whole(stub: StubServer) -> None:
    """It is handed to the socket piece by piece, with its length told beforehand, and sent again as a whole."""
    texts = [f"{number} ☃ " * 30_000 for number in range(8)]
    stub.reply(Reply.fault(529), "Read.")
    patient = replace(QUICK, idle=60)  # the stub reads a megabyte in its own time
    events, error = talk(model_of(stub, patience=patient), ask(*[Message.user(text) for text in texts]))
    assert error is None
    assert said(events) == "Read."
    for record in stub.messages:
        assert [m["content"][0]["text"] for m in (record.body or {})["messages"]] == texts
        assert int(record.headers["content-length"]) > 1_000_000


def test_system_and_tools_are_encoded_once_for_as_long_as_they_are_the_same(stub: StubServer) -> None:
    class Counted(ToolDefinition):
        count = 0

        def to_dict(self) -> dict[str, Any]:
            Counted.count += 1
            return super().to_dict()

    model = model_of(stub)
    for _ in range(5):
        talk(model, ask(tools=(Counted("echo", "Says it again."),)))
    assert Counted.count == 1
    talk(model, ask(tools=(Counted("other", "Says it again."),)))
    assert Counted.count == 2
    assert [r.body["tools"][0]["name"] for r in stub.requests if r.body] == ["echo"] * 5 + ["other"]


def test_a_compatible_server_gets_nothing_that_it_refuses_and_may_leave_out_much() -> None:
    """No caching, thinking or betas for it; no usage, ping or request id from it."""
    with StubServer([THOUGHT, "Fine.", CALL], compatible=True) as stub:
        model = model_of(stub, "llama3.2")
        events, error = talk(model)
        assert error is None, error
        assert finished(events).usage == Usage()
        assert model.cost(finished(events).usage) is None
        assert stub.requests[0].headers["anthropic-version"] == "2023-06-01"


def test_no_key_sends_no_key_header() -> None:
    with StubServer(compatible=True) as stub:
        model = MessagesModel("llama3.2", Credentials(stub.url, dialect="compatible"), patience=QUICK)
        assert talk(model)[1] is None
        assert not {"x-api-key", "authorization"} & set(stub.requests[0].headers)


def test_a_token_is_sent_as_bearer(stub: StubServer) -> None:
    credentials = Credentials(stub.url, "bearer", Key("tok"), "anthropic")
    assert talk(MessagesModel(OPUS, credentials, patience=QUICK))[1] is None
    assert stub.requests[0].headers["authorization"] == "Bearer tok"
    assert "x-api-key" not in stub.requests[0].headers


def test_connections_are_used_again(stub: StubServer) -> None:
    opened: list[object] = []
    model = model_of(stub)
    model.limits(Cancel())  # else a second connection asks for them, beside the first answer
    pool = model._api.pool
    original = pool._open
    pool._open = lambda: opened.append(1) or original()  # type: ignore[method-assign, func-returns-value]
    for _ in range(4):
        assert talk(model)[1] is None
    assert opened == []


# ---- limits and prices


def test_limits_come_from_the_server_and_else_from_the_table(stub: StubServer) -> None:
    model = model_of(stub, "claude-tiny-stub")
    assert model.context_window is None
    facts = model.limits(Cancel())
    assert (facts.context_window, facts.max_output, facts.adaptive_thinking) == (4_000, 1_000, True)
    assert model.context_window == 4_000
    model.limits(Cancel())
    assert [request.path for request in stub.requests] == ["/v1/models/claude-tiny-stub"]
    with StubServer(compatible=True) as other:
        assert model_of(other, "claude-opus-5-5").limits(Cancel()).context_window == 1_000_000
        assert model_of(other, "llama3.2").limits(Cancel()).context_window is None


def test_cost_counts_cache_reads_and_writes() -> None:
    model = MessagesModel(OPUS, Credentials(key=Key("k"), mode="x-api-key"))
    usage = Usage(1_000_000, 1_000_000, 1_000_000, 1_000_000)
    assert model.cost(usage) == pytest.approx(4 + 20 + 5 + 0.2)
    assert model.cost(Usage()) is None
    assert MessagesModel("claude-opus-5-5-20261101", Credentials()).cost(usage) == model.cost(usage)


def test_a_price_may_depend_on_the_length_of_the_prompt() -> None:
    model = MessagesModel("claude-haiku-5-5", Credentials())
    assert model.cost(Usage(100_000, 0)) == pytest.approx(0.01)
    assert model.cost(Usage(100_001, 0)) == pytest.approx(0.0500005)


def test_an_unknown_price_is_none_and_a_setting_gives_one() -> None:
    """A server of one's own may charge anything for a model of a known name."""
    usage = Usage(1_000_000, 0)
    assert MessagesModel("claude-next", Credentials()).cost(usage) is None
    elsewhere = Credentials("http://localhost:1", dialect="compatible")
    assert MessagesModel(OPUS, elsewhere).cost(usage) is None
    assert MessagesModel(OPUS, elsewhere, price=parse_price({"input": 3, "output": 15})).cost(usage) == 3.0
    assert MessagesModel(OPUS, elsewhere, price=parse_price([3, 15])).cost(Usage(1_000_000, 1_000_000)) == 18.0
    odd = ([3], [3, "x"], [None, 1], [True, 1], {"input": None, "output": 1}, {"input": float("nan"), "output": 1})
    named = ({"input": 3}, {"input": "3", "output": 1}, {"input": -1, "output": 1}, 3, {"input": 1, "out": 2})
    for wrong in (*odd, *named):
        with pytest.raises(UsageError, match=OPUS):
            ModelChoice(OPUS, elsewhere, price=wrong).open()


# ---- faults

SPEND = json.dumps(
    {"error": {"type": "rate_limit_error", "message": "m", "details": {"error_code": "enforced_spend_limit_reached"}}}
)
BEFORE = [  # what comes instead of an answer, the error, how many requests were made
    (Reply.fault(400, message="no"), RequestRefusedError, 1),
    (Reply.fault(400, message="prompt is too long: 9 tokens > 8 maximum"), ContextOverflowError, 1),
    (Reply.fault(400, message="m.1: Invalid `signature` in `thinking` block"), ThinkingRefusedError, 1),
    (Reply.fault(400, message="The block is bound to a different conversation"), ThinkingRefusedError, 1),
    (
        Reply.fault(
            400, message="`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
        ),
        ThinkingRefusedError,
        1,
    ),
    (Reply.fault(400, message="Expected `thinking` or `redacted_thinking`, but found `text`"), ThinkingRefusedError, 1),
    (Reply.fault(400, message="thinking.type: enabled is not supported"), RequestRefusedError, 1),
    (Reply.fault(401), AuthenticationError, 1),
    (Reply.fault(402), RequestRefusedError, 1),
    (Reply.fault(403), AuthenticationError, 1),
    (Reply.fault(404), RequestRefusedError, 1),
    (Reply.fault(408), ModelUnavailableError, 3),
    (Reply.fault(409), ModelUnavailableError, 3),
    (Reply.fault(413), ContextOverflowError, 1),
    (Reply.fault(429), RateLimitError, 3),
    (Reply.fault(429, headers={"retry-after": "0.01"}), RateLimitError, 3),
    (Reply.fault(429, headers={"retry-after-ms": "10"}), RateLimitError, 3),
    (Reply.fault(429, headers={"retry-after": "3600"}), RateLimitError, 1),
    (Reply(status=429, body=SPEND, content_type="application/json"), RateLimitError, 1),
    (Reply.fault(500), ModelUnavailableError, 3),
    (Reply.fault(500, headers={"x-should-retry": "false"}), ModelUnavailableError, 1),
    (Reply.fault(400, headers={"x-should-retry": "true"}), RequestRefusedError, 3),
    (Reply.fault(504), ModelUnavailableError, 3),
    (Reply.fault(529), ModelUnavailableError, 3),
    (Reply(status=502, body="<html>Bad gateway</html>"), ModelUnavailableError, 3),
    (Reply(status=400, body="[" * 100_000), RequestRefusedError, 1),
    (Reply(status=418, body='{"error": "a string"}', content_type="application/json"), RequestRefusedError, 1),
    (Reply(status=503, body='{"error": {"message": 5, "type": []}}'), ModelUnavailableError, 3),
    (Reply(status=307, body="", headers={"location": "http://elsewhere/v1"}), ProtocolError, 1),
    (Reply(status=200, body="<html>Please log in</html>"), ProtocolError, 1),
    (Reply(status=200, body='{"type": "message"}', content_type="application/json"), ProtocolError, 1),
    (Reply(drop=True), StreamCutError, 3),
    (Reply(silent=True), StalledError, 1),
]


@pytest.mark.parametrize(("reply", "error", "tries"), BEFORE)
def test_a_fault_before_the_answer_is_one_typed_error_after_as_many_tries_as_may_help(
    stub: StubServer, reply: Reply, error: type[ModelError], tries: int
) -> None:
    stub.reply(*[reply] * tries)
    events, raised = talk(model_of(stub))
    assert type(raised) is error
    assert len(stub.messages) == tries
    assert [type(event) for event in events] == [Notice] * (tries - 1)
    assert all("Trying again in" in event.text for event in events if isinstance(event, Notice))


@pytest.mark.parametrize("reply", [reply for reply, _, tries in BEFORE if tries > 1])
def test_what_passes_is_tried_again_and_told(stub: StubServer, reply: Reply) -> None:
    stub.reply(reply, "There you are.")
    events, raised = talk(model_of(stub))
    assert raised is None
    assert said(events) == "There you are."
    assert isinstance(events[0], Notice)


ONCE = replace(QUICK, retries=0)
"""Without another try: what is tried again is in `test_streams.py`."""
SSE = "text/event-stream"
IN_THE_MIDDLE = [  # what ends an answer that has begun, and the error
    (Reply(("Once upon a time",), cut_after=1_200), StreamCutError),
    (Reply(("Once upon a time",), stall_after=1_200), StalledError),
    (Reply(("Once upon a time",), error_after=4), ModelUnavailableError),
    (Reply(("Once upon a time",), error_after=4, error_type="rate_limit_error"), RateLimitError),
    (Reply(("Once upon a time",), error_after=4, error_type="invented_error"), ModelUnavailableError),
    (Reply(body="data: {half", content_type=SSE), StreamCutError),
    (Reply(body="data: {half\n\n", content_type=SSE), ProtocolError),
    (Reply(body="data: [1]\n\n", content_type=SSE), ProtocolError),
    (Reply(body=f"data: {'[' * 100_000}\n\n", content_type=SSE), ProtocolError),
    (Reply(body=f'data: {{"type": "ping", "n": {"9" * 5000}}}\n\n', content_type=SSE), ProtocolError),
    (Reply(body='data: {"type": "content_block_delta", "index": 0}\n\n', content_type=SSE), ProtocolError),
    (
        Reply(body='data: {"type": "content_block_delta", "index": [], "delta": {}}\n\n', content_type=SSE),
        ProtocolError,
    ),
    (Reply(body='data: {"type": "message_start", "message": 3}\n\n', content_type=SSE), ProtocolError),
    (Reply(body='data: {"type": "message_start"}\n\n', content_type=SSE), ProtocolError),
    (Reply(body='data: {"type": ["x"]}\n\n', content_type=SSE), ProtocolError),
    (Reply(body='data: {"error": {"message": "it crashed"}}\n\n', content_type=SSE), ModelUnavailableError),
    (Reply(body="", content_type=SSE), StreamCutError),
    (Reply(body="\x00\x01\x02 garbage", content_type=SSE), StreamCutError),
]


@pytest.mark.parametrize(("reply", "error"), IN_THE_MIDDLE)
def test_a_fault_in_the_answer_is_one_typed_error(stub: StubServer, reply: Reply, error: type[ModelError]) -> None:
    stub.reply(reply)
    events, raised = talk(model_of(stub, patience=ONCE))
    assert type(raised) is error
    assert len(stub.messages) == 1
    if reply.body is None:
        assert said(events).startswith("Once upon a")
    assert not [event for event in events if isinstance(event, MessageFinished)]


def test_the_next_request_works_after_any_fault(stub: StubServer) -> None:
    model = model_of(stub, patience=ONCE)
    for reply, _ in IN_THE_MIDDLE:
        stub.reply(reply, "Still here.")
        assert talk(model)[1] is not None
        assert said(talk(model)[0]) == "Still here."


def test_one_event_may_be_large_and_not_endless(stub: StubServer) -> None:
    stub.reply([{"type": "hologram", "data": "x" * 3_000_000}])
    assert talk(model_of(stub))[1] is None
    stub.reply(
        Reply(body="data: " + "x" * 300_000, content_type=SSE), Reply(body="data:x\n" * 100_000, content_type=SSE)
    )
    small = Patience(idle=5, event_bytes=200_000)
    for _ in range(2):
        assert type(talk(model_of(stub, patience=small))[1]) is ProtocolError


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    events, error = talk(MessagesModel("m", Credentials(url, dialect="compatible"), patience=QUICK))
    assert type(error) is ModelUnavailableError
    assert url in str(error)
    assert len(events) == QUICK.retries


def test_an_error_carries_what_support_asks_for(stub: StubServer) -> None:
    stub.reply(Reply.fault(529, headers={"x-should-retry": "false"}))
    error = talk(model_of(stub))[1]
    assert error is not None
    assert (error.status, error.error_type) == (529, "overloaded_error")
    assert error.request_id == "req_stub000001"
    assert "req_stub000001" in str(error)


def test_an_unknown_model_is_named_in_the_error(stub: StubServer) -> None:
    error = talk(model_of(stub, "claude-unheard-of"))[1]
    assert error is not None
    assert "claude-unheard-of" in str(error)


def test_too_long_a_conversation_is_its_own_error(stub: StubServer) -> None:
    error = talk(model_of(stub, "claude-tiny-stub"), ask(Message.user("word " * 10_000), max_tokens=100))[1]
    assert type(error) is ContextOverflowError


# ---- stopping


def stop_while(model: MessagesModel, started: threading.Event) -> list[ModelEvent]:
    """Talk until the event is set, then cancel; the events so far. Fails if it hangs."""
    cancel = Cancel()
    events: list[ModelEvent] = []
    threading.Thread(target=lambda: (started.wait(10), cancel.set("stopped")), daemon=True).start()
    try:
        with contextlib.closing(model.stream(ask(), cancel)) as stream:
            for event in stream:
                events.append(event)
                if isinstance(event, TextDelta | Notice):
                    started.set()
    except CancelledError:
        return events
    pytest.fail(f"it went on to its end: {events}")


FOR_EVER = Patience(retries=2, backoff=1e6, connect=1e6, idle=1e6)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("again", [False, True], ids=["a new connection", "a used connection"])
@pytest.mark.parametrize("reply", [Reply(silent=True), Reply(("a" * 50,), stall_after=1_200)], ids=["headers", "body"])
def test_a_stop_wakes_a_blocked_read(stub: StubServer, reply: Reply, again: bool) -> None:
    model = model_of(stub, patience=FOR_EVER)
    if again:
        assert talk(model)[1] is None
    stub.reply(reply)
    before, started = len(stub.requests), threading.Event()

    def watch() -> None:
        while len(stub.requests) == before and not started.wait(0.01):
            pass
        started.wait(0.1)  # the client is at its read by now
        started.set()

    if reply.silent:
        threading.Thread(target=watch, daemon=True).start()
    stop_while(model, started)
    assert stub.requests[-1].answered.wait(10), "the server still holds the connection"
    assert said(talk(model)[0]) == "Done."


@pytest.mark.timeout(20)
def test_a_stop_wakes_the_wait_for_another_try(stub: StubServer) -> None:
    stub.reply(Reply.fault(529))
    events = stop_while(model_of(stub, patience=FOR_EVER), threading.Event())
    assert [type(event) for event in events] == [Notice]
    assert len(stub.messages) == 1


@pytest.mark.timeout(20)
def test_a_stop_does_not_wait_for_a_connection() -> None:
    """A listener whose queue is full answers no handshake."""
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(address)
        url = f"http://127.0.0.1:{address[1]}"
        model = MessagesModel("m", Credentials(url, dialect="compatible"), patience=Patience(connect=5, idle=1e6))
        started = threading.Event()
        threading.Timer(0.2, started.set).start()
        stop_while(model, started)


@pytest.mark.timeout(20)
def test_a_stop_before_the_request_sends_nothing(stub: StubServer) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(CancelledError):
        list(model_of(stub).stream(ask(), cancel))
    assert stub.requests == []


def test_closing_the_stream_early_leaves_the_model_usable(stub: StubServer) -> None:
    stub.reply(Reply(("word " * 1000,), delay=0.001))
    model = model_of(stub)
    with contextlib.closing(model.stream(ask(), Cancel())) as stream:
        assert any(isinstance(event, TextDelta) for event in stream)
    assert said(talk(model)[0]) == "Done."


def test_an_answer_whose_connection_never_ends_is_still_whole(stub: StubServer) -> None:
    """The end of the message counts, not the end of the stream."""
    model = model_of(stub, patience=FOR_EVER)
    stub.reply("Enough.")
    assert talk(model)[1] is None
    stub.reply(Reply(("Enough.",), stall_after=stub.requests[0].sent))
    events, error = talk(model)
    assert error is None
    assert said(events) == "Enough."
