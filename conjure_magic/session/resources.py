"""The open resources of a session: model, backends, skills and folders. Opened on first use, changed as a whole."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conjure_magic.api.credentials import credentials
from conjure_magic.backends import (
    Assignment,
    BackendSkills,
    anchored,
    assign_skills,
    backend_skills,
    check_backends,
    explain_missing,
    open_backends,
    skill_spellings,
)
from conjure_magic.backends.base import Backend
from conjure_magic.backends.native.host import Host
from conjure_magic.backends.native.names import spoken_name
from conjure_magic.backends.opener import BackendChoice, BackendSetup
from conjure_magic.errors import SkillNotFoundError
from conjure_magic.events import Notice
from conjure_magic.models.base import Model
from conjure_magic.models.choice import ModelChoice, choose_model, key_variables
from conjure_magic.phrases import joined
from conjure_magic.secrets import known_secrets
from conjure_magic.session.choice import SessionChoice
from conjure_magic.settings import Settings
from conjure_magic.skills.package import SUFFIXES
from conjure_magic.skills.project_trust import AskTrust
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.workspace import Workspace

SHOWN_FINDINGS = frozenset({"not-asked", "catalogue-omitted", "link-outside"})
"""Codes of skill findings that a turn shows in addition to errors; `SkillRegistry.findings` has all of them."""
DELETED = "the session's folder had been deleted; a new, empty one was created"


@dataclass(frozen=True, slots=True)
class Checked:
    """A valid choice: everything in it exists, and every skill but those left out has a backend that uses it."""

    choice: SessionChoice
    chosen: BackendChoice
    skills: Assignment
    model: ModelChoice


class Resources:
    """The open resources of one session.

    Args:
        name: name of the session, part of the workspace's folder name.
        settings: defaults, also for the backends.
        ask_trust: asks whether the project's skills may be loaded.
        choice: the initial choice.
        host: the kernel; None in a plain script.

    Raises UsageError for a backend or model that does not exist.
    """

    def __init__(
        self, name: str, settings: Settings, ask_trust: AskTrust | None, choice: SessionChoice, host: Host | None = None
    ) -> None:
        self._name = name
        self._settings = settings
        self._ask_trust = ask_trust
        self._host = host
        self._workspace: Workspace | None = None
        self._opened: tuple[Backend, ...] | None = None
        self._model: Model | None = None
        self._kept: dict[str, Any] = {}
        self._now = self._check(choice)
        self._registry = self._open_registry(self._now) if self._now.choice.skills else None

    @property
    def choice(self) -> SessionChoice:
        """The current choice."""
        return self._now.choice

    @property
    def backend_names(self) -> tuple[str, ...]:
        """The names of the backends."""
        return self._now.chosen.backends

    @property
    def reads_folders(self) -> bool:
        """True if one of the backends uses skill folders."""
        return self._now.chosen.reads_folders

    @property
    def input_folder(self) -> Path:
        """The folder that relative paths in a prompt refer to."""
        return self._now.choice.input

    @property
    def opened_workspace(self) -> Workspace | None:
        """The workspace if it is open; otherwise None."""
        return self._workspace

    @property
    def backend_skills(self) -> tuple[BackendSkills, ...]:
        """The backends' own skills: Python skills and hosted ones."""
        return backend_skills(self._now.skills, self._now.chosen)

    @property
    def skill_spellings(self) -> list[str]:
        """Values of `skills` other than folders and names of skill folders."""
        return skill_spellings(self._now.chosen)

    def secrets(self) -> tuple[str, ...]:
        """What no output may show, in the clear: every key that is known here."""
        return known_secrets(key=self.choice.key, variables=key_variables(self._settings.models))

    # ---- opened when needed

    @property
    def workspace(self) -> Workspace:
        """The session's folders, created on first use. Raises UsageError if they cannot be created."""
        if self._workspace is not None and not self._workspace.root.is_dir():
            self.close_backends()
            self._workspace.close()
            self._workspace = replace(self._open_workspace(self.choice), notice=DELETED)
        if self._workspace is None:
            self._workspace = self._open_workspace(self.choice)
        return self._workspace

    @property
    def skills(self) -> SkillRegistry:
        """The skills in folders, discovered on first use."""
        if self._registry is None:
            self._registry = self._open_registry(self._now)
        return self._registry

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends, opened on first use. Raises BackendUnavailableError if one cannot work here."""
        workspace = self.workspace  # may close the backends, if the folder was deleted
        if self._opened is None:
            choice = self.choice

            def setup(name: str) -> BackendSetup:
                return BackendSetup(
                    workspace,
                    self.skills,
                    self._settings,
                    self.secrets,
                    session=self._name,
                    own_skills=self._now.skills.own.get(name, ()),
                    host=self._host,
                    names_input=choice.names_input or bool(self._settings.input),
                    backends=self.backend_names,
                    kept=self._kept,
                    credentials=lambda: credentials(key=self.choice.key),
                )

            self._opened = open_backends(choice.backends, setup, choice.options)
        return self._opened

    @property
    def model(self) -> Model:
        """The model, opened on first use."""
        if self._model is None:
            self._model = self._now.model.open()
        return self._model

    def open_model(self, spec: object) -> Model:
        """Open another model, by name or as an object. Raises UsageError if there is none."""
        return choose_model(spec, self._settings, key=self.choice.key).open()

    # ---- changing and closing

    def recheck_skills(self) -> None:
        """Ask about the project's skills if they are no longer as they were trusted."""
        if self._registry is not None:
            self._registry.recheck()

    def refresh_model(self) -> None:
        """Read the model's key, server and price again from the environment and the settings.

        Raises UsageError if the model no longer exists; then nothing has changed.
        """
        if isinstance(self.choice.model, str):
            model = choose_model(self.choice.model, self._settings, key=self.choice.key)
            self._use_model(replace(self._now, model=model))

    def change(self, choice: SessionChoice, *, keeps_skills: bool = False) -> None:
        """Use another choice; whatever it does not change stays open.

        Args:
            choice: the new choice.
            keeps_skills: True if its skills were chosen earlier: those that its backends cannot use are left out.

        Raises UsageError or SkillError if anything in it does not exist; then nothing has changed.
        """
        before = self._now
        now = self._check(choice, before if keeps_skills else None)
        old, new = before.choice, now.choice
        folders_differ = (new.workspace, new.input) != (old.workspace, old.input)
        workspace = self._open_workspace(new) if folders_differ else self._workspace
        registry = self._registry
        if folders_differ or now.skills.folders != before.skills.folders:
            registry = self._open_registry(now)
        if folders_differ or (new.skills, new.backends, new.options) != (old.skills, old.backends, old.options):
            self.close_backends()
        if workspace is not self._workspace and self._workspace is not None:
            self._workspace.close()
        self._use_model(now)
        self._workspace, self._registry = workspace, registry

    def close_backends(self) -> None:
        """Close the backends and end whatever they still run; they are opened again when needed."""
        opened, self._opened = self._opened, None
        for backend in opened or ():
            backend.close()

    def forget_conversation(self) -> None:
        """Close the backends and discard what they remember of the conversation."""
        self.close_backends()
        self._kept.clear()

    def close(self) -> None:
        """Close the backends and release the workspace; its files stay. Calling it twice is fine."""
        self.close_backends()
        if self._workspace is not None:
            self._workspace.close()

    def remarks(self) -> list[Notice]:
        """Notices for the user: wrong settings, a workspace used by another kernel, skills that were not loaded."""
        findings = [f for f in self.skills.findings if f.level == "error" or f.code in SHOWN_FINDINGS]
        texts = [*self._settings.problems, self.workspace.notice]
        notices = [Notice(text, "warning") for text in texts if text]
        notices += [Notice(str(finding), "warning", finding.remedy) for finding in findings]
        backends = joined(self.backend_names)
        for skill in self._now.skills.left_out:
            name = skill if isinstance(skill, str) else spoken_name(skill)
            notices.append(Notice(f"skill {name} is left out, since it cannot be used with the backend {backends}"))
        return list(dict.fromkeys(notices))

    # ---- internals
    def _check(self, choice: SessionChoice, before: Checked | None = None) -> Checked:
        """Check that the backends and the model exist, and assign the skills to the backends.

        Skills that were chosen for `before` are left out if they cannot be used.
        """
        chosen = check_backends(choice.backends, self._host)
        choice = replace(choice, skills=anchored(choice.skills, chosen.backends))
        skills = assign_skills(choice.skills, chosen, before.skills if before is not None else None)
        return Checked(choice, chosen, skills, choose_model(choice.model, self._settings, key=choice.key))

    def _use_model(self, now: Checked) -> None:
        """Use another choice; the open model is kept if it is the same, with the limits that it has learned."""
        if now.model != self._now.model:
            self._model = None
        self._now = now

    def _open_workspace(self, choice: SessionChoice) -> Workspace:
        return Workspace.open(self._name, folder=choice.workspace, input=choice.input)

    def _open_registry(self, checked: Checked) -> SkillRegistry:
        folders = checked.skills.folders
        names = [skill for skill in folders if not _is_path(skill)]
        try:
            return SkillRegistry(
                [skill for skill in folders if _is_path(skill)],
                names=names,
                project=checked.choice.input if self._settings.project_skills else None,
                ask_trust=self._ask_trust,
            )
        except SkillNotFoundError as error:
            raise explain_missing(names, error, checked.chosen) from None


def _is_path(skill: str) -> bool:
    """True for a path (`./skills`, `~/skills`, `x.zip`) or an existing folder; False for the bare name of a skill."""
    return "/" in skill or skill.startswith((".", "~")) or skill.endswith(SUFFIXES) or os.path.isdir(skill)
