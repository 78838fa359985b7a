"""Models: what answers requests. `open_model` finds the one that a person means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from conjure_magic.errors import UsageError

if TYPE_CHECKING:
    from conjure_magic.models.base import Model
    from conjure_magic.secrets import Key


def open_model(
    spec: object,
    *,
    key: Key | None = None,
    default: str,
    prices: Mapping[str, object] | None = None,
    named: Mapping[str, object] | None = None,
    context_window: int | None = None,
    idle_timeout: float | None = None,
) -> Model:
    """The model that a setting, an option or an argument means.

    Args:
        spec: "offline", a name in `named`, a model's id, "" for whatever is configured, a Model (anything with
            `name`, `stream` and `cost`), or a callable `request -> response` (see
            `conjure_magic.models.callable_model.CallableModel`).
        key: one given by hand; goes before the environment's.
        default: the id taken where there is a key or a server, and no name.
        prices: see `conjure_magic.models.messages_api.MessagesModel`.
        named: names of the person's own; see `conjure_magic.models.choice.parse_named`.
        context_window: tokens that a conversation and an answer may have together, where it is not for the server to
            say.
        idle_timeout: seconds that a server may send nothing.

    Raises UsageError for anything else. Nothing is connected to before the first request.
    """
    if isinstance(spec, str):
        from conjure_magic.models.choice import choose_model

        chosen = choose_model(
            spec,
            key=key,
            default=default,
            prices=prices,
            named=named,
            context_window=context_window,
            idle_timeout=idle_timeout,
        )
        if chosen is not None:
            return chosen
        from conjure_magic.models.offline import OfflineModel

        return OfflineModel()
    if all(hasattr(spec, name) for name in ("name", "stream", "cost")) and not isinstance(spec, type):
        return cast("Model", spec)
    if callable(spec):
        from conjure_magic.models.callable_model import CallableModel

        return CallableModel(spec, model=default)
    raise UsageError(
        f"a {type(spec).__name__} is not a model: give 'offline', an id, a Model, or a callable request -> response"
    )
