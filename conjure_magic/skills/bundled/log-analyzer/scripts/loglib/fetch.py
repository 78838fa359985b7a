"""Log records from an HTTP address, within limits of size and time."""

from __future__ import annotations

import argparse
import json
import sys
import time
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from loglib.counted import counted
from loglib.options import UsageError

_CHUNK = 65536
_LISTS = ("logs", "records", "items", "entries", "events", "results", "data", "hits", "lines")


class FetchError(Exception):
    """The server could not be asked, or did not answer as it should; the text is one line."""


def run(args: argparse.Namespace) -> int:
    """Fetch, print or write; 0, or 1 with one line on standard error."""
    url = build_url(args.url, args.limit, args.level)
    try:
        body, kind = fetch(url, args.timeout, args.max_bytes)
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = render(body, kind, as_lines=args.lines, limit=args.limit)
    if not args.output:
        sys.stdout.write(text)
        return 0
    try:
        with open(args.output, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"--output {args.output}: cannot be written ({error.strerror})") from None
    print(f"{counted(text.count(chr(10)), 'line')} written to {args.output}")
    return 0


def build_url(url: str, limit: int, level: str | None) -> str:
    """The address with `limit` and `level` as query parameters, other parameters kept.

    Raises:
        UsageError: not an http or https address.
    """
    try:
        parts = urlsplit(url)
        bad = parts.scheme not in ("http", "https") or not parts.hostname
    except ValueError:
        bad = True
    if bad:
        raise UsageError(f"{url}: give an address that begins with http:// or https://")
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "limit"]
    query.append(("limit", str(limit)))
    if level:
        query = [(key, value) for key, value in query if key != "level"] + [("level", level)]
    return urlunsplit(parts._replace(query=urlencode(query), fragment=""))


def fetch(url: str, timeout: float, max_bytes: int) -> tuple[bytes, str]:
    """The answer's bytes and media type.

    Raises:
        FetchError: no connection, an error status, too large or too slow.
    """
    headers = {"Accept": "application/json, application/x-ndjson, text/plain;q=0.9, */*;q=0.5"}
    request = Request(url, headers=headers)  # noqa: S310 - build_url lets http and https through only
    deadline = time.monotonic() + timeout
    shown = urlsplit(url)._replace(query="", fragment="").geturl()
    try:
        with urlopen(request, timeout=timeout) as response:  # noqa: S310
            return _read(response, deadline, max_bytes), response.headers.get_content_type()
    except HTTPError as error:
        raise FetchError(f"{shown} answered {error.code} {error.reason}") from None
    except TimeoutError:
        raise FetchError(f"{shown} did not answer within {timeout:g} s; raise --timeout") from None
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise FetchError(f"{shown} did not answer within {timeout:g} s; raise --timeout") from None
        raise FetchError(f"{shown} cannot be reached: {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(f"{shown} broke off: {error or type(error).__name__}") from None


def _read(response: HTTPResponse, deadline: float, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise FetchError(f"the answer is larger than {max_bytes} bytes; ask for fewer records or raise --max-bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
        chunks.append(chunk)
    return b"".join(chunks)


def render(body: bytes, kind: str, *, as_lines: bool, limit: int) -> str:
    """The answer as pretty JSON, or one record a line; text that is no JSON stays text, cut to `limit` lines."""
    text = body.decode("utf-8", "replace")
    records = _records(text)
    if records is None:
        lines = text.splitlines()[:limit]
        return "".join(line + "\n" for line in lines)
    if not as_lines:
        return json.dumps(records, indent=2, ensure_ascii=False) + "\n"
    found = _list_in(records)
    return "".join(_line(record) + "\n" for record in found[:limit])


def _records(text: str) -> object | None:
    """JSON, or JSON lines as a list; None where the text is neither."""
    try:
        value = json.loads(text)
    except ValueError:
        pass
    else:
        return value if isinstance(value, (dict, list)) else None
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return None
    return rows if rows and all(isinstance(row, dict) for row in rows) else None


def _list_in(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        for key in _LISTS:
            inner = value.get(key)
            if isinstance(inner, list):
                return inner
    return [value]


def _line(record: object) -> str:
    return record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
