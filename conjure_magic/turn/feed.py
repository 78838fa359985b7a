"""A turn's events on their way out: pushed to the subscribers first, then yielded to whoever pulls."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import TypeVar

from conjure_magic.events import Body, Event
from conjure_magic.record import TurnRecord

T = TypeVar("T")
log = logging.getLogger(__name__)

Subscriber = Callable[[Event], None]
PATIENCE = 1.0
"""Seconds that a turn waits for subscribers which another thread is telling."""


class Subscribers:
    """Who is told every event, or those of some types."""

    def __init__(self) -> None:
        self.now: list[Subscriber] = []

    def add(self, handler: Callable[[Event], object], events: Collection[type] | None) -> Callable[[], None]:
        """Call `handler` with every event whose body is of a type in `events`, or all, until the result is called."""

        def subscriber(event: Event) -> None:
            if events is None or isinstance(event.body, tuple(events)):
                handler(event)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self.now.remove(subscriber)

        self.now.append(subscriber)
        return unsubscribe


class Feed:
    """Makes the events of one turn, keeps its record, and queues what is to be yielded. Safe from any thread."""

    def __init__(self, session: str, turn: int, subscribers: Sequence[Subscriber]) -> None:
        self.record = TurnRecord()
        self.round = 0
        self._session = session
        self._turn = turn
        self._subscribers = subscribers
        self._seq = 0
        self._lock = threading.Lock()
        self._undelivered: deque[Event] = deque()
        self._deliverer: object = None
        """The call of `emit` that tells the subscribers now; None if none does."""
        self._idle = threading.Condition(self._lock)
        self.pushed: deque[Event] = deque()

    def emit(self, body: Body) -> None:
        """Push an event to the subscribers, in order; the next `drain` yields it.

        One thread delivers at a time, and holds no lock while it does. What is emitted meanwhile, by another thread
        or by a subscriber, is delivered by that thread next; so a subscriber may wait for a thread that emits.
        A subscriber that raises is logged and breaks nothing.
        """
        me = object()
        try:
            with self._lock:
                event = Event(self._session, self._turn, self.round, self._seq, time.time(), body)
                self._seq += 1
                self.record.add(body)
                self.pushed.append(event)
                self._undelivered.append(event)
                if self._deliverer is not None:
                    return
                self._deliverer = me
            while (waiting := self._next_undelivered()) is not None:
                for subscriber in tuple(self._subscribers):
                    _tell(subscriber, waiting)
        finally:
            if self._deliverer is me:  # an interrupt: the next `emit` delivers the rest
                self._deliverer = None

    def _next_undelivered(self) -> Event | None:
        """The next event for the subscribers; if there is none, the delivery is over."""
        with self._lock:
            if self._undelivered:
                return self._undelivered.popleft()
            self._deliverer = None
            self._idle.notify_all()
            return None

    def drain(self) -> Iterator[Event]:
        """Yield what was pushed since the last time, once the subscribers have it.

        Another thread that delivers is waited for no longer than `PATIENCE`.
        """
        if self._deliverer is not None:
            with self._idle:
                self._idle.wait_for(lambda: self._deliverer is None, PATIENCE)
        while self.pushed:
            yield self.pushed.popleft()

    def relay(self, bodies: Generator[Body, None, T]) -> Generator[Event, None, T]:
        """Push and yield what a backend yields; return what it returns. Closing this closes it."""
        with contextlib.closing(bodies):
            while True:
                try:
                    body = next(bodies)
                except StopIteration as stop:
                    yield from self.drain()
                    result: T = stop.value
                    return result
                self.emit(body)
                yield from self.drain()


def _tell(subscriber: Subscriber, event: Event) -> None:
    """Call a subscriber. Whatever it raises is its own fault; only the person's interrupt passes."""
    try:
        subscriber(event)
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit and asyncio's CancelledError too: they must not end the turn
        log.exception("a subscriber failed on %s", type(event.body).__name__)
