"""The approver and trust question of sessions that were given none, set by the extension.

A module of its own, so that the extension can set them without importing anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Questions:
    """Callables that answer questions for sessions without their own."""

    approver: Callable[..., Any] | None = None
    """An `approval.Approver`, which decides whether a call may run; None refuses."""
    ask_trust: Callable[..., Any] | None = None
    """A `skills.registry.AskTrust`, which decides whether a project's skills may be loaded; None refuses."""


questions = Questions()
"""The callables of this process."""
