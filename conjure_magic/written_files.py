"""Files written by models where commands start or load from: a rule must not run them without asking.

Everything in a session's own folder below `conjure-files` counts, whoever wrote it, since the folder outlives its
kernel. In a user's own folder (`workspace=PATH`), the files that a turn created or changed are recorded in the user's
data directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from conjure_magic.safe_open import open_file, walk
from conjure_magic.skills.trust import data_dir
from conjure_magic.workspace import KEEP_OUT, MAX_ENTRIES, OUTPUT_DIR, OWN_FOLDERS

INERT = frozenset(
    (
        *(".csv", ".tsv", ".jsonl", ".ndjson", ".log", ".md", ".html", ".pdf", ".xlsx", ".docx", ".pptx"),
        *(".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"),
    )
)
"""Suffixes of documents, tables and pictures: no program loads one unless it is named."""
_RUN_BY_TESTS = re.compile(r"^\s*>>> |^\s*(?:```|~~~)[ {.]*(?:py|sh|bash|shell|console|jupyter|doctest)", re.M)
"""Examples in a document that doctest and similar tools would run."""
_OUTPUT = re.compile(rf"{OUTPUT_DIR}/\d{{4,9}}\.txt")
READ = 1 << 20
"""Bytes of a document that are searched for code; a longer one counts as code."""
REMEMBERED = 20_000
"""Number of recorded files in users' own folders above which deleted ones are dropped."""

GIT_DATA = frozenset({"HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "COMMIT_EDITMSG", "index", "packed-refs"})
"""Files of `.git` that are data."""
GIT_FOLDERS = frozenset({"objects", "refs", "logs"})
"""Folders of `.git` that hold data."""

_lock = threading.Lock()


class WrittenFiles:
    """The files that turns created or changed in users' own folders: one JSON string per line, with mode 0600."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path if path is not None else data_dir() / "written-files.jsonl"

    def add(self, file: Path) -> None:
        """Record a file. Raises OSError if the record cannot be written."""
        self.add_all([file])

    def add_all(self, files: Iterable[Path]) -> None:
        """Record files. Raises OSError if the record cannot be written."""
        with _lock:
            known = self._load()
            lines = [name for name in dict.fromkeys(map(str, files)) if name not in known]
            if not lines:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_APPEND
            if len(known) + len(lines) > REMEMBERED:
                lines, flags = [*filter(os.path.lexists, known), *lines], os.O_TRUNC
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
            with open(fd, "w", encoding="ascii") as out:
                out.writelines(f"{json.dumps(line)}\n" for line in lines)

    def below(self, folder: Path) -> list[Path]:
        """Return the recorded files below a folder that still exist."""
        prefix = f"{folder}{os.sep}"
        return [Path(name) for name in self._load() if name.startswith(prefix) and os.path.lexists(name)]

    def above(self, folder: Path) -> list[Path]:
        """Return the recorded files that lie in a parent of a folder, or in its `.git`, and still exist."""
        parents = {str(parent) for parent in folder.parents}
        names = [name for name in self._load() if _level(name) in parents]
        return [Path(name) for name in names if os.path.lexists(name)]

    def _load(self) -> dict[str, None]:
        found: dict[str, None] = {}
        with contextlib.suppress(OSError):
            for line in self._path.read_text(encoding="ascii", errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    found[str(json.loads(line))] = None
        return found


def _level(name: str) -> str:
    """Return the folder from which a file is found: that of `.git` for what is in it."""
    before, git, _ = name.partition("/.git/")
    return before if git else os.path.dirname(name)


def could_be_run(path: Path) -> bool:
    """False for folders, and for what git itself writes as data: nothing runs an index, an object or a log."""
    if path.is_dir() and not path.is_symlink():
        return False
    parts = path.parts
    if ".git" not in parts or path.is_symlink():
        return True
    inside = parts[parts.index(".git") + 1 :]
    return not (inside[:1] and inside[0] in (GIT_DATA if len(inside) == 1 else GIT_FOLDERS))


def loadable(words: Sequence[str], start: Path, files: WrittenFiles) -> list[str]:
    """Return the files written by a model that a command could load, relative to the folder where it starts.

    This checks the folder where the command starts, the folders of the files that its words name, and the folders in
    `PYTHONPATH`, with everything below them; the named files themselves, whatever their suffix; and the parents of the
    folder where it starts, each without its subfolders other than `.git`: git, npm and pytest look there.

    Args:
        words: the command's words.
        start: the folder where it starts.
        files: the record for users' own folders.
    """
    start = start.resolve()
    named = [path for word in words for path in _named(word, start)]
    found = [path for path in named if path.is_file() and _is_written(path, files)]
    for folder in dict.fromkeys([start, *(_home_of(path) for path in named), *_python_path()]):
        found += _loadable_in(folder, files)
    found += [path for path in files.above(start) if not _is_inert(path)]
    return [os.path.relpath(path, start) for path in dict.fromkeys(found)]


def _named(word: str, start: Path) -> Iterator[Path]:
    """Yield the existing paths that a word may name: the word itself, or the part after a `=` or `@`."""
    for text in (word, word.partition("=")[2], word.partition("@")[2]):
        with contextlib.suppress(OSError, ValueError):
            if text and os.path.lexists(path := start / text):
                yield path.resolve()


def _home_of(path: Path) -> Path:
    """Return the folder that a script may load from: its own, or the parent of its `scripts` folder."""
    folder = path if path.is_dir() else path.parent
    return folder.parent if folder.name == "scripts" else folder


def _python_path() -> Iterator[Path]:
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if entry:
            yield Path(entry).resolve()


def _is_written(path: Path, files: WrittenFiles) -> bool:
    return OWN_FOLDERS in path.parts or path in files.below(path.parent)


def _loadable_in(folder: Path, files: WrittenFiles) -> Iterator[Path]:
    roots = [folder] if OWN_FOLDERS in folder.parts else [folder / OWN_FOLDERS]
    for root in roots:
        with contextlib.closing(walk(root)) as everything:
            for number, (name, entry, _) in enumerate(everything):
                if number >= MAX_ENTRIES:
                    yield root  # too many to check
                    break
                if not entry.is_dir(follow_symlinks=False) and not _is_ours(root, name) and not _is_inert(root / name):
                    yield root / name
    yield from (path for path in islice(files.below(folder), MAX_ENTRIES) if not _is_inert(path))


def _is_ours(root: Path, name: str) -> bool:
    """True for files that Conjure itself writes to a session's folder, such as saved command output."""
    parts = (root / name).parts
    below = parts[parts.index(OWN_FOLDERS) + 1 :]
    inside = "/".join(below[1:])
    if not inside:
        return _holds(root / name, KEEP_OUT.get(below[0], "" if below[0].endswith(".lock") else None))
    return inside == ".gitignore" or _OUTPUT.fullmatch(inside) is not None


def _holds(path: Path, text: str | None) -> bool:
    """True if the file has this content, and nothing else."""
    if text is None:
        return False
    try:
        with os.fdopen(open_file(path.parent, (path.name,)), "rb") as file:
            return file.read(len(text) + 1) == text.encode()
    except OSError:
        return False


def _is_inert(path: Path) -> bool:
    """True for a document, table or picture that nothing runs."""
    suffix = path.suffix.lower()
    if suffix not in INERT or path.is_symlink():
        return False
    if suffix != ".md":
        return True
    try:
        with os.fdopen(open_file(path.parent, (path.name,)), "rb") as file:
            content = file.read(READ + 1)
    except OSError:
        return False
    return len(content) <= READ and _RUN_BY_TESTS.search(content.decode("utf-8", "replace")) is None
