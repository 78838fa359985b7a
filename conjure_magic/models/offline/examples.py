"""Requests that would work, for where none of the skills fits what was asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conjure_magic.models.offline.conversation import KnownSkill
from conjure_magic.models.offline.documents import read_documentation
from conjure_magic.models.offline.mentions import is_path
from conjure_magic.models.offline.reading import Ask, read_request
from conjure_magic.models.offline.template import parse_template
from conjure_magic.skills.ranking import stems

MOST = 5
LONGEST = 110
"""Characters of a sentence that may be a request."""


def files_in(listing: str) -> list[str]:
    """The files in what the view tool shows of a folder, as paths in it."""
    found = [line.split("\t")[-1].split(" (")[0].strip() for line in listing.splitlines()]
    return [name for name in found if is_path(name) and not name.endswith("/") and " " not in name]


def skill_for(files: Sequence[str], skills: Sequence[KnownSkill]) -> tuple[KnownSkill, str] | None:
    """The first skill that speaks of a kind of file that is there, and the file."""
    for name in files:
        ending = set(stems(name.rpartition(".")[2]))
        for skill in skills:
            if ending & set(stems(f"{skill.name} {skill.description}")):
                return skill, name
    return None


def examples(document: str, file: str) -> list[str]:
    """Requests made of what a SKILL.md says about its commands, about this file."""
    found: list[str] = []
    for command in read_documentation(document).commands:
        template = parse_template(command.text)
        sentence = re.split(r"[.:,]\s|[.:]$", re.sub(r"(?<!\s)\s*\([^()]*\)", "", command.about))[0].strip()
        if template is None or not sentence or len(sentence) > LONGEST or "|" in sentence:
            continue
        open_values = [
            value
            for value in template.values
            if value.kind in ("text", "time", "url", "number") and not value.is_example
        ]
        request = f"{sentence}: {file}"
        reading = read_request(request)[0]
        if (
            not open_values
            and reading.ask is not Ask.NONE
            and not (reading.unknown or reading.topic)
            and request not in found
        ):
            found.append(request)
    return found[:MOST]
