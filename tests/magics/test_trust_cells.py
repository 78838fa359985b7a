"""A project's own skills: asked about once, named to be trusted, and reported where no one can answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kernel_kit import Kernel

SKILL = "---\nname: greeter\ndescription: Greets people with a greeting.\n---\n# Greeter\n\n```bash\necho hello\n```\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Kernel]:
    folder = tmp_path / "skills" / "greeter"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL, encoding="utf-8")
    kernel = Kernel(folder=tmp_path)
    kernel.run("%load_ext conjure_magic")
    yield kernel
    kernel.close()


def test_it_is_asked_once_and_remembered(project: Kernel) -> None:
    cell = project.run("%%conjure --model offline --yes\nGreet somebody with a greeting.", answers=["maybe", "y"])
    assert "greeter" in cell.prompts[0]
    assert len(cell.prompts) == 2
    assert "hello" in cell.text("text/html")
    project.run("%reload_ext conjure_magic")
    assert "project" in project.run("%conjure skills", answers=["never used"]).text("text/html")


def test_no_is_respected_and_said(project: Kernel) -> None:
    cell = project.run("%%conjure --model offline --yes\nGreet somebody with a greeting.", answers=["n"])
    assert "hello" not in cell.text("text/html")
    assert "you do not trust it" in project.run("%conjure skills").text("text/html")


def test_without_anyone_to_ask_it_is_not_loaded_and_the_cell_says_so(project: Kernel) -> None:
    cell = project.run("%%conjure --model offline --yes\nGreet somebody with a greeting.")
    assert "not loaded: there is no way to ask here" in cell.text("text/html")
    assert "--skills ./skills" in cell.text("text/html")


def test_naming_the_folder_is_trust(project: Kernel) -> None:
    cell = project.run("%%conjure --model offline --yes --skills ./skills\nGreet somebody with a greeting.")
    assert "hello" in cell.text("text/html")


def test_an_interrupt_at_the_question_of_trust_stops_the_cell(project: Kernel) -> None:
    running = project.start("%%conjure --model offline --yes\nGreet.", allow_stdin=True)
    project.kc.get_stdin_msg(timeout=20)
    project.km.interrupt_kernel()
    cell = project.finish(*running, timeout=10)
    assert cell.reply is not None
    assert cell.reply["ename"] == "KeyboardInterrupt"
