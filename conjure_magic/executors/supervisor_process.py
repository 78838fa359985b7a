"""A supervisor as a process on this machine."""

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
from conjure_magic.executors.supervisor_channel import END_PATIENCE, Channel


class ProcessChannel(Channel):
    """A supervisor that is our child process, and the clean-up if it dies or stops responding."""

    died = (
        "the process that runs commands has died, together with everything that was still running; "
        "the next command starts a new one"
    )

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
        """True until the supervisor was closed or died."""
        return self._end.alive and self._process.poll() is None

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Start a command. Raises BackendError if the supervisor is gone."""
        self._shell = 0
        super().run(cwd, command, environ)

    def _descriptors(self) -> tuple[int, int]:
        return self._stdout.fileno(), self._stdin.fileno()

    def _note(self, kind: bytes, payload: bytes) -> None:
        """Remember the shells that may have left processes, to find those if the supervisor dies."""
        if kind == b"B" and payload.isdigit() and not self._shell:  # one per command: a second one is forged
            self._shell = int(payload)
            self._shells.add(self._shell)
        elif kind == b"D":
            self._shells.clear()
        elif kind == b"F" or (kind == b"X" and payload.split()[1:2] == [b"0"]):
            self._shells.discard(self._shell)

    def destroy(self) -> None:
        """Kill a supervisor that no longer responds, from outside and at once."""
        _kill_from_outside(self._process, self._shells)
        self.close()

    def close(self) -> None:
        """End it and everything it runs. May be called more than once."""
        with self._writing:
            self._end()


def _widen(fd: int) -> None:
    """Enlarge the pipe where the system allows it, for commands with much output."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 20)


def _end(process: subprocess.Popen[bytes], shells: set[int], owner: int, bin_dir: Path) -> None:
    """Close the pipe, which ends the supervisor; if it does not, kill it from outside and clean up for it.

    A forked copy of this process only closes its pipes: the supervisor does not belong to it.
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
    """Kill what a dead or unresponsive supervisor leaves: its descendants, and the process groups of its commands."""
    table = supervisor.proc_table if os.path.isdir("/proc/self") else supervisor.ps_table
    end = time.monotonic() + END_PATIENCE
    while time.monotonic() < end:
        rows = supervisor.below(process.pid, table(), frozenset(shells))
        running = {pid: row for pid, row in rows.items() if row[2] != "Z" and pid != os.getpid()}
        if not running:
            break
        supervisor.kill(running)
        time.sleep(0.005)  # we are not notified when a process that is not our child dies
    process.kill()
    process.wait()
