"""The stub refuses what the real server would, bills what it would, and talks to the official client."""

from __future__ import annotations

import gc
import json
import socket
import sys
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from wire_kit import (
    CODE,
    HEADERS,
    OPENER,
    OPUS,
    RESULT,
    SERVER_RESULT,
    SERVER_USE,
    TEXT,
    TOOL,
    USE,
    assistant,
    body,
    post,
    user,
)

from conjure_magic.testing.stub import Reply, StubProcess, StubServer

REFUSED: list[tuple[dict[str, Any], str]] = [
    # fields
    (body(max_tokens=...), "max_tokens: Field required"),
    (body(max_tokens=-1), "max_tokens"),
    (body(max_tokens="9"), "max_tokens"),
    (body(max_tokens=128_001), "maximum allowed number of output tokens"),
    (body(temperature=1), "temperature"),
    (body(top_p=1), "top_p"),
    (body(top_k=1), "top_k"),
    (body(invented=1), "invented: Extra inputs"),
    (body(model=...), "model: Field required"),
    (body(system=[{"type": "text", "text": ""}]), "text content blocks must be non-empty"),
    (body(thinking={"type": "enabled", "budget_tokens": 1024}), "thinking.type"),
    (body(thinking={"type": "disabled"}), "thinking.type"),
    (body(thinking={"type": "adaptive", "display": "all"}), "thinking.display"),
    (body(tool_choice={"type": "any"}), "tool_choice"),
    (body(tool_choice={"type": "tool", "name": "echo"}), "tool_choice"),
    (body(tool_choice={"type": "auto"}, tools=...), "tool_choice"),
    (body(container={"skills": [{"type": "anthropic", "skill_id": "xlsx"}]}), "code_execution tool is required"),
    (body(container={"skills": [{"type": "anthropic", "skill_id": "x"}] * 21}, tools=[CODE]), "at most 20"),
    (body(system=[{**TEXT, "cache_control": {}}] * 4, cache_control={"type": "ephemeral"}), "Found 5"),
    # tools
    (body(tools=[{**TOOL, "name": "a b"}]), "should match pattern"),
    (body(tools=[{**TOOL, "name": "x" * 65}]), "should match pattern"),
    (body(tools=[TOOL, TOOL]), "Tool names must be unique"),
    (body(tools=[{"name": "echo"}]), "input_schema: Field required"),
    (body(tools=[{**TOOL, "input_schema": {"type": "string"}}]), "input_schema.type"),
    (body(tools=[{**TOOL, "colour": "red"}]), "Extra inputs"),
    (body(tools=[{**TOOL, "strict": True}]), "additionalProperties"),
    (body(tools=[{"type": "crystal_ball_2026", "name": "ball"}]), "does not match any"),
    (body(tools=[{"type": "bash_20250124", "name": "sh"}]), "should be 'bash'"),
    # messages
    (body(messages=[]), "at least one message"),
    (body(assistant(TEXT), user(TEXT)), "first message"),
    (body(user(TEXT), assistant(TEXT)), "prefill"),
    (body({"role": "user", "content": ""}), "non-empty content"),
    (body(user()), "non-empty content"),
    (body({"role": "robot", "content": "x"}), "role"),
    (body({**user(TEXT), "name": "me"}), "Extra inputs"),
    (body(user({"type": "text", "text": ""})), "must be non-empty"),
    (body(user({"type": "text", "text": " \n"})), "non-whitespace"),
    (body(user({**TEXT, "citations": [{}]})), "citations"),
    (body(user(TEXT), assistant({"type": "text", "text": ""}), user(TEXT)), "must be non-empty"),
    (body(user(USE)), "not permitted in `user`"),
    (body(user(TEXT), assistant(RESULT), user(TEXT)), "can only be in `user`"),
    (body(user(TEXT), assistant({"type": "document"}), user(TEXT)), "can only be in `user`"),
    # calls and results
    (body(user(TEXT), assistant(USE), user(TEXT)), "without `tool_result` blocks immediately after: toolu_1"),
    (body(user(TEXT), assistant(USE), user(RESULT, {**RESULT, "tool_use_id": "z"})), "unexpected `tool_use_id`"),
    (body(user(RESULT)), "unexpected `tool_use_id`"),
    (body(user(TEXT), assistant(USE), user(TEXT, RESULT)), "must come before all other content"),
    (body(user(TEXT), assistant(USE), user(RESULT, RESULT)), "single result"),
    (
        body(
            user(TEXT),
            assistant(USE, {**USE, "id": "toolu_2"}),
            user(RESULT),
            user({**RESULT, "tool_use_id": "toolu_2"}),
        ),
        "toolu_2",
    ),
    (body(user(TEXT), assistant(USE), user(RESULT), assistant(USE), user(RESULT)), "ids must be unique"),
    (body(user(TEXT), assistant({**USE, "input": "x"}), user(RESULT)), "valid dictionary"),
    (body(user(TEXT), assistant({**USE, "name": "a b"}), user(RESULT)), "should match pattern"),
    (body(user(TEXT), assistant({**USE, "id": "a b"}), user({**RESULT, "tool_use_id": "a b"})), "should match pattern"),
    (body(user(TEXT), assistant(USE), user({**RESULT, "content": [{"type": "video"}]})), "not permitted here"),
    (body(user(TEXT), assistant(USE), user({**RESULT, "colour": "red"})), "Extra inputs"),
    (body(user(TEXT), assistant(USE), user({**RESULT, "is_error": "yes"})), "is_error"),
    (body(user(TEXT), assistant(SERVER_USE), user(TEXT)), "without a corresponding result"),
    (body(user(TEXT), assistant(SERVER_USE, USE), user(RESULT, TEXT)), "only `tool_result` blocks"),
    # thinking
    (body(user(TEXT), assistant({"type": "thinking", "thinking": "x"}), user(TEXT)), "needs thinking and signature"),
    (body(user(TEXT), assistant({"type": "thinking", "thinking": "x", "signature": "y"}), user(TEXT)), "Invalid `sig"),
]


@pytest.mark.parametrize(
    ("wire", "words"), REFUSED, ids=[f"{i:02} {words[:30]}" for i, (_, words) in enumerate(REFUSED)]
)
def test_what_the_real_server_refuses_is_refused(stub: StubServer, wire: dict[str, Any], words: str) -> None:
    status, answer = post(stub, wire)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert words in answer["error"]["message"]
    assert stub.requests[0].error == answer["error"]["message"]


ACCEPTED = [
    body(),
    body({"role": "user", "content": "Hi."}),
    body(user(TEXT), user(TEXT)),
    body(user(TEXT), assistant(USE), user(RESULT, TEXT)),
    body(user(TEXT), assistant(USE), user({"type": "tool_result", "tool_use_id": "toolu_1"})),
    body(user(TEXT), assistant(SERVER_USE, SERVER_RESULT, TEXT), user(TEXT)),
    body(user(TEXT), assistant(SERVER_USE, USE), user(RESULT)),
    body(user(TEXT), assistant(SERVER_USE, USE), user(RESULT), assistant(SERVER_RESULT, TEXT), user(TEXT)),
    body(tools=[TOOL, CODE, {"type": "bash_20250124", "name": "bash"}]),
    body(thinking={"type": "adaptive", "display": "summarized"}, cache_control={"type": "ephemeral"}),
    body(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    body(model="claude-haiku-4-5", tool_choice={"type": "any"}, thinking={"type": "enabled", "budget_tokens": 1024}),
]


@pytest.mark.parametrize("wire", ACCEPTED)
def test_what_is_valid_is_answered(stub: StubServer, wire: dict[str, Any]) -> None:
    status, answer = post(stub, wire)
    assert status == 200, answer
    assert answer["content"] == [{"type": "text", "text": "Done."}]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"anthropic-version": ""}, 400),
        ({"anthropic-version": "2020-01-01"}, 400),
        ({"x-api-key": ""}, 401),
        ({"x-api-key": "other"}, 401),
        ({"x-api-key": "other", "authorization": "Bearer k"}, 401),
        ({"x-api-key": "", "authorization": "Bearer k"}, 200),
        ({"content-type": "text/plain"}, 400),
    ],
)
def test_headers_are_checked(headers: dict[str, str], status: int) -> None:
    with StubServer(key="k") as stub:
        given = {name: value for name, value in {**HEADERS, **headers}.items() if value}
        assert post(stub, body(), headers=given)[0] == status


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(stub: StubServer, data: bytes) -> None:
    assert post(stub, data)[0] == 400


def test_unknown_models_and_paths_are_not_found(stub: StubServer) -> None:
    assert post(stub, body(model="claude-unheard-of"))[0] == 404
    assert post(stub, body(), "/v1/telepathy")[0] == 404


# ---- thinking


def think(stub: StubServer, *, asked: bool = True) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A first answer with two thoughts and a call: the fields of the request, and the messages to go on with."""
    stub.reply([{"type": "thinking", "thinking": "one"}, TEXT, {"type": "thinking", "thinking": "two"}, {**USE}])
    fields = {"thinking": {"type": "adaptive", "display": "summarized"}} if asked else {}
    answer = post(stub, body(user(TEXT), **fields))[1]
    return fields, [user(TEXT), assistant(*answer["content"]), user(RESULT)]


def test_thinking_is_accepted_unchanged_and_in_its_place(stub: StubServer) -> None:
    fields, messages = think(stub)
    assert post(stub, body(*messages, **fields))[0] == 200
    assert [record.prefix_change for record in stub.requests] == ["", ""]


def test_thinking_is_empty_unless_its_summary_is_asked_for(stub: StubServer) -> None:
    _, messages = think(stub, asked=False)
    assert [b["thinking"] for b in messages[1]["content"] if b["type"] == "thinking"] == ["", ""]


@pytest.mark.parametrize(
    ("change", "words", "place"),
    [
        (lambda f, m: m[1]["content"][0].update(thinking="One"), "cannot be modified", ""),
        (lambda f, m: m[1]["content"].pop(0), "different conversation", ""),
        (lambda f, m: m[1]["content"].insert(0, m[1]["content"].pop(2)), "different conversation", ""),
        (lambda f, m: m[0]["content"].append(TEXT), "different conversation", ""),
        (lambda f, m: f.update(system="New."), "different conversation", ""),
        (lambda f, m: f.update(tools=[TOOL, CODE]), "different conversation", ""),
        (lambda f, m: f.update(model="claude-fable-5-2"), "another model", ""),
        (lambda f, m: m[1].update(content=[m[1]["content"][3]]), "cannot be modified", ""),
    ],
    ids=["text", "dropped", "moved", "earlier message", "system", "tools", "model", "stripped in a loop"],
)
def test_changed_thinking_is_refused(stub: StubServer, change: Any, words: str, place: str) -> None:
    fields, messages = think(stub)
    change(fields, messages)
    status, answer = post(stub, body(*messages, **fields))
    assert status == 400
    assert words in answer["error"]["message"]


def test_thinking_may_be_stripped_once_the_loop_is_over(stub: StubServer) -> None:
    fields, messages = think(stub)
    answer = post(stub, body(*messages, **fields))[1]
    bare = [block for block in messages[1]["content"] if block["type"] != "thinking"]
    later = [messages[0], assistant(*bare), messages[2], assistant(*answer["content"]), user(TEXT)]
    assert post(stub, body(*later, **fields))[0] == 200
    assert stub.requests[-1].prefix_change == "messages.1"


def test_a_paused_message_may_stand_last_if_it_is_unchanged(stub: StubServer) -> None:
    stub.reply(Reply((SERVER_USE,), stop_reason="pause_turn"))
    paused = post(stub, body(tools=[CODE]))[1]["content"]
    assert post(stub, body(user(TEXT), assistant(*paused), tools=[CODE]))[0] == 200
    changed = [{**paused[0], "input": {"command": "ls"}}]
    assert post(stub, body(user(TEXT), assistant(*changed), tools=[CODE]))[0] == 400


# ---- billing

AUTO = {"cache_control": {"type": "ephemeral"}}
LONG = {"type": "text", "text": "word " * 2000}


def usage(stub: StubServer, wire: dict[str, Any]) -> tuple[int, int, int]:
    found = post(stub, wire)[1]["usage"]
    return found["input_tokens"], found["cache_creation_input_tokens"], found["cache_read_input_tokens"]


def test_a_prefix_is_written_once_and_then_read(stub: StubServer) -> None:
    first = usage(stub, body(user(LONG), **AUTO))
    assert first[0] == first[2] == 0
    again = usage(stub, body(user(LONG), assistant(TEXT), user(TEXT), **AUTO))
    assert again[2] == first[1]
    assert 0 < again[1] < first[1]


@pytest.mark.parametrize("change", [{"system": "New."}, {"tools": [TOOL, CODE]}, {"thinking": {"type": "adaptive"}}])
def test_what_changes_the_prefix_spoils_the_cache(stub: StubServer, change: dict[str, Any]) -> None:
    usage(stub, body(user(LONG), **AUTO))
    assert usage(stub, body(user(LONG), **{**AUTO, **change}))[2] == 0


def test_without_a_mark_nothing_is_cached_and_short_prefixes_never(stub: StubServer) -> None:
    for _ in range(2):
        assert usage(stub, body(user(LONG)))[1:] == (0, 0)
        assert usage(stub, body(user(TEXT), **AUTO))[1:] == (0, 0)


def test_the_cache_is_searched_twenty_blocks_back(stub: StubServer) -> None:
    usage(stub, body(user(LONG), **AUTO))
    assert usage(stub, body(user(LONG, *[TEXT] * 20), **AUTO))[2] > 0
    usage(stub, body(user({**LONG, "text": "other " * 2000}), **AUTO))
    assert usage(stub, body(user({**LONG, "text": "other " * 2000}, *[TEXT] * 21), **AUTO))[2] == 0


def test_marks_inside_of_messages_count_as_well(stub: StubServer) -> None:
    marked = {**LONG, **AUTO}
    written = usage(stub, body(user(marked, TEXT)))
    assert written[1] > 0
    assert usage(stub, body(user(marked, TEXT)))[2] == written[1]


def test_tokens_can_be_counted_beforehand(stub: StubServer) -> None:
    counted = post(stub, body(user(LONG), max_tokens=...), "/v1/messages/count_tokens")[1]["input_tokens"]
    assert counted == sum(usage(stub, body(user(LONG))))
    assert post(stub, body(tool_choice={"type": "any"}, max_tokens=...), "/v1/messages/count_tokens")[0] == 400


# ---- records, rules, and a process of its own


def test_a_change_of_the_prefix_is_recorded_by_its_place(stub: StubServer) -> None:
    conversation = [user(TEXT), assistant(TEXT), user(LONG)]
    for messages, fields, place in (
        (conversation[:1], {}, ""),
        (conversation, {}, ""),
        (conversation, {"system": "New."}, "messages.0"),
        (conversation, {}, "system.0"),
        (conversation[:1], {}, "messages.1"),
        ([user(LONG)], {}, ""),
    ):
        assert post(stub, body(*messages, **fields))[0] == 200
        assert stub.requests[-1].prefix_change == place


def test_a_rule_answers_when_the_script_is_over() -> None:
    with StubServer("scripted", rule=lambda wire: f"{len(wire['messages'])} messages") as stub:
        said = [post(stub, body())[1]["content"][0]["text"] for _ in range(2)]
    assert said == ["scripted", "1 messages"]


def test_models_are_listed_in_pages(stub: StubServer) -> None:
    def get(path: str) -> Any:
        with OPENER.open(urllib.request.Request(stub.url + path, headers=HEADERS), timeout=10) as answer:
            return json.load(answer)

    first = get("/v1/models?limit=2")
    rest = get(f"/v1/models?limit=100&after_id={first['last_id']}")
    assert (len(first["data"]), first["has_more"], rest["has_more"]) == (2, True, False)
    assert {model["id"] for model in [*first["data"], *rest["data"]]} == set(stub.models)
    assert get(f"/v1/models/{OPUS}")["max_input_tokens"] == 1_000_000


def test_it_runs_in_a_process_of_its_own() -> None:
    with StubProcess() as stub:
        stub.reply("From afar.", Reply.fault(529))
        assert post(stub, body())[1]["content"][0]["text"] == "From afar."  # type: ignore[arg-type]
        assert post(stub, body())[0] == 529  # type: ignore[arg-type]
        assert [request["status"] for request in stub.requests()] == [200, 529]


def test_closing_lets_go_of_connections_that_have_only_just_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deaf peers and connections still being accepted included."""
    lost: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: lost.append(str(unraisable.exc_value)))
    for asked in (False, True):
        with StubServer(["x" * 100_000] * 3) as stub:
            address = urlsplit(stub.url)
            peers = [socket.create_connection((address.hostname, address.port)) for _ in range(20)]
            for peer in peers if asked else ():
                peer.sendall(b"GET /v1/models HTTP/1.1\r\nHost: stub\r\n\r\n" * 200)
        for peer in peers:
            peer.close()
    gc.collect()
    assert not lost
