"""The requests of a day at the shop: generated in advance from a seed, then sent in real time."""

import http.client
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

from recordings.shop.database import ADJECTIVES, MATERIALS, PRODUCTS, THINGS
from recordings.story import Story

CUSTOMERS = 40
HOST = "shop.example"
PATIENCE_S = {"ShopWeb/3.2": 10.0, "ShopApp/5.1": 2.0}
PROBE_EVERY_S = 5.0
# Times, as fractions of the story, of errors unrelated to the incident.
WRONG_QUANTITY_AT = (0.08, 0.17, 0.31, 0.79, 0.94)
CRAWLER_AT = (0.13, 0.86)
SCANNER_AT = (0.22,)
LARGE_BODY_AT = (0.28, 0.82)


@dataclass(frozen=True)
class Call:
    """One request to send: its time (seconds from the start), its client and its timeout."""

    at: float
    client: int
    method: str
    path: str
    form: str = ""
    agent: str = "ShopWeb/3.2"
    patience: float = 10.0


def draw_calls(story: Story) -> list[Call]:
    """All requests of a story in order of time, the same ones for the same story."""
    rng = random.Random(story.seed)
    calls = [*_customers(story, rng), *_probes(story), *_noise(story)]
    return sorted(calls, key=lambda call: call.at)


def _customers(story: Story, rng: random.Random) -> Iterator[Call]:
    at = rng.expovariate(story.rate)
    while at < story.seconds:
        customer = rng.randrange(CUSTOMERS)
        agent = "ShopApp/5.1" if customer % 3 == 0 else "ShopWeb/3.2"
        method, path, form = _page(rng, f"u{customer:02d}")
        yield Call(at, 10 + customer, method, path, form, agent, PATIENCE_S[agent])
        at += rng.expovariate(story.rate)


def _page(rng: random.Random, user: str) -> tuple[str, str, str]:
    product = rng.randrange(1, PRODUCTS + 1500)
    add = urlencode({"product": product, "quantity": rng.randrange(1, 4)})
    card = urlencode({"card": "expired" if rng.random() < 0.08 else "valid"})
    word = rng.choice(rng.choice((ADJECTIVES, MATERIALS, THINGS)))
    pages = (
        (30, ("GET", f"/catalog?page={rng.randrange(1, 400)}", "")),
        (30, ("GET", f"/catalog/{product}", "")),
        (12, ("GET", f"/search?q={word}", "")),
        (14, ("POST", f"/cart/{user}", add)),
        (5, ("GET", f"/cart/{user}", "")),
        (9, ("POST", f"/checkout/{user}", card)),
    )
    return rng.choices([page for _, page in pages], [weight for weight, _ in pages])[0]


def _probes(story: Story) -> Iterator[Call]:
    at = 1.0
    while at < story.seconds:
        yield Call(at, 2, "GET", "/healthz", agent="probe/1.0")
        at += PROBE_EVERY_S


def _noise(story: Story) -> Iterator[Call]:
    for part in WRONG_QUANTITY_AT:
        form = urlencode({"product": 7, "quantity": "two"})
        yield Call(part * story.seconds, 60, "POST", "/cart/u60", form, "partner-import/0.4")
    for part in CRAWLER_AT:
        for page in range(16):
            at = part * story.seconds + 0.03 * page
            yield Call(at, 70, "GET", f"/catalog?page={page + 1}", agent="price-crawler/0.9")
    for part in SCANNER_AT:
        for step, path in enumerate(("/admin", "/admin/login", "/.env", "/wp-login.php")):
            yield Call(part * story.seconds + 0.1 * step, 71, "GET", path, agent="-")
    for part in LARGE_BODY_AT:
        yield Call(part * story.seconds, 61, "POST", "/cart/u61", "note=" + 20_000 * "x")


class Clients:
    """Sends calls to a port on loopback and counts the responses."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._several_addresses = _loopback_has_many_addresses()
        self.by_outcome: Counter[str] = Counter()

    def send(self, calls: list[Call], started: float) -> None:
        """Sends every call at its time after `started` (monotonic) and waits for the last answer."""
        # Enough threads that a blocked shop never delays the next customer.
        with ThreadPoolExecutor(max_workers=128) as executor:
            for number, call in enumerate(calls, 1):
                time.sleep(max(0.0, started + call.at - time.monotonic()))
                executor.submit(self._send, f"r{number:05d}", call)

    def _send(self, request_id: str, call: Call) -> None:
        try:
            outcome = str(self._status(request_id, call))
        except TimeoutError:
            outcome = "gave up"
        except (OSError, http.client.HTTPException) as error:
            outcome = type(error).__name__
        self.by_outcome[outcome] += 1

    def _status(self, request_id: str, call: Call) -> int:
        address = f"127.0.0.{call.client}" if self._several_addresses else "127.0.0.1"
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=call.patience, source_address=(address, 0)
        )
        headers = {
            "Host": HOST,
            "User-Agent": call.agent,
            "X-Request-ID": request_id,
            "Connection": "close",
        }
        if call.form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(call.method, call.path, call.form or None, headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()


def _loopback_has_many_addresses() -> bool:
    """Linux accepts all addresses in 127.0.0.0/8, macOS only 127.0.0.1."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:
            return False
        return True
