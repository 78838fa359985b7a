"""As much of HTTP/1.1 as the stub needs, on asyncio: requests in, plain or chunked answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_BODY = 32_000_000
MAX_UPLOAD = 501_000_000
"""Of a file, with the form around it."""
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    too_large: bool = False


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """The next request of a connection; None when the client is gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = [line.partition(":") for line in lines if line]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length", "0"))
    path, _, query = target.partition("?")
    if length > (MAX_UPLOAD if path == "/v1/files" else MAX_BODY):
        return HttpRequest(method, path, query, headers, b"", too_large=True)
    try:
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return HttpRequest(method, path, query, headers, body)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def respond(
    writer: asyncio.StreamWriter, status: int, body: bytes, content_type: str, headers: Mapping[str, str]
) -> None:
    """Send a whole answer."""
    fields = {"content-type": content_type, "content-length": str(len(body)), **headers}
    writer.write(head(status, fields) + body)
    await writer.drain()


class Chunks:
    """The body of a chunked answer: each piece in one write."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def begin(self, content_type: str, headers: Mapping[str, str]) -> None:
        """Send the headers."""
        self._writer.write(head(200, {"content-type": content_type, "transfer-encoding": "chunked", **headers}))
        await self._writer.drain()

    async def send(self, piece: bytes) -> None:
        """Send a piece. Raises ConnectionError once the client is gone."""
        if self._writer.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if piece:
            self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await self._writer.drain()

    async def end(self) -> None:
        """Send the end of the body; the connection stays."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
