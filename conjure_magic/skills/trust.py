"""Which project folders a person trusts, remembered in a file of their own."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from pathlib import Path

_lock = threading.Lock()


def data_dir() -> Path:
    """Where this package keeps a person's own data: `CONJURE_HOME`, else the system's usual place."""
    home = os.environ.get("CONJURE_HOME")
    if home:
        return Path(home).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("conjure_magic", appauthor=False))


class TrustStore:
    """The folders that a person said yes or no to: JSON, readable by its owner alone.

    A file that cannot be read trusts nothing; folders are told apart by their resolved path.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else data_dir() / "trusted-folders.json"

    def get(self, folder: Path) -> bool | None:
        """The person's answer; None if they were never asked."""
        return self._load().get(str(folder.resolve()))

    def set(self, folder: Path, trusted: bool) -> None:
        """Remember an answer. Raises OSError if it cannot be written."""
        self._change(folder, trusted)

    def forget(self, folder: Path) -> None:
        """Ask again next time. Raises OSError if that cannot be written."""
        self._change(folder, None)

    def _load(self) -> dict[str, bool]:
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        folders = found.get("folders") if isinstance(found, dict) else None
        if not isinstance(folders, dict):
            return {}
        return {path: answer for path, answer in folders.items() if isinstance(answer, bool)}

    def _change(self, folder: Path, answer: bool | None) -> None:
        """Write the file anew beside the old one, so that a crash leaves one of the two."""
        with _lock:
            folders = self._load()
            folders.pop(str(folder.resolve()), None)
            if answer is not None:
                folders[str(folder.resolve())] = answer
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd, name = tempfile.mkstemp(dir=self.path.parent, prefix=".trusted-")  # 0600 from the start
            try:
                with open(fd, "w", encoding="utf-8") as file:
                    json.dump({"version": 1, "folders": folders}, file, indent=1, sort_keys=True)
                Path(name).replace(self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
