"""Requests, as the shop's pages receive them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recordings.shop.database import query
from recordings.shop.pool import ConnectionPool

Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Request:
    """One request, parsed: its id, the part of the path that varies, and the form's fields."""

    id: str
    name: str
    form: Mapping[str, str]
    pool: ConnectionPool

    def rows(self, log: logging.Logger, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of one statement on a connection of its own."""
        with self.pool.connection(self.id) as connection:
            return query(connection, log, self.id, sql, values)
