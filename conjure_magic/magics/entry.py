"""The implementation of the magics: `cell` runs a request, `line` a command."""

from __future__ import annotations

import argparse
import contextlib
import keyword
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from conjure_magic.artifacts import Artifact
from conjure_magic.cancel import Cancel, interrupt_guard
from conjure_magic.errors import UsageError
from conjure_magic.events import TurnResult
from conjure_magic.magics import ask_user, commands
from conjure_magic.magics.command_output import render_session
from conjure_magic.magics.errors import error_before
from conjure_magic.magics.hints import in_cell
from conjure_magic.magics.kernel import ShellHost
from conjure_magic.magics.live_display import open_display
from conjure_magic.magics.options import cell_parser, flatten, split_words
from conjure_magic.magics.placeholders import fill
from conjure_magic.magics.sessions import Sessions
from conjure_magic.magics.variables import variable_texts
from conjure_magic.printing import say
from conjure_magic.render import DisplayLimits, display_limits, render_artifact, render_turn
from conjure_magic.session import Session
from conjure_magic.session.options import ModelLike
from conjure_magic.settings import Settings
from conjure_magic.turn.budget import Limits


class Extension:
    """The loaded extension: runs cells and commands, and owns the kernel's sessions."""

    def __init__(self, shell: InteractiveShell, settings: Settings) -> None:
        self.shell = shell
        self.settings = settings
        self.sessions = Sessions(settings, lambda: shell.user_ns, ask_user.ask_trust, host=ShellHost(shell))

    def close(self) -> None:
        """Close all sessions."""
        self.sessions.close()

    def cell(self, line: str, cell: str) -> None:
        """Run a request. Raises UsageError for invalid input, KeyboardInterrupt if it was interrupted."""
        options = cell_parser().read(line)
        if options.help:
            say(commands.cell_help())
            return
        if options.output and (not options.output.isidentifier() or keyword.iskeyword(options.output)):
            raise UsageError(f"-o expects the name of a variable, not {options.output!r}")
        prompt = fill(cell.strip(), self.shell.user_ns)
        if not prompt:
            raise UsageError("the request is empty: write it below the %%conjure line")
        with self.sessions.picked(options) as session:
            names = flatten(options.variables) or []
            extra_text = variable_texts(names, self.shell.user_ns, session.workspace.root) if names else []
            if options.fresh:
                session.reset()
            self.run(
                session,
                prompt,
                extra_text,
                files=flatten(options.attach) or [],
                limits=_limits(session.limits(), options),
                yes=options.yes,
                output=options.output,
            )

    def run(
        self,
        session: Session,
        prompt: str,
        extra_text: Sequence[str] = (),
        *,
        files: Sequence[str | Path] = (),
        limits: Limits | None = None,
        yes: bool = False,
        output: str | None = None,
        model: ModelLike | None = None,
    ) -> None:
        """Run a turn with its display and bind its result. An interrupt is raised again after the cleanup."""
        cancel, before = Cancel(), len(session.turns)
        shown_limits = self._display_limits(session)  # may ask whether a project is trusted: before the guard
        stream = session.stream(
            prompt,
            extra_text=extra_text,
            files=files,
            approver=ask_user.yes if yes else ask_user.ask,
            model=model,
            limits=limits,
            cancel=cancel,
        )
        try:
            with interrupt_guard(cancel), contextlib.ExitStack() as cleanup:
                shown = open_display(shown_limits, self.shell)
                cleanup.callback(shown.close)
                cleanup.callback(session.subscribe(shown))
                cleanup.enter_context(contextlib.closing(stream))
                for _ in stream:
                    pass
        finally:
            if output and len(session.turns) > before:
                self.shell.user_ns[output] = session.turns[-1]
        if cancel.reason == "interrupted":
            raise KeyboardInterrupt(_after_interrupt(session.turns[-1] if session.turns else None))

    def last_traceback(self) -> str:
        """The kernel's last traceback as plain text; empty if there is none."""
        error = error_before(getattr(sys, "last_value", None))
        return "" if error is None else "".join(traceback.format_exception(error))

    def show_result(self, result: TurnResult) -> dict[str, Any]:
        """A turn's result, as its cell displayed it."""
        return render_turn(result, self._display_limits(self.sessions.session_of(result)))

    def show_session(self, session: Session) -> dict[str, Any]:
        """A session, as `%conjure` displays it."""
        return render_session(session)

    def show_artifact(self, artifact: Artifact) -> dict[str, Any]:
        """A file, as a cell displays it."""
        return render_artifact(artifact, display_limits(self.settings, words=in_cell))

    def _display_limits(self, session: Session | None) -> DisplayLimits:
        """Limits of what is embedded in the output, and the skill folders whose paths are shortened."""
        if session is None:
            return display_limits(self.settings, words=in_cell)
        skills = {skill.name: str(skill.directory) for skill in session.skills.list()}
        skills["."] = str(session.input_folder.resolve())
        return display_limits(self.settings, skills, in_cell)

    def line(self, line: str) -> Any:
        """Run a command of `%conjure`; without one, show the state. Raises UsageError for invalid input."""
        shown = commands.execute(self, split_words(line, "%conjure"))
        if shown is not None:
            display(shown, raw=True)  # type: ignore[no-untyped-call]
        return None


def _limits(limits: Limits, options: argparse.Namespace) -> Limits:
    """The session's limits, overridden by the cell's options."""
    return replace(
        limits,
        max_rounds=options.max_rounds or limits.max_rounds,
        timeout=options.timeout or limits.timeout,
        max_cost=options.max_cost or limits.max_cost,
        compact=limits.compact and not options.no_compact,
    )


def _after_interrupt(result: TurnResult | None) -> str:
    return "stopped; the work so far is kept, and the next cell continues from here" if result else "stopped"
