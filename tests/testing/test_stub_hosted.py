"""The stub's files, skills and containers: what it refuses, what it keeps, and what has to come back unchanged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from wire_kit import CODE, RESULT, SERVER_RESULT, SERVER_USE, TEXT, TOOL, USE, assistant, body, post, user

from conjure_magic.testing.stub import Reply, StubProcess, StubServer, bash, code, edit, pdf, workbook

XLSX = {"type": "anthropic", "skill_id": "xlsx", "version": "latest"}


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


def ask(stub: StubServer, *messages: dict[str, Any], **fields: Any) -> Any:
    """The message that answers a request with code execution, which has to be accepted."""
    status, answer = post(stub, body(*messages, **{"tools": [TOOL, CODE], **fields}))
    assert status == 200, answer
    return answer


# ---- containers


def test_a_command_runs_in_a_container_that_is_kept(stub: StubServer) -> None:
    stub.reply([*bash("ls", "a\n", files={"a.csv": b"1"}), "One."], bash("false", stderr="no", return_code=1), "Over.")
    first = ask(stub)
    call, result, text = first["content"]
    assert (call["name"], call["input"], text["text"]) == ("bash_code_execution", {"command": "ls"}, "One.")
    assert result["tool_use_id"] == call["id"]
    assert result["content"]["stdout"] == "a\n"
    (output,) = result["content"]["content"]
    assert output["type"] == "bash_code_execution_output"
    assert stub.hosted.files[output["file_id"]].content == b"1"
    container = first["container"]["id"]
    again = ask(stub, user(TEXT), assistant(*first["content"]), user(TEXT), container=container)
    assert again["container"]["id"] == container
    assert [call["input"]["command"] for call in stub.hosted.containers[container].calls] == ["ls", "false"]
    assert ask(stub, container=container)["container"] is None  # nothing ran
    stub.reply(bash("ls"))
    assert ask(stub)["container"]["id"] != container


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (edit("view", "/a", content="x\ny"), "text_editor_code_execution_view_result"),
        (edit("create", "/a", file_text="x"), "text_editor_code_execution_create_result"),
        (edit("str_replace", "/a", old_str="x", new_str="y"), "text_editor_code_execution_str_replace_result"),
        (edit("view", "/b", error="file_not_found"), "text_editor_code_execution_tool_result_error"),
        (bash("x", error="execution_time_exceeded"), "bash_code_execution_tool_result_error"),
        (code("print(1)", "1\n", files={"p.png": b"p"}), "code_execution_result"),
    ],
)
def test_every_kind_of_result(stub: StubServer, call: list[dict[str, Any]], kind: str) -> None:
    stub.reply(call)
    made, result = ask(stub)["content"]
    assert result["type"] == f"{made['name']}_tool_result"
    assert result["content"]["type"] == kind
    assert ask(stub, user(TEXT), assistant(made, result), user(TEXT))


def test_skills_are_resolved_in_the_message(stub: StubServer) -> None:
    stub.reply(bash("ls"))
    shown = ask(stub, container={"skills": [XLSX]})["container"]["skills"]
    assert shown == [{"type": "anthropic", "skill_id": "xlsx", "version": "20251013"}]


def test_a_container_that_is_gone_is_refused_in_each_way_that_was_seen(stub: StubServer) -> None:
    stub.reply(bash("ls"))
    container = ask(stub)["container"]["id"]
    stub.hosted.expire_container()
    status, answer = post(stub, body(tools=[CODE], container=container))
    assert (status, answer["error"]["details"]) == (400, {"error_code": "container_expired"})
    stub.hosted.expire_container(container, status=500)
    assert post(stub, body(tools=[CODE], container={"id": container}))[0] == 500
    assert post(stub, body(tools=[CODE], container="container_unheard_of"))[0] == 404


REFUSED: list[tuple[dict[str, Any], str]] = [
    (body(tools=[CODE], container={"skills": [{**XLSX, "skill_id": "abacus"}]}), "skill 'abacus' not found"),
    (body(tools=[CODE], container={"skills": [{**XLSX, "type": "custom"}]}), "skill 'xlsx' not found"),
    (body(tools=[CODE], container={"skills": [{**XLSX, "version": "20990101"}]}), "version '20990101'"),
    (body(tools=[CODE], container={"skills": [{**XLSX, "colour": "red"}]}), "takes type, skill_id and version"),
    (body(tools=[CODE], container={"name": "x"}), "Extra inputs"),
    (body(tools=[{**CODE, "type": "code_execution_20250522"}], container={"skills": [XLSX]}), "is required"),
    (body(user({"type": "container_upload", "file_id": "file_stub000001"})), "code_execution tool is required"),
    (body(user(TEXT), assistant(SERVER_RESULT, TEXT), user(TEXT)), "unexpected `tool_use_id`"),
    (body(user(TEXT), assistant(SERVER_RESULT, SERVER_USE), user(TEXT)), "unexpected `tool_use_id`"),
]


@pytest.mark.parametrize(
    ("wire", "words"), REFUSED, ids=[f"{i:02} {words[:30]}" for i, (_, words) in enumerate(REFUSED)]
)
def test_what_the_real_server_refuses_is_refused(stub: StubServer, wire: dict[str, Any], words: str) -> None:
    stub.hosted.add_file("a.txt", b"a")
    status, answer = post(stub, wire)
    assert status == 400
    assert words in answer["error"]["message"]


def test_uploads_come_into_the_container_as_long_as_they_are_there(stub: StubServer) -> None:
    file = stub.hosted.add_file("a.txt", b"a", made=False)
    upload = user(TEXT, {"type": "container_upload", "file_id": file.id})
    stub.reply(bash("ls $INPUT_DIR"))
    container = ask(stub, upload)["container"]["id"]
    assert stub.hosted.containers[container].uploads == [file.id]
    stub.hosted.expire_file(file.id)
    status, answer = post(stub, body(upload, tools=[CODE]))
    assert (status, answer["error"]["details"]["error_code"]) == (404, "file_expired")
    del stub.hosted.files[file.id]
    assert post(stub, body(upload, tools=[CODE]))[0] == 404


# ---- messages that are not over


def test_a_pause_is_resumed_with_the_same_content_tools_and_container(stub: StubServer) -> None:
    stub.reply(Reply((*bash("make", "half"), *bash("make", "whole", later=True)), stop_reason="pause_turn"))
    paused = ask(stub, user(TEXT))
    assert [block["type"] for block in paused["content"]] == [
        "server_tool_use",
        "bash_code_execution_tool_result",
        "server_tool_use",
    ]
    same = {"tools": [TOOL, CODE], "container": paused["container"]["id"]}
    messages = [user(TEXT), assistant(*paused["content"])]
    first, second = paused["content"][:2], paused["content"][2:]
    for wrong, fields in [
        ([user(TEXT), assistant(*first)], same),
        ([user(TEXT), assistant(*first, {**second[0], "input": {"command": "ls"}})], same),
        (messages, {**same, "tools": [CODE]}),
        (messages, {**same, "container": ...}),
        ([*messages, user(TEXT)], same),
    ]:
        assert post(stub, body(*wrong, **fields))[0] == 400
    resumed = ask(stub, *messages, **same)
    assert resumed["content"][0]["content"]["stdout"] == "whole"
    assert resumed["stop_reason"] == "end_turn"
    assert ask(stub, *messages, assistant(*resumed["content"]), user(TEXT), **same)["container"] is None


def test_a_message_with_calls_of_both_sides_is_answered_by_results_alone(stub: StubServer) -> None:
    stub.reply([*bash("make", "made", later=True), {"type": "tool_use", "name": "echo", "input": {}}])
    mixed = ask(stub)
    assert mixed["stop_reason"] == "tool_use"
    call = mixed["content"][-1]
    result = {**RESULT, "tool_use_id": call["id"]}
    messages = [user(TEXT), assistant(*mixed["content"])]
    same = {"tools": [TOOL, CODE], "container": mixed["container"]["id"]}
    for answer, fields in [
        (user(result, TEXT), same),
        (user(TEXT), same),
        (user(result), {**same, "tools": [TOOL, {**CODE, "type": "code_execution_20250825"}]}),
        (user(result), {**same, "container": ...}),
    ]:
        assert post(stub, body(*messages, answer, **fields))[0] == 400
    following = ask(stub, *messages, user(result), **same)
    assert following["content"][0]["tool_use_id"] == mixed["content"][0]["id"]
    whole = [*messages, user(result), assistant(*following["content"]), user(TEXT)]
    assert ask(stub, *whole, **same)


def test_a_result_that_is_due_comes_again_if_its_message_was_lost(stub: StubServer) -> None:
    stub.reply(Reply(tuple(bash("make", later=True)), stop_reason="pause_turn"))
    paused = ask(stub)
    messages = [user(TEXT), assistant(*paused["content"])]
    for _ in range(2):
        answer = ask(stub, *messages, container=paused["container"]["id"])
        assert answer["content"][0]["type"] == "bash_code_execution_tool_result"


def test_programmatic_calls_are_answered_with_text_and_their_container(stub: StubServer) -> None:
    caller = {"type": "code_execution_20260521", "tool_id": "srvtoolu_1"}
    call = {**USE, "caller": caller}
    stub.reply(bash("ls"))
    container = ask(stub)["container"]["id"]
    messages = [user(TEXT), assistant({**SERVER_USE, "name": "code_execution"}, call)]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    assert post(stub, body(*messages, user(RESULT), tools=[TOOL, CODE]))[0] == 400
    bad = {**RESULT, "content": [image]}
    assert post(stub, body(*messages, user(bad), tools=[TOOL, CODE], container=container))[0] == 400
    assert ask(stub, *messages, user(RESULT), container=container)


def test_a_script_that_cannot_run_says_so(stub: StubServer) -> None:
    stub.reply(bash("ls"))
    status, answer = post(stub, body())
    assert status == 400
    assert "the script runs code" in answer["error"]["message"]


def test_scripted_commands_reach_a_process_of_its_own() -> None:
    with StubProcess() as stub:
        stub.reply([*bash("ls", files={"a.pdf": pdf(["One"])}), "Done."])
        status, answer = post(stub, body(tools=[CODE]))  # type: ignore[arg-type]
        assert status == 200
        assert answer["content"][1]["content"]["content"][0]["file_id"].startswith("file_")


# ---- documents


def test_documents_are_real_and_the_same_each_time() -> None:
    sheets = {"Executive <Summary>": [["errors", 3], ["müll & co", 1.5]], "Empty": []}
    assert workbook(sheets) == workbook(sheets)
    with zipfile.ZipFile(io.BytesIO(workbook(sheets))) as archive:
        assert archive.testzip() is None
        assert "xl/worksheets/sheet2.xml" in archive.namelist()
    assert pdf(["a", "b (c)"]) == pdf(["a", "b (c)"])
    assert pdf(["a", "b"]).count(b"/Type /Page ") == 2


def test_expiry_is_a_matter_of_time_as_well(stub: StubServer) -> None:
    stub.hosted.add_file("a.txt", b"a", lasts=timedelta(seconds=-1))
    status, answer = post(stub, body(user({"type": "container_upload", "file_id": "file_stub000001"}), tools=[CODE]))
    assert (status, answer["error"]["details"]["error_code"]) == (404, "file_expired")
