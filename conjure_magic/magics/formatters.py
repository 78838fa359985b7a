"""How the shell shows our values: registered by name, so that nothing is imported before it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell


def _turn(value: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
    from conjure_magic.render import render_turn

    return render_turn(value)


def _session(value: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
    from conjure_magic.magics.state import render_session

    return render_session(value)


def _artifact(value: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
    from conjure_magic.render import render_artifact

    return render_artifact(value)


FORMATTERS: dict[tuple[str, str], Callable[..., dict[str, Any]]] = {
    ("conjure_magic.events", "TurnResult"): _turn,
    ("conjure_magic.session", "Session"): _session,
    ("conjure_magic.workspace", "Artifact"): _artifact,
}


def _mimebundles(shell: InteractiveShell) -> Any:
    return getattr(shell.display_formatter, "mimebundle_formatter")  # noqa: B009 - a trait, unknown to the type checker


def register(shell: InteractiveShell) -> None:
    """Show TurnResult, Session and Artifact as cells show them."""
    formatter = _mimebundles(shell)
    for (module, name), function in FORMATTERS.items():
        formatter.for_type_by_name(module, name, function)


def unregister(shell: InteractiveShell) -> None:
    """Take `register` back."""
    formatter = _mimebundles(shell)
    for key in FORMATTERS:
        formatter.deferred_printers.pop(key, None)
        for kind in [k for k in formatter.type_printers if (k.__module__, k.__name__) == key]:
            formatter.type_printers.pop(kind)
