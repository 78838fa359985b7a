"""Where a session's files live: its workspace, the input folder, and what changed in them.

Confinement: `Folders.resolve` says which real path a file tool may touch. A path is resolved first, links
included, and must then lie in the workspace (read, write), the input folder or a skill folder (read).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from conjure_magic.artifacts import Artifact, Change, media_type
from conjure_magic.errors import PathNotAllowedError, UsageError, WorkspaceError
from conjure_magic.nofollow import FILE, open_file, open_folder, walk
from conjure_magic.remedies import Remedy, option

MAX_ENTRIES = 20_000
"""How many files a snapshot looks at."""

MAX_HASHED = 256 << 20
"""Bytes of the largest file whose content is read when it is found: a turn must not stand still for one."""

SKIPPED_DIRS = frozenset({".git", ".venv", "node_modules", "__pycache__", ".ipynb_checkpoints"})
NAME_ONE = Remedy("Name another folder with {0}.", option("workspace", "PATH"))
OUTPUT_DIR = "command-output"
"""Folder of the workspace that holds the whole output of long commands; never reported as created files."""

ATTACHED_DIR = "attached-files"
"""Folder of the workspace that files attached to a request are copied to."""
OWN_FOLDERS = "conjure-files"
"""The folder beside the notebook in which sessions have theirs."""
LOCK_NAME = ".conjure-lock"


Stat = tuple[int, int, int]
Snapshot = Mapping[str, Stat]


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders that a session's commands and file tools know, as paths on this machine."""

    workspace: Path
    input: Path
    skills: Mapping[str, Path] = field(default_factory=dict)
    owner: tuple[int, int] | None = None
    """User and group that what is written is handed to; None: it stays whose process writes it."""

    def resolve(self, path: str, *, write: bool = False) -> Path:
        """The real path of what a file tool names; relative ones start in the workspace.

        Raises PathNotAllowedError if, links resolved, it lies outside the folders that may be read
        (workspace, input, skills) or written (workspace).
        """
        if "\0" in path or not path:
            raise PathNotAllowedError("a path cannot be empty or contain a NUL character")
        given = Path(path)
        try:
            real = (self.workspace / given).resolve()
        except (OSError, RuntimeError) as error:  # a loop of links
            raise PathNotAllowedError(f"{path}: {error}") from None
        roots = [self.workspace] if write else [self.workspace, self.input, *self.skills.values()]
        if not any(real.is_relative_to(root.resolve()) for root in roots):
            kind = "written" if write else "read"
            allowed = ", ".join(map(str, roots))
            raise PathNotAllowedError(f"{path} cannot be {kind}: it is not in {allowed}")
        return real


def too_wide(folder: Path) -> str:
    """Why a folder holds more than a session is to see unasked; empty if it does not."""
    real = folder.resolve()
    if real == Path(real.anchor):
        return "it is the whole machine"
    home = Path(os.path.expanduser("~")).resolve()
    if home.is_relative_to(real):
        return "it is your home directory" if real == home else "your home directory is in it"
    return ""


def safe_name(name: str) -> str:
    """The name with everything but letters, digits, dot, dash and underscore replaced."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "session"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A session's own folder and the input folder; open one with `Workspace.open`."""

    root: Path
    input: Path
    base: Path
    """The notebook's folder, which shown paths are relative to."""
    in_place: bool
    """True where the person's own folder is the workspace, so that writing there asks first."""
    notice: str = ""
    """What the person should know, such as that another kernel has the usual folder."""
    _locks: list[int] = field(default_factory=list, compare=False, repr=False)
    """The descriptor that holds the lock, until it is closed."""

    @classmethod
    def open(
        cls,
        session: str,
        *,
        folder: str | Path | None = None,
        input: str | Path | None = None,  # noqa: A002 - the option's own name
    ) -> Workspace:
        """The workspace of a session, made and locked.

        Args:
            session: the session's name, part of the folder's.
            folder: work in this folder as it is; by default
                `conjure-files/<notebook>-<session>/` beside the notebook, or in the current directory.
            input: the input folder; by default the current directory.

        Raises UsageError if a folder cannot be used.
        """
        source = existing_folder(input, "input") if input is not None else Path.cwd()
        notebook = _notebook()
        base = notebook.parent if notebook is not None else Path.cwd()
        if folder is not None:
            return cls(existing_folder(folder, "workspace"), source, base, in_place=True)
        stem = safe_name(f"{notebook.stem}-{session}" if notebook is not None else session)
        try:
            return cls._own(base / OWN_FOLDERS, stem, source, base)
        except OSError as error:
            raise WorkspaceError(f"cannot make a workspace in {base}: {error.strerror}", remedy=NAME_ONE) from None

    @classmethod
    def _own(cls, parent: Path, stem: str, source: Path, base: Path) -> Workspace:
        _make_plain(parent)
        for number in range(1, 1000):
            root = parent / (stem if number == 1 else f"{stem}-{number}")
            _make_plain(root)
            lock = _lock(root / LOCK_NAME)
            if lock is None:
                continue
            with contextlib.suppress(FileExistsError), (root / ".gitignore").open("x", encoding="ascii") as ignore:
                ignore.write("*\n")  # "x" goes through no link that a command may have left there
            notice = "" if number == 1 else f"another kernel uses {stem}; this one works in {root.name}"
            return cls(root, source, base, in_place=False, notice=notice, _locks=[lock])
        raise WorkspaceError(f"a thousand kernels use {parent / stem}; close some of them")

    def close(self) -> None:
        """Give the folder free for another kernel; its files stay. Closing twice is fine."""
        while self._locks:
            os.close(self._locks.pop())

    def take_in(self, path: Path) -> Path:
        """A copy of a file in the folder `ATTACHED_DIR`, or the file itself if it is in the workspace already.

        A name that is taken by another content gets a number. Raises OSError if it cannot be copied.
        """
        if path.is_relative_to(self.root):
            return path
        folder = open_folder(self.root, (ATTACHED_DIR,), make=True)
        try:
            for name in (target.name for target in numbered(Path(path.name))):
                with contextlib.suppress(FileExistsError):
                    fresh = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
                    with path.open("rb") as source, os.fdopen(fresh, "wb") as out:
                        shutil.copyfileobj(source, out)
                    return self.root / ATTACHED_DIR / name
                with contextlib.suppress(OSError):
                    there = _digest(self.root, f"{ATTACHED_DIR}/{name}")
                    if there[1] and there == _digest(path.parent, path.name):
                        return self.root / ATTACHED_DIR / name
        finally:
            os.close(folder)
        raise AssertionError("unreachable")

    def shown(self, path: Path) -> str:
        """The path as a person is told it: relative to the notebook where it lies below it."""
        try:
            return path.relative_to(self.base).as_posix()
        except ValueError:
            return str(path)

    def snapshot(self) -> Snapshot:
        """What lies in the workspace: relative path -> (mtime in ns, ctime in ns, size).

        Regular files only, links not followed, `MAX_ENTRIES` at most.
        """
        found: dict[str, Stat] = {}
        with contextlib.closing(walk(self.root, _is_of_interest)) as everything:
            for name, entry, _ in everything:
                if len(found) >= MAX_ENTRIES:
                    break
                if not entry.is_file(follow_symlinks=False) or entry.name in (LOCK_NAME, ".gitignore"):
                    continue
                with contextlib.suppress(OSError):  # gone meanwhile
                    status = entry.stat(follow_symlinks=False)
                    found[name] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        return found

    def changed(self, before: Snapshot, *, backend: str, tool_use_id: str) -> tuple[Artifact, ...]:
        """The files that are new or different since `before`, by name."""
        now = self.snapshot()
        found = []
        for name in sorted(now):
            if before.get(name) != now[name]:
                change: Change = "changed" if name in before else "new"
                with contextlib.suppress(OSError):
                    found.append(self._artifact(name, change, backend, tool_use_id))
        return tuple(found)

    def _artifact(self, name: str, change: Change, backend: str, tool_use_id: str) -> Artifact:
        path = self.root / name
        size, digest = _digest(self.root, name)
        return Artifact(name, media_type(name), size, digest, backend, tool_use_id, change, path, self.shown(path))


def numbered(path: Path) -> Iterator[Path]:
    """The path, and then the same with -2, -3, … before its suffix."""
    yield path
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))


def _digest(root: Path, name: str) -> tuple[int, str]:
    """Size and SHA-256 of a regular file, read without following any link below root; no hash of a huge one."""
    with os.fdopen(open_file(root, Path(name).parts), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return size, hashlib.file_digest(file, "sha256").hexdigest() if size <= MAX_HASHED else ""


def _is_of_interest(folder: str) -> bool:
    """False for a folder in which nobody looks for what was made, named relative to the workspace."""
    return folder != OUTPUT_DIR and folder.rpartition("/")[2] not in SKIPPED_DIRS


def expanded(path: str | Path) -> Path:
    """The path with a home folder in the place of `~`. Raises UsageError if no home is known for that user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{str(path)!r} begins with the home folder of a user who has none here") from None


def existing_folder(path: str | Path, what: str) -> Path:
    """The folder's real path. Raises UsageError, which calls it `what`, if it is not there."""
    folder = expanded(path).absolute()
    if not os.path.isdir(folder):  # unlike Path's, it never raises
        raise WorkspaceError(f"the {what} folder {str(path)!r} does not exist, or is not a folder")
    return folder.resolve()


def existing_file(path: str | Path) -> Path:
    """The file's absolute path. Raises UsageError if there is no regular file."""
    file = expanded(path).absolute()
    if not os.path.isfile(file):  # unlike Path's, it never raises
        other = "is a folder" if os.path.isdir(file) else "is no regular file"
        why = other if os.path.exists(file) else "does not exist"
        raise UsageError(f"the file {str(path)!r} to be attached {why}")
    return file


def _notebook() -> Path | None:
    """The notebook this kernel was started for, as Jupyter Server names it; None in other front ends."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    path = Path(name)
    if path.suffix != ".ipynb":
        return None
    return path if path.is_absolute() and path.parent.is_dir() else Path.cwd() / path.name


def _make_plain(folder: Path) -> None:
    """Make a folder, if need be. Raises WorkspaceError for a link, which a command that worked above may have left."""
    if folder.is_symlink():
        raise WorkspaceError(f"{folder} is a link, and could lead anywhere; remove it", remedy=NAME_ONE)
    folder.mkdir(parents=True, exist_ok=True)


def _lock(path: Path) -> int | None:
    """An open descriptor that holds the lock, or None if somebody else does."""
    if path.is_symlink():  # a command has left it there
        path.unlink()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | FILE, 0o600)
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows: folders are told apart by session only
        return fd
    except OSError:
        os.close(fd)
        return None
    return fd
