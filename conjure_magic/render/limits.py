"""Limits of what a turn's output shows and embeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conjure_magic.remedies import Words
from conjure_magic.settings import Settings


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Limits of what is shown of a call, in characters."""

    input: int
    output: int
    skills: Mapping[str, str] = field(default_factory=dict)
    """Skill name -> directory: paths below it are shortened to `name/…` in the call's line."""
    words: Words = str
    """Formats a remedy as text."""


@dataclass(frozen=True, slots=True)
class DisplayLimits:
    """Limits of an output."""

    file_bytes: int
    """Size up to which a file is embedded in the output; a larger one is linked."""
    cell_bytes: int
    """Total size of the files embedded in a cell's output; the rest are linked."""
    call_characters: int = 40_000
    """Characters shown of a call's input, and of its output; the turn's data contain everything."""
    turn_characters: int = 2_000_000
    """Characters shown of the inputs and outputs of all calls of a turn together."""
    skills: Mapping[str, str] = field(default_factory=dict)
    """Skill name -> directory in commands, shown as `name/…` in a call's line; "." stands for the input folder."""
    words: Words = str
    """Formats a remedy as text."""

    def calls(self, number: int) -> CallLimits:
        """The limits of each call if there are `number` of them."""
        each = max(2_000, min(self.call_characters, self.turn_characters // (2 * max(number, 1))))
        return CallLimits(each, each, self.skills, self.words)


def display_limits(settings: Settings, skills: Mapping[str, str] | None = None, words: Words = str) -> DisplayLimits:
    """The limits that the settings set; `skills` and `words` as in `DisplayLimits`."""
    return DisplayLimits(settings.file_limit, settings.cell_limit, skills=skills or {}, words=words)
