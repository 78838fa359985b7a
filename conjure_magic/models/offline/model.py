"""The model itself: plans one move, and lets it stream."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from conjure_magic.cancel import Cancel
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, TextDelta
from conjure_magic.messages import Message, TextBlock, ToolUseBlock, Usage
from conjure_magic.models.base import Request
from conjure_magic.models.offline.planner import plan

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
        move, call_id = plan(request)
        for piece in pieces(move.text):
            cancel.raise_if_set()
            yield TextDelta(piece)
        text = TextBlock(move.text)
        yield BlockFinished(text)
        if not move.tool:
            cancel.raise_if_set()
            yield MessageFinished(Message.assistant(text), "end_turn", Usage(), self.name)
            return
        call = ToolUseBlock(call_id, move.tool, dict(move.input))
        yield BlockFinished(call)
        cancel.raise_if_set()
        yield MessageFinished(Message.assistant(text, call), "tool_use", Usage(), self.name)

    def cost(self, usage: Usage) -> float | None:
        """Nothing."""
        return 0.0


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
