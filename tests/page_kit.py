"""What the browser tests ask of a page that shows turns, and how they bring it into a state."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from kit import APP, command, output
from playwright.sync_api import BrowserContext, Locator, Page

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# Everything that is drawn outside of its box without a way to scroll there.
OVERFLOWING = """root => [...root.querySelectorAll('*')].filter(e => {
    const right = e.getBoundingClientRect().right, limit = root.getBoundingClientRect().right + 1;
    if (right <= limit || !e.getClientRects().length) return false;
    for (let up = e.parentElement; up && up !== root.parentElement; up = up.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return false;
    return true;
}).map(e => e.outerHTML.slice(0, 200))"""


LOCAL = re.compile(r"(data|blob|file|about):|(http|ws)://(127\.0\.0\.1|localhost)[:/]")


@contextlib.contextmanager
def new_page(context: BrowserContext) -> Iterator[Page]:
    """A page that is watched: it may ask only this machine, and open no dialog. Its notebook's kernel ends with it."""
    page = context.new_page()
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    page.evaluate(f"async () => {{ await {APP}?.shell.currentWidget?.sessionContext?.shutdown() }}")
    page.close()
    assert [url for url in asked if not LOCAL.match(url)] == []
    assert dialogs == []


def set_theme(page: Page, name: str) -> None:
    """Show the page `light` or `dark`."""
    page.evaluate(f"theme => {APP}.commands.execute('apputils:change-theme', {{ theme }})", THEMES[name])
    page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=THEMES[name])


def save(page: Page) -> None:
    """Write the notebook to disk."""
    command(page, "docmanager:save")


def shut_down(page: Page) -> None:
    """Leave the page without any kernel."""
    page.evaluate(f"async () => {{ await {APP}.shell.currentWidget.sessionContext.shutdown() }}")
    page.wait_for_function(f"!{APP}.shell.currentWidget.sessionContext.session?.kernel")


def html_outputs(page: Page, i: int) -> Locator:
    """The HTML outputs of cell i."""
    return output(page, i).locator(".jp-RenderedHTML")


@contextlib.contextmanager
def all_open(page: Page) -> Iterator[None]:
    """Every fold of the page stands open meanwhile."""
    page.evaluate(
        "document.querySelectorAll('details:not([open])').forEach(e => { e.open = true; e.classList.add('unfolded') })"
    )
    yield
    page.evaluate(
        "document.querySelectorAll('details.unfolded').forEach(e => { e.open = false; e.classList.remove('unfolded') })"
    )


def overflowing(region: Locator) -> list[str]:
    """The beginnings of elements that stick out of the region and cannot be scrolled to."""
    return list(region.evaluate(OVERFLOWING))


def downloads(page: Page, region: Locator) -> dict[str, str]:
    """Click every Download of a region: suggested file name -> SHA-256 of what came."""
    found = {}
    links = region.locator("a[download]")
    for k in range(links.count()):
        with page.expect_download(timeout=10_000) as got:
            links.nth(k).click()
        found[got.value.suggested_filename] = digest(Path(got.value.path()))
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def saved_as(region: Locator, folder: Path) -> list[Path]:
    """The files that the words of a region say were saved, below the notebook's folder."""
    words = [line.strip() for line in region.inner_text().splitlines()]
    return [folder / line.removeprefix("saved as ") for line in words if line.startswith("saved as ")]
