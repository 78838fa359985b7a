"""Finding skills: the folders that are searched, and in each the direct children with a SKILL.md, bounded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from conjure_magic.skills.findings import Finding
from conjure_magic.skills.frontmatter import find_skill_md
from conjure_magic.skills.skill import Loaded, Scope, load, load_linked
from conjure_magic.skills.trust import data_dir

PROJECT_FOLDERS = ("skills", ".agents/skills")
"""Folders of a project's own skills."""
BUNDLED = Path(__file__).parent / "bundled"
"""The skills of this package."""

SKIPPED = frozenset({".git", "node_modules", "__pycache__", ".venv"})
MAX_FOLDERS = 2_000
"""Direct children of a folder that are searched (the limit in the client guide)."""

_BY_NAME = attrgetter("name")

Key = tuple[str, Scope]
Stamp = tuple[int, int, int, int]


def user_folders() -> tuple[Path, ...]:
    """Folders of the user's skills, which need not exist."""
    return Path.home() / ".agents" / "skills", data_dir() / "skills"


@dataclass
class Cache:
    """Loaded skills with the stat of their SKILL.md: an unchanged file is not read again."""

    entries: dict[Key, tuple[Stamp, Loaded]] = field(default_factory=dict)

    def load(self, directory: str, file: str, scope: Scope, status: os.stat_result) -> Loaded:
        """The result of loading a SKILL.md, cached while its stat is unchanged."""
        location = f"{directory}/{file}"
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        known = self.entries.get((location, scope))
        if known is not None and known[0] == stamp:
            return known[1]
        loaded = load(directory, file, scope, status.st_mtime_ns)
        self.entries[location, scope] = (stamp, loaded)
        return loaded


def scan(root: Path, scope: Scope, cache: Cache) -> Iterator[Loaded]:
    """The result of loading each skill in a folder, by folder name, or the folder itself if it is a skill.

    A folder that cannot be listed, and anything skipped, is reported as a finding without a skill.
    """
    root = Path(os.path.realpath(root))
    own = find_skill_md(root)
    if own is not None:
        folder, file = str(root), own.name
        yield load_linked(folder, file, scope) if own.is_symlink() else cache.load(folder, file, scope, own.stat())
        return
    try:
        with os.scandir(root) as entries:
            children = sorted((e for e in entries if _may_hold_skill(e)), key=_BY_NAME)
    except OSError as error:
        yield _finding("unreadable", f"cannot be listed: {error.strerror}", root)
        return
    if len(children) > MAX_FOLDERS:
        text = f"contains {len(children)} folders; only the first {MAX_FOLDERS} by name are searched"
        yield _finding("too-many", text, root, "warning")
    for child in children[:MAX_FOLDERS]:
        loaded = _child(root, child, scope, cache)
        if loaded is not None:
            yield loaded


def _may_hold_skill(entry: os.DirEntry[str]) -> bool:
    return entry.name not in SKIPPED and (entry.is_dir(follow_symlinks=False) or entry.is_symlink())


def _child(root: Path, child: os.DirEntry[str], scope: Scope, cache: Cache) -> Loaded | None:
    """The result of loading a direct child; None if it is not a skill."""
    directory = child.path
    if child.is_symlink():
        real = Path(os.path.realpath(directory))  # `resolve` raises on a link to itself
        if not real.is_dir() or find_skill_md(real) is None:
            return None
        if not real.is_relative_to(root):
            return _finding(
                "link-outside", "is a link that points outside the folder; pass its target instead", Path(directory)
            )
        directory = str(real)
    for name in ("SKILL.md", "skill.md"):
        location = f"{directory}/{name}"
        try:
            status = os.lstat(location)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            return cache.load(directory, name, scope, status)
        if stat.S_ISLNK(status.st_mode):
            return load_linked(directory, name, scope)  # its target may change unseen: not from memory
    return None


def _finding(code: str, message: str, path: Path, level: str = "error") -> Loaded:
    return Loaded(None, (Finding(code, message, path, "warning" if level == "warning" else "error"),))
