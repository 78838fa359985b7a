"""The context of a native tool: folders, the stop signal, progress, and questions to the user."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.backends.base import Context
from conjure_magic.backends.native.host import Host
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ToolError
from conjure_magic.events import Notice, ToolOutput, ToolProgress
from conjure_magic.executors.output_cleaning import visible
from conjure_magic.settings import Settings

EVERY = 0.1
"""Minimum interval in seconds between progress events of a call; the last one is always sent."""
MOST_NAMES = 10_000


@dataclass(eq=False)
class SkillContext:
    """The turn as a native tool sees it; passed to functions with a parameter `context`."""

    turn: Context
    tool_use_id: str
    tool: str
    session: str = ""
    """The session's name."""
    backend: str = "native"
    host: Host | None = None
    """The kernel; None in a plain script."""
    settings: Settings = field(default_factory=Settings)
    mask: Callable[[str], str] = str
    """Masks Conjure's own keys in a text."""
    _progressed: float = 0.0

    @property
    def cancel(self) -> Cancel:
        """The turn's stop signal: check `cancel.is_set` in long loops, or sleep with `cancel.wait(seconds)`."""
        return self.turn.cancel

    @property
    def workspace(self) -> Path:
        """The folder for output files: files created or changed there by the call are shown in the cell."""
        return self.turn.workspace.root

    @property
    def input(self) -> Path:
        """The folder that relative paths in the user's request refer to."""
        return self.turn.workspace.input

    def progress(self, done: float, total: float | None = None, text: str = "") -> None:
        """Show progress as a bar, or as a number if the `total` is unknown (None or 0).

        Raises CancelledError if the turn was stopped, so that calling it regularly makes a tool stoppable. Raises
        TypeError or ValueError if `done` or `total` is not a number.
        """
        self.cancel.raise_if_set()
        done, total = float(done), float(total or 0)
        now = time.monotonic()
        if now - self._progressed >= EVERY or (total and done >= total):
            self._progressed = now
            self.turn.emit(ToolProgress(self.tool_use_id, done, total, self.mask(str(text))))

    def log(self, *values: object) -> None:
        """Show a line below the call while it runs, as `print` would, without sending it to the model.

        Raises CancelledError if the turn was stopped.
        """
        self.cancel.raise_if_set()
        self.turn.emit(ToolOutput(self.tool_use_id, visible(self.mask(" ".join(map(str, values)))) + "\n"))

    def notify(self, text: str) -> None:
        """Show a notice to the user, which stays in the cell's output."""
        self.turn.emit(Notice(self.mask(text)))

    def ask(self, text: str, question: str) -> Decision:
        """Ask the user for approval; `text` is the complete action."""
        return self.turn.approve(self.question(text, question))

    def question(self, text: str, question: str, later: str = "") -> ApprovalRequest:
        """Return a request for approval; `later` completes "every later …", which a yes for the session allows."""
        later = later or f"question of {self.tool}"
        return ApprovalRequest(self.tool_use_id, self.backend, self.tool, text, question, later)

    def save(self, name: str, content: str | bytes) -> Path:
        """Write a new file to the workspace and return its path; a number is added if the name is taken.

        Raises ToolError if it cannot be written.
        """
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else bytes(content)
        path = free_path(self.workspace, name)
        try:
            with path.open("xb") as file:
                file.write(data)
        except OSError as error:
            raise ToolError(f"{path.name} cannot be written: {error.strerror}") from None
        return path


def free_path(folder: Path, name: str) -> Path:
    """Return an unused path in the folder; only the last part of the name is used, with unsafe characters replaced."""
    safe = re.sub(r"[^\w.+-]+", "-", Path(name).name).strip("-").lstrip(".") or "result"
    stem, dot, suffix = safe.rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem else (safe, "")
    stem = stem[:100]
    for number in range(1, MOST_NAMES):
        path = folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        if not path.exists() and not path.is_symlink():
            return path
    raise ToolError(f"there are already {MOST_NAMES:,} files named {safe}")
