"""The backend `anthropic`: code execution and document skills in a container on Anthropic's server.

Only the two tools that copy files run here. Anthropic's server runs everything else as part of the model's answer, and
this backend observes it: the calls, their results, the files that they create, and the container's id.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conjure_magic.api.credentials import Credentials, credentials
from conjure_magic.backends.base import Context, Contribution
from conjure_magic.backends.hosted.downloads import Downloads
from conjure_magic.backends.hosted.file_tools import FETCH_FILE, SEND_FILE, FileTransfer, upload_block
from conjure_magic.backends.hosted.results import EXPIRED, HostedResult, read_result
from conjure_magic.backends.hosted.skills import DOCUMENT_SKILLS, SkillSpec, Uploads
from conjure_magic.errors import (
    ApiError,
    BackendUnavailableError,
    ContainerNotFoundError,
    HostedError,
    HostedSkillNotFoundError,
    ModelUnavailableError,
    ToolError,
    UploadLostError,
    UsageError,
)
from conjure_magic.events import (
    BlockFinished,
    Body,
    FileCreated,
    MessageFinished,
    ModelEvent,
    Notice,
    ToolFinished,
    ToolResult,
    ToolStarted,
)
from conjure_magic.history import CODE_EXECUTION
from conjure_magic.messages import Block, OtherBlock, ToolUseBlock
from conjure_magic.models.base import Model, ToolDefinition
from conjure_magic.remedies import KEY, Remedy
from conjure_magic.secrets import masked

if TYPE_CHECKING:
    from conjure_magic.api.files import FilesClient
    from conjure_magic.api.skills import SkillsClient

TOOL = ToolDefinition(CODE_EXECUTION, "", wire={"type": "code_execution_20260521", "name": CODE_EXECUTION})
ROLE = (
    "`code_execution` runs commands and edits files in a container of Anthropic's, without network access or package "
    "installation. Save files for the user directly in its $OUTPUT_DIR; they are shown below your answer."
)
APART = (
    "The hosted container shares no files with the workspace: its $OUTPUT_DIR and $INPUT_DIR are its own. send_file "
    "copies a workspace file into it, fetch_file copies a file that it made into the workspace."
)
KEPT = "Files shown earlier can still be saved, but they are not in the new container."
RENEWED = f"Anthropic's container has expired, so a new one is used. {KEPT}"
TRIED = f"The server failed, which can mean that the container has expired, so a new one is used. {KEPT}"


class ContainerState:
    """The state of the container, kept when the session opens its backends again."""

    def __init__(self, limit: int) -> None:
        self.container = ""
        """The id of the container; empty before there is one."""
        self.uploads = Uploads()
        self.downloads = Downloads(lambda: _lent(credentials()), limit)
        self.transfer = FileTransfer(self.downloads)

    def renew(self) -> None:
        """Start again without a container and the files in it."""
        self.container = ""
        self.transfer.mark_container_gone()


class HostedBackend:
    """Provides Anthropic's container to the model, for one session."""

    name = "anthropic"

    def __init__(
        self,
        skills: Sequence[SkillSpec] = (),
        *,
        others: Sequence[str] = (),
        configured: Callable[[], Credentials] = credentials,
        limit: int,
        secrets: Callable[[], Iterable[str]] = tuple,
        kept: MutableMapping[str, Any] | None = None,
    ) -> None:
        """A backend for one session.

        Args:
            skills: the skills for the container; by default all of Anthropic's document skills.
            others: the names of the session's other backends.
            configured: returns the credentials for Files and Skills if the session's model has none.
            limit: bytes of a file that may be sent or fetched.
            secrets: returns the values that no result may show.
            kept: the session's state of its backends, which contains the container's when they are opened again.
        """
        self._specs = tuple(skills) or tuple(map(SkillSpec, DOCUMENT_SKILLS))
        self._others = tuple(others)
        self._configured = configured
        self._secrets = secrets
        self._state: ContainerState = ({} if kept is None else kept).setdefault(self.name, ContainerState(limit))
        self._state.downloads.client = lambda: _lent(self._configured())
        self._begun: dict[str, float] = {}
        self._clients: tuple[Credentials, FilesClient, SkillsClient] | None = None

    def __repr__(self) -> str:
        return f"HostedBackend({', '.join(spec.skill_id or str(spec.path) for spec in self._specs)})"

    # ---- before a turn

    def prepare(self, context: Context) -> Sequence[Notice]:
        """Upload the local skills that are not on the server yet.

        If this backend is unavailable, the session's other backends continue without it, with a notice. Raises
        BackendUnavailableError if there are no others, SkillError, UploadError, subclasses of ModelError.
        """
        problem = _problem(context.model)
        if problem and not self._others:
            raise problem
        if problem:
            return [Notice(f"{problem.fact} This turn continues without it.", "warning", problem.remedy)]
        self._connect(context.model)
        self._state.transfer.begin_turn()
        told: list[Notice] = []
        if any(spec.path is not None for spec in self._specs):
            settled = [self._state.uploads.settle(spec, self._open()[1], context.cancel) for spec in self._specs]
            self._specs = tuple(spec for spec, _ in settled)
            told = [Notice(text) for _, text in settled if text]
        return told

    def add_file(self, path: Path, context: Context) -> tuple[Block, Notice] | None:
        """Upload a file for the container. Raises UploadError, UsageError without a key, the kinds of ModelError."""
        if _problem(context.model):
            return None
        self._connect(context.model)
        uploaded = self._files().upload(path, cancel=context.cancel)
        told = f"Attached {path.name}: uploaded to Anthropic ({uploaded.size_bytes:,} bytes, {uploaded.id})"
        return upload_block(uploaded.id), Notice(told)

    def contribute(self, context: Context) -> Contribution:
        """Return code execution, the container with its skills, and, next to other backends, the tools to copy files.

        Raises BackendUnavailableError if this backend cannot work and there are no others.
        """
        problem = _problem(context.model)
        if problem:
            if self._others:
                return Contribution()
            raise problem
        container: dict[str, Any] = {"id": self._state.container} if self._state.container else {}
        entries = [spec.to_dict() for spec in self._specs]
        container["skills"] = list({entry["skill_id"]: entry for entry in entries}.values())  # two folders may be one
        names = [spec.skill_id for spec in self._specs if not spec.is_custom]
        own = sum(spec.is_custom for spec in self._specs)
        listed = ", ".join([*names, *([f"{own} of the user's own"] if own else [])])
        purpose = f"Anthropic's container, for documents and their skills ({listed}); no network, files of its own."
        return Contribution(
            (TOOL, SEND_FILE, FETCH_FILE) if self._others else (TOOL,),
            f"{ROLE} {APART}" if self._others else ROLE,
            {"container": container},
            purpose,
        )

    # ---- calls

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Copy a file to or from the container. Raises what the methods of `FileTransfer` raise."""
        if call.name == FETCH_FILE.name:
            return (yield from self._state.transfer.fetch(call, context))
        if call.name != SEND_FILE.name:
            raise ToolError(f"{call.name} runs on the server as part of your answer; it cannot be called here")
        try:
            return (yield from self._state.transfer.send(call, context, self._files(), self.name))
        except HostedError:
            raise
        except ApiError as error:  # a problem with the key, a limit or the connection must not end the turn
            raise ToolError(f"the file was not sent: {error}") from None
        except UsageError as error:
            raise ToolError(str(error)) from None

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Report the server's calls as they arrive, with the files that they create; remember the container."""
        if isinstance(event, BlockFinished) and isinstance(event.block, OtherBlock):
            if event.block.is_call:
                yield self._start(event.block)
            elif event.block.is_result:
                yield from self._finish(event.block, context)
        elif isinstance(event, MessageFinished):
            container = event.extra.get("container")
            if isinstance(container, dict) and isinstance(container.get("id"), str):
                self._state.container = container["id"]
            if self._state.container:
                self._state.transfer.mark_arrived()

    def _start(self, block: OtherBlock) -> ToolStarted:
        self._begun[block.own_id] = time.monotonic()
        given = block.wire.get("input")
        call = ToolUseBlock(block.own_id, str(block.wire.get("name", "")), given if isinstance(given, dict) else {})
        return ToolStarted(call, self.name)

    def _finish(self, block: OtherBlock, context: Context) -> Generator[Body, None, None]:
        if block.answered_id not in self._begun:  # a result without a call
            name = block.type.removesuffix("_tool_result")
            yield self._start(OtherBlock({"id": block.answered_id, "name": name}))
        result = read_result(block)
        yield from self._created(result, block.answered_id, context)
        if result.error_code in EXPIRED and self._state.container:
            self._state.renew()
            yield Notice(RENEWED, "warning")
        took = time.monotonic() - self._begun.pop(block.answered_id)
        shown = replace(result.shown, content=masked(result.shown.text, self._secrets()))
        yield ToolFinished(block.answered_id, shown, took)

    def _created(self, result: HostedResult, tool_use_id: str, context: Context) -> Generator[Body, None, None]:
        """Report the files of a result; emit a notice for those that the server does not describe."""
        if not result.file_ids:
            return
        problem, found = "", {}
        try:
            found = {file.id: file for file in self._files().list(result.file_ids, cancel=context.cancel)}
        except (ApiError, UsageError) as error:
            problem = f": {error}"
        for file_id in result.file_ids:
            if file_id in found:
                yield FileCreated(self._state.downloads.add(found[file_id], context.workspace, self.name, tool_use_id))
            else:
                yield Notice(f"The container created a file {file_id} that could not be looked up{problem}", "warning")

    # ---- the container and the clients

    def recover(self, error: Exception) -> str | None:
        """Use a new container if the current one is gone, which a server error 500 may also mean.

        Files and skills that are gone from the server are uploaded again when they are next needed.
        """
        if isinstance(error, UploadLostError):
            self._state.transfer.forget()
        if isinstance(error, HostedSkillNotFoundError):
            self._state.uploads.forget()
        gone = isinstance(error, ContainerNotFoundError)
        may_be_gone = isinstance(error, ModelUnavailableError) and error.status == 500
        if not (self._state.container and (gone or may_be_gone)):
            return None
        self._state.renew()
        return RENEWED if gone else TRIED

    def _connect(self, model: Model) -> None:
        """Use the model's server and key for Files and Skills, too."""
        found = getattr(model, "credentials", None)
        if isinstance(found, Credentials):
            self._configured = lambda: found
        if self._clients is not None and self._clients[0] != self._configured():
            self.close()

    def _open(self) -> tuple[FilesClient, SkillsClient]:
        """Return the clients. Raises UsageError without a key, or for a server that is not Anthropic's."""
        if self._clients is None:
            from conjure_magic.api.files import FilesClient
            from conjure_magic.api.skills import SkillsClient

            found = self._configured()
            self._clients = found, FilesClient(found), SkillsClient(found)
        return self._clients[1:]

    def _files(self) -> FilesClient:
        return self._open()[0]

    def close(self) -> None:
        """Close idle connections; the container stays on the server. May be called more than once."""
        clients, self._clients = self._clients, None
        for client in clients[1:] if clients else ():
            client.close()


@contextlib.contextmanager
def _lent(found: Credentials) -> Iterator[FilesClient]:
    """Open a separate client for a download: files may be read after the session is closed, and from any thread."""
    from conjure_magic.api.files import FilesClient

    with FilesClient(found) as client:
        yield client


def _problem(model: Model) -> BackendUnavailableError | None:
    """Return the error, with a remedy, if the container cannot be used with a model; None if it can."""
    if model.name == "offline":
        return BackendUnavailableError(
            "The backend anthropic needs a key (ANTHROPIC_API_KEY) and one of Anthropic's models. The offline model "
            "cannot use it.",
            remedy=Remedy("To provide a key, {0}.", KEY),
        )
    found = getattr(model, "credentials", None)
    if isinstance(found, Credentials) and found.dialect != "anthropic":
        return BackendUnavailableError(
            f"The backend anthropic works with Anthropic's own server, and ANTHROPIC_BASE_URL names {found.server}. "
            "Unset it, or set CONJURE_GATEWAY=anthropic if that is a gateway to Anthropic."
        )
    return None
