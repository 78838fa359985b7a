"""Stopping a user's own code, as far as Python allows it: by a signal in the main thread, elsewhere not at all."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from conjure_magic.cancel import Cancel, interruptible, is_guarded

Tell = Callable[[str], None]
"""Shows the user a sentence."""

GRACE = 1.0
"""Seconds that a function has to stop before the user is notified that it is still running."""


def running_on(label: str) -> str:
    """The notice about a function that does not stop."""
    return (
        f"{label} is Python code that cannot be stopped from outside; it continues until it returns. "
        "Interrupt or restart the kernel to end it."
    )


@contextlib.contextmanager
def stoppable(cancel: Cancel, tell: Tell, label: str) -> Iterator[None]:
    """Stop the user's code inside this block when the turn is stopped, as far as Python allows it.

    Raises CancelledError if the code was stopped. If it keeps running, the user is notified after `GRACE`.
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
    """A one-time wait that any thread or signal handler can end; opening it repeatedly is fine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def wait(self) -> None:
        self._lock.acquire()


class _Watcher:
    """Waits, in a thread, until the turn is stopped, and then stops the running function if possible."""

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
            # An interrupt has already raised in the main thread.
            if self._main is not None and self._cancel.reason != "interrupted":
                signal.pthread_kill(self._main, signal.SIGINT)
        if not self._ended.wait(GRACE):
            self._tell(running_on(self._label))

    def end(self) -> None:
        """Send no signal from now on, because the function has returned. One sent before arrives while this waits."""
        with self._lock:
            self._ended.set()
