"""The rooms of the package: who may import whom, which library enters where, and what loading it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "conjure_magic"

# From the bottom up. A module may import those of lower rows, and of its own row those further to the left;
# a folder counts as one module, whose own files may import each other as long as there is no cycle.
LEVELS = [
    ["default_approver", "characters", "phrases", "printing", "remedies", "errors", "settings", "secrets"],
    [
        *("messages", "history", "safe_open", "artifacts", "workspace"),
        *("events", "turn_record", "cancel", "user_code", "skills"),
    ],
    ["api", "models", "executors"],
    ["tools", "written_files", "command_rules", "approval"],
    ["backends"],
    ["turn", "session", "store", "telemetry", "scale"],
    ["render", "report", "panel"],
    ["magics", "__main__", "testing"],
]

# Each library outside of the standard one, and the only rooms that may import it.
LIBRARIES = {
    "IPython": {"__init__", "magics"},
    "docker": {"executors"},
    "requests": {"executors"},  # what docker-py raises where an engine is lost
    "griffe": {"backends"},
    "httpx": {"api", "models"},
    "httpx_sse": {"api"},
    "ipywidgets": {"panel"},
    "markdown_it": {"render"},
    "nbformat": {"report"},
    "openpyxl": {"render"},
    "pypdfium2": {"render"},
    "opentelemetry": {"telemetry"},
    "pydantic": {"backends"},
    "pydantic_core": {"backends"},  # types of what pydantic raises
    "platformdirs": {"settings", "skills", "store"},
    "traitlets": {"settings", "magics"},
    "yaml": {"skills"},
}


@dataclass(frozen=True)
class Import:
    """One import statement: the module where it stands, the dotted name it asks for, whether for types alone."""

    module: str
    name: str
    line: int
    types_only: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, without the scripts that skills bring."""
    files = [path for path in PACKAGE.rglob("*.py") if "bundled" not in path.parts]
    return {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in sorted(files)}


MODULES = modules()


def imports(module: str, path: Path) -> Iterator[Import]:
    """All of them, those inside of functions and under TYPE_CHECKING included; relative ones stay in their folder."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {node for branch in ast.walk(tree) if _is_for_types(branch) for node in ast.walk(branch)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # `from conjure_magic import errors` means the module of that name.
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in dotted]
        yield from (Import(module, name, node.lineno, node in guarded) for name in names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


ALL = [found for name, path in MODULES.items() for found in imports(name, path)]
OWN = [found for found in ALL if found.name.split(".")[0] == PACKAGE.name]


def room(name: str) -> str:
    """The room of a dotted name: `conjure_magic.models.base` is in `models`."""
    return name.split(".")[1] if "." in name else "__init__"


def place(name: str) -> tuple[int, int]:
    """(row, column) in LEVELS; the package's own `__init__` stands above all of them."""
    if room(name) == "__init__":
        return len(LEVELS), 0
    return next((i, row.index(room(name))) for i, row in enumerate(LEVELS) if room(name) in row)


def test_every_module_has_a_room() -> None:
    known = {"__init__", *(name for row in LEVELS for name in row)}
    assert {room(name) for name in MODULES} <= known


def test_imports_point_down_or_to_the_left() -> None:
    """Only the package's `__init__` names what it exports from anywhere, and no module imports it back."""
    wrong = [str(i) for i in OWN if room(i.module) != room(i.name) and place(i.name) >= place(i.module)]
    assert wrong == []


def test_no_cycle() -> None:
    """Neither between rooms nor inside one; what is imported for types alone never runs."""
    graph: dict[str, set[str]] = {}
    for i in (i for i in OWN if not i.types_only):
        graph.setdefault(i.module, set()).add(i.name if i.name in MODULES else f"{i.name}.__init__")
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
    for path in (PACKAGE / "executors/supervisor.py", PACKAGE / "executors/docker/unstarted_containers.py"):
        names = {i.name.split(".")[0] for i in imports(path.stem, path)}
        assert names <= sys.stdlib_module_names


def test_what_looks_into_documents_runs_alone() -> None:
    """It is started by its path, and imports no parser of documents into the kernel."""
    names = {i.name.split(".")[0] for i in imports("document_reader", PACKAGE / "render/document_reader.py")}
    assert names <= {*sys.stdlib_module_names, "openpyxl", "pypdfium2"}
    documents = [i for i in ALL if i.name.split(".")[0] in ("openpyxl", "pypdfium2")]
    assert {i.module for i in documents} == {f"{PACKAGE.name}.render.document_reader"}


@pytest.mark.parametrize("skill", sorted(path.parent.name for path in (PACKAGE / "skills/bundled").glob("*/SKILL.md")))
def test_a_bundled_skill_needs_only_the_standard_library(skill: str) -> None:
    """Its scripts run wherever a `python` is; they may import what lies beside them."""
    scripts = PACKAGE / "skills/bundled" / skill / "scripts"
    beside = {path.stem for path in scripts.glob("*")}
    found = [i for path in scripts.rglob("*.py") for i in imports(path.name, path)]
    assert [str(i) for i in found if i.name.split(".")[0] not in sys.stdlib_module_names | beside] == []


# What a person would wait for at every start of a kernel that autoloads the extension.
HEAVY = ["httpx", "docker", "ipywidgets", "nbformat", "yaml", "markdown_it", "pandas", "openpyxl", "pypdfium2"]
HEAVY += ["pydantic", "griffe"]
LOAD = f"""
import subprocess
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "conjure_magic")
assert "conjure" in shell.magics_manager.magics["cell"]
print(sorted(before & set({HEAVY})), sorted(set({HEAVY}) & set(sys.modules)))
"""


def test_nothing_heavy_is_imported_at_load() -> None:
    """Silent and instant, in a real shell of its own process; the shell alone imports none of it either."""
    command = [sys.executable, "-W", "error", "-c", LOAD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert (done.stdout, done.stderr) == ("[] []\n", "")
