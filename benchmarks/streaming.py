"""CPU time of receiving an answer of 2,000 deltas, relative to a bare httpx loop that parses each event.

The stub runs in a separate process and sends each delta in one write. The ways of reading alternate several times,
and the fastest run of each is used: `python -m benchmarks.streaming`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable

import httpx

from conjure_magic import Session
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.messages import Message
from conjure_magic.models.base import Request
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.testing.stub import Reply, StubProcess

DELTAS = 2_000
ROUNDS = 12
GOAL = 1.3
WORD = "word "
MODEL = "claude-opus-5-5"
REQUEST = Request(MODEL, "Answer.", (), (Message.user("Talk."),), max_tokens=1_000)


def main() -> None:
    """Print the table; exit with 1 if the goal is missed."""
    with StubProcess("--forget-bodies") as stub, tempfile.TemporaryDirectory() as folder, httpx.Client() as client:
        model = MessagesModel(MODEL, Credentials(stub.url, "x-api-key", Key("sk-none"), "anthropic"))
        session = Session("local", model=model, workspace=folder)
        ways: dict[str, Callable[[], int]] = {
            "httpx iter_lines + json.loads": lambda: raw(client, stub.url),
            "MessagesModel.stream, events kept": lambda: stream(model),
            "Session.stream, events and history kept": lambda: turn(session),
        }
        best = {name: float("inf") for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                stub.reply(Reply((WORD * DELTAS,), piece=len(WORD)))
                started = time.process_time()
                seen = way()
                best[name] = min(best[name], time.process_time() - started)
                assert seen == DELTAS, (name, seen)
    base = best["httpx iter_lines + json.loads"]
    print(f"{'CPU of ' + str(DELTAS) + ' deltas':42} {'ms':>8} {'ratio':>6}")
    for name, seconds in best.items():
        print(f"{name:42} {seconds * 1000:8.1f} {seconds / base:6.2f}")
    raise SystemExit(max(best.values()) / base > GOAL)


def raw(client: httpx.Client, url: str) -> int:
    """The bare loop: the minimum that any client has to do."""
    body = {**REQUEST.to_dict(), "stream": True}
    headers = {"x-api-key": "sk-none", "anthropic-version": "2023-06-01"}
    seen = 0
    with client.stream("POST", f"{url}/v1/messages", json=body, headers=headers, timeout=60) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                seen += json.loads(line[6:])["type"] == "content_block_delta"
    return seen


def stream(model: MessagesModel) -> int:
    """Our model, with its events collected in a list."""
    events = list(model.stream(REQUEST, Cancel()))
    return sum(type(event).__name__ == "TextDelta" for event in events)


def turn(session: Session) -> int:
    """A whole turn."""
    events = list(session.stream("Talk."))
    return sum(type(event.body).__name__ == "TextDelta" for event in events)


if __name__ == "__main__":
    main()
