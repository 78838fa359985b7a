"""Looking at real processes from a test."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE = 60.0


def living(marker: str) -> list[int]:
    """The processes, zombies left out, that have the marker in their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if marker.encode() in (folder / "cmdline").read_bytes() and state != b"Z":
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until it holds; fail after a deadline that only guards against hanging."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def end_all(marker: str) -> None:
    """Kill what a failed test left."""
    for pid in living(marker):
        os.kill(pid, signal.SIGKILL)
