"""Every notebook runs from top to bottom without a key; the quickstart is run by the demo's tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
ELSEWHERE = ("quickstart", "monitoring-agent")  # which tests of their own run
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if path.stem not in ELSEWHERE)
IN_DOCKER = "docker-sandbox"
PARAMS = [pytest.param(name, marks=pytest.mark.docker if name == IN_DOCKER else ()) for name in NAMES]


@pytest.fixture(scope="module", params=PARAMS)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """A notebook executed in a copy of its folder, beside the logs that it reads. A cell that fails fails here."""
    folder = tmp_path_factory.mktemp("notebooks") / "copy"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns("conjure-files", ".*"))
    path = folder / f"{request.param}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    env = {**os.environ, "CONJURE_MODEL": "offline", "JPY_SESSION_NAME": str(path)}
    if request.param == IN_DOCKER:
        env["CONJURE_DOCKER_IMAGE"] = request.getfixturevalue("docker_image")
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
    for name in (*NAMES, *ELSEWHERE):
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


@pytest.mark.docker
@pytest.mark.parametrize("executed", [IN_DOCKER], indirect=True)
def test_the_sandbox_holds_a_hostile_skill_and_then_does_its_work(executed: nbformat.NotebookNode) -> None:
    shown = dict(turns(executed))
    attack = next(output for request, output in shown.items() if "Attack the sandbox" in request)
    assert "<strong>16 of 16 attempts were held</strong>" in attack
    assert not re.search(r'(?<!")(?<!&quot;)GOT THROUGH', attack), "beyond the script's own text, which was read"
    assert by_source(executed, "import csv").strip() == "[]"
    work = next(output for request, output in shown.items() if "Analyse logs/shop.log" in request)
    assert "1,680 records" in work
    assert "<img" in work, "the chart is shown"
    everything = "\n".join(text(cell) for cell in executed.cells)
    assert "crown jewels" not in everything
    assert "not-for-commands" not in everything


def test_the_hostile_demonstration_does_nothing_outside_of_a_container(tmp_path: Path) -> None:
    script = NOTEBOOKS / "hostile-demo/scripts/attack.py"
    done = subprocess.run([sys.executable, script, "secret"], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was tried" in done.stderr


@pytest.mark.docker
def test_the_hostile_demonstration_says_so_where_nothing_holds(tmp_path: Path, docker_image: str) -> None:
    """A container as careless people run them; only what would be a burden to this machine stays bounded."""
    from docker_kit import engine

    (tmp_path / "secret.txt").write_text("the crown jewels")
    shutil.copytree(NOTEBOOKS / "hostile-demo", tmp_path / "skill")
    careless = {
        "volumes": [f"{tmp_path}:{tmp_path}", f"{tmp_path}:/workspace", f"{tmp_path}:/input"],
        "environment": {"SHOP_API_TOKEN": "x"},
        "network_mode": "none",
        "working_dir": "/workspace",
        "pids_limit": 64,
        "mem_limit": "256m",
    }
    with engine() as client:
        command = ["python3", "/workspace/skill/scripts/attack.py", str(tmp_path / "secret.txt")]
        container = client.containers.run(docker_image, command, detach=True, **careless)
        try:
            ended, said = container.wait(timeout=60), container.logs().decode()
        finally:
            container.remove(force=True)
    assert ended["StatusCode"] == 1
    through = {line.split(" | ")[0].removeprefix("| ") for line in said.splitlines() if "GOT THROUGH" in line}
    assert through >= {
        *("read a file of the host by its path", "read it through another process's root"),
        *("read it through a link planted in the workspace", "find keys and tokens in the environment"),
        *("change the system's files", "change a file next to the notebook", "change the instructions of this skill"),
        *("become root", "write one endless file"),
    }
