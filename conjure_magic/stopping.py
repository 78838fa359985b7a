"""Stopping a person's own code, as far as Python lets us: in the main thread by a signal, elsewhere not at all."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from conjure_magic.cancel import Cancel, interruptible, is_guarded

Tell = Callable[[str], None]
"""Tells the person a sentence."""

GRACE = 1.0
"""Seconds that a function gets to stop before the person is told that it runs on."""


def running_on(label: str) -> str:
    """What the person is told of a function that does not stop."""
    return (
        f"{label} is Python code that cannot be stopped from outside; it goes on until it returns. "
        "Interrupt or restart the kernel to end it."
    )


@contextlib.contextmanager
def stoppable(cancel: Cancel, tell: Tell, label: str) -> Iterator[None]:
    """Run a person's code inside this block: stopped when the turn is, as far as Python lets us.

    Leaves with CancelledError if the code was stopped. If it runs on, the person is told so after `GRACE`.
    """
    watcher = _Watcher(cancel, tell, label)
    thread = threading.Thread(target=watcher.run, name="conjure-stop", daemon=True)
    thread.start()
    try:
        with interruptible(cancel), cancel.waking(watcher.gate.open):
            try:
                yield
            finally:
                watcher.end()
    finally:
        watcher.end()
        watcher.gate.open()


class Gate:
    """Waits once; may be opened again and again, from any thread and from a signal handler."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def wait(self) -> None:
        self._lock.acquire()


class _Watcher:
    """Waits beside a running function for the turn to be stopped, and then stops the function if it can."""

    def __init__(self, cancel: Cancel, tell: Tell, label: str) -> None:
        self.gate = Gate()
        self._cancel = cancel
        self._tell = tell
        self._label = label
        self._main = threading.main_thread().ident if is_guarded() else None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def run(self) -> None:
        self.gate.wait()
        with self._lock:
            if self._ended.is_set():
                return
            # An interrupt has raised already, in the thread that heard it.
            if self._main is not None and self._cancel.reason != "interrupted":
                signal.pthread_kill(self._main, signal.SIGINT)
        if not self._ended.wait(GRACE):
            self._tell(running_on(self._label))

    def end(self) -> None:
        """The function is over: no signal is sent from now on. One sent before arrives while this waits."""
        with self._lock:
            self._ended.set()
