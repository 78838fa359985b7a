"""Removes a container that was made and never started, because the kernel died in between.

What has been started ends by itself when the kernel's connection does. What has only been made the engine would keep
until the next sweep. So a process of its own waits beside the kernel, and is told when a container comes to be.

Runs alone, on the standard library: `python -I -S guard.py OWNER_PID ADDRESS`. A line on its stdin names the container
that is being made, an empty one tells that it has been started. The end of stdin, or another parent than the owner,
means that the owner is dead.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

PATIENCE = 5.0
"""Seconds for which the container is looked for: a dead owner's request may still be in the engine's hands."""
LOOK_EVERY, LOOK_IDLE = 0.2, 10.0
"""Seconds between looks at whether the owner lives, while it makes a container and while it makes none: another process
may hold its end of the pipe."""


class Guard:
    """The owner's end of such a process. Raises OSError where none can be started."""

    def __init__(self, address: str) -> None:
        """`address` is the engine's."""
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), address],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,  # who kills the kernel's process group does not mean it
            bufsize=0,
        )
        self.close = weakref.finalize(self, _end, self._process, os.getpid())
        """Let it go; twice is fine."""

    @contextlib.contextmanager
    def over(self, name: str) -> Iterator[None]:
        """A block in which the container of that name is made and started."""
        self._tell(name)
        try:
            yield
        finally:
            self._tell("")

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None and self.close.alive:
            with contextlib.suppress(BrokenPipeError):  # somebody killed it: then the next sweep has to do
                self._process.stdin.write(f"{line}\n".encode())


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Close the pipe, which ends it; a forked copy of the owner only lets go of its end."""
    if process.stdin is not None:
        process.stdin.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()


def watch(owner: int) -> str:
    """Wait for the owner's death; the name of the container that it was making then, or an empty text."""
    said, data = b"\n", b"\n"
    while data:
        lives = os.getppid() == owner  # asked first: what a dead one has said is still to be read
        patience = (LOOK_EVERY if said.split(b"\n")[-2] else LOOK_IDLE) if lives else 0
        if select.select([0], [], [], patience)[0]:
            data = os.read(0, 4096)
            said = (said + data)[-4096:]
        elif not lives:
            break
    return said.split(b"\n")[-2].decode("ascii")


def remove(address: str, name: str) -> None:
    """Ask the engine to remove a container in whatever state, if there is one."""
    scheme, _, rest = address.partition("://")
    try:
        with socket.socket(socket.AF_UNIX if scheme == "unix" else socket.AF_INET) as engine:
            engine.settimeout(PATIENCE)
            host, _, port = rest.partition("/")[0].rpartition(":")
            engine.connect(rest if scheme == "unix" else (host, int(port)))
            engine.sendall(f"DELETE /containers/{name}?force=1 HTTP/1.0\r\nHost: engine\r\n\r\n".encode("ascii"))
            engine.recv(64)
    except OSError:  # it is gone, or is coming back
        pass


def main(owner: str, address: str) -> None:
    """Wait; what nobody is left to start, remove.

    Again and again: an engine that is still making it says that it was removed, and goes on to keep it.
    """
    name = watch(int(owner))
    end = time.monotonic() + PATIENCE
    while name and time.monotonic() < end:
        remove(address, name)
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main(*sys.argv[1:])
