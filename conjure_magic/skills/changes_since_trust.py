"""What has changed in a project's skill since the user trusted it: file names and changed lines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from conjure_magic.phrases import counted
from conjure_magic.safe_open import open_file

KEPT = 64 << 10
"""Bytes of the largest file whose trusted text is kept, so that a later question can show what changed."""
NAMED = 5
"""Changed files that a question names, and shows."""
LINES = 8
"""Lines of either side that a question shows of one file."""


@dataclass(frozen=True, slots=True)
class SkillToTrust:
    """A skill that the user is asked about; `str` gives its name and what is new about it."""

    name: str
    what: tuple[str, ...] = ()
    """What is new, such as "changed: SKILL.md"; empty if nothing of the project was trusted before."""
    changes: str = ""
    """The changed lines of its files, bounded. Foreign text: quote it."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.what)})" if self.what else self.name


def read_text(folder: Path, name: str) -> str | None:
    """Return the text of a skill's file; None if it is missing, too large, or not text."""
    try:
        with os.fdopen(open_file(folder, tuple(name.split("/"))), "rb") as file:
            content = file.read(KEPT + 1)
        return content.decode("utf-8") if len(content) <= KEPT else None
    except (OSError, UnicodeDecodeError):
        return None


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the files whose content differs; existing ones first, so that new files cannot hide them."""
    names = sorted({*before, *now}, key=lambda name: (name not in before, name))
    return [name for name in names if before.get(name) != now.get(name)]


def changes(name: str, before: str | None, now: str | None) -> str:
    """Return the lines from the first to the last difference of two texts; takes linear time."""
    if before is None and now is None:
        return f"{name}: no text that can be shown"
    old, new = (before or "").split("\n"), (now or "").split("\n")
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    old, new = old[same:], new[same:]
    pairs = zip(reversed(old), reversed(new), strict=False)
    end = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    old, new = old[: len(old) - end], new[: len(new) - end]
    head = f"{name}, from line {same + 1}"
    head += " (its earlier text was not kept)" if before is None else " (now gone, or no text)" if now is None else ""
    return "\n".join([head, *_side("-", old), *_side("+", new)])


def _side(mark: str, lines: list[str]) -> Iterator[str]:
    yield from (f"{mark} {line}" for line in lines[:LINES])
    if len(lines) > LINES:
        yield f"{mark} … {counted(len(lines) - LINES, 'more line')}"
