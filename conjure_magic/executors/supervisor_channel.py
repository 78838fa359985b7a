"""The client side of a supervisor: exchange frames with it, wherever it runs. See `supervisor.py` for the protocol."""

from __future__ import annotations

import os
import select
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping

from conjure_magic.errors import BackendError

FRAME_LIMIT = 1 << 17
READ = 1 << 18
END_PATIENCE = 3.0
"""Seconds that a supervisor has to terminate its processes before that is done from outside."""


class Channel(ABC):
    """One running supervisor. Only one thread at a time may read; `close` may be called from any thread."""

    died = "the process that runs commands has died"
    """The message if the supervisor is gone."""
    death: type[BackendError] = BackendError
    """The type of that error."""
    loss = ""
    """The message if it had to be killed from outside; empty if nothing is lost by that."""

    def __init__(self) -> None:
        self._buffer = b""
        self._writing = threading.Lock()
        self.idle = True
        """False from the request to run a command until its end was received."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """True until the supervisor was closed or died."""

    @abstractmethod
    def destroy(self) -> None:
        """Kill a supervisor that no longer responds, from outside and at once."""

    @abstractmethod
    def close(self) -> None:
        """End it and everything it runs. May be called more than once."""

    @abstractmethod
    def _descriptors(self) -> tuple[int, int]:
        """Non-blocking descriptors (read, write). Raises OSError or ValueError after closing."""

    def is_clean(self) -> bool:
        """After a kill: False if processes are still running, as far as that can be seen from outside."""
        return True

    def _read(self, fd: int) -> bytes:
        """Bytes of frames, possibly none. Raises BlockingIOError if there are none yet, EOFError at the end."""
        data = os.read(fd, READ)
        if not data:
            raise EOFError
        return data

    def _note(self, kind: bytes, payload: bytes) -> None:  # noqa: B027 - a hook
        """Called with each frame before it is returned."""

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Start a command. Raises BackendError if the supervisor is gone."""
        self.idle = False
        entries = (f"{name}={value}" for name, value in environ.items())
        self._send(b"R", b"\0".join(os.fsencode(part) for part in (cwd, command, *entries)))

    def kill(self) -> None:
        """Request that everything running is killed. Raises BackendError if the supervisor is gone."""
        self._send(b"K", b"")

    def _send(self, kind: bytes, payload: bytes) -> None:
        data = kind + len(payload).to_bytes(4, "big") + payload
        end = time.monotonic() + END_PATIENCE
        with self._writing:
            while data:
                try:
                    writer = self._descriptors()[1]
                    data = data[os.write(writer, data) :]
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise self.death(self.died) from None
                    poll(0.1, write=writer)
                except (OSError, ValueError):
                    raise self.death(self.died) from None

    def receive(self, timeout: float | None, wake: int = -1) -> list[tuple[bytes, bytes]]:
        """The received frames (kind, payload), after at most `timeout` seconds, or when `wake` is readable.

        Raises BackendError if the supervisor has died or sent an invalid frame.
        """
        try:
            reader = self._descriptors()[0]
            if reader not in poll(timeout, reader, wake):
                return []
            data = self._read(reader)
        except BlockingIOError:
            return []
        except (OSError, ValueError, EOFError):  # closed by another thread, or by the supervisor
            raise self.death(self.died) from None
        frames: list[tuple[bytes, bytes]] = []
        data, position = self._buffer + data, 0
        while len(data) - position >= 5:
            size = int.from_bytes(data[position + 1 : position + 5], "big")
            if size > FRAME_LIMIT:
                raise self.death(self.died)
            if len(data) - position < 5 + size:
                break
            kind, payload = data[position : position + 1], data[position + 5 : position + 5 + size]
            position += 5 + size
            self._note(kind, payload)
            frames.append((kind, payload))
        self._buffer = data[position:]
        return frames


def poll(timeout: float | None, *read: int, write: int = -1) -> set[int]:
    """The descriptors that became ready within `timeout` seconds; negative ones are ignored."""
    waiting = select.poll()
    for fd in read:
        if fd >= 0:
            waiting.register(fd, select.POLLIN)
    if write >= 0:
        waiting.register(write, select.POLLOUT)
    return {fd for fd, _ in waiting.poll(None if timeout is None else min(max(timeout, 0), 3600) * 1000)}
