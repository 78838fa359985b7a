"""The duration of 256 concurrent answers in one process, relative to one: 200 deltas over 10 seconds each.

Each runs in its own thread and all share one model; the stub runs in a separate process:
`python -m benchmarks.concurrent_turns [--turns N]`.
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ThreadPoolExecutor

from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.events import MessageFinished, TextDelta
from conjure_magic.messages import Message
from conjure_magic.models.base import Request
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.testing.stub import Reply, StubProcess

TURNS = 256
DELTAS = 200
SECONDS = 10.0
GOAL = 1.3
WORD = "word "
MODEL = "claude-opus-5-5"


def main() -> None:
    """Print the table; exit with 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    turns = parser.parse_args().turns
    with StubProcess("--forget-bodies") as stub:
        model = MessagesModel(MODEL, Credentials(stub.url, "x-api-key", Key("sk-none"), "anthropic"))
        stub.reply(*[Reply((WORD * DELTAS,), piece=len(WORD), delay=SECONDS / DELTAS) for _ in range(turns + 1)])
        alone = timed(model, 1)
        before = time.process_time()
        together = timed(model, turns)
        cpu = time.process_time() - before
    print(f"{'turns at once':>14} {'seconds':>8} {'ratio':>6} {'CPU s':>6} {'peak MB':>8}")
    print(f"{1:14} {alone:8.2f} {1:6.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{turns:14} {together:8.2f} {together / alone:6.2f} {cpu:6.1f} {peak:8.0f}")
    raise SystemExit(together / alone > GOAL)


def timed(model: MessagesModel, turns: int) -> float:
    """Wall-clock seconds until all answers are complete."""
    started = time.monotonic()
    with ThreadPoolExecutor(turns) as pool:
        seen = list(pool.map(lambda number: one(model, number), range(turns)))
    assert seen == [DELTAS] * turns
    return time.monotonic() - started


def one(model: MessagesModel, number: int) -> int:
    """Receive one answer and return its number of text deltas."""
    request = Request(MODEL, "", (), (Message.user(f"Conversation {number}."),), max_tokens=1_000)
    events = list(model.stream(request, Cancel()))
    assert isinstance(events[-1], MessageFinished)
    return sum(isinstance(event, TextDelta) for event in events)


if __name__ == "__main__":
    main()
