"""Small servers that answer as a named one does, in the shapes of its documentation, source or issues.

Each is only what its difference needs: routes with canned answers, over real HTTP on loopback.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Wire = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What one request gets: a status with JSON or text, or a stream of events."""

    status: int = 200
    body: object = None
    events: Sequence[Wire | tuple[str, Wire]] = ()
    """The data of each, or its name and data where the name is not the data's `type`."""
    kind: str = "application/json"


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Wire


Route = Callable[[Asked], Answer]


@dataclass
class Small:
    """A server under way: its address, and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def messages(self) -> list[Asked]:
        """The requests for a message."""
        return [one for one in self.asked if one.path == "/v1/messages"]


@contextmanager
def serving(routes: dict[str, Route]) -> Iterator[Small]:
    """Serve these paths; any other is a 404 with FastAPI's words."""
    small = Small()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, json.loads(raw) if raw else {})
            small.asked.append(asked)
            route = routes.get(asked.path)
            answer = route(asked) if route else Answer(404, {"detail": "Not Found"})
            if answer.events:
                named = [event if isinstance(event, tuple) else (event["type"], event) for event in answer.events]
                text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in named)
                content, kind = text.encode(), "text/event-stream"
            elif isinstance(answer.body, str):
                content, kind = answer.body.encode(), answer.kind
            else:
                content, kind = json.dumps(answer.body).encode(), answer.kind
            self.send_response(answer.status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    small.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield small
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(text: str, *, prompt: int | None = None, start: Wire | None = None, stop: str = "end_turn") -> list[Wire]:
    """The events of an answer; `start` is the usage that `message_start` has."""
    usage = {"output_tokens": 5, **({"input_tokens": prompt} if prompt is not None else {})}
    return [
        {"type": "message_start", "message": {"role": "assistant", "content": [], "usage": start or {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage},
        {"type": "message_stop"},
    ]


def queue(*answers: Answer) -> Route:
    """The answers one after the other, the last one for all that come later."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]
