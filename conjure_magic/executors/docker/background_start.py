"""Starting a container in the background: progress is shown, and stopping the turn does not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from queue import SimpleQueue
from typing import Generic, TypeVar

from conjure_magic.cancel import Cancel

T = TypeVar("T")


class Starting(threading.Thread, Generic[T]):
    """A function that runs in its own thread."""

    def __init__(self, work: Callable[[Callable[[str], None]], T]) -> None:
        """Start at once: `work` gets a function that takes lines of progress."""
        super().__init__(name="conjure-docker-start", daemon=True)
        self._work = work
        self._said: SimpleQueue[str | None] = SimpleQueue()
        self._done: T | None = None
        self._failed: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Run the function and keep its result or error."""
        try:
            self._done = self._work(self._said.put)
        except BaseException as error:
            self._failed = error
        self._said.put(None)

    def wait(self, cancel: Cancel) -> Generator[str, None, bool]:
        """Yield each line of progress; True once it is done or has failed, False if `cancel` was set before."""
        with cancel.waking(lambda: self._said.put(None)):  # may be called in a signal handler, as `put` may
            while True:
                line = self._said.get()
                if line is not None:
                    yield line
                elif cancel.is_set and self.is_alive():
                    return False
                else:
                    self.join()
                    return True

    def result(self) -> T:
        """Wait for the result. Raises what the function raised."""
        self.join()
        if self._failed is not None:
            raise self._failed
        return self._done  # type: ignore[return-value]
