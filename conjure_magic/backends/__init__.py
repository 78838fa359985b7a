"""The name -> factory table of backends, each imported when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from conjure_magic.backends.base import Backend
from conjure_magic.errors import UsageError
from conjure_magic.settings import Settings
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.workspace import Folders, Workspace


@dataclass(frozen=True, slots=True)
class BackendSetup:
    """What a session has to offer to a new backend."""

    workspace: Workspace
    skills: SkillRegistry
    settings: Settings
    secrets: Callable[[], Iterable[str]] = tuple
    """What no output may show, asked for anew with each command."""


Factory = Callable[[BackendSetup], Backend]


def _local(setup: BackendSetup) -> Backend:
    from conjure_magic.backends.shell import ShellBackend
    from conjure_magic.executors import environment
    from conjure_magic.executors.local import LocalExecutor
    from conjure_magic.skills.catalogue import render_catalogue

    def folders() -> Folders:
        skills = {skill.name: skill.directory for skill in setup.skills.list()}
        return Folders(setup.workspace.root, setup.workspace.input, skills)

    def catalogue() -> str:
        executor.folders = folders()  # skills may have been reloaded since the last turn
        return render_catalogue(setup.skills.list(), executor.paths.skills)

    executor = LocalExecutor(folders(), allowed_names=setup.settings.pass_environment, secrets=setup.secrets)
    return ShellBackend(
        "local",
        executor,
        catalogue=catalogue,
        rules=lambda: setup.settings.allowed_commands,
        timeout=setup.settings.command_timeout,
        secrets=lambda: (*setup.secrets(), *environment.secrets(os.environ)),
    )


FACTORIES: dict[str, Factory] = {"local": _local}
"""Name as typed after `--backend` -> what opens it."""


def backend_factory(name: str) -> Factory:
    """What opens the backend of that name; opening may raise BackendUnavailableError.

    Raises UsageError for an unknown name.
    """
    if name not in FACTORIES:
        near = get_close_matches(name, FACTORIES, 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(FACTORIES)}"
        raise UsageError(f"no backend {name!r}: {hint}")
    return FACTORIES[name]
