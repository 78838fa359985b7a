"""The user's own edits of a project's skills, trusted until the kernel ends; changes made during a turn are not.

A process that a command left running can write between two turns; it cannot be distinguished from the user.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from conjure_magic.skills.changes_since_trust import changed_files
from conjure_magic.skills.discovery import PROJECT_FOLDERS
from conjure_magic.skills.trust import content_of


class OwnEdits:
    """The projects whose skills the user edits, and the files that turns changed there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_turns: dict[Path, set[Path]] = {}
        """Project -> files that turns changed since the user was last asked."""
        self._running: list[dict[Path, dict[str, str]]] = []
        """For each running turn, these projects and their files at its start."""

    def allow(self, project: Path) -> None:
        """Trust edits between turns from now on; the user has just been asked about all changes so far."""
        files = _files(project)
        with self._lock:
            self._by_turns[project] = set()
            for before in self._running:
                before.setdefault(project, files)

    def forget(self, project: Path) -> None:
        """Ask about every change again."""
        with self._lock:
            self._by_turns.pop(project, None)

    def settled(self, project: Path) -> None:
        """The user has just been asked about all changes so far."""
        with self._lock:
            if project in self._by_turns:
                self._by_turns[project] = set()

    def cover(self, project: Path, skills: Mapping[Path, object]) -> bool:
        """True if a change of these skill folders is the user's own: no turn changed a file there."""
        with self._lock:
            files = self._by_turns.get(project)
            return files is not None and not any(file.is_relative_to(skill) for file in files for skill in skills)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Count what changes in these projects meanwhile as changed by a turn."""
        with self._lock:
            before = {project: _files(project) for project in self._by_turns}
            self._running.append(before)
        try:
            yield
        finally:
            with self._lock:
                self._running = [running for running in self._running if running is not before]
                for project, files in before.items():
                    if project in self._by_turns:
                        self._by_turns[project] |= {Path(name) for name in changed_files(files, _files(project))}


def _files(project: Path) -> dict[str, str]:
    """Return a fingerprint of each file of a project's skills."""
    folders = [Path(os.path.realpath(project / folder)) for folder in PROJECT_FOLDERS]
    return {f"{folder}/{name}": content for folder in folders for name, content in content_of(folder).items()}


own_edits = OwnEdits()
"""The edits trusted in this kernel."""
