"""The stub in a process of its own, scripted over HTTP: its work is not counted as the client's."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from typing import Any

from conjure_magic.testing.stub.replies import Reply, as_reply

LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StubProcess:
    """A `StubServer` in another process, as a context manager; it ends with this one.

    Args:
        *options: as on the command line, such as "--forget-bodies".
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self.url = ""

    def __enter__(self) -> StubProcess:
        command = [sys.executable, "-m", "conjure_magic.testing.stub", *self._options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)  # its standard input ends, and so does it

    def reply(self, *replies: Reply | str | dict[str, Any] | Sequence[dict[str, Any] | str]) -> None:
        """Add answers to the script."""
        self._call("replies", [as_reply(reply).to_dict() for reply in replies])

    def requests(self) -> list[dict[str, Any]]:
        """The requests so far, as JSON."""
        found: list[dict[str, Any]] = self._call("requests")
        return found

    def reset(self) -> None:
        """Forget script and requests."""
        self._call("reset", [])

    def _call(self, name: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with LOCAL.open(urllib.request.Request(f"{self.url}/_stub/{name}", data)) as answer:  # noqa: S310  (our own)
            return json.load(answer)
