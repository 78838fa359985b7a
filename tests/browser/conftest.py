"""One Jupyter server for all browser tests of a worker, one Chromium for a file, a page of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit import Server, axe, axe_path, browser, chromium_path, command, jupyter, open_notebook, wait_cells, write
from page_kit import new_page
from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the server serves."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def server(root: Path) -> Iterator[Server]:
    """A server for JupyterLab and Notebook 7 over `root`."""
    with jupyter(root) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    """The system's Chromium, for the tests of one file: Playwright keeps an event loop running while it is open."""
    if not os.access(chromium_path(), os.X_OK):
        pytest.skip(f"no Chromium at {chromium_path()} (CHROMIUM names another)")
    with browser() as context:
        yield context


@pytest.fixture
def page(chromium: BrowserContext) -> Iterator[Page]:
    """A new, watched page."""
    with new_page(chromium) as page:
        yield page


@pytest.fixture
def accessible() -> Callable[[Page, str], list[str]]:
    """Ask axe about a page's first element of a selector; see `kit.axe`."""
    if not axe_path().exists():
        pytest.skip(f"no axe-core at {axe_path()}: npm installs it (make test), or AXE names it")
    return axe


@pytest.fixture(scope="module", params=["lab", "notebook"])
def app(request: pytest.FixtureRequest) -> str:
    """The front end: each test that uses it runs in both."""
    return str(request.param)


@pytest.fixture
def opened(app: str, root: Path, server: Server, page: Page) -> Callable[..., Page]:
    """Open a notebook of the given cells; run them all unless told otherwise."""

    def open_(*sources: str, run: bool = True, name: str = "t.ipynb") -> Page:
        write(root / name, *sources)
        open_notebook(page, server, name, app)
        if run:
            command(page, "notebook:run-all-cells")
            wait_cells(page)
        return page

    return open_
