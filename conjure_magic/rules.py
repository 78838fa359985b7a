"""Rules: commands that may run without a question, each a pattern of words such as `python scripts/analyze.py *`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

METACHARACTERS = re.compile(r"[;&|<>`$(){}\[\]!*?~#\n\r\\]")
"""What could make one shell command more, or other, than it looks."""


def words_of(command: str) -> list[str]:
    """A command's words, as far as they can be told apart without a shell."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def matches_rule(command: str, rules: Iterable[str]) -> bool:
    """True if a rule allows the whole command.

    A `*` in a rule is one word, or within a word a part of one without a slash; neither can begin an option. The first
    word, the program, has none. A rule with any other shell metacharacter matches a command that is equal to it,
    letter by letter, as does a rule without `*`; a command with a metacharacter matches no other rule.
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
    # What begins an option in the rule goes on as one word of it: `-e*` would take `-exec`, and `--out=*` a value.
    if pattern.startswith("-") and "=" not in pattern.partition("*")[0]:
        return False
    climbs = ".." in word.split("/") and ".." not in pattern.split("/")
    return not climbs and re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), word) is not None
