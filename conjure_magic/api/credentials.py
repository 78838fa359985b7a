"""Credentials: the key and the address for requests, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from conjure_magic.secrets import Key

AuthMode = Literal["x-api-key", "bearer", "both", "none"]
"""The header that carries the key; "both" if some servers need one and some the other."""
Dialect = Literal["anthropic", "compatible"]
"""Whether a server takes what is Anthropic's own (caching, thinking), or the plain protocol alone."""

API_KEY = "ANTHROPIC_API_KEY"
BY_HAND = "by hand"
ANTHROPIC = "https://api.anthropic.com"
"""Where the API lives unless ANTHROPIC_BASE_URL says otherwise."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A server and its key."""

    base_url: str = field(default=ANTHROPIC, repr=False)
    """Without `/v1` and a trailing slash."""
    mode: AuthMode = "none"
    key: Key | None = None
    dialect: Dialect = "anthropic"
    source: str = ""
    """Where the key is from, or would be: the name of a variable, or what was typed to give it; empty if not known."""

    @property
    def server(self) -> str:
        """Scheme, host and port: the part of the address that can be shown; the rest may contain a password."""
        try:
            url = urlsplit(self.base_url)
        except ValueError:
            return "the server"
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"

    @property
    def can_send(self) -> bool:
        """True if there is a key, or a server chosen by the user that may need none."""
        return self.key is not None or self.base_url != ANTHROPIC

    @property
    def problem(self) -> str:
        """Why these cannot be used, in words without secrets; empty if they can."""
        try:
            url = urlsplit(self.base_url)
            url.port  # noqa: B018  (raises for what is no port)
        except ValueError:
            return "ANTHROPIC_BASE_URL is not a URL"
        if url.scheme not in ("http", "https") or not url.hostname:
            return "ANTHROPIC_BASE_URL has to begin with http:// or https:// and name a host"
        if url.username is not None or url.password is not None:
            return "ANTHROPIC_BASE_URL must not hold a password; use ANTHROPIC_AUTH_TOKEN or ANTHROPIC_API_KEY"
        if self.mode != "none" and self.key is not None:
            return self.key.problem
        return ""


def dialect_of(base_url: str) -> Dialect:
    """What a server speaks, by its address."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        host = ""
    return "anthropic" if host == "anthropic.com" or host.endswith(".anthropic.com") else "compatible"


def credentials(
    environ: Mapping[str, str] | None = None, key: Key | None = None, dialect: Dialect | None = None
) -> Credentials:
    """What is configured: a key given by hand, else ANTHROPIC_API_KEY, else ANTHROPIC_AUTH_TOKEN, else none.

    Args:
        environ: used instead of the process's environment.
        key: one given by hand.
        dialect: what the server accepts; by default it follows from CONJURE_GATEWAY=anthropic or the address.

    Never raises: the frame would show the environment.
    """
    environ = os.environ if environ is None else environ
    base_url = environ.get("ANTHROPIC_BASE_URL", "").strip().rstrip("/").removesuffix("/v1") or ANTHROPIC
    if environ.get("CONJURE_GATEWAY", "").strip().lower() == "anthropic":
        dialect = dialect or "anthropic"
    dialect = dialect or dialect_of(base_url)
    # Of the other servers some take a key as Bearer alone (vLLM, OpenRouter), and none minds the other header.
    mode: AuthMode = "x-api-key" if dialect == "anthropic" else "both"
    if key:
        return Credentials(base_url, mode, key, dialect, BY_HAND)
    if api_key := Key(environ.get("ANTHROPIC_API_KEY", "")):
        return Credentials(base_url, mode, api_key, dialect, API_KEY)
    if token := Key(environ.get("ANTHROPIC_AUTH_TOKEN", "")):
        return Credentials(base_url, "bearer", token, dialect, "ANTHROPIC_AUTH_TOKEN")
    return Credentials(base_url, dialect=dialect, source=API_KEY)
