"""The engine's raw streams: a request that upgrades its connection, and the frames sent through it.

Source: Docker Engine API, "Attach to a container": after the answer (101, or 200 of older engines) the connection
carries stdin up, and stdout and stderr down in frames of one byte of stream, three of zero, four of length.
"""

from __future__ import annotations

import socket

from conjure_magic.errors import ContainerError

HEAD_LIMIT = 1 << 16
STDOUT, STDERR = 1, 2


def upgrade(connection: socket.socket, path: str, body: bytes = b"") -> None:
    """Send a POST request that turns the connection into a stream.

    Raises ContainerError with the engine's reason if it refuses, OSError if it is gone.
    """
    head = (
        f"POST {path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode("ascii") + body)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)  # one byte at a time: the stream starts right after the headers
        if not byte or len(answer) > HEAD_LIMIT:
            raise ConnectionResetError("the engine closed the connection")
        answer += byte
    status = answer.split(b" ", 2)[1]
    if status not in (b"101", b"200"):
        reason = connection.recv(4096).decode("utf-8", "replace").strip()
        raise ContainerError(f"the engine refused the stream: {reason or status.decode('ascii', 'replace')}")


class Demux:
    """Splits the data into frames, however it is divided."""

    def __init__(self) -> None:
        self._rest = b""
        self._stream = STDOUT
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """(stream, bytes) for the data so far; a frame's bytes are returned before it is complete."""
        data, position = self._rest + data, 0
        found = []
        while True:
            if self._left:
                piece = data[position : position + self._left]
                if not piece:
                    break
                found.append((self._stream, piece))
                position += len(piece)
                self._left -= len(piece)
            elif len(data) - position >= 8:
                self._stream = data[position]
                self._left = int.from_bytes(data[position + 4 : position + 8], "big")
                position += 8
            else:
                break
        self._rest = data[position:]
        return found
