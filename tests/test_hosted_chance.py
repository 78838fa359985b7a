"""Turns put together by chance: calls of both sides, pauses, cuts, stops and losses; every history is accepted."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hosted_kit import THINK, call, refused, session

from conjure_magic.approval import approve_all
from conjure_magic.errors import ModelUnavailableError, PauseLimitError, StreamCutError
from conjure_magic.session import Session
from conjure_magic.testing.stub import Reply, StubServer, bash, edit

SEEDS = 24
CAUSED = (StreamCutError, ModelUnavailableError, PauseLimitError)
"""What a script may end a turn with; everything else is a fault of ours."""


pytestmark = pytest.mark.usefixtures("folder")


def reply(chance: random.Random) -> Reply:
    """An answer of a few calls and words, perhaps left open, cut or broken off."""
    kinds: list[Callable[[], list[Any]]] = [
        lambda: [THINK],
        lambda: ["text"],
        lambda: bash("ls", "x" * chance.randint(0, 30), files={"a.txt": b"x"} if chance.random() < 0.3 else None),
        lambda: edit("view", "/x", content="y"),
        lambda: [call("bash_tool", command="true")],
        lambda: [call("send_file", path="a.txt")],
        lambda: [call("fetch_file", name="a.txt")],
        lambda: [call("nope")],
    ]
    parts = [part for _ in range(chance.randint(1, 3)) for part in chance.choice(kinds)()]
    more: dict[str, Any] = {"noise": chance.random() < 0.2}
    if chance.random() < 0.3:
        parts += bash("late", "z", later=True)
        if not any(isinstance(part, dict) and part["type"] == "tool_use" for part in parts):
            more["stop_reason"] = "pause_turn"
    fault = chance.random()
    if fault < 0.1:
        more["cut_after"] = chance.randint(100, 2_500)
    elif fault < 0.2:
        more["error_after"] = chance.randint(1, 12)
    elif fault < 0.25:
        more["stop_reason"] = "max_tokens"
    return Reply(tuple(parts), **more)


def lose(stub: StubServer, chance: random.Random) -> None:
    """Let the container, or all files, be gone."""
    if chance.random() < 0.2 and stub.hosted.containers:
        stub.hosted.expire_container(status=chance.choice([400, 404, 500]))
    if chance.random() < 0.15:
        for file_id in stub.hosted.files:
            stub.hosted.expire_file(file_id)


def run(s: Session, prompt: str, chance: random.Random) -> None:
    """A turn, perhaps stopped at some event, in one way or the other."""
    stop_at = chance.randint(1, 40) if chance.random() < 0.3 else 0
    stream = s.stream(prompt)
    try:
        for number, _ in enumerate(stream, 1):
            if number == stop_at:
                chance.choice([s.stop, stream.close])()
    except CAUSED:
        pass
    finally:
        stream.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_the_session_continues(stub: StubServer, seed: int) -> None:
    chance = random.Random(seed)
    with session(stub, ["local", "anthropic"], approver=approve_all) as s:
        (s.workspace.root / "a.txt").write_text("x")
        for turn in range(4):
            stub.reply(*[reply(chance) for _ in range(chance.randint(1, 5))])
            if turn:
                lose(stub, chance)
            run(s, f"turn {turn}", chance)
            stub.forget_script()
        assert s.chat("end").stop_reason == "end_turn"
    assert [why for why in refused(stub) if "expired" not in why and "Internal" not in why] == []
