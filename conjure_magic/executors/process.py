"""A supervisor as a process of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path

from conjure_magic.executors import supervisor
from conjure_magic.executors.channel import END_PATIENCE, Channel


class ProcessChannel(Channel):
    """A supervisor that is our child, and what to do should it die or go deaf."""

    died = "what runs the commands died, and everything they had left running with it; the next command starts it anew"

    def __init__(self, environ: Mapping[str, str], bin_dir: Path) -> None:
        """Start it. Raises OSError where no process can be started."""
        super().__init__()
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
        self._shell = 0
        self._shells: set[int] = set()
        self._end = weakref.finalize(self, _end, self._process, self._shells, os.getpid(), bin_dir)

    @property
    def alive(self) -> bool:
        """True until it was ended, or died by itself."""
        return self._end.alive and self._process.poll() is None

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Ask for a command. Raises BackendError if nobody listens any more."""
        self._shell = 0
        super().run(cwd, command, environ)

    def _descriptors(self) -> tuple[int, int]:
        return self._stdout.fileno(), self._stdin.fileno()

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
