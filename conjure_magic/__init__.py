"""conjure_magic: Agent Skills in a notebook.

`%load_ext conjure_magic`, then `%%conjure --backend local` above a request. As a library:
`Session(backend="local", skills=["./skills"]).chat("Analyse app.log")`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_HOMES = {
    "Artifact": "artifacts",
    "BackendError": "errors",
    "ConjureError": "errors",
    "Event": "events",
    "FilesClient": "api.files",
    "ModelError": "errors",
    "NativeSkill": "backends.native",
    "Session": "session",
    "SkillRegistry": "skills",
    "SkillsClient": "api.skills",
    "ToolError": "errors",
    "TurnResult": "events",
    "UsageError": "errors",
    "load_skills": "skills",
    "register_backend": "backends",
    "skill": "backends.native",
}
"""Exported name -> the module it lives in, imported when it is asked for."""

__all__ = [
    "Artifact",
    "BackendError",
    "ConjureError",
    "Event",
    "FilesClient",
    "ModelError",
    "NativeSkill",
    "Session",
    "SkillRegistry",
    "SkillsClient",
    "ToolError",
    "TurnResult",
    "UsageError",
    "load_ipython_extension",
    "load_skills",
    "register_backend",
    "skill",
    "unload_ipython_extension",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"conjure_magic.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'conjure_magic' has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Make `%conjure` and `%%conjure` known; called by `%load_ext conjure_magic`."""
    from conjure_magic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Forget the magics and close all sessions; called by `%unload_ext conjure_magic`."""
    from conjure_magic.magics import unload

    unload(shell)
