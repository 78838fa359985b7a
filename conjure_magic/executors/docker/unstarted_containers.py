"""Removes a container that was created but never started because the kernel died in between.

A started container ends by itself with the kernel's connection. One that was only created would stay until the next
sweep. So a separate process runs next to the kernel and is told while a container is being created.

Runs on its own, with the standard library only: `python -I -S unstarted_containers.py OWNER_PID ADDRESS`. A line on
stdin names the container being created; an empty line says that it has started. The end of stdin, or a parent other
than the owner, means that the owner is dead.
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
"""Seconds to keep trying: the engine may still be processing the dead owner's request."""
LOOK_EVERY, LOOK_IDLE = 0.2, 10.0
"""Seconds between checks that the owner is alive, while it creates a container and otherwise: another process may
hold the owner's end of the pipe open."""


class Watchdog:
    """The owner's side of the watchdog process. Raises OSError if it cannot be started."""

    def __init__(self, address: str) -> None:
        """Start a watchdog for the engine at `address`."""
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), address],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,  # not part of the kernel's process group when that is killed
            bufsize=0,
        )
        self.close = weakref.finalize(self, _end, self._process, os.getpid())
        """End the watchdog. May be called more than once."""

    @contextlib.contextmanager
    def over(self, name: str) -> Iterator[None]:
        """A block in which the container of that name is created and started."""
        self._tell(name)
        try:
            yield
        finally:
            self._tell("")

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None and self.close.alive:
            with contextlib.suppress(BrokenPipeError):  # it was killed: the next sweep cleans up instead
                self._process.stdin.write(f"{line}\n".encode())


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Close the pipe, which ends the watchdog; a forked copy of the owner only closes its end."""
    if process.stdin is not None:
        process.stdin.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()


def watch(owner: int) -> str:
    """Wait for the owner's death and return the name of the container that it was creating, or an empty string."""
    said, data = b"\n", b"\n"
    while data:
        lives = os.getppid() == owner  # checked first: a dead owner's last message still has to be read
        patience = (LOOK_EVERY if said.split(b"\n")[-2] else LOOK_IDLE) if lives else 0
        if select.select([0], [], [], patience)[0]:
            data = os.read(0, 4096)
            said = (said + data)[-4096:]
        elif not lives:
            break
    return said.split(b"\n")[-2].decode("ascii")


def remove(address: str, name: str) -> None:
    """Ask the engine to remove a container, whatever its state."""
    scheme, _, rest = address.partition("://")
    try:
        with socket.socket(socket.AF_UNIX if scheme == "unix" else socket.AF_INET) as engine:
            engine.settimeout(PATIENCE)
            host, _, port = rest.partition("/")[0].rpartition(":")
            engine.connect(rest if scheme == "unix" else (host, int(port)))
            engine.sendall(f"DELETE /containers/{name}?force=1 HTTP/1.0\r\nHost: engine\r\n\r\n".encode("ascii"))
            engine.recv(64)
    except OSError:  # the engine is gone or restarting
        pass


def main(owner: str, address: str) -> None:
    """Wait for the owner's death, then remove the container that was never started.

    Repeatedly: an engine that is still creating it reports success and keeps it.
    """
    name = watch(int(owner))
    end = time.monotonic() + PATIENCE
    while name and time.monotonic() < end:
        remove(address, name)
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main(*sys.argv[1:])
