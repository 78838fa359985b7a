"""The backend `local`: commands and files on the person's machine, as processes of its own."""

from __future__ import annotations

from conjure_magic.backends.base import Backend
from conjure_magic.backends.opener import BackendSetup, NoOptions, Opener
from conjure_magic.backends.shell import TOOL_SET, ShellBackend
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.workspace import Folders


def open_local(setup: BackendSetup, options: NoOptions) -> Backend:
    """The backend for a session. Raises UsageError for settings that would give a key to commands."""

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


OPENER = Opener(open_local, tool_set=TOOL_SET)
