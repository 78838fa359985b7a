"""One HTTP request at a time per connection, each of which can be stopped wherever it is blocked.

Closing a response or a client from another thread does not wake a blocked read; shutting its socket down
does. Before there are headers the only way to that socket is httpx's `trace` extension, which reports new
connections alone: so each `Connection` is a client with one connection, and remembers its stream. Looking up a
name and connecting cannot be woken at all; they happen on a thread that can be left behind, and that thread
is also the only one whose frames ever contain a header with a key.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import urllib.request
import weakref
from collections.abc import Callable, Generator
from typing import Any

import httpx

from conjure_magic.api import error_translation
from conjure_magic.api.credentials import Credentials
from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError

ERROR_BODY = 64_000
"""Bytes read of the body of an error."""
IDLE_CONNECTIONS = 32
"""Connections kept for later when many turns have run at once."""
KEEPALIVE = 60.0
"""Seconds that an idle connection is used again; tools run in between."""
CONNECTED = (".connect_tcp.complete", ".start_tls.complete")

FOREIGN = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError)
"""What httpx raises for faults of the network or the server."""
RETRIED = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError, httpx.ProxyError)
"""Errors after which another try may succeed, as long as no header has arrived."""


class KeyAuth(httpx.Auth):
    """Puts the key into a request's headers, and nowhere else."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header that the mode names; one try, no challenge is answered."""
        key, mode = self._credentials.key, self._credentials.mode
        if key is not None and mode in ("x-api-key", "both"):
            request.headers["x-api-key"] = key.reveal()
        if key is not None and mode in ("bearer", "both"):
            request.headers["authorization"] = f"Bearer {key.reveal()}"
        yield request


class Connection:
    """A client with one connection, whose stream can be shut down to wake a blocked read."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.stream: Any = None
        self._abandoned = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Remember each new connection, as httpx's `trace` extension reports it."""
        if event.endswith(CONNECTED):
            self.stream = info["return_value"]
        if self._abandoned:
            self.shut()

    def shut(self) -> None:
        """Shut the socket down: a blocked read ends at once. Any thread or signal handler may do this."""
        sock = self.stream.get_extra_info("socket") if self.stream is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not the SSLSocket's own method, which drops its TLS state under the reader's feet.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def abandon(self) -> None:
        """End this request, whose answer is no longer needed, now or as soon as it has a socket."""
        self._abandoned = True
        self.shut()


class ConnectionPool:
    """The connections to one server: one for each request that runs, idle ones kept for the next.

    Args:
        https: whether the server is reached by TLS.
        client: an httpx client to use for all requests instead, such as a test's; it is not closed here.
        connect: seconds for a connection to come up.
        idle: seconds without a byte until a read counts as stalled.
    """

    def __init__(self, *, https: bool, client: httpx.Client | None, connect: float, idle: float) -> None:
        self._https = https
        self._shared = client
        self._timeout = httpx.Timeout(idle, connect=connect)
        self._tls: ssl.SSLContext | None = None
        self._idle: list[Connection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def take(self) -> Connection:
        """Return a connection for one request; `give` it back, or close its client."""
        if self._shared is not None:
            return Connection(self._shared)
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self._open())

    def give(self, connection: Connection) -> None:
        """Keep the connection for the next request."""
        if self._shared is not None:
            return
        if self._finalizer.alive and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.client.close()

    def discard(self, connection: Connection) -> None:
        """Close the connection for good."""
        if self._shared is None:
            connection.client.close()

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are returned."""
        self._finalizer()

    def _open(self) -> httpx.Client:
        """A new client. Raises ModelUnavailableError if the environment's certificates or proxies cannot be used.

        It is made on a thread of its own: httpx reads the environment meanwhile, and a traceback with values shows the
        variables of every frame that an interrupt hits.
        """
        made: list[httpx.Client] = []
        failures: list[Exception] = []

        def work() -> None:
            try:
                made.append(self._new_client())
            except (OSError, ImportError, ValueError, httpx.InvalidURL) as error:
                failures.append(error_translation.from_environment(error))
            except BaseException as error:
                failures.append(_without_frames(error))

        thread = threading.Thread(target=work, name="conjure-http-client", daemon=True)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]
        return made[0]

    def _new_client(self) -> httpx.Client:
        if self._tls is None:
            # Loading the certificates takes longer than a request to this machine, which needs none of them.
            plain = not self._https and not urllib.request.getproxies()
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx.create_ssl_context()
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE)
        return httpx.Client(
            verify=self._tls, timeout=self._timeout, limits=limits, headers={"user-agent": "conjure-magic"}
        )


def _without_frames(error: BaseException) -> Exception:
    """The error of another thread without its frames, whose variables a traceback with values would show."""
    plain = error if isinstance(error, Exception) else RuntimeError(repr(error))
    plain.__traceback__ = plain.__context__ = plain.__cause__ = None
    return plain


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().client.close()


class Attempt:
    """One try of a request, up to its headers, on a thread of its own."""

    def __init__(
        self,
        connection: Connection,
        request: httpx.Request,
        credentials: Credentials,
        idle: float,
        discard: Callable[[Connection], None],
    ) -> None:
        self.failure: Exception | None = None
        self.may_retry = False
        self.connection = connection
        self._request = request
        self._auth = KeyAuth(credentials)
        self._server = credentials.server
        self._idle = idle
        self._discard = discard
        self._response: httpx.Response | None = None
        self._claim = threading.Lock()  # the first to take it decides who cleans up
        self._gate = threading.Lock()
        self._gate.acquire()

    def wait(self, cancel: Cancel) -> httpx.Response | None:
        """The response with status 2xx, its body unread; None if `failure` says why there is none.

        Raises CancelledError at once when the turn is stopped; the thread cleans up after itself.
        """
        threading.Thread(target=self._run, name="conjure-http", daemon=True).start()
        woken = False
        try:
            with cancel.waking(self._wake):
                self._gate.acquire()
            woken = not cancel.is_set
        finally:
            if self._claim.acquire(blocking=False):  # the thread is still at it
                self.connection.abandon()
            elif not woken:
                self._clean_up()
        cancel.raise_if_set()
        return self._response

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # released already
            self._gate.release()

    def _run(self) -> None:
        try:
            self._send()
        except FOREIGN as error:
            self.failure = error_translation.from_exception(error, self._idle, self._server)
            self.may_retry = isinstance(error, RETRIED) and not error_translation.is_untrusted(error)
        except BaseException as error:  # a bug, raised in the waiting thread, without frames that contain headers
            self.failure = _without_frames(error)
        if self._claim.acquire(blocking=False):
            self._wake()
        else:
            self._clean_up()

    def _send(self) -> None:
        self._request.extensions["trace"] = self.connection.trace
        response = self.connection.client.send(self._request, stream=True, auth=self._auth, follow_redirects=False)
        if response.is_success:
            self.connection.stream = response.extensions.get("network_stream", self.connection.stream)
            self._response = response
            return
        content = _error_body(response)
        error = error_translation.from_response(response.status_code, response.headers, content)
        self.failure, self.may_retry = error, error_translation.may_retry(error, response.headers)

    def _clean_up(self) -> None:
        if self._response is not None:
            with contextlib.suppress(*FOREIGN):
                self._response.close()
        self._discard(self.connection)


def _error_body(response: httpx.Response) -> bytes:
    """The beginning of an error's body, or as much of it as comes."""
    content = bytearray()
    with contextlib.suppress(*FOREIGN), contextlib.closing(response):
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) >= ERROR_BODY:
                break
    return bytes(content[:ERROR_BODY])


def failed(error: Exception, cancel: Cancel, idle: float, server: str) -> Exception:
    """The exception to raise instead of one from reading an answer."""
    if cancel.is_set:
        return CancelledError(cancel.reason or "stopped")
    if isinstance(error, FOREIGN):
        return error_translation.from_exception(error, idle, server)
    return error
