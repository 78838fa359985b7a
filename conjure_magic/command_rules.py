"""Rules: patterns of commands that may run without asking, such as `python scripts/analyze.py *`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

METACHARACTERS = re.compile(r"[;&|<>`$(){}\[\]!*?~#\n\r\\]")
"""Characters with which a shell command can do more, or something else, than it appears to."""


def words_of(command: str) -> list[str]:
    """Split a command into words, as far as that is possible without a shell."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def matches_rule(command: str, rules: Iterable[str]) -> bool:
    """True if a rule allows the whole command.

    A `*` in a rule stands for one word, or inside a word for a part of it without a slash; neither can begin an option.
    The first word, the program, cannot contain one. A rule without `*`, or with any other shell metacharacter, matches
    only a command that is identical to it. A command with a metacharacter matches no other rule.
    """
    command = command.strip()
    return any(_matches(command, rule.strip()) for rule in rules)


def _matches(command: str, rule: str) -> bool:
    if "*" not in rule or METACHARACTERS.search(rule.replace("*", "")):
        return bool(rule) and command == rule
    if METACHARACTERS.search(command):
        return False
    try:
        wanted, given = shlex.split(rule), shlex.split(command)
    except ValueError:
        return False
    return len(wanted) == len(given) and "*" not in wanted[0] and all(map(_fits, given, wanted))


def _fits(word: str, pattern: str) -> bool:
    if "*" not in pattern:
        return word == pattern
    if not word or word.startswith("-") > pattern.startswith("-"):
        return False
    if pattern == "*":
        return True
    # A `*` in the name of an option could match other options (`-e*`: `-exec`), so it may only stand for its value.
    if pattern.startswith("-") and "=" not in pattern.partition("*")[0]:
        return False
    climbs = ".." in word.split("/") and ".." not in pattern.split("/")
    return not climbs and re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), word) is not None
