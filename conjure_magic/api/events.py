"""Server-sent events of a response, as JSON objects.

httpx-sse reads whatever the standard allows. What nearly every chunk is, whole events of two plain lines, is
recognised before it: a long answer has thousands, and this halves what each costs.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from typing import Any, cast

import httpx
from httpx_sse import EventSource

from conjure_magic.errors import ProtocolError
from conjure_magic.messages import DECODER


def read_events(response: httpx.Response, limit: int) -> Iterator[dict[str, Any]]:
    """Yield each event's data, its name as `type` if it has none of its own.

    Args:
        response: an open response whose body was not read.
        limit: bytes that one event may have (httpx-sse has no bound of its own).

    Raises ProtocolError for an event that is not a JSON object, and whatever httpx raises.
    """
    # Nothing is compressed unless the server ignores what we asked for; then it costs a layer more.
    packed = response.headers.get("content-encoding", "identity") != "identity"
    chunks = response.iter_bytes() if packed else response.iter_raw()
    encoding = "utf-8-sig"  # a mark may stand at the very beginning
    for chunk in chunks:
        frames = _plain_frames(chunk)
        for name, data in _standard_frames(chunk, chunks, encoding, limit) if frames is None else frames:
            if data and data != "[DONE]":  # the latter from servers that speak another protocol as well
                yield _parse(name, data)
        encoding = "utf-8"


def _plain_frames(chunk: bytes) -> list[tuple[str, str]] | None:
    """Name and data of a chunk's events, if it is nothing but whole events of two lines; else None."""
    if not chunk.startswith(b"event: ") or not chunk.endswith(b"\n\n") or b"\r" in chunk:
        return None
    frames = []
    for frame in chunk[:-2].decode("utf-8", "replace").split("\n\n"):
        name, found, data = frame.partition("\ndata: ")
        if not found or "\n" in name or "\n" in data or not name.startswith("event: "):
            return None
        frames.append((name[7:], data))
    return frames


def _standard_frames(chunk: bytes, chunks: Iterator[bytes], encoding: str, limit: int) -> Iterator[tuple[str, str]]:
    """Name and data of the events of a chunk and those after it, up to the next that ends where an event does."""
    body = _Body(itertools.chain((chunk,), chunks), encoding, limit)
    for event in EventSource(cast(httpx.Response, body)).iter_sse():
        body.pending = 0
        yield event.event, event.data


class _Body:
    """A part of a response as httpx-sse reads it: always UTF-8, as the standard says, with a bound on one event."""

    def __init__(self, chunks: Iterator[bytes], encoding: str, limit: int) -> None:
        self.headers = {"content-type": "text/event-stream"}  # checked before we came here
        self.pending = 0
        self._chunks = chunks
        self._decode = codecs.getincrementaldecoder(encoding)("replace").decode
        self._limit = limit

    def iter_text(self) -> Iterator[str]:
        for chunk in self._chunks:
            self.pending += len(chunk)
            if self.pending > self._limit:
                raise ProtocolError(f"One event of the answer is longer than {self._limit:,} bytes.")
            if text := self._decode(chunk):
                yield text
            if chunk.endswith(b"\n\n"):  # a line and an event are over, whatever came before
                return


def _parse(name: str, data: str) -> dict[str, Any]:
    try:
        wire, end = DECODER.raw_decode(data)  # the fastest way in, if nothing stands around the object
        if end != len(data):
            wire = DECODER.decode(data)
    except (ValueError, RecursionError):
        wire = _parse_slowly(data)
    if not isinstance(wire, dict):
        raise ProtocolError(f"The server sent an event that is no JSON object: {data[:80]!r}.")
    if name == "error" and "error" not in wire:
        return {"type": "error", "error": wire}  # llama.cpp: the error without its envelope, with a `type` of its own
    if "type" not in wire:
        # Servers that speak another protocol as well name their errors nowhere else.
        wire["type"] = "error" if "error" in wire else name
    return wire


def _parse_slowly(data: str) -> Any:
    try:
        return DECODER.decode(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"The server sent an event that is no JSON: {data[:80]!r} ({error}).") from None
