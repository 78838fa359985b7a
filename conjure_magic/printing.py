"""Printing text without characters that control a terminal. Everything that is printed goes through `say`."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from conjure_magic.characters import printed


def say(text: object, *, end: str = "\n", file: IO[str] | None = None, shown: Callable[[str], str] = printed) -> None:
    """Print a text and flush.

    Args:
        text: a text, or an error, whose message is printed.
        end: printed after the text.
        file: the output stream; None for stdout.
        shown: the filter from `characters` to apply; `clean` for prose.
    """
    print(shown(str(text)) + end, end="", file=file, flush=True)
