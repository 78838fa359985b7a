"""Opening files below a trusted folder without following links, so that a planted link cannot point outside.

Every name is opened relative to the descriptor of its parent folder, never through a link. Whatever is swapped
in the meantime, the opened file is below the folder. (Linux has a single call for this, openat2; this way works
on every POSIX system.)
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW
"""Flags that open only a folder."""
FILE = getattr(os, "O_NONBLOCK", 0) | _NOFOLLOW
"""Flags, in addition to those for reading or writing, that open a file without waiting for the other end of a pipe."""

Made = Callable[[int], object]
"""Called with the descriptor of a folder or file that was created."""


def open_folder(
    root: Path, parts: Iterable[str], *, make: bool = False, made: Made | None = None, real: bool = False
) -> int:
    """A descriptor of the folder at this path below `root`; with `make`, missing folders are created.

    With `real`, the root is the real path of a folder that a command may have swapped meanwhile: no link on the way
    to it is followed either. Raises OSError; ELOOP or ENOTDIR if a part of the path is a link.
    """
    fd = _open_real(root) if real else os.open(root, FOLDER)
    try:
        for part in parts:
            new = False
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=fd)
                    new = True
            deeper = os.open(part, FOLDER, dir_fd=fd)
            os.close(fd)
            fd = deeper
            if new and made is not None:
                made(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _open_real(root: Path) -> int:
    """A descriptor of the folder, every name on the way to it opened without following a link."""
    passing = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW  # need not be readable
    *names, last = root.parts[1:] or (".",)
    fd = os.open(root.anchor, passing)
    try:
        for name in names:
            deeper = os.open(name, passing, dir_fd=fd)
            os.close(fd)
            fd = deeper
        return os.open(last, FOLDER, dir_fd=fd)
    finally:
        os.close(fd)


def open_file(root: Path, parts: tuple[str, ...]) -> int:
    """A descriptor, for reading, of the regular file at this path below `root`. Raises OSError for anything else."""
    folder = open_folder(root, parts[:-1])
    try:
        fd = os.open(parts[-1], os.O_RDONLY | FILE, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", "/".join(parts))
    return fd


MAX_DEPTH = 100
"""Maximum depth of `walk`; each level uses a descriptor."""


def walk(root: Path, enter: Callable[[str], bool] = bool) -> Generator[tuple[str, os.DirEntry[str], int], None, None]:
    """Yield (path relative to root, entry, descriptor of its folder) for everything below, sorted; follows no links.

    Folders that `enter` rejects or that cannot be read are yielded but not entered. Close the generator if you do
    not exhaust it.
    """
    with contextlib.suppress(OSError):
        yield from _walk(os.open(root, FOLDER), "", enter, MAX_DEPTH)


def _walk(
    fd: int, prefix: str, enter: Callable[[str], bool], depth: int
) -> Generator[tuple[str, os.DirEntry[str], int], None, None]:
    try:
        with os.scandir(fd) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            path = prefix + entry.name
            yield path, entry, fd
            if entry.is_dir(follow_symlinks=False) and depth and enter(path):
                with contextlib.suppress(OSError):
                    below = os.open(entry.name, FOLDER, dir_fd=fd)
                    yield from _walk(below, f"{path}/", enter, depth - 1)
    finally:
        os.close(fd)
