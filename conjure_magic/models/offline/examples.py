"""Requests that would work, for where none of the skills fits what was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from conjure_magic.models.offline.conversation import KnownSkill
from conjure_magic.models.offline.documents import Documentation, read_documentation
from conjure_magic.models.offline.interface import documented_interfaces
from conjure_magic.models.offline.mentions import is_path
from conjure_magic.models.offline.reading import Ask, Reading, read_request
from conjure_magic.models.offline.reading.lexicon import LEVELS
from conjure_magic.models.offline.template import parse_template
from conjure_magic.skills.ranking import stems

MOST = 5
LONGEST = 110
"""Characters of a sentence that may be a request."""
_ENTRY = re.compile(r"^(\S+)  \([\d,]+ bytes\)$", re.MULTILINE)
_CLOCK = re.compile(r"\d{1,2}:\d\d")
_NUMERIC = re.compile(r"int|float|decimal", re.IGNORECASE)


def files_in(listing: str, workspace: str = "") -> list[str]:
    """The files in what the view tool shows of a folder, as paths in it; none of a session's own folder in it."""
    folder = listing.partition(":\n")[0].rstrip("/") + "/"
    own = workspace.removeprefix(folder).partition("/")[0] + "/" if workspace.startswith(folder) else "\n"
    return [name for name in _ENTRY.findall(listing) if is_path(name) and not name.startswith(own)]


def skill_for(files: Sequence[str], skills: Sequence[KnownSkill]) -> tuple[KnownSkill, str] | None:
    """The first skill that speaks of a kind of file that is there, and the file."""
    for name in files:
        ending = set(stems(name.rpartition(".")[2]))
        for skill in skills:
            if ending & set(stems(f"{skill.name} {skill.description}")):
                return skill, name
    return None


def examples(document: str, file: str, lines: Sequence[str]) -> list[str]:
    """Requests about a file, made of what a SKILL.md says about its commands.

    Args:
        document: the SKILL.md.
        file: the file's path.
        lines: its first lines.
    """
    documentation = read_documentation(document)
    dated = any(_CLOCK.search(line) for line in lines)
    levelled = any(word in LEVELS for line in lines for word in re.findall(r"[a-z]+", line.lower()))
    documented, plain = _documented(documentation, file), _of_any_text(documentation, file, lines)
    found: list[str] = []
    for request in (*documented, *plain) if dated else (*plain, *documented):
        reading = read_request(request)[0]
        fits = (dated or not _needs_times(reading)) and (levelled or not _needs_levels(reading))
        if fits and reading.ask is not Ask.NONE and not (reading.unknown or reading.topic) and request not in found:
            found.append(request)
    return found[:MOST]


def _needs_levels(reading: Reading) -> bool:
    return bool(reading.levels) or reading.value == ("level",)


def _needs_times(reading: Reading) -> bool:
    return bool(reading.unit) or reading.ask is Ask.SPAN


def _documented(documentation: Documentation, file: str) -> Iterator[str]:
    """What is said about commands that need nothing but a file."""
    for command in documentation.commands:
        template = parse_template(command.text)
        sentence = re.split(r"[.:,]\s|[.:]$", re.sub(r"(?<!\s)\s*\([^()]*\)", "", command.about))[0].strip()
        if template is None or not sentence or len(sentence) > LONGEST or "|" in sentence:
            continue
        kinds = [value.kind for value in template.values if not value.is_example]
        if not set(kinds) & {"text", "time", "url", "number"}:
            yield f"{sentence}: {file}"


def _of_any_text(documentation: Documentation, file: str, lines: Sequence[str]) -> Iterator[str]:
    """Questions about any lines, where a command can be asked about them."""
    programs = [template.program for c in documentation.commands if (template := parse_template(c.text)) is not None]
    interfaces = documented_interfaces(documentation.commands, dict.fromkeys(programs))
    if not any(interface.answers_questions for interface in interfaces.values()):
        return
    word = next((word for line in reversed(lines) for word in re.findall(r"\b[A-Za-z]{3,}\b", line)), "")
    if word:
        yield f"How many lines contain '{word}' in {file}?"
    yield from (
        f"How many lines are in {file}?",
        f"Show the first 5 lines of {file}",
        f"Show the last 5 lines of {file}",
    )


def frame_examples(frame: str, about: str) -> list[str]:
    """Requests about a DataFrame.

    Args:
        frame: the variable's name.
        about: what came with it, with a line "columns: name (type), …".
    """
    listed = re.search(r"^columns: (.*)$", about, re.MULTILINE)
    columns = re.findall(r"(?:^|, )([A-Za-z]\w*) \(([^()]*)\)", listed[1]) if listed is not None else []
    numbers = [name for name, kind in columns if _NUMERIC.search(kind)]
    texts = [name for name, kind in columns if re.search(r"object|str|category|bool", kind)]
    found = [f"summarise {frame}", f"how many rows are in {frame}?", f"show the first 5 rows of {frame}"]
    found += [f"mean of {numbers[0]} by {texts[0]} in {frame}"] if numbers and texts else []
    found += [f"max of {name} in {frame}" for name in numbers]
    found += [f"count by {name} in {frame}" for name in texts]
    return found[:MOST]
