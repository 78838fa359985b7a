"""The tool calls of a turn: each is run by its owner, and each gets a result, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence

from conjure_magic.approval import UNANSWERED, ApprovalRequest, Approver, Decision, as_decision
from conjure_magic.backends.base import Backend, Context
from conjure_magic.cancel import Cancel, Deadline
from conjure_magic.errors import BackendError, CancelledError, ToolError
from conjure_magic.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Called,
    Event,
    Notice,
    ToolFinished,
    ToolResult,
    ToolStarted,
)
from conjure_magic.history import repair
from conjure_magic.messages import Block, Message, ToolResultBlock, ToolUseBlock
from conjure_magic.turn.feed import Feed


class Calls:
    """Runs calls one after the other, and asks the user if a backend requires it."""

    def __init__(self, feed: Feed, cancel: Cancel, deadline: Deadline, approver: Approver | None) -> None:
        self.owners: Mapping[str, Backend] = {}
        """Tool name -> the backend that runs it, as of the latest request."""
        self.held: list[Block] = []
        """Blocks that are to follow the results, kept until they can be sent."""
        self._feed = feed
        self._cancel = cancel
        self._deadline = deadline
        self._approver = approver
        self._waited = 0.0

    def approve(self, request: ApprovalRequest) -> Decision:
        """Ask the turn's approver; the deadline is paused meanwhile."""
        self._cancel.raise_if_set()
        self._feed.emit(ApprovalAsked(request.tool_use_id, request.backend, request.text))
        began = time.monotonic()
        decision = Decision("no", by="stopped", reason="The turn was stopped while the question was open.")
        try:
            with self._deadline.paused():
                decision = as_decision(self._approver(request, self._cancel)) if self._approver else UNANSWERED
        finally:
            self._waited += time.monotonic() - began
            answer = ApprovalAnswered(request.tool_use_id, decision.allowed, decision.by, decision.reason)
            self._feed.emit(answer)
        self._cancel.raise_if_set()
        return decision

    def run(self, calls: Sequence[ToolUseBlock], context: Context, answer: list[Block]) -> Generator[Event, None, None]:
        """Run the calls in order. Afterwards `answer` has exactly one result per call, however this ends."""
        try:
            for call in calls:
                result = yield from self._call(call, context)
                answer.append(ToolResultBlock(call.id, result.content, result.is_error))
                self.held += result.blocks
        except BaseException:
            if len(answer) < len(calls):
                answer += self._seen(calls[len(answer)])
            raise
        finally:
            whole = repair((Message("assistant", tuple(calls)), Message("user", tuple(answer))))[-1]
            answer[:] = whole.content

    def take_held(self) -> list[Block]:
        """Return the blocks that are to follow the results, and forget them."""
        taken, self.held = self.held, []
        return taken

    def close(self) -> None:
        """Finish calls that have no result, such as hosted calls whose stream was cut off."""
        for item in tuple(self._feed.record.items):
            if isinstance(item, Called) and item.result is None:
                self._feed.emit(ToolFinished(item.call.id, self._cut(item.call), 0.0))

    def _seen(self, call: ToolUseBlock) -> list[Block]:
        """The result of an interrupted call, from the output received so far; empty if it never began."""
        for item in reversed(self._feed.record.items):
            if isinstance(item, Called) and item.call.id == call.id and item.result is not None:
                return [ToolResultBlock(call.id, item.result.content, item.result.is_error)]
        return []

    def _call(self, call: ToolUseBlock, context: Context) -> Generator[Event, None, ToolResult]:
        """Let the owner run one call; errors become a result that the model can act on."""
        self._cancel.raise_if_set()
        owner = self.owners.get(call.name)
        started, waited = time.monotonic(), self._waited
        self._feed.emit(ToolStarted(call, owner.name if owner else ""))
        result: ToolResult | None = None
        try:
            yield from self._feed.drain()
            if call.problem:
                result = _failure(call.problem, "unreadable arguments")
            elif owner is None:
                names = ", ".join(sorted(self.owners)) or "none"
                result = _failure(f"There is no tool named {call.name!r}. The tools are: {names}.", "unknown tool")
            else:
                result = yield from self._feed.relay(owner.run(call, context))
        except ToolError as error:
            result = _failure(str(error))
        except CancelledError:
            result = self._cut(call)
        except BackendError as error:
            fixed = owner.recover(error) if owner else None
            told = f"{owner.name if owner else 'the backend'}: {error.fact}"
            self._feed.emit(Notice(fixed, "warning") if fixed else Notice(told, "warning", error.remedy))
            result = _failure(f"{error.fact} {fixed or ''}".rstrip(), "backend failed")
        finally:
            if result is None:
                result = self._cut(call)
            took = time.monotonic() - started - (self._waited - waited)  # waiting for the user does not count
            self._feed.emit(ToolFinished(call.id, result, took))
        yield from self._feed.drain()
        return result

    def _cut(self, call: ToolUseBlock) -> ToolResult:
        """The result of a call that was stopped, with the output it had printed."""
        items = self._feed.record.items
        printed = next((i.output for i in items if isinstance(i, Called) and i.call.id == call.id), "")
        why = f"[{self._cancel.reason or 'stopped'} before it ended]"
        return ToolResult(f"{printed}\n{why}".strip(), is_error=True, status=self._cancel.reason or "stopped")


def _failure(text: str, status: str = "error") -> ToolResult:
    return ToolResult(text, is_error=True, status=status)
