"""The backend interface: a backend contributes tools to requests and runs the calls of these tools."""

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
    """The part of a request that comes from a backend. Within a turn, tools and system text stay byte-equal."""

    tools: tuple[ToolDefinition, ...] = ()
    system: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    purpose: str = ""
    """The purpose of the backend in one sentence, for sessions with several; empty if this turn does not use it."""
    rename_hint: str = ""
    """How to give one of its tools another name, `{0}` for the name; empty if tools cannot be renamed."""


class Context(Protocol):
    """The turn, as its backends see it."""

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
        """The user's request, with the values that `{{name}}` stands for."""
        ...

    @property
    def model(self) -> Model:
        """The model of this turn."""
        ...

    def emit(self, body: Body) -> None:
        """Emit an event where yielding is not possible, such as in a callback of a user's function."""
        ...

    def approve(self, request: ApprovalRequest) -> Decision:
        """Ask whether a call may run. Emits the question and the answer; the turn's clock is paused meanwhile.

        Raises CancelledError if the turn is stopped while the question is open.
        """
        ...


class Backend(Protocol):
    """Provides and runs tools of a session. Its name is the value for `Session(backend=…)`."""

    @property
    def name(self) -> str:
        """ "local", "docker", …"""
        ...

    def contribute(self, context: Context) -> Contribution:
        """Return this backend's part of the next request; called before every request.

        Raises BackendUnavailableError if this backend cannot work here.
        """
        ...

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Run a call of one of the contributed tools: yield events, return the result for the model.

        Raises ToolError with a message for the model, BackendError if the backend can no longer run calls,
        CancelledError if the turn was stopped and nothing of the call is worth keeping.
        """
        ...

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Receive what the model sends: each finished block, then the message. For hosted calls and files."""
        ...

    def recover(self, error: Exception) -> str | None:
        """Repair the backend after an error, and say what was done; None if the error concerns another part."""
        ...

    def close(self) -> None:
        """Stop everything that is still running. May be called more than once."""
        ...


@runtime_checkable
class SupportsPrepare(Protocol):
    """A backend with work to do before a turn, which may take time or fail."""

    def prepare(self, context: Context) -> Sequence[Notice]:
        """Prepare for the turn, and return notices for the user.

        Raises BackendError or UsageError if the turn cannot begin, CancelledError if it is stopped.
        """
        ...


@runtime_checkable
class SupportsFiles(Protocol):
    """A backend whose tools can read files that the user passes with a request."""

    def add_file(self, path: Path, context: Context) -> tuple[Block, Notice] | None:
        """Copy the file to where the tools find it; return a block for the model and a notice for the user.

        None if this turn does not use the backend.
        Raises BackendError or UsageError if the file cannot be added, CancelledError if the turn is stopped.
        """
        ...


def copy_to_workspace(path: Path, workspace: Workspace) -> Path:
    """Copy a user's file into the workspace and return the path of the copy. Raises UsageError if that fails."""
    try:
        return workspace.take_in(path)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be attached: {error.strerror or error}") from None


def file_block(path: str) -> TextBlock:
    """Return the block that names a file of the request to the model, by the path that its tools accept."""
    return TextBlock(f"<attached_file>{escape(path, quote=False)}</attached_file>")


def mixed_text(contributions: Sequence[tuple[Backend, Contribution]]) -> str:
    """Return the system text for a turn with several backends: the tools and the purpose of each."""
    lines = [
        f"- {backend.name} ({', '.join(tool.name for tool in given.tools) or 'no tools'}): {given.purpose}"
        for backend, given in contributions
        if given.purpose
    ]
    return (
        "\n".join(["There are several environments to work in, each with its own tools:", *lines])
        if len(lines) > 1
        else ""
    )


def tool_owners(contributions: Sequence[tuple[Backend, Contribution]]) -> dict[str, Backend]:
    """Map each tool's name to its backend. Raises UsageError if two backends have a tool of the same name."""
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
