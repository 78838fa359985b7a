"""The name -> factory table of backends, each imported when it is first asked for.

One from outside joins it by `register_backend`, or by an entry point of the group `conjure_magic.backends` whose
name is what is typed after `--backend` and whose object is a `Factory`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conjure_magic.api.keys import Credentials, credentials
from conjure_magic.backends.base import Backend
from conjure_magic.errors import BackendUnavailableError, UsageError
from conjure_magic.secrets import known_secrets
from conjure_magic.settings import Settings
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.workspace import Folders, Workspace

if TYPE_CHECKING:
    from conjure_magic.backends.hosted.skills import SkillSpec
    from conjure_magic.backends.native.host import Host

GROUP = "conjure_magic.backends"
"""The entry points that add backends."""


@dataclass(frozen=True, slots=True)
class BackendSetup:
    """What a session has to offer to a new backend."""

    workspace: Workspace
    skills: SkillRegistry
    settings: Settings
    secrets: Callable[[], Iterable[str]] = known_secrets
    """What no output may show, asked for anew with each command."""
    session: str = ""
    """The session's name."""
    image: str = ""
    """The image that the session's commands run in, where they run in one; empty for the settings'."""
    native: tuple[object, ...] = ()
    """Native skills that the person named: objects, or the names of variables; empty for those that are bundled."""
    host: Host | None = None
    """The kernel around; None in a plain script."""
    names_input: bool = False
    """True where the person named the input folder, so that it may be any."""
    hosted: tuple[SkillSpec, ...] = ()
    """Skills for Anthropic's container; empty for its own document skills."""
    backends: tuple[str, ...] = ()
    """The names of all backends of the session."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What a backend wants to find again, under its name, when it is opened anew in the same conversation."""
    credentials: Callable[[], Credentials] = credentials
    """Whom requests come from and where they go, asked for anew with each connection."""

    def skill_folders(self) -> dict[str, Path]:
        """Skill name -> its folder on this machine, as the registry has them now."""
        return {skill.name: skill.directory for skill in self.skills.list()}


Factory = Callable[[BackendSetup], Backend]


def _local(setup: BackendSetup) -> Backend:
    from conjure_magic.backends.shell import ShellBackend
    from conjure_magic.executors.local import LocalExecutor
    from conjure_magic.skills.catalogue import render_catalogue

    def folders() -> Folders:
        return Folders(setup.workspace.root, setup.workspace.input, setup.skill_folders())

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
        secrets=setup.secrets,
    )


def _docker(setup: BackendSetup) -> Backend:
    from conjure_magic.backends.shell import ShellBackend
    from conjure_magic.executors.docker.executor import DockerExecutor
    from conjure_magic.executors.docker.folders import ContainerFolders, too_wide
    from conjure_magic.executors.docker.options import limits_of
    from conjure_magic.skills.catalogue import render_catalogue

    def folders() -> ContainerFolders:
        return ContainerFolders(
            setup.workspace.root, setup.workspace.input, setup.skill_folders(), shows_input=not hidden
        )

    def catalogue() -> str:
        executor.folders = folders()
        return render_catalogue(setup.skills.list(), executor.paths.skills)

    if why := too_wide(setup.workspace.root):
        raise UsageError(
            f"the docker backend does not work in {setup.workspace.root}, for {why}: commands could change all of it. "
            "Name a folder of its own with --workspace PATH"
        )
    hidden = "" if setup.names_input else too_wide(setup.workspace.input)
    executor = DockerExecutor(
        folders(), limits_of(setup.settings, setup.image), session=setup.session, secrets=setup.secrets
    )
    notice = (
        f"commands do not see the input folder {setup.workspace.input}, for {hidden}: name it with --input to allow it"
    )
    return ShellBackend(
        "docker",
        executor,
        catalogue=catalogue,
        contained=True,
        timeout=setup.settings.command_timeout,
        secrets=setup.secrets,
        notice=notice if hidden else executor.out_of_reach,
    )


def _native(setup: BackendSetup) -> Backend:
    from conjure_magic.backends.bundled_native import bundled
    from conjure_magic.backends.native.backend import NativeBackend
    from conjure_magic.backends.native.names import Named

    def skills() -> list[object]:
        namespace = setup.host.namespace if setup.host is not None else {}
        return [skill.look_up(namespace) if isinstance(skill, Named) else skill for skill in chosen]

    chosen = setup.native or tuple(bundled(with_kernel=setup.host is not None).values())
    return NativeBackend(skills, session=setup.session, host=setup.host, settings=setup.settings, secrets=setup.secrets)


def _anthropic(setup: BackendSetup) -> Backend:
    from conjure_magic.backends.hosted.backend import HostedBackend

    return HostedBackend(
        setup.hosted,
        others=[name for name in setup.backends if name != HostedBackend.name],
        configured=setup.credentials,
        limit=setup.settings.hosted_limit,
        secrets=setup.secrets,
        memory=setup.memory,
    )


BUILT_IN: dict[str, Factory] = {"anthropic": _anthropic, "docker": _docker, "local": _local, "native": _native}
FACTORIES: dict[str, Factory] = dict(BUILT_IN)
"""Name as typed after `--backend` -> what opens it; entry points are not in here, see `backend_names`."""


def register_backend(name: str, factory: Factory) -> None:
    """Make a backend known by this name: `--backend NAME` calls the factory, once for each session.

    The factory gets a `BackendSetup` and returns a `Backend`, or raises BackendUnavailableError, which says what it
    needs. Registering a name again replaces it. Raises UsageError for a name that cannot be typed or is built in.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UsageError(f"a backend's name is letters, digits, - and _, not {name!r}")
    if name in BUILT_IN:
        raise UsageError(f"{name} is built in; give yours another name")
    FACTORIES[name] = factory


def backend_names() -> list[str]:
    """Every name that may be typed after `--backend`."""
    return sorted({*FACTORIES, *(point.name for point in entry_points(group=GROUP))})


def backend_factory(name: str) -> Factory:
    """What opens the backend of that name; opening may raise BackendUnavailableError.

    Raises UsageError for an unknown name, BackendUnavailableError for an entry point that cannot be loaded.
    """
    if name in FACTORIES:
        return FACTORIES[name]
    for point in entry_points(group=GROUP, name=name):
        return _loaded(point)
    names = backend_names()
    near = get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}"
    raise UsageError(f"no backend {name!r}: {hint}")


def _loaded(point: EntryPoint) -> Factory:
    try:
        factory: Factory = point.load()
    except Exception as error:  # importing somebody's package may raise anything
        raise BackendUnavailableError(f"the backend {point.name} ({point.value}) cannot be loaded: {error}") from error
    return factory
