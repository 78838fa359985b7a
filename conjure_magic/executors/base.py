"""The executor seam: where a command runs. A non-zero exit is a result; a dead executor is a BackendError."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.events import Stream

KEPT_HEAD = 16_000
"""Characters kept from the start of a command's output for the model."""
KEPT_TAIL = 16_000
"""Characters kept from the end of longer output."""
OUTPUT_LIMIT = 1 << 30
"""Bytes of a command's output that are kept on disk; the rest is counted and dropped."""


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """A piece of a running command's output, decoded (invalid UTF-8 as U+FFFD), without escape sequences."""

    text: str
    stream: Stream = "stdout"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command ended.

    `stdout` and `stderr` contain each stream, long ones shortened to a head and a tail; `output` contains both
    in the order they arrived, shortened in the same way.
    """

    exit_code: int
    """As reported by the shell; 128 + n after signal n."""
    stdout: str
    stderr: str
    output: str
    seconds: float
    ended: Literal["exited", "timeout", "cancelled", "killed"] = "exited"
    """"killed": terminated by the system (out of memory, for example), or by a limit; then `reason` says which."""
    total_bytes: int = 0
    """Bytes printed on both streams, kept or not."""
    omitted_bytes: int = 0
    """Bytes that `output` leaves out."""
    output_path: Path | None = None
    """A file with the complete output, if `output` is shortened."""
    left_running: int = 0
    """Processes that the command left in the background."""
    reason: str = ""
    """Why the command was terminated by a limit."""
    notes: tuple[str, ...] = ()
    """Further remarks, such as that the container was replaced."""


@dataclass(frozen=True, slots=True)
class ExecPaths:
    """The folders as commands see them; inside a container these differ from the machine's paths."""

    workspace: str
    input: str | None
    """None if commands cannot see the input folder."""
    skills: Mapping[str, str] = field(default_factory=dict)
    """Skill name -> its directory."""
    python: str = "python3"
    """The interpreter that `python` runs; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder."""

    name: str
    """Path relative to the folder, with forward slashes."""
    size: int | None = None
    """Bytes of a file; None for a folder."""


class Executor(Protocol):
    """Runs commands and accesses files for the four tools."""

    @property
    def paths(self) -> ExecPaths:
        """The folders as commands see them."""
        ...

    def run(self, command: str, *, timeout: float, cancel: Cancel) -> Generator[OutputChunk, None, ExecResult]:
        """Run a shell command in the workspace; yield its output and return its result.

        A command that exceeds `timeout` (seconds) or is cancelled is killed together with all of its descendants;
        the result has the output until then. Closing the generator kills the command as well.
        Raises BackendError if commands can no longer be run.
        """
        ...

    def read(self, path: str) -> bytes:
        """The content of a regular file named as commands see it. Raises ToolError with what to do."""
        ...

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """The entries of a folder, two levels deep, by name; None if it is not a folder. Raises ToolError."""
        ...

    def write(self, path: str, content: bytes) -> bool:
        """Write a file in the workspace, creating parents; True if it existed before. Raises ToolError."""
        ...

    def close(self) -> None:
        """Terminate everything that is still running. May be called more than once."""
        ...
