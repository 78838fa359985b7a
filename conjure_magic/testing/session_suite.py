"""The conformance suite for sessions: the same prompts and the same form of result with every backend.

Subclass it in a test module, and give it a fixture `place` that creates a new `SessionPlace` for each check:

    class TestMine(SessionSuite):
        @pytest.fixture
        def place(self, tmp_path):
            with StubServer() as stub, Session("mine", model=…) as session:
                yield SessionPlace(session, stub, lambda name, content: [a model's block that creates the file])
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conjure_magic.errors import UsageError
from conjure_magic.events import MessageAppended, ToolFinished, ToolStarted, TurnFinished, TurnResult, TurnStarted
from conjure_magic.render import display_limits, render_turn
from conjure_magic.session import Session
from conjure_magic.testing.stub import StubServer

Wire = dict[str, Any]
Work = Callable[[str, str], Sequence[Wire]]


@dataclass
class SessionPlace:
    """What a subclass of `SessionSuite` provides as the fixture `place`."""

    session: Session
    """Its model is the stub, and it needs no approval."""
    stub: StubServer
    work: Work
    """(file name, content) -> blocks of a model's message that make each backend create the file and print `done`.

    With several backends, the file names are prefixed with the backend's name.
    """

    def ask(self, name: str = "made.txt", content: str = "here\n", answer: str = "It is made.") -> TurnResult:
        """Run a turn in which the model does the work and then answers."""
        blocks = list(self.work(name, content))
        if any(block["type"] == "tool_use" for block in blocks):
            self.stub.reply(["I begin.", *blocks], answer)
        else:
            self.stub.reply(["I begin.", *blocks, answer])
        return self.session.chat("Make a file.")

    @property
    def refused(self) -> list[str]:
        """The reasons why the stub refused requests."""
        return [request.error for request in self.stub.messages if request.error]


class SessionSuite:
    """The behaviour of a session with any backend."""

    def test_a_turn_says_what_was_done_and_what_came_of_it(self, place: SessionPlace) -> None:
        """Every call has a backend, a result and a duration; every file has a name, a size and its content."""
        result = place.ask()
        assert result.is_complete
        assert result.text.endswith("It is made.")
        assert result.backends == place.session.backends
        assert {called.backend for called in result.tool_calls} == set(place.session.backends)
        for called in result.tool_calls:
            assert called.result is not None
            assert "done" in called.result.text
            assert not called.is_error
            assert called.seconds >= 0
            assert len(called.files) == 1
        assert len(result.files) == len(result.tool_calls)
        for artifact in result.files:
            assert artifact.name.endswith("made.txt")
            assert (artifact.size, artifact.change, artifact.media_type) == (5, "new", "text/plain")
            assert artifact.read() == b"here\n"
            assert artifact.shown_path.endswith(artifact.name)
        assert place.refused == []

    def test_events_come_in_one_order(self, place: SessionPlace) -> None:
        """The turn's first and last event enclose the others, and each call starts before it finishes."""
        seen: list[Any] = []
        place.session.subscribe(lambda event: seen.append(event.body))
        result = place.ask()
        assert isinstance(seen[0], TurnStarted)
        assert isinstance(seen[-1], TurnFinished)
        assert seen[-1].result is result
        begun = [body.call.id for body in seen if isinstance(body, ToolStarted)]
        assert [body.tool_use_id for body in seen if isinstance(body, ToolFinished)] == begun
        assert len([body for body in seen if isinstance(body, MessageAppended)]) == len(result.messages)

    def test_every_turn_has_the_same_form_as_data_and_as_output(self, place: SessionPlace) -> None:
        """JSON of one form, and output as HTML, Markdown, text and data."""
        result = place.ask()
        data = json.loads(json.dumps(result.to_dict()))
        assert [call["backend"] for call in data["calls"]] == [called.backend for called in result.tool_calls]
        assert [file["name"] for file in data["files"]] == [artifact.name for artifact in result.files]
        bundle = render_turn(result, display_limits(place.session.settings))
        assert {"text/html", "text/markdown", "text/plain"} < set(bundle)
        for artifact in result.files:
            assert artifact.name in bundle["text/html"]

    def test_files_are_saved_where_they_are_wanted(self, place: SessionPlace, tmp_path: Path) -> None:
        """The files of a turn, or of the session; nothing is overwritten."""
        result = place.ask()
        saved = result.download_files(tmp_path / "out")
        assert [path.read_bytes() for path in saved] == [b"here\n"] * len(result.files)
        assert len(place.session.download_files(place.session.files, tmp_path / "all")) == len(result.files)

    def test_the_conversation_goes_on_and_can_be_taken_back(self, place: SessionPlace) -> None:
        """Undo, retry and reset leave a conversation that a server accepts."""
        place.ask(answer="One.")
        place.ask("again.txt", answer="Two.")
        place.session.undo()
        place.stub.reply("Three.")
        assert place.session.chat("Go on.").text == "Three."
        place.stub.reply("Four.")
        assert place.session.retry().text == "Four."
        place.session.reset()
        assert place.ask("fresh.txt").is_complete
        assert place.refused == []
        assert [request.prefix_change for request in place.stub.messages][:2] == [""] * 2

    def test_a_turn_that_is_stopped_is_told_and_the_next_one_works(self, place: SessionPlace) -> None:
        """Stopped when the first call starts."""
        place.stub.reply([*place.work("made.txt", "here\n")], "Never said.")
        with contextlib.closing(place.session.stream("Make a file.")) as events:
            for event in events:
                if isinstance(event.body, ToolStarted):
                    place.session.stop()
        stopped = place.session.turns[-1]
        assert stopped.stop_reason == "stopped"
        assert all(called.result is not None for called in stopped.tool_calls)
        place.stub.reset()
        place.stub.reply("Back.")
        assert place.session.chat("Go on.").text == "Back."
        assert place.refused == []

    def test_what_goes_to_a_model_can_be_seen_before(self, place: SessionPlace) -> None:
        """Tools and system prompt of the next request are those that are then sent."""
        tools, system = place.session.tool_definitions(), place.session.system_prompt()
        place.ask()
        body = place.stub.messages[0].body
        assert body is not None
        assert (body["tools"], body["system"]) == (tools, system)
        assert ("container" in body) == ("anthropic" in place.session.backends)

    def test_an_empty_prompt_is_a_slip(self, place: SessionPlace) -> None:
        """It does not start a turn."""
        try:
            place.session.chat("  ")
        except UsageError:
            assert place.session.turns == []
        else:
            raise AssertionError("an empty prompt was sent")
