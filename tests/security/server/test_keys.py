"""A hostile or careless server: it repeats the key that it was sent, and none of it reaches an output."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from fakes import ScriptedModel, use

from conjure_magic import Session
from conjure_magic.approval import approve_all
from conjure_magic.events import MessageFinished, ModelEvent, TextDelta, ThinkingDelta
from conjure_magic.messages import Message, OtherBlock, TextBlock, ThinkingBlock
from conjure_magic.turn.masking import masked_events

pytestmark = pytest.mark.usefixtures("folder")
KEY = "sk-ant-api03-Zq8" + "x7Kd" * 12


def test_a_model_that_repeats_the_key_puts_it_into_no_event_and_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    hosted = OtherBlock({"type": "server_tool_use", "id": "s1", "name": "x", "input": {KEY: [KEY, {"a": f"({KEY})"}]}})
    model = ScriptedModel(
        [
            ThinkingBlock(f"The key is {KEY}."),
            f"Your key: {KEY}!",
            hosted,
            use("t1", "bash_tool", command=f"echo {KEY} | rev"),
        ],
        [f"{KEY}{KEY}"],
    )
    seen: list[Any] = []
    with Session("local", model=model, approver=approve_all) as session:
        session.subscribe(seen.append)
        result = session.chat("Go.")
        everything = [repr(seen), repr(result), json.dumps(result.to_dict(), default=str), repr(session.messages)]
        everything += [repr(request.to_dict()) for request in model.requests]
    for text in everything:
        assert KEY not in text
        assert KEY[::-1] not in text
    assert result.text.endswith("[masked][masked]")
    assert result.tool_calls[0].call.input == {"command": "echo [masked] | rev"}


@pytest.mark.parametrize("kind", [TextDelta, ThinkingDelta])
def test_a_key_in_pieces_is_masked_and_nothing_else_is_lost(kind: Any) -> None:
    text = f"before {KEY} after {KEY[:20]}"
    for size in (1, 2, 7, 20, 63, len(text)):
        pieces = [kind(text[at : at + size]) for at in range(0, len(text), size)]
        done = MessageFinished(Message("assistant", (TextBlock(text),)), "end_turn")
        events = list(masked_events((event for event in [*pieces, done]), lambda: [KEY]))
        said = "".join(event.text for event in events if isinstance(event, kind))
        assert said == f"before [masked] after {KEY[:20]}"
        assert events[-1].message.text == said  # type: ignore[union-attr]


def test_what_a_cut_stream_had_said_is_kept() -> None:
    def cut() -> Generator[ModelEvent, None, None]:
        yield TextDelta(f"It is {KEY[:9]}")
        raise ConnectionError

    said: list[Any] = []
    with pytest.raises(ConnectionError):
        said.extend(masked_events(cut(), lambda: [KEY]))
    assert "".join(event.text for event in said) == f"It is {KEY[:9]}"


def test_a_message_without_a_key_stays_as_it_came() -> None:
    message = Message("assistant", (TextBlock("Fine.", {"citations": ({"a": 1},)}),))
    (event,) = masked_events((e for e in [MessageFinished(message, "end_turn")]), lambda: [KEY])
    assert event.message is message  # type: ignore[union-attr]
