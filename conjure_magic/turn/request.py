"""The request of a round, composed of the backends' contributions. Reads only; `Turn` acts on it."""

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
    """The `Context` of a request that is shown and not sent: events are dropped, questions are refused."""

    workspace: Workspace
    model: Model
    cancel: Cancel = field(default_factory=Cancel)
    prompt: str = ""

    def emit(self, body: Body) -> None:
        """Drop the event."""

    def approve(self, request: ApprovalRequest) -> Decision:
        """Refuse."""
        return UNANSWERED


def contributions_of(backends: Sequence[Backend], context: Context) -> Contributions:
    """The contribution of each backend to the next request. Raises BackendUnavailableError if one cannot work here."""
    return [(backend, backend.contribute(context)) for backend in backends]


def compose(system: str, contributions: Contributions, model: Model, max_tokens: int) -> Request:
    """The request without its messages. Raises UsageError if two backends offer the same tool.

    Args:
        system: the system prompt of the session; those of the backends follow it.
        contributions: see `contributions_of`.
        model: the model to ask.
        max_tokens: limit of its answer.
    """
    tool_owners(contributions)
    given = [contribution for _, contribution in contributions]
    texts = [system, mixed_text(contributions), *(one.system for one in given)]
    tools = tuple(tool for one in given for tool in one.tools)
    fields = {key: value for one in given for key, value in one.fields.items()}
    server = str(getattr(model, "server", ""))
    return Request(model.name, "\n\n".join(filter(None, texts)), tools, (), max_tokens, fields, server)
