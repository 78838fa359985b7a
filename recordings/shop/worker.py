"""The shop's background worker: mails orders, and keeps the search index fresh.

Run as `python -m recordings.shop.worker DATABASE LOG`; it takes an operator's commands, one a line,
from standard input (`reindex full`, `cancel`) and stops when that closes.
"""

import json
import sqlite3
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recordings.shop.database import PRODUCTS, connect

BUSY_S = 2.0
MAIL_EVERY_S = 5.0
REINDEX_EVERY_S = 10.0
SMALL_BATCH = 20
FULL_BATCH = 600
# Meant to leave the machine to the shop. But the pause is inside the transaction, so it only
# prolongs the lock. This is the fault behind the incident.
PAUSE_PER_PRODUCT_S = 0.004
GAP_S = 0.04


class JsonLog:
    """Appends JSON objects, one per line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, level: str, job: str, message: str, **fields: Any) -> None:
        """Appends one record."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "level": level, "job": job, "message": message, **fields}
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


class Worker:
    """Runs the periodic jobs on threads of their own until `stop` is set."""

    def __init__(self, database: Path, log: JsonLog) -> None:
        self._database = database
        self._log = log
        self._next_product = 1
        self.stop = threading.Event()
        self.full = threading.Event()
        self.cancel = threading.Event()

    def mail(self) -> None:
        """Confirms paid orders, every `MAIL_EVERY_S` seconds."""
        connection = connect(self._database, BUSY_S)
        while not self.stop.wait(MAIL_EVERY_S):
            try:
                self._mail_orders(connection)
            except sqlite3.OperationalError as error:
                self._log.write("error", "mail", "run failed", error=str(error))

    def _mail_orders(self, connection: sqlite3.Connection) -> None:
        orders = connection.execute("SELECT id, user FROM orders WHERE NOT mailed").fetchall()
        for order, user in orders:
            connection.execute("UPDATE orders SET mailed = 1 WHERE id = ?", (order,))
            self._log.write("info", "mail", "confirmation sent", order=order, user=user)

    def reindex(self) -> None:
        """Updates the index: a small batch every `REINDEX_EVERY_S` seconds, or everything on request."""
        connection = connect(self._database, BUSY_S)
        while not self.stop.is_set():
            wanted_full = self.full.wait(REINDEX_EVERY_S)
            if self.stop.is_set():
                return
            try:
                if wanted_full:
                    self._reindex_all(connection)
                else:
                    held = self._reindex_batch(connection, SMALL_BATCH)
                    self._log.write("info", "reindex", "batch done", products=SMALL_BATCH, lock_ms=held)
            except sqlite3.OperationalError as error:
                self._log.write("error", "reindex", "run failed", error=str(error))

    def _reindex_all(self, connection: sqlite3.Connection) -> None:
        batches = PRODUCTS // FULL_BATCH
        self._log.write("info", "reindex", "full rebuild started", batches=batches)
        for number in range(1, batches + 1):
            held = self._reindex_batch(connection, FULL_BATCH)
            if self.cancel.is_set():
                break
            self._log.write("warning", "reindex", "long lock", batch=number, products=FULL_BATCH, lock_ms=held)
            time.sleep(GAP_S)
        self.full.clear()
        outcome = "full rebuild cancelled" if self.cancel.is_set() else "full rebuild done"
        self._log.write("warning", "reindex", outcome, batch=number, batches=batches)
        self.cancel.clear()

    def _reindex_batch(self, connection: sqlite3.Connection, size: int) -> int:
        connection.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        for _ in range(size):
            if self.cancel.is_set():
                break
            self._reindex_product(connection)
            time.sleep(PAUSE_PER_PRODUCT_S)
        connection.execute("COMMIT")
        return round(1000 * (time.monotonic() - started))

    def _reindex_product(self, connection: sqlite3.Connection) -> None:
        product = self._next_product
        self._next_product = product % PRODUCTS + 1
        [(name,)] = connection.execute("SELECT name FROM products WHERE id = ?", (product,))
        connection.execute("DELETE FROM search WHERE product = ?", (product,))
        words = [(word, product) for word in name.split()]
        connection.executemany("INSERT INTO search VALUES (?, ?)", words)


def main(database: str, log_file: str) -> None:
    """Runs the jobs and the operator's commands until the input closes."""
    log = JsonLog(Path(log_file))
    worker = Worker(Path(database), log)
    log.write("info", "worker", "started")
    threads = [threading.Thread(target=job) for job in (worker.mail, worker.reindex)]
    for thread in threads:
        thread.start()
    for line in sys.stdin:
        command = line.strip()
        log.write("info", "worker", "operator's command", command=command)
        {"reindex full": worker.full, "cancel": worker.cancel}[command].set()
    for event in (worker.stop, worker.cancel, worker.full):
        event.set()
    for thread in threads:
        thread.join()
    log.write("info", "worker", "stopped")


if __name__ == "__main__":
    main(*sys.argv[1:])
