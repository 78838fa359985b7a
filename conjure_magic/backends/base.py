"""The backend seam: hands that contribute tools to a request and run the calls that are their own."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.cancel import Cancel
from conjure_magic.errors import UsageError
from conjure_magic.events import Body, ModelEvent, ToolResult
from conjure_magic.messages import ToolUseBlock
from conjure_magic.models.base import ToolDefinition
from conjure_magic.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a backend adds to a request. Within a turn tools and system text stay byte-equal."""

    tools: tuple[ToolDefinition, ...] = ()
    system: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


class Context(Protocol):
    """What a turn offers its backends."""

    @property
    def cancel(self) -> Cancel:
        """The turn's stop signal."""
        ...

    @property
    def workspace(self) -> Workspace:
        """The session's folders."""
        ...

    def emit(self, body: Body) -> None:
        """Push an event from where nothing can yield, such as a callback of a person's function."""
        ...

    def approve(self, request: ApprovalRequest) -> Decision:
        """Ask whether a call may run. Emits question and answer; the turn's time stands still meanwhile.

        Raises CancelledError if the turn is stopped while the question stands.
        """
        ...


class Backend(Protocol):
    """Hands of a session. The name is the one typed after `--backend`."""

    @property
    def name(self) -> str:
        """ "local", "docker", …"""
        ...

    def contribute(self, context: Context) -> Contribution:
        """What the next request gets from here; called before every request.

        Raises BackendUnavailableError if this backend cannot work here.
        """
        ...

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Run a call of one of the contributed tools: yield what happens, return what the model reads.

        Raises ToolError for what the model should read, BackendError if the hands are gone,
        CancelledError if the turn was stopped and nothing of the call is worth keeping.
        """
        ...

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Watch what the model sends: each finished block, then the message. For hosted calls and files."""
        ...

    def recover(self, error: Exception) -> str | None:
        """What was mended after an error, in words for the person; None if the error is not this backend's."""
        ...

    def close(self) -> None:
        """End everything that still runs. Calling it twice is fine."""
        ...


def tool_owners(contributions: Sequence[tuple[Backend, Contribution]]) -> dict[str, Backend]:
    """Tool name -> the backend that runs it. Raises UsageError if two offer the same name."""
    owners: dict[str, Backend] = {}
    for backend, contribution in contributions:
        for tool in contribution.tools:
            other = owners.setdefault(tool.name, backend)
            if other is not backend:
                raise UsageError(f"{other.name} and {backend.name} both have a tool {tool.name!r}; rename one of them")
    return owners
