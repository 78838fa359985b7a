"""The quickstart in a real JupyterLab and Notebook 7: run, looked at, saved, reopened, distrusted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit import Server, command, open_notebook, output, wait_cells
from page_kit import (
    all_open,
    digest,
    downloads,
    html_outputs,
    new_page,
    overflowing,
    save,
    saved_as,
    set_theme,
    shut_down,
)
from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"
# Outputs that show a turn, and not the notebook around them.
OURS = ".jp-OutputArea-output.jp-RenderedHTML"
Axe = Callable[[Page, str], list[str]]


@dataclass(frozen=True)
class Quickstart:
    """An executed and saved quickstart, still open in its front end; `cells`: those that hold a turn."""

    page: Page
    app: str
    path: Path
    cells: tuple[int, ...]

    @property
    def first(self) -> int:
        return self.cells[0]


@pytest.fixture(scope="module")
def quickstart(app: str, root: Path, server: Server, chromium: BrowserContext) -> Iterator[Quickstart]:
    """Run once in each front end; the tests of this file look at it and leave it as it was."""
    folder = root / app
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns("conjure-files", ".*"))
    path = folder / "quickstart.ipynb"
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
    with new_page(chromium) as page:
        open_notebook(page, server, f"{app}/quickstart.ipynb", app)
        command(page, "notebook:run-all-cells")
        wait_cells(page, 120_000)
        save(page)
        yield Quickstart(page, app, path, tuple(i for i, s in enumerate(sources) if s.startswith("%%conjure")))


@pytest.fixture(params=["as saved", "untrusted"])
def reopened(
    request: pytest.FixtureRequest, quickstart: Quickstart, root: Path, server: Server, page: Page
) -> Quickstart:
    """The saved notebook opened again, without a kernel: as it was saved, or as a copy that was touched elsewhere."""
    path = quickstart.path
    if request.param == "untrusted":
        path = path.with_name("touched.ipynb")
        notebook = json.loads(quickstart.path.read_text())
        notebook["metadata"]["touched"] = True
        path.write_text(json.dumps(notebook))
    open_notebook(page, server, str(path.relative_to(root)), quickstart.app)
    shut_down(page)
    return Quickstart(page, quickstart.app, path, quickstart.cells)


def test_every_cell_ran(quickstart: Quickstart) -> None:
    assert quickstart.page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert quickstart.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    for cell in quickstart.cells:
        assert "not a language model" in output(quickstart.page, cell).inner_text()


def test_what_happened_is_shown_in_its_order(quickstart: Quickstart) -> None:
    """Calls, then the files, then the footer; each call's line says its command."""
    said = output(quickstart.page, quickstart.first).inner_text()
    order = [said.index(word) for word in ("analyze.py", "saved as ", "session main")]
    assert order == sorted(order)


def test_a_tool_call_opens(quickstart: Quickstart) -> None:
    """By a click, and to its whole input and output."""
    call = html_outputs(quickstart.page, quickstart.first).locator("details").first
    assert call.get_attribute("open") is None
    assert not call.locator("pre").first.is_visible()
    call.locator("summary").first.click()
    assert call.locator("pre").first.is_visible()
    call.locator("summary").first.click()
    assert not call.locator("pre").first.is_visible()


def test_pictures_are_drawn(quickstart: Quickstart) -> None:
    pictures = output(quickstart.page, quickstart.first).locator("img")
    assert pictures.count() > 0
    assert all(pictures.nth(i).evaluate("e => e.complete && e.naturalWidth > 0") for i in range(pictures.count()))


def test_downloads_are_the_files(quickstart: Quickstart) -> None:
    region = output(quickstart.page, quickstart.first)
    files = {path.name: digest(path) for path in saved_as(region, quickstart.path.parent)}
    assert {Path(name).suffix for name in files} >= {".svg", ".csv"}
    assert downloads(quickstart.page, region) == files


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_is_accessible(quickstart: Quickstart, accessible: Axe, theme: str) -> None:
    """Contrast included, with all calls open."""
    set_theme(quickstart.page, theme)
    with all_open(quickstart.page):
        assert accessible(quickstart.page, OURS) == []


@pytest.mark.parametrize("width", [1280, 640, 420], ids=["whole", "zoom 200 %", "narrow"])
def test_nothing_sticks_out(quickstart: Quickstart, width: int) -> None:
    """A zoom of 200 % leaves half of the width; at 420 the output itself has little more than 300."""
    page = quickstart.page
    page.set_viewport_size({"width": width, "height": 1000})
    try:
        for cell in quickstart.cells:
            for i in range(html_outputs(page, cell).count()):
                assert overflowing(html_outputs(page, cell).nth(i)) == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 1000})


def test_reopened_it_says_the_same(quickstart: Quickstart, reopened: Quickstart) -> None:
    """Without its kernel, and whether or not the front end trusts it."""
    for cell in quickstart.cells:
        assert output(reopened.page, cell).inner_text() == output(quickstart.page, cell).inner_text()
    call = html_outputs(reopened.page, quickstart.first).locator("details").first
    call.locator("summary").first.click()
    assert call.locator("pre").first.is_visible()


def test_reopened_it_still_downloads(quickstart: Quickstart, reopened: Quickstart) -> None:
    """Where it is trusted; an untrusted copy has lost its links, and says in words where the files are."""
    region = output(reopened.page, quickstart.first)
    files = {path.name: digest(path) for path in saved_as(region, quickstart.path.parent)}
    assert {Path(name).suffix for name in files} >= {".svg", ".csv"}
    trusted = reopened.path == quickstart.path
    assert downloads(reopened.page, region) == (files if trusted else {})
    assert region.locator("a[href]").count() == (len(files) if trusted else 0)


@pytest.mark.parametrize("reopened", ["untrusted"], indirect=True)
def test_untrusted_it_is_accessible(reopened: Quickstart, accessible: Axe) -> None:
    """On light and dark, with what the front end leaves of the styles.

    It takes `tabindex` away too; axe does not know that browsers let the keyboard scroll a box without it.
    """
    found = []
    for theme in ("dark", "light"):  # light last: the server keeps it for the next page
        set_theme(reopened.page, theme)
        with all_open(reopened.page):
            found += accessible(reopened.page, OURS)
    assert [line for line in found if not line.startswith("scrollable-region-focusable:")] == []
