"""What the stub says and takes, against the official client's own types, field by field.

The client itself is lenient: it builds its objects without checking them. Here its types are asked to check: a field
that is missing, or that they do not name, fails.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from model_kit import finished, model_of, talk

from conjure_magic.messages import Message
from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.testing.stub import Reply, StubServer, bash, edit
from conjure_magic.testing.stub.blocks import FIELDS, UNCACHED

anthropic = pytest.importorskip("anthropic", reason="the test extra names it")
pydantic = pytest.importorskip("pydantic", reason="the official client needs it")

from anthropic import types  # noqa: E402  (after the check that it is there)
from anthropic.types.message_create_params import MessageCreateParamsBase  # noqa: E402
from anthropic.types.shared import ErrorResponse  # noqa: E402

from conjure_magic.testing.stub import rules  # noqa: E402

OPUS = "claude-opus-5-5"
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
SERVER_CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e", "page_age": None}
PAGE = {"type": "document", "title": None, "citations": None}
PAGE |= {"source": {"type": "text", "media_type": "text/plain", "data": "x"}}
STREAMS = {"stdout": "", "stderr": "", "return_code": 0, "content": []}
BLOCKS: dict[str, dict[str, Any]] = {
    "text": {"text": "Hello."},
    "thinking": {"thinking": "Let me see."},
    "redacted_thinking": {},
    "tool_use": {"name": "echo", "input": {"text": "x"}},
    "server_tool_use": {key: value for key, value in SERVER_CALL.items() if key != "type"},
    "web_search_tool_result": {"tool_use_id": "srvtoolu_1", "content": [FOUND]},
    "web_fetch_tool_result": {
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "web_fetch_result", "url": "u", "retrieved_at": None, "content": PAGE},
    },
    "code_execution_tool_result": {
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "code_execution_result", **STREAMS},
    },
    "bash_code_execution_tool_result": {
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "bash_code_execution_result", **STREAMS},
    },
    "text_editor_code_execution_tool_result": {
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "text_editor_code_execution_create_result", "is_file_update": False},
    },
    "tool_search_tool_result": {
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "tool_search_tool_search_result", "tool_references": []},
    },
    "container_upload": {"file_id": "file_1"},
}
"""One block of each type that a model's message may hold."""
CALLS = {"web_search_tool_result": "web_search", "web_fetch_tool_result": "web_fetch"}
CALLS |= {"tool_search_tool_result": "tool_search_tool_regex"}
EVENTS = {
    "message_start": types.RawMessageStartEvent,
    "message_delta": types.RawMessageDeltaEvent,
    "message_stop": types.RawMessageStopEvent,
    "content_block_start": types.RawContentBlockStartEvent,
    "content_block_delta": types.RawContentBlockDeltaEvent,
    "content_block_stop": types.RawContentBlockStopEvent,
}


def members(union: Any) -> tuple[Any, ...]:
    """The types in one of the client's unions."""
    return members(get_args(union)[0]) if get_origin(union) is Annotated else get_args(union)


def kind(block: Any) -> str:
    """The wire type of a block's class."""
    annotation = block.model_fields["type"].annotation if hasattr(block, "model_fields") else None
    return str(get_args(annotation or get_type_hints(block)["type"])[0])


RESPONSES = {kind(block): block for block in members(types.ContentBlock)}
PARAMS = {kind(block): block for block in members(types.ContentBlockParam)}


def checked(model: Any, wire: Any) -> Any:
    """The wire object as the client's type. Fails for a field that is missing, of another kind, or not named by it."""
    value = model.model_validate(wire)
    assert unknown(value) == []
    return value


def unknown(value: Any, place: str = "") -> list[str]:
    """The fields in a checked value that its type does not name."""
    if isinstance(value, list):
        return [found for index, part in enumerate(value) for found in unknown(part, f"{place}[{index}]")]
    if not isinstance(value, pydantic.BaseModel):
        return []
    extra = [f"{place}.{name}" for name in value.model_extra or ()]
    names = type(value).model_fields
    return extra + [found for name in names for found in unknown(getattr(value, name), f"{place}.{name}")]


@pytest.fixture
def asked() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


def fetch(stub: StubServer, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    headers = {"x-api-key": "sk", "anthropic-version": "2026-10-21", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(stub.url + path, data, headers)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(stub: StubServer, **more: Any) -> Any:
    body = {"model": OPUS, "max_tokens": 500, "messages": [{"role": "user", "content": "Hi."}], **more}
    status, content = fetch(stub, "/v1/messages", body)
    assert status == 200, content
    return content


def test_the_stub_knows_every_block_that_the_client_knows_and_its_fields() -> None:
    assert set(FIELDS) == set(PARAMS)
    assert set(RESPONSES) <= set(FIELDS)
    for name, block in PARAMS.items():
        cached = set() if name in UNCACHED else {"cache_control"}
        assert FIELDS[name] | {"type"} | cached == set(get_type_hints(block)), name


def test_the_stub_takes_every_field_of_a_request_that_the_client_sends() -> None:
    assert set(get_type_hints(MessageCreateParamsBase)) <= rules.FIELDS
    assert set(get_type_hints(types.ToolParam)) == rules.TOOL_FIELDS


def test_there_is_a_block_of_every_type_to_try() -> None:
    assert set(BLOCKS) == set(RESPONSES)


def scripted(name: str) -> list[dict[str, Any]]:
    block = {"type": name, **BLOCKS[name]}
    if "tool_use_id" not in block:
        return [block]
    return [{**SERVER_CALL, "name": CALLS.get(name, "code_execution")}, block]


@pytest.mark.parametrize("name", sorted(RESPONSES))
def test_every_block_is_read_strictly_whole_and_streamed(asked: StubServer, name: str) -> None:
    tools = [CODE]
    if name == "tool_use":
        tools.append({"name": "echo", "input_schema": {"type": "object"}})
    asked.reply(scripted(name), scripted(name))
    message = checked(types.Message, json.loads(ask(asked, tools=tools)))
    assert message.content[-1].type == name
    text = ask(asked, tools=tools, stream=True).decode()
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [checked(EVENTS[event["type"]], event).type for event in events][-1] == "message_stop"


@pytest.mark.parametrize("name", sorted(set(RESPONSES) - {"server_tool_use", "container_upload"}))
def test_every_block_is_kept_by_us_and_may_come_back(asked: StubServer, name: str) -> None:
    """The next request holds it as it came, and the stub refuses it with any field more."""
    sent = asked.hosted.add_file("a.txt", b"a") if name == "container_upload" else None
    assert sent is None
    asked.reply([*scripted(name), "Done."])
    model = model_of(asked)
    tools = (ToolDefinition("echo", ""), ToolDefinition("code_execution", "", wire=CODE))
    events, error = talk(model, Request(OPUS, "", tools, (Message.user("Hi."),), 1_000))
    assert error is None
    message = finished(events).message
    assert name in [block.type for block in message.content]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "x"} for call in message.tool_uses]
    after = Message.from_dict({"role": "user", "content": results or "Go on."})
    again = Request(OPUS, "", tools, (Message.user("Hi."), message, after), 1_000)
    assert talk(model, again)[1] is None
    body = json.loads(model.body(again))
    block = next(block for block in body["messages"][1]["content"] if block["type"] == name)
    block["provider_specific_fields"] = {"a": 1}
    status, content = fetch(asked, "/v1/messages", {**body, "stream": False})
    assert (status, b"provider_specific_fields: Extra inputs are not permitted" in content) == (400, True)
    model.close()


def test_hosted_work_and_its_container_are_read_strictly(asked: StubServer) -> None:
    asked.reply([*bash("make", "made\n", files={"a.txt": b"a"}), *edit("view", "/a", content="x"), "Done."])
    message = checked(types.Message, json.loads(ask(asked, tools=[CODE])))
    assert message.container is not None
    asked.reply([*bash("make", error="unavailable"), *edit("create", "/a", error="file_not_found"), "Done."])
    checked(types.Message, json.loads(ask(asked, tools=[CODE])))


def test_the_other_endpoints_are_read_strictly(asked: StubServer) -> None:
    for model in json.loads(fetch(asked, "/v1/models?limit=100")[1])["data"]:
        info = checked(types.ModelInfo, model)
        assert checked(types.ModelInfo, json.loads(fetch(asked, f"/v1/models/{info.id}")[1])) == info
    counted = {"model": OPUS, "messages": [{"role": "user", "content": "Hi."}]}
    checked(types.MessageTokensCount, json.loads(fetch(asked, "/v1/messages/count_tokens", counted)[1]))
    checked(types.FileMetadata, json.loads(fetch(asked, f"/v1/files/{asked.hosted.add_file('a', b'a').id}")[1]))
    for skill in json.loads(fetch(asked, "/v1/skills")[1])["data"]:
        checked(types.Skill, skill)


UNTYPED = {409, 413}
"""`conflict_error` and `request_too_large`: in the vendor's documentation of errors, and not in the client's types."""


@pytest.mark.parametrize("status", sorted(set(rules.ERROR_TYPES) - UNTYPED))
def test_errors_are_read_strictly(asked: StubServer, status: int) -> None:
    asked.reply(Reply.fault(status, headers={"x-should-retry": "false"}))
    got, content = fetch(
        asked, "/v1/messages", {"model": OPUS, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi."}]}
    )
    assert got == status
    ErrorResponse.model_validate_json(content)


def test_usage_of_hosted_work_is_the_sum_of_its_iterations_and_message_start_tells_the_first(asked: StubServer) -> None:
    """As the types say: `message_delta` counts cumulatively, also over the server's own loop."""
    asked.reply([*bash("a"), *bash("b"), "Done."])
    text = ask(asked, tools=[CODE], stream=True).decode()
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    first = next(event["message"]["usage"] for event in events if event["type"] == "message_start")
    last = next(event["usage"] for event in events if event["type"] == "message_delta")
    used = asked.requests[-1].iterations
    assert len(used) == 3
    assert first["input_tokens"] == used[0]["input_tokens"]
    prompts = [sum(one[n] for n in one if n != "output_tokens") for one in used]
    assert sum(last[n] for n in used[0] if n != "output_tokens") == sum(prompts) > 2 * prompts[0]
