"""The catalogue that a model reads: `<available_skills>`, well-formed whatever the skills say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape

from conjure_magic.phrases import counted
from conjure_magic.skills.skill import Skill

MAX_CHARACTERS = 24_000
"""Characters of the whole block, about 6,000 tokens."""
SHORTEST = 60
"""Minimum length of a shortened description, in characters."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

INSTRUCTIONS = """\
Skills are folders of instructions, scripts and references for particular kinds of work. When a request fits
a skill's description, read its SKILL.md with the `view` tool before you do anything else, and follow it.
Paths inside a SKILL.md are relative to that skill's directory, the folder of the SKILL.md: make them absolute
when you run or read them. Read other files of a skill only when you need them."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A skill as listed in the catalogue."""

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
    """The entries that fit, and what was cut to make them fit."""

    entries: tuple[CatalogueEntry, ...]
    shortened: int = 0
    """How many descriptions were cut."""
    omitted: tuple[str, ...] = ()
    """Names of the skills that did not fit."""


def entries_of(skills: Iterable[Skill], directories: Mapping[str, str] | None = None) -> tuple[CatalogueEntry, ...]:
    """The catalogue entries of skills, by name.

    Args:
        skills: those to list.
        directories: skill name -> its directory as commands see it; skills missing from it are left out.
            By default the directories on this machine.
    """
    found = []
    for skill in sorted(skills, key=lambda skill: skill.name):
        directory = str(skill.directory) if directories is None else directories.get(skill.name)
        if directory is not None:
            found.append(CatalogueEntry(skill.name, skill.description, f"{directory}/{skill.file}"))
    return tuple(found)


def fit_catalogue(entries: Iterable[CatalogueEntry], limit: int = MAX_CHARACTERS) -> Catalogue:
    """The entries within `limit` characters: long descriptions are shortened equally, then the last ones dropped."""
    every = tuple(entries)
    sizes = [_Size.of(entry) for entry in every]
    longest = max((len(entry.description) for entry in every), default=0)
    low = _longest_common(sizes, SHORTEST, longest, limit)
    kept, size = len(every), sum(each.at(low) for each in sizes)
    while kept and size > limit:
        kept -= 1
        size -= sizes[kept].at(low)
    cut = tuple(_shortened(entry, low) for entry in every[:kept])
    changed = sum(new is not old for new, old in zip(cut, every, strict=False))
    return Catalogue(cut, changed, tuple(entry.name for entry in every[kept:]))


@dataclass(frozen=True, slots=True)
class _Size:
    """The size of an entry in characters, by the length of its description."""

    rest: int
    description: str
    is_plain: bool
    """True if no character of the description needs escaping."""

    @classmethod
    def of(cls, entry: CatalogueEntry) -> _Size:
        escaped = _xml(entry.description)
        return cls(len(entry.render()) - len(escaped) + 1, entry.description, len(escaped) == len(entry.description))

    def at(self, length: int) -> int:
        """An upper bound for the size with a description of that length."""
        if self.is_plain:
            return self.rest + min(len(self.description), length)
        return self.rest + len(_xml(_cut(self.description, length)))


def _longest_common(sizes: list[_Size], low: int, high: int, limit: int) -> int:
    """The greatest description length, at least `low`, with which everything fits."""
    if sum(size.at(high) for size in sizes) <= limit:
        return max(low, high)
    while low < high:
        middle = (low + high + 1) // 2
        fits = sum(size.at(middle) for size in sizes) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def render_catalogue(
    skills: Iterable[Skill], directories: Mapping[str, str] | None = None, *, limit: int = MAX_CHARACTERS
) -> str:
    """The system text that lists the skills for a model; empty if there are none.

    Args:
        skills: those to list.
        directories: see `entries_of`.
        limit: size of the list in characters; the text says how many skills did not fit.
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
            f"{counted(catalogue.shortened, 'description')} shortened to save space; each SKILL.md has the full text."
        )
    if catalogue.omitted:
        lines.append(f"{counted(len(catalogue.omitted), 'further skill')} did not fit in this list.")
    return "\n".join(lines)


def _shortened(entry: CatalogueEntry, length: int) -> CatalogueEntry:
    return entry if len(entry.description) <= length else replace(entry, description=_cut(entry.description, length))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _xml(text: str) -> str:
    """Text as XML character data, what XML 1.0 forbids (section 2.2) replaced."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)
