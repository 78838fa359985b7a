"""The model itself: plans one move, and lets it stream."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from conjure_magic.cancel import Cancel
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, TextDelta
from conjure_magic.messages import Block, Message, TextBlock, ToolUseBlock, Usage
from conjure_magic.models.base import Request
from conjure_magic.models.offline.planner import Move, plan

PIECE = 24
"""Characters that a delta holds at least, so that a long answer is not ten thousand events."""


class OfflineModel:
    """Answers without a key and without a network, by following the commands that skills document.

    A deterministic planner and not a language model, as every answer of its says: the same request gives the
    same events.
    """

    name = "offline"
    context_window: int | None = None

    def __repr__(self) -> str:
        return "OfflineModel()"

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        """Yield the answer in small pieces. Raises CancelledError once `cancel` is set."""
        cancel.raise_if_set()
        for event in _events(*plan(request)):
            cancel.raise_if_set()
            yield event

    def cost(self, usage: Usage) -> float | None:
        """Nothing."""
        return 0.0


def _events(move: Move, call_id: str) -> Iterator[ModelEvent]:
    """The move as a model's events."""
    yield from map(TextDelta, pieces(move.text))
    blocks: list[Block] = [TextBlock(move.text)] if move.text else []
    if move.tool:
        blocks.append(ToolUseBlock(call_id, move.tool, dict(move.input)))
    yield from map(BlockFinished, blocks)
    yield MessageFinished(Message.assistant(*blocks), "tool_use" if move.tool else "end_turn", Usage(), "offline")


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of a few whole words."""
    held = ""
    for word in re.findall(r"\S*\s+|\S+", text):
        held += word
        if len(held) >= PIECE:
            yield held
            held = ""
    if held:
        yield held
