"""What went wrong, as one typed error with a sentence for the person."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from conjure_magic.errors import (
    AuthenticationError,
    ContainerNotFoundError,
    ContextOverflowError,
    HostedSkillNotFoundError,
    ModelError,
    ModelUnavailableError,
    ProtocolError,
    RateLimitError,
    RequestRefusedError,
    StreamCutError,
    ThinkingRefusedError,
    UploadLostError,
)

SHOWN = 500
"""Characters of a server's own words that an error repeats."""

# By the API's names (reference: "Errors" in Anthropic's documentation), for errors that come with a status
# and for those in the middle of a stream, which have none of their own.
BY_TYPE: dict[str, type[ModelError]] = {
    "authentication_error": AuthenticationError,
    "permission_error": AuthenticationError,
    "rate_limit_error": RateLimitError,
    "invalid_request_error": RequestRefusedError,
    "not_found_error": RequestRefusedError,
    "billing_error": RequestRefusedError,
    "conflict_error": ModelUnavailableError,
    "request_too_large": ContextOverflowError,
    "exceed_context_size_error": ContextOverflowError,
    "api_error": ModelUnavailableError,
    "timeout_error": ModelUnavailableError,
    "overloaded_error": ModelUnavailableError,
}
# An overflow has no code of its own; these are the words of Anthropic, vLLM and llama.cpp.
OVERFLOW = ("prompt is too long", "exceed context limit", "maximum context length", "exceeds the available context")
# Nor has thinking that is not accepted; the API's words, from its documentation and observed errors.
THINKING = re.compile(
    r"invalid `?signature`? in `?thinking|bound to a different conversation|expected `?thinking`? or|"
    r"`?(redacted_)?thinking`? blocks .*cannot be modified",
    re.IGNORECASE,
)
# Nor has a container that is gone: "container: ... not found", "Container ... has expired".
GONE = ("container_expired", "container_not_found")
# The same for a skill and an uploaded file, whose ids begin like this.
NO_SKILL = re.compile(r"\bskills?\b.{0,200}\b(not found|does not exist|unknown)", re.IGNORECASE)
NO_FILE = re.compile(
    r"\bfile_\w{1,80}\b.{0,200}\b(not found|does not exist|expired)|\b(not found|expired)\b.{0,200}\bfile_\w",
    re.IGNORECASE,
)
NO_CONTAINER = re.compile(r"\bcontainer\b.{0,200}\b(not found|does not exist|expired|unknown)", re.IGNORECASE)
OWN_AUTHORITY = "If it is signed by an authority of your own, set SSL_CERT_FILE to that authority's certificate."
SPENT = "enforced_spend_limit_reached"


def from_body(body: object, status: int | None, request_id: str = "", retry_after: float | None = None) -> ModelError:
    """The error of a parsed error body, whoever's it is; `status` None in the middle of a stream."""
    error = body.get("error") if isinstance(body, Mapping) else None
    fields = error if isinstance(error, Mapping) else {}
    details = fields.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    said = fields.get("message") or (error if isinstance(error, str) else "")
    message = _shortened(str(said))
    kind = str(fields.get("type") or "")
    if isinstance(body, Mapping) and not request_id:
        request_id = str(body.get("request_id") or "")
    cls = ContainerNotFoundError if code in GONE else _class_of(kind, message, status)
    text = " ".join(part for part in (_lead(cls, kind, status), message) if part)
    return cls(
        f"{text} (request {request_id})" if request_id else text,
        status=status,
        error_type=kind,
        error_code=str(code or ""),
        request_id=request_id,
        retry_after=retry_after,
        said=message,
    )


def from_response(status: int, headers: Mapping[str, str], content: bytes) -> ModelError:
    """The error of a response whose status is not 200."""
    request_id, after = headers.get("request-id", ""), retry_after(headers)
    if 300 <= status < 400:
        where = _shortened(headers.get("location", "another address"))
        return ProtocolError(f"The server redirects to {where}; use that as ANTHROPIC_BASE_URL.", status=status)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        kind = headers.get("content-type", "").partition(";")[0].strip()
        body = {"error": {"message": f"The body of the answer is {kind or 'empty'}." if kind != "" else ""}}
    return from_body(body, status, request_id, after)


def from_exception(error: Exception, waited: float, server: str) -> ModelError:
    """The error of an exception of httpx's, before or in an answer of `server`.

    Args:
        error: what was raised.
        waited: the idle limit in seconds.
        server: scheme, host and port, for the message.
    """
    what = _shortened(str(error)) or type(error).__name__
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return StreamCutError(f"{server} sent nothing for {waited:g} seconds.")
    if is_untrusted(error):
        return ModelUnavailableError(f"{server} shows a certificate that is not trusted here: {what}. {OWN_AUTHORITY}")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        through = " through the proxy that the environment names" if _has_proxy(server) else ""
        return ModelUnavailableError(f"{server} cannot be reached{through}: {what}.")
    if isinstance(error, httpx.DecodingError | httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return ProtocolError(f"{server} and this client do not understand each other: {what}.")
    return StreamCutError(f"The connection to {server} was lost: {what}.")


def is_untrusted(error: Exception) -> bool:
    """True if the server's certificate was not accepted, which no other try changes."""
    return isinstance(error, httpx.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(error)


def _has_proxy(server: str) -> bool:
    scheme, _, rest = server.partition("://")
    host = urlsplit(server).hostname or rest
    return bool({scheme, "all"} & set(urllib.request.getproxies())) and not urllib.request.proxy_bypass(host)


def from_environment(error: Exception) -> ModelError:
    """The error of certificates or proxies that the environment names, and that cannot be used."""
    if isinstance(error, OSError):
        return ModelUnavailableError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be used: {_shortened(str(error))}."
        )
    if isinstance(error, ImportError):
        return ModelUnavailableError("The environment names a SOCKS proxy, which needs: pip install 'httpx[socks]'.")
    # Not in its own words: a proxy's address may hold a password.
    return ModelUnavailableError("The environment names a proxy (HTTPS_PROXY, ALL_PROXY, …) without a usable address.")


def not_a_stream(content_type: str, server: str) -> ProtocolError:
    """The error of an answer that is something else than events, such as a login page with status 200."""
    kind = "a web page" if "html" in content_type else content_type or "nothing"
    return ProtocolError(
        f"{server} answered with {kind} instead of a stream of events. "
        "Is its address right, or is there a proxy or a login in between?",
        status=200,
    )


def may_retry(error: ModelError, headers: Mapping[str, str]) -> bool:
    """Whether a second try can help; the server's own `x-should-retry` has the last word."""
    wish = headers.get("x-should-retry")
    if wish in ("true", "false"):
        return wish == "true"
    if error.error_code == SPENT:
        return False
    return error.status is not None and (error.status in (408, 409, 429) or error.status >= 500)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, else `retry-after` as seconds or a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        when = parsedate_to_datetime(headers["retry-after"])
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else None
        return max((when - (now or _now(when))).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return None


def _now(like: Any) -> Any:
    return type(like).now(like.tzinfo)


def _class_of(kind: str, message: str, status: int | None) -> type[ModelError]:
    """The class for a type name; a status decides where the name is unknown."""
    lower = message.lower()
    if status in (None, 400, 413, 422, 500) and any(words in lower for words in OVERFLOW):
        return ContextOverflowError
    if status in (None, 400, 404, 410) and (gone := _gone(message)) is not None:
        return gone
    if status in (None, 400) and THINKING.search(message):
        return ThinkingRefusedError
    if kind in BY_TYPE:
        return BY_TYPE[kind]
    match status:
        case 401 | 403:
            return AuthenticationError
        case 429:
            return RateLimitError
        case 413:
            return ContextOverflowError
        case int() if 400 <= status < 500 and status not in (408, 409):
            return RequestRefusedError
    return ModelUnavailableError


def _gone(message: str) -> type[ModelError] | None:
    """The class for a refusal of what a request names and the server no longer has; None if it is none."""
    for pattern, cls in (
        (NO_SKILL, HostedSkillNotFoundError),
        (NO_FILE, UploadLostError),
        (NO_CONTAINER, ContainerNotFoundError),
    ):
        if pattern.search(message):
            return cls
    return None


def _lead(cls: type[ModelError], kind: str, status: int | None) -> str:
    """The first words: what happened, and what helps."""
    tag = f" ({' '.join(str(part) for part in (status, kind) if part)})" if status or kind else ""
    leads = {
        AuthenticationError: f"The server does not accept the key{tag}.",
        RateLimitError: f"Too many requests, or a limit is reached{tag}.",
        ContextOverflowError: f"The conversation is too long{tag}.",
        RequestRefusedError: f"The server refused the request{tag}.",
        ThinkingRefusedError: f"The server does not accept the model's earlier thinking{tag}.",
        UploadLostError: f"A file of the conversation is not on the server any more{tag}.",
        HostedSkillNotFoundError: f"The server does not have a skill that was named{tag}.",
        ContainerNotFoundError: f"The hosted container is not there any more{tag}.",
    }
    return leads.get(cls, f"The server cannot answer now{tag}.")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
