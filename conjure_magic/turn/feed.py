"""The event feed of a turn: events are pushed to the subscribers first, and then yielded to the caller."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import TypeVar

from conjure_magic.events import Body, Event
from conjure_magic.turn_record import TurnRecord

T = TypeVar("T")
log = logging.getLogger(__name__)

Subscriber = Callable[[Event], None]
PATIENCE = 1.0
"""Seconds that a turn waits while another thread delivers to the subscribers."""


class Subscribers:
    """The subscribers to a session's events."""

    def __init__(self) -> None:
        self.now: list[Subscriber] = []

    def add(self, handler: Callable[[Event], object], events: Collection[type] | None) -> Callable[[], None]:
        """Call `handler` with every event whose body has a type in `events` (None: all types).

        Returns a function that ends the subscription.
        """

        def subscriber(event: Event) -> None:
            if events is None or isinstance(event.body, tuple(events)):
                handler(event)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self.now.remove(subscriber)

        self.now.append(subscriber)
        return unsubscribe


class Feed:
    """Creates the events of one turn, keeps its record, and queues events to be yielded. Safe from any thread."""

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
        """The call of `emit` that is delivering to the subscribers; None if there is none."""
        self._idle = threading.Condition(self._lock)
        self.pushed: deque[Event] = deque()

    def emit(self, body: Body) -> None:
        """Push an event to the subscribers, in order; the next `drain` yields it.

        One thread delivers at a time, and holds no lock meanwhile. Events emitted in the meantime, by another thread
        or by a subscriber, are delivered next by the same thread; so a subscriber may wait for a thread that emits.
        An exception of a subscriber is logged and does not end the turn.
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
                    _deliver(subscriber, waiting)
        finally:
            if self._deliverer is me:  # an interrupt: the next `emit` delivers the rest
                self._deliverer = None

    def _next_undelivered(self) -> Event | None:
        """The next event for the subscribers; if there is none, end the delivery and return None."""
        with self._lock:
            if self._undelivered:
                return self._undelivered.popleft()
            self._deliverer = None
            self._idle.notify_all()
            return None

    def drain(self) -> Iterator[Event]:
        """Yield the events pushed since the last call, once the subscribers have received them.

        Waits up to `PATIENCE` seconds for another thread that is delivering.
        """
        if self._deliverer is not None:
            with self._idle:
                self._idle.wait_for(lambda: self._deliverer is None, PATIENCE)
        while self.pushed:
            yield self.pushed.popleft()

    def relay(self, bodies: Generator[Body, None, T]) -> Generator[Event, None, T]:
        """Push and yield the events of a backend, and return its result. Closing this closes `bodies`."""
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


def _deliver(subscriber: Subscriber, event: Event) -> None:
    """Call a subscriber, logging whatever it raises; only an interrupt by the user passes through."""
    try:
        subscriber(event)
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit and asyncio's CancelledError too: they must not end the turn
        log.exception("a subscriber failed on %s", type(event.body).__name__)
