"""The monitoring notebook, run without a key: real fetches, scripts and containers, a stand-in for the model."""

from __future__ import annotations

import io
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from test_notebooks import NOTEBOOKS, by_source, text

from conjure_magic.testing.stub import StubServer

NAME = "monitoring-agent"
SHEETS = ["Executive Summary", "Error Details", "Recommendations"]


@pytest.fixture(scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def sandbox(request: pytest.FixtureRequest) -> str:
    """Where the notebook's commands run; `local` is what it tells a reader without an engine to write."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(sandbox: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)  # pytest's own are private, and a root kernel's commands are somebody else
    shutil.copytree(NOTEBOOKS, folder / "copy", ignore=shutil.ignore_patterns("conjure-files", ".*", "__pycache__"))
    return folder / "copy"


@pytest.fixture(scope="module")
def executed(request: pytest.FixtureRequest, sandbox: str, folder: Path) -> nbformat.NotebookNode:
    """The executed notebook. A cell that fails fails here."""
    path = folder / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    env = {**os.environ, "JPY_SESSION_NAME": str(path)}
    if sandbox == "docker":
        env["CONJURE_DOCKER_IMAGE"] = request.getfixturevalue("docker_image")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace("native,docker,", f"native,{sandbox},")
            cell.source = cell.source.replace('executor="docker"', f'executor="{sandbox}"')
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=170, extra_arguments=["--log-level=ERROR"], resources=resources)
    client.execute(env=env)
    return notebook


@pytest.mark.timeout(600)
def test_it_says_who_answers(executed: nbformat.NotebookNode) -> None:
    said = by_source(executed, "from monitoring_stand_ins")
    assert "No ANTHROPIC_API_KEY" in said
    assert "not a language model" in said


def test_the_analysis_is_that_of_the_log(executed: nbformat.NotebookNode, folder: Path) -> None:
    shop = (folder / "logs/shop.log").read_text(encoding="utf-8").splitlines()
    levels = [match[1] for line in shop if (match := re.match(r"\d{4}-\S+ \S+ ([A-Z]+) \S+ ", line))]
    shown = by_source(executed, "import monitoring_agent")
    errors = levels[-200:].count("ERROR")
    assert re.search(rf"\b{errors} of 200 records", shown)
    assert "(500, ['report.xlsx'])" in by_source(executed, "full = agent.analyze")
    diagnosed = by_source(executed, "agent.diagnose_and_report")
    assert "'logs_fetched': 500" in diagnosed
    assert "'health_status': 'degraded'" in diagnosed


def test_the_report_is_a_workbook_with_three_sheets(executed: nbformat.NotebookNode, folder: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="the test extra names it")
    book = openpyxl.load_workbook(io.BytesIO((folder / "reports/report.xlsx").read_bytes()))
    assert book.sheetnames == SHEETS
    summary = dict(list(book["Executive Summary"].values)[1:])
    details = list(book["Error Details"].values)[1:]
    assert summary["Health"] == "degraded"
    assert summary["Lines of level ERROR"] == sum(row[0] for row in details)
    assert len(list(book["Recommendations"].values)) == len(details) + 1
    card = by_source(executed, "full.report_files[-1]")
    assert all(sheet in card for sheet in SHEETS)


def test_one_cell_does_it_all(executed: nbformat.NotebookNode, sandbox: str) -> None:
    shown = by_source(executed, f"%%conjure --backend native,{sandbox},anthropic")
    assert "✓" in shown
    assert "✗" not in shown
    assert all(sheet in shown for sheet in SHEETS), "the workbook is shown in the cell"
    owners = by_source(executed, "[(call.backend, call.call.name)")
    for backend, tool in [("native", "log-fetcher_execute"), (sandbox, "bash_tool"), ("anthropic", "bash_code")]:
        assert f"('{backend}', '{tool}" in owners
    assert "report.xlsx" in owners


def test_backends_environment_registry_and_events(executed: nbformat.NotebookNode) -> None:
    chosen = by_source(executed, "for backend, skills, message")
    assert "--- native\n3 entries" in chosen
    assert "shop.log: critical" in chosen
    assert "('docker', 'local')" in by_source(executed, "import os")
    assert "log-analyzer" in by_source(executed, "from conjure_magic import SkillRegistry")
    assert "local runs bash_tool" in by_source(executed, "import logging")


def test_every_part_of_the_tutorial_is_mapped(executed: nbformat.NotebookNode) -> None:
    table = next(cell.source for cell in executed.cells if cell.source.startswith("## From the tutorial"))
    for word in ("analyze", "start_session", "chat", "default_executor", "diagnose_and_report", "SkillRegistry"):
        assert word in table
    everything = "\n".join(text(cell) for cell in executed.cells)
    assert "no-key" not in everything


def test_the_stand_in_follows_the_rules_of_the_real_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is asked for anything else is an answer in words, and its server is as strict as any."""
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    import monitoring_stand_ins

    said = monitoring_stand_ins.next_step({"messages": [{"role": "user", "content": "Sing."}]})
    assert "no step" in said or "has a step" in said
    assert isinstance(StubServer(rule=monitoring_stand_ins.next_step), StubServer)
