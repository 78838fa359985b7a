"""A person's own function as a model."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes import ScriptedBackend

from conjure_magic.cancel import Cancel, interrupt_guard
from conjure_magic.errors import CancelledError, ModelError, UsageError
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, TextDelta
from conjure_magic.messages import Message, OtherBlock, TextBlock, ToolUseBlock, Usage
from conjure_magic.models.base import Request
from conjure_magic.models.callable_model import CallableModel
from conjure_magic.models.choice import choose_model
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.testing.stub import StubServer

REQUEST = Request("mine", "Be short.", (), (Message.user("hello"),), max_tokens=1_000)


def events(function: Callable[..., Any], cancel: Cancel | None = None) -> list[ModelEvent]:
    return list(CallableModel(function).stream(REQUEST, cancel or Cancel()))


def finished(function: Callable[..., Any]) -> MessageFinished:
    last = events(function)[-1]
    assert isinstance(last, MessageFinished)
    return last


def test_a_callable_gets_the_request() -> None:
    seen: list[Request] = []
    assert events(lambda request: seen.append(request) or "hi")[0] == TextDelta("hi")
    assert seen == [REQUEST]


def test_one_that_wants_messages_gets_them_as_the_wire_has_them() -> None:
    def answer(messages: list[dict[str, Any]]) -> str:
        return repr(messages)

    text = "[{'role': 'user', 'content': [{'type': 'text', 'text': 'hello'}]}]"
    assert finished(answer).message == Message.assistant(text)


def test_text_is_a_whole_answer() -> None:
    assert events(lambda request: "hi") == [
        TextDelta("hi"),
        BlockFinished(TextBlock("hi")),
        MessageFinished(Message.assistant("hi"), "end_turn", Usage(), "<lambda>"),
    ]


def test_a_message_is_taken_as_it_is_and_calls_mean_tool_use() -> None:
    message = Message.assistant("I look.", ToolUseBlock("a", "view", {"path": "x"}))
    last = finished(lambda request: message)
    assert last.message is message
    assert last.stop_reason == "tool_use"


def test_a_wire_message_is_honoured_with_reason_usage_model_and_what_else_it_has() -> None:
    wire = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "some-model",
        "content": [{"type": "text", "text": "hi"}, {"type": "odd", "x": 1}],
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 3, "output_tokens": 4},
        "container": {"id": "c"},
    }
    last = finished(lambda request: wire)
    assert last.message == Message.assistant(TextBlock("hi"), OtherBlock({"type": "odd", "x": 1}))
    assert (last.stop_reason, last.usage, last.model) == ("max_tokens", Usage(3, 4), "some-model")
    assert last.extra == {"container": {"id": "c"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [("hi", "end_turn"), ([{"type": "tool_use", "id": "a", "name": "view", "input": {}}], "tool_use")],
)
def test_a_wire_message_without_a_reason_gets_the_one_its_content_implies(content: object, reason: str) -> None:
    assert finished(lambda request: {"content": content}).stop_reason == reason


def test_pieces_stream_as_they_come() -> None:
    def pieces(request: Request) -> Iterator[str]:
        yield "one "
        yield "two"

    assert events(pieces) == [
        TextDelta("one "),
        TextDelta("two"),
        BlockFinished(TextBlock("one two")),
        MessageFinished(Message.assistant("one two"), "end_turn", Usage(), "pieces"),
    ]


class Pieces:
    """An iterator that knows whether it was closed; nothing but `close` does that."""

    closed = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return "more"

    def close(self) -> None:
        self.closed = True


def test_a_stream_that_is_dropped_closes_the_iterator() -> None:
    pieces = Pieces()
    stream = CallableModel(lambda request: pieces).stream(REQUEST, Cancel())
    assert next(stream) == TextDelta("more")
    stream.close()
    assert pieces.closed


@pytest.mark.parametrize("response", ["", " \n", iter(()), iter(["", " "]), {"content": []}, {"content": ""}])
def test_an_empty_answer_has_no_block_that_a_server_would_refuse(response: object) -> None:
    assert finished(lambda request: response).message.content == ()


@pytest.mark.parametrize(
    ("response", "complaint"),
    [
        (None, r"returned nothing \(None\); expected text, a message"),
        (3, "returned a int"),
        ([TextBlock("x")], "returned a list"),
        (Message.user("x"), "role 'user'"),
        ({}, "no assistant message"),
        ({"content": None}, "no assistant message"),
        ({"content": [1]}, "no assistant message"),
        ({"content": [{"text": "no type"}]}, "no assistant message"),
        ({"role": "user", "content": "x"}, "no assistant message"),
        ({"content": [{"type": "tool_use", "id": "a", "name": "v", "input": {}}] * 2}, "'a' twice"),
        (iter([1]), "yielded a int; expected pieces of text"),
    ],
)
def test_any_other_response_is_an_error_that_says_what_is_expected(response: object, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        events(lambda request: response)


def test_what_the_callable_raises_is_one_line_with_its_cause() -> None:
    def broken(request: Request) -> str:
        raise ValueError("first line\nsecond line")

    with pytest.raises(ModelError, match=r"^broken failed: ValueError: first line$") as error:
        events(broken)
    assert isinstance(error.value.__cause__, ValueError)


def test_an_error_in_the_midst_of_a_stream_keeps_what_was_said() -> None:
    def pieces(request: Request) -> Iterator[str]:
        yield "so far"
        raise ConnectionError("gone")

    stream = CallableModel(pieces).stream(REQUEST, Cancel())
    assert next(stream) == TextDelta("so far")
    with pytest.raises(ModelError, match="pieces failed: ConnectionError: gone"):
        next(stream)


def test_an_async_function_is_waited_for_even_where_a_loop_is_running() -> None:
    async def answer(request: Request) -> str:
        await asyncio.sleep(0)
        return "hi"

    class Client:
        async def __call__(self, messages: list[dict[str, Any]]) -> str:
            return messages[0]["role"]

    async def in_a_notebook() -> list[ModelEvent]:
        return events(answer)

    assert finished(answer).message.text == "hi"
    assert finished(lambda request: answer(request)).message.text == "hi"
    assert finished(Client()).message.text == "user"
    assert asyncio.run(in_a_notebook())[0] == TextDelta("hi")


def test_what_an_async_function_raises_is_one_line() -> None:
    async def broken(request: Request) -> str:
        raise ValueError("no")

    with pytest.raises(ModelError, match="broken failed: ValueError: no"):
        events(broken)


def test_a_stopped_turn_cancels_an_async_function() -> None:
    cancel, ended = Cancel(), threading.Event()

    async def waits(request: Request) -> str:
        try:
            threading.Timer(0.05, cancel.set).start()
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    with pytest.raises(CancelledError):
        events(waits, cancel)
    assert ended.wait(10)


def test_an_async_generator_is_a_slip() -> None:
    async def pieces(request: Request) -> Any:
        yield "hi"

    with pytest.raises(UsageError, match="async generator"):
        CallableModel(pieces)


def test_a_callable_that_cannot_take_the_request_is_a_slip() -> None:
    for function in (lambda: "hi", lambda a, b: "hi", lambda *, request: "hi"):
        with pytest.raises(UsageError, match="takes one argument"):
            CallableModel(function)
    for function in (lambda request, more=1: "hi", lambda *anything: "hi", str.__call__, print):
        CallableModel(function)  # type: ignore[arg-type]


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_stopped_turn_ends_as_cancelled(when: str) -> None:
    cancel = Cancel()
    if when == "before":
        cancel.set()

    def pieces(request: Request) -> Iterator[str]:
        yield "one"
        if when == "between":
            cancel.set()
        yield "two"

    def whole(request: Request) -> str:
        cancel.set()
        return "too late"

    with pytest.raises(CancelledError):
        events(whole if when == "after" else pieces, cancel)


def test_an_interrupt_reaches_the_callable_at_once() -> None:
    """The function waits for ever; only an interrupt that raises inside it lets the test end."""

    def waits(request: Request) -> str:
        signal.raise_signal(signal.SIGINT)
        threading.Event().wait()
        return "never"

    cancel = Cancel()
    with interrupt_guard(cancel), pytest.raises(CancelledError):
        events(waits, cancel)
    assert cancel.reason == "interrupted"


def test_a_callable_is_adapted_and_a_model_used_as_it_is() -> None:
    settings = Settings()
    model = choose_model(lambda request: "hi", settings).open()
    assert isinstance(model, CallableModel)
    assert choose_model(model, settings).open() is model
    assert model.cost(Usage(1, 1)) is None
    assert choose_model("offline", settings).open().name == "offline"
    for spec in (3, None, []):
        with pytest.raises(UsageError, match="not a model"):
            choose_model(spec, settings)


def test_a_callable_answers_a_whole_turn_with_a_tool(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("hello from a file\n")

    def model(messages: list[dict[str, Any]]) -> dict[str, Any] | str:
        last = messages[-1]["content"][0]
        if last["type"] == "tool_result":
            return f"It says: {last['content']}"
        return {
            "content": [{"type": "tool_use", "id": "t1", "name": "view", "input": {"path": str(tmp_path / "a.txt")}}]
        }

    with Session("local", model=model) as session:
        result = session.chat("What is in a.txt?")
    assert result.text.startswith("It says:")
    assert "hello from a file" in result.text
    assert result.cost is None


# ---- clients of the person's own


def test_the_official_client_works_as_it_is(folder: Any) -> None:
    """It gets the request's fields as arguments, an id that its server knows, and its answer is taken as it comes."""
    anthropic = pytest.importorskip("anthropic", reason="the test extra names it")
    with StubServer([{"type": "tool_use", "name": "echo", "input": {"text": "x"}}], "Done.", "Again.") as stub:
        with anthropic.Anthropic(api_key="sk", base_url=stub.url) as client:
            ask = lambda request: client.messages.create(**request)  # noqa: E731
            with Session(backend=ScriptedBackend(), model=ask) as session:
                result = session.chat("Go.")
                assert (result.text, len(result.tool_calls)) == ("Done.", 1)
                assert result.usage.input_tokens
                assert session.chat("Go on.").text == "Again."
        assert [request.error for request in stub.messages] == ["", "", ""]
        assert {(request.body or {})["model"] for request in stub.messages} == {"claude-opus-5-5"}


def test_an_async_client_may_be_kept_from_turn_to_turn(folder: Any) -> None:
    """What it opened belongs to the event loop that it was opened in."""
    import httpx

    with StubServer("One.", "Two.", "Three.") as stub:
        client = httpx.AsyncClient(base_url=stub.url, headers={"x-api-key": "sk", "anthropic-version": "2026-10-21"})

        async def ask(request: Request) -> Any:
            body = {**request, "model": "claude-opus-5-5"}
            return (await client.post("/v1/messages", json=body)).json()

        with Session(backend=ScriptedBackend(), model=ask) as session:
            assert [session.chat("Go.").text for _ in range(3)] == ["One.", "Two.", "Three."]

        async def close(request: Request) -> str:
            await client.aclose()
            return "closed"

        assert finished(close).message.text == "closed"


class Dumped:
    """As a pydantic object: `exclude_unset` leaves out what was not set."""

    def __init__(self, **wire: Any) -> None:
        self.wire = wire

    def model_dump(self, *, mode: str = "python", exclude_unset: bool = False) -> dict[str, Any]:
        return self.wire if exclude_unset else {**self.wire, "stop_details": None}


class Converted:
    def to_dict(self) -> dict[str, Any]:
        return {"content": "hi"}


@pytest.mark.parametrize("response", [Dumped(content=[{"type": "text", "text": "hi"}]), Converted()])
def test_an_object_that_can_be_told_as_a_dict_is_one(response: object) -> None:
    assert finished(lambda request: response).message == Message.assistant("hi")


@pytest.mark.parametrize("given", [[1], "{", 7, {"x": float("inf")}, {"x": {1, 2}}])
def test_a_call_with_arguments_that_are_no_json_object_has_a_problem(given: Any) -> None:
    wire = {"content": [{"type": "tool_use", "id": "a", "name": "echo", "input": given}]}
    [call] = finished(lambda request: wire).message.tool_uses
    assert "JSON object" in call.problem
