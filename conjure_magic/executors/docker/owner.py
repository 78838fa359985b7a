"""Whose processes run in a container, so that the files they make are the person's; and handing a workspace over."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conjure_magic.nofollow import FILE, FOLDER, walk
from conjure_magic.workspace import LOCK_NAME, OUTPUT_DIR

NOBODY_ELSE = 65_532
"""The user and group of a root kernel's commands: an id that no account has by custom, and not root's."""


@dataclass(frozen=True, slots=True)
class User:
    """Who the commands are inside."""

    uid: int
    gid: int
    hand_over: bool = False
    """True where that is not who the kernel runs as, so that the workspace has to be given to it."""
    unmapped: bool = False
    """True where the engine maps users, which it is asked not to do here."""


def container_user(security_options: Iterable[str], workspace: Path) -> User:
    """Who runs commands for this kernel on such an engine.

    A rootless engine's root is the person; elsewhere it is the person, by their own ids. Root is never used there: a
    root kernel's commands are the workspace's owner, or where that is root too, somebody whom it is handed over to.
    """
    options = {option.partition(",")[0] for option in security_options}
    if "name=rootless" in options:
        return User(0, 0)
    unmapped = "name=userns" in options
    if os.geteuid() != 0:
        return User(os.geteuid(), os.getegid(), unmapped=unmapped)
    status = workspace.stat()
    if status.st_uid != 0:
        return User(status.st_uid, status.st_gid or NOBODY_ELSE, hand_over=True, unmapped=unmapped)
    return User(NOBODY_ELSE, NOBODY_ELSE, hand_over=True, unmapped=unmapped)


def may_read(user: User, folder: Path) -> bool:
    """True unless the folder's mode keeps the commands out of it; what lies in it may still do so."""
    status = folder.stat()
    wanted = stat.S_IROTH | stat.S_IXOTH
    if user.uid in (status.st_uid, 0):
        wanted <<= 6
    elif user.gid == status.st_gid:
        wanted <<= 3
    return status.st_mode & wanted == wanted


def hand_over(workspace: Path, user: User) -> None:
    """Give what is ours in the workspace to the user of the commands, the folder itself first.

    Neither links nor files of several names are given away: these may be something else's as well.
    """
    ours, owner = os.geteuid(), (user.uid, user.gid)
    with contextlib.suppress(OSError):  # a file system without owners
        top = os.open(workspace, FOLDER)
        try:
            if os.fstat(top).st_uid == ours:
                os.chown(top, *owner)
        finally:
            os.close(top)
    for path, entry, folder in walk(workspace, lambda path: path != OUTPUT_DIR):
        if path in (OUTPUT_DIR, LOCK_NAME):
            continue
        with contextlib.suppress(OSError):
            if entry.stat(follow_symlinks=False).st_uid == ours:
                _give(entry, folder, owner, ours)


def _give(entry: os.DirEntry[str], folder: int, owner: tuple[int, int], ours: int) -> None:
    """Change the owner of what is opened, not of what has that name a moment later."""
    flags = FOLDER if entry.is_dir(follow_symlinks=False) else os.O_RDONLY | FILE
    if not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
        return
    fd = os.open(entry.name, flags, dir_fd=folder)
    try:
        status = os.fstat(fd)
        if status.st_uid == ours and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
            os.chown(fd, *owner)
    finally:
        os.close(fd)
