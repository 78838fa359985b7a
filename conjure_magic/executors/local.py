"""Commands on the person's own machine, under a supervisor; not confined, so approval is their gate."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import Literal

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, BackendUnavailableError, ToolError
from conjure_magic.executors import environment, files
from conjure_magic.executors.base import OUTPUT_LIMIT, Entry, ExecPaths, ExecResult, OutputChunk
from conjure_magic.executors.channel import DIED, Channel
from conjure_magic.executors.output import CommandOutput
from conjure_magic.workspace import Folders

COMMAND_LIMIT = 100_000
"""Bytes of the longest command; the system takes 131,071 (Linux, `MAX_ARG_STRLEN`)."""
KILL_PATIENCE = 6.0
"""Seconds after which a supervisor that does not answer a kill is ended from outside."""

End = Literal["exited", "timeout", "cancelled", "killed"]


class LocalExecutor:
    """Runs commands as the person, each in its own session, none outliving `close` or this process."""

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
            folders: where commands start and what file tools may touch; may be replaced between two calls.
            environ: where allowed variables come from; by default this process's environment.
            allowed_names: further variables that commands get, as names or patterns with `*`.
            secrets: what must never be printed, asked for before each command.
            output_limit: bytes of one command's output that are kept on disk.

        Raises BackendUnavailableError where this system cannot do it, UsageError for a name that looks secret.
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
        self._channel: Channel | None = None
        self._bin_dir = ""
        self._running = threading.Lock()
        self._closed = False

    @property
    def paths(self) -> ExecPaths:
        """The folders, which commands see where they are."""
        skills = {name: str(folder) for name, folder in self.folders.skills.items()}
        return ExecPaths(str(self.folders.workspace), str(self.folders.input), skills, sys.executable)

    def read(self, path: str) -> bytes:
        """The content of a regular file in the workspace, the input folder or a skill. Raises ToolError."""
        return files.read_file(self.folders, path)

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """What lies in such a folder, two levels deep; None if it is not a folder. Raises ToolError."""
        return files.list_folder(self.folders, path)

    def write(self, path: str, content: bytes) -> bool:
        """Write a file in the workspace, parents made; True if it was there before. Raises ToolError."""
        return files.write_file(self.folders, path, content)

    def run(self, command: str, *, timeout: float, cancel: Cancel) -> Generator[OutputChunk, None, ExecResult]:
        """Run a command in the workspace with bash, else sh; yield what it prints, return how it ended.

        What a timeout or a cancel kills is everything that this executor's commands left running. The two
        streams are in the order they arrived, which for writes within a fraction of a millisecond is a guess.
        Raises BackendError if the supervisor died or another command is running here, ToolError for a
        command that no shell can take.
        """
        if not command.strip() or "\0" in command:
            raise ToolError("the command is empty" if not command.strip() else "the command holds a NUL character")
        if len(command.encode("utf-8", "replace")) > COMMAND_LIMIT:
            raise ToolError(f"the command is longer than {COMMAND_LIMIT:,} bytes; write a script with create_file")
        if not self._running.acquire(blocking=False):
            raise BackendError("another command is still running in this session")
        try:
            secrets = (*self._secrets(), *environment.secrets(self._environ))
            output = CommandOutput(self.folders.workspace, secrets, self._limit)
            return (yield from _Run(self._open(), output, timeout, cancel).run(self._start, command))
        finally:
            self._running.release()

    def close(self) -> None:
        """Kill everything that still runs; twice is fine, and from another thread while a command runs too."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _open(self) -> Channel:
        """The running supervisor, started if there is none."""
        if self._closed:
            raise BackendError("this session's commands have been closed")
        if self._channel is not None and self._channel.alive:
            return self._channel
        if self._channel is not None:
            self._channel.close()
        try:
            self._bin_dir = _make_bin_dir()
            self._channel = Channel(self._env(), Path(self._bin_dir))
        except OSError as error:
            raise BackendUnavailableError(f"no command can be started here: {error}") from None
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

    Not links: through a link Python does not find the virtual environment that it belongs to.
    """
    folder = tempfile.mkdtemp(prefix="conjure-bin-")
    for name in ("python", "python3"):
        path = Path(folder, name)
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
        path.chmod(0o700)
    return folder


def _wake(waker: socket.socket) -> None:
    waker.send(b"!")


class _Run:
    """One command from its start to its end."""

    def __init__(self, channel: Channel, output: CommandOutput, timeout: float, cancel: Cancel) -> None:
        self.channel = channel
        self.output = output
        self.timeout = timeout
        self.cancel = cancel
        self.started = time.monotonic()
        self.status: int | None = None
        self.left = 0
        self.cut = False
        self.killed: End | None = None
        self.done = False
        self.give_up = 0.0

    def run(self, start: Callable[[Channel, str], None], command: str) -> Generator[OutputChunk, None, ExecResult]:
        """Start it, yield its output, and leave nothing half read, however this generator ends."""
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        try:
            with self.cancel.waking(lambda: _wake(waker)):
                if self.cancel.is_set:
                    self.killed, self.cut, self.done = "cancelled", True, True
                else:
                    start(self.channel, command)
                while not self.done:
                    self._step(wake.fileno())
                    if self.output.live.due(time.monotonic()) == 0:
                        yield from self.output.live.take(time.monotonic())
            self.output.end()
            yield from self.output.live.take(time.monotonic())
            return self._result()
        finally:
            wake.close()
            waker.close()
            self._abandon()
            self.output.whole.close()

    def _step(self, wake: int) -> None:
        """Wait for something to happen, and take it in."""
        now = time.monotonic()
        if self.killed is None and self.status is None:
            if self.cancel.is_set:
                self._kill("cancelled")
            elif now >= self.started + self.timeout:
                self._kill("timeout")
        if self.killed and now > self.give_up:
            self.channel.close()
            self.cut = self.done = True
            return
        until = self.give_up if self.killed else self.started + self.timeout
        due = self.output.live.due(now)
        seconds = until - now if due is None else min(until - now, due)
        for kind, payload in self.channel.receive(max(seconds, 0), -1 if self.killed else wake):
            self._take(kind, payload)

    def _kill(self, why: End) -> None:
        self.killed, self.give_up = why, time.monotonic() + KILL_PATIENCE
        self.channel.kill()

    def _take(self, kind: bytes, payload: bytes) -> None:
        """Take one frame in. What it says is checked: a command can speak in the supervisor's place."""
        if kind == b"O":
            self.output.add("stdout", payload)
        elif kind == b"E":
            self.output.add("stderr", payload)
        elif kind == b"F":
            self.done = not self.killed
            raise ToolError(f"the command could not be started: {payload.decode('utf-8', 'replace')}")
        elif kind in b"XD":
            try:
                numbers = [int(number) for number in payload.split()]
                if kind == b"X":
                    self.status, self.left, cut = numbers
                    self.cut = bool(cut)
                    self.done = self.killed is None
                else:
                    (self.left,) = numbers
                    self.done = True
            except ValueError:
                raise BackendError(DIED) from None

    def _abandon(self) -> None:
        """If the command was left in mid-run: kill it, and read on until the supervisor is at rest."""
        if self.done:
            return
        try:
            if self.killed is None:
                self._kill("cancelled")
            while not self.done and time.monotonic() < self.give_up:
                for kind, payload in self.channel.receive(self.give_up - time.monotonic()):
                    if kind not in (b"O", b"E"):
                        self._take(kind, payload)
        except (BackendError, ToolError):
            pass
        if not self.done:
            self.channel.close()

    def _result(self) -> ExecResult:
        status = -9 if self.status is None else self.status
        code = status & 0xFF if status >= 0 else 128 - status
        ended: End = self.killed if self.killed and self.cut else "exited"
        if ended == "exited" and code == 137:
            ended = "killed"
        text, omitted, tail = self.output.both.kept()
        return ExecResult(
            exit_code=code,
            stdout=self.output.excerpts["stdout"].render(),
            stderr=self.output.excerpts["stderr"].render(),
            output=self.output.both.render() if omitted else text + tail,
            seconds=time.monotonic() - self.started,
            ended=ended,
            total_bytes=self.output.total_bytes,
            omitted_bytes=omitted,
            output_path=self.output.whole.path,
            left_running=max(self.left, 0),
        )
