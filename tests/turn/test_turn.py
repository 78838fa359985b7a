"""The loop: order of events, results that teach, limits, and a valid history wherever it is cut."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from fakes import ScriptedBackend, ScriptedModel, asking, check_history, echo, use
from scene import Scene
from standard import turn_limits

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.backends.base import Context
from conjure_magic.cancel import Cancel, interruptible
from conjure_magic.errors import BackendError, ModelError, ToolError, UsageError
from conjure_magic.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Body,
    Event,
    Notice,
    Said,
    TextDelta,
    ToolFinished,
    ToolProgress,
    ToolResult,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from conjure_magic.messages import Message, ThinkingBlock, ToolUseBlock
from conjure_magic.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path, tmp_path, in_place=False)


TWO_CALLS = ("First I look.", use("a"), use("b", word="x"))


def test_a_turn_runs_every_call_and_ends_with_the_answer(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(TWO_CALLS, ["All is well."]))
    result = scene.run()
    assert result.text == "All is well."
    assert [type(item).__name__ for item in result.items] == ["Said", "Called", "Called", "Said"]
    assert [call.result.text for call in result.tool_calls if call.result] == ["echo {}", "echo {'word': 'x'}"]
    assert (result.stop_reason, result.rounds, result.turn) == ("end_turn", 2, 1)
    check_history(scene.turn.messages)
    assert [message.role for message in scene.turn.messages] == ["user", "assistant", "user", "assistant"]


def test_events_are_pushed_before_they_are_yielded_and_numbered_without_gaps(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(TWO_CALLS))
    seen: list[int] = []
    for event in scene.turn.stream():
        assert scene.pushed[event.seq] is event
        seen.append(event.seq)
    assert seen == list(range(len(scene.pushed)))
    assert isinstance(scene.pushed[0].body, TurnStarted)
    assert isinstance(scene.pushed[-1].body, TurnFinished)


def test_a_subscriber_that_raises_breaks_nothing(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("my own fault")

    scene = Scene(workspace, ScriptedModel(TWO_CALLS), subscribers=[broken])
    assert scene.run().is_complete
    assert "a subscriber failed" in caplog.text


def test_an_unknown_tool_becomes_a_result_that_teaches(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel([use("a", "bahs")]))
    call = scene.run().tool_calls[0]
    assert call.result is not None
    assert call.result.is_error
    assert "'bahs'" in call.result.text
    assert "echo" in call.result.text


def test_the_model_reads_a_tool_error_and_the_turn_continues(workspace: Workspace) -> None:
    def fails(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        yield from ()
        raise ToolError("path is missing")

    scene = Scene(workspace, ScriptedModel([use("a", "fails")], ["I see."]), ScriptedBackend(fails=fails))
    assert scene.run().text == "I see."
    assert scene.model.requests[1].messages[-1].to_dict()["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "path is missing", "is_error": True}
    ]


def test_a_backend_that_dies_fails_its_own_calls_alone(workspace: Workspace) -> None:
    def dies(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        yield from ()
        raise BackendError("the engine is gone")

    dying, alive = ScriptedBackend("dying", dies=dies), ScriptedBackend("alive")
    dying.repair = "a new one was started"
    scene = Scene(workspace, ScriptedModel([use("a", "dies"), use("b")], ["on we go"]), dying, alive)
    result = scene.run()
    assert [call.is_error for call in result.tool_calls] == [True, False]
    assert [notice.text for notice in scene.bodies(Notice)] == ["a new one was started"]
    assert result.text == "on we go"


def test_two_backends_with_one_tool_name_are_a_usage_error(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(), ScriptedBackend("one"), ScriptedBackend("two"))
    with pytest.raises(UsageError, match="one and two both have a tool 'echo'"):
        scene.run()
    assert scene.pushed == []


def test_a_fault_of_a_backend_propagates_and_leaves_a_valid_history(workspace: Workspace) -> None:
    def bug(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        yield ToolProgress(call.id, 1)
        raise ZeroDivisionError

    scene = Scene(workspace, ScriptedModel([use("a", "bug"), use("b", "bug")]), ScriptedBackend(bug=bug))
    with pytest.raises(ZeroDivisionError):
        scene.run()
    check_history(scene.turn.messages)
    assert scene.result.stop_reason == "error"
    assert len(scene.backends[0].ran) == 1


def test_the_round_limit_leaves_a_result_that_can_be_continued(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel([use("a")], [use("b")], [use("c")]), limits=turn_limits(max_rounds=2))
    result = scene.run()
    assert (result.stop_reason, result.rounds) == ("max_rounds", 2)
    check_history(scene.turn.messages)
    again = Scene(workspace, ScriptedModel(["here"]), messages=scene.turn.messages, fingerprint=scene.turn.fingerprint)
    again.run()
    check_history(again.turn.messages)
    assert [b.type for b in again.model.requests[0].messages[-1].content] == ["tool_result", "text"]


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded", "refusal"])
def test_calls_of_a_message_that_was_cut_do_not_run(workspace: Workspace, reason: str) -> None:
    scene = Scene(workspace, ScriptedModel(["I would", use("a")], stop_reason=reason))
    result = scene.run()
    assert scene.backends[0].ran == []
    assert result.stop_reason == reason
    check_history(scene.turn.messages)
    assert result.messages[-1].text == "I would"
    assert (scene.turn.messages == ()) == (reason == "refusal"), "a refused turn is left out of later requests"


def test_what_a_failing_model_had_said_is_kept(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(["It began", ModelError("the connection was lost")]))
    with pytest.raises(ModelError, match="lost"):
        scene.run()
    assert scene.result.stop_reason == "error"
    assert scene.result.error == "the connection was lost"
    assert scene.result.text == "It began"
    check_history(scene.turn.messages)


def test_thinking_and_calls_of_a_message_that_was_cut_are_not_kept(workspace: Workspace) -> None:
    thinking = ThinkingBlock("hm", {"signature": "s"})
    scene = Scene(workspace, ScriptedModel([thinking, "said", use("a"), ModelError("cut")]))
    with pytest.raises(ModelError):
        scene.run()
    assert [block.type for block in scene.turn.messages[-1].content] == ["text"]


def test_without_an_approver_a_call_that_asks_is_refused_and_says_what_to_pass(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel([use("a", "asking")]), ScriptedBackend(asking=asking))
    scene.run()
    assert [type(body) for body in scene.bodies(ApprovalAsked, ApprovalAnswered)] == [ApprovalAsked, ApprovalAnswered]
    assert "approver=approve_all" in scene.model.requests[1].messages[-1].content[0].text


def test_waiting_for_a_person_does_not_count_toward_the_timeout(workspace: Workspace) -> None:
    def slow(request: ApprovalRequest, cancel: Cancel) -> Decision:
        assert not cancel.wait(0.6), "the turn's time went on while a person was asked"
        return Decision("once")

    scene = Scene(
        workspace,
        ScriptedModel([use("a", "asking")]),
        ScriptedBackend(asking=asking),
        approver=slow,
        limits=turn_limits(timeout=0.5),
    )
    assert scene.run().is_complete


def test_a_timeout_stops_a_call_and_marks_the_result(workspace: Workspace) -> None:
    def sleeps(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        yield from echo(call, context)
        context.cancel.wait(60)
        context.cancel.raise_if_set()
        raise AssertionError("not stopped")

    scene = Scene(
        workspace, ScriptedModel([use("a", "sleeps")]), ScriptedBackend(sleeps=sleeps), limits=turn_limits(timeout=0.2)
    )
    result = scene.run()
    assert result.stop_reason == "timeout"
    assert result.tool_calls[0].result is not None
    assert result.tool_calls[0].result.text == "one\ntwo\n\n[timeout before it ended]"
    check_history(scene.turn.messages)


def test_a_persons_function_is_interrupted_at_once(workspace: Workspace) -> None:
    """A SIGINT under the guard raises inside `interruptible`, and the turn still ends in order."""
    import signal

    from conjure_magic.cancel import interrupt_guard

    def native(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        yield from ()
        with interruptible(context.cancel):
            threading.Timer(0.1, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
            threading.Event().wait(60)
        raise AssertionError("not interrupted")

    scene = Scene(workspace, ScriptedModel([use("a", "native")]), ScriptedBackend(native=native))
    with interrupt_guard(scene.turn.cancel):
        assert scene.run().stop_reason == "interrupted"
    check_history(scene.turn.messages)


def _events_of_a_full_turn(workspace: Workspace) -> int:
    scene = _full(workspace)
    scene.run()
    return len(scene.yielded)


def _full(workspace: Workspace) -> Scene:
    backend = ScriptedBackend(echo=echo, asking=asking)
    model = ScriptedModel(
        ["First.", use("a"), use("b", "asking")], [ThinkingBlock("hm"), use("c"), use("d", "nothing")], ["Done."]
    )
    return Scene(workspace, model, backend, approver=lambda request, cancel: Decision("once"))


WAYS = ("close", "cancel", "raise")


@pytest.mark.parametrize("way", WAYS)
def test_cut_at_every_event_the_history_is_valid_and_the_next_turn_works(workspace: Workspace, way: str) -> None:
    """By closing the generator, by its Cancel, by an exception in the consumer: at each event, the last included."""
    total = _events_of_a_full_turn(workspace)
    assert total > 30
    for cut in range(total):
        scene = _full(workspace)
        with contextlib.suppress(KeyboardInterrupt), contextlib.closing(scene.turn.stream()) as events:
            for index, _ in enumerate(events):
                if index == cut and way == "close":
                    break
                if index == cut and way == "cancel":
                    scene.turn.cancel.set("interrupted")
                if index == cut and way == "raise":
                    raise KeyboardInterrupt
        check_history(scene.turn.messages)
        assert isinstance(scene.pushed[-1].body, TurnFinished), cut
        started = [body.call.id for body in scene.bodies(ToolStarted)]
        assert [body.tool_use_id for body in scene.bodies(ToolFinished)] == started, cut
        after = Scene(workspace, ScriptedModel(["Back."]), messages=scene.turn.messages)
        assert after.run().text == "Back."
        check_history(after.turn.messages)


def test_what_a_stopped_command_had_printed_is_its_result(workspace: Workspace) -> None:
    """A generator's return value is lost when it is closed, so the output that was seen answers the call."""
    scene = Scene(workspace, ScriptedModel([use("a"), use("b")]))
    with contextlib.closing(scene.turn.stream()) as events:
        for event in events:
            if getattr(event.body, "text", "") == "two\n":
                break
    results = scene.turn.messages[-1].content
    assert "one\ntwo" in results[0].text
    assert "before this call ran" in results[1].text


def test_a_changed_tool_settles_what_came_before_and_says_so(workspace: Workspace) -> None:
    first = Scene(workspace, ScriptedModel([ThinkingBlock("hm"), use("a")], ["One."]))
    first.run()
    other = ScriptedBackend(other=echo)
    second = Scene(
        workspace, ScriptedModel(["Two."]), other, messages=first.turn.messages, fingerprint=first.turn.fingerprint
    )
    second.run()
    sent = second.model.requests[0].messages
    assert not any(block.type in ("thinking", "tool_use", "tool_result") for m in sent for block in m.content)
    assert sent[-1].text.startswith("[conjure: the available tools have changed; the tools of this turn: other]")
    check_history(second.turn.messages)


def test_an_unchanged_request_is_append_only(workspace: Workspace) -> None:
    first = Scene(workspace, ScriptedModel([ThinkingBlock("hm"), use("a")], ["One."]))
    first.run()
    second = Scene(workspace, ScriptedModel(["Two."]), messages=first.turn.messages, fingerprint=first.turn.fingerprint)
    second.run()
    assert second.turn.messages[: len(first.turn.messages)] == first.turn.messages
    assert all(a is b for a, b in zip(first.turn.messages, second.turn.messages, strict=False))


def test_cost_is_unknown_as_soon_as_one_price_is(workspace: Workspace) -> None:
    assert Scene(workspace, ScriptedModel(TWO_CALLS, price=0.5)).run().cost == 1.0
    assert Scene(workspace, ScriptedModel(TWO_CALLS, price=None)).run().cost is None


def test_text_said_and_deltas_agree(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(["Hello world"]))
    scene.run()
    assert "".join(body.text for body in scene.bodies(TextDelta)) == "Hello world"
    assert scene.result.items == (Said("Hello world"),)
    assert scene.result.messages == (Message.user("do it"), Message.assistant("Hello world"))


def test_ids_that_a_model_uses_twice_are_made_its_own(workspace: Workspace) -> None:
    """Small servers and callables start counting again in each answer; a strict server refuses that."""
    scene = Scene(
        workspace, ScriptedModel([use("call_0"), use("call_0", word="x")], [use("call_0"), use("é:1")], ["Done."])
    )
    result = scene.run()
    ids = [called.call.id for called in result.tool_calls]
    assert len(set(ids)) == 4
    assert ids[0] == "call_0"
    assert all(called.result is not None and not called.is_error for called in result.tool_calls)
    check_history(scene.turn.messages)


def test_a_message_that_is_not_json_is_the_models_fault_and_leaves_no_trace(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(["Said.", use("a", command={1, 2})]))
    with pytest.raises(ModelError, match="not JSON"):
        scene.run()
    check_history(scene.turn.messages)
    assert all(message.encoded for message in scene.turn.messages)
    assert Scene(workspace, ScriptedModel(["Fine."]), messages=scene.turn.messages).run().text == "Fine."
