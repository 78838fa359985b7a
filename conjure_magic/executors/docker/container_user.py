"""The user that commands run as in a container, so that new files belong to the user; and changing owners."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conjure_magic.safe_open import FILE, FOLDER, walk
from conjure_magic.workspace import OUTPUT_DIR

NOBODY_ELSE = 65_532
"""The user and group id for commands of a kernel that runs as root: by convention, no account has it."""


@dataclass(frozen=True, slots=True)
class User:
    """The user that commands run as."""

    uid: int
    gid: int
    hand_over: bool = False
    """True if this is not the kernel's user, so the workspace has to be given to it."""
    unmapped: bool = False
    """True if the engine maps user ids, which is turned off for our containers."""


def container_user(security_options: Iterable[str], workspace: Path) -> User:
    """The user for commands of this kernel, depending on the engine.

    On a rootless engine, root inside the container is the user; otherwise the user's own ids are used. Root is
    never used there: if the kernel runs as root, commands run as the workspace's owner, or as `NOBODY_ELSE`.
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
    """True if the folder's mode lets commands read it; entries in it may still deny access."""
    status = folder.stat()
    wanted = stat.S_IROTH | stat.S_IXOTH
    if user.uid in (status.st_uid, 0):
        wanted <<= 6
    elif user.gid == status.st_gid:
        wanted <<= 3
    return status.st_mode & wanted == wanted


def hand_over(workspace: Path, user: User) -> None:
    """Change the owner of our files in the workspace to the commands' user, the folder itself first.

    Links and files with several hard links are skipped, since they may belong to something else as well.
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
        if path == OUTPUT_DIR:
            continue
        with contextlib.suppress(OSError):
            if entry.stat(follow_symlinks=False).st_uid == ours:
                _give(entry, folder, owner, ours)


def _give(entry: os.DirEntry[str], folder: int, owner: tuple[int, int], ours: int) -> None:
    """Change the owner through a descriptor, so that it cannot hit a file swapped in later."""
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
