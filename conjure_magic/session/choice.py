"""What a session works with: names and folders. Nothing is opened here."""

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
from conjure_magic.workspace import existing_folder, expanded

Backends = str | Backend | Iterable[str | Backend]
"""Backends as a caller gives them: comma-separated names, or objects."""
Folder = str | Path


@dataclass(frozen=True, slots=True)
class SessionChoice:
    """The chosen backends, skills, model and folders of a session."""

    backends: tuple[str | Backend, ...] = ()
    skills: tuple[object, ...] = ()
    """Folders and names as text (a `Skill` as its folder); Python skills as objects or names of variables."""
    model: object = ""
    workspace: Path | None = None
    """A folder of the user's to work in; None for a folder of the session's own."""
    input: Path = field(default_factory=Path.cwd)
    key: Key | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    """The backends' own options by name, such as `image`; options left out have their defaults."""
    names_input: bool = False
    """True if the input folder was given explicitly, instead of being the current directory."""

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
    ) -> SessionChoice:
        """A copy with these changes. None keeps the present value; `options` are merged.

        Raises UsageError if no backend is named, or if a folder does not exist.
        """
        return replace(
            self,
            backends=self.backends if backend is None else parse_backends(backend),
            skills=self.skills if skills is None else parse_skills(skills),
            model=self.model if model is None else model,
            workspace=self.workspace if workspace is None else _folder(workspace, "workspace"),
            input=self.input if input is None else _folder(input, "input"),
            key=key or self.key,
            options={**self.options, **(options or {})},
            names_input=self.names_input or input is not None,
        )


def parse_backends(given: Backends) -> tuple[str | Backend, ...]:
    """The backends in a name, a list or an object, without duplicates. Raises UsageError if there are none."""
    if isinstance(given, str):
        chosen: tuple[str | Backend, ...] = tuple(split_list(given))
    else:
        chosen = tuple(given) if isinstance(given, Iterable) else (given,)
    if not chosen:
        raise UsageError(
            "no backend was given", remedy=Remedy("Name at least one, such as {0}.", option("backend", "local"))
        )
    return tuple(dict.fromkeys(chosen)) if all(isinstance(backend, str) for backend in chosen) else chosen


def parse_skills(given: object) -> tuple[object, ...]:
    """The skills in a comma-separated text, an object, a registry or a list."""
    if isinstance(given, SkillRegistry):
        given = given.list()
    listed: Iterable[Any] = split_list(given) if isinstance(given, str) else [given]
    if isinstance(given, Iterable) and not isinstance(given, str | type):
        listed = given
    folders = (skill.directory if isinstance(skill, Skill) else skill for skill in listed)
    return tuple(str(skill) if isinstance(skill, Path) else skill for skill in folders)


def _folder(path: Folder, what: str) -> Path:
    """The absolute path of an existing folder, so that a later change of the current directory does not matter."""
    existing_folder(path, what)
    return expanded(path).absolute()
