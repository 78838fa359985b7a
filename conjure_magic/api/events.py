"""Server-sent events of a response, as JSON objects."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, NoReturn, cast

import httpx
from httpx_sse import EventSource

from conjure_magic.errors import ProtocolError


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# json.loads with this argument would build a decoder for each event. NaN and Infinity are no JSON, and a
# history that holds one is refused by the server ever after.
DECODER = json.JSONDecoder(parse_constant=_refuse)


class _Body:
    """A response as httpx-sse reads it: always UTF-8, as the standard says, and with a bound on one event."""

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self.headers = {"content-type": "text/event-stream"}  # checked before we came here
        self.pending = 0
        self._response = response
        self._limit = limit

    def iter_text(self) -> Iterator[str]:
        # Nothing is compressed unless the server ignores what we asked for; then it costs a layer more.
        packed = self._response.headers.get("content-encoding", "identity") != "identity"
        chunks = self._response.iter_bytes() if packed else self._response.iter_raw()
        decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        for chunk in chunks:
            self.pending += len(chunk)
            if self.pending > self._limit:
                raise ProtocolError(f"One event of the answer is longer than {self._limit:,} bytes.")
            if text := decode(chunk):
                yield text


def read_events(response: httpx.Response, limit: int) -> Iterator[dict[str, Any]]:
    """Yield each event's data, its name as `type` if it has none of its own.

    Args:
        response: an open response whose body was not read.
        limit: bytes that one event may have (httpx-sse has no bound of its own).

    Raises ProtocolError for an event that is no JSON object, and whatever httpx raises.
    """
    body = _Body(response, limit)
    decode = DECODER.raw_decode  # the fastest way in; what it leaves over is checked
    for event in EventSource(cast(httpx.Response, body)).iter_sse():
        body.pending = 0
        data = event.data
        if not data or data == "[DONE]":  # the latter from servers that speak another protocol as well
            continue
        try:
            wire, end = decode(data)
            if end != len(data):
                wire = DECODER.decode(data)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"The server sent an event that is no JSON: {data[:80]!r} ({error}).") from None
        if not isinstance(wire, dict):
            raise ProtocolError(f"The server sent an event that is no JSON object: {data[:80]!r}.")
        if "type" not in wire:
            wire["type"] = event.event
        yield wire
