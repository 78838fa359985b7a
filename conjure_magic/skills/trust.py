"""The project folders that the user trusts, remembered in a file in their data directory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conjure_magic.safe_open import FILE, walk

_lock = threading.Lock()


def data_dir() -> Path:
    """Return the user's data directory for this package: `CONJURE_HOME`, or the system's default."""
    home = os.environ.get("CONJURE_HOME")
    if home:
        return Path(home).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("conjure_magic", appauthor=False))


Contents = dict[str, dict[str, str]]
"""Skill -> path of each file in the skill -> the SHA-256 of its content, or another fingerprint."""
HASHED = 32 << 20
"""Bytes of a skill that are hashed; files beyond that are compared by size and times."""


def content_of(skill: Path) -> dict[str, str]:
    """Return the files of a skill with their hashes; links are recorded but not followed."""
    found: dict[str, str] = {}
    left = HASHED
    with contextlib.closing(walk(skill)) as everything:
        for name, entry, folder in everything:
            if entry.is_dir(follow_symlinks=False):
                continue
            status = entry.stat(follow_symlinks=False)
            left -= status.st_size
            found[name] = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
            with contextlib.suppress(OSError):  # an unreadable file is compared by size and times
                if entry.is_symlink():
                    found[name] = f"link to {os.readlink(entry.name, dir_fd=folder)}{_linked(entry.name, folder)}"
                elif left >= 0 and entry.is_file(follow_symlinks=False):
                    with open(os.open(entry.name, os.O_RDONLY | FILE, dir_fd=folder), "rb") as file:
                        found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _linked(name: str, folder: int) -> str:
    """A fingerprint of a link's target; empty if it is not a file."""
    with contextlib.suppress(OSError), open(os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            return f" {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    return ""


class TrustStore:
    """The user's answers for project folders, in a JSON file with mode 0600.

    If the file cannot be read, no folder is trusted. Folders are identified by their resolved path.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else data_dir() / "trusted-folders.json"

    def get(self, folder: Path) -> bool | None:
        """Return the user's answer; None if they were never asked."""
        return self._load().get(str(folder.resolve()))

    def contents(self, folder: Path) -> Contents:
        """The trusted contents: skill -> its files and their hashes; empty if unknown."""
        skills = self._read("skills").get(str(folder.resolve()))
        return skills if isinstance(skills, dict) and all(isinstance(v, dict) for v in skills.values()) else {}

    def set(
        self, folder: Path, trusted: bool, contents: Contents | None = None, texts: Mapping[str, str] | None = None
    ) -> None:
        """Remember an answer, what it was for, and the texts of its files by hash.

        Raises OSError if the answer cannot be written.
        """
        self._change(folder, trusted, contents)
        self._keep(texts or {})

    def text(self, digest: str) -> str | None:
        """The text of a trusted file by its hash; None if it was not kept."""
        try:
            content = (self._texts / digest).read_bytes()
            return content.decode("utf-8") if hashlib.sha256(content).hexdigest() == digest else None
        except (OSError, ValueError):
            return None

    def forget(self, folder: Path) -> None:
        """Ask again next time. Raises OSError if that cannot be written."""
        self._change(folder, None, None)

    @property
    def _texts(self) -> Path:
        return self.path.with_name("trusted-texts")

    def _keep(self, texts: Mapping[str, str]) -> None:
        """Keep these texts, and of others only those that are still trusted; a question can do without."""
        trusted = {
            digest for skills in self._read("skills").values() for files in skills.values() for digest in files.values()
        }
        with _lock, contextlib.suppress(OSError):
            if texts:
                self._texts.mkdir(parents=True, exist_ok=True, mode=0o700)
            for kept in self._texts.iterdir():
                if kept.name not in trusted:
                    kept.unlink()
            for digest, text in texts.items():
                with contextlib.suppress(FileExistsError), (self._texts / digest).open("xb") as file:
                    file.write(text.encode())

    def _load(self) -> dict[str, bool]:
        return {path: answer for path, answer in self._read("folders").items() if isinstance(answer, bool)}

    def _read(self, part: str) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        value = found.get(part) if isinstance(found, dict) else None
        return value if isinstance(value, dict) else {}

    def _change(self, folder: Path, answer: bool | None, contents: Contents | None) -> None:
        """Write a new file next to the old one and replace it, so that a crash leaves one of the two intact."""
        with _lock:
            folders, skills = self._load(), self._read("skills")
            skills.pop(str(folder.resolve()), None)
            if contents:
                skills[str(folder.resolve())] = contents
            folders.pop(str(folder.resolve()), None)
            if answer is not None:
                folders[str(folder.resolve())] = answer
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd, name = tempfile.mkstemp(dir=self.path.parent, prefix=".trusted-")  # 0600 from the start
            try:
                with open(fd, "w", encoding="utf-8") as file:
                    json.dump({"version": 1, "folders": folders, "skills": skills}, file, indent=1, sort_keys=True)
                Path(name).replace(self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
