"""A conversation that nears the context is summarised in whole rounds and continues; the cost of a turn."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import ScriptedModel, check_history, use
from scene import Scene
from standard import turn_limits

from conjure_magic.cancel import Cancel
from conjure_magic.errors import ContextOverflowError, ModelError, StreamCutError, UsageError
from conjure_magic.events import Compacted, MessageFinished, MessageStarted, ModelEvent, Notice
from conjure_magic.messages import Message, ThinkingBlock, Usage
from conjure_magic.models.base import Request
from conjure_magic.turn.compaction import estimated_tokens
from conjure_magic.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path, tmp_path, in_place=False)


def small(*replies: object, window: int = 2_000) -> ScriptedModel:
    model = ScriptedModel(*replies)  # type: ignore[arg-type]
    model.context_window = window
    return model


LONG = (Message.user("look " * 2_000), Message.assistant("found " * 500))
ROOM = turn_limits(max_tokens=500)


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
    assert "a summary of 4 words replaces 2 messages" in scene.bodies(Notice)[0].text
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


def test_an_unforeseen_overflow_is_handled_once_by_a_summary(workspace: Workspace) -> None:
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
    scene = Scene(workspace, small(), messages=LONG, limits=turn_limits(max_tokens=500, compact=False))
    with pytest.raises(ContextOverflowError, match="compact=False"):
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

    scene = Scene(
        workspace, Priced([use("a")], [use("b")], [use("c")]), limits=turn_limits(max_cost=0.10, max_tokens=400)
    )
    result = scene.run()
    assert [request.max_tokens for request in scene.model.requests] == [10, 5]
    assert result.stop_reason == "max_cost"
    assert result.cost == pytest.approx(0.10)
    check_history(scene.turn.messages)


def test_a_cost_limit_without_a_price_is_a_usage_error(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="needs a price"):
        Scene(workspace, ScriptedModel(price=None), limits=turn_limits(max_cost=1))


def test_a_prompt_alone_is_sent_whatever_the_estimate_says(workspace: Workspace) -> None:
    """Only its server knows; a conversation of one request has nothing to summarise."""
    model = small(["Fine."])
    scene = Scene(workspace, model, prompt="x" * 9_000, limits=ROOM)
    assert scene.run().text == "Fine."
    assert scene.bodies(Compacted) == []


def test_in_a_small_window_an_answer_is_kept_free_a_quarter_and_asks_for_no_more_than_fits(
    workspace: Workspace,
) -> None:
    model = small(["Fine."], window=8_000)
    short = (Message.user("Hi."), Message.assistant("Hello."))
    scene = Scene(workspace, model, messages=short, limits=turn_limits(max_tokens=16_000))
    scene.run()
    assert scene.bodies(Compacted) == []
    assert 7_000 < model.requests[0].max_tokens < 8_000


class Priced(ScriptedModel):
    """A dollar for a million tokens read, ten for a million written."""

    def cost(self, usage: Usage) -> float | None:
        if usage.output_tokens is None:
            return None
        return ((usage.prompt_tokens or 0) + 10 * usage.output_tokens) / 1e6


def test_a_summary_that_would_take_more_than_half_of_the_money_is_made_by_rule(workspace: Workspace) -> None:
    for limit, requests in ((0.05, 1), (0.10, 2)):
        model = Priced(["The model's summary."], ["On."])
        model.context_window = 2_000
        scene = Scene(workspace, model, messages=LONG, limits=turn_limits(max_tokens=500, max_cost=limit))
        result = scene.run()
        assert len(model.requests) == requests
        [told] = [notice.text for notice in scene.bodies(Notice)]
        assert ("an extract" in told) == (requests == 1)
        assert result.cost is not None, "a summary made by rule costs nothing, which is not the same as unknown"
        assert result.cost < limit


def test_a_server_that_stops_counting_ends_a_turn_that_may_not_cost_more(workspace: Workspace) -> None:
    class Silent(Priced):
        def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
            for event in super().stream(request, cancel):
                yield replace(event, usage=Usage()) if isinstance(event, MessageFinished) else event

    scene = Scene(workspace, Silent([use("a")], ["On."]), limits=turn_limits(max_cost=1))
    result = scene.run()
    assert (result.stop_reason, result.cost, result.rounds) == ("max_cost", None, 2)
    assert len(scene.model.requests) == 1


def test_a_price_that_depends_on_the_length_bounds_the_answer_by_the_higher_rate(workspace: Workspace) -> None:
    class Stepped(ScriptedModel):
        def cost(self, usage: Usage) -> float:
            return (usage.output_tokens or 0) * (0.01 if (usage.prompt_tokens or 0) < 1_000 else 0.05)

    model = Stepped(["On."])
    Scene(workspace, model, messages=LONG, limits=turn_limits(max_cost=1.0, max_tokens=400)).run()
    assert model.requests[0].max_tokens == 20


def test_an_answer_that_the_money_cut_says_so(workspace: Workspace) -> None:
    model = Priced(["Half a sen"], stop_reason="max_tokens")
    result = Scene(workspace, model, limits=turn_limits(max_cost=0.001, max_tokens=400)).run()
    assert result.stop_reason == "max_cost"
    free = Scene(workspace, Priced(["Half a sen"], stop_reason="max_tokens"), limits=turn_limits(max_tokens=400)).run()
    assert free.stop_reason == "max_tokens"


def test_an_answer_that_broke_off_is_billed_as_far_as_it_came(workspace: Workspace) -> None:
    class Begins(Priced):
        def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
            yield MessageStarted(Usage(1_000, 1, 2_000, 3_000))
            yield from super().stream(request, cancel)

    scene = Scene(workspace, Begins(["word " * 60, StreamCutError("lost")]))
    with pytest.raises(StreamCutError):
        scene.run()
    result = scene.turn.result
    assert result is not None
    assert result.usage.prompt_tokens == 6_000
    assert 60 <= (result.usage.output_tokens or 0) <= 200
    assert result.cost == pytest.approx(0.006, abs=0.002)
    whole = Scene(workspace, Begins(["Whole."])).run()
    assert whole.usage == Usage(10, 5), "an answer that came to its end is billed once"


def test_a_summary_is_billed_and_one_that_the_model_declines_to_make_is_made_by_rule(workspace: Workspace) -> None:
    model = small(["I cannot summarise this."], ["On."])
    model.stop_reason = "refusal"
    scene = Scene(workspace, model, messages=LONG, limits=ROOM)
    result = scene.run()
    assert "I cannot" not in model.requests[-1].messages[0].text
    assert "characters left out" in model.requests[-1].messages[0].text
    assert result.usage == Usage(20, 10), "the summary's tokens and the answer's"


def test_an_answer_that_overflowed_after_it_began_is_billed_as_well_as_the_one_after_the_summary(
    workspace: Workspace,
) -> None:
    class Begins(ScriptedModel):
        def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
            yield MessageStarted(Usage(1_000, 1))
            yield from super().stream(request, cancel)

    model = Begins([ContextOverflowError("too long")], ["Summary."], ["Fine."])
    result = Scene(workspace, model, messages=LONG).run()
    assert result.text == "Fine."
    assert result.usage == Usage(1_020, 11)


# ---- what a summary keeps


PLANTED = (
    "The pool of `payment-db` ran empty at 2026-03-01 14:07:52.",
    "It lost 4,211 orders, 37.5 % of them from Zurich.",
    "See logs/shop/2026-03-01.log, line 88213, and the user Alvarez.",
)
FACTS = ("payment-db", "14:07:52", "4,211", "37.5", "logs/shop/2026-03-01.log", "88213", "Alvarez", "Zurich")


def planted() -> tuple[Message, ...]:
    """A conversation whose facts lie in its middle, where a summary by rule has nothing."""
    noise = [(Message.user("look " * 400), Message.assistant("words " * 400)) for _ in range(6)]
    told = (Message.user("What happened?"), Message.assistant("\n".join(PLANTED)))
    return tuple(message for pair in (*noise[:3], told, *noise[3:]) for message in pair)


@pytest.mark.parametrize("summary", ["They talked about a shop.", ""], ids=["a poor one", "by rule"])
def test_a_summary_keeps_the_figures_names_and_paths_of_the_answers(workspace: Workspace, summary: str) -> None:
    model = small([summary] if summary else [ModelError("no summary today")], ["On we go."], window=6_000)
    scene = Scene(workspace, model, messages=planted(), limits=ROOM)
    scene.run()
    [body] = scene.bodies(Compacted)
    for fact in FACTS:
        assert fact in body.summary, fact
    assert len(body.summary) < 12_000


def test_what_a_summary_says_already_is_not_repeated(workspace: Workspace) -> None:
    model = small([" ".join(PLANTED)], ["On we go."], window=6_000)
    scene = Scene(workspace, model, messages=planted(), limits=ROOM)
    scene.run()
    assert scene.bodies(Compacted)[0].summary == " ".join(PLANTED)


class Cutting(ScriptedModel):
    """Cuts each summary that has less room than it needs."""

    needs = 5_000

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        for event in super().stream(request, cancel):
            if isinstance(event, MessageFinished) and not request.tools and request.max_tokens < self.needs:
                event = replace(event, stop_reason="max_tokens")
            yield event


def test_a_summary_that_was_cut_is_asked_for_again_with_more_room(workspace: Workspace) -> None:
    model = Cutting(["It beg"], ["The whole summary."], ["On we go."])
    model.context_window = 40_000
    scene = Scene(workspace, model, messages=(*LONG, Message.assistant("w " * 60_000)), limits=ROOM)
    assert scene.run().text == "On we go."
    assert scene.bodies(Compacted)[0].summary == "The whole summary."
    assert model.requests[1].max_tokens == 2 * model.requests[0].max_tokens


def test_a_summary_that_is_cut_again_is_made_by_rule_and_said_so(workspace: Workspace) -> None:
    model = Cutting(["It beg"], ["It beg"], ["On we go."])
    model.context_window, model.needs = 40_000, 1_000_000
    scene = Scene(workspace, model, messages=(*LONG, Message.assistant("w " * 60_000)), limits=ROOM)
    assert scene.run().text == "On we go."
    assert "It beg" not in scene.bodies(Compacted)[0].summary
    assert "cut off" in scene.bodies(Notice)[0].text
