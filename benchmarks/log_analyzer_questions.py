"""The shared questions as commands of the skill, and whether each answer is exact.

A command is built from the options that SKILL.md documents. Words from a log are not written here:
`{grep}` and `{pattern}` are taken from the question's own shell pipeline when it runs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ANALYZE = Path(__file__).parent.parent / "conjure_magic/skills/bundled/log-analyzer/scripts/analyze.py"
# (question, path of the log) -> the displayed answer; None if there was none.
Offline = Callable[[str, str], str | None]
Ask = Callable[[str, Sequence[str]], object]  # (path of the log, options) -> the answer

_PER_LEVEL = ("--field", "level", "--count")
COMMANDS: dict[str, tuple[str, ...]] = {
    "apache-1": _PER_LEVEL,
    "apache-2": ("--level", "error", "--time", "%a %b %d %H", "--top", "1"),
    "apache-3": ("--pattern", "{pattern}", "--count"),
    "apache-4": ("--grep", "{grep}", "--pattern", "{pattern}", "--distinct"),
    "apache-5": ("--span",),
    "hdfs-1": _PER_LEVEL,
    "hdfs-2": ("--level", "WARN", "--field", "component", "--count"),
    "hdfs-3": ("--pattern", "{pattern}", "--distinct"),
    "hdfs-4": ("--pattern", "{pattern}", "--top", "1"),
    "hdfs-5": ("--level", "WARN", "--time", "%y%m%d", "--count"),
    "hadoop-1": _PER_LEVEL,
    "hadoop-2": ("--level", "ERROR,FATAL", "--time", "%H:%M", "--top", "1"),
    "hadoop-3": ("--grep", "{grep}", "--count"),
    "hadoop-4": ("--level", "FATAL", "--pattern", "{pattern}", "--list"),
    "hadoop-5": ("--level", "WARN+", "--field", "component", "--top", "3"),
    "linux-1": ("--grep", "{grep}", "--count"),
    "linux-2": ("--grep", "{grep}", "--field", "rhost", "--top", "1"),
    "linux-3": ("--grep", "{grep}", "--time", "%b %d", "--top", "1"),
    "linux-4": ("--grep", "{grep}", "--pattern", "{pattern}", "--count"),
    "linux-5": ("--grep", "{grep}", "--pattern", "{pattern}", "--top", "2"),
    "linux-6": ("--time", "day", "--distinct"),
    "openssh-1": ("--grep", "{grep}", "--count"),
    "openssh-2": ("--grep", "{grep}", "--pattern", r"repeated (\d+) times", "--missing", "1", "--sum"),
    "openssh-3": ("--grep", "{grep}", "--pattern", "{pattern}", "--top", "3"),
    "openssh-4": ("--grep", "{grep}", "--pattern", "{pattern}", "--top", "2"),
    "openssh-5": ("--grep", "{grep}", "--pattern", r"for (\S+) from (\S+)", "--time", "%H:%M:%S", "--list"),
    "openssh-6": ("--grep", "{grep}", "--time", "%H", "--count"),
    "openstack-1": _PER_LEVEL,
    "openstack-2": ("--pattern", "{pattern}", "--count"),
    "openstack-3": ("--pattern", "{pattern}", "--max"),
    "openstack-4": ("--grep", "{grep}", "--pattern", "{pattern}", "--distinct"),
    "openstack-5": ("--pattern", "{pattern}", "--mean"),
    "spark-1": ("--grep", "{grep}", "--count"),
    "spark-2": ("--time", "%H:%M:%S", "--top", "1"),
    "spark-3": ("--field", "component", "--top", "3"),
    "spark-4": ("--pattern", "{pattern}", "--max"),
    "zookeeper-1": _PER_LEVEL,
    "zookeeper-2": ("--level", "WARN", "--time", "day", "--top", "1"),
    "zookeeper-3": ("--pattern", "{pattern}", "--count"),
    "zookeeper-4": ("--pattern", "{pattern}", "--count"),
    "zookeeper-5": ("--grep", "{grep}", "--count"),
}


@dataclass(frozen=True)
class Outcome:
    """One question: whether the answers of the command and of the offline model (None: not asked) are exact."""

    id: str
    system: str
    question: str
    command: str
    exact: bool
    offline: bool | None


def ask(log: str, command: Sequence[str]) -> object:
    """The answer of a query in a process of its own; the message where there is none."""
    run = subprocess.run(
        [sys.executable, str(ANALYZE), "query", log, *command, "--json"], capture_output=True, text=True, check=False
    )
    return json.loads(run.stdout)["answer"] if run.returncode == 0 else run.stderr


def ask_all(data: Path, offline: Offline | None = None, ask: Ask = ask) -> list[Outcome]:
    """The outcome of every question in `data`/questions.json, for its command and, if given, the offline model.

    `ask` runs a query on a log.
    """
    outcomes = []
    for question in json.loads((data / "questions.json").read_text()):
        system = question["system"]
        log = str(data / system / f"{system}_2k.log")
        command = [part.format(**from_shell(question["shell"])) if part.startswith("{") else part
                   for part in COMMANDS[question["id"]]]  # fmt: skip
        found = ask(log, command)
        shown = offline(question["question"], log) if offline else None
        by_offline = None if offline is None else mentions(shown or "", question["answer"])
        text = " ".join(COMMANDS[question["id"]])
        exact = same(found, question["answer"], question["kind"], ranked="--top" in command)
        outcomes.append(Outcome(question["id"], system, question["question"], text, exact, by_offline))
    return outcomes


def from_shell(shell: str) -> dict[str, str]:
    """The patterns in a pipeline: `grep` selects lines, `pattern` is the last `grep -oP` as groups."""
    words = {"grep": "", "pattern": ""}
    for step in re.split(r"\s\|\s", shell):
        plain = re.match(r"(?:\w+ -c |grep -F |grep -c |grep )'([^']*)'", step)
        awk = re.match(r"awk '/([^/]+)/", step)
        only = re.match(r"grep -oP '([^']*)'", step)
        if only:
            words["pattern"] = grouped(only[1])
        elif plain and not words["grep"]:
            words["grep"] = re.escape(plain[1]) if "-F" in step else plain[1]
        elif awk and not words["grep"]:
            words["grep"] = awk[1]
    return words


def grouped(pattern: str) -> str:
    r"""A pattern with `\K`, rewritten so that its only group matches what follows `\K`."""
    before, keep, after = pattern.partition(r"\K")
    if not keep:
        return pattern
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", before) + f"({after})"


def same(found: object, expected: object, kind: str, *, ranked: bool = False) -> bool:
    """True if the answer is the expected one.

    A `list`, and `counts` of which no ranking was asked, may be in any order; a `text` must match completely.
    """
    unordered = kind == "list" or (kind == "counts" and not ranked)
    if unordered and isinstance(found, list) and isinstance(expected, list):
        return sorted(map(str, found)) == sorted(map(str, expected))
    if kind == "text" and isinstance(found, list):
        return found == [expected]
    return found == expected


def mentions(shown: str, expected: object) -> bool:
    """True if a displayed answer contains everything asked for, each count on the line of its name."""
    if isinstance(expected, list):
        lines = shown.splitlines()
        return all(any(all(_stands(str(part), line) for part in (row if isinstance(row, list) else [row]))
                       for line in lines) for row in expected)  # fmt: skip
    return _stands(str(expected), shown.replace(",", ""))


def _stands(text: str, within: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(text)}(?![\w])", within) is not None
