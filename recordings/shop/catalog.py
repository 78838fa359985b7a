"""Pages that show products."""

import logging

from recordings.shop.requests import Answer, Request

log = logging.getLogger("shop.catalog")

LISTING = "SELECT id, name, cents FROM products WHERE id > ? ORDER BY id LIMIT 12"
PRODUCT = "SELECT id, name, cents, stock FROM products WHERE id = ?"
SEARCH = "SELECT p.id, p.name, p.cents FROM search s JOIN products p ON p.id = s.product WHERE s.word = ? LIMIT 12"


def listing(request: Request) -> Answer:
    """Twelve products of one page."""
    page = int(request.form.get("page", "1"))
    rows = request.rows(log, LISTING, 12 * (page - 1))
    log.info("[%s] listed page %d", request.id, page)
    return 200, {"products": rows}


def product(request: Request) -> Answer:
    """One product, or 404."""
    rows = request.rows(log, PRODUCT, int(request.name))
    if not rows:
        log.info("[%s] no product %s", request.id, request.name)
        return 404, {"error": "no such product"}
    log.info("[%s] showed product %s", request.id, request.name)
    return 200, {"product": rows[0]}


def search(request: Request) -> Answer:
    """Twelve products whose name has the word."""
    word = request.form["q"]
    rows = request.rows(log, SEARCH, word)
    log.info("[%s] search for '%s' found %d", request.id, word, len(rows))
    return 200, {"products": rows}
