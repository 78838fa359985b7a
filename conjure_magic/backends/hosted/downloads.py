"""Files created in the container: described immediately, downloaded to the workspace when needed."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from conjure_magic.artifacts import Artifact, Change, media_type
from conjure_magic.cancel import Cancel, Deadline
from conjure_magic.errors import ApiError, CancelledError, HostedNotFoundError, UsageError
from conjure_magic.workspace import Workspace, numbered

if TYPE_CHECKING:
    from conjure_magic.api.files import FilesClient, HostedFile

PATIENCE = 120.0
"""Seconds that a download may take: a cell's display waits for it."""


@dataclass
class _Place:
    """A name in the workspace that hosted files have, and what of them lies there."""

    file_id: str
    """The newest file of that name."""
    copied: str = ""
    """The file whose copy was put there; empty if none was."""
    path: Path | None = None
    """Where the copy lies."""
    stamp: tuple[int, int] | None = None
    """Its time and size as we left it."""

    @property
    def is_untouched(self) -> bool:
        """True if our copy is there as we left it."""
        return self.path is not None and self.stamp is not None and _stamp(self.path) == self.stamp


@dataclass
class Downloads:
    """The hosted files of a session. Safe from any thread: a display reads files in its own."""

    client: Callable[[], AbstractContextManager[FilesClient]]
    """Lends a client when something is fetched."""
    limit: int
    """Bytes that a file may have."""
    by_id: dict[str, Artifact] = field(default_factory=dict)
    """The files so far, by their ids on the server."""
    hosted_names: dict[str, str] = field(default_factory=dict)
    """File id -> what the container calls it, without a folder; in the workspace that name may be another's."""
    _places: dict[str, _Place] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    """File id -> its name in the workspace."""
    _apart: Path | None = None
    """Folder for files that were shown or read, if the session works in a folder of the user's."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, file: HostedFile, workspace: Workspace, backend: str, tool_use_id: str) -> Artifact:
        """A file that a call made, under a name that nothing of the user's has.

        A file that the container makes again keeps its name, as long as our copy of it is as we left it.
        """
        with self._lock:
            root = self.root(workspace)
            name = self._free_name(file.name, root)
            change: Change = "changed" if name in self._places else "new"
            self._places.setdefault(name, _Place(file.id)).file_id = file.id
            self._names[file.id] = name
        kind = media_type(name)
        artifact = Artifact(
            name,
            file.mime_type if kind == "application/octet-stream" else kind,
            file.size_bytes,
            "",
            backend,
            tool_use_id,
            change,
            shown_path=name if workspace.in_place else workspace.shown(root / name),
            fetch=lambda: self.fetch(file.id, root),
        )
        self.hosted_names[file.id] = file.filename.rsplit("/", 1)[-1]
        self.by_id[file.id] = artifact
        return artifact

    def root(self, workspace: Workspace) -> Path:
        """Folder for files that are shown or read: the session's own, never a folder of the user's."""
        if not workspace.in_place:
            return workspace.root
        if self._apart is None:
            self._apart = Path(tempfile.mkdtemp(prefix="conjure-hosted-"))
            weakref.finalize(self, shutil.rmtree, self._apart, ignore_errors=True)
        return self._apart

    def fetch(self, file_id: str, root: Path, cancel: Cancel | None = None) -> Path:
        """The file's path in the workspace; it is fetched if it is missing.

        Raises OSError if it cannot be had, CancelledError once the turn whose `cancel` it is was stopped.
        """
        with self._lock:
            name = self._names[file_id]
            place = self._places[name]
            if place.copied == file_id and place.path is not None and place.is_untouched:
                return place.path
            if place.file_id != file_id:  # an older one, whose name is another's now
                name = self._names[file_id] = self._free_name(name, root, new=True)
                place = self._places[name] = _Place(file_id)
            with tempfile.TemporaryDirectory(prefix="conjure-") as folder:
                fresh = self._downloaded(file_id, Path(folder) / "file", cancel)
                path = self._put(fresh, root, name, place)
            place.copied, place.path, place.stamp = file_id, path, _stamp(path)
            return path

    def _downloaded(self, file_id: str, target: Path, cancel: Cancel | None) -> Path:
        stop = Cancel()
        deadline = Deadline(stop, PATIENCE)
        deadline.start()
        try:
            with (cancel or Cancel()).waking(stop.set), self.client() as client:
                return client.download(file_id, target, limit=self.limit, cancel=stop)
        except HostedNotFoundError as error:
            raise FileNotFoundError(str(error)) from None
        except (ApiError, UsageError) as error:
            raise OSError(str(error)) from None
        except CancelledError:
            (cancel or Cancel()).raise_if_set()
            raise TimeoutError(f"the file {file_id} did not come within {PATIENCE:g} seconds") from None
        finally:
            deadline.stop()

    def _put(self, fresh: Path, root: Path, name: str, place: _Place) -> Path:
        """Copy to its name, over our own untouched copy of an older state, and over nothing else."""
        path = root / name
        if place.path is not None and place.is_untouched:
            place.path.unlink()
        for target in numbered(path):
            try:
                with fresh.open("rb") as source, target.open("xb") as out:
                    shutil.copyfileobj(source, out)
            except FileExistsError:
                continue
            return target
        raise AssertionError("unreachable")

    def _free_name(self, name: str, root: Path, *, new: bool = False) -> str:
        """The name, or one with a number where something else has it."""
        for path in numbered(root / name):
            place = self._places.get(path.name)
            own = place is not None and place.path == path and place.is_untouched
            if (own or not os.path.lexists(path)) and (place is None or not new):
                return path.name
        raise AssertionError("unreachable")


def _stamp(path: Path) -> tuple[int, int] | None:
    """Time and size of a regular file, no link followed; None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if path.is_file() and not path.is_symlink() else None
