"""Commands on the user's own machine, run by a supervisor. They are not confined: each needs approval."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, BackendUnavailableError
from conjure_magic.executors import environment
from conjure_magic.executors.base import OUTPUT_LIMIT, ExecPaths, ExecResult, OutputChunk
from conjure_magic.executors.command import RunningCommand, check_command
from conjure_magic.executors.files import FilesOfFolders
from conjure_magic.executors.output import CommandOutput
from conjure_magic.executors.supervisor_channel import Channel
from conjure_magic.executors.supervisor_process import ProcessChannel
from conjure_magic.secrets import known_secrets
from conjure_magic.workspace import Folders


class LocalExecutor(FilesOfFolders[Folders]):
    """Runs commands as the current user, each in its own session; none outlives `close` or this process."""

    def __init__(
        self,
        folders: Folders,
        *,
        environ: Mapping[str, str] | None = None,
        allowed_names: Iterable[str] = (),
        secrets: Callable[[], Iterable[str]] = tuple,
        output_limit: int = OUTPUT_LIMIT,
    ) -> None:
        """An executor that starts its supervisor with the first command.

        Args:
            folders: where commands start and which files the tools may access; may be replaced between calls.
            environ: the source of the allowed variables; by default this process's environment.
            allowed_names: further variables to pass to commands, as names or patterns with `*`.
            secrets: values that must never be shown, called before each command.
            output_limit: bytes of one command's output that are kept on disk.

        Raises BackendUnavailableError if this system is not supported, UsageError for a name that looks secret.
        """
        if sys.platform == "win32":
            raise BackendUnavailableError(
                "the local backend needs Linux or macOS: on Windows, run Jupyter inside WSL, or use another backend"
            )
        self.folders = folders
        self._environ = os.environ if environ is None else environ
        self._allowed = tuple(allowed_names)
        environment.check_names(self._allowed)
        self._secrets = secrets
        self._limit = output_limit
        self._channel: ProcessChannel | None = None
        self._bin_dir = ""
        self._running = threading.Lock()
        self._closed = False

    @property
    def paths(self) -> ExecPaths:
        """The folders; commands see them under their real paths."""
        skills = {name: str(folder) for name, folder in self.folders.skills.items()}
        return ExecPaths(str(self.folders.workspace), str(self.folders.input), skills, sys.executable)

    def run(self, command: str, *, timeout: float, cancel: Cancel) -> Generator[OutputChunk, None, ExecResult]:
        """Run a command in the workspace with bash, else sh; yield its output and return its result.

        A timeout or cancellation kills everything that this executor's commands left running. The two streams
        are in the order they arrived; for writes within a fraction of a millisecond the order is a guess.
        Raises BackendError if the supervisor died or another command is running here, ToolError for a
        command that cannot be passed to a shell.
        """
        check_command(command)
        if not self._running.acquire(blocking=False):
            raise BackendError("another command is still running in this session")
        try:
            secrets = (*self._secrets(), *known_secrets(self._environ))
            output = CommandOutput(self.folders.workspace, secrets, self._limit)
            running = RunningCommand(self._open(), output, timeout, cancel)
            return (yield from running.run(lambda channel: self._start(channel, command)))
        finally:
            self._running.release()

    def close(self) -> None:
        """Kill everything that is still running. May be called repeatedly, and from another thread during a command."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _open(self) -> ProcessChannel:
        """The running supervisor; started if necessary."""
        if self._closed:
            raise BackendError("this session is closed")
        if self._channel is not None and self._channel.alive and self._channel.idle:
            return self._channel
        if self._channel is not None:
            self._channel.close()
        try:
            self._bin_dir = _make_bin_dir()
            self._channel = ProcessChannel(self._env(), Path(self._bin_dir))
        except OSError as error:
            raise BackendUnavailableError(f"commands cannot be started here: {error}") from None
        return self._channel

    def _env(self) -> dict[str, str]:
        paths = self.paths
        return environment.command_environ(
            self._environ,
            allowed=self._allowed,
            output_dir=paths.workspace,
            input_dir=paths.input,
            bin_dir=self._bin_dir,
        )

    def _start(self, channel: Channel, command: str) -> None:
        channel.run(str(self.folders.workspace), command, self._env())


def _make_bin_dir() -> str:
    """A private folder in which `python` and `python3` run this interpreter; the supervisor deletes it.

    Scripts instead of links: through a link, Python does not find its virtual environment.
    """
    folder = tempfile.mkdtemp(prefix="conjure-bin-")
    for name in ("python", "python3"):
        path = Path(folder, name)
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
        path.chmod(0o700)
    return folder
