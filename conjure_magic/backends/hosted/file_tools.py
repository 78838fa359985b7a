"""The two tools that copy files to and from the hosted container: `send_file` and `fetch_file`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Generator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from conjure_magic.approval import ApprovalGate, ApprovalRequest
from conjure_magic.backends.base import Context
from conjure_magic.backends.hosted.downloads import Downloads
from conjure_magic.errors import ToolError
from conjure_magic.events import Body, FileCreated, ToolResult
from conjure_magic.messages import OtherBlock, ToolUseBlock
from conjure_magic.models.base import ToolDefinition
from conjure_magic.safe_open import open_file
from conjure_magic.workspace import Folders, numbered

if TYPE_CHECKING:
    from conjure_magic.api.files import FilesClient, HostedFile

SEND_FILE = ToolDefinition(
    "send_file",
    "Copy a file of the workspace into the hosted container, where it is in $INPUT_DIR from your next step on.",
    {
        "type": "object",
        "properties": {"path": {"type": "string", "description": "The file, in the workspace."}},
        "required": ["path"],
    },
)
FETCH_FILE = ToolDefinition(
    "fetch_file",
    "Copy a file that the hosted container saved to $OUTPUT_DIR into the workspace and return its path there.",
    {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "The file's name, without a folder."}},
        "required": ["name"],
    },
)
WRITE = "Write this file?"
WRITE_LATER = "file that is fetched from Anthropic"
QUESTION = "Upload this file to Anthropic?"
LATER = "upload of a workspace file to Anthropic"
IN_CONTAINER = "/workspace/"
"""The path of the workspace inside a sandbox."""


def upload_block(file_id: str) -> OtherBlock:
    """Return the block that puts an uploaded file into the container."""
    return OtherBlock({"type": "container_upload", "file_id": file_id})


def _written(target: Path, content: bytes) -> Path:
    """Write a new file, under another name if that one is taken; no link is followed. Raises OSError."""
    for path in numbered(target):
        with contextlib.suppress(FileExistsError):
            with path.open("xb") as file:
                file.write(content)
            return path
    raise AssertionError("unreachable")


class FileTransfer:
    """Runs the two tools for a session, and remembers sent files and permissions."""

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self._limit = downloads.limit
        self._gate, self._writing = ApprovalGate(), ApprovalGate()
        self._uploaded: dict[tuple[str, str], HostedFile] = {}
        self._names: dict[str, Path] = {}
        """Name in the container -> the workspace file that has it."""
        self._under_way: set[str] = set()
        """Ids of files that later requests of this turn put into the container."""
        self._inside: set[str] = set()

    def begin_turn(self) -> None:
        """Start a turn: files of an earlier turn that no request contained may have been removed with it."""
        self._under_way.clear()

    def mark_arrived(self) -> None:
        """Note that the server has answered from a container, which now contains the files sent before."""
        self._inside |= self._under_way
        self._under_way.clear()

    def mark_container_gone(self) -> None:
        """Note that there is a new container, without the files sent before."""
        self._under_way.clear()
        self._inside.clear()

    def forget(self) -> None:
        """Forget the uploads, so that files are uploaded again."""
        self._uploaded.clear()
        self.mark_container_gone()

    def send(
        self, call: ToolUseBlock, context: Context, client: FilesClient, backend: str
    ) -> Generator[Body, None, ToolResult]:
        """Upload a workspace file after approval.

        Raises ToolError for a path that is not a workspace file and for a file that is too large, UploadError,
        subclasses of ModelError.
        """
        yield from ()
        path = self._file(call.input.get("path"), context)
        content = self._read(path, context)
        name = self._name(path.relative_to(context.workspace.root.resolve()))
        key = (name, hashlib.sha256(content).hexdigest())
        if key not in self._uploaded:
            text = f"{context.workspace.shown(path)} ({len(content):,} bytes)"
            refusal = self._gate.refusal(ApprovalRequest(call.id, backend, call.name, text, QUESTION, LATER), context)
            if refusal is not None:
                return refusal
            self._uploaded[key] = client.upload(content, name, cancel=context.cancel)
        file = self._uploaded[key]
        blocks = () if file.id in self._inside | self._under_way else (upload_block(file.id),)
        self._under_way.add(file.id)
        as_name = "" if file.filename == path.name else f" as {file.filename}"
        return ToolResult(
            f"{path.name} is in the hosted container from your next step on, in $INPUT_DIR{as_name}.",
            summary=f"{len(content):,} bytes",
            blocks=blocks,
        )

    def fetch(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Copy a hosted file into the workspace. Raises ToolError if there is no file with that name, or it is gone."""
        name = str(call.input.get("name", "")).rsplit("/", 1)[-1]
        file_id = self._named(name)
        if file_id is None:
            names = ", ".join(dict.fromkeys(self._downloads.hosted_names.values())) or "none"
            raise ToolError(f"there is no file {name!r} in the container's $OUTPUT_DIR; available: {names}")
        artifact = self._downloads.by_id[file_id]
        try:
            path = self._downloads.fetch(file_id, self._downloads.root(context.workspace), context.cancel)
            if context.workspace.in_place:
                content = path.read_bytes()  # in a folder of ours
                target = context.workspace.root / path.name
                text = f"{context.workspace.shown(target)} ({len(content):,} bytes)"
                asked = ApprovalRequest(call.id, artifact.backend, call.name, text, WRITE, WRITE_LATER)
                refusal = self._writing.refusal(asked, context)
                if refusal is not None:
                    return refusal
                path = _written(target, content)
        except OSError as error:
            raise ToolError(f"{name} cannot be fetched: {error}") from None
        content = self._read(path, context)
        shown = context.workspace.shown(path)
        digest = hashlib.sha256(content).hexdigest()
        yield FileCreated(replace(artifact, size=len(content), sha256=digest, path=path, shown_path=shown, fetch=None))
        relative = path.relative_to(context.workspace.root).as_posix()
        return ToolResult(f"{name} is in the workspace as {relative}.", summary=f"{len(content):,} bytes")

    def _name(self, path: Path) -> str:
        """Return the unique name of a workspace file in the container, which has no folders."""
        names = chain([path.name], (other.name for other in numbered(Path("-".join(path.parts)))))
        return next(name for name in names if self._names.setdefault(name, path) == path)

    def _read(self, path: Path, context: Context) -> bytes:
        """Read the content without following links that were created since. Raises ToolError."""
        root = context.workspace.root.resolve()
        try:
            with os.fdopen(open_file(root, path.relative_to(root).parts), "rb") as file:
                return file.read(self._limit + 1)[: self._limit]
        except OSError as error:
            raise ToolError(f"{path.name}: {error.strerror}") from None

    def _file(self, given: object, context: Context) -> Path:
        """Return the workspace file that a call names. Raises ToolError."""
        if not isinstance(given, str) or not given:
            raise ToolError("path is missing: the file in the workspace")
        root = context.workspace.root
        inside = given.removeprefix(IN_CONTAINER) if not root.as_posix().startswith(IN_CONTAINER) else given
        path = Folders(root, root).resolve(inside)
        try:
            status = path.stat()
        except OSError as error:
            raise ToolError(f"{given}: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK):
            raise ToolError(f"{given} is not a readable file")
        if status.st_size > self._limit:
            most = f"at most {self._limit:,} may be sent (the setting hosted_limit)"
            raise ToolError(f"{given} has {status.st_size:,} bytes; {most}")
        return path

    def _named(self, name: str) -> str | None:
        """Return the id of the newest file with a name in the container, or in the workspace; an id is its own name."""
        files = self._downloads.by_id
        known = (dict(zip(files, files, strict=True)), self._downloads.hosted_names, {i: files[i].name for i in files})
        return next((i for names in known for i in reversed(names) if names[i] == name), None)
