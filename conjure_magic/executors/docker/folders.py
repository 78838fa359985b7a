"""A session's folders under the names that they have in the container, and what is mounted where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conjure_magic.errors import ContainerError, PathNotAllowedError
from conjure_magic.remedies import ANOTHER_SESSION, Remedy
from conjure_magic.workspace import Folders

WORKSPACE, INPUT, SKILLS = "/workspace", "/input", "/skills"
MOST_LINKS = 40
"""Links that a path may lead through, as in Linux."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine, and where commands see it."""

    source: Path
    target: str
    writable: bool = False
    identity: tuple[int, int] = field(default=(0, 0), compare=False)
    """Device and inode of the folder when it was looked at; zeros for one that is gone."""

    @classmethod
    def of(cls, source: Path, target: str, *, writable: bool = False) -> Mount:
        """A mount of the folder that has that name now."""
        try:
            status = source.stat()
        except OSError:
            return cls(source, target, writable)
        return cls(source, target, writable, (status.st_dev, status.st_ino))


def same_folders(some: Iterable[Mount], others: Iterable[Mount]) -> bool:
    """False where a folder was replaced by another of its name: what is mounted stays the old one, deleted or not."""
    return [mount.identity for mount in some] == [mount.identity for mount in others]


def check_folders(mounts: Iterable[Mount]) -> None:
    """Raise ContainerError, which says what to do, if a folder is not there."""
    for mount in mounts:
        if not mount.source.is_dir():
            raise ContainerError(
                f"the folder {mount.source}, which commands see as {mount.target}, is gone",
                remedy=Remedy("Make it again, or go on in {0}.", ANOTHER_SESSION),
            )


@dataclass(frozen=True)
class ContainerFolders(Folders):
    """Folders whose paths are read as commands see them, links in them too."""

    shows_input: bool = True
    """False where the input folder is not mounted."""

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The workspace first; skills whose folder is gone are left out."""
        found = [Mount.of(self.workspace, WORKSPACE, writable=True)]
        if self.shows_input:
            found.append(Mount.of(self.input, INPUT))
        return (*found, *(Mount.of(self.skills[name], target) for name, target in self.skill_names.items()))

    @property
    def skill_names(self) -> Mapping[str, str]:
        """Skill name -> its directory inside."""
        return {name: f"{SKILLS}/{name}" for name, folder in self.skills.items() if _plain(name) and folder.is_dir()}

    def resolve(self, path: str, *, write: bool = False) -> Path:
        """The path on this machine of what a tool names; relative ones start in the workspace.

        Links are followed as they would be inside: `/workspace/x` in a link means the workspace's x, and
        nothing of this machine. Raises PathNotAllowedError as `Folders.resolve`.
        """
        if "\0" in path or not path:
            raise PathNotAllowedError("a path cannot be empty or hold a NUL character")
        inside = self._follow(path)
        root, found = self._on_this_machine(inside)
        if found is None or (write and root != WORKSPACE):
            where = WORKSPACE if write else ", ".join(mount.target for mount in self.mounts)
            kind = "written" if write else "read"
            raise PathNotAllowedError(f"{path} cannot be {kind}: it is not in {where}")
        return found

    def _follow(self, path: str) -> list[str]:
        """The parts of the path inside, with no link, dot or double dot left in them."""
        done: list[str] = []
        pending = list(reversed(f"{WORKSPACE}/{path}".split("/") if not path.startswith("/") else path.split("/")))
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done[-1:] = []
            elif part not in ("", "."):
                target = self._link([*done, part])
                if target is None:
                    done.append(part)
                    continue
                links += 1
                if links > MOST_LINKS:
                    raise PathNotAllowedError(f"{path}: too many links")
                if target.startswith("/"):
                    done = []
                pending += reversed(target.split("/"))
        return done

    def _link(self, parts: list[str]) -> str | None:
        """Where the link of that name leads; None if it is none."""
        _, found = self._on_this_machine(parts)
        if found is None or len(parts) == 1:
            return None
        try:
            return os.readlink(found)
        except OSError:  # no link, or nothing at all: opening it will tell
            return None

    def _on_this_machine(self, parts: list[str]) -> tuple[str, Path | None]:
        """The mount that such a path lies in, and where it is here."""
        inside = "/" + "/".join(parts)
        for mount in self.mounts:
            if inside == mount.target or inside.startswith(f"{mount.target}/"):
                return mount.target, mount.source.resolve() / inside[len(mount.target) + 1 :]
        return "", None


def _plain(name: str) -> bool:
    """True for a skill's name that can be a folder's."""
    return bool(name) and name not in (".", "..") and not set(name) & set("/\0:,")
