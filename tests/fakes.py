"""Scripted stand-ins at the protocols' seams: a model that plays replies, a backend that plays calls."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from typing import Any

from conjure_magic.approval import ApprovalRequest
from conjure_magic.backends.base import Context, Contribution
from conjure_magic.cancel import Cancel
from conjure_magic.events import (
    BlockFinished,
    Body,
    MessageFinished,
    ModelEvent,
    TextDelta,
    ToolOutput,
    ToolResult,
)
from conjure_magic.messages import Block, Message, TextBlock, ToolUseBlock, Usage
from conjure_magic.models.base import Request, ToolDefinition

Reply = Sequence[Block | str | Exception]


class ScriptedModel:
    """Plays one reply per request, text in two pieces, and remembers the requests.

    An exception among a reply's blocks is raised there.
    """

    name = "scripted"
    context_window: int | None = None

    def __init__(self, *replies: Reply, stop_reason: str | None = None, price: float | None = 0.0) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.stop_reason = stop_reason
        self.price = price

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        self.requests.append(request)
        reply = self.replies.pop(0) if self.replies else ["done"]
        blocks: list[Block] = []
        for part in reply:
            cancel.raise_if_set()
            if isinstance(part, Exception):
                raise part
            block = TextBlock(part) if isinstance(part, str) else part
            if isinstance(block, TextBlock):
                half = len(block.text) // 2
                yield TextDelta(block.text[:half])
                cancel.raise_if_set()
                yield TextDelta(block.text[half:])
            blocks.append(block)
            yield BlockFinished(block)
        message = Message("assistant", tuple(blocks))
        reason = self.stop_reason or ("tool_use" if message.tool_uses else "end_turn")
        yield MessageFinished(message, reason, Usage(10, 5))

    def cost(self, usage: Usage) -> float | None:
        return self.price


Play = Callable[[ToolUseBlock, Context], Generator[Body, None, ToolResult]]


def echo(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
    """Print two lines, then answer with the input."""
    yield ToolOutput(call.id, "one\n")
    context.cancel.raise_if_set()
    yield ToolOutput(call.id, "two\n")
    return ToolResult(f"echo {dict(call.input)}")


def asking(call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
    """Ask first, then echo."""
    decision = context.approve(ApprovalRequest(call.id, "fake", call.name, "rm -r /"))
    if not decision.allowed:
        return ToolResult(f"refused: {decision.reason}", is_error=True, status="refused")
    return (yield from echo(call, context))


class ScriptedBackend:
    """Offers the tools of a table and plays them; remembers what ran and whether it was closed."""

    def __init__(self, name: str = "fake", system: str = "fake hands", **tools: Play) -> None:
        self.name = name
        self.system = system
        self.tools = tools or {"echo": echo}
        self.ran: list[str] = []
        self.closed = False
        self.repair: str | None = None

    def contribute(self, context: Context) -> Contribution:
        tools = tuple(ToolDefinition(name, f"plays {name}") for name in self.tools)
        return Contribution(tools, self.system)

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        self.ran.append(call.id)
        return (yield from self.tools[call.name](call, context))

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        yield from ()

    def recover(self, error: Exception) -> str | None:
        return self.repair

    def close(self) -> None:
        self.closed = True


def use(id_: str, name: str = "echo", **given: Any) -> ToolUseBlock:
    """A wish to call a tool."""
    return ToolUseBlock(id_, name, given)


def check_history(messages: Sequence[Message]) -> None:
    """Fail if a strict server would refuse these messages."""
    assert not messages or messages[0].role == "user"
    for before, after in pairwise(messages):
        assert before.role != after.role or after.role == "assistant", "two of a model's only where it paused"
    for index, message in enumerate(messages):
        assert message.content, "no message is empty"
        assert all(block.text.strip() for block in message.content if isinstance(block, TextBlock))
        results = [b.tool_use_id for b in message.content if b.type == "tool_result"]  # type: ignore[union-attr]
        asked = [call.id for call in messages[index - 1].tool_uses] if index else []
        assert results == asked, "each call is answered once, in the next message, in order"
        kinds = [block.type == "tool_result" for block in message.content]
        assert kinds == sorted(kinds, reverse=True), "results come first"
    assert not messages or not messages[-1].tool_uses, "no call is left open"
