"""One guarded GET for addresses that come from a model: which hosts it may reach, how much, how long.

A name is looked up once, its addresses are checked, and the connection goes to the checked address: a second
answer of the name server (DNS rebinding) cannot lead elsewhere. Every redirect is checked in the same way.
No proxy is used, since it would hide which address is reached.
"""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from conjure_magic.api.addresses import allowed_addresses
from conjure_magic.api.connection import FOREIGN, Connection
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ToolError

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, as text."""
ACCEPT = "application/json, application/x-ndjson, text/plain;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What a fetch may do."""

    private: tuple[str, ...] = ()
    """Networks that may be reached though they are not public: "10.0.0.0/8", "127.0.0.1", "localhost", "all"."""
    timeout: float = 30.0
    """Seconds for everything, redirects included."""
    max_bytes: int = 20_000_000
    """Size of the answer, decompressed."""
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer."""

    url: str
    """Where it came from in the end."""
    status: int
    media_type: str
    content: bytes


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def fetch(
    url: str, rules: FetchRules, cancel: Cancel, *, query: Mapping[str, str] | None = None, resolve: Resolve = look_up
) -> Fetched:
    """The answer to a GET, whatever its status; redirects followed.

    Args:
        url: http or https; no user name or password in it.
        rules: limits, and which private networks are allowed.
        cancel: wakes it, wherever it is blocked.
        query: parameters to set in the address; those it has of other names stay.
        resolve: looks names up.

    Raises ToolError, which says what is wrong, if the address may not be fetched, does not answer, takes too long or
    sends too much; CancelledError if the turn is stopped.
    """
    address = checked_url(url)
    if query:
        address = address.copy_merge_params(query)
    run = _Fetching(address, rules, resolve)
    return run.wait(cancel)


def checked_url(text: str) -> httpx.URL:
    """The address. Raises ToolError if it is not one that may be asked for."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ToolError(f"{text[:200]} is no address: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ToolError(f"{text[:200]}: give an address that begins with http:// or https://")
    if url.userinfo:
        raise ToolError("an address must not hold a user name or password")
    return url


class _Fetching:
    """A fetch on a thread of its own, which can be left behind: looking up a name cannot be woken."""

    def __init__(self, url: httpx.URL, rules: FetchRules, resolve: Resolve) -> None:
        self._url = url
        self._rules = rules
        self._resolve = resolve
        self._connection: Connection | None = None
        self._stopped = False
        self._fetched: Fetched | None = None
        self._failure: BaseException | None = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def wait(self, cancel: Cancel) -> Fetched:
        cancel.raise_if_set()
        threading.Thread(target=self._run, name="conjure-fetch", daemon=True).start()
        try:
            with cancel.waking(self._wake):
                in_time = self._gate.acquire(timeout=self._rules.timeout)
        finally:
            self._stopped = True
            connection = self._connection
            if connection is not None:
                connection.abandon()
        cancel.raise_if_set()
        if not in_time:  # whatever comes now was cut short by us
            raise self._too_late()
        if self._fetched is None:
            raise self._failure or ToolError(f"{shown(self._url)} gave no answer")
        return self._fetched

    def _too_late(self) -> ToolError:
        return ToolError(f"{shown(self._url)} did not answer within {self._rules.timeout:g} s")

    def _wake(self) -> None:
        with suppress(RuntimeError):
            self._gate.release()

    def _run(self) -> None:
        try:
            self._fetched = self._follow()
        except ToolError as error:
            self._failure = error
        except httpx.TimeoutException:  # as long as the whole may take, a single step took
            self._failure = self._too_late()
        except FOREIGN as error:
            self._failure = ToolError(f"{shown(self._url)} cannot be reached: {_why(error)}")
        except BaseException as error:  # handed to whoever waits
            self._failure = error
        self._wake()

    def _follow(self) -> Fetched:
        url = self._url
        for _ in range(self._rules.max_redirects + 1):
            found = self._get(url)
            if isinstance(found, Fetched):
                return found
            url = checked_url(str(url.join(found)))
        raise ToolError(f"{shown(self._url)} redirects more than {self._rules.max_redirects} times")

    def _get(self, url: httpx.URL) -> Fetched | str:
        """The answer of one address, or where it sends us."""
        host = url.host
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise ToolError(f"{host} is not known: {_why(error)}") from None
        fine = allowed_addresses(host, addresses, self._rules.private)
        for address in fine:
            try:
                return self._ask(url, address)
            except httpx.ConnectError as error:  # the next address may answer
                if address == fine[-1] or self._stopped:
                    raise ToolError(f"{shown(url)} cannot be reached: {_why(error)}") from None
        raise AssertionError("there is an address")

    def _ask(self, url: httpx.URL, address: str) -> Fetched | str:
        """One request to a checked address, in the host's name."""
        # No keep-alive: two hosts behind one address must not share a connection, whose certificate names one.
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        verify: Any = httpx.create_ssl_context() if url.scheme == "https" else False
        client = httpx.Client(verify=verify, trust_env=False, timeout=self._rules.timeout, limits=limits)
        connection = Connection(client)
        self._connection = connection
        if self._stopped:  # looked at last: whoever stops it sees the connection, or is seen here
            raise ToolError("stopped")
        headers = {"host": _host_header(url), "accept": ACCEPT, "accept-encoding": "identity"}
        headers["user-agent"] = "conjure-magic"
        extensions: dict[str, Any] = {"trace": connection.trace, "sni_hostname": url.raw_host.decode("ascii")}
        with client:
            request = client.build_request("GET", url.copy_with(host=address), headers=headers, extensions=extensions)
            with closing(client.send(request, stream=True, follow_redirects=False)) as response:
                if response.is_redirect and "location" in response.headers:
                    return str(response.headers["location"])
                content = self._read(response)
                media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                return Fetched(str(url), response.status_code, media_type, content)

    def _read(self, response: httpx.Response) -> bytes:
        """The body, decompressed step by step, so that a small answer cannot become a large one unseen."""
        limit = self._rules.max_bytes
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "deflate", ""):
            raise ToolError(f"{shown(self._url)} sends its answer as {encoding}, which was not asked for")
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in ("gzip", "deflate") else None
        content = bytearray()
        for chunk in response.iter_raw():
            try:
                content += inflate.decompress(chunk, limit + 1 - len(content)) if inflate is not None else chunk
            except zlib.error as error:
                raise ToolError(f"{shown(self._url)} sends broken {encoding}: {error}") from None
            if len(content) > limit:
                raise ToolError(f"the answer is larger than {limit:,} bytes; ask for fewer entries")
        return bytes(content)


def shown(url: httpx.URL) -> str:
    """The address without its query, which may hold a key."""
    return str(url.copy_with(query=None, fragment=None))


def _host_header(url: httpx.URL) -> str:
    return url.netloc.decode("ascii")


def _why(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
