"""Scores of the log-analyzer on small unusual logs: each row of `expected.md`, asked by its command line.

    python benchmarks/log_analyzer_formats.py [--data FOLDER] [--wrong]

A row is right if every question in it gets the right value. The second table ("Not logs") is about other parts of
the project; only its row about the log-analyzer is used here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "conjure_magic/skills/bundled/log-analyzer/scripts"
DATA = ROOT.parent / "shared/data/formats"
_ALIASES = {"WARNING": "WARN", "INFORMATION": "INFO"}


@dataclass(frozen=True)
class Row:
    """One row: the questions about a file, and the right values in the same order."""

    kind: str
    file: str
    asked: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """A row and its answers; `wrong` lists the questions with wrong answers."""

    row: Row
    answers: tuple[str, ...]
    wrong: tuple[str, ...]


def rows_of(text: str) -> list[Row]:
    """The rows of the first table of `expected.md`."""
    table = text.split("## Not logs")[0]
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) < 4 or cells[1].strip() in ("file", "---"):
            continue
        kind, file, asked, right = (cell.strip() for cell in cells[:4])
        one = file == "head_csv.csv" or "; " in asked
        questions = [part.strip() for part in asked.split(";")] if one else [asked]
        values = [part.strip() for part in right.split(";")]
        if len(values) > len(questions):  # a value with a semicolon in it
            values = _joined(values, asked)
        found.append(Row(kind, file, tuple(questions), tuple(values)))
    return found


def _joined(values: Sequence[str], asked: str) -> list[str]:
    """Values of a count, which the table separates by semicolons as it does the questions."""
    return [", ".join(values)] if ";" not in asked else list(values)


def ask(path: Path, question: str) -> str:
    """The text of the answer, or of the error."""
    words = question.replace("query ", "").split(",")[0].split()
    if question.startswith("message of the first record"):
        command = ["parse_logs.py", str(path), "--limit", "1"]
    elif question.startswith("summary"):
        command = ["analyze.py", "summary", str(path)]
    else:
        command = ["analyze.py", "query", str(path), *words]
    done = subprocess.run([sys.executable, str(SCRIPTS / command[0]), *command[1:]], capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.decode().strip()}"


def _counts(text: str) -> dict[str, int]:
    pairs = re.findall(r"^\| `([^`]*)` \| (\d+) \|", text, re.MULTILINE)
    return {_ALIASES.get(name, name): int(count) for name, count in pairs}


def _first_number(text: str) -> str:
    found = re.search(r"\d[\d,]*", text)
    return found[0].replace(",", "") if found else ""


def _state_is_right(right: str, answer: str) -> bool:
    first = answer.partition("\n")[0]
    if answer.startswith("exit 2") and "exit 2" in right:
        return "\n" not in answer
    if "nothing in it" in right:
        return "nothing in it" in first
    if "answered 5xx" in right:
        return "critical" in first and "5 of 10" in first and "5xx" in first
    if "ERROR" in right and "ERROR" not in first:
        return False
    return "critical" in first and "2 of 10" in first


def _range_is_right(right: str, answer: str) -> bool:
    return all(time in answer for time in right.split(" to ")) and "2019" not in answer.split("##")[0]


def is_right(question: str, right: str, answer: str) -> bool:
    """True if the answer contains the right value."""
    counts = {name: count for name, count in _counts(answer).items() if count}
    if question == "summary, range":
        return _range_is_right(right, answer)
    if question.startswith("summary"):
        return _state_is_right(right, answer)
    if question.startswith("message"):
        return f'"message": "{right}"' in answer
    if question.startswith("--time hour --count, first"):
        return counts.get("2024-03-13 13") == 1 and counts.get("2024-03-13 21") == 1
    if right == "5 and 5":
        return sorted(counts.values()) == [5, 5]
    if "(host node1" in right:
        return counts == {"cron": 10}
    if ("--field" in question or "--time" in question) and "distinct" not in question:
        pairs = re.findall(r"(?:^|, )([^,]+?):? (\d+)(?= |,|$)", right)
        return counts == {name.strip(): int(count) for name, count in pairs}
    return _first_number(answer) == _first_number(right)


def score(data: Path) -> list[Outcome]:
    """Every row with its answers."""
    outcomes = []
    for row in rows_of((data / "expected.md").read_text()):
        answers = tuple(ask(data / row.file, question) for question in row.asked)
        wrong = tuple(
            question
            for question, right, answer in zip(row.asked, row.right, answers, strict=False)
            if not is_right(question, right, answer)
        )
        if len(row.right) != len(row.asked):
            wrong = (*wrong, "the table's row is not understood")
        outcomes.append(Outcome(row, answers, wrong))
    return outcomes


def ask_for_layout(folder: Path) -> bool:
    """The row of "Not logs" about the log-analyzer: a query accepts `--layout`."""
    log = folder / "own.log"
    log.write_text("".join(f"at 2024-03-01 10:0{i}:00~WARN~core~job {i}\n" for i in range(10)))
    answer = ask(log, r"--field level --count --layout at\s(?P<ts>\S+\s\S+?)~(?P<level>\w+)~(?P<message>.*)")
    return _counts(answer) == {"WARN": 10}


def table(outcomes: Sequence[Outcome]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Head and rows: per kind, how many files are right."""
    files: dict[str, dict[str, bool]] = {}
    for outcome in outcomes:
        known = files.setdefault(outcome.row.kind, {})
        known[outcome.row.file] = known.get(outcome.row.file, True) and not outcome.wrong
    rows: list[tuple[object, ...]] = [
        (kind, len(known), sum(known.values()), ", ".join(name for name, right in known.items() if not right))
        for kind, known in files.items()
    ]
    total = sum(len(known) for known in files.values())
    rows.append(("**all**", total, sum(sum(known.values()) for known in files.values()), ""))
    return ("kind", "files", "right", "wrong"), rows


def page(data: Path, render: Callable[[Sequence[str], Sequence[Sequence[object]]], str]) -> list[str]:
    """The section about small unusual logs for the page of scores."""
    outcomes = score(data)
    head, found = table(outcomes)
    *_, (_, total, right, _) = found
    return [f"## Small odd logs: {right} of {total} right", render(head, found)]


def main() -> None:
    """Ask all questions and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--wrong", action="store_true", help="print the wrong answers")
    args = parser.parse_args()
    outcomes = score(args.data)
    for outcome in outcomes if args.wrong else ():
        for question, answer in zip(outcome.row.asked, outcome.answers, strict=False):
            if question in outcome.wrong:
                print(outcome.row.file, "|", question, "|", "; ".join(outcome.row.right), "|", answer[:300], "\n")
    head, rows = table(outcomes)
    for row in (head, *rows):
        print(" | ".join(map(str, row)))
    with tempfile.TemporaryDirectory() as folder:
        print("a query takes --layout:", "right" if ask_for_layout(Path(folder)) else "wrong")


if __name__ == "__main__":
    main()
