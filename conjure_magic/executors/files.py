"""A session's files on this machine, opened so that no link, device or race can point outside its folders.

`Folders.resolve` says where a path points; its folders are then opened again from the allowed folder by
`nofollow`. What was swapped for a link in between is refused, so that the file reached lies where it was allowed
to lie.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

from conjure_magic.errors import FilePermissionError, MissingFileError, PathNotAllowedError, ToolError
from conjure_magic.executors.base import Entry
from conjure_magic.safe_open import FILE, FOLDER, Made, open_folder
from conjure_magic.workspace import SKIPPED_DIRS, Folders

F = TypeVar("F", bound=Folders)

READ_LIMIT = 16 << 20
"""Bytes of the largest file that is read whole."""
KINDS = {FileNotFoundError: MissingFileError, PermissionError: FilePermissionError}
GIT = ".git"
ENTRY_LIMIT = 500
"""Maximum number of names in a listing."""


def read_file(folders: Folders, path: str) -> bytes:
    """The content of a regular file. Raises ToolError if there is none, or it is too large."""
    with _told(path), _parent(folders, path) as (parent, name):
        fd = os.open(name, os.O_RDONLY | FILE, dir_fd=parent)
        with open(fd, "rb") as file:
            status = _regular(fd, path)
            if status.st_size > READ_LIMIT:
                raise ToolError(
                    f"{path} is too large to read whole ({status.st_size:,} bytes; {READ_LIMIT:,} at most). "
                    "Look at a part of it with bash_tool: head, tail, sed -n, grep."
                )
            content = file.read(READ_LIMIT + 1)
    if len(content) > READ_LIMIT:
        raise ToolError(f"{path} grows while it is read; look at a part of it with bash_tool")
    return content


def write_file(folders: Folders, path: str, content: bytes) -> bool:
    """Write a file in the workspace, parents made; True if it was there before. Raises ToolError."""
    with _told(path), _parent(folders, path, write=True) as (parent, name):
        existed = True
        try:
            fd = os.open(name, os.O_WRONLY | FILE, dir_fd=parent)
        except FileNotFoundError:
            existed = False
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, 0o666, dir_fd=parent)
            _giving(folders)(fd)
        with open(fd, "wb", buffering=0) as file:
            _regular(fd, path)
            os.ftruncate(fd, 0)
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
    return existed


def _giving(folders: Folders) -> Made:
    """A function that changes an open file's owner to the commands' user."""
    owner = folders.owner
    return lambda fd: None if owner is None else os.chown(fd, *owner)


def list_folder(folders: Folders, path: str) -> tuple[Entry, ...] | None:
    """The entries of a folder, two levels deep; None if the path is not a folder. Raises ToolError."""
    with _told(path):
        root, parts = _locate(folders, path)
        try:
            fd = open_folder(root, parts, real=True)
        except NotADirectoryError:
            return None
        try:
            return tuple(_entries(fd))
        finally:
            os.close(fd)


def _entries(fd: int, prefix: str = "") -> Iterator[Entry]:
    with os.scandir(fd) as found:
        names = sorted(found, key=lambda entry: entry.name)
    for entry in names[:ENTRY_LIMIT]:
        name = prefix + entry.name
        if not entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(OSError):
                yield Entry(name, entry.stat(follow_symlinks=False).st_size)
            continue
        yield Entry(name)
        if not prefix and entry.name not in SKIPPED_DIRS:
            with contextlib.suppress(OSError):
                below = os.open(entry.name, FOLDER, dir_fd=fd)
                try:
                    yield from _entries(below, f"{name}/")
                finally:
                    os.close(below)


def _locate(folders: Folders, path: str, *, write: bool = False) -> tuple[Path, tuple[str, ...]]:
    """The allowed folder that contains a path, and the path's parts below it, with links resolved."""
    real = folders.resolve(path, write=write)
    roots = [folders.workspace] if write else [folders.workspace, folders.input, *folders.skills.values()]
    for root in roots:
        base = root.resolve() if root == folders.workspace else root  # real paths, unless a command has swapped them
        if real.is_relative_to(base):
            parts = real.relative_to(base).parts
            _refuse_git(path, parts, write=write)
            return base, parts
    raise PathNotAllowedError(f"{path} has moved")


def _refuse_git(path: str, parts: tuple[str, ...], *, write: bool) -> None:
    """Git runs programs that a repository's own settings and hooks name, so no file tool writes any of them."""
    if write and any(part.lower().rstrip(". ") == GIT for part in parts):
        raise PathNotAllowedError(f"{path} cannot be written: the file tools change nothing in {GIT}")


@contextlib.contextmanager
def _parent(folders: Folders, path: str, *, write: bool = False) -> Iterator[tuple[int, str]]:
    """A descriptor of the file's parent folder, and the file's name."""
    root, parts = _locate(folders, path, write=write)
    if not parts or path.endswith("/"):
        raise ToolError(f"{path} is a folder, not a file")
    fd = open_folder(root, parts[:-1], make=write, made=_giving(folders), real=True)
    try:
        # Checked before opening: merely opening some devices has side effects.
        with contextlib.suppress(FileNotFoundError):
            _refuse_odd(os.stat(parts[-1], dir_fd=fd, follow_symlinks=False), path)
        yield fd, parts[-1]
    finally:
        os.close(fd)


def _regular(fd: int, path: str) -> os.stat_result:
    status = os.fstat(fd)
    _refuse_odd(status, path)
    return status


def _refuse_odd(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ToolError(f"{path} is a folder, not a file")
    if stat.S_ISLNK(status.st_mode):
        raise PathNotAllowedError(f"{path} has become a link, and links are not followed")
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(f"{path} is not a regular file (a pipe, a socket or a device)")


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Translate OSErrors into errors that the model can read."""
    try:
        yield
    except UnicodeEncodeError:
        raise ToolError("the path contains a lone surrogate, which is not a valid character") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise PathNotAllowedError(f"{path}: links in the path are not followed") from None
        kind = next((cls for system, cls in KINDS.items() if isinstance(error, system)), ToolError)
        raise kind(f"{path}: {error.strerror or error}") from None


class FilesOfFolders(Generic[F]):
    """The file methods of an executor: files are accessed by this process, wherever commands run."""

    folders: F
    """The accessible folders; paths are interpreted as commands see them."""

    def read(self, path: str) -> bytes:
        """The content of a regular file in the workspace, the input folder or a skill. Raises ToolError."""
        return read_file(self.folders, path)

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """The entries of such a folder, two levels deep; None if it is not a folder. Raises ToolError."""
        return list_folder(self.folders, path)

    def write(self, path: str, content: bytes) -> bool:
        """Write a file in the workspace, creating parents; True if it existed before. Raises ToolError."""
        return write_file(self.folders, path, content)
