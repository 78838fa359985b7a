"""Every notebook runs from top to bottom without a key; the quickstart is run by the demo's tests."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if path.stem != "quickstart")


@pytest.fixture(scope="module", params=NAMES)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """A notebook executed in a copy of its folder, beside the logs that it reads. A cell that fails fails here."""
    folder = tmp_path_factory.mktemp("notebooks") / "copy"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns("conjure-files", ".*"))
    path = folder / f"{request.param}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    env = {**os.environ, "CONJURE_MODEL": "offline", "JPY_SESSION_NAME": str(path)}
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=150, extra_arguments=["--log-level=ERROR"], resources=resources)
    client.execute(env=env)
    return notebook


def text(cell: nbformat.NotebookNode) -> str:
    """All that a cell shows."""
    found = []
    for output in cell.get("outputs", ()):
        found += [output.get("text", ""), *(value for value in output.get("data", {}).values() if type(value) is str)]
    return "\n".join(found)


def by_source(notebook: nbformat.NotebookNode, start: str) -> str:
    """What the cell that begins so shows."""
    return next(text(cell) for cell in notebook.cells if cell.source.startswith(start))


def turns(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """(request, output) of each cell with a turn."""
    return [(cell.source, text(cell)) for cell in notebook.cells if cell.source.startswith("%%conjure")]


def test_no_output_was_committed() -> None:
    for name in NAMES:
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        assert all(not cell.get("outputs") for cell in notebook.cells), f"{name} holds outputs"


def test_every_turn_is_answered_with_a_tool_that_worked(executed: nbformat.NotebookNode) -> None:
    for request, shown in turns(executed):
        assert "✓" in shown, request
        assert "✗" not in shown, request
        assert not re.search(r"answered nothing|has no other way", shown), request


@pytest.mark.parametrize("executed", ["native-skills"], indirect=True)
def test_native_skills_tells_what_is_true(executed: nbformat.NotebookNode) -> None:
    """The figures in the outputs are those of the log, and the secret is in none of them."""
    shop = (NOTEBOOKS / "logs/shop.log").read_text(encoding="utf-8").splitlines()
    entries = [line for line in shop if re.match(r"\d{4}-\S+ \S+ [A-Z]+ \S+ ", line)]
    shown = dict(turns(executed))
    fetched = next(output for request, output in shown.items() if "Fetch logs" in request)
    assert f"{min(len(entries), 2000):,} entries, saved as logs.jsonl" in fetched
    assert "Raise the pool size" in next(output for request, output in shown.items() if "Runbook\n" in request)
    loggers = [line.split()[3] for line in entries]
    most = max(set(loggers), key=loggers.count)
    assert f"{loggers.count(most)}" in by_source(executed, "pd.read_csv")
    everything = "\n".join(text(cell) for cell in executed.cells)
    agent = by_source(executed, "from conjure_magic import Session")
    assert "300 entries" in agent
    assert "That did not work" not in agent
    assert by_source(executed, "import os\n\nfor profile") == "test -> local\nprod -> docker\n"
    assert "added=('text-size',)" in by_source(executed, "print(registry.reload())")
    registered = by_source(executed, "from conjure_magic.events import")
    assert "started: local bash_tool finished: fine" in " ".join(registered.split())
    assert re.search(r"text-size/SKILL.md: \d+ lines, \d+ words", registered), registered
    assert "not-for-models" not in everything
    assert "api_key: str, length 14" in everything
