"""Models: what answers requests. `open_model` finds the one that a person means."""

from __future__ import annotations

from builtins import callable as is_callable  # the submodule of that name hides it here once imported
from typing import TYPE_CHECKING, cast

from conjure_magic.errors import UsageError

if TYPE_CHECKING:
    from conjure_magic.models.base import Model


def open_model(spec: object) -> Model:
    """The model that a setting, an option or an argument means.

    Args:
        spec: "offline", a model's id, "" for whatever is configured, a Model (anything with `name`, `stream` and `cost`), or a callable `request -> response`
            (see `conjure_magic.models.callable.CallableModel`).

    Raises UsageError for anything else. Nothing is connected to before the first request.
    """
    if isinstance(spec, str):
        return _named(spec)
    if all(hasattr(spec, name) for name in ("name", "stream", "cost")) and not isinstance(spec, type):
        return cast("Model", spec)
    if is_callable(spec):
        from conjure_magic.models.callable import CallableModel

        return CallableModel(spec)
    raise UsageError(
        f"a {type(spec).__name__} is not a model: give 'offline', a Model, or a callable request -> response"
    )


def _named(name: str) -> Model:
    """The model of a name: the one place where names are told apart. No name means whatever is configured."""
    from conjure_magic.models.choice import choose_model

    chosen = choose_model(name)
    if chosen is not None:
        return chosen
    from conjure_magic.models.offline import OfflineModel

    return OfflineModel()
