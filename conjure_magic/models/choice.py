"""Which model a name means here, by what is configured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from conjure_magic.api.credentials import Credentials, Dialect, credentials, dialect_of
from conjure_magic.errors import MissingModelError, UsageError
from conjure_magic.remedies import KEY, Remedy, option
from conjure_magic.secrets import Key

if TYPE_CHECKING:
    from conjure_magic.models.messages_api import MessagesModel

OFFLINE = "offline"


def choose_model(
    name: str | None = None,
    environ: Mapping[str, str] | None = None,
    key: Key | None = None,
    *,
    default: str,
    prices: Mapping[str, object] | None = None,
    dialect: Dialect | None = None,
    named: Mapping[str, object] | None = None,
    context_window: int | None = None,
    idle_timeout: float | None = None,
) -> MessagesModel | None:
    """The model that `name` means; None stands for the offline one.

    Args:
        name: a name in `named`, a model's id, "offline", or nothing: then the default where there is a key or a
            server of the person's own (ANTHROPIC_BASE_URL), else offline.
        environ: in the place of the process's environment.
        key: one given by hand; goes before ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN.
        default: what no name stands for.
        prices: see `MessagesModel`.
        dialect: "anthropic" for a gateway of one's own to Anthropic; by default the address tells.
        named: names of the person's own for models; see `parse_named`.
        context_window: see `MessagesModel`; a named model's own goes before it.
        idle_timeout: seconds that the server may send nothing.

    Raises UsageError if a model is named that cannot be reached without a key, or the key cannot be used.
    """
    named = named or {}
    name = name or (default if default in named else "")
    meant = parse_named(name, named[name]) if name in named and name != OFFLINE else NamedModel(name)
    # Overwritten before anything can raise: a traceback with values would show the environment.
    environ, found = None, meant.credentials(environ, key, dialect)
    name = meant.model
    if name == OFFLINE or not (name or found.can_send):
        return None
    if not found.can_send:
        raise MissingModelError(
            f"{name} needs a key: set ANTHROPIC_API_KEY (or ANTHROPIC_BASE_URL, for a server of your own)",
            remedy=Remedy("Or {0}; {1} works without one.", KEY, option("model", OFFLINE)),
        )
    if found.problem:
        raise UsageError(
            f"{found.problem[0].upper()}{found.problem[1:]}",
            remedy=Remedy("Without a key there is {0}.", option("model", OFFLINE)),
        )
    from conjure_magic.api.client import Patience
    from conjure_magic.models.messages_api import MessagesModel  # not before it is needed: it loads httpx

    patience = Patience(idle=idle_timeout) if idle_timeout else None
    window = meant.context_window or context_window or None
    return MessagesModel(name or default, found, patience=patience, prices=prices, context_window=window)


FIELDS = {"model", "base_url", "key_variable", "dialect", "context_window"}


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model under a name of the person's own."""

    model: str
    """Its id, as its server knows it."""
    base_url: str = ""
    """Of a server of its own; empty for the one that is configured."""
    key_variable: str = ""
    """Name of the environment variable that holds that server's key; empty if it needs none."""
    dialect: Dialect | Literal[""] = ""
    """What the server takes; empty if its address tells."""
    context_window: int = 0
    """Tokens that a conversation and an answer may have together; 0 if the server tells."""

    def credentials(self, environ: Mapping[str, str] | None, key: Key | None, dialect: Dialect | None) -> Credentials:
        """Where to, and as whom. A server of its own gets its own key or none, never the one for another."""
        dialect = self.dialect or dialect
        if not self.base_url:
            return credentials(environ, key, dialect)
        environ = os.environ if environ is None else environ
        base_url = self.base_url.strip().rstrip("/").removesuffix("/v1")
        dialect = dialect or dialect_of(base_url)
        own = Key(environ.get(self.key_variable, "")) if self.key_variable else None
        if not own:
            return Credentials(base_url, dialect=dialect, source=self.key_variable)
        return Credentials(base_url, "x-api-key" if dialect == "anthropic" else "both", own, dialect, self.key_variable)


def parse_named(name: str, value: object) -> NamedModel:
    """What the setting `models` says of a name: a model's id, or a mapping with `model` and, as needed, the rest.

        {"fast": "claude-haiku-5-5",
         "local": {"model": "qwen3", "base_url": "http://localhost:11434"},
         "gateway": {"model": "opus", "base_url": "https://llm.example", "key_variable": "GATEWAY_KEY",
                     "dialect": "anthropic"}}

    Raises UsageError for anything else.
    """
    given = {"model": value} if isinstance(value, str) else value
    if (
        not isinstance(given, Mapping)
        or not given.get("model")
        or not set(given) <= FIELDS
        or not all(isinstance(part, str) for key, part in given.items() if key != "context_window")
        or type(given.get("context_window", 0)) is not int
        or given.get("dialect", "") not in ("anthropic", "compatible", "")
    ):
        raise UsageError(
            f"{name!r} in the setting models has to be a model's id, or a mapping with 'model' and, as needed, "
            "'base_url', 'key_variable' (the name of an environment variable), 'dialect' (anthropic or compatible) and "
            "'context_window' (tokens)"
        )
    return NamedModel(**given)


def key_variables(named: Mapping[str, object]) -> tuple[str, ...]:
    """The environment variables that hold keys of the named models' servers."""
    values = [value.get("key_variable") for value in named.values() if isinstance(value, Mapping)]
    return tuple(value for value in values if isinstance(value, str) and value)
