"""Translation of failures into typed errors, each with a sentence for the user."""

from __future__ import annotations

import contextlib
import json
import re
import urllib.request
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import httpx

from conjure_magic.api.context_overflow import lengths_of
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
    StalledError,
    StreamCutError,
    ThinkingRefusedError,
    UploadLostError,
)
from conjure_magic.remedies import Remedy, setting

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
LOADING = re.compile(r"\b(?:still |currently )?loading\b.{0,80}\bmodel\b|\bmodel\b.{0,80}\bloading\b", re.IGNORECASE)
"""The words of servers (llama.cpp, TGI) that answer 503 while they load a model."""
# Thinking that is not accepted has no code of its own; the API's words, from its documentation and observed errors.
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
    """The error for a parsed error body of any server; `status` is None in the middle of a stream."""
    fields = error_fields(body)
    details = fields.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    behind = _behind(fields)
    message = shortened(" ".join(part for part in (_said(fields), behind) if part))
    kind = shortened(str(fields.get("type") or ""), 80)
    if isinstance(body, Mapping) and not request_id:
        request_id = shortened(str(body.get("request_id") or ""), 80)
    lengths = lengths_of(_said(fields), behind, kind, str(fields.get("code") or ""), fields=fields)
    cls = ContainerNotFoundError if code in GONE else _class_of(kind, message, status, lengths.is_overflow)
    text = " ".join(part for part in (_lead(cls, kind, status), message) if part)
    failure = cls(
        f"{text} (request {request_id})" if request_id else text,
        status=status,
        error_type=kind,
        error_code=str(code or ""),
        request_id=request_id,
        retry_after=retry_after,
        said=message,
    )
    if isinstance(failure, RequestRefusedError):
        failure.longest_answer = lengths.output
    if isinstance(failure, ContextOverflowError):
        failure.window, failure.prompt = lengths.window, lengths.prompt
    return failure


def error_fields(body: object) -> Mapping[str, Any]:
    """The object that says what went wrong, wherever a server puts it; empty where there is none.

    `{"error": {"message": …}}` and `{"error": "…"}`, FastAPI's `{"detail": …}`, and the flat `{"object": "error",
    "message": …}` of vLLM and SGLang.
    """
    if not isinstance(body, Mapping):
        return {}
    error = body.get("error")
    if isinstance(error, Mapping):
        return error
    if isinstance(error, str) and error:
        return {**body, "message": body.get("message") or error}
    if body.get("detail"):
        return {"message": body["detail"]}
    return body if isinstance(body.get("message"), str) else {}


def _said(fields: Mapping[str, Any]) -> str:
    """A server's own words."""
    said = fields.get("message")
    if isinstance(said, list):  # FastAPI's list of what is wrong where
        wrong = [part for part in said[:5] if _is_object(part)]
        told = [f"{'.'.join(map(str, part.get('loc', ())))}: {part.get('msg')}" for part in wrong]
        return "; ".join(told) or _json(said)
    if _is_object(said):  # {"detail": {"error": …}}
        return _said(error_fields(said)) or _json(said)
    return str(said or "")


def _behind(fields: Mapping[str, Any]) -> str:
    """The words of the server behind a gateway: OpenRouter's `metadata.raw`, which is text or JSON in text."""
    metadata = fields.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if isinstance(raw, str):
        with contextlib.suppress(ValueError, RecursionError):
            raw = json.loads(raw)
    if raw is None or isinstance(raw, str):
        return raw or ""
    inner = error_fields(raw)
    return " ".join(filter(None, (_said(inner), str(inner.get("code") or "")))) or _json(raw)


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""


def from_response(status: int, headers: Mapping[str, str], content: bytes) -> ModelError:
    """The error of a response whose status is not 200."""
    request_id, after = headers.get("request-id", ""), retry_after(headers)
    if 300 <= status < 400:
        where = _base_of(headers.get("location", ""))
        return ProtocolError(f"The server redirects to {where}; use that as ANTHROPIC_BASE_URL.", status=status)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not error_fields(body):
        body = {"error": {"message": _plain_words(content, headers.get("content-type", ""), body)}}
    return from_body(body, status, request_id, after)


def _base_of(location: str) -> str:
    """The base URL that a redirect means: without the path of an endpoint, which the client adds."""
    base = re.sub(r"/v1(/messages|/models\b.{0,200})?/?(\?.{0,2000})?$", "", location[:3_000])
    return shortened(base) or "another address"


def _plain_words(content: bytes, content_type: str, body: object) -> str:
    """The message in a body that is not a JSON error: its text, a page's title, or at least its type."""
    kind = content_type.partition(";")[0].strip().lower()
    if isinstance(body, str):
        return body
    if body is not None:
        return _json(body)
    text = content[:20_000].decode("utf-8", "replace")
    if "html" in kind or text.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
        title = re.search(r"<title[^<>]{0,100}>([^<]{1,300})", text, re.IGNORECASE)
        return f"It answered with a web page{f': {unescape(title[1]).strip()}' if title else ''}."
    return text.strip() or (f"The body of the answer is {kind or 'empty'}." if kind else "")


def from_exception(error: Exception, waited: float, server: str) -> ModelError:
    """The error of an exception of httpx's, before or in an answer of `server`.

    Args:
        error: what was raised.
        waited: the idle limit in seconds.
        server: scheme, host and port, for the message.
    """
    what = shortened(str(error)) or type(error).__name__
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        more = Remedy("More time: {0}.", setting("idle_timeout", "1800"))
        return StalledError(f"{server} sent nothing for {waited:g} seconds.", remedy=more)
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
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be used: {shortened(str(error))}."
        )
    if isinstance(error, ImportError):
        return ModelUnavailableError("The environment names a SOCKS proxy, which needs: pip install 'httpx[socks]'.")
    # Not in its own words: a proxy's address may contain a password.
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
    if error.error_code == SPENT or isinstance(error, ContextOverflowError):
        return False
    return error.status is not None and (error.status in (408, 409, 429) or error.status >= 500)


def may_retry_stream(error: ModelError) -> bool:
    """Whether a second try can help after a fault in a stream that had said nothing: as with the same one's status."""
    if isinstance(error, RateLimitError):
        return error.error_code != SPENT
    return isinstance(error, ModelUnavailableError | StreamCutError) and not isinstance(error, StalledError)


def is_loading(error: ModelError) -> bool:
    """True for a server that is running and still loading its model."""
    return isinstance(error, ModelUnavailableError) and error.status in (None, 503) and bool(LOADING.search(error.said))


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


def _class_of(kind: str, message: str, status: int | None, is_overflow: bool) -> type[ModelError]:
    """The class for a type name; a status decides where the name is unknown."""
    if is_overflow and status not in (401, 402, 403, 429):
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


CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shortened(text: str, limit: int = SHOWN) -> str:
    """A server's words on one line, bounded, without control characters and lone surrogates."""
    text = " ".join(CONTROL.sub(" ", text[: 8 * limit]).split())
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= limit else text[: limit - 1] + "…"
