"""A conversation that nears the context becomes a summary, in whole rounds, and goes on; what a turn may cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ScriptedModel, check_history, use
from test_turn import Scene

from conjure_magic.budget import Limits
from conjure_magic.compaction import estimated_tokens, shortened
from conjure_magic.errors import ContextOverflowError, UsageError
from conjure_magic.events import Compacted, Notice
from conjure_magic.messages import Message, ThinkingBlock
from conjure_magic.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path, tmp_path, in_place=False)


def small(*replies: object, window: int = 2_000) -> ScriptedModel:
    model = ScriptedModel(*replies)  # type: ignore[arg-type]
    model.context_window = window
    return model


LONG = (Message.user("look " * 2_000), Message.assistant("found " * 500))
ROOM = Limits(max_tokens=500)


def test_earlier_turns_become_a_summary_before_the_request_that_would_not_fit(workspace: Workspace) -> None:
    model = small(["They looked and found."], ["On we go."])
    scene = Scene(workspace, model, messages=LONG, limits=ROOM)
    assert scene.run().text == "On we go."
    asked, sent = model.requests
    assert asked.tools == ()
    assert "look look" in asked.messages[0].text
    assert estimated_tokens(asked.messages) < 2_000
    assert [message.role for message in sent.messages] == ["user"]
    assert "They looked and found." in sent.messages[0].text
    assert sent.messages[0].content[-1].text == "do it"  # type: ignore[union-attr]
    [body] = scene.bodies(Compacted)
    assert body.messages == 2
    assert "became a summary" in scene.bodies(Notice)[0].text
    check_history(scene.turn.messages)


def test_in_mid_turn_finished_rounds_are_summarised_and_no_thinking_survives(workspace: Workspace) -> None:
    model = small(
        [ThinkingBlock("hm", {"signature": "s"}), "I look.", use("a", word="x" * 6_000)], ["I looked."], ["Done."]
    )
    scene = Scene(workspace, model, limits=ROOM)
    result = scene.run()
    assert result.text == "Done."
    sent = model.requests[-1].messages
    assert [message.role for message in sent] == ["user"]
    assert [block.type for block in sent[0].content] == ["text", "text"]
    assert scene.backends[0].ran == ["a"]
    assert [message.role for message in result.messages] == ["user", "assistant", "user", "assistant"], (
        "the whole stays"
    )
    check_history(scene.turn.messages)


def test_an_overflow_that_nobody_foresaw_is_mended_once(workspace: Workspace) -> None:
    model = small([ContextOverflowError("prompt is too long")], ["Summary."], ["Fine."], window=10**9)
    scene = Scene(workspace, model, messages=LONG)
    assert scene.run().text == "Fine."
    model = small(*[[ContextOverflowError("prompt is too long")]] * 3, window=10**9)
    scene = Scene(workspace, model, messages=LONG)
    with pytest.raises(ContextOverflowError):
        scene.run()
    check_history(scene.turn.messages)
    after = Scene(workspace, ScriptedModel(["Alive."]), messages=scene.turn.messages)
    assert after.run().text == "Alive.", "the session is never dead"


def test_a_summary_is_made_by_rule_where_the_model_cannot_make_one(workspace: Workspace) -> None:
    model = small([ContextOverflowError("no")], ["On."])
    Scene(workspace, model, messages=LONG, limits=ROOM).run()
    assert "characters left out" in model.requests[-1].messages[0].text


def test_no_compact_refuses_and_says_what_to_do(workspace: Workspace) -> None:
    scene = Scene(workspace, small(), messages=LONG, limits=Limits(max_tokens=500, compact=False))
    with pytest.raises(ContextOverflowError, match="--no-compact"):
        scene.run()
    assert scene.turn.messages[:1] == LONG[:1]
    check_history(scene.turn.messages)


def test_without_a_known_window_nothing_is_summarised(workspace: Workspace) -> None:
    scene = Scene(workspace, ScriptedModel(["On."]), messages=LONG)
    scene.run()
    assert scene.bodies(Compacted) == []
    assert scene.model.requests[0].messages[:2] == LONG


def test_the_cost_limit_is_checked_between_rounds_and_bounds_the_next_answer(workspace: Workspace) -> None:
    class Priced(ScriptedModel):
        def cost(self, usage: object) -> float:
            return getattr(usage, "output_tokens", 0) * 0.01

    scene = Scene(workspace, Priced([use("a")], [use("b")], [use("c")]), limits=Limits(max_cost=0.10, max_tokens=400))
    result = scene.run()
    assert [request.max_tokens for request in scene.model.requests] == [10, 5]
    assert result.stop_reason == "max_cost"
    assert result.cost == pytest.approx(0.10)
    check_history(scene.turn.messages)


def test_a_cost_limit_without_a_price_is_a_usage_error(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="--max-cost needs a price"):
        Scene(workspace, ScriptedModel(price=None), limits=Limits(max_cost=1))


def test_shortened_text_keeps_both_ends() -> None:
    assert shortened("abc", 3) == "abc"
    text = shortened("a" * 50 + "b" * 50, 20)
    assert text.startswith("a" * 10)
    assert text.endswith("b" * 10)
    assert "80 characters left out" in text
