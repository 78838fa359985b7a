"""The base of the clients for Files and Skills: requests, pages, downloads and errors."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlencode

from conjure_magic.api.client import Answer, Api, Form, Patience
from conjure_magic.api.credentials import Credentials
from conjure_magic.api.credentials import credentials as configured
from conjure_magic.cancel import Cancel
from conjure_magic.errors import (
    DownloadError,
    FileExpiredError,
    HostedError,
    HostedNotFoundError,
    ProtocolError,
    RequestRefusedError,
    UsageError,
)
from conjure_magic.events import Notice
from conjure_magic.remedies import KEY, Remedy

if TYPE_CHECKING:
    import httpx

PAGE = 100
"""Entries asked for at once; the server's own default is 20, its limit 1,000."""
MAX_DOWNLOAD = 500_000_000
"""Bytes of the largest file that the API keeps, and so of a download unless its caller says less."""
_ID = re.compile(r"[\w.-]{1,256}")
T = TypeVar("T")


class HostedClient:
    """A client of one of Anthropic's own endpoints, as a context manager. May serve many threads at once.

    Args:
        credentials: where, and as whom; by default what the environment says (ANTHROPIC_API_KEY, …).
        patience: timeouts and retries, as for messages.
        client: an httpx client to use instead of our own connections; it stays open.
        notify: gets a notice for each wait before another try.

    Raises UsageError without a key, or for a server that is not Anthropic's.
    """

    what = "this endpoint"
    """What it is for, in the words of an error."""

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        patience: Patience | None = None,
        client: httpx.Client | None = None,
        notify: Callable[[Notice], None] | None = None,
    ) -> None:
        found = configured() if credentials is None else credentials
        _check(found, self.what)
        self._api = Api(found, client=client, patience=patience)
        self._notify = notify

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._api.server})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections. Calling it twice is fine."""
        self._api.close()

    # ---- for the clients

    def _open(self, method: str, path: str, cancel: Cancel | None, **more: Any) -> Answer:
        """The open answer of a request, tried again where that may help."""
        opening = self._api.open(method, path, cancel or Cancel(), **more)
        while True:
            try:
                notice = next(opening)
            except StopIteration as done:
                answer: Answer = done.value
                return answer
            if self._notify is not None:
                self._notify(notice)

    def _call(
        self,
        method: str,
        path: str,
        cancel: Cancel | None,
        read: Callable[[Mapping[str, Any]], T],
        form: Form | None = None,
    ) -> T:
        """What `read` makes of the JSON object that a request is answered with."""
        with self._open(method, path, cancel, body=form) as answer:
            wire = answer.json()
        return self._read(wire, read)

    def _read(self, wire: object, read: Callable[[Mapping[str, Any]], T]) -> T:
        try:
            if isinstance(wire, Mapping):
                return read(wire)
        except (KeyError, TypeError, ValueError):
            pass
        raise ProtocolError(f"{self._api.server} answered with JSON that is not what {self.what} sends.") from None

    def _pages(
        self, path: str, cancel: Cancel | None, read: Callable[[Mapping[str, Any]], T], query: Mapping[str, object]
    ) -> Generator[T, None, None]:
        """Every entry of a list, one page asked for after the other as they are needed."""
        seen: set[str] = set()
        fields: dict[str, object] = {"limit": PAGE, **query}
        while True:
            page = self._call("GET", f"{path}?{urlencode(fields, doseq=True)}", cancel, dict)
            for wire in self._read(page, lambda found: list(found["data"])):
                yield self._read(wire, read)
            following = page.get("next_page")
            if not following:
                return
            if not isinstance(following, str) or following in seen:
                raise ProtocolError(f"{self._api.server} sends the same page of its list again and again.")
            seen.add(following)
            fields["page"] = following

    def _content(self, path: str, cancel: Cancel | None, limit: int, what: str) -> Generator[bytes, None, None]:
        """The bytes of a download. Raises DownloadError as soon as they are more than `limit`."""
        too_large = DownloadError(f"{what} is larger than {limit:,} bytes, which is the limit here.")
        with self._open("GET", path, cancel, stream=True, accept="*/*") as answer:
            announced = answer.headers.get("content-length", "")
            if announced.isdecimal() and int(announced) > limit:
                raise too_large
            count = 0
            with contextlib.closing(answer.chunks()) as chunks:
                for chunk in chunks:
                    count += len(chunk)
                    if count > limit:
                        raise too_large
                    yield chunk


@contextlib.contextmanager
def refusals(kind: type[HostedError], what: str) -> Iterator[None]:
    """Inside this block a request that the server refuses raises `kind`, or the class of what is not there."""
    try:
        yield
    except RequestRefusedError as error:
        cls = kind
        if error.error_code == "file_expired":
            cls = FileExpiredError
        elif error.status == 404:
            cls = HostedNotFoundError
        reason = "it is too large" if error.status == 413 else error.said or f"status {error.status}"
        request = f" (request {error.request_id})" if error.request_id else ""
        raise cls(
            f"{what}: {reason}{request}",
            status=error.status,
            error_type=error.error_type,
            error_code=error.error_code,
            request_id=error.request_id,
            said=error.said,
        ) from None


def new_file(target: Path, chunks: Iterator[bytes]) -> Path:
    """Write a file that was not there; what stops half-way leaves none.

    Raises FileExistsError if something of that name is there, OSError if it cannot be written.
    """
    with target.open("xb") as out:
        try:
            _copy(chunks, out)
        except BaseException:
            with contextlib.suppress(OSError):
                target.unlink()
            raise
    return target


def _copy(chunks: Iterator[bytes], out: IO[bytes]) -> None:
    for chunk in chunks:
        out.write(chunk)


def safe_name(name: str) -> str:
    """The last part of a file's name as another machine tells it, fit to be written here: at most 200 bytes, without
    control characters or what a system takes for a path, a hidden file or a device; "file" if nothing is left."""
    last = re.split(r"[/\\:]", name)[-1]
    last = re.sub(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069<>"|?*]', "_", last)
    last = last.strip().lstrip(".").rstrip(". ")
    stem, suffix = os.path.splitext(last)
    if stem.split(".")[0].upper() in _DEVICES:
        stem = f"_{stem}"
    suffix = _cut(suffix, 40)
    return _cut(stem, 200 - len(suffix.encode())) + suffix or "file"


_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{kind}{n}" for kind in ("COM", "LPT") for n in range(1, 10))})


def _cut(text: str, most: int) -> str:
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def part(value: str, what: str) -> str:
    """An id as a part of a path. Raises UsageError for what can be none: nothing leads to another endpoint."""
    if not _ID.fullmatch(value) or not value.strip("."):
        raise UsageError(f"{value!r} is no {what}")
    return quote(value, safe="")


def moment(value: object) -> datetime | None:
    """A time of the wire's (RFC 3339), None for null. Raises ValueError."""
    return None if value is None else datetime.fromisoformat(str(value))


def moment_of(value: object) -> datetime:
    """A time that has to be there. Raises ValueError."""
    found = moment(value)
    if found is None:
        raise ValueError("no time")
    return found


def _check(found: Credentials, what: str) -> None:
    """Raise UsageError, which says what to do, if the hosted endpoints cannot be reached with these."""
    if found.dialect != "anthropic":
        raise UsageError(
            f"{what} are Anthropic's own, and ANTHROPIC_BASE_URL names {found.server}. Unset it, or set "
            "CONJURE_GATEWAY=anthropic if that is a gateway to Anthropic."
        )
    if found.key is None:
        raise UsageError(f"{what} need a key: set ANTHROPIC_API_KEY", remedy=Remedy("Or {0}.", KEY))
    if found.problem:
        raise UsageError(found.problem)
