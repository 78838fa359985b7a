"""The magics `%conjure` and `%%conjure`.

`%load_ext` imports only this module; everything else is imported when it is first used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class

from conjure_magic.default_approver import questions
from conjure_magic.magics.errors import readable_errors
from conjure_magic.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from conjure_magic.approval import ApprovalRequest, Decision
    from conjure_magic.cancel import Cancel
    from conjure_magic.skills.changes_since_trust import SkillToTrust
    from conjure_magic.skills.project_trust import TrustAnswer

FORMATTERS = {
    ("conjure_magic.events", "TurnResult"): "show_result",
    ("conjure_magic.session.session", "Session"): "show_session",
    ("conjure_magic.artifacts", "Artifact"): "show_artifact",
}
"""Method of `Extension` that displays each of our classes, by module and name, so that none is imported early."""


@magics_class
class ConjureMagics(Settings, Magics):
    """The magics with their settings, which `%config ConjureMagics` lists."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell=shell, parent=shell)
        self._extension: Any = None

    @property
    def extension(self) -> Any:
        """The implementation of the magics, imported at their first use."""
        if self._extension is None:
            from conjure_magic.magics.entry import Extension

            self._extension = Extension(self.shell, self)
        return self._extension

    @line_cell_magic
    def conjure(self, line: str, cell: str | None = None) -> Any:
        """Ask a model that works with Agent Skills.

        %%conjure --backend local      above a request runs it; `%conjure help cell` shows the options.
        %conjure                       shows the state; `%conjure help` shows the commands.
        """
        with readable_errors():
            return self.extension.line(line) if cell is None else self.extension.cell(line, cell)

    def close(self) -> None:
        """Close all sessions."""
        if self._extension is not None:
            self._extension.close()


def load(shell: InteractiveShell) -> None:
    """Register the magics, their completer and the formatters; loading again changes nothing."""
    if "conjure" in shell.magics_manager.magics["cell"]:
        return
    magics = ConjureMagics(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(_matcher(magics))
    shell.input_transformers_cleanup.append(with_body)
    questions.approver, questions.ask_trust = _ask, _ask_trust
    for (module, name), method in FORMATTERS.items():
        _mimebundles(shell).for_type_by_name(module, name, _formatter(magics, method))


def _ask(request: ApprovalRequest, cancel: Cancel) -> Decision:
    from conjure_magic.magics.ask_user import ask_for_session

    return ask_for_session(request, cancel)


def _ask_trust(folder: Path, news: Sequence[SkillToTrust]) -> TrustAnswer:
    from conjure_magic.magics.ask_user import ask_trust

    return ask_trust(folder, news)


def with_body(lines: list[str]) -> list[str]:
    """Add an empty body to a cell that consists of a `%%conjure` line only, so that `--help` works there.

    IPython rejects a cell magic without a body before it calls the magic.
    """
    alone = len(lines) == 1 and re.match(r"%%conjure(\s|$)", lines[0])
    return [lines[0].rstrip("\n") + "\n", "\n"] if alone else lines


# Otherwise IPython's terminal takes the first line that is typed for a complete cell (check_complete).
setattr(with_body, "has_side_effects", True)  # noqa: B010 - a function's attribute, unknown to the type checker


def unload(shell: InteractiveShell) -> None:
    """Undo everything that `load` registered, and close all sessions."""
    magics = shell.magics_manager.registry.pop("ConjureMagics", None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("conjure", None)
    if with_body in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(with_body)
    if questions.approver is _ask:
        questions.approver = questions.ask_trust = None
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != "conjure"]
    formatter = _mimebundles(shell)
    for key in FORMATTERS:
        formatter.deferred_printers.pop(key, None)
        for kind in [k for k in formatter.type_printers if (k.__module__, k.__name__) == key]:
            formatter.type_printers.pop(kind)
    if magics is not None:
        if magics in shell.configurables:
            shell.configurables.remove(magics)
        magics.close()


def _matcher(magics: ConjureMagics) -> Callable[[Any], dict[str, Any]]:
    """A matcher for IPython's completer (API version 2)."""

    def conjure(context: Any) -> dict[str, Any]:
        from conjure_magic.magics.completer import complete

        return complete(magics.extension.sessions, context)

    attributes = {"matcher_api_version": 2, "matcher_identifier": "conjure", "matcher_priority": 100}
    for name, value in attributes.items():
        setattr(conjure, name, value)
    return conjure


def _formatter(magics: ConjureMagics, method: str) -> Callable[..., dict[str, Any]]:
    def show(value: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = getattr(magics.extension, method)(value)
        return bundle

    return show


def _mimebundles(shell: InteractiveShell) -> Any:
    return getattr(shell.display_formatter, "mimebundle_formatter")  # noqa: B009 - a trait, unknown to the type checker
