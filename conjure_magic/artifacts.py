"""Artifacts: the files that turns made, wherever they were made."""

from __future__ import annotations

import mimetypes
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, SupportsIndex, overload

from conjure_magic.nofollow import open_file

Change = Literal["new", "changed"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a turn made, wherever it was made."""

    name: str
    """Path relative to the workspace, with forward slashes; only a basename for a hosted file."""
    media_type: str
    size: int
    """Bytes."""
    sha256: str
    """Hex digest of the content when the file was found; empty where the content was not read."""
    backend: str
    tool_use_id: str
    change: Change
    path: Path | None = None
    """Where it lies on this machine; None for one that is still elsewhere."""
    shown_path: str = ""
    """The path that a person is told, relative to the notebook where it can be."""
    withheld: str = ""
    """Why its content must not be shown or carried; empty if it may."""
    fetch: Callable[[], Path] | None = field(default=None, compare=False, repr=False)
    """Brings a file that is elsewhere into the workspace, once, and returns where it lies. Raises OSError."""

    def local(self) -> Path:
        """Where the file lies on this machine, fetched if it is elsewhere. Raises OSError if it cannot be."""
        if self.path is not None:
            return self.path
        if self.fetch is not None:
            return self.fetch()
        raise FileNotFoundError(f"{self.name} is not on this machine")

    def read(self) -> bytes:
        """The content now, fetched if it is elsewhere. Raises OSError if it is gone, or a link has taken its place."""
        with self.open() as file:
            return file.read()

    def open(self) -> IO[bytes]:
        """A binary file object over the content, fetched if it is elsewhere.

        Nothing in the workspace is followed: what a command planted there must not lead to other files. Raises OSError
        if the file is gone, or a link is in its place.
        """
        path, parts = self.local(), Path(self.name).parts
        if path.parts[-len(parts) :] != parts:
            parts = path.parts[-1:]
        return os.fdopen(open_file(path.parents[len(parts) - 1], parts), "rb")

    def save(self, path: str | Path) -> Path:
        """Write a copy and return its path; into a folder it keeps its basename. Overwrites nothing.

        Raises FileExistsError if something of that name is there, OSError if it cannot be written.
        """
        target = Path(path).expanduser()
        if target.is_dir():
            target = target / Path(self.name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open() as source, target.open("xb") as out:
            shutil.copyfileobj(source, out)
        return target

    def to_dict(self) -> dict[str, Any]:
        """The description as JSON-able data, without the content."""
        names = ("name", "media_type", "size", "sha256", "backend", "tool_use_id", "change", "shown_path")
        return {name: getattr(self, name) for name in names}


class Artifacts(tuple[Artifact, ...]):
    """Artifacts in the order they were made; `files["name"]` finds one by path or basename."""

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
        raise KeyError(f"no file {key!r}; there is {', '.join(a.name for a in self) or 'none'}")


def save_all(artifacts: Iterable[Artifact], folder: Path) -> list[Path]:
    """Save copies into a folder, made if need be, and return their paths; names that clash keep their folders.

    Raises FileExistsError or OSError for the first that could not be saved, when all others are.
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
    """The media type that the file name suggests; `application/octet-stream` if none."""
    known = {
        ".md": "text/markdown",
        ".log": "text/plain",
        ".jsonl": "application/x-ndjson",
        ".tsv": "text/tab-separated-values",
    }
    suffix = Path(name).suffix.lower()
    return known.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
