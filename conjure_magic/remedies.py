"""Remedies for errors, as data: worded as Python for programs, and as cell options in notebooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "option", "setting", "limit", "build option", "key", "reset", "session", "build", "hosted skills", "undo", "retry"
]


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that the user can pass, set or do. `str` gives the wording for a program."""

    kind: Kind
    name: str = ""
    value: str = ""
    """An example; in capitals, a placeholder that the user has to fill in."""

    def __str__(self) -> str:
        match self.kind:
            case "option":
                return f"{self.name}={self._literal}" if self.value else f"the argument {self.name}"
            case "setting":
                return f"Settings({self.name}={self.value})" if self.value else f"Settings.{self.name}"
            case "limit":
                return f"limits=session.limits({self.name}={self.value or '…'})"
            case "build option":
                return f"BuildContext({self.name}={self._literal})"
            case "key":
                return "pass key=Key(…)"
            case "reset":
                return "session.reset()"
            case "session":
                return "another Session"
            case "build":
                return "conjure_magic.executors.docker.image.build"
            case "hosted skills":
                return "SkillsClient().list()"
            case "undo":
                return "session.undo()"
            case "retry":
                return "session.retry(model=…)"

    @property
    def _literal(self) -> str:
        return self.value if self.value.isupper() else f'"{self.value}"'


KEY = Way("key")
RESET = Way("reset")
ANOTHER_SESSION = Way("session")
BUILD = Way("build")
HOSTED_SKILLS = Way("hosted skills")
UNDO = Way("undo")
RETRY = Way("retry")


def option(name: str, value: str = "") -> Way:
    """Return an argument of Session, which is also an option of a cell."""
    return Way("option", name, value)


def setting(name: str, value: str = "") -> Way:
    """Return a setting; `value` as a Python literal."""
    return Way("setting", name, value)


def limit(name: str, value: str = "") -> Way:
    """Return a limit of one turn."""
    return Way("limit", name, value)


def build_option(name: str, value: str) -> Way:
    """Return an option for building the standard image."""
    return Way("build option", name, value)


Words = Callable[[Way], str]
"""The wording of a `Way`: `str` for a program; the magics have their own."""


class Remedy:
    """A sentence that says what to do. `{0}`, `{1}` stand for ways, worded for a program or for a notebook."""

    def __init__(self, sentence: str, *ways: Way) -> None:
        self.sentence = sentence
        self.ways = ways

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remedy) and (self.sentence, self.ways) == (other.sentence, other.ways)

    def __hash__(self) -> int:
        return hash((self.sentence, self.ways))

    def __repr__(self) -> str:
        return f"Remedy({str(self)!r})"

    def __str__(self) -> str:
        return self.told(str)

    def told(self, words: Words) -> str:
        """Return the sentence in the given wording."""
        return self.sentence.format(*map(words, self.ways))


def with_remedy(fact: str, remedy: Remedy | None, words: Words) -> str:
    """Join a fact and its remedy in the given wording."""
    if remedy is None:
        return fact
    stop = "" if fact.endswith((".", "!", "?")) else "."
    return f"{fact}{stop} {remedy.told(words)}"
