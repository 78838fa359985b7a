"""conjure_magic: Agent Skills in a notebook.

`%load_ext conjure_magic`, then `%%conjure --backend local` above a request. As a library:
`Session(backend="local", skills=["./skills"]).chat("Analyse app.log")`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for type checkers and editors; at runtime the names come from `_HOMES`
    from IPython.core.interactiveshell import InteractiveShell

    from conjure_magic.api.files import FilesClient
    from conjure_magic.api.skills import SkillsClient
    from conjure_magic.approval import ApprovalRequest, Approver, Decision, approve_all, refuse_all
    from conjure_magic.artifacts import Artifact
    from conjure_magic.backends import register_backend
    from conjure_magic.backends.native import NativeSkill, SkillContext, skill
    from conjure_magic.cancel import Cancel
    from conjure_magic.errors import (
        BackendError,
        BackendUnavailableError,
        ConjureError,
        ModelError,
        SessionError,
        SkillError,
        ToolError,
        UsageError,
    )
    from conjure_magic.events import Event, TurnResult
    from conjure_magic.secrets import Key
    from conjure_magic.session import Session, TurnOptions
    from conjure_magic.settings import Settings
    from conjure_magic.skills import SkillRegistry, load_skills
    from conjure_magic.turn.budget import Limits

_HOMES = {
    "ApprovalRequest": "approval",
    "Approver": "approval",
    "Artifact": "artifacts",
    "BackendError": "errors",
    "BackendUnavailableError": "errors",
    "Cancel": "cancel",
    "ConjureError": "errors",
    "Decision": "approval",
    "Event": "events",
    "FilesClient": "api.files",
    "Key": "secrets",
    "Limits": "turn.budget",
    "ModelError": "errors",
    "NativeSkill": "backends.native",
    "Session": "session",
    "SessionError": "errors",
    "Settings": "settings",
    "SkillContext": "backends.native",
    "SkillError": "errors",
    "SkillRegistry": "skills",
    "SkillsClient": "api.skills",
    "ToolError": "errors",
    "TurnOptions": "session",
    "TurnResult": "events",
    "UsageError": "errors",
    "approve_all": "approval",
    "load_skills": "skills",
    "refuse_all": "approval",
    "register_backend": "backends",
    "skill": "backends.native",
}
"""Exported name -> its module, which is imported on first access, so that `%load_ext` imports none of them."""

__all__ = [
    "ApprovalRequest",
    "Approver",
    "Artifact",
    "BackendError",
    "BackendUnavailableError",
    "Cancel",
    "ConjureError",
    "Decision",
    "Event",
    "FilesClient",
    "Key",
    "Limits",
    "ModelError",
    "NativeSkill",
    "Session",
    "SessionError",
    "Settings",
    "SkillContext",
    "SkillError",
    "SkillRegistry",
    "SkillsClient",
    "ToolError",
    "TurnOptions",
    "TurnResult",
    "UsageError",
    "approve_all",
    "load_ipython_extension",
    "load_skills",
    "refuse_all",
    "register_backend",
    "skill",
    "unload_ipython_extension",
]
__version__ = "0.1.0"

if not TYPE_CHECKING:  # otherwise type checkers would accept every name

    def __getattr__(name: str) -> object:
        if name in _HOMES:
            return getattr(importlib.import_module(f"conjure_magic.{_HOMES[name]}"), name)
        raise AttributeError(f"module 'conjure_magic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%conjure` and `%%conjure`; called by `%load_ext conjure_magic`."""
    from conjure_magic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Unregister the magics and close all sessions; called by `%unload_ext conjure_magic`."""
    from conjure_magic.magics import unload

    unload(shell)
