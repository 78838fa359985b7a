"""Anthropic's own client against the stub: proof that the stub is not bent to our code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from conjure_magic.testing.stub import Reply, StubServer, bash, edit, workbook

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


# ---- files, skills and containers

CODE = {"type": "code_execution_20260521", "name": "code_execution"}
SKILL = b"---\nname: house-style\ndescription: How we write.\n---\nBriefly.\n"
SKILL_FILES = [("house-style/SKILL.md", SKILL), ("house-style/words.txt", b"brief")]


def test_files_are_uploaded_listed_and_deleted(stub: StubServer, client: Any) -> None:
    names = [f"log {number} é.txt" for number in range(5)]
    sent = [client.files.upload(file=(name, name.encode(), "text/plain")) for name in names]
    assert [(file.filename, file.size_bytes, file.downloadable) for file in sent] == [
        (name, len(name.encode()), False) for name in names
    ]
    pages = client.files.list(limit=2)
    assert len(pages.data) == 2
    assert [file.id for file in pages] == [file.id for file in reversed(sent)]
    chosen = client.files.list(ids=[sent[1].id, sent[3].id, "file_unheard_of"])
    assert {file.id for file in chosen} == {sent[1].id, sent[3].id}
    assert client.files.retrieve_metadata(sent[0].id).filename == names[0]
    assert client.files.delete(sent[0].id).type == "file_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.files.retrieve_metadata(sent[0].id)


def test_only_what_a_tool_has_made_can_be_downloaded(stub: StubServer, client: Any) -> None:
    made = stub.hosted.add_file("report.xlsx", b"made")
    assert client.files.download(made.id).read() == b"made"
    sent = client.files.upload(file=("a.txt", b"a", "text/plain"), expires_in_seconds=3600)
    assert sent.expires_at is not None
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.files.download(sent.id)
    assert refused.value.error_code == "file_not_downloadable"
    stub.hosted.expire_file(made.id)
    with pytest.raises(anthropic.NotFoundError) as gone:
        client.files.download(made.id)
    assert gone.value.error_code == "file_expired"
    with pytest.raises(anthropic.BadRequestError):
        client.files.upload(file=("a.txt", b"a", "text/plain"), expires_in_seconds=1)


def test_skills_and_their_versions(stub: StubServer, client: Any) -> None:
    skill = client.skills.create(files=SKILL_FILES, display_name="House style")
    assert (skill.display_name, skill.source.type) == ("House style", "custom")
    assert [one.id for one in client.skills.list(source="custom")] == [skill.id]
    assert {one.id for one in client.skills.list(limit=1)} == {skill.id, "xlsx", "pptx", "docx", "pdf"}
    first = client.skills.versions.retrieve("latest", skill_id=skill.id)
    assert (first.id, first.name, first.description) == (skill.latest_version_id, "house-style", "How we write.")
    second = client.skills.versions.create(skill.id, files=SKILL_FILES)
    assert [one.id for one in client.skills.versions.list(skill.id, limit=1)] == [second.id, first.id]
    assert client.skills.retrieve(skill.id).latest_version_id == second.id
    zipped = client.beta.skills.versions.download("latest", skill_id=skill.id).read()
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert archive.read("house-style/SKILL.md") == SKILL
    assert client.skills.versions.delete(first.id, skill_id=skill.id).type == "skill_version_deleted"
    assert client.skills.delete(skill.id).type == "skill_deleted"
    assert list(client.skills.list(source="custom")) == []


def test_a_skill_that_breaks_a_rule_is_refused(client: Any) -> None:
    for files in (
        [("house-style/words.txt", b"x")],
        [("a/SKILL.md", SKILL), ("b/words.txt", b"x")],
        [("a/SKILL.md", SKILL.replace(b"house-style", b"my-claude"))],
        [("a/SKILL.md", SKILL.replace(b"How we write.", b""))],
        [("a/SKILL.md", SKILL.replace(b"How we", b"<b>How we</b>"))],
        [("a.zip", b"PK nonsense")],
    ):
        with pytest.raises(anthropic.BadRequestError):
            client.skills.create(files=files)


def test_a_container_with_skills_and_uploads_makes_files(stub: StubServer, client: Any) -> None:
    skill = client.skills.create(files=SKILL_FILES)
    sent = client.files.upload(file=("shop.log", b"ERROR\n", "text/plain"))
    report = workbook({"Errors": [["ERROR", 1]]})
    stub.reply([*bash("python report.py", "done\n", files={"report.xlsx": report}), "See report.xlsx."])
    skills = [{"type": "anthropic", "skill_id": "xlsx"}, {"type": "custom", "skill_id": skill.id, "version": "latest"}]
    asked = [{"type": "text", "text": "A report, please."}, {"type": "container_upload", "file_id": sent.id}]
    ask = {**ASK, "tools": [CODE], "container": {"skills": skills}}
    with client.messages.stream(messages=[{"role": "user", "content": asked}], **ask) as stream:
        message = stream.get_final_message()
    assert [skill.version for skill in message.container.skills] == ["20251013", skill.latest_version_id]
    result = next(block for block in message.content if block.type == "bash_code_execution_tool_result")
    assert (result.content.stdout, result.content.return_code) == ("done\n", 0)
    assert client.files.download(result.content.content[0].file_id).read() == report
    assert stub.hosted.containers[message.container.id].uploads == [sent.id]
    again = {"role": "assistant", "content": message.content}
    following = [{"role": "user", "content": asked}, again, {"role": "user", "content": "Thank you."}]
    ask["container"] = {"id": message.container.id, "skills": skills}
    assert client.messages.create(messages=following, **ask).stop_reason == "end_turn"


def test_a_pause_is_resumed(stub: StubServer, client: Any) -> None:
    stub.reply(Reply((*bash("make"), *edit("view", "/a", content="x", later=True)), stop_reason="pause_turn"))
    messages: list[Any] = [{"role": "user", "content": "Hi."}]
    ask = {**ASK, "tools": [CODE]}
    paused = client.messages.create(messages=messages, **ask)
    assert paused.stop_reason == "pause_turn"
    messages.append({"role": "assistant", "content": paused.content})
    resumed = client.messages.create(messages=messages, container=paused.container.id, **ask)
    assert resumed.content[0].content.content == "x"


def test_the_tool_runner_resumes_a_pause(stub: StubServer, client: Any) -> None:
    stub.reply(Reply(tuple(bash("make")), stop_reason="pause_turn"), "Made.")
    runner = client.beta.messages.tool_runner(
        model=OPUS, max_tokens=500, tools=[CODE], messages=[{"role": "user", "content": "Make it."}], thread=False
    )
    assert runner.until_done().content[0].text == "Made."
    assert [record.error for record in stub.requests] == ["", ""]


def test_a_message_with_calls_of_both_sides(stub: StubServer, client: Any) -> None:
    stub.reply([*bash("make", "made", later=True), CALL], "Sunny and made.")
    messages: list[Any] = [{"role": "user", "content": "Hi."}]
    ask = {**ASK, "tools": [TOOL, CODE]}
    mixed = client.messages.create(messages=messages, **ask)
    assert mixed.stop_reason == "tool_use"
    results = [{"type": "tool_result", "tool_use_id": mixed.content[-1].id, "content": "sunny"}]
    messages += [{"role": "assistant", "content": mixed.content}, {"role": "user", "content": results}]
    following = client.messages.create(messages=messages, container=mixed.container.id, **ask)
    assert [block.type for block in following.content] == ["bash_code_execution_tool_result", "text"]


def test_a_container_that_is_gone(stub: StubServer, client: Any) -> None:
    stub.reply(bash("ls"))
    ask = {**ASK, "tools": [CODE], "messages": [{"role": "user", "content": "Hi."}]}
    container = client.messages.create(**ask).container.id
    stub.hosted.expire_container(container)
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(container=container, **ask)
    assert refused.value.error_code == "container_expired"
