"""A turn while it runs, in a real JupyterLab and Notebook 7: what is seen of it, asked about it, and stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kit import answer, cell, output, start, wait_cells
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Opened = Callable[..., Page]

SKILL = """---
name: ticker
description: Ticks every fifth of a second, for as many seconds as asked. Use it to tick, count or wait.
---
# Ticker

```bash
bash scripts/tick.sh SECONDS
```
"""
# One child leaves its process group, and another one ignores being asked to end.
SCRIPT = """
echo $$ > pids
setsid sleep 300 &
echo $! >> pids
(trap '' TERM INT; sleep 300) &
echo $! >> pids
for i in $(seq $((5 * $1))); do echo "tick $i"; sleep 0.2; done
"""


@pytest.fixture(scope="module")
def skills(root: Path) -> Path:
    """A folder with one skill, whose command runs for as long as one asks."""
    folder = root / "tick/ticker"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    (folder / "scripts/tick.sh").write_text(SCRIPT)
    return folder.parent


@pytest.fixture
def ticking(opened: Opened, skills: Path, root: Path) -> Callable[..., Page]:
    """Open a notebook whose second cell asks for a number of seconds of ticks, and whose third runs afterwards."""

    def open_(seconds: int, options: str = "--yes") -> Page:
        for old in root.glob("conjure-files/*/pids"):
            old.unlink()
        line = f"%%conjure --skills ./tick --model offline {options}"
        page = opened("%load_ext conjure_magic", f"{line}\nTick for {seconds} seconds.", "print(6 * 7)", run=False)
        start(page, 0)
        start(page, 1)
        return page

    return open_


def children(root: Path) -> list[int]:
    """The processes that the script started, itself included."""
    return [int(pid) for path in root.glob("conjure-files/*/pids") for pid in path.read_text().split()]


def alive(pid: int) -> bool:
    """True while a process is there and no zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until_dead(pids: list[int]) -> None:
    end = time.monotonic() + 30
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end, [pid for pid in pids if alive(pid)]
        time.sleep(0.05)


def test_what_a_command_prints_appears_while_it_runs(ticking: Callable[..., Page]) -> None:
    """With the elapsed time, which moves on."""
    page = ticking(60)
    expect(output(page, 1)).to_contain_text("tick 2", timeout=20_000)
    assert "[*]" in cell(page, 1).locator(".jp-InputPrompt").inner_text()
    before = output(page, 1).inner_text()
    page.wait_for_function(
        "before => document.querySelectorAll('.jp-Cell-outputArea')[1].innerText !== before", arg=before
    )
    stop(page)
    wait_cells(page)


def stop(page: Page) -> None:
    """Click the stop button."""
    page.locator("[data-jp-item-name=interrupt]").locator("button, jp-button").first.click()


def test_the_stop_button_ends_everything(ticking: Callable[..., Page], root: Path) -> None:
    """The command and all that it started are dead, what was said stays, and the next cell works."""
    page = ticking(60)
    expect(output(page, 1)).to_contain_text("tick 2", timeout=20_000)
    pids = children(root)
    assert [pid for pid in pids if alive(pid)] == pids != []
    stop(page)
    wait_cells(page)
    wait_until_dead(pids)
    said = output(page, 1).inner_text()
    assert "Stopped" in said
    assert said.count("KeyboardInterrupt") == 1
    assert "Traceback" not in said
    assert "tick.sh" in said
    start(page, 2)
    expect(output(page, 2)).to_contain_text("42")


def test_the_conversation_continues_after_a_stop(ticking: Callable[..., Page]) -> None:
    page = ticking(60)
    expect(output(page, 1)).to_contain_text("tick 2", timeout=20_000)
    stop(page)
    wait_cells(page)
    page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.widgets[2].model.sharedModel.setSource("
        "'%%conjure --yes\\nTick for 1 seconds.')"
    )
    start(page, 2)
    wait_cells(page)
    assert "turn 2" in output(page, 2).inner_text()
    assert "Traceback" not in output(page, 2).inner_text()


def test_a_command_waits_for_a_yes(ticking: Callable[..., Page]) -> None:
    """The whole command stands in the question, and nothing runs before the answer."""
    page = ticking(1, options="")
    asked = page.locator(".jp-Stdin-prompt")
    expect(asked).to_contain_text("Run this command?", timeout=20_000)
    quoted = [line[2:] for line in asked.inner_text().split("\n") if line[:2] in ("│ ", "┆ ")]
    assert "".join(quoted).endswith("tick.sh 1")
    assert "tick 1" not in output(page, 1).inner_text()
    answer(page, "y")
    wait_cells(page)
    assert "tick.sh" in output(page, 1).inner_text()
    output(page, 1).locator("summary").last.click()
    assert "tick 5" in output(page, 1).inner_text()


def test_a_refusal_reaches_the_model(ticking: Callable[..., Page]) -> None:
    page = ticking(1, options="")
    expect(page.locator(".jp-Stdin-prompt")).to_contain_text("Run this command?", timeout=20_000)
    answer(page, "n not before lunch")
    wait_cells(page)
    said = output(page, 1).inner_text()
    assert "refused" in said
    assert "not before lunch" in said
    assert "tick 1" not in said


def test_a_stop_at_the_question_is_a_stop(ticking: Callable[..., Page]) -> None:
    page = ticking(1, options="")
    expect(page.locator(".jp-Stdin-prompt")).to_contain_text("Run this command?", timeout=20_000)
    stop(page)
    wait_cells(page)
    said = output(page, 1).inner_text()
    assert said.count("KeyboardInterrupt") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("%%conjure --back", "--backend"), ("%%conjure --backend lo", "local"), ("%conjure sess", "sessions")],
)
def test_tab_completes(opened: Opened, typed: str, offered: str) -> None:
    page = opened("%load_ext conjure_magic", "", run=False)
    start(page, 0)
    wait_cells(page)
    editor = cell(page, 1).locator(".cm-content")
    editor.click()
    page.keyboard.type(typed)
    page.keyboard.press("Tab")
    choice = page.locator(".jp-Completer-item", has_text=offered)
    expect(choice.or_(editor.filter(has_text=offered)).first).to_be_visible(timeout=10_000)
