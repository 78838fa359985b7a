"""Files that Anthropic keeps: what the hosted backend reads, and what its containers have made.

    with FilesClient() as files:
        report = files.upload("shop.log")
        for file in files.list():
            print(file.name, file.size_bytes)

Source of every limit: Anthropic's documentation of the Files API (`/v1/files`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from conjure_magic.api.client import Form
from conjure_magic.api.resource_client import (
    MAX_DOWNLOAD,
    HostedClient,
    moment,
    moment_of,
    new_file,
    part,
    refusals,
    safe_name,
)
from conjure_magic.artifacts import media_type
from conjure_magic.cancel import Cancel
from conjure_magic.errors import DownloadError, HostedError, UploadError, UsageError
from conjure_magic.workspace import expanded

MAX_UPLOAD = 500_000_000
"""Bytes of a file that the API takes."""
EXPIRY = (timedelta(hours=1), timedelta(days=90))
"""How soon and how late an upload may expire."""
MOST_IDS = 100
"""How many files can be asked for by their ids at once."""


@dataclass(frozen=True, slots=True)
class HostedFile:
    """A file on Anthropic's side."""

    id: str
    filename: str
    """As the server says it; use `name` for anything on this machine."""
    mime_type: str
    size_bytes: int
    created_at: datetime
    downloadable: bool = False
    """True for what a tool has made; what was uploaded cannot be fetched back."""
    expires_at: datetime | None = None

    @property
    def name(self) -> str:
        """The file name, fit to be written here: never a path."""
        return safe_name(self.filename)

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> HostedFile:
        """The file of the wire's JSON. Raises KeyError, TypeError or ValueError for what is none."""
        return cls(
            str(wire["id"]),
            str(wire["filename"]),
            str(wire.get("mime_type") or "application/octet-stream"),
            int(wire["size_bytes"]),
            moment_of(wire["created_at"]),
            bool(wire.get("downloadable")),
            moment(wire.get("expires_at")),
        )


class FilesClient(HostedClient):
    """Uploads, lists, fetches and deletes files at Anthropic, as a context manager. May serve many threads at once.

    Takes credentials (by default the environment's), patience, client and notify, as `HostedClient` says.
    Raises UsageError without a key, or for a server that is not Anthropic's.
    """

    what = "Files"

    def upload(
        self,
        source: str | Path | bytes,
        filename: str = "",
        *,
        expires_in: timedelta | None = None,
        cancel: Cancel | None = None,
    ) -> HostedFile:
        """Send a file, piece by piece, and return what the server made of it.

        Args:
            source: a path, or the content itself.
            filename: what it is called there; by default the path's last part. Only a basename is sent.
            expires_in: an hour to 90 days; by default it stays until it is deleted.
            cancel: wakes and ends it, within a fraction of a second.

        Raises UsageError for a path that is no regular file, UploadError for one that is too large or refused, the
        kinds of ModelError for the key, limits and the connection, CancelledError.
        """
        fields = {}
        if expires_in is not None:
            if not EXPIRY[0] <= expires_in <= EXPIRY[1]:
                raise UsageError("an upload can expire in an hour at the soonest and 90 days at the latest")
            fields["expires_in_seconds"] = str(int(expires_in.total_seconds()))
        if isinstance(source, str | Path):
            name = filename or Path(source).name
            with _opened(Path(source)) as content:
                return self._upload(name, content, os.fstat(content.fileno()).st_size, fields, cancel)
        if not filename:
            raise UsageError("content that is uploaded needs a file name")
        return self._upload(filename, io.BytesIO(source), len(source), fields, cancel)

    def _upload(
        self, filename: str, content: IO[bytes], size: int, fields: Mapping[str, str], cancel: Cancel | None
    ) -> HostedFile:
        name = safe_name(filename)
        if size > MAX_UPLOAD:
            raise UploadError(f"{name} has {size:,} bytes; an upload may have {MAX_UPLOAD:,}.")
        form = Form([("file", name, content, media_type(name))], fields)
        with refusals(UploadError, f"{name} was not uploaded"):
            return self._call("POST", "/v1/files", cancel, HostedFile.from_dict, form=form)

    def list(self, ids: Sequence[str] | None = None, *, cancel: Cancel | None = None) -> Iterator[HostedFile]:
        """Yield the files, newest first, page after page as they are asked for.

        Args:
            ids: these alone; those that are not there are left out.
            cancel: ends it.

        Raises HostedError if the server refuses, the kinds of ModelError, CancelledError.
        """
        with refusals(HostedError, "the files cannot be listed"):
            if ids is None:
                yield from self._pages("/v1/files", cancel, HostedFile.from_dict, {})
                return
            for start in range(0, len(ids), MOST_IDS):
                chosen = [part(one, "file id") for one in ids[start : start + MOST_IDS]]
                query = "&".join(f"ids[]={one}" for one in chosen)
                page = self._call("GET", f"/v1/files?{query}", cancel, lambda wire: list(wire["data"]))
                yield from [self._read(wire, HostedFile.from_dict) for wire in page]

    def get(self, file_id: str, *, cancel: Cancel | None = None) -> HostedFile:
        """What there is to know of a file, without its content. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the file {file_id}"):
            return self._call("GET", f"/v1/files/{part(file_id, 'file id')}", cancel, HostedFile.from_dict)

    def read(self, file_id: str, *, limit: int = MAX_DOWNLOAD, cancel: Cancel | None = None) -> bytes:
        """The content of a file that a tool has made, of at most `limit` bytes.

        Raises DownloadError if it is larger, or was uploaded and so cannot be had; HostedNotFoundError,
        FileExpiredError, the kinds of ModelError, CancelledError.
        """
        with refusals(DownloadError, f"the file {file_id} cannot be fetched"):
            return b"".join(self._chunks(file_id, limit, cancel))

    def download(
        self, file_id: str, target: str | Path, *, limit: int = MAX_DOWNLOAD, cancel: Cancel | None = None
    ) -> Path:
        """Write a file's content to disk as it comes, and return its path. Overwrites nothing; a fault leaves nothing.

        Args:
            file_id: of a file that a tool has made.
            target: where; in a folder it gets the safe form of its own name.
            limit: bytes that it may have.
            cancel: wakes and ends it, within a fraction of a second.

        Raises FileExistsError if something of that name is there, OSError if it cannot be written, and as `read`.
        """
        path = expanded(target)
        if path.is_dir():
            path = path / self.get(file_id, cancel=cancel).name
        with (
            refusals(DownloadError, f"the file {file_id} cannot be fetched"),
            closing(self._chunks(file_id, limit, cancel)) as chunks,
        ):
            return new_file(path, chunks)

    def delete(self, file_id: str, *, cancel: Cancel | None = None) -> None:
        """Delete a file for good. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the file {file_id} cannot be deleted"):
            self._call("DELETE", f"/v1/files/{part(file_id, 'file id')}", cancel, lambda wire: wire["id"])

    def _chunks(self, file_id: str, limit: int, cancel: Cancel | None) -> Generator[bytes, None, None]:
        return self._content(f"/v1/files/{part(file_id, 'file id')}/content", cancel, limit, f"the file {file_id}")


def _opened(path: Path) -> IO[bytes]:
    """An open regular file. Raises UsageError."""
    path = expanded(path)
    if not os.path.isfile(path):  # unlike Path's, it never raises
        raise UsageError(f"{path} is {'a folder' if os.path.isdir(path) else 'not there'}; an upload wants a file")
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
