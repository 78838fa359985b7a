"""Reaching files step by step from a folder that is trusted, so that no link planted on the way leads out of it.

Every name is opened relative to the descriptor of the folder before it, never through a link. What a path was a
moment ago does not matter: whatever is swapped in between, the file that is reached lies below the folder. (Linux
has one call for it, openat2; this is what every POSIX system can do.)
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
"""Flags that open a folder, and nothing else."""
FILE = getattr(os, "O_NONBLOCK", 0) | _NOFOLLOW
"""Flags, beside those for reading or writing, that open a file and wait for nobody at a pipe's other end."""

Made = Callable[[int], object]
"""Gets the descriptor of a folder or file that was made."""


def open_folder(root: Path, parts: Iterable[str], *, make: bool = False, made: Made | None = None) -> int:
    """A descriptor of the folder that these names lead to; with `make` those that are missing are made.

    Raises OSError: ELOOP or ENOTDIR where a link is on the way.
    """
    fd = os.open(root, FOLDER)
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


def open_file(root: Path, parts: tuple[str, ...]) -> int:
    """A descriptor, for reading, of the regular file that these names lead to. Raises OSError for anything else."""
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
"""How deep `walk` goes; each level holds a descriptor."""


def walk(root: Path, enter: Callable[[str], bool] = bool) -> Generator[tuple[str, os.DirEntry[str], int], None, None]:
    """(path relative to root, entry, descriptor of its folder) for everything below, by name; no link is followed.

    A folder whose path `enter` declines is named and not entered; neither is one that cannot be read. Close it, if
    it is not followed to its end.
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
