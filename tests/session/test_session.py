"""A conversation over several turns: undo, retry, reset, use, subscribers, one turn at a time."""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path

import pytest
from fakes import ScriptedBackend, ScriptedModel, check_history, echo, use

from conjure_magic.approval import Decision
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ModelError, SessionBusyError, SessionClosedError, UsageError
from conjure_magic.events import Event, TextDelta, ToolFinished, TurnFinished
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.skills import SkillRegistry, load_skills

pytestmark = pytest.mark.usefixtures("folder")


def scripted(*replies: object, backend: ScriptedBackend | None = None, **options: object) -> Session:
    price = options.pop("price", 0.0)
    return Session(backend or ScriptedBackend(), model=ScriptedModel(*replies, price=price), **options)  # type: ignore[arg-type]


def test_the_next_turn_continues_the_same_conversation() -> None:
    with scripted(["One."], [use("a")], ["Two."]) as session:
        first, second = session.chat("first"), session.chat("second")
        assert (first.turn, second.turn) == (1, 2)
        assert second.parent_id == first.id
        assert [m.text for m in session.messages if m.role == "user"][:2] == ["first", "second"]
        check_history(session.messages)


def test_undo_removes_turns_and_numbering_continues_from_there() -> None:
    with scripted(["One."], ["Two."], ["Three."], ["Four."]) as session:
        for prompt in ("first", "second", "third"):
            session.chat(prompt)
        session.undo(2)
        assert [turn.prompt for turn in session.turns] == ["first"]
        assert session.chat("fourth").turn == 2
        assert [m.text for m in session.messages] == ["first", "One.", "fourth", "Four."]
        with pytest.raises(UsageError, match="cannot undo 3 turns: session 'main' has 2"):
            session.undo(3)


def test_retry_runs_the_last_prompt_again_with_its_text() -> None:
    with scripted(["One."], ["Again."]) as session:
        session.chat("first", extra_text=["a table"])
        assert session.retry().text == "Again."
        assert len(session.turns) == 1
        assert [block.text for block in session.messages[0].content] == ["first", "a table"]  # type: ignore[union-attr]


def test_retry_without_a_turn_is_a_slip() -> None:
    with scripted() as session, pytest.raises(UsageError, match="no turn"):
        session.retry()


def test_reset_forgets_the_conversation_and_ends_what_runs() -> None:
    backend = ScriptedBackend()
    with scripted(["One."], ["New."], backend=backend) as session:
        session.chat("first")
        session.reset()
        assert (session.messages, session.turns) == ((), [])
        assert backend.closed


def test_a_failed_turn_stays_in_the_session_and_the_next_one_works() -> None:
    with scripted(["It began", ModelError("overloaded")], ["Back."]) as session:
        with pytest.raises(ModelError, match="overloaded"):
            session.chat("first")
        assert session.turns[-1].stop_reason == "error"
        assert session.chat("second").text == "Back."
        check_history(session.messages)


def test_use_changes_backend_and_model_for_the_next_turn() -> None:
    with scripted(["One.", use("a")], ["Done."]) as session:
        session.chat("first")
        other, model = ScriptedBackend("other", other=echo), ScriptedModel(["Two."])
        session.use(backend=other, model=model)
        assert session.chat("second").backends == ("other",)
        assert "[conjure: the available tools have changed" in model.requests[0].messages[-1].text
        check_history(session.messages)


@pytest.mark.parametrize("choice", [{"backend": "lokal"}, {"model": 3}, {"backend": ""}, {"workspace": "nowhere"}])
def test_what_does_not_exist_is_a_usage_error_and_changes_nothing(choice: dict[str, object]) -> None:
    with scripted(["One."]) as session:
        before = session.backends
        with pytest.raises(UsageError):
            session.use(**choice)  # type: ignore[arg-type]
        assert session.backends == before
        assert session.chat("still here").text == "One."


def test_an_empty_request_is_a_slip() -> None:
    with scripted() as session, pytest.raises(UsageError, match="empty"):
        session.chat("  \n")


def test_one_turn_at_a_time() -> None:
    with scripted(["One."]) as session, contextlib.closing(session.stream("first")) as events:
        next(events)
        assert session.is_busy
        with pytest.raises(SessionBusyError, match="busy"):
            session.chat("second")
        with pytest.raises(SessionBusyError):
            session.undo()
    assert not session.is_busy


def test_stop_from_another_thread_ends_the_turn_in_order() -> None:
    with scripted([use("a")], [use("b")], [use("c")]) as session:
        session.subscribe(lambda event: threading.Thread(target=session.stop).start(), [ToolFinished])
        for _ in session.stream("go"):
            threading.Event().wait(0.005)
        assert session.turns[-1].stop_reason == "stopped"
        check_history(session.messages)


def test_chat_raises_keyboard_interrupt_and_keeps_the_turn() -> None:
    with scripted(["One.", use("a")]) as session:
        cancel = Cancel()
        session.subscribe(lambda event: cancel.set("interrupted"), [TextDelta])
        with pytest.raises(KeyboardInterrupt):
            session.chat("go", cancel=cancel)
        assert session.turns[-1].stop_reason == "interrupted"
        check_history(session.messages)


def test_a_subscriber_gets_what_it_asked_for_until_it_ends() -> None:
    seen: list[Event] = []
    with scripted(["One."], ["Two."]) as session:
        end = session.subscribe(seen.append, [TurnFinished])
        session.chat("first")
        end()
        session.chat("second")
    assert [event.turn for event in seen] == [1]


def test_a_closed_session_says_so_and_closes_its_hands() -> None:
    backend = ScriptedBackend()
    session = scripted(["One."], backend=backend)
    session.chat("first")
    session.close()
    session.close()
    assert backend.closed
    with pytest.raises(SessionClosedError, match="closed"):
        session.chat("second")


def test_what_a_callable_would_send_can_be_looked_at() -> None:
    with scripted() as session:
        assert [tool["name"] for tool in session.tool_definitions()] == ["echo"]
        assert session.system_prompt().endswith("fake hands")
        assert session.request("hello").to_dict()["messages"][0]["content"][0]["text"] == "hello"
        assert session.turns == []


def test_a_second_session_of_that_name_gets_its_own_workspace_and_a_notice() -> None:
    with scripted(["One."]) as first, scripted(["Two."]) as second:
        first.chat("a")
        result = second.chat("b")
        assert first.workspace.root != second.workspace.root
        assert any("another kernel uses main" in getattr(item, "text", "") for item in result.items)
        assert not any("another kernel" in getattr(item, "text", "") for item in second.chat("c").items)


def test_a_deleted_workspace_is_made_again_and_said(folder: Path) -> None:
    with Session(
        "local", model=ScriptedModel(*[[use(f"a{n}", "bash_tool", command="pwd > here.txt")] for n in (1, 2)])
    ) as session:
        session.approver = lambda request, cancel: Decision("once")
        session.model.replies.insert(1, ["One."])  # type: ignore[attr-defined]
        session.chat("first")
        shutil.rmtree(folder / "conjure-files")
        result = session.chat("second")
    assert [file.name for file in result.files] == ["here.txt"]
    assert "a new, empty one was created" in str(result.items)


def test_a_relative_folder_means_what_it_meant_when_it_was_chosen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sub").mkdir()
    with scripted(["One."], ["Two."], input="sub", workspace="sub") as session:
        session.chat("first")
        monkeypatch.chdir(folder / "sub")
        session.use(model=ScriptedModel(["Two."]))
        assert session.chat("second").text == "Two."
        assert session.workspace.root == folder / "sub"


def test_a_retry_that_cannot_begin_keeps_the_turn() -> None:
    with scripted(["One."], price=None) as session:
        session.chat("first")
        with pytest.raises(UsageError, match="max_cost"):
            session.retry(limits=session.limits(max_cost=1))
        assert [turn.prompt for turn in session.turns] == ["first"]
        assert len(session.messages) == 2


def test_files_with_one_name_in_two_folders_are_all_saved(folder: Path) -> None:
    command = "mkdir a b; echo 1 > a/x.csv; echo 2 > b/x.csv; echo 3 > y.csv"
    with Session("local", model=ScriptedModel([use("t", "bash_tool", command=command)])) as session:
        session.approver = lambda request, cancel: Decision("once")
        saved = session.download_files(session.chat("go").files, folder / "out")
    assert sorted(path.relative_to(folder / "out").as_posix() for path in saved) == ["a/x.csv", "b/x.csv", "y.csv"]


def test_a_timeout_stops_a_callable_that_blocks() -> None:
    def blocks(request: object) -> str:
        threading.Event().wait(60)
        raise AssertionError("not stopped")

    with Session(ScriptedBackend(), model=blocks) as session:
        assert session.chat("go", limits=session.limits(timeout=0.3)).stop_reason == "timeout"


def test_skills_are_given_as_a_registry_or_as_skills_of_one(tmp_path: Path) -> None:
    commands = Path(__file__).parent.parent / "data" / "skills" / "commands"
    registry = SkillRegistry([commands], user=False, bundled=False)
    names = {skill.name for skill in registry.list()}
    with Session("local", registry, "offline") as session:
        assert names <= {skill.name for skill in session.skills.list()}
    with Session("local", [registry.get("word-count"), str(commands / "fussy")], "offline") as session:
        found = {skill.name for skill in session.skills.list()}
        assert {"word-count", "fussy"} <= found
        assert "csv-report" not in found
        session.use(skills=load_skills(commands))
        assert names <= {skill.name for skill in session.skills.list()}


def test_reading_what_would_be_sent_builds_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it needs no price for a limit on the cost, and tells no remarks that the next turn would tell."""
    monkeypatch.setattr("conjure_magic.session.session.Turn", None)
    backend = ScriptedBackend("one", system="hello from one")
    with Session(backend, model=ScriptedModel(price=None), settings=Settings(max_cost=1.0)) as session:
        assert session.system_prompt().endswith("hello from one")
        assert [tool["name"] for tool in session.tool_definitions()] == ["echo"]
        assert session.request("ask").messages[-1].text == "ask"
        backends = [ScriptedBackend("two"), ScriptedBackend("three")]
        session.use(backend=backends)
        with pytest.raises(UsageError, match="both have a tool 'echo'"):
            session.system_prompt()
