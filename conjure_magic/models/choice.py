"""Which model a name means here, by what is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conjure_magic.api.keys import Dialect, Key, credentials
from conjure_magic.errors import UsageError

if TYPE_CHECKING:
    from conjure_magic.models.messages_api import MessagesModel

OFFLINE = "offline"
DEFAULT_MODEL = "claude-opus-5-5"
"""What is taken when there is a key or a server and no name."""


def choose_model(
    name: str | None = None,
    environ: Mapping[str, str] | None = None,
    key: Key | None = None,
    *,
    default: str = DEFAULT_MODEL,
    prices: Mapping[str, object] | None = None,
    dialect: Dialect | None = None,
) -> MessagesModel | None:
    """The model that `name` means; None stands for the offline one.

    Args:
        name: a model's id, "offline", or nothing: then the default where there is a key or a server of the
            person's own (ANTHROPIC_BASE_URL), else offline.
        environ: in the place of the process's environment.
        key: one given by hand; goes before ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN.
        default: what no name stands for.
        prices: see `MessagesModel`.
        dialect: "anthropic" for a gateway of one's own to Anthropic; by default the address tells.

    Raises UsageError if a model is named that cannot be reached without a key, or the key cannot be used.
    """
    # Overwritten before anything can raise: a traceback with values would show the environment.
    environ, found = None, credentials(environ, key, dialect)
    if name == OFFLINE or not (name or found.can_send):
        return None
    if not found.can_send:
        raise UsageError(
            f"{name} needs a key: set ANTHROPIC_API_KEY or use %conjure key "
            "(or ANTHROPIC_BASE_URL, for a server of your own). --model offline works without one."
        )
    if found.problem:
        raise UsageError(f"{found.problem[0].upper()}{found.problem[1:]}. --model offline works without a key.")
    from conjure_magic.models.messages_api import MessagesModel  # not before it is needed: it loads httpx

    return MessagesModel(name or default, found, prices=prices)
