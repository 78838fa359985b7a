"""The kernel that a session belongs to, as native tools see it. The magics provide it; a plain script has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class CodeOutput:
    """A piece of the output of code: printed text, or displayed data."""

    text: str = ""
    """Printed text."""
    data: Mapping[str, Any] | None = None
    """Displayed data: media type -> text, or the bytes of an image."""


@dataclass(frozen=True, slots=True)
class CodeResult:
    """The result of running code."""

    shown: tuple[CodeOutput, ...] = ()
    error: str = ""
    """Type and message of the exception in one line; empty if there was none."""
    traceback: str = ""


class Host(Protocol):
    """A kernel: its variables, its main thread, and a way to run code as a cell does."""

    @property
    def namespace(self) -> MutableMapping[str, Any]:
        """The user's variables, live."""
        ...

    @property
    def hidden(self) -> frozenset[str]:
        """Names in the namespace that the user did not define."""
        ...

    def run(self, code: str) -> CodeResult:
        """Run code as a cell does, without showing output; only in the main thread. Exceptions are in the result."""
        ...

    def call_soon(self, function: Callable[[], None]) -> bool:
        """Have the main thread call a function once it is free; False if that is not possible."""
        ...
