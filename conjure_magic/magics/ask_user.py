"""Questions to the user of a notebook: whether a command may run, whether a project's skills may be loaded."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from conjure_magic.approval import UNANSWERED, ApprovalRequest, Decision
from conjure_magic.cancel import Cancel
from conjure_magic.errors import UsageError
from conjure_magic.phrases import counted
from conjure_magic.render.quoted_text import beginning, named, quoted
from conjure_magic.secrets import Key
from conjure_magic.skills.changes_since_trust import SkillToTrust
from conjure_magic.skills.project_trust import TrustAnswer
from conjure_magic.user_code import stoppable

T = TypeVar("T")

UNANSWERED_IN_CELL = replace(
    UNANSWERED,
    reason="There is no one to ask. Pass --yes to %%conjure to allow everything that the cell asks for, or allow "
    "commands by a rule in ConjureMagics.allowed_commands.",
)
"""The decision if a cell's question cannot be answered."""


def yes(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """The approver for `--yes`: allows each call once, so that the next cell asks again."""
    return Decision("once", by="--yes")


def ask_for_session(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """The same as `ask`, for a Session created in Python: the refusal names arguments instead of cell options."""
    decision = ask(request, cancel)
    return UNANSWERED if decision is UNANSWERED_IN_CELL else decision


def ask(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """Ask with `input()` until the answer is clear; refuse if there is no one to ask.

    Raises CancelledError if the turn is stopped meanwhile.
    """
    choices = _choices(request)
    heads = [named(request.question), *([named(request.note, 1_000)] if request.note else [])]
    prompt = "\n\n".join([*heads, quoted(request.text), choices])
    with stoppable(cancel, lambda _: None, "the question"):
        decision = _answered(prompt, f"Please answer y, a or n.\n{choices}", read_answer)
    return decision if decision is not None else UNANSWERED_IN_CELL


def _choices(request: ApprovalRequest) -> str:
    """The possible answers, and a summary of the text next to the input field, since the text may be long."""
    later = named(request.later or f"command of {request.backend}")
    return (
        "  y  yes, once\n"
        f"  a  yes, and every later {later} in this session\n"
        "  n  no; text after it tells the model why\n"
        f"{beginning(request.text)}. Your answer: "
    )


def ask_key() -> Key | None:
    """Ask for an API key without echoing it; None if there is no one to ask."""
    try:  # through the module: a kernel replaces the function while a cell runs
        return Key(getpass.getpass("API key (kept in memory only): "))
    except (EOFError, RuntimeError):
        return None


def read_answer(answer: str) -> Decision | None:
    """The decision for an answer as typed; None if it is not clear."""
    first, _, rest = answer.partition(" ")
    match first.lower().rstrip(",:;.!"):
        case "y" | "yes":
            return Decision("once") if not rest.strip() else None
        case "a" | "all" | "always":
            return Decision("session") if not rest.strip() else None
        case "n" | "no":
            return Decision("no", reason=rest.strip() or "The user said no.")
    return None


def ask_whether(question: str, about: str, unanswered: str) -> bool:
    """Ask a yes-or-no question about a foreign text, which is quoted below it.

    Raises UsageError with the message `unanswered` if there is no one to ask.
    """
    prompt = f"{question}\n\n{quoted(about)}\n\n{beginning(about)} [y/n] "
    answer = _answered(prompt, "Please answer y or n: ", _read_yes_or_no)
    if answer is None:
        raise UsageError(unanswered)
    return answer


TRUST = (
    "  y  yes, this version\n"
    "  e  yes, and my own later edits until the kernel ends; changes made during a turn are asked about\n"
    "  n  no\n"
    "Your answer: "
)
CHANGES = 60
"""Lines of changes that a question shows."""
COLUMNS = 300
"""Characters shown of each line."""


def ask_trust(folder: Path, news: Sequence[SkillToTrust]) -> TrustAnswer:
    """Ask whether a project's skills may be loaded; None if there is no one to ask."""
    listed = "\n".join(named(str(skill)) for skill in news)
    lines = [line for skill in news if skill.changes for line in skill.changes.split("\n")]
    shown = [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in lines[:CHANGES]]
    more = [f"… {counted(len(lines) - CHANGES, 'more line')}"] if len(lines) > CHANGES else []
    prompt = "\n\n".join(
        [
            f"{counted(len(news), 'skill')} in this folder that you have not yet allowed in the current version:",
            quoted(named(str(folder), 1_000)),
            quoted(listed),
            *(["Changes:", quoted("\n".join([*shown, *more]))] if shown else []),
            f"Skills instruct the model and contain scripts. Load the skills?\n{TRUST}",
        ]
    )
    return _answered(prompt, f"Please answer y, e or n.\n{TRUST}", _read_trust)


def _read_yes_or_no(answer: str) -> bool | None:
    return {"y": True, "yes": True, "n": False, "no": False}.get(answer.lower())


def _read_trust(answer: str) -> TrustAnswer:
    return "edits" if answer.lower() in ("e", "edits") else _read_yes_or_no(answer)


def _answered(prompt: str, again: str, read: Callable[[str], T | None]) -> T | None:
    """Ask until the answer can be read, with the prompt `again` after the first; None if there is no one to ask."""
    while True:
        try:
            found = read(input(prompt).strip())
        except (EOFError, RuntimeError):  # no terminal; IPython's StdinNotImplementedError is a RuntimeError
            return None
        if found is not None:
            return found
        prompt = again
