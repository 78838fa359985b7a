"""Stopping a turn: the `Cancel` object, the deadline that sets it, and the guard against interrupts.

The first interrupt does not raise in the middle of our code. It sets the turn's `Cancel`, which wakes whatever
is blocked, and the turn ends in an orderly way. Only inside `interruptible()` (a user's function, a prompt)
does it raise `KeyboardInterrupt` at once. So no `finally` of ours is cut short by a signal, wherever it
arrives; after several more interrupts, one is let through.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Literal

from conjure_magic.errors import CancelledError

StopReason = Literal["interrupted", "stopped", "timeout", "max_cost", "max_rounds", "closed"]

PATIENCE = 3
"""How many interrupts after the first are held back before one raises."""


class Cancel:
    """The stop signal of one turn: set once; it wakes whatever is blocked.

    Safe to use from any thread and from a signal handler, since it takes no lock.
    """

    def __init__(self) -> None:
        self._wakers: list[Callable[[], None]] = []
        self.reason: StopReason | None = None

    def __repr__(self) -> str:
        return f"Cancel({self.reason or 'not set'})"

    @property
    def is_set(self) -> bool:
        """True once the turn was asked to stop."""
        return self.reason is not None

    def set(self, reason: StopReason = "stopped") -> None:
        """Ask the turn to stop; the first reason is kept. Every registered waker is called once."""
        if self.reason is None:
            self.reason = reason
        while self._wakers:
            try:
                waker = self._wakers.pop()
            except IndexError:  # another thread, or a signal handler in this one, was faster
                return
            with contextlib.suppress(Exception):  # a waker that fails must not prevent the others
                waker()

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until the turn is stopped or `seconds` have passed; True if it is stopped."""
        gate = threading.Lock()  # not an Event: its lock is not safe to take in a signal handler
        gate.acquire()
        with self.waking(gate.release):
            gate.acquire(timeout=-1 if seconds is None else max(seconds, 0.0))
        return self.is_set

    def raise_if_set(self) -> None:
        """Raise `CancelledError` with the reason if the turn was asked to stop."""
        if self.reason is not None:
            raise CancelledError(self.reason)

    @contextlib.contextmanager
    def waking(self, waker: Callable[[], None]) -> Iterator[None]:
        """Call `waker` (once, from any thread) if the turn is stopped inside this block, or was stopped before.

        `waker` ends a blocking call inside the block, for example by writing to its wake-up pipe or shutting its
        socket down. It must not block, and may be called after the block has ended.
        """
        self._wakers.append(waker)
        try:
            if self.is_set:
                self.set()
            yield
        finally:
            with contextlib.suppress(ValueError):
                self._wakers.remove(waker)


class Deadline:
    """Sets a `Cancel` with reason "timeout" after `seconds` seconds; waiting for the user does not count."""

    def __init__(self, cancel: Cancel, seconds: float | None) -> None:
        self._cancel = cancel
        self._left = min(seconds, threading.TIMEOUT_MAX) if seconds is not None and seconds > 0 else None
        self._timer: threading.Timer | None = None
        self._started = 0.0

    def start(self) -> None:
        """Start or resume the countdown."""
        if self._left is None or self._timer is not None:
            return
        self._started = time.monotonic()
        self._timer = threading.Timer(max(self._left, 0.0), self._cancel.set, args=("timeout",))
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Pause the countdown; `start` resumes it."""
        timer, self._timer = self._timer, None
        if timer is not None and self._left is not None:
            timer.cancel()
            self._left -= time.monotonic() - self._started

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the countdown inside this block."""
        running = self._timer is not None
        self.stop()
        try:
            yield
        finally:
            if running:
                self.start()


class _Interrupts:
    """The SIGINT handler while a guard is installed."""

    def __init__(self, cancel: Cancel) -> None:
        self.cancel = cancel
        self.count = 0
        self.open = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        self.cancel.set("interrupted")
        if self.open or self.count > 1 + PATIENCE:
            self.open = False
            raise KeyboardInterrupt


_current: _Interrupts | None = None


@contextlib.contextmanager
def interrupt_guard(cancel: Cancel) -> Iterator[None]:
    """Let an interrupt (SIGINT) set `cancel` inside this block, instead of raising.

    Does nothing outside the main thread, where Python delivers no signals. Guards nest: the inner one wins.
    After `PATIENCE` more interrupts, `KeyboardInterrupt` is raised wherever the code is.
    """
    global _current
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    outer, handler = _current, _Interrupts(cancel)
    # First of all: an interrupt while the watcher starts must not raise, and leave its descriptor behind.
    previous = signal.signal(signal.SIGINT, handler)
    try:
        with _watching(cancel):
            _current = handler
            try:
                yield
            finally:
                _current = outer
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _watching(cancel: Cancel) -> Iterator[None]:
    """Set `cancel` from a thread when SIGINT arrives.

    Python runs a signal handler between two steps of the main thread. A signal that arrives just before that
    thread blocks does not end the blocking call: the handler would run only after the wait.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    outer = -1

    def watch() -> None:
        while numbers := reader.recv(64):
            if signal.SIGINT in numbers:
                cancel.set("interrupted")
            others = bytes(number for number in numbers if number != signal.SIGINT)
            if outer >= 0 and others:  # an event loop is waiting for them
                with contextlib.suppress(OSError):
                    os.write(outer, others)

    watcher = threading.Thread(target=watch, name="conjure-interrupts", daemon=True)
    installed = False
    try:
        watcher.start()
        outer = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        installed = True
        yield
    finally:
        if installed:
            try:
                signal.set_wakeup_fd(outer)
            except (ValueError, OSError):  # who set it has closed it since
                signal.set_wakeup_fd(-1)
        writer.close()
        if watcher.ident is not None:
            watcher.join()
        reader.close()


def is_guarded() -> bool:
    """True in the main thread inside `interrupt_guard`, where it is safe to send ourselves a signal."""
    return _current is not None and threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def interruptible(cancel: Cancel) -> Iterator[None]:
    """Let the first interrupt raise at once inside this block; it leaves the block as `CancelledError`.

    For code that is not ours and cannot be woken: a user's function, a prompt. A `KeyboardInterrupt` becomes
    `CancelledError` even without a guard (a library used in a plain script). Such blocks nest, since a user's
    function may ask for input.
    """
    handler = _current if threading.current_thread() is threading.main_thread() else None
    was_open = handler is not None and handler.open
    try:
        try:
            cancel.raise_if_set()
            if handler is not None:
                handler.open = True
                cancel.raise_if_set()  # an interrupt may have arrived just before
            yield
        finally:  # inside the outer try: an interrupt may arrive before `open` is reset
            if handler is not None:
                handler.open = was_open
    except KeyboardInterrupt:
        cancel.set("interrupted")
        raise CancelledError("interrupted") from None
