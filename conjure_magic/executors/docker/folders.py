"""A session's folders under their names inside the container, and the mounts."""

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
"""Most links that are followed in a path, as in Linux."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder on this machine, and its path inside the container."""

    source: Path
    target: str
    writable: bool = False
    identity: tuple[int, int] = field(default=(0, 0), compare=False)
    """Device and inode of the folder when checked; zeros if it does not exist."""

    @classmethod
    def of(cls, source: Path, target: str, *, writable: bool = False) -> Mount:
        """A mount of the folder that currently has this path."""
        try:
            status = source.stat()
        except OSError:
            return cls(source, target, writable)
        return cls(source, target, writable, (status.st_dev, status.st_ino))

    @property
    def is_swapped(self) -> bool:
        """True if a link has replaced the folder, as commands may do in their workspace."""
        return self.target != WORKSPACE and self.source.resolve() != self.source


def same_folders(some: Iterable[Mount], others: Iterable[Mount]) -> bool:
    """False if a folder was replaced by another one of the same name: the mount still refers to the old one."""
    return [mount.identity for mount in some] == [mount.identity for mount in others]


def check_folders(mounts: Iterable[Mount]) -> None:
    """Raise ContainerError, which says what to do, if a folder does not exist."""
    for mount in mounts:
        if mount.is_swapped:
            raise ContainerError(
                f"{mount.source}, which commands see as {mount.target}, no longer leads to the same place: it, or a "
                "folder above it, was replaced by a link",
                remedy=Remedy("Put the folder back, or continue in {0}.", ANOTHER_SESSION),
            )
        if not mount.source.is_dir():
            raise ContainerError(
                f"the folder {mount.source}, which commands see as {mount.target}, is gone",
                remedy=Remedy("Create it again, or continue in {0}.", ANOTHER_SESSION),
            )


@dataclass(frozen=True)
class ContainerFolders(Folders):
    """Folders whose paths, links included, are interpreted as commands see them."""

    shows_input: bool = True
    """False if the input folder is not mounted."""

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The workspace first; skills without a folder are left out."""
        found = [Mount.of(self.workspace, WORKSPACE, writable=True)]
        if self.shows_input:
            found.append(Mount.of(self.input, INPUT))
        return (*found, *(Mount.of(self.skills[name], target) for name, target in self.skill_names.items()))

    @property
    def skill_names(self) -> Mapping[str, str]:
        """Skill name -> its directory inside."""
        found = {name: f"{SKILLS}/{name}" for name in self.skills if _plain(name)}
        mounts = {name: Mount(self.skills[name], target) for name, target in found.items()}
        return {name: found[name] for name, mount in mounts.items() if mount.source.is_dir() and not mount.is_swapped}

    def resolve(self, path: str, *, write: bool = False) -> Path:
        """The path on this machine for a path given to a tool; relative ones start in the workspace.

        Links are followed as they would be inside the container: a link to `/workspace/x` means the workspace's x.
        Raises PathNotAllowedError, as `Folders.resolve` does.
        """
        if "\0" in path or not path:
            raise PathNotAllowedError("a path cannot be empty or contain a NUL character")
        inside = self._follow(path)
        root, found = self._on_this_machine(inside)
        if found is None or (write and root != WORKSPACE):
            where = WORKSPACE if write else ", ".join(mount.target for mount in self.mounts)
            kind = "written" if write else "read"
            raise PathNotAllowedError(f"{path} cannot be {kind}: it is not in {where}")
        return found

    def _follow(self, path: str) -> list[str]:
        """The parts of the path inside the container, with links, dots and double dots resolved."""
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
        """The target of a link; None if it is not a link."""
        _, found = self._on_this_machine(parts)
        if found is None or len(parts) == 1:
            return None
        try:
            return os.readlink(found)
        except OSError:  # no link, or nothing at all: opening it will tell
            return None

    def _on_this_machine(self, parts: list[str]) -> tuple[str, Path | None]:
        """The mount that contains such a path, and its path on this machine."""
        inside = "/" + "/".join(parts)
        for mount in self.mounts:
            if inside == mount.target or inside.startswith(f"{mount.target}/"):
                source = mount.source.resolve() if mount.writable else mount.source
                return mount.target, source / inside[len(mount.target) + 1 :]
        return "", None


def _plain(name: str) -> bool:
    """True for a skill name that is a valid folder name."""
    return bool(name) and name not in (".", "..") and not set(name) & set("/\0:,")
