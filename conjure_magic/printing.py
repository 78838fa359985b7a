"""The one door for text that is printed: nothing that drives a terminal goes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from conjure_magic.characters import printed


def say(text: object, *, end: str = "\n", file: IO[str] | None = None, shown: Callable[[str], str] = printed) -> None:
    """Print a text, at once.

    Args:
        text: what is said; of an error its message.
        end: what follows it.
        file: where it goes; None: stdout.
        shown: the door of `characters` that it goes through; `clean` for prose.
    """
    print(shown(str(text)) + end, end="", file=file, flush=True)
