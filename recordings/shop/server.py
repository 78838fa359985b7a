"""The shop's web server: routes requests, and turns errors into a status and a log line.

Run as `python -m recordings.shop.server DATABASE LOG PORT`; it stops when its standard input closes
and then prints what it logged, counted, as one line of JSON.
"""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from recordings.shop import cart, catalog, payments
from recordings.shop.logs import CountingFileHandler
from recordings.shop.pool import SIZE, ConnectionPool, PoolTimeoutError
from recordings.shop.requests import Answer, Request

log = logging.getLogger("shop.http")


def ready(request: Request) -> Answer:
    """Whether a connection is available, for the health probe."""
    request.rows(log, "SELECT 1")
    return 200, {"ready": True}


ROUTES: tuple[tuple[str, str, Callable[[Request], Answer], logging.Logger], ...] = (
    ("GET", r"/catalog()", catalog.listing, catalog.log),
    ("GET", r"/catalog/(\d+)", catalog.product, catalog.log),
    ("GET", r"/search()", catalog.search, catalog.log),
    ("POST", r"/cart/(\w+)", cart.add, cart.log),
    ("GET", r"/cart/(\w+)", cart.show, cart.log),
    ("POST", r"/checkout/(\w+)", payments.checkout, payments.log),
    ("GET", r"/healthz()", ready, log),
)


def answer(method: str, target: str, request_id: str, body: str, pool: ConnectionPool) -> Answer:
    """Status and content for one request; every failure is logged here, once."""
    url = urlsplit(target)
    for verb, pattern, page, page_log in ROUTES:
        match = re.fullmatch(pattern, url.path)
        if verb != method or match is None:
            continue
        request = Request(request_id, match[1], dict(parse_qsl(body or url.query)), pool)
        try:
            return page(request)
        except PoolTimeoutError as error:
            page_log.error("[%s] %s %s refused: %s", request_id, method, url.path, error)
            return 503, {"error": "try again later"}
        except Exception:
            page_log.exception("[%s] %s %s failed", request_id, method, url.path)
            return 500, {"error": "internal error"}
    log.info("[%s] no page %s", request_id, url.path)
    return 404, {"error": "no such page"}


class ShopServer(ThreadingHTTPServer):
    """Serves the shop on loopback, with one thread per request."""

    request_queue_size = 128

    def __init__(self, port: int, pool: ConnectionPool) -> None:
        self.pool = pool
        super().__init__(("127.0.0.1", port), ShopHandler)


class ShopHandler(BaseHTTPRequestHandler):
    server: ShopServer

    def do_GET(self) -> None:
        self._respond("")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self._respond(self.rfile.read(length).decode("utf-8"))

    def _respond(self, body: str) -> None:
        request_id = self.headers.get("X-Request-ID", "-")
        started = time.monotonic()
        status, content = answer(self.command, self.path, request_id, body, self.server.pool)
        payload = json.dumps(content).encode("utf-8")
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
        except ConnectionError:
            took = time.monotonic() - started
            log.warning("[%s] caller gone before the answer (%d, %.2f s)", request_id, status, took)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Logs nothing: nginx writes the access log."""


def main(database: str, log_file: str, port: str) -> None:
    """Serves until the input closes, then prints the count of what was logged."""
    handler = CountingFileHandler(Path(log_file))
    root = logging.getLogger("shop")
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    server = ShopServer(int(port), ConnectionPool(Path(database)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root.info("started with a pool of %d connections", SIZE)
    sys.stdin.read()
    root.info("stopping on the operator's request")
    print(handler.finish(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
