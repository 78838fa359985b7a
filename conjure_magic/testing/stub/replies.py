"""What the stub says: scripted replies, faults among them, and their form on the wire."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

Wire = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    `content` holds blocks as the wire has them, or strings for text; ids and signatures that are missing are
    made up. Everything else has the default of a server that works.
    """

    content: Sequence[Wire | str] = ()
    stop_reason: str | None = None
    """Derived from the content if it is None: tool_use or end_turn."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the message, such as stop_details and container."""
    piece: int = 12
    """Characters in one delta."""
    delay: float = 0.0
    """Seconds before each event."""
    noise: bool = False
    """Sprinkle pings, comments, and events, blocks' deltas and fields that no client knows."""
    output_tokens: int | None = None
    """Instead of a count of the content."""
    iterations: bool = False
    """Whether `usage` lists the server's own iterations, as a beta does."""

    # ---- faults
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Instead of everything else, with `content_type`."""
    content_type: str = "text/html"
    silent: bool = False
    """Read the request and never answer, not even with headers."""
    drop: bool = False
    """Read the request and close the connection."""
    cut_after: int | None = None
    """Bytes of the stream after which the connection is lost."""
    stall_after: int | None = None
    """Bytes of the stream after which nothing more comes."""
    without_stop: bool = False
    """End cleanly, but without `message_stop`."""
    error_after: int | None = None
    """Events after which an `error` event ends the stream."""
    error_type: str = "overloaded_error"
    error_message: str = "Overloaded"

    @classmethod
    def fault(cls, status: int, kind: str = "", message: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        """An error before the stream, in the API's form; `headers` may hold `retry-after`."""
        kind = kind or ERROR_TYPES.get(status, "api_error")
        body = error_body(kind, message or kind.replace("_", " "))
        return cls(status=status, body=json.dumps(body), content_type="application/json", headers=dict(headers or {}))

    @classmethod
    def call(cls, name: str, given: Mapping[str, Any] | None = None, **more: Any) -> Reply:
        """A reply that is one call of a tool."""
        return cls(({"type": "tool_use", "name": name, "input": dict(given or {})},), **more)

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> Reply:
        """The reply of a JSON object, as the control endpoint takes it. Raises TypeError for unknown fields."""
        return cls(**wire)

    def to_dict(self) -> Wire:
        """The reply as JSON-able data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(kind: str, message: str, request_id: str = "req_stub", code: str = "") -> Wire:
    """An error as the API words it; `code` is the `error_code` of its details."""
    error = {"type": kind, "message": message, **({"details": {"error_code": code}} if code else {})}
    return {"type": "error", "error": error, "request_id": request_id}


def as_reply(reply: Reply | str | Wire | Sequence[Wire | str]) -> Reply:
    """A reply of what may stand for one: text, a block, or several."""
    if isinstance(reply, Reply):
        return replace(reply, content=(reply.content,)) if isinstance(reply.content, str) else reply
    return Reply((reply,)) if isinstance(reply, str | dict) else Reply(tuple(reply))


def complete(reply: Reply, ids: Iterator[int]) -> list[Wire]:
    """The reply's blocks, with ids where the script left them out; signatures are the server's to give."""
    blocks: list[Wire] = []
    for part in reply.content:
        block: Wire = {"type": "text", "text": part} if isinstance(part, str) else dict(part)
        if block["type"] == "tool_use":
            block = {"type": "tool_use", "id": f"toolu_stub{next(ids):06}", **block}
            block.setdefault("caller", {"type": "direct"})
        elif block["type"] == "server_tool_use":
            block = {"type": "server_tool_use", "id": f"srvtoolu_stub{next(ids):06}", **block}
        blocks.append(block)
    return blocks


def stop_reason(reply: Reply, blocks: Sequence[Wire]) -> str:
    """Why the message ends, unless the script says."""
    if reply.stop_reason is not None:
        return reply.stop_reason
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def sse(name: str, data: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


DELTA_USAGE = (
    *("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
    *("output_tokens_details", "server_tool_use", "iterations"),
)
"""What `message_delta` says of the tokens: totals over all of the server's own iterations."""


def stream(message: Wire, reply: Reply, first: Mapping[str, int] | None = None) -> Iterator[bytes]:
    """The events of a message, each as the bytes of one write.

    Args:
        message: the whole message as a request without `stream` would get it.
        reply: how to send it.
        first: what the server's first iteration read, if it had several.
    """
    events = _events(message, reply, first)
    if reply.error_after is not None:
        yield from itertools.islice(events, reply.error_after)
        error = error_body(reply.error_type, reply.error_message)
        yield sse("error", error)
    else:
        yield from events


def _events(message: Wire, reply: Reply, first: Mapping[str, int] | None) -> Iterator[bytes]:
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    if "container" in message:
        opening["container"] = None
    if "usage" in message:
        opening["usage"] = {**message["usage"], **(first or {}), "output_tokens": 1}
        opening["usage"].pop("iterations", None)
    yield sse("message_start", {"type": "message_start", "message": opening})
    if reply.noise:
        yield from (b": nobody reads this\n\n", sse("ping", {"type": "ping"}))
    for index, block in enumerate(message["content"]):
        start, deltas = _pieces(block, reply.piece)
        yield sse("content_block_start", {"type": "content_block_start", "index": index, "content_block": start})
        if reply.noise:
            unknown = {"type": "sparkle_delta", "sparkle": "✨\u2028\u0085"}
            yield sse("content_block_delta", {"type": "content_block_delta", "index": index, "delta": unknown})
        for delta in deltas:
            yield sse("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
        yield sse("content_block_stop", {"type": "content_block_stop", "index": index})
        if reply.noise:
            yield sse("weather", {"type": "weather", "sky": "blue"})
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None, **reply.extra}
    ending |= {name: message[name] for name in ("container", "stop_details") if name in message}
    last: Wire = {"type": "message_delta", "delta": ending}
    if "usage" in message:
        last["usage"] = {name: message["usage"][name] for name in DELTA_USAGE if name in message["usage"]}
    yield sse("message_delta", last)
    if not reply.without_stop:
        yield sse("message_stop", {"type": "message_stop"})


def _pieces(block: Wire, size: int) -> tuple[Wire, list[Wire]]:
    """A block as its start and its deltas."""

    def cut(text: str) -> list[str]:
        return [text[i : i + size] for i in range(0, len(text), size)]

    match block["type"]:
        case "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in cut(block["text"])]
            deltas += [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
            return {**block, "text": "", **({"citations": []} if "citations" in block else {})}, deltas
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "tool_use" | "server_tool_use":
            raw = block.pop("raw", None)  # what a script gives for input that is cut or no JSON
            text = raw if raw is not None else json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut(text)]]
            return {**block, "input": {}}, deltas
    return block, []
