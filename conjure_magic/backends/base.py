"""The backend seam: what contributes tools to a request, and runs the calls that are its own."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.cancel import Cancel
from conjure_magic.errors import UsageError
from conjure_magic.events import Body, ModelEvent, Notice, ToolResult
from conjure_magic.messages import Block, TextBlock, ToolUseBlock
from conjure_magic.models.base import Model, ToolDefinition
from conjure_magic.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a backend adds to a request. Within a turn tools and system text stay byte-equal."""

    tools: tuple[ToolDefinition, ...] = ()
    system: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    purpose: str = ""
    """In one sentence what the backend is for, told where several take part; empty if it takes no part in the turn."""
    rename_hint: str = ""
    """How a person gives one of its tools another name, `{0}` for the name; empty if there is no way to."""


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

    @property
    def prompt(self) -> str:
        """The person's request, with the values that `{{name}}` stands for."""
        ...

    @property
    def model(self) -> Model:
        """Who answers in this turn."""
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
    """Where tools of a session run. The name is what `Session(backend=…)` takes."""

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

        Raises ToolError for what the model should read, BackendError if what runs it is gone,
        CancelledError if the turn was stopped and nothing of the call is worth keeping.
        """
        ...

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Watch what the model sends: each finished block, then the message. For hosted calls and files."""
        ...

    def recover(self, error: Exception) -> str | None:
        """What was fixed after an error, in words for the person; None if the error is not this backend's."""
        ...

    def close(self) -> None:
        """End everything that still runs. Calling it twice is fine."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A backend that has something to do before a turn, which may take time or fail."""

    def prepare(self, context: Context) -> Sequence[Notice]:
        """Make ready for the turn, and say what the person should know.

        Raises BackendError or UsageError if the turn cannot begin, CancelledError once it is stopped.
        """
        ...


@runtime_checkable
class Attaches(Protocol):
    """A backend that can be given a file of the person's."""

    def attach(self, path: Path, context: Context) -> tuple[Block, Notice] | None:
        """Bring the file to where the tools find it: the block that tells the model, and a notice for the person.

        None if the backend takes no part in this turn.
        Raises BackendError or UsageError if it cannot be, CancelledError once the turn is stopped.
        """
        ...


def copied(path: Path, workspace: Workspace) -> Path:
    """A copy of a person's file in the workspace. Raises UsageError if it cannot be made."""
    try:
        return workspace.take_in(path)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be attached: {error.strerror or error}") from None


def attached_text(path: str) -> TextBlock:
    """What a model is told of a file that goes with the request, by the path that its tools take."""
    return TextBlock(f"<attached_file>{escape(path, quote=False)}</attached_file>")


def mixed_text(contributions: Sequence[tuple[Backend, Contribution]]) -> str:
    """What a model is told where several backends take part: which tools are whose, and what each is for."""
    lines = [
        f"- {backend.name} ({', '.join(tool.name for tool in given.tools) or 'no tools'}): {given.purpose}"
        for backend, given in contributions
        if given.purpose
    ]
    return "\n".join(["Several places to work in, each with tools of its own:", *lines]) if len(lines) > 1 else ""


def tool_owners(contributions: Sequence[tuple[Backend, Contribution]]) -> dict[str, Backend]:
    """Tool name -> the backend that runs it. Raises UsageError if two offer the same name."""
    owners: dict[str, tuple[Backend, Contribution]] = {}
    for backend, contribution in contributions:
        for tool in contribution.tools:
            other, others = owners.setdefault(tool.name, (backend, contribution))
            if other is not backend:
                hint = (others.rename_hint or contribution.rename_hint).format(tool.name)
                raise UsageError(
                    f"{other.name} and {backend.name} both have a tool {tool.name!r}; rename one of them"
                    f"{f': {hint}' if hint else ''}"
                )
    return {name: backend for name, (backend, _) in owners.items()}
