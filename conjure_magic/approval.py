"""Asking before a command runs on somebody's machine: the request, the decision, and rules that answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from typing import Literal

from conjure_magic.cancel import Cancel

Scope = Literal["once", "session", "no"]


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a person is asked to allow."""

    tool_use_id: str
    backend: str
    tool: str
    text: str
    """What would run or be written, in full: the command, or the path and the content."""
    question: str = "Run this command?"
    later: str = ""
    """What a yes for the session allows as well, after "every later …"; by default a command of the backend's."""
    note: str = ""
    """Why it is asked, where that needs saying."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer."""

    scope: Scope
    by: str = "you"
    reason: str = ""
    """Why not, in words that the model reads."""

    @property
    def allowed(self) -> bool:
        """True if it may go on."""
        return self.scope != "no"


Approver = Callable[[ApprovalRequest, Cancel], Decision]
"""Asks a person, and returns when there is an answer or the turn is stopped."""

STOPPED = "stopped"
"""Who answered a question that nobody had time to answer: the turn was stopped."""
NOBODY = Decision(
    "no",
    by="nobody there",
    reason="Nobody is there to allow it. Pass --yes to %%conjure (or set a rule in "
    "ConjureMagics.allowed_commands) to let commands run without asking.",
)


def refuse(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """The approver for where nobody can answer: refuses, and says what to pass."""
    return NOBODY


def allow(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """The approver for `--yes`."""
    return Decision("once", by="--yes")  # for this turn only: the next one asks again


METACHARACTERS = re.compile(r"[;&|<>`$(){}\[\]!*?~#\n\r\\]")
"""What could make one shell command more, or other, than it looks."""


def matches_rule(command: str, rules: Iterable[str]) -> bool:
    """True if a rule allows the whole command.

    A rule is a glob over the whole command, such as `python scripts/analyze.py *`. A command with any shell
    metacharacter matches only a rule that is equal to it, letter by letter.
    """
    command = command.strip()
    plain = METACHARACTERS.search(command) is None
    return any(command == rule or (plain and re.fullmatch(translate(rule), command)) for rule in rules)
