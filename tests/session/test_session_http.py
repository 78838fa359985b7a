"""Sessions over real HTTP, against the strict stub: it refuses what the real API would."""

from __future__ import annotations

import threading
from typing import Any

import hosted_kit
import pytest
from fakes import ScriptedBackend, check_history
from hosted_kit import KEY, THINK, refused

from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.errors import ContextOverflowError, ModelError, StreamCutError
from conjure_magic.events import Noted, ToolStarted
from conjure_magic.messages import Usage
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.testing.stub import Reply, StubModel, StubServer

pytestmark = pytest.mark.usefixtures("folder")
STUB_KEY = KEY


def model(stub: StubServer, name: str = "claude-opus-5-5") -> MessagesModel:
    """The model, caching and thinking included, which tries once more."""
    return hosted_kit.model(stub, name, retries=1)


def call(name: str = "echo", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": name, "input": given}


PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def test_twenty_turns_with_several_calls_are_all_accepted_and_append_only(stub: StubServer) -> None:
    with Session(ScriptedBackend(), model=model(stub)) as session:
        for number in range(20):
            stub.reply(
                [THINK, f"Round one of {number}.", call(n=1), call(n=2)], [THINK, call(n=3)], f"Answer {number}."
            )
            assert session.chat(f"Prompt {number}").text == f"Answer {number}."
        check_history(session.messages)
    assert refused(stub) == []
    assert [request.prefix_change for request in stub.messages] == [""] * 60


def test_a_turn_of_thirty_rounds_bills_input_at_little_more_than_ideal_caching(stub: StubServer) -> None:
    stub.reply(*[[THINK, call(text="word " * 200)] for _ in range(29)], "Done.")
    with Session(ScriptedBackend(system="You know much. " * 400), model=model(stub)) as session:
        result = session.chat("Go on for long.")
    assert result.rounds == 30
    billed = written = 0.0
    for request in stub.messages:
        usage = Usage.from_dict(request.usage)
        billed += (usage.input_tokens or 0) + 1.25 * (usage.cache_creation_input_tokens or 0)
        billed += 0.05 * (usage.cache_read_input_tokens or 0)
    sizes = [Usage.from_dict(request.usage).prompt_tokens or 0 for request in stub.messages]
    written = 1.25 * sizes[-1] + 0.05 * sum(sizes[:-1])  # each token written once, then read
    assert billed <= 1.1 * written
    assert result.cost is not None


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_after": 900},
        {"cut_after": 1_400},
        {"error_after": 6},
        {"body": "<html>gateway</html>"},
        {"status": 400, "body": '{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'},
        {"drop": True},
    ],
    ids=lambda fault: "-".join(map(str, next(iter(fault.items())))) if "cut_after" in fault else next(iter(fault)),
)
def test_after_a_fault_nothing_ran_what_was_said_stays_and_the_next_turn_works(
    stub: StubServer, fault: dict[str, Any]
) -> None:
    backend = ScriptedBackend()
    with Session(backend, model=model(stub)) as session:
        stub.reply(*[Reply([THINK, "It began so well.", call(n=1)], **fault)] * 4)
        ran: list[object] = []
        session.subscribe(ran.append, [ToolStarted])
        with pytest.raises(ModelError):
            session.chat("Go.")
        assert backend.ran == []
        assert ran == []
        assert session.turns[-1].stop_reason == "error"
        stub.reset()
        stub.reply("Back.")
        assert session.chat("Go on.").text == "Back."
    assert refused(stub) == []


def test_what_was_said_before_a_cut_is_in_the_history(stub: StubServer) -> None:
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply(Reply(["It began so well."], error_after=5))
        with pytest.raises(ModelError):
            session.chat("Go.")
        assert session.messages[-1].text == "It began so well."


def test_an_answer_that_broke_off_is_billed_as_its_server_bills_it(stub: StubServer) -> None:
    """The server has read the whole prompt by then, and counted it."""
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply(Reply(["It began " * 300], cut_after=3_000))
        with pytest.raises(StreamCutError):
            session.chat("word " * 2_000)
        cut = session.turns[-1]
        assert cut.usage.prompt_tokens == sum(stub.messages[-1].usage[name] for name in PROMPT)
        assert cut.cost is not None
        assert cut.cost > 0.01
        for reply in (Reply.fault(400), Reply(drop=True), Reply(body="<html>")):
            stub.reply(*[reply] * 2)
            with pytest.raises(ModelError):
                session.chat("Again.")
            assert session.turns[-1].cost == 0
            stub.reset()


def test_an_executed_tool_is_not_run_again_after_a_fault_in_the_next_round(stub: StubServer) -> None:
    backend = ScriptedBackend()
    with Session(backend, model=model(stub)) as session:
        stub.reply([call(n=1)], Reply(["Then"], error_after=4), "Fine.")
        with pytest.raises(ModelError):
            session.chat("Go.")
        assert session.chat("Go on.").text == "Fine."
        assert len(backend.ran) == 1
    assert refused(stub) == []


def test_a_retry_is_shown_with_its_wait(stub: StubServer) -> None:
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply(Reply.fault(529, headers={"retry-after": "0.05"}), "Here.")
        result = session.chat("Go.")
    assert result.text == "Here."
    assert any(isinstance(item, Noted) for item in result.items)


def test_another_model_settles_the_thinking_of_the_one_before(stub: StubServer) -> None:
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply([THINK, "One.", call(n=1)], [THINK, "Two."], "Three.")
        session.chat("Go.")
        session.use(model=model(stub, "claude-sonnet-5-5"))
        assert session.chat("Go on.").text == "Three."
    assert refused(stub) == []
    assert "thinking" not in str((stub.messages[-1].body or {})["messages"])


def test_thinking_that_is_no_longer_accepted_is_left_out_and_the_turn_continues(stub: StubServer) -> None:
    """As with a key of another organisation: every later turn would be refused."""
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply([THINK, "One.", call(n=1)], [THINK, "Two."])
        session.chat("Go.")
        stub.forget_thinking()
        stub.reply([THINK, call(n=2)], "Three.")
        result = session.chat("Go on.")
        assert result.text == "Three."
        assert "earlier thinking" in "".join(item.text for item in result.items if isinstance(item, Noted))
        assert len(refused(stub)) == 1
        stub.reply("Four.")
        assert session.chat("And on.").text == "Four."
        check_history(session.messages)
    assert len(refused(stub)) == 1, "once is enough"
    assert "thinking" not in str((stub.messages[4].body or {})["messages"][:4])


def test_in_mid_turn_too_thinking_that_is_not_accepted_is_left_out(stub: StubServer) -> None:
    backend = ScriptedBackend()
    with Session(backend, model=model(stub)) as session:
        stub.reply([THINK, call(n=1)], [THINK, call(n=2)], "Done.")
        session.subscribe(lambda event: stub.forget_thinking() if event.round == 2 else None, [ToolStarted])
        assert session.chat("Go.").text == "Done."
        assert len(backend.ran) == 2, "no executed tool runs again"
        check_history(session.messages)
    assert len(refused(stub)) == 1


def test_thinking_that_the_token_limit_cut_does_not_come_back(stub: StubServer) -> None:
    """It has no signature: sent back, it would end the session."""
    cut = {"type": "thinking", "thinking": "Hm, let me", "signature": ""}
    with Session(ScriptedBackend(), model=model(stub)) as session:
        for blocks in ([cut], ["So far.", cut], [THINK, call(n=1), cut]):
            stub.reply(Reply(blocks, stop_reason="max_tokens"), "Back.")
            assert session.chat("Go.").stop_reason == "max_tokens"
            assert session.chat("Go on.").text == "Back."
            check_history(session.messages)
    assert refused(stub) == []


def test_an_overflow_is_handled_by_a_summary(stub: StubServer) -> None:
    long = "prompt is too long: 1200000 tokens > 1000000 maximum"
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply("One.")
        session.chat("First.")
        stub.reply(Reply.fault(400, "invalid_request_error", long), "They spoke.", "Two.")
        assert session.chat("Second.").text == "Two."
        assert "They spoke." in session.messages[0].text
        stub.reply(Reply.fault(400, "invalid_request_error", long))
        with pytest.raises(ContextOverflowError):
            session.chat("Third.", limits=session.limits(compact=False))
        stub.reset()
        stub.reply("Alive.")
        assert session.chat("Fourth.").text == "Alive."


def test_a_cost_limit_stops_between_rounds_with_honest_figures(stub: StubServer) -> None:
    stub.reply(*[Reply([call(n=1)], output_tokens=1_000)] * 10)
    with Session(ScriptedBackend(), model=model(stub)) as session:
        result = session.chat("Go.", limits=session.limits(max_cost=0.05))
    assert result.stop_reason == "max_cost"
    assert result.cost is not None
    assert 0.03 < result.cost < 0.08
    last = (stub.messages[-1].body or {})["max_tokens"]
    assert last < 2_500, "the next answer is bounded by what is left"
    assert refused(stub) == []


def test_a_compatible_server_gets_nothing_that_it_refuses() -> None:
    with StubServer([call(n=1)], "Fine.", compatible=True) as server:
        credentials = Credentials(server.url, "none", None, "compatible")
        with Session(ScriptedBackend(), model=MessagesModel("llama3.2", credentials)) as session:
            result = session.chat("Go.")
    assert result.text == "Fine."
    assert result.cost is None
    assert refused(server) == []


def test_a_named_model_is_asked_at_its_own_server_with_its_own_key(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-another-server")
    gate = {"model": "claude-opus-5-5", "base_url": stub.url, "key_variable": "GATE", "dialect": "anthropic"}
    settings = Settings(models={"gate": gate}, prices={"claude-opus-5-5": [1, 2]})
    with Session(ScriptedBackend(), settings=settings) as session:
        session.use(model="gate")
        result = session.chat("Go.")
    assert result.cost
    assert {request.headers["x-api-key"] for request in stub.requests} == {KEY}
    assert refused(stub) == []


def test_the_key_is_nowhere_in_a_session(stub: StubServer) -> None:
    with Session(ScriptedBackend(), model=model(stub)) as session:
        stub.reply([call(n=1)], Reply.fault(401, message=f"invalid x-api-key {KEY}"))
        with pytest.raises(ModelError) as caught:
            session.chat("Go.")
        texts = [repr(session), str(session.turns[-1].to_dict()), str(caught.value), repr(session.model)]
        assert not any(KEY in text for text in texts)


def test_the_models_limits_are_learnt_from_the_server_beside_the_work() -> None:
    with StubServer("One.", "Two.", models={"my-model": StubModel("my-model", window=50_000)}) as server:
        learner = MessagesModel("my-model", Credentials(server.url, "x-api-key", Key(KEY), "anthropic"))
        assert learner.context_window is None
        with Session(ScriptedBackend(), model=learner) as session:
            session.chat("Go.")
            for _ in range(1_000):
                if learner.context_window is not None:
                    break
                threading.Event().wait(0.01)
            session.chat("Go on.")
        asked = [request.path for request in server.requests if request.method == "GET"]
    assert learner.context_window == 50_000
    assert asked == ["/v1/models/my-model"], "once"
