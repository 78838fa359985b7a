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
        self._lock = threading.RLock()
        self.pushed: deque[Event] = deque()

    def emit(self, body: Body) -> None:
        """Push an event; it is yielded by the next `drain`. A subscriber that raises is logged and breaks nothing."""
        with self._lock:
            event = Event(self._session, self._turn, self.round, self._seq, time.time(), body)
            self._seq += 1
            self.record.add(body)
            self.pushed.append(event)
            for subscriber in tuple(self._subscribers) if self._subscribers else ():
                try:
                    subscriber(event)
                except Exception:  # its fault is its own
                    log.exception("a subscriber failed on %s", type(body).__name__)

    def drain(self) -> Iterator[Event]:
        """Yield what was pushed since the last time."""
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
