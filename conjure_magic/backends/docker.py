"""The backend `docker`: commands and files in a hardened container, one for each session."""

from __future__ import annotations

from dataclasses import dataclass

from conjure_magic.backends.base import Backend
from conjure_magic.backends.opener import BackendSetup, Opener, option
from conjure_magic.backends.shell import TOOL_SET, ShellBackend
from conjure_magic.errors import UsageError
from conjure_magic.events import Notice
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.remedies import Remedy, Way
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.workspace import too_wide


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """Options of a cell or a session for its container; everything else is in the settings."""

    image: str = option("", metavar="NAME", help="image that commands of the backend docker run in")
    """Empty for the image in the settings."""


def open_docker(setup: BackendSetup, options: DockerOptions) -> Backend:
    """Return the backend for a session; the container starts with the first command.

    Raises UsageError for a workspace that commands must not change, and for invalid limits.
    """
    from conjure_magic.executors.docker.executor import DockerExecutor
    from conjure_magic.executors.docker.limits import limits_of

    def folders() -> ContainerFolders:
        return ContainerFolders(
            setup.workspace.root, setup.workspace.input, setup.skill_folders(), shows_input=not hidden
        )

    def catalogue() -> str:
        executor.folders = folders()
        return render_catalogue(setup.skills.list(), executor.paths.skills)

    if why := too_wide(setup.workspace.root):
        raise UsageError(
            f"the docker backend does not work in {setup.workspace.root}: {why}, and commands could change all of it",
            remedy=Remedy("Choose a separate folder with {0}.", Way("option", "workspace", "PATH")),
        )
    hidden = "" if setup.names_input else too_wide(setup.workspace.input)
    executor = DockerExecutor(
        folders(), limits_of(setup.settings, options.image), session=setup.session, secrets=setup.secrets
    )
    notice = Notice(
        f"commands cannot see the input folder {setup.workspace.input}: {hidden}",
        "warning",
        Remedy("To allow it, name it with {0}.", Way("option", "input", "PATH")),
    )
    unreachable = Notice(executor.out_of_reach, "warning") if executor.out_of_reach else None
    return ShellBackend(
        "docker",
        executor,
        catalogue=catalogue,
        contained=True,
        timeout=setup.settings.command_timeout,
        secrets=setup.secrets,
        notice=notice if hidden else unreachable,
    )


OPENER = Opener(open_docker, options=DockerOptions, tool_set=TOOL_SET)
