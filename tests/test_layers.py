"""The rooms of the package: who may import whom, which library enters where, and what loading it costs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "conjure_magic"

# From the bottom up. A module may import those of lower rows, and of its own row those further to the left;
# a folder counts as one module, whose own files may import each other as long as there is no cycle.
LEVELS = [
    ["errors", "settings"],
    ["messages", "workspace", "events", "record", "cancel", "skills"],
    ["api", "models", "executors"],
    ["tools", "approval"],
    ["backends"],
    ["turn", "session", "store", "telemetry", "scale"],
    ["render", "live", "report", "panel"],
    ["magics", "autoload", "__main__", "testing"],
]

# Each library outside of the standard one, and the only rooms that may import it.
LIBRARIES = {
    "IPython": {"live", "magics", "autoload"},
    "docker": {"executors"},
    "httpx": {"api", "models"},
    "ipywidgets": {"panel"},
    "markdown_it": {"render"},
    "nbformat": {"report"},
    "opentelemetry": {"telemetry"},
    "platformdirs": {"settings", "skills", "store"},
    "psutil": {"executors"},
    "traitlets": {"settings", "magics", "autoload"},
    "yaml": {"skills"},
}

# `magics` outgrew its file: its parts keep the name as their beginning and count as one room.
FAMILIES = ("magics",)


@dataclass(frozen=True)
class Import:
    """One import statement: the room and module where it stands, and the dotted name it asks for."""

    module: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, without the scripts that skills bring."""
    files = [path for path in PACKAGE.rglob("*.py") if "bundled" not in path.parts]
    return {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in sorted(files)}


def imports(module: str, path: Path) -> Iterator[Import]:
    """All of them, those inside of functions and under TYPE_CHECKING included; relative ones stay in their folder."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # `from conjure_magic import errors` means the module of that name.
            whole = node.module == PACKAGE.name
            names = [f"{node.module}.{alias.name}" for alias in node.names] if whole else [str(node.module)]
            yield from (Import(module, name, node.lineno) for name in names)


ALL = [found for name, path in modules().items() for found in imports(name, path)]
OWN = [found for found in ALL if found.name.split(".")[0] == PACKAGE.name]


def room(name: str) -> str:
    """The room of a dotted name: `conjure_magic.models.base` is in `models`."""
    part = name.split(".")[1] if "." in name else "__init__"
    return next((family for family in FAMILIES if part.startswith(family)), part)


def place(name: str) -> tuple[int, int]:
    """(row, column) in LEVELS; the package's own `__init__` stands above all of them."""
    if room(name) == "__init__":
        return len(LEVELS), 0
    return next((i, row.index(room(name))) for i, row in enumerate(LEVELS) if room(name) in row)


def test_every_module_has_a_room() -> None:
    known = {"__init__", *(name for row in LEVELS for name in row)}
    assert {room(name) for name in modules()} <= known


def test_imports_point_down_or_to_the_left() -> None:
    """Only the package's `__init__` names what it exports from anywhere, and no module imports it back."""
    wrong = [str(i) for i in OWN if room(i.module) != room(i.name) and place(i.name) >= place(i.module)]
    assert wrong == []


def test_no_cycle_inside_a_room() -> None:
    names = set(modules())
    graph: dict[str, set[str]] = {}
    for i in OWN:
        graph.setdefault(i.module, set()).add(i.name if i.name in names else f"{i.name}.__init__")
    assert [cycle for start in graph if (cycle := _path(graph, start, start))] == []


def _path(graph: dict[str, set[str]], start: str, goal: str) -> list[str]:
    """A way from start back to goal, or nothing."""
    seen, ways = set(), [[start]]
    while ways:
        way = ways.pop()
        for following in graph.get(way[-1], ()):
            if following == goal:
                return [*way, goal]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def test_each_library_enters_through_its_room() -> None:
    foreign = [i for i in ALL if i.name.split(".")[0] not in {PACKAGE.name, *sys.stdlib_module_names}]
    wrong = [str(i) for i in foreign if room(i.module) not in LIBRARIES.get(i.name.split(".")[0], set())]
    assert wrong == []


def test_the_supervisor_runs_alone() -> None:
    """It is started by its path, in a container too: nothing but the standard library is there."""
    path = PACKAGE / "executors/supervisor.py"
    names = {i.name.split(".")[0] for i in imports("supervisor", path)}
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("skill", sorted(path.parent.name for path in (PACKAGE / "skills/bundled").glob("*/SKILL.md")))
def test_a_bundled_skill_needs_only_the_standard_library(skill: str) -> None:
    """Its scripts run wherever a `python` is; they may import what lies beside them."""
    scripts = PACKAGE / "skills/bundled" / skill / "scripts"
    beside = {path.stem for path in scripts.glob("*")}
    found = [i for path in scripts.rglob("*.py") for i in imports(path.name, path)]
    assert [str(i) for i in found if i.name.split(".")[0] not in sys.stdlib_module_names | beside] == []
