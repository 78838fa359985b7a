"""The kit itself, in both front ends: what it says about a page can be relied on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import answer, output, start, wait_cells
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_run_all(opened: Callable[..., Page]) -> None:
    page = opened("from IPython.display import HTML; HTML('<b class=x>%d</b>' % 42)", "print('hi')")
    assert page.locator(".jp-OutputArea-output b.x").inner_text() == "42"
    assert output(page, 1).inner_text().strip() == "hi"


def test_prompts_are_answered(opened: Callable[..., Page]) -> None:
    asking = "import getpass; a = input('Run it? '); b = getpass.getpass('Key: '); print(a, len(b))"
    page = opened(asking, run=False)
    start(page, 0)
    answer(page, "y")
    answer(page, "secret")
    wait_cells(page)
    assert "y 6" in output(page, 0).inner_text()


@pytest.mark.parametrize(("style", "bad"), [("background:rgba(127,127,127,.1)", 0), ("color:#888;background:#eee", 1)])
def test_axe_sees_contrast(opened: Callable[..., Page], accessible: Callable, style: str, bad: int) -> None:
    """Without the cure in `kit.axe` it would check nothing and report green."""
    page = opened(f"from IPython.display import HTML; HTML('<div class=card style=\"{style}\"><p>text</p></div>')")
    assert len(accessible(page, ".jp-OutputArea-output .card")) == bad
