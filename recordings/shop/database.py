"""The shop's SQLite file: its tables, and queries that log when they are slow."""

import logging
import random
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SLOW_S = 0.5
PRODUCTS = 48_000

ADJECTIVES = ["amber", "brisk", "calm", "dusty", "early", "faint", "gentle", "hollow", "ivory", "jolly"]
MATERIALS = ["oak", "tin", "linen", "glass", "clay", "cork", "wool", "brass", "paper", "stone"]
THINGS = ["lamp", "kettle", "chair", "basket", "clock", "mirror", "bowl", "ladder", "pillow", "shelf"]

SCHEMA = """
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, cents INTEGER, stock INTEGER);
CREATE TABLE search (word TEXT, product INTEGER);
CREATE INDEX search_word ON search (word);
CREATE INDEX search_product ON search (product);
CREATE TABLE cart (user TEXT, product INTEGER, quantity INTEGER);
CREATE INDEX cart_user ON cart (user);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user TEXT, cents INTEGER, mailed INTEGER DEFAULT 0);
"""


def create(path: Path, seed: int) -> None:
    """Creates the database file and fills the catalogue, which depends only on the seed."""
    rng = random.Random(seed)
    names = [f"{rng.choice(ADJECTIVES)} {rng.choice(MATERIALS)} {rng.choice(THINGS)}" for _ in range(PRODUCTS)]
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    connection.executemany(
        "INSERT INTO products (name, cents, stock) VALUES (?, ?, ?)",
        [(name, rng.randrange(300, 20_000), rng.randrange(1000)) for name in names],
    )
    words = [(word, product) for product, name in enumerate(names, 1) for word in name.split()]
    connection.executemany("INSERT INTO search VALUES (?, ?)", words)
    connection.commit()
    connection.close()


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection that waits up to `busy_s` seconds for a lock before "database is locked"."""
    # No PRAGMA here: it would need the lock, and a shop restarted during a rebuild would not start.
    return sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)


def query(
    connection: sqlite3.Connection,
    log: logging.Logger,
    request_id: str,
    sql: str,
    values: Iterable[Any] = (),
) -> list[tuple[Any, ...]]:
    """The rows of one statement; warns when it took longer than `SLOW_S` seconds."""
    started = time.monotonic()
    rows = connection.execute(sql, tuple(values)).fetchall()
    took = time.monotonic() - started
    if took > SLOW_S:
        log.warning("[%s] slow query: %.2f s for %s", request_id, took, sql)
    return rows
