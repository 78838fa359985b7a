"""Errors of the magics: shown in a line, without our traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import NoReturn

BEFORE = "conjure_before"
"""Attribute of an input error that contains the kernel's previous error."""


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Show invalid input, interrupts and failures as a line or two, without our traceback."""
    from IPython.core.error import UsageError as IPythonUsageError

    from conjure_magic.errors import ConjureError, SessionError, SkillError, UsageError
    from conjure_magic.magics.hints import in_cell

    try:
        yield
    except (UsageError, SessionError, SkillError) as error:
        shown = IPythonUsageError(error.told(in_cell))
        setattr(shown, BEFORE, error_before(getattr(sys, "last_value", None)))
        raise shown from None
    except ConjureError as error:
        _in_one_line(error, error.told(in_cell))
    except KeyboardInterrupt as error:
        _in_one_line(error, str(error))


def error_before(error: BaseException | None) -> BaseException | None:
    """The error that `%conjure explain` is about: never invalid input to our own magics, but the error before it."""
    return getattr(error, BEFORE, error)


def _in_one_line(error: BaseException, told: str) -> NoReturn:
    text = f"{type(error).__name__}: {told}" if told else type(error).__name__
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]  # IPython shows this instead
    raise error.with_traceback(None) from None
