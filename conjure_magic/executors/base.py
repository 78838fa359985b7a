"""The executor seam: where a command runs. A non-zero exit is a result; a dead executor is a BackendError."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.events import Stream

KEPT_HEAD = 16_000
"""Characters of a command's output that the model gets from its beginning."""
KEPT_TAIL = 16_000
"""Characters that it gets from its end, if there is more."""
OUTPUT_LIMIT = 1 << 30
"""Bytes of a command's output that are kept on disk; what comes after is counted and dropped."""


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """Some of what a running command printed, decoded (what is not UTF-8 shown as U+FFFD), escape sequences gone."""

    text: str
    stream: Stream = "stdout"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command ended.

    `stdout` and `stderr` hold a head and a tail of each stream where there was much; `output` holds both
    in the order they arrived, shortened the same way.
    """

    exit_code: int
    """As the shell reports it; 128 + n after signal n."""
    stdout: str
    stderr: str
    output: str
    seconds: float
    ended: Literal["exited", "timeout", "cancelled", "killed"] = "exited"
    """"killed": the system ended it, for want of memory or the like, or a watch did: then `reason` says why."""
    total_bytes: int = 0
    """Bytes printed on both streams, kept or not."""
    omitted_bytes: int = 0
    """Bytes that `output` leaves out."""
    output_path: Path | None = None
    """The whole output as a file, where `output` leaves something out."""
    left_running: int = 0
    """Processes that the command left in the background."""
    reason: str = ""
    """What a watch ended it for."""
    notes: tuple[str, ...] = ()
    """What else is to be known, such as that the container is a new one."""


@dataclass(frozen=True, slots=True)
class ExecPaths:
    """The folders as commands see them, which in a container is not as the machine does."""

    workspace: str
    input: str | None
    """None where the input folder is not to be seen."""
    skills: Mapping[str, str] = field(default_factory=dict)
    """Skill name -> its directory."""
    python: str = "python3"
    """What runs when a command says `python`; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name found in a folder."""

    name: str
    """Path relative to the folder, with forward slashes."""
    size: int | None = None
    """Bytes of a file; None for a folder."""


class Executor(Protocol):
    """Runs commands and reaches files for the four tools."""

    @property
    def paths(self) -> ExecPaths:
        """The folders as commands see them."""
        ...

    def run(self, command: str, *, timeout: float, cancel: Cancel) -> Generator[OutputChunk, None, ExecResult]:
        """Run a shell command in the workspace; yield what it prints, return how it ended.

        A command that outlives `timeout` (seconds), or is cancelled, is killed with all of its descendants,
        and what it had printed is in the result. Closing the generator kills it as well.
        Raises BackendError if the place where commands run is gone.
        """
        ...

    def read(self, path: str) -> bytes:
        """The content of a regular file named as commands see it. Raises ToolError with what to do."""
        ...

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """What lies in a folder, two levels deep, by name; None if it is not a folder. Raises ToolError."""
        ...

    def write(self, path: str, content: bytes) -> bool:
        """Write a file in the workspace, parents made; True if it was there before. Raises ToolError."""
        ...

    def close(self) -> None:
        """End everything that still runs. Calling it twice is fine."""
        ...
