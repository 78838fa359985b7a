"""The backend `local`: commands run as processes on the user's machine."""

from __future__ import annotations

from conjure_magic.backends.base import Backend
from conjure_magic.backends.opener import BackendSetup, NoOptions, Opener
from conjure_magic.backends.shell import TOOL_SET, ShellBackend
from conjure_magic.errors import PathNotAllowedError
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.workspace import Folders, too_wide


def open_local(setup: BackendSetup, options: NoOptions) -> Backend:
    """Return the backend for a session. Raises UsageError for settings that would expose a key to commands."""

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
    """Explain why reading a path needs approval: it is in an input folder or a workspace that is the user's home.

    Empty for paths in the session's own folder, in a skill, in an input folder that was named, or in none of them.
    """
    workspace = setup.workspace
    try:
        real = folders.resolve(path)
    except PathNotAllowedError:  # the tool reports it
        return ""
    own = [*folders.skills.values(), *([] if workspace.in_place else [workspace.root])]
    own += [workspace.input] if setup.names_input else []
    if any(real.is_relative_to(folder.resolve()) for folder in own):
        return ""
    asked = workspace.root if workspace.in_place and real.is_relative_to(workspace.root.resolve()) else workspace.input
    why = too_wide(asked)
    return f"You are asked because it is in {asked} ({why})." if why else ""


OPENER = Opener(open_local, tool_set=TOOL_SET)
