"""The backend `local`: commands and files on the person's machine, as processes of its own."""

from __future__ import annotations

from conjure_magic.backends.base import Backend
from conjure_magic.backends.opener import BackendSetup, NoOptions, Opener
from conjure_magic.backends.shell import TOOL_SET, ShellBackend
from conjure_magic.errors import PathNotAllowedError
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.workspace import Folders, too_wide


def open_local(setup: BackendSetup, options: NoOptions) -> Backend:
    """The backend for a session. Raises UsageError for settings that would give a key to commands."""

    def folders() -> Folders:
        return Folders(setup.workspace.root, setup.workspace.input, setup.skill_folders())

    def catalogue() -> str:
        executor.folders = folders()  # skills may have been reloaded since the last turn
        return render_catalogue(setup.skills.list(), executor.paths.skills)

    def wide(path: str) -> str:
        return why_too_wide(setup, executor.folders, path)

    executor = LocalExecutor(folders(), allowed_names=setup.settings.pass_environment, secrets=setup.secrets)
    return ShellBackend(
        "local",
        executor,
        catalogue=catalogue,
        rules=lambda: setup.settings.allowed_commands,
        timeout=setup.settings.command_timeout,
        secrets=setup.secrets,
        too_wide=wide,
    )


def why_too_wide(setup: BackendSetup, folders: Folders, path: str) -> str:
    """Why reading a path has to be asked about: it lies in an input folder or a workspace that is the person's home.

    Empty for what lies in the session's own folder, in a skill, in a folder that was named as input, or in none.
    """
    workspace = setup.workspace
    try:
        real = folders.resolve(path)
    except PathNotAllowedError:  # the tool says so itself
        return ""
    own = [*folders.skills.values(), *([] if workspace.in_place else [workspace.root])]
    own += [workspace.input] if setup.names_input else []
    if any(real.is_relative_to(folder.resolve()) for folder in own):
        return ""
    asked = workspace.root if workspace.in_place and real.is_relative_to(workspace.root.resolve()) else workspace.input
    why = too_wide(asked)
    return f"It lies in {asked}, and asks since {why}, with more in it than this work." if why else ""


OPENER = Opener(open_local, tool_set=TOOL_SET)
