"""Requests to one server: send them, retry them with a notice, read the answers."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import httpx

from conjure_magic.api import error_translation
from conjure_magic.api.connection import Attempt, Connection, ConnectionPool, failed
from conjure_magic.api.credentials import BY_HAND, Credentials
from conjure_magic.api.events import read_events
from conjure_magic.api.short_waits import ShortWaits
from conjure_magic.cancel import Cancel
from conjure_magic.errors import AuthenticationError, ModelError, ProtocolError, UsageError
from conjure_magic.events import Notice
from conjure_magic.remedies import KEY, Remedy
from conjure_magic.settings import IDLE_TIMEOUT

VERSION = "2026-10-21"
"""`anthropic-version` for Anthropic's own server."""
COMPATIBLE_VERSION = "2023-06-01"
"""The version that every other server knows."""
PIECE = 128 << 10
"""Bytes of a long request that are handed to the socket at once."""
SHORT_WAITS = ShortWaits(0.5)
"""Seconds that an answer may take to end after its last event; then its connection is closed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, and how often to try again before an answer has begun."""

    retries: int = 4
    backoff: float = 0.5
    """Seconds before the second try; twice as many before each further one, 16 times at most."""
    retry_after: float = 60.0
    """Longest wait in seconds that a server may ask for; if it asks for more, the request fails at once."""
    connect: float = 10.0
    idle: float = IDLE_TIMEOUT
    """Seconds without a byte, before or in an answer, until it counts as stalled."""
    loading: float = 300.0
    """Seconds that a server may take to load its model."""
    loading_pause: float = 2.0
    """Seconds between two tries meanwhile."""
    event_bytes: int = 64 << 20
    """Bytes that one event of a stream may have."""

    def wait(self, attempt: int, error: ModelError) -> float | None:
        """Seconds until the next try, `attempt` counted from 1; None if there is none."""
        if attempt > self.retries:
            return None
        if error.retry_after:  # 0 still backs off
            return error.retry_after if error.retry_after <= self.retry_after else None
        spread = 1 - 0.25 * random.random()  # noqa: S311  (many kernels must not come back in the same moment)
        return self.backoff * min(2.0 ** (attempt - 1), 16.0) * spread


class Tries:
    """The tries of one request, whether a status, a connection or a stream failed that had said nothing."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._made = 0
        self._loading_since: float | None = None

    def again(self, error: ModelError, cancel: Cancel, *, may_help: bool) -> Generator[Notice, None, None]:
        """Wait before a retry, with a notice. Raises `error` if there is no retry, CancelledError once stopped."""
        if error_translation.is_loading(error):
            yield from self._wait_for_loading(error)
            wait = self._patience.loading_pause
        else:
            self._made += 1
            found = self._patience.wait(self._made, error) if may_help else None
            if found is None:
                raise error
            wait = found
            count = f"{self._made} of {self._patience.retries}"
            yield Notice(f"{_sentence(error)} Trying again in {wait:.2g} s ({count}).", "warning")
        if cancel.wait(wait):
            cancel.raise_if_set()

    def _wait_for_loading(self, error: ModelError) -> Generator[Notice, None, None]:
        now = time.monotonic()
        if self._loading_since is None:
            self._loading_since = now
            yield Notice("The server is still loading the model; waiting until it is there.")
        elif now - self._loading_since > self._patience.loading:
            raise error


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: the parts that are files, and plain fields."""

    files: Sequence[tuple[str, str, IO[bytes], str]]
    """(field, file name, content from its beginning, media type) of each."""
    fields: Mapping[str, str] = field(default_factory=dict)

    def encoding(self) -> dict[str, Any]:
        """The arguments that make httpx write it; contents are sent piece by piece, each try from the start."""
        files = [(name, (filename, content, kind)) for name, filename, content, kind in self.files]
        return {"files": files, "data": dict(self.fields)}


class Answer:
    """An open response of status 2xx; use it as a context manager."""

    def __init__(self, response: httpx.Response, connection: Connection, api: Api, cancel: Cancel) -> None:
        self._response = response
        self._connection = connection
        self._api = api
        self._cancel = cancel

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError):
            self._response.close()
        # A waker that was called late must not hit the next request on this connection.
        (self._api.pool.discard if self._cancel.is_set else self._api.pool.give)(self._connection)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response."""
        return self._response.headers

    def events(self) -> Generator[dict[str, Any], None, None]:
        """Yield the events of a stream, each a JSON object with a `type`.

        A whole message is yielded as one event {"type": "message", "message": …}, an error sent instead of it as
        {"type": "error", "body": …}. Raises ProtocolError for what is neither, StreamCutError if the connection is
        lost or stalls, CancelledError within a fraction of a second when the turn is stopped.
        """
        kind = self.headers.get("content-type", "")
        if kind and "text/event-stream" not in kind:
            yield self._whole(kind.partition(";")[0].strip())
            return
        try:
            with self._cancel.waking(self._connection.shut):
                yield from read_events(self._response, self._api.patience.event_bytes)
        except Exception as error:
            raise failed(error, self._cancel, self._api.patience.idle, self._api.server) from None
        self._cancel.raise_if_set()  # a socket that was shut down may look like a regular end

    def _whole(self, kind: str) -> dict[str, Any]:
        """The message, or the error, that came as plain JSON although a stream was asked for, as one event."""
        body = self.json() if "json" in kind else None
        if isinstance(body, dict) and isinstance(body.get("content"), list):
            return {"type": "message", "message": body}
        if error_translation.error_fields(body):
            return {"type": "error", "body": body}
        raise error_translation.not_a_stream(kind, self._api.server)

    def finish(self, events: Iterator[object]) -> None:
        """Read to the end after the last event that counts, so that the connection can be used again."""
        # The answer is whole; how its connection ends is of no interest.
        with contextlib.suppress(Exception), SHORT_WAITS.bound(self._connection.shut):
            for _ in events:
                pass

    def chunks(self) -> Generator[bytes, None, None]:
        """Yield the body's bytes as they come, decompressed. Raises as `events` does."""
        try:
            with self._cancel.waking(self._connection.shut):
                yield from self._response.iter_bytes()
        except Exception as error:
            raise failed(error, self._cancel, self._api.patience.idle, self._api.server) from None
        self._cancel.raise_if_set()

    def json(self) -> Any:
        """The body as JSON. Raises as `events` does."""
        try:
            with self._cancel.waking(self._connection.shut):
                return json.loads(self._response.read())
        except (ValueError, RecursionError):
            raise ProtocolError(f"{self._api.server} answered with what is no JSON.") from None
        except Exception as error:
            raise failed(error, self._cancel, self._api.patience.idle, self._api.server) from None


class Api:
    """One server that speaks the Messages API. May serve many threads at once.

    Args:
        credentials: the server and its key.
        client: an httpx client to use instead of our own connections; it stays open.
        patience: timeouts and retries.
        version: the `anthropic-version` header; the server's best by default.

    Raises UsageError if the credentials cannot be used.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        client: httpx.Client | None = None,
        patience: Patience | None = None,
        version: str = "",
    ) -> None:
        if credentials.problem:
            raise UsageError(credentials.problem)
        self.credentials = credentials
        self.patience = patience or Patience()
        self.version = version or (VERSION if credentials.dialect == "anthropic" else COMPATIBLE_VERSION)
        self.server = credentials.server
        self.pool = ConnectionPool(
            https=self.server.startswith("https:"),
            client=client,
            connect=self.patience.connect,
            idle=self.patience.idle,
        )
        self._timeout = httpx.Timeout(self.patience.idle, connect=self.patience.connect)

    def open(
        self,
        method: str,
        path: str,
        cancel: Cancel,
        *,
        body: bytes | Form | None = None,
        stream: bool = False,
        accept: str = "application/json",
        tries: Tries | None = None,
    ) -> Generator[Notice, None, Answer]:
        """Send a request and return its open answer; each wait for another try is yielded as a notice.

        Args:
            method: as in HTTP.
            path: below the base URL, query included.
            cancel: ends it.
            body: JSON, or a form.
            stream: the answer is read while it comes, so it is not to be compressed.
            accept: the media type of the answer.
            tries: those of this request so far.

        Raises a ModelError for what the server refuses or cannot do, CancelledError once `cancel` is set.
        """
        tries = tries or Tries(self.patience)
        while True:
            cancel.raise_if_set()
            attempt = self._attempt(method, path, body, stream=stream, accept=accept)
            answer = self._answer(attempt, cancel)
            if answer is not None:
                return answer
            error = self.masked(attempt.failure)
            yield from tries.again(error, cancel, may_help=attempt.may_retry)

    def get(self, path: str, cancel: Cancel) -> Any:
        """The JSON of a GET, tried once. Raises as `open` does."""
        attempt = self._attempt("GET", path, None)
        answer = self._answer(attempt, cancel)
        if answer is None:
            raise self.masked(attempt.failure)
        with answer:
            return answer.json()

    def close(self) -> None:
        """Close idle connections. Calling it twice is fine."""
        self.pool.close()

    def _attempt(
        self,
        method: str,
        path: str,
        body: bytes | Form | None,
        *,
        stream: bool = False,
        accept: str = "application/json",
    ) -> Attempt:
        """One try of a request, without its key: that is added on the thread that sends it."""
        headers = {"anthropic-version": self.version, "accept": accept}
        encoded: dict[str, Any] = body.encoding() if isinstance(body, Form) else {"content": body}
        if isinstance(body, bytes):
            headers["content-type"] = "application/json"
        if stream:
            headers["accept-encoding"] = "identity"  # compression would delay small events
        connection = self.pool.take()
        url = f"{self.credentials.base_url}{path}"
        if isinstance(body, bytes) and len(body) > 2 * PIECE:
            # httpcore copies what is left of a piece each time the socket takes a part of it.
            encoded["content"] = [body[start : start + PIECE] for start in range(0, len(body), PIECE)]
            headers["content-length"] = str(len(body))
        request = connection.client.build_request(method, url, headers=headers, timeout=self._timeout, **encoded)
        return Attempt(connection, request, self.credentials, self.patience.idle, self.pool.discard)

    def _answer(self, attempt: Attempt, cancel: Cancel) -> Answer | None:
        """The open answer; None if the attempt's `failure` says why there is none."""
        response = attempt.wait(cancel)
        if response is not None:
            return Answer(response, attempt.connection, self, cancel)
        self.pool.give(attempt.connection)
        return None

    def masked(self, failure: Exception | None) -> ModelError:
        """The failure, with the key taken out should the server have repeated it."""
        if not isinstance(failure, ModelError):
            raise failure or ProtocolError("no answer and no error")
        if self.credentials.key is not None:
            failure.args = (self.credentials.key.hide_in(failure.fact),)
            failure.said = self.credentials.key.hide_in(failure.said)
        if isinstance(failure, AuthenticationError):
            failure.args = (f"{_sentence(failure)} {self._about_key()}",)
            failure.remedy = Remedy("Another one counts from the next turn on; or {0}.", KEY)
        if failure.retry_after is not None and failure.retry_after > self.patience.retry_after:
            failure.args = (f"{_sentence(failure)} The server asks to wait {failure.retry_after:.0f} s.",)
        return failure

    def _about_key(self) -> str:
        """Which key was refused; never the key itself."""
        source = self.credentials.source
        if self.credentials.key is None:
            how = f"set {source}" if source else "name its variable as key_variable in the setting models"
            return f"No key was found: {how}."
        if source == BY_HAND:
            return "The key was given by hand."
        return f"The key is from the variable {source}." if source else "The key is the one that was passed."


def _sentence(error: ModelError) -> str:
    """What is wrong, as a whole sentence; what helps comes elsewhere."""
    text = error.fact
    return text if text.endswith((".", "!", "?")) else f"{text}."
