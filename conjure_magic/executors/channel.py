"""The owner's end of a supervisor: speak its frames, wherever it runs. See `supervisor.py` for the wire."""

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
"""Seconds that a supervisor gets to end what it runs before that is done from outside."""


class Channel(ABC):
    """One running supervisor. Reading is for one thread at a time; `close` may come from any."""

    died = "what runs the commands died"
    """What a person is told when it is gone."""
    death: type[BackendError] = BackendError
    """The error that tells it."""
    loss = ""
    """What a person is told when it had to be ended from outside; empty where nothing is lost by that."""

    def __init__(self) -> None:
        self._buffer = b""
        self._writing = threading.Lock()
        self.idle = True
        """False from a request to run until the end of that command was read."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """True until it was ended, or died by itself."""

    @abstractmethod
    def destroy(self) -> None:
        """End it as one that no longer listens: from outside, at once."""

    @abstractmethod
    def close(self) -> None:
        """End it and everything it runs; twice is fine."""

    @abstractmethod
    def _descriptors(self) -> tuple[int, int]:
        """To read from, to write to; neither blocks. Raises OSError or ValueError once it was closed."""

    def is_clean(self) -> bool:
        """After a kill: False if something still runs, as far as that can be seen from outside."""
        return True

    def _read(self, fd: int) -> bytes:
        """Bytes of frames, perhaps none. Raises BlockingIOError if there is nothing, EOFError at the end."""
        data = os.read(fd, READ)
        if not data:
            raise EOFError
        return data

    def _note(self, kind: bytes, payload: bytes) -> None:  # noqa: B027 - a hook
        """Look at a frame before it is handed on."""

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Ask for a command. Raises BackendError if nobody listens any more."""
        self.idle = False
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
                    writer = self._descriptors()[1]
                    data = data[os.write(writer, data) :]
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise self.death(self.died) from None
                    poll(0.1, write=writer)
                except (OSError, ValueError):
                    raise self.death(self.died) from None

    def receive(self, timeout: float | None, wake: int = -1) -> list[tuple[bytes, bytes]]:
        """The frames that came (kind, payload), after at most `timeout` seconds, or when `wake` is readable.

        Raises BackendError if the supervisor has died, or sends what is none of its frames.
        """
        try:
            reader = self._descriptors()[0]
            if reader not in poll(timeout, reader, wake):
                return []
            data = self._read(reader)
        except BlockingIOError:
            return []
        except (OSError, ValueError, EOFError):  # closed under our hands, or by it
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
    """Those of the descriptors (negative ones are left out) that became ready within so many seconds."""
    waiting = select.poll()
    for fd in read:
        if fd >= 0:
            waiting.register(fd, select.POLLIN)
    if write >= 0:
        waiting.register(write, select.POLLOUT)
    return {fd for fd, _ in waiting.poll(None if timeout is None else min(max(timeout, 0), 3600) * 1000)}
