"""The fixture of the executor checks: the executor, its folders on this machine, and methods to inspect them."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conjure_magic.cancel import Cancel
from conjure_magic.executors.base import ExecResult, Executor, OutputChunk

DEADLINE = 60.0
"""Seconds after which a waiting check gives up; not used for measurements."""

_numbers = itertools.count(1)

LIST_COMMANDS = """\
if [ -d /proc/self ]; then cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; else ps -A -o args=; fi
"""
"""Shell commands that print the command line of every process."""


@dataclass
class Place:
    """What a subclass of `ExecutorSuite` provides as the fixture `place`."""

    executor: Executor
    workspace: Path
    """The workspace as this machine sees it."""
    input: Path
    """The input folder as this machine sees it, with a file `given.txt` that contains `given`."""
    outside: Path
    """A folder of this machine that no tool may reach, with a file `secret.txt` that contains `outside`."""
    key: str = ""
    """The value of a key in the executor's source environment, and of a secret that it masks."""
    chunks: list[OutputChunk] = field(default_factory=list)
    """The output chunks of the last command."""

    def run(
        self,
        command: str,
        *,
        timeout: float = DEADLINE,
        cancel: Cancel | None = None,
        seen: Callable[[OutputChunk], object] | None = None,
    ) -> ExecResult:
        """Run a command to its end; `seen` is called with each chunk as it arrives."""
        self.chunks = []
        running = self.executor.run(command, timeout=timeout, cancel=cancel or Cancel())
        with contextlib.closing(running):
            while True:
                try:
                    chunk = next(running)
                except StopIteration as stop:
                    result: ExecResult = stop.value
                    return result
                self.chunks.append(chunk)
                if seen is not None:
                    seen(chunk)

    def text(self, command: str) -> str:
        """The output of a command that must succeed."""
        result = self.run(command)
        assert (result.exit_code, result.ended) == (0, "exited"), result
        return result.output

    def is_running(self, marker: str) -> bool:
        """True if a process with the marker in its command line is running."""
        return marker in self.run(LIST_COMMANDS).output

    def stop_after(self, seconds: float) -> Cancel:
        """A cancel that is set after `seconds` seconds."""
        cancel = Cancel()
        timer = threading.Timer(seconds, cancel.set, ("interrupted",))
        timer.daemon = True
        timer.start()
        return cancel


def marker() -> str:
    """Seconds to sleep, hours long, that no other process sleeps: found again in a list of processes."""
    return f"{40_000 + next(_numbers)}.{time.time_ns() % 10**9:09}"


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true; fail after DEADLINE."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


@contextlib.contextmanager
def raises(kind: type[BaseException], text: str = "") -> Iterator[None]:
    """Fail unless the block raises this kind of exception, with the text in its message."""
    caught: BaseException | None = None
    try:
        yield
    except kind as error:
        caught = error
    assert caught is not None, f"no {kind.__name__} was raised"
    assert text in str(caught), f"{text!r} is not in {caught}"
