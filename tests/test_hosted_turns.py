"""Turns with Anthropic's container, over real HTTP against the strict stub."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from fakes import check_history
from hosted_kit import KEY, THINK, model, refused, sent, session, stop_when_asked

from conjure_magic.approval import approve_all
from conjure_magic.errors import (
    BackendUnavailableError,
    ModelError,
    PauseLimitError,
    SkillSpecError,
    TooManySkillsError,
    UploadError,
    UsageError,
)
from conjure_magic.events import FileCreated, MessageAppended, ToolFinished, ToolStarted
from conjure_magic.session import Session
from conjure_magic.testing.stub import Reply, StubServer, bash, code, edit, workbook

SHEETS = {"Summary": [["errors", 3]]}


pytestmark = pytest.mark.usefixtures("folder")
STUB_KEY = KEY


def notices(result: Any) -> list[str]:
    return [item.text for item in result.items if type(item).__name__ == "Noted"]


# ---- what is sent


def test_a_turn_offers_code_execution_and_the_skills_and_no_beta(stub: StubServer) -> None:
    with session(stub, skills=["xlsx", "pdf@20251013"]) as it:
        it.chat("Hello.")
    body = sent(stub)
    assert body["tools"] == [{"type": "code_execution_20260521", "name": "code_execution"}]
    assert body["container"] == {
        "skills": [
            {"type": "anthropic", "skill_id": "xlsx", "version": "latest"},
            {"type": "anthropic", "skill_id": "pdf", "version": "20251013"},
        ]
    }
    assert "anthropic-beta" not in stub.messages[0].headers


def test_without_skills_all_document_skills_are_offered(stub: StubServer) -> None:
    with session(stub) as it:
        it.chat("Hello.")
        ids = [skill["skill_id"] for skill in it.container_config()["skills"]]
    assert ids == ["docx", "pdf", "pptx", "xlsx"]


def test_the_container_is_kept_from_turn_to_turn_and_settles_nothing(stub: StubServer) -> None:
    stub.reply([THINK, *bash("ls"), "One."], [THINK, *bash("pwd"), "Two."], "Three.")
    with session(stub, skills="xlsx") as it:
        for prompt in ("a", "b", "c"):
            it.chat(prompt)
        assert list(stub.hosted.containers) == [it.container_config()["id"]]
        check_history(it.messages)
    assert [request.prefix_change for request in stub.messages] == ["", "", ""]
    assert sent(stub)["container"]["skills"]
    assert refused(stub) == []


def test_a_change_of_skills_settles_what_came_before(stub: StubServer) -> None:
    stub.reply([THINK, *bash("ls", "a.txt"), "One."], "Two.")
    with session(stub, skills="xlsx") as it:
        it.chat("a")
        it.use(skills="xlsx,pdf")
        it.chat("b")
        assert it.container_config()["id"] == sent(stub)["container"]["id"] == next(iter(stub.hosted.containers))
        it.reset()
        assert "id" not in it.container_config()
    assert refused(stub) == []
    kinds = {block["type"] for message in sent(stub)["messages"] for block in message["content"]}
    assert kinds == {"text"}
    assert sent(stub)["messages"][-1]["content"][0]["text"].startswith("[conjure: the available tools have changed")


def test_leaving_the_hosted_backend_turns_its_blocks_and_uploads_into_text(stub: StubServer, folder: Path) -> None:
    (folder / "log.txt").write_text("x")
    stub.reply([THINK, *bash("ls", "a.txt"), "One."], "Two.")
    with session(stub) as it:
        it.chat("a", files=["log.txt"])
        it.use(backend="native")
        it.chat("b")
        check_history(it.messages)
    assert refused(stub) == []
    assert "container" not in sent(stub)


# ---- what is shown


def test_server_calls_are_shown_like_local_ones_in_order(stub: StubServer) -> None:
    stub.reply(
        [
            "I begin.",
            *bash("python report.py", "made it\n", files={"report.xlsx": workbook(SHEETS)}),
            *bash("false", stderr="no such thing\n", return_code=2),
            *edit("view", "/tmp/a.py", content="import os"),
            *edit("create", "/tmp/b.py", file_text="x = 1"),
            *edit("str_replace", "/tmp/b.py", old_str="1", new_str="2"),
            *code("print(1)", "1\n"),
            *bash("sleep 1000", error="execution_time_exceeded"),
            *edit("view", "/nowhere", error="file_not_found"),
            "All done.",
        ]
    )
    events: list[Any] = []
    with session(stub, skills="xlsx") as it:
        it.subscribe(lambda event: events.append(event.body), [ToolStarted, FileCreated, ToolFinished])
        result = it.chat("Make a report.")
        assert [type(e).__name__ for e in events[:3]] == ["ToolStarted", "FileCreated", "ToolFinished"]
        calls = result.tool_calls
        assert [c.backend for c in calls] == ["anthropic"] * 8
        read = [(c.call.name.split("_")[0], c.result.text, c.result.status) for c in calls if c.result]
        assert read == [
            ("bash", "made it", ""),
            ("bash", "no such thing", "exit 2"),
            ("text", "import os", ""),
            ("text", "Created.", ""),
            ("text", "-1\n+2", ""),
            ("code", "1", ""),
            ("bash", "[it ran longer than the container allows]", "it ran longer than the container allows"),
            ("text", "[there is no such file in the container]", "there is no such file in the container"),
        ]
        assert [c.is_error for c in calls] == [False, True, False, False, False, False, True, True]
        assert [file.name for file in calls[0].files] == ["report.xlsx"]
        assert result.text == "I begin.\n\nAll done."
        check_history(it.messages)


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("web_search", [{"type": "web_search_result", "title": "T", "url": "u"}], "web_search_result"),
        ("code_execution", {"type": "encrypted_code_execution_result", "encrypted_stdout": "Zz", "stderr": "",
                            "return_code": 0, "content": []}, "only the model may read"),
        ("future", {"type": "future_result", "odd": {"deep": [1]}}, "odd"),
        ("future", "plain", "plain"),
        ("future", None, ""),
        ("bash_code_execution", {"type": "bash_code_execution_tool_result_error", "error_code": "brand_new"},
         "brand new"),
        ("text_editor_code_execution", {"type": "text_editor_code_execution_view_result", "file_type": "image",
                                        "content": "AAAA"}, "[image]"),
    ],
)  # fmt: skip
def test_results_of_every_type_are_shown_and_echoed_unchanged(
    stub: StubServer, name: str, content: Any, shown: str
) -> None:
    blocks: list[Any] = [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": name, "input": {"query": "x"}},
        {"type": f"{name}_tool_result", "tool_use_id": "srvtoolu_1", "content": content},
        {"type": "sparkle", "of": "the future"},
    ]
    stub.reply(Reply((*blocks, "Done.")), "Again.")
    with session(stub) as it:
        result = it.chat("Go.")
        assert result.tool_calls[0].result is not None
        assert shown in result.tool_calls[0].result.text
        it.chat("And?")
    assert sent(stub)["messages"][1]["content"][:3] == blocks
    assert refused(stub) == []


# ---- files


def test_a_file_is_described_at_once_and_fetched_when_it_is_read(stub: StubServer, folder: Path) -> None:
    content = workbook(SHEETS)
    stub.reply([*bash("make", files={"report.xlsx": content}), "Done."])
    with session(stub) as it:
        result = it.chat("Go.")
        made = result.files["report.xlsx"]
        assert (made.size, made.backend, made.path, made.change) == (len(content), "anthropic", None, "new")
        assert made.shown_path.endswith("/report.xlsx")
        assert not [request for request in stub.requests if request.path.endswith("/content")]
        assert made.read() == content
        assert (it.workspace.root / "report.xlsx").read_bytes() == content
        assert made.read() == content
        assert len([request for request in stub.requests if request.path.endswith("/content")]) == 1
        assert [path.name for path in result.download_files(folder / "out")] == ["report.xlsx"]
        assert [path.name for path in it.download_files(it.files, folder / "other")] == ["report.xlsx"]


def test_a_file_is_read_when_its_session_is_closed_or_has_other_backends(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"a.csv": b"one", "b.csv": b"two"}), "Done."])
    with session(stub) as it:
        files = it.chat("Go.").files
        it.use(backend="native")
        assert files["a.csv"].read() == b"one"
    assert files["b.csv"].read() == b"two"


def test_a_file_of_the_persons_is_never_overwritten(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"../../report.csv": b"theirs"}), "Done."])
    with session(stub) as it:
        (it.workspace.root / "report.csv").write_text("mine")
        made = it.chat("Go.").files[0]
        assert made.name == "report-2.csv"
        assert made.read() == b"theirs"
        assert (it.workspace.root / "report.csv").read_text() == "mine"
        (it.workspace.root / "report-3.csv").write_text("mine too")
        assert sorted(p.name for p in it.workspace.root.glob("*.csv")) == ["report-2.csv", "report-3.csv", "report.csv"]


def test_a_place_that_was_taken_meanwhile_is_not_overwritten_either(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"a.csv": b"theirs"}), "Done."])
    with session(stub) as it:
        made = it.chat("Go.").files["a.csv"]
        (it.workspace.root / "a.csv").symlink_to("/dev/null")
        assert made.read() == b"theirs"
        assert (it.workspace.root / "a-2.csv").read_bytes() == b"theirs"
        assert made.local().name == "a-2.csv"


def test_a_file_made_again_is_the_same_file_changed(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"a.csv": b"one"}), "1."], [*bash("make", files={"a.csv": b"two"}), "2."])
    with session(stub) as it:
        first = it.chat("Go.").files["a.csv"]
        assert first.read() == b"one"
        second = it.chat("Again.").files["a.csv"]
        assert (second.change, second.read()) == ("changed", b"two")
        assert [path.name for path in it.workspace.root.glob("*.csv")] == ["a.csv"]
        assert first.read() == b"one"  # the older one is still to be had, under a name of its own
        assert first.read() == b"one"
        assert second.read() == b"two"
        on_disk = {path.name: path.read_bytes() for path in it.workspace.root.glob("*.csv")}
        assert on_disk == {"a.csv": b"two", "a-2.csv": b"one"}


def test_an_expired_file_says_so(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"a.csv": b"one"}), "1."])
    with session(stub) as it:
        made = it.chat("Go.").files["a.csv"]
        stub.hosted.expire_file(next(iter(stub.hosted.files)))
        with pytest.raises(FileNotFoundError, match="expired"):
            made.read()


def test_a_file_that_cannot_be_looked_up_is_reported_and_the_turn_continues(stub: StubServer) -> None:
    stub.fault("/v1/files", Reply.fault(403))
    stub.reply([*bash("make", files={"a.csv": b"one"}), "Fine."])
    with session(stub) as it:
        result = it.chat("Go.")
        assert result.text == "Fine."
        assert "could not be looked up" in notices(result)[0]


def test_a_file_attached_is_uploaded_and_named_in_the_request(stub: StubServer, folder: Path) -> None:
    (folder / "shop.log").write_text("ERROR one")
    stub.reply([*bash("cat $INPUT_DIR/shop.log", "ERROR one"), "One error."])
    with session(stub) as it:
        result = it.chat("Count.", files=["shop.log"])
        (uploaded,) = stub.hosted.files.values()
        assert uploaded.content == b"ERROR one"
        assert sent(stub)["messages"][0]["content"][1] == {"type": "container_upload", "file_id": uploaded.id}
        assert "Attached shop.log: uploaded" in notices(result)[0]
        stub.fault("/v1/files", Reply.fault(413))
        with pytest.raises(UploadError):
            it.chat("More.", files=["shop.log"])
        assert len(it.turns) == 1


# ---- pauses and the container


def test_a_pause_is_followed_with_the_same_content_tools_and_container(stub: StubServer) -> None:
    stub.reply(
        Reply(([THINK, "I work.", *bash("make", later=True)]), stop_reason="pause_turn"),
        Reply(([THINK, *bash("make more", "ok")]), stop_reason="pause_turn"),
        [*bash("ls", "a"), "Done."],
    )
    with session(stub, skills="xlsx") as it:
        result = it.chat("Go.")
        assert (result.stop_reason, result.rounds) == ("end_turn", 3)
        assert result.text == "I work.\n\nDone."
        assert [c.call.input["command"] for c in result.tool_calls] == ["make", "make more", "ls"]
        assert all(c.result is not None for c in result.tool_calls)
        it.chat("And now?")
    assert refused(stub) == []
    assert [request.prefix_change for request in stub.messages] == [""] * 4


def test_too_many_pauses_end_the_turn_with_what_was_done(stub: StubServer) -> None:
    stub.reply(*[Reply((*bash("make"), f"Part {n}."), stop_reason="pause_turn") for n in range(4)], "Back.")
    with session(stub) as it:
        with pytest.raises(PauseLimitError, match="max_pauses"):
            it.chat("Go.", limits=it.limits(max_pauses=3))
        assert it.turns[-1].stop_reason == "error"
        assert len(it.turns[-1].tool_calls) == 4
        assert it.chat("Go on.").text == "Back."
    assert refused(stub) == []


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_expired_container_is_renewed_with_a_notice(stub: StubServer, status: int) -> None:
    stub.reply([THINK, *bash("ls"), "One."])
    with session(stub) as it:
        it.chat("a")
        stub.hosted.expire_container(status=status)
        stub.reply([THINK, *bash("ls"), "Two."], "Three.")
        result = it.chat("b")
        assert result.text == "Two."
        assert "a new one is used" in notices(result)[-1]
        it.chat("c")
        assert len(stub.hosted.containers) == 2
        assert sent(stub)["container"]["id"] == list(stub.hosted.containers)[1]


@pytest.mark.parametrize("later", [True, False])
def test_a_container_that_expires_in_a_pause_is_renewed_and_the_turn_continues(stub: StubServer, later: bool) -> None:
    stub.reply(Reply((THINK, *bash("make", later=later), "I wait."), stop_reason="pause_turn"))
    with session(stub) as it, contextlib.closing(it.stream("Go.")) as events:
        for event in events:
            ours = isinstance(event.body, MessageAppended) and event.body.message.role == "user"
            if not ours and isinstance(event.body, MessageAppended) and len(stub.messages) == 1:
                stub.hosted.expire_container()
                stub.reply([*bash("make", "ok"), "Done."])
        assert it.turns[-1].text.endswith("Done.")
        check_history(it.messages)
        it.chat("More.")
    assert [error for error in refused(stub) if "expired" not in error] == []


def test_a_server_fault_without_a_container_is_no_matter_of_ours(stub: StubServer) -> None:
    stub.reply(Reply.fault(500))
    with session(stub) as it, pytest.raises(ModelError):
        it.chat("Go.")


def test_a_result_that_says_the_container_is_gone_makes_the_next_request_take_a_fresh_one(stub: StubServer) -> None:
    stub.reply([*bash("ls"), "One."], [*bash("ls", error="container_expired"), "Gone."], "Three.")
    with session(stub) as it:
        it.chat("a")
        result = it.chat("b")
        assert "a new one is used" in notices(result)[0]


WAYS = ("close", "cancel", "raise")


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_at_every_event_each_history_is_accepted(stub: StubServer, way: str) -> None:
    script = [
        Reply(
            (THINK, "First.", *bash("make", "x" * 30), *bash("slow", later=True)), stop_reason="pause_turn", piece=40
        ),
        Reply((THINK, *bash("more", files={"a.csv": b"1"})), stop_reason="pause_turn", piece=40),
        Reply((THINK, *edit("create", "/tmp/a", file_text="x"), "Done."), piece=40),
    ]
    with session(stub, skills="xlsx") as it:
        cut = 0
        while True:
            it.reset()
            stub.reset()
            stub.reply(*script)
            count = 0
            with contextlib.suppress(KeyboardInterrupt), contextlib.closing(it.stream("Go.")) as events:
                for count, _ in enumerate(events, 1):
                    if count == cut + 1:
                        if way == "close":
                            break
                        if way == "raise":
                            raise KeyboardInterrupt
                        it.stop("interrupted")
            check_history(it.messages)
            assert all(called.result is not None for called in it.turns[-1].tool_calls)
            stub.reset()
            stub.reply("Back.")
            assert it.chat("Go on.").text == "Back."
            assert refused(stub) == []
            if count <= cut:
                break
            cut += 1


def test_a_subscriber_that_raises_breaks_nothing(stub: StubServer) -> None:
    def broken(event: Any) -> None:
        raise RuntimeError("my own fault")

    stub.reply(Reply((*bash("a", later=True),), stop_reason="pause_turn"), [*bash("b", files={"a.csv": b""}), "Done."])
    with session(stub) as it:
        it.subscribe(broken)
        assert it.chat("Go.").text == "Done."
        check_history(it.messages)


# ---- local skills, uploaded only when it is written so


def skill(folder: Path, text: str = "Say hello.") -> Path:
    place = folder / "greeter"
    place.mkdir(exist_ok=True)
    (place / "SKILL.md").write_text(f"---\nname: greeter\ndescription: Greets people politely.\n---\n{text}\n")
    return place


def test_a_local_skill_is_uploaded_once_for_each_content(stub: StubServer, folder: Path) -> None:
    skill(folder)
    with session(stub, skills="xlsx,anthropic:greeter") as it:
        placeholder = it.container_config()["skills"][1]["skill_id"]
        assert "uploaded with the next request" in placeholder
        assert notices(it.chat("a"))[0].startswith("Uploaded the skill greeter to Anthropic as skill_")
        assert notices(it.chat("b")) == []
        first = it.container_config()["skills"][1]
    with session(stub, skills="anthropic:greeter") as again:
        assert notices(again.chat("a")) == []
        assert again.container_config()["skills"] == [first]
        skill(folder, "Say goodbye.")
        assert notices(again.chat("b"))[0].startswith("Uploaded")
        assert again.container_config()["skills"] != [first]
    assert refused(stub) == []
    assert len([skill for skill in stub.hosted.skills.values() if skill.source == "custom"]) == 2


def test_two_folders_with_the_same_skill_are_one_in_the_request(stub: StubServer, folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name / "house").mkdir(parents=True)
        (folder / name / "house/SKILL.md").write_text("---\nname: house\ndescription: Our style.\n---\nBe brief.\n")
    with session(stub, skills=["anthropic:a/house", "anthropic:b/house"]) as it:
        it.chat("Hello.")
    assert [skill["skill_id"] for skill in sent(stub)["container"]["skills"]] == ["skill_stub000001"]


def test_a_folder_to_upload_means_what_it_meant_when_it_was_named(
    stub: StubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skill(folder)
    (folder / "elsewhere").mkdir()
    with session(stub, skills="anthropic:greeter") as it:
        monkeypatch.chdir(folder / "elsewhere")
        it.use(backend="native,anthropic")
        it.chat("a")
    assert refused(stub) == []


def test_a_custom_skill_is_named_by_its_id(stub: StubServer) -> None:
    with session(stub, skills="custom:skill_abc@skver_1") as it:
        assert it.container_config()["skills"] == [{"type": "custom", "skill_id": "skill_abc", "version": "skver_1"}]
        with pytest.raises(ModelError, match=r"skill_abc.*SkillsClient\(\).list\(\)"):
            it.chat("a")


def test_a_model_that_cannot_run_code_says_so(stub: StubServer) -> None:
    stub.reply(Reply.fault(400, message="tools.0: code_execution_20260521 is not supported by this model"))
    with session(stub) as it, pytest.raises(ModelError, match="Choose another with model=NAME"):
        it.chat("a")


def test_the_state_names_the_hosted_skills(stub: StubServer) -> None:
    with session(stub, skills="xlsx@20251013,custom:skill_1") as it:
        assert [(own.backend, *own.skills) for own in it.backend_skills] == [
            ("anthropic", "xlsx@20251013", "custom:skill_1")
        ]
        it.use(backend="native,anthropic", skills=[])
        assert [own.backend for own in it.backend_skills] == ["native", "anthropic"]
        assert [*it.backend_skills[1].skills] == ["docx", "pdf", "pptx", "xlsx"]


@pytest.mark.parametrize(
    ("backend", "skills", "message"),
    [
        ("anthropic", "./greeter", "anthropic:PATH"),
        ("anthropic", "word", "custom:ID"),
        ("local", "xlsx@latest", "needs the backend anthropic"),
        ("local", "custom:skill_1", "needs the backend anthropic"),
        ("local", "xlsx", 'Choose backend="anthropic"'),
        ("anthropic", "anthropic:nowhere", "this folder does not exist"),
        ("anthropic", "custom:", "not a hosted skill"),
        ("anthropic", "xlsx@", "not a hosted skill"),
    ],
)
def test_a_skill_that_cannot_be_hosted_says_what_can(
    stub: StubServer, folder: Path, backend: str, skills: str, message: str
) -> None:
    skill(folder)
    with pytest.raises(SkillSpecError, match=message):
        session(stub, backend, skills=skills)


@pytest.mark.parametrize("path", ["x" * 300, "~nobody-of-this-name/greeter"])
@pytest.mark.parametrize("spelling", ["anthropic:{}", "{}"])
def test_a_path_that_no_system_can_have_is_a_slip_as_well(stub: StubServer, spelling: str, path: str) -> None:
    with pytest.raises(UsageError):
        session(stub, skills=spelling.format(path))


def test_more_skills_than_a_request_carries_are_refused_before_it_is_sent(stub: StubServer) -> None:
    with pytest.raises(TooManySkillsError, match="21"):
        session(stub, skills=[f"custom:skill_{n}" for n in range(21)])
    assert stub.requests == []


# ---- where it cannot work


def test_without_a_key_it_says_what_it_needs() -> None:
    with Session("anthropic", model="offline") as it, pytest.raises(BackendUnavailableError, match="ANTHROPIC_API_KEY"):
        it.chat("Go.")


def test_another_server_is_no_place_for_it(stub: StubServer) -> None:
    elsewhere = model(stub, dialect="compatible")
    with session(stub, model=elsewhere) as it, pytest.raises(BackendUnavailableError, match="CONJURE_GATEWAY"):
        it.chat("Go.")
    assert stub.requests == []


def test_a_gateway_to_anthropic_is_named_by_the_environment(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("CONJURE_GATEWAY", "anthropic")
    stub.reply([*bash("ls", files={"a.csv": b"1"}), "Done."])
    with Session("anthropic") as it:
        assert it.chat("Go.").files["a.csv"].read() == b"1"


def test_a_callable_gets_the_container_with_its_request(stub: StubServer) -> None:
    asked: list[Any] = []

    def answers(request: Any) -> str:
        asked.append(request.to_dict())
        return "Fine."

    with session(stub, model=answers, skills="xlsx") as it:
        it.chat("Go.")
        assert asked[0]["container"] == it.container_config()
        json.dumps(asked)


def test_notices_of_a_stopped_upload_are_not_waited_for(stub: StubServer, folder: Path) -> None:
    """Stopped while a file goes up: the turn begins, ends at once, and the next one works."""
    (folder / "a.txt").write_text("x")
    stub.fault("/v1/files", Reply(silent=True))
    with session(stub, approver=approve_all) as it:
        stop_when_asked(stub, it, "/v1/files")
        with contextlib.suppress(KeyboardInterrupt):
            it.chat("Go.", files=["a.txt"])
        assert it.turns[-1].stop_reason == "interrupted"
        stub.reply("Back.")
        assert it.chat("Go on.").text == "Back."
    assert refused(stub) == []
