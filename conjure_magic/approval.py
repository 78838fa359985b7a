"""Approval before a command runs on the user's machine: requests, decisions, and permissions for a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.errors import UsageError
from conjure_magic.events import ApprovalAnswered, Body, ToolResult

ApprovalScope = Literal["once", "session", "no"]


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A question to the user: may this call run?"""

    tool_use_id: str
    backend: str
    tool: str
    text: str
    """The full command, or the path and the content to be written."""
    question: str = "Run this command?"
    later: str = ""
    """What a yes for the session also allows, completing "every later …"; by default a command of the backend."""
    note: str = ""
    """The reason for asking, if it is not obvious."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an approval request."""

    scope: ApprovalScope
    by: str = "you"
    reason: str = ""
    """The reason for a refusal, for the model."""

    @property
    def allowed(self) -> bool:
        """True if the call may run."""
        return self.scope != "no"


Approver = Callable[[ApprovalRequest, Cancel], Decision]
"""Asks the user, and returns once there is an answer or the turn is stopped.

The second argument tells whether it is: check `cancel.is_set`, or wait with `cancel.wait(seconds)`.
"""


class ApprovalContext(Protocol):
    """The part of a turn's context that an `ApprovalGate` needs."""

    def emit(self, body: Body) -> None:
        """Emit an event."""
        ...

    def approve(self, request: ApprovalRequest) -> Decision:
        """Ask the user."""
        ...


class ApprovalGate:
    """Asks for approval, and remembers what was allowed for the whole session; "once" is not remembered."""

    def __init__(self) -> None:
        self._allowed: dict[str, str] = {}

    def refusal(self, request: ApprovalRequest, context: ApprovalContext, kind: str = "") -> ToolResult | None:
        """Return None if the call may run, else the result that tells the model why not.

        Args:
            request: the question; its `later` says what a yes for the session allows.
            context: the turn.
            kind: the kind of permission that a yes for the session gives.
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
        reason = decision.reason.strip() or "The user gave no reason; ask what they would prefer."
        return ToolResult(f"This call was not allowed and did not run. {reason}", is_error=True, status="refused")


def as_decision(answer: object) -> Decision:
    """What an approver answered; True and False mean yes, this once, and no. Raises UsageError for anything else."""
    if isinstance(answer, Decision):
        return answer
    if isinstance(answer, bool):
        return Decision("once" if answer else "no", by="the approver")
    raise UsageError(f"an approver has to return a Decision, or True or False, not {type(answer).__name__}")


STOPPED = "stopped"
"""The `by` of a question that was still open when the turn was stopped."""
UNANSWERED = Decision(
    "no",
    by="no one there",
    reason="There is no one to approve it. Pass approver=approve_all to the Session to allow every call, or set "
    "rules for commands in Settings.allowed_commands.",
)
"""The answer if there is no one to ask."""


def refuse_all(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """Refuse every call, and say how to allow it. The default approver of a Session outside of a kernel."""
    return UNANSWERED


def approve_all(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """Allow every call: `Session(approver=approve_all)`, for programs that run unattended.

    Each call is allowed individually, so that a later turn with another approver asks again.
    """
    return Decision("once", by="approve_all")
