"""A bound on short waits that costs no thread for each of them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class ShortWaits:
    """Calls what ends a wait once it has lasted too long: after `seconds`, at most twice that.

    One thread looks after all waits and ends when there are none.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waits: dict[object, tuple[float, Callable[[], None]]] = {}
        self._running = False

    @contextlib.contextmanager
    def bound(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end`, which must not block, from another thread if this block takes too long."""
        token = object()
        with self._lock:
            self._waits[token] = (time.monotonic() + self._seconds, end)
            start, self._running = not self._running, True
        if start:
            threading.Thread(target=self._look, name="conjure-short-waits", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._waits.pop(token, None)

    def _look(self) -> None:
        while True:
            time.sleep(self._seconds)
            now = time.monotonic()
            with self._lock:
                if not self._waits:
                    self._running = False
                    return
                # Under the lock: a wait that is over must not be ended, what it waited for is in use again.
                for deadline, end in self._waits.values():
                    if deadline <= now:
                        end()
