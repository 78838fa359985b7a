"""Running a user's function, and stopping it where possible; otherwise the user is informed.

Sync functions run on the turn's thread. In the main thread, an interrupt, a timeout and Stop raise
`KeyboardInterrupt` inside them. In other threads Python has no way to stop them, and they continue. Async functions run
on an event loop in a helper thread, where a task can be cancelled; `asyncio.run` does not work inside a cell.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import io
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from conjure_magic.cancel import Cancel, interruptible
from conjure_magic.user_code import GRACE, Gate, Tell, running_on, stoppable

T = TypeVar("T")


class Caller:
    """Calls functions for a backend; owns the event loop of the async ones."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def call(self, function: Callable[[], Any], cancel: Cancel, tell: Tell, label: str) -> Any:
        """Call the function and return its value, awaited if necessary; a generator's items as a list.

        Raises what the function raises, and CancelledError if the turn was stopped before it returned.
        """
        with stoppable(cancel, tell, label):
            value = function()
            if isinstance(value, Iterator) and not isinstance(value, io.IOBase):
                value = list(value)  # the items are computed by the user's code, so consume them here
        if inspect.isasyncgen(value):
            value = _listed(value)
        if not inspect.isawaitable(value):
            return value
        if cancel.is_set and inspect.iscoroutine(value):
            value.close()
        cancel.raise_if_set()
        return self._await(value, cancel, tell, label)

    def close(self) -> None:
        """Stop the loop and everything that is running on it."""
        loop, self._loop = self._loop, None
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # closed already
                loop.call_soon_threadsafe(_end, loop)

    def _await(self, value: Awaitable[Any], cancel: Cancel, tell: Tell, label: str) -> Any:
        gate, ended = Gate(), threading.Event()

        async def run() -> Any:
            try:
                return await value
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(run(), self._open())
        future.add_done_callback(lambda _: gate.open())
        try:
            with interruptible(cancel), cancel.waking(gate.open):
                gate.wait()
            if not future.done():
                cancel.raise_if_set()
            return future.result()
        except concurrent.futures.CancelledError:
            raise RuntimeError(f"{label} was cancelled by its own code") from None
        finally:
            if not future.done():
                future.cancel()
                if not ended.wait(GRACE):
                    self.close()  # it is blocked, and ends when it no longer is; the next call uses a new loop
                    tell(running_on(label))

    def _open(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(self._loop,), name="conjure-native", daemon=True).start()
        return self._loop


async def _listed(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks of the loop, then stop it; called in its thread."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        asyncio.gather(*tasks, return_exceptions=True).add_done_callback(lambda _: loop.stop())
    else:
        loop.stop()
