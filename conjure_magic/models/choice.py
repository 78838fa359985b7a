"""The model that a name, a callable or an object means, given the settings and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from conjure_magic.api.credentials import Credentials, Dialect, credentials, dialect_of
from conjure_magic.errors import MissingModelError, UsageError
from conjure_magic.models.model_facts import parse_price
from conjure_magic.remedies import KEY, Remedy, option
from conjure_magic.secrets import Key
from conjure_magic.settings import Settings

if TYPE_CHECKING:
    from conjure_magic.models.base import Model

OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be used here. Equal choices open equal models."""

    name: str
    """The model's id, or "offline"."""
    credentials: Credentials | None = None
    """Its server and key; None for the offline model and for objects."""
    price: object = None
    """The user's own price for it, as in the setting `prices`; None for that of the table."""
    context_window: int | None = None
    """Tokens of a conversation and an answer together; None if the server says."""
    idle_timeout: float | None = None
    """Seconds that the server may send nothing; None for the default."""
    given: object = None
    """A Model or a callable that was given instead of a name."""

    def open(self) -> Model:
        """Return the model. Nothing is connected to before its first request. Raises UsageError for a wrong price."""
        if self.given is not None:
            if not _is_model(self.given) and callable(self.given):
                from conjure_magic.models.callable_model import CallableModel

                return CallableModel(self.given, model=self.name)
            return cast("Model", self.given)
        if self.credentials is None:
            from conjure_magic.models.offline import OfflineModel

            return OfflineModel()
        from conjure_magic.api.client import Patience
        from conjure_magic.models.messages_api import MessagesModel

        patience = Patience(idle=self.idle_timeout) if self.idle_timeout else None
        price = parse_price(self.price, self.name) if self.price is not None else None
        return MessagesModel(
            self.name, self.credentials, patience=patience, price=price, context_window=self.context_window
        )


def choose_model(
    spec: object, settings: Settings, environ: Mapping[str, str] | None = None, key: Key | None = None
) -> ModelChoice:
    """Return the model that a setting, an option or an argument means.

    Args:
        spec: a name in the setting `models`, a model's id, "offline", or "": then the default model if there is a key
            or a server of the user's own (ANTHROPIC_BASE_URL), else offline. Also a Model (anything with `name`,
            `stream` and `cost`), or a callable `request -> response` (see
            `conjure_magic.models.callable_model.CallableModel`).
        settings: the default model, the user's own names, prices and limits.
        environ: used instead of the process's environment.
        key: the user's key; takes precedence over ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN.

    Raises UsageError if there is no such model, MissingModelError if it needs a key.
    """
    if not isinstance(spec, str):
        if not _is_model(spec) and not callable(spec):
            raise UsageError(
                f"a {type(spec).__name__} is not a model: "
                "give 'offline', an id, a Model, or a callable request -> response"
            )
        return ModelChoice(settings.default_model, given=spec)
    named, default = settings.models, settings.default_model
    name = spec or (default if default in named else "")
    meant = parse_named(name, named[name]) if name in named and name != OFFLINE else NamedModel(name)
    # Overwritten before anything can raise: a traceback with values would show the environment.
    environ, found = None, meant.credentials(environ, key)
    name = meant.model
    if name == OFFLINE or not (name or found.can_send):
        return ModelChoice(OFFLINE)
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
    name = name or default
    window = meant.context_window or settings.context_window or None
    return ModelChoice(name, found, deepcopy(settings.prices.get(name)), window, settings.idle_timeout)


def _is_model(spec: object) -> bool:
    return all(hasattr(spec, name) for name in ("name", "stream", "cost")) and not isinstance(spec, type)


FIELDS = {"model", "base_url", "key_variable", "dialect", "context_window"}


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model under a name that the user defined."""

    model: str
    """Its id, as its server knows it."""
    base_url: str = ""
    """Of a server of its own; empty for the one that is configured."""
    key_variable: str = ""
    """Name of the environment variable that contains that server's key; empty if it needs none."""
    dialect: Dialect | Literal[""] = ""
    """What the server accepts; empty if it follows from its address."""
    context_window: int = 0
    """Tokens that a conversation and an answer may have together; 0 if the server reports it."""

    def credentials(self, environ: Mapping[str, str] | None, key: Key | None) -> Credentials:
        """Where to, and as whom. A server of its own gets its own key or none, never the one for another."""
        dialect = self.dialect or None
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
    """The environment variables with the keys of the named models' servers."""
    values = [value.get("key_variable") for value in named.values() if isinstance(value, Mapping)]
    return tuple(value for value in values if isinstance(value, str) and value)
