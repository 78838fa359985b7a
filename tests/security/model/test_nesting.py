"""What is nested deeply ends a turn in words, and never a renderer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import ScriptedBackend, ScriptedModel, use
from render.made import LIMITS, turn

from conjure_magic.errors import ModelError
from conjure_magic.events import Called
from conjure_magic.messages import ToolUseBlock
from conjure_magic.render.running_turn import render_newest, render_unfinished
from conjure_magic.render.turn import render_turn
from conjure_magic.session import Session


def nested(depth: int, *, maps: bool) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"k": value} if maps else [value]
    return value


@pytest.mark.parametrize("maps", [True, False])
@pytest.mark.parametrize("depth", [90, 900, 20_000])
def test_no_renderer_raises(depth: int, maps: bool) -> None:
    called = Called(ToolUseBlock("t1", "x", {"a": nested(depth, maps=maps)}), "local")
    bundle = render_turn(turn(called), LIMITS)
    json.dumps(bundle)
    render_newest([called])
    render_unfinished([called], 1.0)


@pytest.mark.parametrize("depth", [90, 900, 20_000])
def test_a_turn_says_so(depth: int) -> None:
    model = ScriptedModel([use("t1", a=nested(depth, maps=False))], ["done"])
    with Session(ScriptedBackend(), model=model) as session:
        if depth > 100:
            with pytest.raises(ModelError, match=r"nested|as JSON"):
                session.chat("go")
        else:
            assert session.chat("go").text == "done"
        json.dumps(render_turn(session.turns[-1], LIMITS))
