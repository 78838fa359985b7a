"""Commands inside a container, over the engine's streams. Nothing received from there is trusted."""

from __future__ import annotations

import time
from collections.abc import Mapping

from conjure_magic.errors import BackendError, ContainerError, DockerUnavailableError
from conjure_magic.executors.docker import streams
from conjure_magic.executors.docker.container import START_PATIENCE, Container
from conjure_magic.executors.supervisor_channel import READ, Channel
from conjure_magic.remedies import Remedy, option

OWN_PROCESSES = 2
"""The container's init and its child: the supervisor, or a process that waits instead of it."""

OTHER = Remedy("Name another one with {0}.", option("image", "NAME"))
LOST = "files in /tmp and background processes are lost; /workspace is kept"


class ContainerChannel(Channel):
    """A supervisor in a container. The engine stops the container."""

    death = ContainerError
    died = f"the container ended: {LOST}. The next command starts a new one"
    loss = f"its container was replaced: {LOST}"

    def __init__(self, container: Container) -> None:
        super().__init__()
        self.container = container
        self._complaint = b""
        self._waiting = 0
        """Processes waiting for the next command: one, unless everything was killed since the last one started."""

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Start a command. Raises BackendError if the supervisor is gone."""
        self._waiting = 1
        super().run(cwd, command, environ)

    def kill(self) -> None:
        """Request that everything running is killed. Raises BackendError if the supervisor is gone."""
        self._waiting = 0
        super().kill()

    def greeting(self) -> tuple[bytes, bytes]:
        """The first frame, which says what the image supports. Raises BackendUnavailableError if none arrives."""
        end = time.monotonic() + START_PATIENCE
        frames: list[tuple[bytes, bytes]] = []
        try:
            while not frames and time.monotonic() < end:
                frames = self.receive(end - time.monotonic())
        except BackendError:
            why = self._complaint.decode("utf-8", "replace").strip()
            name = self.container.plan.image_name
            if "/bin/sh failed" in why:  # the words of the container's init
                raise DockerUnavailableError(f"the image {name} has no sh, which commands need", remedy=OTHER) from None
            raise DockerUnavailableError(
                f"a container of the image {name} ended before it ran a command: {why or 'no output'}"
            ) from None
        if not frames:
            raise DockerUnavailableError(f"a container did not come up within {START_PATIENCE:.0f} s")
        return frames[0]

    @property
    def alive(self) -> bool:
        """True until it was closed or has ended by itself."""
        return self.container.is_connected

    def _descriptors(self) -> tuple[int, int]:
        fd = self.container.connection.fileno()
        if fd < 0:
            raise ValueError("closed")
        return fd, fd

    def _read(self, fd: int) -> bytes:
        data = self.container.connection.recv(READ)
        if not data:
            raise EOFError
        pieces = self.container.demux.feed(data)
        for stream, piece in pieces:
            if stream != streams.STDOUT:
                self._complaint = (self._complaint + piece)[-500:]
        return b"".join(piece for stream, piece in pieces if stream == streams.STDOUT)

    def is_clean(self) -> bool:
        """False if the engine reports more than the container's own processes, or does not answer."""
        try:
            return self.container.processes() <= OWN_PROCESSES + self._waiting
        except BackendError:
            return False

    def destroy(self) -> None:
        """Have the engine kill everything."""
        self.container.close()

    def close(self) -> None:
        """Stop the container. May be called more than once."""
        with self._writing:
            self.container.close()
