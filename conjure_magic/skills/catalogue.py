"""The catalogue that a model reads: `<available_skills>`, well-formed whatever the skills say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape

from conjure_magic.skills.skill import Skill

MAX_CHARACTERS = 24_000
"""Characters of the whole block, about 6,000 tokens."""
SHORTEST = 60
"""Characters that a shortened description keeps at least."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

INSTRUCTIONS = """\
Skills are folders of instructions, scripts and references for particular kinds of work. When a request fits
a skill's description, read its SKILL.md with the `view` tool before you do anything else, and follow it.
Paths inside a SKILL.md are relative to that skill's directory, the folder of the SKILL.md: make them absolute
when you run or read them. Read other files of a skill only when you need them."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A skill as the model is told of it."""

    name: str
    description: str
    location: str
    """Absolute path of its SKILL.md as the model's tools see it."""

    def render(self) -> str:
        """The entry as XML."""
        lines = (f"<{tag}>{_xml(getattr(self, tag))}</{tag}>" for tag in ("name", "description", "location"))
        return "\n".join(("<skill>", *lines, "</skill>"))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The entries that fit, and what it took."""

    entries: tuple[CatalogueEntry, ...]
    shortened: int = 0
    """How many descriptions were cut."""
    omitted: tuple[str, ...] = ()
    """Names of the skills for which there was no room."""


def entries_of(skills: Iterable[Skill], directories: Mapping[str, str] | None = None) -> tuple[CatalogueEntry, ...]:
    """The catalogue entries of skills, by name.

    Args:
        skills: those to list.
        directories: skill name -> its directory as commands see it; one that is not in it cannot be seen there
            and is left out. By default the directories on this machine.
    """
    found = []
    for skill in sorted(skills, key=lambda skill: skill.name):
        directory = str(skill.directory) if directories is None else directories.get(skill.name)
        if directory is not None:
            found.append(CatalogueEntry(skill.name, skill.description, f"{directory}/{skill.location.name}"))
    return tuple(found)


def fit_catalogue(entries: Iterable[CatalogueEntry], limit: int = MAX_CHARACTERS) -> Catalogue:
    """The entries within so many characters: long descriptions are shortened alike, then the last left out."""
    every = tuple(entries)
    if _size(every) <= limit:
        return Catalogue(every)
    low, high = SHORTEST, max((len(entry.description) for entry in every), default=SHORTEST)
    while low < high:  # the longest common length that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _size(_shortened(every, middle)) <= limit else (low, middle - 1)
    cut = _shortened(every, low)
    kept = list(cut)
    size = _size(cut)
    while kept and size > limit:
        size -= len(kept.pop().render()) + 1
    short = sum(new is not old for new, old in zip(kept, every, strict=False))
    return Catalogue(tuple(kept), short, tuple(entry.name for entry in cut[len(kept) :]))


def render_catalogue(
    skills: Iterable[Skill], directories: Mapping[str, str] | None = None, *, limit: int = MAX_CHARACTERS
) -> str:
    """The system text that tells a model of its skills; empty if there are none.

    Args:
        skills: those to list.
        directories: see `entries_of`.
        limit: characters of the list; what does not fit is said in it.
    """
    catalogue = fit_catalogue(entries_of(skills, directories), limit)
    if not catalogue.entries and not catalogue.omitted:
        return ""
    lines = [
        INSTRUCTIONS,
        "",
        "<available_skills>",
        *(entry.render() for entry in catalogue.entries),
        "</available_skills>",
    ]
    if catalogue.shortened:
        lines.append(
            f"{catalogue.shortened} descriptions were shortened for want of room; each SKILL.md has the whole."
        )
    if catalogue.omitted:
        lines.append(f"{len(catalogue.omitted)} further skills are not listed for want of room.")
    return "\n".join(lines)


def _size(entries: Iterable[CatalogueEntry]) -> int:
    return sum(len(entry.render()) + 1 for entry in entries)


def _shortened(entries: Iterable[CatalogueEntry], length: int) -> tuple[CatalogueEntry, ...]:
    return tuple(
        entry
        if len(entry.description) <= length
        else replace(entry, description=entry.description[: length - 1].rstrip() + "…")
        for entry in entries
    )


def _xml(text: str) -> str:
    """Text as XML character data, what XML 1.0 forbids (section 2.2) replaced."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)
