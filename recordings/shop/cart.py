"""The shopping cart."""

import logging

from recordings.shop.requests import Answer, Request

log = logging.getLogger("shop.cart")

ADD = "INSERT INTO cart (user, product, quantity) VALUES (?, ?, ?)"
SHOW = "SELECT p.name, c.quantity, p.cents FROM cart c JOIN products p ON p.id = c.product WHERE c.user = ?"


def add(request: Request) -> Answer:
    """Puts a product into the cart."""
    # Deliberately not checked: "two" is the caller's mistake and becomes our traceback.
    quantity = int(request.form["quantity"])
    request.rows(log, ADD, request.name, int(request.form["product"]), quantity)
    log.info("[%s] %s put %d into the cart", request.id, request.name, quantity)
    return 201, {"added": quantity}


def show(request: Request) -> Answer:
    """The products in the cart."""
    rows = request.rows(log, SHOW, request.name)
    log.info("[%s] cart of %s has %d lines", request.id, request.name, len(rows))
    return 200, {"cart": rows}
