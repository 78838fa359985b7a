"""One running command: its output, time limit, cancellation and result."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator
from typing import Literal

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, CommandNotStartedError, ToolError
from conjure_magic.executors.base import ExecResult, OutputChunk
from conjure_magic.executors.output import CommandOutput
from conjure_magic.executors.supervisor_channel import Channel

LONGEST_WAIT = 0.5
"""Seconds. Without an interrupt guard, a signal that arrives just before a wait is only handled after it."""
KILL_PATIENCE = 3.0
"""Seconds after which a supervisor that does not answer a kill request is killed from outside."""

WATCH_EVERY = 0.5
"""Seconds between two checks of the limits."""
COMMAND_LIMIT = 100_000
"""Longest command in bytes; Linux accepts 131,071 (`MAX_ARG_STRLEN`)."""

End = Literal["exited", "timeout", "cancelled", "killed"]


def check_command(command: str) -> None:
    """Raise ToolError for a command that cannot be passed to a shell."""
    if not command.strip():
        raise ToolError("the command is empty")
    try:
        size = len(command.encode("utf-8"))
    except UnicodeEncodeError:
        raise ToolError("the command contains a lone surrogate, which is not a valid character") from None
    if "\0" in command:
        raise ToolError("the command contains a NUL character")
    if size > COMMAND_LIMIT:
        raise ToolError(f"the command is longer than {COMMAND_LIMIT:,} bytes; write a script with create_file")


def _wake(waker: socket.socket) -> None:
    waker.send(b"!")


class RunningCommand:
    """One command under a supervisor, from its start to its end."""

    def __init__(
        self,
        channel: Channel,
        output: CommandOutput,
        timeout: float,
        cancel: Cancel,
        watch: Callable[[], str] | None = None,
    ) -> None:
        """`watch` is called periodically; if it returns text, the command is killed with that as the reason."""
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
        self.watch = watch
        self.look = self.started + WATCH_EVERY
        self.reason = ""
        self.notes: tuple[str, ...] = ()

    def run(self, start: Callable[[Channel], None]) -> Generator[OutputChunk, None, ExecResult]:
        """Start the command, yield its output and return its result. The command has ended when this returns or raises.

        Raises BackendError if the supervisor died, ToolError if the shell could not be started.
        """
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        try:
            with self.cancel.waking(lambda: _wake(waker)):
                if self.cancel.is_set:
                    self.killed, self.cut, self.done = "cancelled", True, True
                else:
                    start(self.channel)
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
            self.channel.idle = self.channel.idle or self.done
            self.output.whole.close()

    def _step(self, wake: int) -> None:
        """Wait for the next event and process it."""
        now = time.monotonic()
        if self.killed is None and self.status is None:
            if self.cancel.is_set:
                self._kill("cancelled")
            elif now >= self.started + self.timeout:
                self._kill("timeout")
            elif self.watch is not None and now >= self.look:
                self.look, self.reason = now + WATCH_EVERY, self.watch()
                if self.reason:
                    self._kill("killed")
        if self.killed and now > self.give_up:
            self._destroy()
            return
        until = self.give_up if self.killed else self.started + self.timeout
        if self.watch is not None and not self.killed:
            until = min(until, self.look)
        due = self.output.live.due(now)
        seconds = min(until - now, LONGEST_WAIT if due is None else due)
        for kind, payload in self.channel.receive(max(seconds, 0), -1 if self.killed else wake):
            self._take(kind, payload)

    def _destroy(self) -> None:
        """Kill from outside what did not answer a kill request, or answered it falsely."""
        self.channel.destroy()
        self.notes = (self.channel.loss,) if self.channel.loss else ()
        self.cut = self.done = True

    def _kill(self, why: End) -> None:
        self.killed, self.give_up = why, time.monotonic() + KILL_PATIENCE
        self.channel.kill()

    def _take(self, kind: bytes, payload: bytes) -> None:
        """Process one frame. Its content is checked, because a command can forge frames of the supervisor."""
        if kind == b"O":
            self.output.add("stdout", payload)
        elif kind == b"E":
            self.output.add("stderr", payload)
        elif kind == b"F":
            self.done = not self.killed
            raise CommandNotStartedError(
                f"the command could not be started: {payload[:1000].decode('utf-8', 'replace')}"
            )
        elif kind == b"X" or (kind == b"D" and self.killed):  # a death that was not requested is forged
            try:
                numbers = [int(number) for number in payload.split()]
                if kind == b"X":
                    self.status, self.left, cut = numbers
                    self.cut = bool(cut)
                    self.done = self.killed is None
                else:
                    (self.left,) = numbers
                    self._killed()
            except ValueError:
                raise self.channel.death(self.channel.died) from None

    def _killed(self) -> None:
        """Everything is said to be dead: see whether that is so."""
        self.done = True
        if self.killed and not self.channel.is_clean():
            self._destroy()

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
            self.channel.destroy()

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
            reason=self.reason if ended == "killed" else "",
            notes=self.notes,
        )
