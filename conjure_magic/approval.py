"""Asking before a command runs on someone's machine: the request, the decision, and what was allowed for a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.errors import UsageError
from conjure_magic.events import ApprovalAnswered, Body, ToolResult

Scope = Literal["once", "session", "no"]


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a user is asked to allow."""

    tool_use_id: str
    backend: str
    tool: str
    text: str
    """What would run or be written, in full: the command, or the path and the content."""
    question: str = "Run this command?"
    later: str = ""
    """What a yes for the session allows as well, after "every later …"; by default a command of the backend's."""
    note: str = ""
    """Why it is asked, where that needs saying."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer."""

    scope: Scope
    by: str = "you"
    reason: str = ""
    """Why not, in words that the model reads."""

    @property
    def allowed(self) -> bool:
        """True if it may go on."""
        return self.scope != "no"


Approver = Callable[[ApprovalRequest, Cancel], Decision]
"""Asks a user, and returns when there is an answer or the turn is stopped.

The second argument says when: `cancel.is_set()`, or wait with `cancel.wait(seconds)`.
"""


class Asks(Protocol):
    """The part of a turn's context that a gate needs."""

    def emit(self, body: Body) -> None:
        """Push an event."""
        ...

    def approve(self, request: ApprovalRequest) -> Decision:
        """Ask the user."""
        ...


class Gate:
    """Asks before something is done, and remembers what was allowed for the whole session: once means once."""

    def __init__(self) -> None:
        self._allowed: dict[str, str] = {}

    def refusal(self, request: ApprovalRequest, context: Asks, kind: str = "") -> ToolResult | None:
        """None if it may go on, else the result that tells the model why not.

        Args:
            request: what is asked; its `later` says what a yes for the session allows.
            context: the turn.
            kind: what a yes for the session is remembered under.
        """
        by = self._allowed.get(kind)
        if by is not None:
            context.emit(ApprovalAnswered(request.tool_use_id, True, f"{by}, for this session"))
            return None
        decision = context.approve(request)
        if decision.scope == "session":
            self._allowed[kind] = decision.by
        if decision.allowed:
            return None
        reason = decision.reason.strip() or "The user gave no reason; ask what they would rather have."
        return ToolResult(f"This call was not allowed and did not run. {reason}", is_error=True, status="refused")


def as_decision(answer: object) -> Decision:
    """What an approver answered; True and False mean yes, this once, and no. Raises UsageError for anything else."""
    if isinstance(answer, Decision):
        return answer
    if isinstance(answer, bool):
        return Decision("once" if answer else "no", by="the approver")
    raise UsageError(f"an approver has to return a Decision, or True or False, not {type(answer).__name__}")


STOPPED = "stopped"
"""Who answered a question that was still open when the turn was stopped."""
UNANSWERED = Decision(
    "no",
    by="no one there",
    reason="No one is there to allow it. Pass approver=approve_all to the Session to allow whatever is asked, or "
    "set rules for commands in Settings.allowed_commands.",
)
"""The answer where no one can give one."""


def refuse_all(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """An approver that refuses, and says how to allow: what a Session without an approver has outside of a kernel."""
    return UNANSWERED


def approve_all(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """An approver that allows every call: `Session(approver=approve_all)`, for what runs without a user.

    Each call is allowed by itself, so that a later turn with another approver asks again.
    """
    return Decision("once", by="approve_all")
