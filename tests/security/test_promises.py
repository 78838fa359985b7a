"""SECURITY.md names a test for each promise and for each sentence of README's table, and these tests exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", SECURITY)))
WITHOUT_TEST = {"a limit", "Anthropic's documentation"}
"""What may stand where a sentence of README promises nothing of ours."""
ATTACKERS = {"model", "skill", "log", "server", "file_name", "notebook", "process"}


def rows(text: str, columns: int) -> list[list[str]]:
    """The rows of Markdown tables with this many columns, without their heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    return [[cell.strip() for cell in line] for line in lines if len(line) == columns]


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert function in names_in(path)


def test_each_promise_names_a_test() -> None:
    table = [row for row in rows(SECURITY, 3) if row[0] != "backend"]
    assert table
    assert [row for row in table if "::" not in row[2] and row[2] not in WITHOUT_TEST] == []


def test_each_sentence_of_readmes_table_is_among_them() -> None:
    table = README.partition("## Backends, and what each can reach")[2].partition("\n\n[SECURITY.md]")[0]
    said = {
        (backend, sentence)
        for backend, _, reach in rows(table, 3)
        if backend != "backend"
        for sentence in re.split(r"(?<=[.:]) (?=[A-Z])", reach.replace("**", ""))
    }
    assert said
    assert said - {(row[0], row[1]) for row in rows(SECURITY.partition("What README says")[2], 3)} == set()


def test_each_test_here_belongs_to_an_attacker() -> None:
    folder = Path(__file__).parent
    assert {path.parent.name for path in folder.glob("*/test_*.py")} == ATTACKERS
    assert {path.name for path in folder.glob("test_*.py")} == {Path(__file__).name}
    assert {name for name in ATTACKERS if f"`{name}/`" not in SECURITY} == set()
