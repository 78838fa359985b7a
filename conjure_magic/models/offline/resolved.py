"""A reading tied to what the files hold, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conjure_magic.models.offline.reading.value import Reading


@dataclass(frozen=True)
class Take:
    """Where the value stands that is asked for: a field, or a pattern."""

    field: str = ""
    pattern: str = ""
    label: str = ""
    """What the answer calls it."""


@dataclass(frozen=True)
class Resolved:
    """What a command is composed from."""

    reading: Reading
    grep: str = ""
    """A regular expression that the lines must match."""
    text: str = ""
    """The same in words, for the answer."""
    where: tuple[str, ...] = ()
    take: Take | None = None
    groups: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Words of the request that went into nothing."""
    assumed: tuple[str, ...] = ()
    """Sentences on what was taken for what."""
    refused: str = ""
    """Why it cannot be answered; empty if it can."""


def code_list(words: Sequence[str]) -> str:
    quoted = [f"`{word}`" for word in dict.fromkeys(words)]
    return " and ".join((", ".join(quoted[:-1]), quoted[-1])) if len(quoted) > 1 else "".join(quoted)
