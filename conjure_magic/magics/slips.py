"""How errors leave the magics: in a line, without a traceback of ours."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import NoReturn

BEFORE = "conjure_before"
"""The attribute of a slip that holds the kernel's last error before it."""


@contextlib.contextmanager
def slips() -> Iterator[None]:
    """A person's slip is one or two lines, an interrupt one line, what failed one line: no traceback of ours."""
    from IPython.core.error import UsageError as IPythonUsageError

    from conjure_magic.errors import ConjureError, SessionError, SkillError, UsageError
    from conjure_magic.magics.hints import in_cell

    try:
        yield
    except (UsageError, SessionError, SkillError) as error:
        slip = IPythonUsageError(error.told(in_cell))
        setattr(slip, BEFORE, before_slip(getattr(sys, "last_value", None)))
        raise slip from None
    except ConjureError as error:
        _in_one_line(error, error.told(in_cell))
    except KeyboardInterrupt as error:
        _in_one_line(error, str(error))


def before_slip(error: BaseException | None) -> BaseException | None:
    """The error that `%conjure explain` is about: a slip of the magics' own is not, what failed before it is."""
    return getattr(error, BEFORE, error)


def _in_one_line(error: BaseException, told: str) -> NoReturn:
    text = f"{type(error).__name__}: {told}" if told else type(error).__name__
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]  # IPython shows this in its place
    raise error.with_traceback(None) from None
