"""How much of a turn travels inside an output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conjure_magic.remedies import Words
from conjure_magic.settings import Settings


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How much of a call is shown, in characters."""

    input: int
    output: int
    skills: Mapping[str, str] = field(default_factory=dict)
    """Skill name -> directory: paths below it are shortened to `name/…` in the call's line."""
    words: Words = str
    """How what helps against a problem is said."""


@dataclass(frozen=True, slots=True)
class DisplayLimits:
    """How much travels inside an output."""

    file_bytes: int
    """A larger file is linked, not carried."""
    cell_bytes: int
    """What all files of a cell may carry together; the rest are linked."""
    call_characters: int = 40_000
    """Shown of a call's input, and of its output; the data keep all."""
    turn_characters: int = 2_000_000
    """Shown of all calls' inputs and outputs together: many calls share it."""
    skills: Mapping[str, str] = field(default_factory=dict)
    """Skill name -> its directory as commands name it; shown as `name/…` in a call's line. "." may be one as well."""
    words: Words = str
    """How what helps against a problem is said."""

    def calls(self, number: int) -> CallLimits:
        """What each of so many calls may show."""
        each = max(2_000, min(self.call_characters, self.turn_characters // (2 * max(number, 1))))
        return CallLimits(each, each, self.skills, self.words)


def display_limits(settings: Settings, skills: Mapping[str, str] | None = None, words: Words = str) -> DisplayLimits:
    """What the settings let travel inside an output; `skills` and `words` as in `DisplayLimits`."""
    return DisplayLimits(settings.file_limit, settings.cell_limit, skills=skills or {}, words=words)
