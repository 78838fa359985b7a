"""Artifacts: the files that turns created, on this machine or elsewhere."""

from __future__ import annotations

import mimetypes
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, SupportsIndex, overload

from conjure_magic.safe_open import open_file

Change = Literal["new", "changed"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a turn created, on this machine or elsewhere."""

    name: str
    """Path relative to the workspace, with forward slashes; only a file name for a hosted file."""
    media_type: str
    size: int
    """Bytes."""
    sha256: str
    """Hex digest of the content when the file was found; empty if the content was not read."""
    backend: str
    tool_use_id: str
    change: Change
    path: Path | None = None
    """The file on this machine; None if it has not been fetched."""
    shown_path: str = ""
    """The path shown to the user, relative to the notebook if possible."""
    withheld: str = ""
    """Why its content must not be shown or embedded; empty if it may."""
    fetch: Callable[[], Path] | None = field(default=None, compare=False, repr=False)
    """Fetches the file into the workspace, once, and returns its path. Raises OSError."""

    def local(self) -> Path:
        """The path on this machine; the file is fetched if necessary. Raises OSError if it cannot be fetched."""
        if self.path is not None:
            return self.path
        if self.fetch is not None:
            return self.fetch()
        raise FileNotFoundError(f"{self.name} is not on this machine")

    def read(self) -> bytes:
        """The current content, fetched if necessary. Raises OSError if the file is gone or was replaced by a link."""
        with self.open() as file:
            return file.read()

    def open(self) -> IO[bytes]:
        """Open the content as a binary file, fetched if necessary.

        No link in the workspace is followed, since a command may have planted one that points to other files. Raises
        OSError if the file is gone or was replaced by a link.
        """
        path, parts = self.local(), Path(self.name).parts
        if path.parts[-len(parts) :] != parts:
            parts = path.parts[-1:]
        return os.fdopen(open_file(path.parents[len(parts) - 1], parts), "rb")

    def save(self, path: str | Path) -> Path:
        """Save a copy and return its path. In a folder it keeps its file name. Nothing is overwritten.

        A path that ends with a slash, or lacks the suffix that the file has, is a folder, created if it is missing.

        Raises FileExistsError if the path already exists, OSError if it cannot be written.
        """
        target = Path(path).expanduser()
        name = Path(self.name).name
        is_new_folder = str(path).endswith(("/", os.sep)) or (Path(name).suffix and not target.suffix)
        if target.is_dir() or (is_new_folder and not target.exists()):
            target = target / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open() as source, target.open("xb") as out:
            shutil.copyfileobj(source, out)
        return target

    def to_dict(self) -> dict[str, Any]:
        """The description as JSON-serialisable data, without the content."""
        names = ("name", "media_type", "size", "sha256", "backend", "tool_use_id", "change", "shown_path")
        return {name: getattr(self, name) for name in names}


class Artifacts(tuple[Artifact, ...]):
    """Artifacts in the order of their creation; `files["name"]` finds one by path or file name."""

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Artifact: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Artifact, ...]: ...

    def __getitem__(self, key: str | SupportsIndex | slice) -> Artifact | tuple[Artifact, ...]:
        if not isinstance(key, str):
            return super().__getitem__(key)
        for artifact in reversed(self):
            if key in (artifact.name, Path(artifact.name).name):
                return artifact
        raise KeyError(f"no file {key!r}; files: {', '.join(a.name for a in self) or 'none'}")


def save_all(artifacts: Iterable[Artifact], folder: Path) -> list[Path]:
    """Save copies into a folder, created if it does not exist, and return their paths.

    Files with the same name keep their subfolders. Raises FileExistsError or OSError for the first file that could
    not be saved, after all others have been.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(artifacts)
    names = Counter(Path(artifact.name).name for artifact in chosen)
    saved, failed = [], None
    for artifact in chosen:
        name = Path(artifact.name).name
        try:
            saved.append(artifact.save(folder / (name if names[name] == 1 else artifact.name)))
        except OSError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return saved


def media_type(name: str) -> str:
    """The media type for a file name; `application/octet-stream` if unknown."""
    known = {
        ".md": "text/markdown",
        ".log": "text/plain",
        ".jsonl": "application/x-ndjson",
        ".tsv": "text/tab-separated-values",
    }
    suffix = Path(name).suffix.lower()
    return known.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
