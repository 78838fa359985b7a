"""Commands in one running container per session: the executor behind the `docker` backend."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, BackendUnavailableError, CancelledError, ConjureError
from conjure_magic.executors import environment
from conjure_magic.executors.base import OUTPUT_LIMIT, ExecPaths, ExecResult, OutputChunk
from conjure_magic.executors.command import RunningCommand, check_command
from conjure_magic.executors.docker import cleanup, engine, image
from conjure_magic.executors.docker.background_start import Starting
from conjure_magic.executors.docker.container import BIN, DEFAULT_PATH, Plan
from conjure_magic.executors.docker.container_channel import LOST, ContainerChannel
from conjure_magic.executors.docker.container_user import container_user, hand_over, may_read
from conjure_magic.executors.docker.disk_limit import SizeWatch
from conjure_magic.executors.docker.folders import (
    INPUT,
    WORKSPACE,
    ContainerFolders,
    Mount,
    check_folders,
    same_folders,
)
from conjure_magic.executors.docker.limits import DockerLimits, size_bytes
from conjure_magic.executors.docker.open_channel import open_channel
from conjure_magic.executors.docker.unstarted_containers import Watchdog
from conjure_magic.executors.files import FilesOfFolders
from conjure_magic.executors.output import CommandOutput
from conjure_magic.secrets import known_secrets
from conjure_magic.workspace import safe_name

REPLACED = f"the container was replaced by a new one: {LOST}"
"""The note for the user and the model when a container that had ended was replaced."""


class DockerExecutor(FilesOfFolders[ContainerFolders]):
    """Runs commands in its own container, which the engine stops when this process ends."""

    def __init__(
        self,
        folders: ContainerFolders,
        limits: DockerLimits,
        *,
        session: str = "main",
        environ: Mapping[str, str] | None = None,
        secrets: Callable[[], Iterable[str]] = tuple,
        output_limit: int = OUTPUT_LIMIT,
    ) -> None:
        """An executor that creates its container with the first command.

        Args:
            folders: the folders to mount; may be replaced between calls. If other folders must be mounted then,
                the container is replaced.
            limits: the container's limits, and the engine.
            session: the session's name, for the container's name and label.
            environ: the source of the allowed variables; by default this process's environment.
            secrets: values that must never be shown, called before each command.
            output_limit: bytes of one command's output that are kept on disk.

        Raises BackendUnavailableError, which says what to do, if there is no usable engine.
        """
        self.limits = limits
        self._session = session
        self._environ = os.environ if environ is None else environ
        self._secrets = secrets
        self._limit = output_limit
        check_folders(folders.mounts[:1])
        self._client = engine.connect(limits.host)
        try:
            with engine.telling("asking the engine"):
                options = self._client.info().get("SecurityOptions") or ()
            self.user = container_user(options, folders.workspace)
            self._watchdog = Watchdog(engine.where(limits.host))
        except OSError as error:
            self._client.close()
            raise BackendUnavailableError(f"processes cannot be started here: {error}") from None
        except BaseException:
            self._client.close()
            raise
        self.folders = folders
        self._watch = SizeWatch(folders.workspace, size_bytes(limits.workspace_size))
        self._channel: ContainerChannel | None = None
        self._starting: Starting[ContainerChannel] | None = None
        self._running = threading.Lock()
        self._closed = False
        self._closing = threading.Lock()
        self._sweep: cleanup.Sweep | None = None

    @property
    def folders(self) -> ContainerFolders:
        """The folders, with the owner of new files in them."""
        return self._folders

    @folders.setter
    def folders(self, folders: ContainerFolders) -> None:
        owner = (self.user.uid, self.user.gid) if self.user.hand_over else None
        self._folders = replace(folders, owner=owner)

    @property
    def paths(self) -> ExecPaths:
        """The folders as commands see them. The image's Python is not known before the container runs."""
        shown = INPUT if self.folders.shows_input else None
        return ExecPaths(WORKSPACE, shown, self.folders.skill_names, "")

    @property
    def out_of_reach(self) -> str:
        """A notice if commands cannot read the input folder; empty if they can."""
        if not self.folders.shows_input or may_read(self.user, self.folders.input):
            return ""
        return (
            f"commands run as user {self.user.uid}, who cannot read the input folder {self.folders.input}: "
            "allow others to read it (chmod o+rx), or do not run the kernel as root"
        )

    def run(self, command: str, *, timeout: float, cancel: Cancel) -> Generator[OutputChunk, None, ExecResult]:
        """Run a command in the workspace with bash, else sh; yield its output and return its result.

        Before the first command, progress on image and container is yielded as well; it is not part of the result.
        Raises BackendError if the engine or the container is gone or another command is running here,
        BackendUnavailableError if no container can be created, ToolError for a command that no shell accepts.
        """
        check_command(command)
        if not self._running.acquire(blocking=False):
            raise BackendError("another command is still running in this session")
        try:
            before = self._channel
            channel = yield from self._open(cancel)
            if channel is None:
                return ExecResult(137, "", "", "", 0.0, "cancelled")
            notes = (REPLACED,) if before is not None and channel is not before else ()
            output = CommandOutput(self.folders.workspace, self._masked(), self._limit)
            self._watch.start()
            running = RunningCommand(channel, output, timeout, cancel, self._watch.look)
            result = yield from running.run(lambda _: self._start(channel, command))
            if channel.loss in result.notes:  # reported once
                self._channel = None
            return replace(result, notes=(*notes, *result.notes))
        except BackendError:
            self._drop()  # the message says what is lost
            raise
        finally:
            self._running.release()

    def close(self) -> None:
        """Stop the container. May be called repeatedly, and from another thread during a command."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            starting = self._starting
        if starting is not None:
            with contextlib.suppress(ConjureError):
                starting.result().close()
        self._drop()
        if self._sweep is not None:
            self._sweep.close()
        self._watchdog.close()
        self._client.close()

    def _open(self, cancel: Cancel) -> Generator[OutputChunk, None, ContainerChannel | None]:
        """The running container, started if necessary; None if the turn was stopped first."""
        mounts = self.folders.mounts
        if self._channel is not None and not same_folders(self._channel.container.plan.mounts, mounts):
            self._channel.close()
        while True:
            if self._closed:
                raise BackendError("this session is closed")
            channel = self._channel
            if channel is not None and channel.alive and channel.idle and channel.container.plan.mounts == mounts:
                return channel
            if cancel.is_set:
                return None
            if channel is not None:
                channel.close()
            starting = self._begin(mounts, cancel)
            for line in starting.wait(cancel):
                yield OutputChunk(f"{line}\n", "stderr")
            if not starting.is_alive():
                self._starting = None
                with contextlib.suppress(CancelledError):  # a stopped turn's
                    self._channel = starting.result()

    def _begin(self, mounts: tuple[Mount, ...], cancel: Cancel) -> Starting[ContainerChannel]:
        """The start of a container; it may be in progress since an earlier turn that was stopped."""
        with self._closing:
            if self._closed:
                raise BackendError("this session is closed")
            if self._starting is None:
                self._starting = Starting(lambda progress: self._make(mounts, progress, cancel))
            return self._starting

    def _drop(self) -> None:
        """Stop the container, if there is one."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _make(self, mounts: tuple[Mount, ...], progress: Callable[[str], None], cancel: Cancel) -> ContainerChannel:
        """A new container. Raises BackendError, which says what to do, or CancelledError."""
        check_folders(mounts)
        with engine.telling("starting a container", self.limits.host):
            pass  # checks that the engine answers
        found = image.ensure(self._client, self.limits, progress, cancel)
        if self.user.hand_over:
            hand_over(self.folders.workspace, self.user)
        labels = cleanup.labels(self._session)
        plan = Plan(found, mounts, self.user, self.limits, labels, safe_name(self._session))
        channel = open_channel(self._client, plan, self._watchdog)
        if self._sweep is None:
            self._sweep = cleanup.Sweep(self.limits.host)
        return channel

    def _masked(self) -> tuple[str, ...]:
        return (*self._secrets(), *known_secrets(self._environ))

    def _start(self, channel: ContainerChannel, command: str) -> None:
        set_by_image = channel.container.environ
        env = environment.container_environ(
            set_by_image,
            self._environ,
            allowed=self.limits.environment,
            output_dir=WORKSPACE,
            input_dir=INPUT if self.folders.shows_input else None,
            path=f"{BIN}:{set_by_image.get('PATH') or DEFAULT_PATH}",
        )
        channel.run(WORKSPACE, command, env)
