"""Bytes sent by the live display of a streamed answer, relative to the finished output: python benchmarks/live_bytes.py

In a real kernel, an answer is streamed into a cell's display at 200 deltas per second, and every byte of its
display messages on iopub is counted. For prose and for one long code block, it prints the live bytes divided by the
bytes of the cell's final state, the longest time without new text, and the bytes of an answer twice as long divided
by those of the answer. Takes about three minutes; figures are ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from jupyter_client.manager import start_new_kernel

BOUND_FINAL, BOUND_TWICE, BOUND_SECONDS = 5.0, 2.2, 2.0

TURN = '''
import time
from conjure_magic.events import *
from conjure_magic.magics.live_display import open_display
from conjure_magic.messages import Message, Usage
from conjure_magic.render import display_limits, render_footer, render_turn
from conjure_magic.settings import Settings
from conjure_magic.artifacts import Artifacts

def stream(text, rate, characters):
    """Display a turn that streams the text at `rate` deltas per second; return the size of its final state."""
    message = Message.assistant(text)
    result = TurnResult("main", 1, "a", "", "Say it.", ("local",), "some-model", (Said(text),), Artifacts(),
        (Message.user("Say it."), message), Usage(1000, len(text) // 4), 0.1, "end_turn", 9.9, 1)
    display, began = open_display(display_limits(Settings())), time.monotonic()
    bodies = [TurnStarted("a", "", "Say it.", ("local",), "some-model"), RoundStarted()]
    bodies += [TextDelta(text[i:i + characters]) for i in range(0, len(text), characters)]
    bodies += [MessageFinished(message, "end_turn"), TurnFinished(result)]
    for number, body in enumerate(bodies):
        time.sleep(max(0, began + number / rate - time.monotonic()))
        display(Event("main", 1, 1, number, time.time(), body))
    display.close()
'''


def prose(size: int) -> str:
    """An answer of about `size` characters: paragraphs, lists, code, and numbers that show its progress."""
    parts: list[str] = []
    while sum(map(len, parts)) < size:
        n = len(parts)
        parts.append(
            f"## Finding {n}\n\nBetween **04:{n % 60:02d}** and 05:00, `payments` logged {n * 7} of the errors: "
            "charges timed out until the connection pool was full, and every request behind them waited for its turn. "
            "Before and after, errors stayed under twelve a minute, as on any other day of that week.\n\n"
            f"1. Raise the pool's limit, or shorten the timeout (step {n}).\n2. Replay the charges.\n\n"
        )
    return "".join(parts)[:size]


def code(size: int) -> str:
    """One code block of about `size` characters."""
    lines = [f"    result[{n}] = compute({n}, limit={n * 3}, retries=5)  # step {n}\n" for n in range(size // 50)]
    return "```python\n" + "".join(lines)[: size - 14] + "\n```"


class Cell:
    """The messages of one run: their bytes, and the times of new text."""

    def __init__(self) -> None:
        self.bytes = 0
        self.final = 0
        self.silent = 0.0
        self.messages = 0


def run(client: Any, text: str, rate: int, characters: int) -> Cell:
    """Stream the text in the kernel and count the bytes that it sends."""
    cell, last, seen = Cell(), time.monotonic(), ""
    sizes: dict[str, int] = {}
    client.session.check_pid = False
    msg_id = client.execute(f"stream({text!r}, {rate}, {characters})", allow_stdin=False)
    while True:
        raw = client.iopub_channel.socket.recv_multipart()
        _, frames = client.session.feed_identities(raw)
        message = client.session.deserialize(frames)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))
        if message["msg_type"] in ("display_data", "update_display_data"):
            size = sum(map(len, raw))
            cell.bytes += size
            cell.messages += 1
            sizes[message["content"]["transient"]["display_id"]] = size
            html = message["content"]["data"].get("text/html", "")
            if len(html) > 600 and html[:-200] != seen:  # not only the clock of the status line
                cell.silent, last, seen = max(cell.silent, time.monotonic() - last), time.monotonic(), html[:-200]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            cell.final = sum(sizes.values())  # each output's last message: what stays
            return cell


def main() -> int:
    """Measure and print; the exit code is 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_000, help="characters of the answer")
    parser.add_argument("--rate", type=int, default=200, help="deltas a second")
    parser.add_argument("--characters", type=int, default=4, help="characters of a delta")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    manager, client = start_new_kernel()
    rows, good = [], True
    try:
        client.execute_interactive(TURN, timeout=60)
        for name, make in (("prose", prose), ("code", code)):
            once = run(client, make(given.size), given.rate, given.characters)
            twice = run(client, make(2 * given.size), given.rate, given.characters)
            row = {
                "answer": name,
                "live/final": round(once.bytes / once.final, 2),
                "twice/once": round(twice.bytes / once.bytes, 2),
                "seconds without text": round(once.silent, 2),
                "live bytes": once.bytes,
                "final bytes": once.final,
                "messages": once.messages,
            }
            rows.append(row)
            good &= row["live/final"] <= BOUND_FINAL and row["twice/once"] <= BOUND_TWICE
            good &= row["seconds without text"] <= BOUND_SECONDS
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    for row in rows:
        print(json.dumps(row) if given.json else "  ".join(f"{key}: {value}" for key, value in row.items()))
    bounds = f"live/final {BOUND_FINAL}, twice/once {BOUND_TWICE}, seconds {BOUND_SECONDS}"
    print(f"bounds ({bounds}): {'held' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
