"""What a session works with: a model, hands, skills, folders. Opened when first needed, changed as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conjure_magic.api.keys import credentials
from conjure_magic.backends import BackendSetup, backend_factory
from conjure_magic.backends.base import Backend
from conjure_magic.backends.bundled_native import bundled
from conjure_magic.backends.hosted.skills import DOCUMENT_SKILLS, SkillSpec, anchored, split_hosted
from conjure_magic.backends.native.host import Host
from conjure_magic.backends.native.names import about, meant_as_python, python_skills, split_skills, spoken_name
from conjure_magic.errors import SkillNotFoundError, SkillSpecError, UsageError
from conjure_magic.models import open_model
from conjure_magic.models.base import Model
from conjure_magic.models.choice import key_variables
from conjure_magic.secrets import Key, known_secrets
from conjure_magic.settings import Settings, split_list
from conjure_magic.skills.registry import AskTrust, SkillRegistry
from conjure_magic.skills.skill import Skill
from conjure_magic.workspace import Workspace, existing_folder, expanded

TOLD = frozenset({"not-asked", "catalogue-omitted", "link-outside"})
"""Codes of findings on skills that a cell shows, beside errors; `%conjure skills` shows them all."""
DELETED = "the session's folder had been deleted; it was made anew, and is empty"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, nothing of it opened yet."""

    backends: tuple[str | Backend, ...]
    skills: tuple[object, ...]
    """Folders (of a `Skill` its own) and names as text; native skills as objects, or as text that names a variable."""
    model: object
    workspace: str | Path | None
    input: str | Path
    key: Key | None = None
    image: str = ""
    """The image that commands run in, where they run in one; empty for the settings'."""
    names_input: bool = False
    """True where the input folder was named, and is not just where the kernel is."""

    def changed(self, **given: Any) -> Choice:
        """The choice with what was given in its place; None keeps what is. Raises UsageError for no backend."""
        read: dict[str, Any] = {
            "backends": None if given.get("backend") is None else _backends(given["backend"]),
            "skills": None if given.get("skills") is None else _skills(given["skills"]),
            **{name: given.get(name) for name in ("model", "key", "image")},
            **{name: _absolute(given.get(name)) for name in ("workspace", "input")},
            "names_input": True if given.get("input") is not None else None,
        }
        return replace(self, **{name: value for name, value in read.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Split:
    """The skills of a choice, by who uses them."""

    native: tuple[object, ...]
    hosted: tuple[SkillSpec, ...]
    others: tuple[str, ...]
    """Folders, and names of skills to offer."""


class Equipment:
    """The things themselves, for one session.

    Args:
        name: the session's, part of the workspace's folder.
        settings: defaults, and how backends are opened.
        ask_trust: asks whether the project's own skills may be loaded.
        choice: what to begin with.
        host: the kernel around; None in a plain script.

    Raises UsageError for a backend or model that does not exist.
    """

    def __init__(
        self, name: str, settings: Settings, ask_trust: AskTrust | None, choice: Choice, host: Host | None = None
    ) -> None:
        self._name = name
        self._settings = settings
        self._ask_trust = ask_trust
        self._choice = choice
        self._workspace: Workspace | None = None
        self._registry: SkillRegistry | None = None
        self._opened: tuple[Backend, ...] | None = None
        self._memory: dict[str, Any] = {}
        self._host = host
        self._split = self._assign(choice)
        self.model = self._checked(choice)
        if choice.skills:
            self._registry = self._open_registry(choice, self._split.others)

    @property
    def backend_names(self) -> tuple[str, ...]:
        """The names of the backends."""
        return tuple(b if isinstance(b, str) else b.name for b in self._choice.backends)

    @property
    def input_folder(self) -> Path:
        """The folder that relative paths in a prompt mean."""
        return Path(self._choice.input).expanduser()

    @property
    def opened_workspace(self) -> Workspace | None:
        """The folders if they are open already."""
        return self._workspace

    @property
    def workspace(self) -> Workspace:
        """The folders, made when first asked for. Raises UsageError if they cannot be."""
        if self._workspace is not None and not self._workspace.root.is_dir():
            self.close_backends()
            self._workspace.close()
            self._workspace = replace(self._open_workspace(self._choice), notice=DELETED)
        if self._workspace is None:
            self._workspace = self._open_workspace(self._choice)
        return self._workspace

    @property
    def skills(self) -> SkillRegistry:
        """The skills, looked for when first asked for."""
        if self._registry is None:
            self._registry = self._open_registry(self._choice, self._split.others)
        return self._registry

    @property
    def hosted_skills(self) -> list[str]:
        """The skills for Anthropic's container, as they are typed; empty without the backend anthropic."""
        if "anthropic" not in self.backend_names:
            return []
        return [spec.typed for spec in self._split.hosted] or list(DOCUMENT_SKILLS)

    @property
    def native_skills(self) -> dict[str, str]:
        """Name -> purpose of the skills in Python that native offers: those that were named, else the bundled ones."""
        if "native" not in self.backend_names:
            return {}
        offered = self._split.native or tuple(bundled(with_kernel=self._host is not None).values())
        return {spoken_name(value): about(value, self._namespace) for value in offered}

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The hands, opened when first asked for. Raises BackendUnavailableError if one cannot work here."""
        workspace = self.workspace  # may find that the hands have to be opened anew
        if self._opened is None:
            setup = BackendSetup(
                workspace,
                self.skills,
                self._settings,
                lambda: known_secrets(key=self._choice.key, variables=key_variables(self._settings.models)),
                session=self._name,
                image=self._choice.image,
                native=self._split.native,
                host=self._host,
                names_input=self._choice.names_input or bool(self._settings.input),
                hosted=self._split.hosted,
                backends=self.backend_names,
                memory=self._memory,
                credentials=lambda: credentials(key=self._choice.key),
            )
            chosen = self._choice.backends
            self._opened = tuple(backend_factory(b)(setup) if isinstance(b, str) else b for b in chosen)
        return self._opened

    def change(self, choice: Choice) -> None:
        """Go on with another choice; what it leaves as it is stays open.

        Raises UsageError or SkillError for what does not exist; then nothing has changed.
        """
        before = self._choice
        model = self._checked(choice)
        moves = (choice.workspace, choice.input) != (before.workspace, before.input)
        reskills = moves or choice.skills != before.skills
        workspace = self._open_workspace(choice) if moves else self._workspace
        rehands = (choice.backends, choice.image) != (before.backends, before.image)
        split = self._assign(choice) if rehands or choice.skills != before.skills else self._split
        reread = moves or split.others != self._split.others
        registry = self._open_registry(choice, split.others) if reread else self._registry
        if reskills or rehands:
            self.close_backends()
        if workspace is not self._workspace and self._workspace is not None:
            self._workspace.close()
        self._choice, self._workspace, self._registry = choice, workspace, registry
        self._split = split
        if choice.model is not before.model or choice.key != before.key:
            self.model = model

    def remarks(self) -> list[str]:
        """What the person should know: settings that are wrong, another kernel's workspace, skills not loaded."""
        findings = [f for f in self.skills.findings if f.level == "error" or f.code in TOLD]
        texts = [*self._settings.problems, self.workspace.notice, *map(str, findings)]
        return [text for text in dict.fromkeys(texts) if text]

    @property
    def choice(self) -> Choice:
        """What was chosen last."""
        return self._choice

    def open_model(self, spec: object, key: Key | None = None) -> Model:
        """The model that a name, a callable or a Model means here. Raises UsageError."""
        settings = self._settings
        return open_model(
            spec,
            key=key or self._choice.key,
            default=settings.default_model,
            prices=settings.prices,
            named=settings.models,
        )

    def close_backends(self) -> None:
        """End everything that the hands still run; they are opened anew when needed."""
        opened, self._opened = self._opened, None
        for backend in opened or ():
            backend.close()

    def begin_anew(self) -> None:
        """End everything that still runs, and let the hands forget the conversation."""
        self.close_backends()
        self._memory.clear()

    def close(self) -> None:
        """End everything and free the workspace; its files stay. Calling it twice is fine."""
        self.close_backends()
        if self._workspace is not None:
            self._workspace.close()

    def _checked(self, choice: Choice) -> Model:
        """The model of a choice whose backends and folders exist."""
        existing_folder(choice.input, "input")
        if choice.workspace is not None:
            existing_folder(choice.workspace, "workspace")
        for name in choice.backends:
            if isinstance(name, str):
                backend_factory(name)
        return self.open_model(choice.model, choice.key)

    def _open_workspace(self, choice: Choice) -> Workspace:
        return Workspace.open(self._name, folder=choice.workspace, input=choice.input)

    def _assign(self, choice: Choice) -> Split:
        """Which skills of a choice go where. Raises UsageError for one that none of its backends can take."""
        names = {b if isinstance(b, str) else b.name for b in choice.backends}
        native, others = split_skills(choice.skills, self._namespace, bundled(with_kernel=self._host is not None))
        if native and "native" not in names:
            raise UsageError(
                f"{spoken_name(native[0])} is a skill in Python, which needs --backend native (or native,local)"
            )
        folders = bool(names - {"native", "anthropic"})
        hosted, others = split_hosted(others, hosted="anthropic" in names, folders=folders)
        return Split(native, hosted, others)

    @property
    def _namespace(self) -> Mapping[str, Any]:
        return self._host.namespace if self._host is not None else {}

    def _open_registry(self, choice: Choice, skills: Iterable[str]) -> SkillRegistry:
        names = [skill for skill in skills if not _is_path(skill)]
        try:
            return SkillRegistry(
                [skill for skill in skills if _is_path(skill)],
                names=names,
                project=Path(choice.input).expanduser() if self._settings.project_skills else None,
                ask_trust=self._ask_trust,
            )
        except SkillNotFoundError as error:
            python = bundled(with_kernel=self._host is not None)
            for why in filter(None, (meant_as_python(name, self._namespace, python) for name in names)):
                raise UsageError(why) from None
            for name in set(names) & set(DOCUMENT_SKILLS):
                told = f"{name} is a skill of Anthropic's: use --backend anthropic (or local,anthropic)"
                raise SkillSpecError(told) from None
            if "native" not in choice.backends:
                raise
            known = ", ".join(python_skills(self._namespace, python))
            raise SkillNotFoundError(f"{error}; in Python there is {known}") from None


def _absolute(path: str | Path | None) -> Path | None:
    """The folder that a path means now, whatever the current directory is later."""
    return None if path is None else expanded(path).absolute()


def _backends(given: str | Backend | Iterable[str | Backend]) -> tuple[str | Backend, ...]:
    """The backends in what a person or a caller gave. Raises UsageError if there are none."""
    if isinstance(given, str):
        chosen: tuple[str | Backend, ...] = tuple(split_list(given))
    else:
        chosen = tuple(given) if isinstance(given, Iterable) else (given,)
    if not chosen:
        raise UsageError("name at least one backend, such as --backend local")
    names = [backend if isinstance(backend, str) else backend.name for backend in chosen]
    if {"local", "docker"} <= set(names):
        raise UsageError("local and docker have the same tools, so a session takes one of them")
    return tuple(dict.fromkeys(chosen)) if all(isinstance(backend, str) for backend in chosen) else chosen


def _skills(given: object) -> tuple[object, ...]:
    """Each skill in what a person or a caller gave: text may hold several, with commas between."""
    if isinstance(given, SkillRegistry):
        given = given.list()
    listed: Iterable[Any] = split_list(given) if isinstance(given, str) else [given]
    if isinstance(given, Iterable) and not isinstance(given, str | type):
        listed = given
    folders = (skill.directory if isinstance(skill, Skill) else skill for skill in listed)
    return tuple(anchored(str(skill)) if isinstance(skill, Path | str) else skill for skill in folders)


def _is_path(skill: str) -> bool:
    """True for `./skills`, `/abs`, `~/skills`, `x.skill` or a folder that exists; false for a skill's bare name."""
    return "/" in skill or skill.startswith((".", "~")) or skill.endswith(".skill") or os.path.isdir(skill)
