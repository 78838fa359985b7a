"""The files of a session: its workspace, the input folder, and the changes in them.

Confinement: `Folders.resolve` decides which paths a file tool may use. A path is resolved first, including
links, and must then be in the workspace (read, write), the input folder or a skill folder (read).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

from conjure_magic.artifacts import Artifact, Change, media_type
from conjure_magic.errors import PathNotAllowedError, UsageError, WorkspaceError
from conjure_magic.remedies import Remedy, option
from conjure_magic.safe_open import FILE, open_file, open_folder, walk

MAX_ENTRIES = 20_000
"""Maximum number of files in a snapshot."""

MAX_HASHED = 256 << 20
"""Size in bytes up to which the content of a new file is hashed: a huge file must not hold up the turn."""

CLOCK_STEP = 20_000_000
"""Nanoseconds by which a file system's clock may be behind."""
SKIPPED_DIRS = frozenset({".git", ".venv", "node_modules", "__pycache__", ".ipynb_checkpoints"})
NAME_ONE = Remedy("Name another folder with {0}.", option("workspace", "PATH"))
OUTPUT_DIR = "command-output"
"""Folder of the workspace for the complete output of long commands; never reported as created files."""

ATTACHED_DIR = "attached-files"
"""Folder of the workspace for copies of files sent with a request."""
OWN_FOLDERS = "conjure-files"
"""The folder next to the notebook that contains the sessions' folders."""
KEEP_OUT = {
    ".gitignore": "*\n",
    "conftest.py": "# Nothing in this folder is a test of the project: a model's commands may have written it.\n"
    'collect_ignore_glob = ["*"]\n',
}
"""Files of `OWN_FOLDERS` that keep git and pytest out; they are outside the reach of sandboxed commands."""


Stat = tuple[int, int, int]
Snapshot = Mapping[str, Stat]


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders available to a session's commands and file tools, as paths on this machine."""

    workspace: Path
    input: Path
    skills: Mapping[str, Path] = field(default_factory=dict)
    owner: tuple[int, int] | None = None
    """User and group that own new files; None leaves them to the writing process."""

    def resolve(self, path: str, *, write: bool = False) -> Path:
        """The real path for a path given to a file tool; relative paths start in the workspace.

        Raises PathNotAllowedError if it is, with links resolved, outside the folders that may be read
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
    """Why a session must not read this folder without asking; empty if it may."""
    real = folder.resolve()
    if real == Path(real.anchor):
        return "it is the whole machine"
    home = Path(os.path.expanduser("~")).resolve()
    if home.is_relative_to(real):
        return "it is your home directory" if real == home else "it contains your home directory"
    return ""


def safe_name(name: str) -> str:
    """The name with all characters replaced except letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "session"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A session's own folder and the input folder; open one with `Workspace.open`."""

    root: Path
    input: Path
    base: Path
    """The notebook's folder; displayed paths are relative to it."""
    in_place: bool
    """True if the workspace is a folder of the user's, so that writing there asks first."""
    notice: str = ""
    """A notice for the user, such as that another kernel uses the default folder."""
    _locks: list[int] = field(default_factory=list, compare=False, repr=False)
    """The descriptor that keeps the folder locked until it is closed."""

    @classmethod
    def open(
        cls,
        session: str,
        *,
        folder: str | Path | None = None,
        input: str | Path | None = None,  # noqa: A002 - the option's own name
    ) -> Workspace:
        """Create and lock the workspace of a session.

        Args:
            session: name of the session, part of the folder's name.
            folder: an existing folder to work in; by default `conjure-files/<notebook>-<session>/` next to the
                notebook, or in the current directory.
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
            raise WorkspaceError(f"cannot create a workspace in {base}: {error.strerror}", remedy=NAME_ONE) from None

    @classmethod
    def _own(cls, parent: Path, stem: str, source: Path, base: Path) -> Workspace:
        _make_plain(parent)
        for number in range(1, 1000):
            root = parent / (stem if number == 1 else f"{stem}-{number}")
            _make_plain(root)
            lock = _lock(parent / lock_name(root.name))
            if lock is None:
                continue
            _keep_out(parent)
            with contextlib.suppress(FileExistsError), (root / ".gitignore").open("x", encoding="ascii") as ignore:
                ignore.write("*\n")  # "x" does not write through a link that a command may have left there
            notice = "" if number == 1 else f"another kernel uses {stem}; this one uses {root.name}"
            return cls(root, source, base, in_place=False, notice=notice, _locks=[lock])
        raise WorkspaceError(f"too many kernels use {parent / stem}; close some of them")

    def close(self) -> None:
        """Release the lock so that another kernel can use the folder; its files stay. Closing twice is fine."""
        while self._locks:
            os.close(self._locks.pop())

    def take_in(self, path: Path) -> Path:
        """Copy a file into the folder `ATTACHED_DIR`, unless it is in the workspace already, and return its path.

        If a file with the same name and other content exists, the copy gets a number. Raises OSError if the file
        cannot be copied.
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
        """The path to display: relative to the notebook's folder if it is below it."""
        try:
            return path.relative_to(self.base).as_posix()
        except ValueError:
            return str(path)

    def snapshot(self) -> Snapshot:
        """The files in the workspace: relative path -> (mtime in ns, ctime in ns, size).

        Only regular files, without following links, and at most `MAX_ENTRIES`.
        """
        found: dict[str, Stat] = {}
        with contextlib.closing(walk(self.root, _is_of_interest)) as everything:
            for name, entry, _ in everything:
                if len(found) >= MAX_ENTRIES:
                    break
                if not entry.is_file(follow_symlinks=False) or entry.name == ".gitignore":
                    continue
                with contextlib.suppress(OSError):  # deleted in the meantime
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

    def changed_unlisted(self, since: int) -> Mapping[str, Sequence[Path]]:
        """What changed in each of the folders that `changed` leaves out (`.git`, `.venv`, …): their files and folders.

        Args:
            since: time in ns; what changed at that time or later counts.

        `MAX_ENTRIES` are looked at.
        """
        found: dict[str, list[Path]] = {}
        with contextlib.closing(walk(self.root, lambda path: path != OUTPUT_DIR)) as everything:
            for name, entry, _ in islice(everything, MAX_ENTRIES):
                folder = _unlisted(name)
                if folder:
                    with contextlib.suppress(OSError):  # gone meanwhile
                        if entry.stat(follow_symlinks=False).st_ctime_ns >= since - CLOCK_STEP:
                            found.setdefault(folder, []).append(self.root / name)
        return found

    def _artifact(self, name: str, change: Change, backend: str, tool_use_id: str) -> Artifact:
        path = self.root / name
        size, digest = _digest(self.root, name)
        return Artifact(name, media_type(name), size, digest, backend, tool_use_id, change, path, self.shown(path))


def numbered(path: Path) -> Iterator[Path]:
    """Yield the path, and then the same path with -2, -3, … before its suffix."""
    yield path
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))


def _digest(root: Path, name: str) -> tuple[int, str]:
    """Size and SHA-256 of a regular file, read without following links below root; no hash for a huge file."""
    with os.fdopen(open_file(root, Path(name).parts), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return size, hashlib.file_digest(file, "sha256").hexdigest() if size <= MAX_HASHED else ""


def _unlisted(name: str) -> str:
    """The first folder on the way to a path whose files are not listed; empty if there is none."""
    parts = name.split("/")
    at = next((i for i, part in enumerate(parts) if part in SKIPPED_DIRS), None)
    return "" if at is None else "/".join(parts[: at + 1])


def _is_of_interest(folder: str) -> bool:
    """False for a folder, relative to the workspace, whose contents are not reported as created files."""
    return folder != OUTPUT_DIR and folder.rpartition("/")[2] not in SKIPPED_DIRS


def expanded(path: str | Path) -> Path:
    """The path with `~` expanded. Raises UsageError if the user's home directory is unknown."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{str(path)!r} refers to the home directory of an unknown user") from None


def existing_folder(path: str | Path, what: str) -> Path:
    """The folder's real path. Raises WorkspaceError, which calls it the `what` folder, if it does not exist."""
    folder = expanded(path).absolute()
    if not os.path.isdir(folder):  # unlike Path's, it never raises
        raise WorkspaceError(f"the {what} folder {str(path)!r} does not exist or is not a folder")
    return Path(os.path.realpath(folder))


def existing_file(path: str | Path) -> Path:
    """The file's absolute path. Raises UsageError if it is not a regular file."""
    file = expanded(path).absolute()
    if not os.path.isfile(file):  # unlike Path's, it never raises
        other = "is a folder" if os.path.isdir(file) else "is not a regular file"
        why = other if os.path.exists(file) else "does not exist"
        raise UsageError(f"cannot attach {str(path)!r}: it {why}")
    return file


def _notebook() -> Path | None:
    """The notebook of this kernel, if Jupyter Server has set its path; None in other front ends."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    path = Path(name)
    if path.suffix != ".ipynb":
        return None
    return path if path.is_absolute() and path.parent.is_dir() else Path.cwd() / path.name


def _make_plain(folder: Path) -> None:
    """Create a folder if it does not exist. Raises WorkspaceError for a link, which a command may have left there."""
    if folder.is_symlink():
        raise WorkspaceError(f"{folder} is a link and could point anywhere; remove it", remedy=NAME_ONE)
    folder.mkdir(parents=True, exist_ok=True)


def _keep_out(parent: Path) -> None:
    """Write the files that keep the user's own tools out of this folder; existing links are not followed."""
    for name, text in KEEP_OUT.items():
        with contextlib.suppress(FileExistsError), (parent / name).open("x", encoding="ascii") as file:
            file.write(text)


def lock_name(folder: str) -> str:
    """The name of a session folder's lock, which is next to the folder, out of reach of sandboxed commands."""
    return f".{folder}.lock"


def _lock(path: Path) -> int | None:
    """An open descriptor with the lock, or None if another process has it.

    Raises WorkspaceError if the path exists and cannot be opened.
    """
    if path.is_symlink():  # left there by a command
        path.unlink()
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | FILE, 0o600)
    except OSError as error:
        raise WorkspaceError(f"the lock {path} cannot be opened ({error.strerror}); remove it") from None
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows: only the session's name distinguishes folders
        return fd
    except OSError:
        os.close(fd)
        return None
    return fd
