"""Paying for what is in the cart."""

import logging

from recordings.shop.database import query
from recordings.shop.requests import Answer, Request

log = logging.getLogger("shop.payments")

TOTAL = "SELECT coalesce(sum(c.quantity * p.cents), 0) FROM cart c JOIN products p ON p.id = c.product WHERE c.user = ?"
ORDER = "INSERT INTO orders (user, cents) VALUES (?, ?) RETURNING id"
EMPTY = "DELETE FROM cart WHERE user = ?"


def checkout(request: Request) -> Answer:
    """Turns the cart into an order, within one transaction."""
    user = request.name
    if request.form["card"] == "expired":
        log.warning("[%s] payment declined for %s: card expired", request.id, user)
        return 402, {"error": "card expired"}
    with request.pool.connection(request.id) as connection:
        query(connection, log, request.id, "BEGIN IMMEDIATE")
        [(cents,)] = query(connection, log, request.id, TOTAL, (user,))
        [(order,)] = query(connection, log, request.id, ORDER, (user, cents))
        query(connection, log, request.id, EMPTY, (user,))
        query(connection, log, request.id, "COMMIT")
    log.info("[%s] order %d of %s paid: %.2f", request.id, order, user, cents / 100)
    return 201, {"order": order}
