"""The kernel around a session, as native tools see it. The magics bring one; a plain script has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of what code showed, in order."""

    text: str = ""
    """What it printed."""
    data: Mapping[str, Any] | None = None
    """What it displayed: media type -> text, or bytes of an image."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What running some code came to."""

    shown: tuple[Shown, ...] = ()
    error: str = ""
    """Type and text of the exception, in one line; empty if there was none."""
    traceback: str = ""


class Host(Protocol):
    """A kernel: its variables, its main thread, and running code as a cell would."""

    @property
    def namespace(self) -> MutableMapping[str, Any]:
        """The user's variables, live."""
        ...

    @property
    def hidden(self) -> frozenset[str]:
        """Names in the namespace that the user did not make."""
        ...

    def run(self, code: str) -> Ran:
        """Run code as a cell would, showing nothing; only in the main thread. An exception is part of the result."""
        ...

    def call_soon(self, function: Callable[[], None]) -> bool:
        """Have the main thread call this once it is free; False if there is no way to."""
        ...
