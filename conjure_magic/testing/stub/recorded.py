"""What the stub remembers of each request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Recorded:
    """One request that reached the stub, and what came of it."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] | None = None
    status: int = 0
    error: str = ""
    """Why it was refused; empty if it was not."""
    usage: dict[str, int] = field(default_factory=dict)
    iterations: list[dict[str, int]] = field(default_factory=list)
    """What each iteration of the server's own loop used; one where it ran no tool."""
    prefix_change: str = ""
    """Where it first differs from the request before in its conversation: "tools.0", "messages.3"; empty if nowhere."""
    sent: int = 0
    """Bytes of the stream that went out."""
    finished: bool = False
    """True once the answer went out as scripted; False if the client left before."""
    answered: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set when the stub is done with the request."""

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able data."""
        names = {f.name for f in fields(self)} - {"headers", "answered"}
        return {"headers": dict(self.headers), **{name: getattr(self, name) for name in names}}
