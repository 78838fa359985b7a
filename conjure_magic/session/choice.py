"""What a session was told to work with: names and folders, nothing of it opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conjure_magic.backends.base import Backend
from conjure_magic.errors import UsageError
from conjure_magic.remedies import Remedy, option
from conjure_magic.secrets import Key
from conjure_magic.settings import split_list
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.skills.skill import Skill
from conjure_magic.workspace import expanded

Backends = str | Backend | Iterable[str | Backend]
"""How backends are given: names with commas between, or objects."""
Folder = str | Path


@dataclass(frozen=True, slots=True)
class Choice:
    """A session's backends, skills, model and folders, as they were chosen."""

    backends: tuple[str | Backend, ...] = ()
    skills: tuple[object, ...] = ()
    """Folders (of a `Skill` its own) and names as text; skills in Python as objects, or the names of variables."""
    model: object = ""
    workspace: Path | None = None
    """The person's own folder to work in; None for one of the session's own."""
    input: Path = field(default_factory=Path.cwd)
    key: Key | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    """The backends' own options by name, such as `image`; those that are not here have their defaults."""
    names_input: bool = False
    """True where the input folder was named, and is not just where the kernel is."""

    def with_changes(
        self,
        *,
        backend: Backends | None = None,
        skills: object = None,
        model: object = None,
        workspace: Folder | None = None,
        input: Folder | None = None,  # noqa: A002 - the option's own name
        key: Key | None = None,
        options: Mapping[str, object] | None = None,
    ) -> Choice:
        """The choice with this in its place; None keeps what is, and options are added to those that are.

        Raises UsageError for no backend, and for the home folder of a user who has none.
        """
        return replace(
            self,
            backends=self.backends if backend is None else parse_backends(backend),
            skills=self.skills if skills is None else parse_skills(skills),
            model=self.model if model is None else model,
            workspace=self.workspace if workspace is None else _absolute(workspace),
            input=self.input if input is None else _absolute(input),
            key=key or self.key,
            options={**self.options, **(options or {})},
            names_input=self.names_input or input is not None,
        )


def parse_backends(given: Backends) -> tuple[str | Backend, ...]:
    """The backends in what a person or a caller gave, each once. Raises UsageError if there are none."""
    if isinstance(given, str):
        chosen: tuple[str | Backend, ...] = tuple(split_list(given))
    else:
        chosen = tuple(given) if isinstance(given, Iterable) else (given,)
    if not chosen:
        raise UsageError(
            "no backend is named", remedy=Remedy("Name at least one, such as {0}.", option("backend", "local"))
        )
    return tuple(dict.fromkeys(chosen)) if all(isinstance(backend, str) for backend in chosen) else chosen


def parse_skills(given: object) -> tuple[object, ...]:
    """Each skill in what a person or a caller gave: text may hold several, with commas between."""
    if isinstance(given, SkillRegistry):
        given = given.list()
    listed: Iterable[Any] = split_list(given) if isinstance(given, str) else [given]
    if isinstance(given, Iterable) and not isinstance(given, str | type):
        listed = given
    folders = (skill.directory if isinstance(skill, Skill) else skill for skill in listed)
    return tuple(str(skill) if isinstance(skill, Path) else skill for skill in folders)


def _absolute(path: Folder) -> Path:
    """The folder that a path means now, whatever the current directory is later."""
    return expanded(path).absolute()
