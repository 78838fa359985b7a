"""Anthropic's own client against the stub: proof that the stub is not bent to our code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conjure_magic.testing.stub import Reply, StubServer

anthropic = pytest.importorskip("anthropic", reason="the test extra names it")

OPUS = "claude-opus-5-5"
TOOL = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = {"type": "tool_use", "name": "weather", "input": {"city": "Zürich \u2028 ☃"}}
ASK: dict[str, Any] = {"model": OPUS, "max_tokens": 500, "tools": [TOOL], "cache_control": {"type": "ephemeral"}}


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer(key="sk-official") as server:
        yield server


@pytest.fixture
def client(stub: StubServer) -> Iterator[Any]:
    with anthropic.Anthropic(api_key="sk-official", base_url=stub.url, max_retries=1) as client:
        yield client


def test_a_plain_message(stub: StubServer, client: Any) -> None:
    stub.reply("Hello.")
    message = client.messages.create(messages=[{"role": "user", "content": "Hi."}], **ASK)
    assert (message.content[0].text, message.stop_reason, message.model) == ("Hello.", "end_turn", OPUS)
    assert message.usage.input_tokens + (message.usage.cache_creation_input_tokens or 0) > 0


def test_a_streamed_tool_loop_with_thinking(stub: StubServer, client: Any) -> None:
    """Thinking, two calls at once, results, and the next round accepted by the rules."""
    messages: list[Any] = [{"role": "user", "content": "How is the weather?"}]
    thought = {"type": "thinking", "thinking": "Let me look …"}
    thinking = {"type": "adaptive", "display": "summarized"}
    for number in range(3):
        stub.reply(Reply((thought, f"Look {number}", CALL, CALL), noise=True))
        with client.messages.stream(messages=messages, thinking=thinking, **ASK) as stream:
            said = "".join(stream.text_stream)
            message = stream.get_final_message()
        assert said == f"Look {number}"
        calls = [block for block in message.content if block.type == "tool_use"]
        assert [call.input for call in calls] == [CALL["input"]] * 2
        assert message.content[0].thinking == thought["thinking"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls]
        messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    with client.messages.stream(messages=messages, thinking=thinking, **ASK) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    assert [(record.status, record.prefix_change) for record in stub.requests] == [(200, "")] * 4


def test_the_tool_runner(stub: StubServer, client: Any) -> None:
    """The client's own loop: it runs the function and sends its result."""
    asked: list[str] = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: its name.
        """
        asked.append(city)
        return "sunny"

    stub.reply([CALL], "It is sunny.")
    runner = client.beta.messages.tool_runner(
        model=OPUS,
        max_tokens=500,
        tools=[weather],
        messages=[{"role": "user", "content": "How is the weather?"}],
        thread=False,  # a history that the server holds is a beta that the stub does not speak
    )
    assert runner.until_done().content[0].text == "It is sunny."
    assert asked == [CALL["input"]["city"]]
    assert [record.status for record in stub.requests] == [200, 200]


def test_server_tool_blocks_and_a_container(stub: StubServer, client: Any) -> None:
    call = {"type": "server_tool_use", "name": "bash_code_execution", "id": "srvtoolu_1", "input": {"command": "ls"}}
    result = {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "bash_code_execution_result", "stdout": "a", "stderr": "", "return_code": 0, "content": []},
    }
    container = {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z", "skills": []}
    stub.reply(Reply((call, result, "One file."), extra={"container": container}))
    code = {"type": "code_execution_20260521", "name": "code_execution"}
    with client.messages.stream(messages=[{"role": "user", "content": "Hi."}], **{**ASK, "tools": [code]}) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == [call["type"], result["type"], "text"]
    assert message.container.id == "container_1"


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError"), (429, "RateLimitError")],
)
def test_errors_are_the_ones_it_knows(stub: StubServer, client: Any, status: int, error: str) -> None:
    stub.reply(*[Reply.fault(status, headers={"retry-after-ms": "1"})] * 2)
    with pytest.raises(getattr(anthropic, error)) as caught:
        client.messages.create(messages=[{"role": "user", "content": "Hi."}], **ASK)
    assert caught.value.request_id.startswith("req_stub")
    assert len(stub.requests) == (2 if status == 429 else 1)


def test_a_refusal_in_the_middle_of_the_stream(stub: StubServer, client: Any) -> None:
    stub.reply(Reply(("Once upon a time",), error_after=4))
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(messages=[{"role": "user", "content": "Hi."}], **ASK) as stream,
    ):
        stream.get_final_message()


def test_a_request_that_breaks_the_rules_is_refused(stub: StubServer, client: Any) -> None:
    bad = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": [{**CALL, "id": "toolu_1"}]}]
    with pytest.raises(anthropic.BadRequestError, match="tool_result"):
        client.messages.create(messages=[*bad, {"role": "user", "content": "No result."}], **ASK)


def test_models_and_tokens(client: Any) -> None:
    assert OPUS in {model.id for model in client.models.list(limit=2)}
    assert client.models.retrieve(OPUS).id == OPUS
    counted = client.messages.count_tokens(model=OPUS, messages=[{"role": "user", "content": "word " * 100}])
    assert counted.input_tokens > 100
