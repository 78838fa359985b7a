"""Who asks a person where a Session was given no one to ask: set by what surrounds it, such as the extension.

A module by itself: the extension fills it while it loads, and imports nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Questions:
    """Who answers the questions of sessions that have no answer of their own."""

    approver: Callable[..., Any] | None = None
    """An `approval.Approver`: whether a call may run. None: it may not."""
    ask_trust: Callable[..., Any] | None = None
    """A `skills.registry.AskTrust`: whether a project's skills may be loaded. None: they may not."""


questions = Questions()
"""Those of this process."""
