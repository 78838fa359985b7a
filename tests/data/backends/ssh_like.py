"""A third-party backend, in one file and one line: runs commands in a remote shell, here a local one.

The line is `register_backend("ssh-like", OPENER)`, or in a package's metadata `ssh-like = "ssh_like:OPENER"`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from dataclasses import dataclass

from conjure_magic.backends.base import Backend, Context, Contribution
from conjure_magic.backends.opener import BackendSetup, Opener, option
from conjure_magic.errors import UsageError
from conjure_magic.events import Body, ModelEvent, ToolResult
from conjure_magic.messages import ToolUseBlock
from conjure_magic.models.base import ToolDefinition

RUN = ToolDefinition(
    "remote_run",
    "Run a command on the remote machine.",
    {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
)


@dataclass(frozen=True)
class RemoteOptions:
    """Options of a cell: `--host NAME`, `--retries N`."""

    host: str = option("nowhere", metavar="NAME", help="machine that commands of the backend ssh-like run on")
    retries: int = option(1, metavar="N", help="attempts to reach it")

    def __post_init__(self) -> None:
        if self.host.startswith("-"):
            raise UsageError(f"{self.host!r} is not a host")


class RemoteBackend:
    """Runs its one tool in a local shell instead of a remote one."""

    name = "ssh-like"

    def __init__(self, setup: BackendSetup, options: RemoteOptions) -> None:
        self.options = options
        self._folder = setup.workspace.root

    def contribute(self, context: Context) -> Contribution:
        """Return the tool."""
        return Contribution((RUN,), f"remote_run works on {self.options.host}.", purpose="a remote machine.")

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Run the command, with the host in its environment, and return its output."""
        yield from ()
        env = {"PATH": "/usr/bin:/bin", "HOST": self.options.host, "RETRIES": str(self.options.retries)}
        command = str(call.input["command"])
        done = subprocess.run(["sh", "-c", command], env=env, cwd=self._folder, capture_output=True, text=True)
        return ToolResult(done.stdout.strip(), is_error=done.returncode != 0)

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Do nothing."""
        yield from ()

    def recover(self, error: Exception) -> str | None:
        """Return None: there is nothing to repair."""
        return None

    def close(self) -> None:
        """Do nothing: no process is left running."""


def open_remote(setup: BackendSetup, options: RemoteOptions) -> Backend:
    """Return the backend for a session."""
    return RemoteBackend(setup, options)


OPENER = Opener(open_remote, options=RemoteOptions, tool_set="remote")
