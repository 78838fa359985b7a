"""`%conjure` and `%%conjure`: parse, find the Session, delegate, display."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class

from conjure_magic.errors import ConjureError, SessionError, SkillError, UsageError
from conjure_magic.settings import Settings


@magics_class
class ConjureMagics(Settings, Magics):
    """The magics and their settings: `%config ConjureMagics` lists them."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell=shell, parent=shell)
        self._front: Any = None

    @property
    def front(self) -> Any:
        """What the magics do, imported when the first one is used, so that loading stays instant."""
        if self._front is None:
            from conjure_magic.magics.front import Front

            self._front = Front(self.shell, self)
        return self._front

    @line_cell_magic
    def conjure(self, line: str, cell: str | None = None) -> Any:
        """Ask a model that works with Agent Skills.

        %%conjure --backend local      above a request runs it; `%%conjure --help` shows the options.
        %conjure                       shows the state; `%conjure help` shows the commands.
        """
        with slips():
            return self.front.line(line) if cell is None else self.front.cell(line, cell)

    def close(self) -> None:
        """Close all sessions."""
        if self._front is not None:
            self._front.close()


@contextlib.contextmanager
def slips() -> Iterator[None]:
    """A person's slip is one or two lines, an interrupt one line, what failed one line: no traceback of ours."""
    try:
        yield
    except (UsageError, SessionError, SkillError) as error:
        raise IPythonUsageError(str(error)) from None
    except ConjureError as error:
        _in_one_line(error)
    except KeyboardInterrupt as error:
        _in_one_line(error)


def _in_one_line(error: BaseException) -> NoReturn:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]  # IPython shows this in its place
    raise error.with_traceback(None) from None


def load(shell: InteractiveShell) -> None:
    """Register the magics, their completer and the formatters; loading again changes nothing."""
    from conjure_magic.magics.completer import Completer
    from conjure_magic.magics.formatters import register

    if "conjure" in shell.magics_manager.magics["cell"]:
        return
    magics = ConjureMagics(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(Completer(magics))
    register(shell)


def unload(shell: InteractiveShell) -> None:
    """Take everything back that `load` registered, and close all sessions."""
    from conjure_magic.magics.completer import Completer
    from conjure_magic.magics.formatters import unregister

    magics = shell.magics_manager.registry.pop("ConjureMagics", None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("conjure", None)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if not isinstance(matcher, Completer)]
    unregister(shell)
    if magics is not None:
        if magics in shell.configurables:
            shell.configurables.remove(magics)
        magics.close()
