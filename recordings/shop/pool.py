"""A bounded pool of database connections, which can be exhausted."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recordings.shop.database import connect

SIZE = 4
WAIT_S = 1.0
BUSY_S = 3.5
NOTED_WAIT_S = 0.25
ALARM_S = 5.0

log = logging.getLogger("shop.pool")


class PoolTimeoutError(Exception):
    """No connection became free in time."""


class ConnectionPool:
    """Lends `SIZE` connections; a request waits up to `WAIT_S` seconds for one."""

    def __init__(self, path: Path) -> None:
        self._free = [connect(path, BUSY_S) for _ in range(SIZE)]
        self._changed = threading.Condition()
        self._waiting = 0
        self._dry_since: float | None = None
        self._alarmed = False

    @contextmanager
    def connection(self, request_id: str) -> Iterator[sqlite3.Connection]:
        """A connection for use inside the block.

        Raises:
            PoolTimeoutError: all connections were in use for `WAIT_S` seconds.
        """
        connection = self._take(request_id)
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.rollback()
            self._give_back(connection)

    def _take(self, request_id: str) -> sqlite3.Connection:
        started = time.monotonic()
        with self._changed:
            if not self._free and self._dry_since is None:
                self._dry_since = started
            self._waiting += 1
            arrived = self._changed.wait_for(lambda: self._free, WAIT_S)
            self._waiting -= 1
            if not arrived:
                self._alarm_if_dry_for_long()
                raise PoolTimeoutError(
                    f"no connection within {WAIT_S} s ({SIZE} of {SIZE} in use, {self._waiting} more waiting)"
                )
            connection = self._free.pop()
        waited = time.monotonic() - started
        if waited > NOTED_WAIT_S:
            log.warning("[%s] waited %.2f s for a connection", request_id, waited)
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._changed:
            self._free.append(connection)
            if not self._waiting:
                self._dry_since, self._alarmed = None, False
            self._changed.notify()

    def _alarm_if_dry_for_long(self) -> None:
        dry = time.monotonic() - (self._dry_since or time.monotonic())
        if dry > ALARM_S and not self._alarmed:
            self._alarmed = True
            log.critical("pool dry for %.1f s: %d of %d connections in use", dry, SIZE, SIZE)
