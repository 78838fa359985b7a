"""The request of a round, put together from what the backends contribute. Only asks; `Turn` is what acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conjure_magic.approval import UNANSWERED, ApprovalRequest, Decision
from conjure_magic.backends.base import Backend, Context, Contribution, mixed_text, tool_owners
from conjure_magic.cancel import Cancel
from conjure_magic.events import Body
from conjure_magic.models.base import Model, Request
from conjure_magic.workspace import Workspace

Contributions = Sequence[tuple[Backend, Contribution]]


@dataclass(frozen=True, slots=True)
class Preview:
    """The `Context` of a request that is looked at and not sent: nothing is told, nothing is allowed."""

    workspace: Workspace
    model: Model
    cancel: Cancel = field(default_factory=Cancel)

    def emit(self, body: Body) -> None:
        """No one listens."""

    def approve(self, request: ApprovalRequest) -> Decision:
        """No."""
        return UNANSWERED


def contributions_of(backends: Sequence[Backend], context: Context) -> Contributions:
    """What each backend adds to the next request. Raises BackendUnavailableError if one cannot work here."""
    return [(backend, backend.contribute(context)) for backend in backends]


def compose(system: str, contributions: Contributions, model: Model, max_tokens: int) -> Request:
    """The request without its messages. Raises UsageError if two backends offer the same tool.

    Args:
        system: the session's own system text; the backends' comes after it.
        contributions: see `contributions_of`.
        model: who is to answer.
        max_tokens: tokens of its answer.
    """
    tool_owners(contributions)
    given = [contribution for _, contribution in contributions]
    texts = [system, mixed_text(contributions), *(one.system for one in given)]
    tools = tuple(tool for one in given for tool in one.tools)
    fields = {key: value for one in given for key, value in one.fields.items()}
    server = str(getattr(model, "server", ""))
    return Request(model.name, "\n\n".join(filter(None, texts)), tools, (), max_tokens, fields, server)
