"""The owner's end of a supervisor: start it, speak its frames, end it. See `supervisor.py` for the wire."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path

from conjure_magic.errors import BackendError
from conjure_magic.executors import supervisor

FRAME_LIMIT = 1 << 17
READ = 1 << 18
END_PATIENCE = 3.0
"""Seconds that a supervisor gets to end what it runs before that is done from outside."""

DIED = "what runs the commands died, and everything they had left running with it; the next command starts it anew"


class Channel:
    """One running supervisor. Reading is for one thread at a time; `close` may come from any."""

    def __init__(self, environ: Mapping[str, str], bin_dir: Path) -> None:
        """Start it. Raises OSError where no process can be started."""
        arguments = [sys.executable, "-I", "-S", supervisor.__file__, str(os.getpid()), str(bin_dir)]
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            cwd="/",
            start_new_session=True,  # an interrupt of the kernel goes to its process group
            bufsize=0,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        self._stdin, self._stdout = stdin, stdout
        os.set_blocking(stdin.fileno(), False)
        os.set_blocking(stdout.fileno(), False)
        _widen(stdout.fileno())
        self._buffer = b""
        self._writing = threading.Lock()
        self._shell = 0
        self._shells: set[int] = set()
        self.idle = True
        """False from a request to run until the end of that command was read."""
        self._end = weakref.finalize(self, _end, self._process, self._shells, os.getpid(), bin_dir)

    @property
    def alive(self) -> bool:
        """True until it was ended, or died by itself."""
        return self._end.alive and self._process.poll() is None

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Ask for a command. Raises BackendError if nobody listens any more."""
        self.idle, self._shell = False, 0
        entries = (f"{name}={value}" for name, value in environ.items())
        self._send(b"R", b"\0".join(os.fsencode(part) for part in (cwd, command, *entries)))

    def kill(self) -> None:
        """Ask for the death of everything that runs. Raises BackendError if nobody listens any more."""
        self._send(b"K", b"")

    def _send(self, kind: bytes, payload: bytes) -> None:
        data = kind + len(payload).to_bytes(4, "big") + payload
        end = time.monotonic() + END_PATIENCE
        with self._writing:
            while data:
                try:
                    data = data[os.write(self._stdin.fileno(), data) :]
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise BackendError(DIED) from None
                    _poll(0.1, write=self._stdin.fileno())
                except (OSError, ValueError):
                    raise BackendError(DIED) from None

    def receive(self, timeout: float | None, wake: int = -1) -> list[tuple[bytes, bytes]]:
        """The frames that came (kind, payload), after at most `timeout` seconds, or when `wake` is readable.

        Raises BackendError if the supervisor has died, or sends what is none of its frames.
        """
        try:
            stdout = self._stdout.fileno()
            if stdout not in _poll(timeout, stdout, wake):
                return []
            data = os.read(stdout, READ)
        except BlockingIOError:
            return []
        except (OSError, ValueError):  # closed under our hands
            raise BackendError(DIED) from None
        if not data:
            raise BackendError(DIED)
        frames: list[tuple[bytes, bytes]] = []
        data, position = self._buffer + data, 0
        while len(data) - position >= 5:
            size = int.from_bytes(data[position + 1 : position + 5], "big")
            if size > FRAME_LIMIT:
                raise BackendError(DIED)
            if len(data) - position < 5 + size:
                break
            kind, payload = data[position : position + 1], data[position + 5 : position + 5 + size]
            position += 5 + size
            self._note(kind, payload)
            frames.append((kind, payload))
        self._buffer = data[position:]
        return frames

    def _note(self, kind: bytes, payload: bytes) -> None:
        """Remember the shells that may have left something: what to look for should the supervisor die."""
        if kind == b"B" and payload.isdigit() and not self._shell:  # one for each command: a second is forged
            self._shell = int(payload)
            self._shells.add(self._shell)
        elif kind == b"D":
            self._shells.clear()
        elif kind == b"F" or (kind == b"X" and payload.split()[1:2] == [b"0"]):
            self._shells.discard(self._shell)

    def destroy(self) -> None:
        """End it as one that no longer listens: from outside, at once."""
        _kill_from_outside(self._process, self._shells)
        self.close()

    def close(self) -> None:
        """End it and everything it runs; twice is fine."""
        with self._writing:
            self._end()


def _poll(timeout: float | None, *read: int, write: int = -1) -> set[int]:
    poll = select.poll()
    for fd in read:
        if fd >= 0:
            poll.register(fd, select.POLLIN)
    if write >= 0:
        poll.register(write, select.POLLOUT)
    return {fd for fd, _ in poll.poll(None if timeout is None else min(max(timeout, 0), 3600) * 1000)}


def _widen(fd: int) -> None:
    """A larger pipe, where the system lets us, for commands that print much."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 20)


def _end(process: subprocess.Popen[bytes], shells: set[int], owner: int, bin_dir: Path) -> None:
    """Close the pipe, which ends a supervisor; where it does not, kill from outside and clean up in its place.

    A forked copy of the owner only lets go of the pipes: the supervisor is not its own.
    """
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if os.getpid() != owner:
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(END_PATIENCE)
        if code == 0:
            return
    _kill_from_outside(process, shells)
    shutil.rmtree(bin_dir, ignore_errors=True)


def _kill_from_outside(process: subprocess.Popen[bytes], shells: set[int]) -> None:
    """Kill what a dead or deaf supervisor leaves: its descendants while it is there, and its commands' groups."""
    table = supervisor.proc_table if os.path.isdir("/proc/self") else supervisor.ps_table
    end = time.monotonic() + END_PATIENCE
    while time.monotonic() < end:
        rows = supervisor.below(process.pid, table(), frozenset(shells))
        running = {pid: row for pid, row in rows.items() if row[2] != "Z" and pid != os.getpid()}
        if not running:
            break
        supervisor.kill(running)
        time.sleep(0.005)  # nothing tells us when a process that is not our child has died
    process.kill()
    process.wait()
