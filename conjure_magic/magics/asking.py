"""Asking the person at the notebook: whether a command may run, whether a project's skills may be loaded."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conjure_magic.approval import UNANSWERED, ApprovalRequest, Decision
from conjure_magic.cancel import Cancel
from conjure_magic.errors import UsageError
from conjure_magic.phrases import counted
from conjure_magic.render.quoting import beginning, named, quoted
from conjure_magic.secrets import Key
from conjure_magic.skills.news import SkillNews
from conjure_magic.skills.registry import TrustAnswer
from conjure_magic.stopping import stoppable

UNANSWERED_IN_CELL = replace(
    UNANSWERED,
    reason="No one is there to allow it. Pass --yes to %%conjure to allow everything that the cell asks for, or set a "
    "rule for commands in ConjureMagics.allowed_commands.",
)
"""The answer where a cell's question cannot be answered."""
MORE = "Please answer y, a or n"


def yes(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """The approver for `--yes`: each call is allowed by itself, so that the next cell asks again."""
    return Decision("once", by="--yes")


def ask_for_session(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """Ask as `ask` does, for a Session that was made in Python: where no one can answer, it reads what it can pass."""
    decision = ask(request, cancel)
    return UNANSWERED if decision is UNANSWERED_IN_CELL else decision


def ask(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """Ask with `input()` until there is an answer; refused where no one can answer.

    Raises CancelledError if the turn is stopped meanwhile.
    """
    choices = _choices(request)
    heads = [named(request.question), *([named(request.note, 1_000)] if request.note else [])]
    prompt = "\n\n".join([*heads, quoted(request.text), choices])
    while True:
        try:
            with stoppable(cancel, lambda _: None, "the question"):
                answer = input(prompt).strip()
        except (EOFError, RuntimeError):  # no terminal; IPython's StdinNotImplementedError is a RuntimeError
            return UNANSWERED_IN_CELL
        decision = read_answer(answer)
        if decision is not None:
            return decision
        prompt = f"{MORE}.\n{choices}"


def _choices(request: ApprovalRequest) -> str:
    """The answers there are, and, where the answer is typed, what it is about: the text may be long."""
    later = named(request.later or f"command of {request.backend}")
    return (
        "  y  yes, once\n"
        f"  a  yes, and every later {later} in this session\n"
        "  n  no; words after it tell the model why\n"
        f"{beginning(request.text)}. Your answer: "
    )


def ask_key() -> Key | None:
    """An API key typed unseen; None where nobody can answer."""
    try:  # through the module: a kernel puts its own function there while a cell runs
        return Key(getpass.getpass("API key (kept in memory only): "))
    except (EOFError, RuntimeError):
        return None


def read_answer(answer: str) -> Decision | None:
    """The decision in a typed answer; None if it is not clear."""
    first, _, rest = answer.partition(" ")
    match first.lower().rstrip(",:;.!"):
        case "y" | "yes":
            return Decision("once") if not rest.strip() else None
        case "a" | "all" | "always":
            return Decision("session") if not rest.strip() else None
        case "n" | "no":
            return Decision("no", reason=rest.strip() or "The person said no.")
    return None


def ask_whether(question: str, about: str, nobody: str) -> bool:
    """Ask a question with yes or no about a foreign text, which is quoted below it.

    Raises UsageError with the words of `nobody` where nobody can answer.
    """
    answer = _yes_or_no(f"{question}\n\n{quoted(about)}\n\n{beginning(about)} [y/n] ")
    if answer is None:
        raise UsageError(nobody)
    return answer


TRUST = (
    "  y  yes, as it is now\n"
    "  e  yes, and my own edits until the kernel ends; what changes during a turn is asked about\n"
    "  n  no\n"
    "Your answer: "
)
CHANGES = 60
"""Lines of changed files that a question shows."""
COLUMNS = 300
"""Characters of each that it shows."""


def ask_trust(folder: Path, news: Sequence[SkillNews]) -> TrustAnswer:
    """Ask whether a project's skills may be loaded; None where nobody can answer."""
    told = "\n".join(named(str(skill)) for skill in news)
    lines = [line for skill in news if skill.changes for line in skill.changes.split("\n")]
    shown = [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in lines[:CHANGES]]
    more = [f"… {counted(len(lines) - CHANGES, 'more line')}"] if len(lines) > CHANGES else []
    prompt = "\n\n".join(
        [
            f"{counted(len(news), 'skill')} in this folder that you have not said yes to as it is now:",
            quoted(named(str(folder), 1_000)),
            quoted(told),
            *(["What changed:", quoted("\n".join([*shown, *more]))] if shown else []),
            f"Skills tell the model what to do and bring scripts. Load what is there?\n{TRUST}",
        ]
    )
    while True:
        try:
            answer = input(prompt).strip().lower()
        except (EOFError, RuntimeError):
            return None
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
        if answer in ("e", "edits"):
            return "edits"
        prompt = f"Please answer y, e or n.\n{TRUST}"


def _yes_or_no(prompt: str) -> bool | None:
    while True:
        try:
            answer = input(prompt).strip().lower()
        except (EOFError, RuntimeError):
            return None
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
        prompt = "Please answer y or n: "
