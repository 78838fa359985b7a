"""Several backends in one turn, over real HTTP against the strict stub: each call to its owner, files across."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedBackend, check_history
from hosted_kit import KEY, THINK, call, model, refused, sent, session, stop_when_asked

from conjure_magic import skill
from conjure_magic.approval import ApprovalRequest, Decision, approve_all
from conjure_magic.backends.base import Context
from conjure_magic.backends.hosted.backend import HostedBackend
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, RequestRefusedError, UsageError
from conjure_magic.events import Body, Noted, ToolResult, ToolStarted
from conjure_magic.messages import ToolUseBlock, Usage
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.testing.stub import Reply, StubServer, bash, edit

SKILL = "---\nname: greeter\ndescription: Greets people politely.\n---\nSay hello.\n"


pytestmark = pytest.mark.usefixtures("folder")
STUB_KEY = KEY


@skill
def count(text: str) -> int:
    """Count the letters."""
    return len(text)


@skill
def slow(context: SkillContext) -> str:
    """Wait for ever."""
    context.cancel.wait(60)
    context.cancel.raise_if_set()
    return "never"


def mixed(stub: StubServer, backend: str = "native,local,anthropic", **options: Any) -> Session:
    skills = options.pop("skills", [count, "xlsx"] if "native" in backend else ["xlsx"])
    return session(stub, backend, skills=skills, **{"approver": approve_all, **options})


def notices(result: Any) -> list[str]:
    return [item.text for item in result.items if isinstance(item, Noted)]


# ---- one request, each call to its owner


def test_one_request_carries_all_tools_and_each_call_goes_to_its_owner(stub: StubServer) -> None:
    stub.reply(
        [THINK, call("count", text="abc"), call("create_file", path="a.txt", file_text="x"), *bash("ls", "nothing")],
        [THINK, "All done."],
    )
    with mixed(stub) as it:
        result = it.chat("Do it all.")
        check_history(it.messages)
    names = [tool["name"] for tool in sent(stub, 0)["tools"]]
    shell = ["view", "bash_tool", "create_file", "str_replace"]
    assert names == ["count", *shell, "code_execution", "send_file", "fetch_file"]
    owners = {called.call.name: called.backend for called in result.tool_calls}
    assert owners == {"count": "native", "create_file": "local", "bash_code_execution": "anthropic"}
    assert not any(called.is_error for called in result.tool_calls)
    assert refused(stub) == []
    assert [request.prefix_change for request in stub.messages] == [""] * 2


def test_the_model_is_told_briefly_what_each_is_for_and_that_they_share_no_files(stub: StubServer) -> None:
    with mixed(stub) as it:
        system = it.system_prompt()
    lines = [line for line in system.splitlines() if line.startswith("- ")]
    assert [line.split(" ", 2)[1] for line in lines] == ["native", "local", "anthropic"]
    assert sum(map(len, lines)) < 700
    assert "shares no files" in system
    with session(stub, "local") as alone:
        assert "several environments" not in alone.system_prompt()


def test_skills_go_to_whom_they_belong(stub: StubServer, folder: Path) -> None:
    (folder / "skills/greeter").mkdir(parents=True)
    (folder / "skills/greeter/SKILL.md").write_text(SKILL)
    with mixed(stub, skills=[count, "./skills", "xlsx"]) as it:
        assert "<name>greeter</name>" in it.system_prompt()
        assert [one["skill_id"] for one in it.container_config()["skills"]] == ["xlsx"]
        assert "count" in [tool["name"] for tool in it.tool_definitions()]
    assert not [one for one in stub.hosted.skills.values() if one.source == "custom"]


def test_tools_with_one_name_are_an_error_that_says_how_to_rename(stub: StubServer) -> None:
    @skill(name="send_file")
    def mine(path: str) -> str:
        """Send it by mail."""
        return path

    with mixed(stub, skills=[mine]) as it, pytest.raises(UsageError, match=r'@skill\(name="my_send_file"\)'):
        it.chat("Go.")
    assert stub.requests == []


def test_local_and_docker_in_one_session_are_a_slip() -> None:
    with pytest.raises(UsageError, match="one of them"):
        Session("local,docker", model="offline")


# ---- a message with calls of both sides


def test_a_message_with_open_server_calls_is_answered_with_results_alone(stub: StubServer) -> None:
    stub.reply(
        [THINK, call("count", text="abc"), *bash("make", "ok", later=True)],
        ["Made.", call("count", text="d")],
        "Done.",
    )
    with mixed(stub) as it:
        result = it.chat("Go.")
        check_history(it.messages)
    assert [block["type"] for block in sent(stub, 1)["messages"][-1]["content"]] == ["tool_result"]
    assert result.text == "Done."
    assert all(called.result is not None and not called.is_error for called in result.tool_calls)
    assert refused(stub) == []


def test_a_pause_in_the_midst_is_followed(stub: StubServer) -> None:
    stub.reply(
        [THINK, call("count", text="abc"), *bash("make", "ok", later=True)],
        Reply((*bash("more", later=True),), stop_reason="pause_turn"),
        ["Made.", call("create_file", path="a.txt", file_text="x")],
        "Done.",
    )
    with mixed(stub) as it:
        result = it.chat("Go.")
        assert (result.text, result.rounds) == ("Done.", 4)
    assert refused(stub) == []


def test_stopped_while_the_server_waits_for_results_the_round_becomes_text(stub: StubServer) -> None:
    stub.reply([THINK, *bash("make", later=True), THINK, call("slow")])
    with mixed(stub, skills=[slow]) as it:
        it.subscribe(lambda event: it.stop() if event.body.call.name == "slow" else None, [ToolStarted])
        it.chat("Go.")
        check_history(it.messages)
        stub.reply("Back.")
        assert it.chat("Go on.").text == "Back."
    assert refused(stub) == []
    kinds = {block["type"] for message in sent(stub)["messages"] for block in message["content"]}
    assert kinds == {"text"}


# ---- files across


def test_a_workspace_file_is_sent_on_purpose_and_each_is_asked_about(stub: StubServer) -> None:
    asked: list[ApprovalRequest] = []

    def approver(request: ApprovalRequest, cancel: Cancel) -> Decision:
        asked.append(request)
        return Decision("once")

    stub.reply([THINK, call("send_file", path="a.csv"), call("count", text="x")], [*bash("cat a.csv", "1,2"), "Seen."])
    stub.reply([call("send_file", path="b.csv"), call("send_file", path="a.csv")], "Both.")
    with mixed(stub, approver=approver) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        (it.workspace.root / "b.csv").write_text("3,4")
        result = it.chat("Send it.")
        (uploaded,) = stub.hosted.files.values()
        assert uploaded.content == b"1,2"
        content = sent(stub, 1)["messages"][-1]["content"]
        assert [block["type"] for block in content] == ["tool_result", "tool_result", "container_upload"]
        assert "$INPUT_DIR" in content[0]["content"]
        assert [file.name for file in result.files] == []
        it.chat("And the other.")
    assert len(asked) == 2, "what was sent already is not asked about again"
    assert "a.csv (3 bytes)" in asked[0].text
    assert "b.csv (3 bytes)" in asked[1].text
    assert "Anthropic" in asked[0].question
    assert len(stub.hosted.files) == 2
    assert [b["type"] for b in sent(stub)["messages"][-1]["content"]] == ["tool_result"] * 2 + ["container_upload"]
    assert refused(stub) == []


def test_files_of_one_name_from_two_folders_stay_apart_in_the_container(stub: StubServer) -> None:
    paths = ["a/data.csv", "b/data.csv", "a/data.csv"]
    stub.reply(*[[call("send_file", path=path)] for path in paths], "Sent.")
    with mixed(stub) as it:
        for path in paths:
            (it.workspace.root / path).parent.mkdir(exist_ok=True)
            (it.workspace.root / path).write_text(path)
        results = [made.result for made in it.chat("Send both.").tool_calls]
    assert {(file.filename, file.content) for file in stub.hosted.files.values()} == {
        ("data.csv", b"a/data.csv"),
        ("b-data.csv", b"b/data.csv"),
    }
    assert ["as b-data.csv" in result.text for result in results if result is not None] == [False, True, False]


def test_a_file_on_its_way_survives_a_summary(stub: StubServer) -> None:
    overflow = Reply.fault(400, "invalid_request_error", "prompt is too long: 1200000 tokens > 1000000 maximum")
    stub.reply([THINK, call("send_file", path="a.csv")], overflow, "They sent it.", "Done.")
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        it.chat("Go.")
        check_history(it.messages)
    kinds = [block["type"] for block in sent(stub)["messages"][-1]["content"]]
    assert kinds == ["text", "text", "container_upload"]


def test_an_upload_waits_while_only_results_may_be_sent(stub: StubServer) -> None:
    stub.reply(
        [THINK, call("send_file", path="a.csv"), *bash("make", "ok", later=True)],
        ["I go on.", call("count", text="x")],
        "Done.",
    )
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        it.chat("Go.")
        kinds = [[b["type"] for b in sent(stub, n)["messages"][-1]["content"]] for n in (1, 2)]
        assert kinds == [["tool_result"], ["tool_result", "container_upload"]]
    assert refused(stub) == []


def test_an_upload_that_found_no_place_in_its_turn_goes_with_the_next(stub: StubServer) -> None:
    stub.reply([THINK, call("send_file", path="a.csv"), *bash("make", "ok", later=True)], "Done.", "Next.")
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        it.chat("Go.")
        check_history(it.messages)
        it.chat("Now use it.")
        assert [b["type"] for b in sent(stub)["messages"][-1]["content"]] == ["container_upload", "text"]
    assert refused(stub) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../secret.txt", "cannot be read"),
        ("gone.csv", "No such file"),
        ("sub", "not a readable file"),
        ("big.bin", "hosted_limit"),
    ],
)
def test_only_files_of_the_workspace_within_the_limit_are_sent(
    stub: StubServer, folder: Path, path: str, told: str
) -> None:
    (folder / "secret.txt").write_text("x")
    stub.reply([call("send_file", path=path)], "I see.")
    with mixed(stub, settings=Settings(hosted_limit=10)) as it:
        (it.workspace.root / "sub").mkdir()
        (it.workspace.root / "big.bin").write_bytes(b"x" * 11)
        result = it.chat("Send it.")
        assert result.tool_calls[0].result is not None
        assert told in result.tool_calls[0].result.text
        assert result.text == "I see."
    assert stub.hosted.files == {}


def test_a_path_as_a_sandbox_knows_it_is_the_same_file(stub: StubServer) -> None:
    stub.reply([call("send_file", path="/workspace/a.csv")], "Sent.")
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        it.chat("Send it.")
    assert [file.content for file in stub.hosted.files.values()] == [b"1,2"]


def test_a_refusal_sends_nothing(stub: StubServer) -> None:
    stub.reply([call("send_file", path="a.csv")], "Fine.")
    with mixed(stub, approver=lambda request, cancel: Decision("no", reason="It is secret.")) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        result = it.chat("Send it.")
        assert result.tool_calls[0].is_error
    assert "It is secret." in str(sent(stub)["messages"][-1])
    assert stub.hosted.files == {}


def test_a_hosted_file_is_fetched_into_the_workspace(stub: StubServer) -> None:
    stub.reply(
        [THINK, *bash("make", files={"out.csv": b"1,2"}), call("fetch_file", name="out.csv")],
        [call("view", path="out.csv"), call("fetch_file", name="nothing.csv")],
        "Done.",
    )
    with mixed(stub) as it:
        result = it.chat("Go.")
        assert [called.is_error for called in result.tool_calls] == [False, False, False, True]
        texts = [called.result.text for called in result.tool_calls if called.result]
        assert texts[1] == "out.csv is in the workspace as out.csv."
        assert "1,2" in texts[2]
        assert "available: out.csv" in texts[3]
        (made,) = result.files
        assert made.path == it.workspace.root / "out.csv"
        assert (made.backend, made.change) == ("anthropic", "new")


def test_a_hosted_file_is_fetched_by_the_containers_name_where_the_workspace_has_another(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"data.csv": b"new"}), call("fetch_file", name="$OUTPUT_DIR/data.csv")], "Done.")
    with mixed(stub) as it:
        (it.workspace.root / "data.csv").write_text("mine")
        result = it.chat("Go.")
        fetched = result.tool_calls[-1].result
        assert fetched is not None
        assert fetched.text == "data.csv is in the workspace as data-2.csv."
        assert (it.workspace.root / "data-2.csv").read_bytes() == b"new"
        assert (it.workspace.root / "data.csv").read_text() == "mine"


def test_the_model_is_told_the_name_that_a_sent_file_has_there(stub: StubServer) -> None:
    stub.reply([call("send_file", path="week 1: sales?.csv")], "Sent.")
    with mixed(stub) as it:
        (it.workspace.root / "week 1: sales?.csv").write_text("1,2")
        told = it.chat("Send it.").tool_calls[0].result
    (kept,) = stub.hosted.files.values()
    assert told is not None
    assert told.text.endswith(f"in $INPUT_DIR as {kept.filename}.")


def test_a_file_that_no_request_brought_to_the_container_is_sent_when_its_turn_is_run_again(stub: StubServer) -> None:
    stub.reply([call("send_file", path="a.csv")], Reply.fault(400, message="not now"))
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        with pytest.raises(RequestRefusedError):
            it.chat("Send it.")
        stub.reply([call("send_file", path="a.csv")], "Sent.")
        it.retry()
    assert [b["type"] for b in sent(stub)["messages"][-1]["content"]] == ["tool_result", "container_upload"]
    assert len(stub.hosted.files) == 1


def test_a_download_under_way_is_stopped_with_the_turn(stub: StubServer) -> None:
    stub.reply([*bash("make", files={"out.csv": b"1,2"}), call("fetch_file", name="out.csv")])
    with mixed(stub) as it:
        stub.fault("/v1/files/file_stub000001/content", Reply(silent=True))
        stop_when_asked(stub, it, "/v1/files/file_stub000001/content")
        with pytest.raises(KeyboardInterrupt):
            it.chat("Go.")
        result = it.turns[-1]
        assert result.tool_calls[-1].is_error
        check_history(it.messages)


def test_a_file_is_attached_for_all_of_them(stub: StubServer, folder: Path) -> None:
    (folder / "shop.log").write_text("ERROR")
    with mixed(stub) as it:
        result = it.chat("Read it.", files=["shop.log"])
        blocks = sent(stub)["messages"][0]["content"]
        place = it.workspace.root / "attached-files/shop.log"
        assert [block["type"] for block in blocks] == ["text", "text", "container_upload"]
        assert blocks[1]["text"] == f"<attached_file>{place}</attached_file>"
        assert place.read_text() == "ERROR"
        assert len(notices(result)) == 2
        assert it.retry().input_files == (folder / "shop.log",)


# ---- what fails, fails alone


def test_a_backend_that_dies_fails_its_own_calls_alone(stub: StubServer) -> None:
    def dies(given: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        yield from ()
        raise BackendError("the engine is gone")

    stub.reply([THINK, call("run"), *bash("ls", "a"), call("fetch_file", name="x")], "I see.")
    with session(stub, [ScriptedBackend("engine", run=dies), HostedBackend(others=["engine"], limit=1_000_000)]) as it:
        result = it.chat("Go.")
    assert [called.is_error for called in result.tool_calls] == [False, True, True]
    assert result.text == "I see."
    assert "the engine is gone" in notices(result)[0]
    assert refused(stub) == []


def test_a_file_endpoint_that_is_down_fails_the_one_call(stub: StubServer) -> None:
    stub.fault("/v1/files", Reply.fault(403))
    stub.reply([call("send_file", path="a.csv"), call("count", text="ab")], "I see.")
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        result = it.chat("Go.")
    assert [called.is_error for called in result.tool_calls] == [True, False]
    assert result.text == "I see."


@pytest.mark.parametrize("later", [True, False])
def test_a_container_that_expires_between_calls_is_renewed_in_the_turn(stub: StubServer, later: bool) -> None:
    @skill
    def expire() -> str:
        """Let the container go."""
        stub.hosted.expire_container()
        return "gone"

    stub.reply([THINK, *bash("make", later=later), call("expire")], [*bash("make", "again"), "Done."])
    with mixed(stub, skills=[expire]) as it:
        result = it.chat("Go.")
        assert result.text == "Done."
        assert "a new one is used" in notices(result)[0]
        check_history(it.messages)
    assert len(refused(stub)) == 1


def test_what_was_sent_to_a_container_that_is_gone_is_sent_again(stub: StubServer) -> None:
    stub.reply([call("send_file", path="a.csv")], [*bash("ls"), "One."])
    with mixed(stub) as it:
        (it.workspace.root / "a.csv").write_text("1,2")
        it.chat("Send it.")
        stub.hosted.expire_container()
        stub.reply([call("send_file", path="a.csv")], "Two.")
        it.chat("Again.")
    assert [b["type"] for b in sent(stub)["messages"][-1]["content"]] == ["tool_result", "container_upload"]
    assert len(stub.hosted.files) == 1


def test_without_a_key_the_other_backends_work_and_a_notice_says_so(folder: Path) -> None:
    (folder / "app.log").write_text("2026-01-02 03:00:00 ERROR worker: no\n" * 3)
    names = "local,anthropic"
    with Session(names, skills=["log-analyzer", "xlsx"], model="offline", approver=approve_all) as it:
        result = it.chat("Analyse app.log with log-analyzer")
    assert "needs a key" in notices(result)[0]
    assert "continues without it" in notices(result)[0]
    assert {called.backend for called in result.tool_calls} == {"local"}
    assert "ERROR" in result.text


# ---- every allowed set, cut at every event

SETS = [
    "native", "local", "docker", "anthropic",
    "native,local", "native,docker", "native,anthropic", "local,anthropic", "docker,anthropic",
    "native,local,anthropic", "native,docker,anthropic",
]  # fmt: skip
WAYS = ("close", "cancel", "raise")


def script(names: list[str]) -> list[Reply]:
    """Rounds in which each backend works: both sides in one message, a pause, an upload and a fetch."""
    ours: list[Any] = [call("count", text="abc")] if "native" in names else []
    ours += [call("create_file", path="a.csv", file_text="1,2")] if {"local", "docker"} & set(names) else []
    if "anthropic" not in names:
        return [Reply((THINK, "First.", *ours), piece=40), Reply((THINK, *ours), piece=40), Reply(("Done.",))]
    alone = len(names) == 1
    crossing = [] if alone else [call("fetch_file", name="out.csv")]
    if {"local", "docker"} & set(names):
        crossing.insert(0, call("send_file", path="a.csv"))
    rounds: list[list[Any]] = [[THINK, "First.", *ours, *bash("make", "ok", later=True)]]
    rounds += [[*bash("more", files={"out.csv": b"1"}), *edit("create", "/tmp/a", file_text="x")]]
    rounds += [[THINK, *crossing], [*bash("rest"), "Done."]] if crossing else [["Done."]]
    reasons = ["pause_turn" if alone else "tool_use", "pause_turn", None, None]
    return [Reply(tuple(r), stop_reason=why, piece=40) for r, why in zip(rounds, reasons, strict=False)]


@pytest.mark.parametrize(
    "names", [pytest.param(names, marks=[pytest.mark.docker] if "docker" in names else []) for names in SETS]
)
def test_every_allowed_set_works_and_may_be_cut_at_every_event(
    stub: StubServer, names: str, request: pytest.FixtureRequest
) -> None:
    """By closing the generator, by its Cancel, by an exception in the consumer, one after the other."""
    backends = names.split(",")
    skills: list[Any] = ([count] if "native" in backends else []) + (["xlsx"] if "anthropic" in backends else [])
    image = {"docker_image": request.getfixturevalue("docker_image")} if "docker" in backends else {}
    with session(stub, names, skills=skills, approver=approve_all, settings=Settings(**image)) as it:
        cut = 0
        while True:
            stub.reply(*script(backends))
            seen = _cut(it, cut, WAYS[cut % 3])
            check_history(it.messages)
            turn = it.turns[-1]
            assert all(called.result is not None for called in turn.tool_calls)
            stub.reset()
            stub.reply("Back.")
            assert it.chat("Go on.").text == "Back."
            assert refused(stub) == []
            if seen <= cut:
                break
            it.undo(2)
            stub.reset()
            cut += 1
    assert cut > 10
    assert turn.is_complete
    assert turn.text.endswith("Done.")
    assert {called.backend for called in turn.tool_calls} == set(backends)


def _cut(it: Session, at: int, way: str) -> int:
    """Run a turn and cut it at an event; how many events were seen."""
    seen = 0
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(it.stream("Go.")) as events:
        for seen, _ in enumerate(events, 1):
            if seen == at + 1:
                if way == "close":
                    break
                if way == "raise":
                    raise KeyboardInterrupt
                it.stop("interrupted")
    return seen


# ---- the bill


def test_a_mixed_turn_of_thirty_rounds_bills_little_more_than_ideal_caching(stub: StubServer) -> None:
    """Half of the rounds call functions, half work in the container; pauses among them."""
    rounds: list[Any] = []
    for number in range(29):
        if number % 5 == 4:
            rounds.append(Reply((THINK, *bash("make " * 20, "word " * 100)), stop_reason="pause_turn"))
        elif number % 2:
            rounds.append([THINK, call("count", text="word " * 200), *bash("ls", "word " * 50, later=number % 4 == 1)])
        else:
            rounds.append([THINK, call("count", text="word " * 200)])
    stub.reply(*rounds, "Done.")
    with mixed(stub, model=model(stub)) as it:
        result = it.chat("You know much. " * 400)
    assert (result.rounds, refused(stub)) == (30, [])
    billed = 0.0
    read = [Usage.from_dict(request.iterations[0]) for request in stub.messages]  # the container's own loop apart
    for usage in read:
        billed += (usage.input_tokens or 0) + 1.25 * (usage.cache_creation_input_tokens or 0)
        billed += 0.05 * (usage.cache_read_input_tokens or 0)
    sizes = [usage.prompt_tokens or 0 for usage in read]
    ideal = 1.25 * sizes[-1] + 0.05 * sum(sizes[:-1])  # each token written once, then read
    assert billed <= 1.1 * ideal
