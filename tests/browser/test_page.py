"""The exported page of the quickstart in a browser, with no server behind it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from page_kit import all_open, digest, downloads, overflowing, saved_as
from playwright.sync_api import Locator, Page
from render.made import LIMITS, artifact, turn

from conjure_magic.events import Said
from conjure_magic.render import render_state, render_turn

pytestmark = pytest.mark.browser
HERE = Path(__file__).parent.parent.parent
Axe = Callable[[Page, str], list[str]]

# What people make of a notebook: the exporter's options.
EXPORTS = {
    "light": {},
    "dark": {"theme": "dark"},
    "classic": {"template_name": "classic"},
    "sanitized": {"sanitize_html": True},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, and its exports in every look, beside the created files."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    subprocess.run([sys.executable, "tools/demo.py", str(folder)], cwd=HERE, check=True, timeout=170)
    for name, options in EXPORTS.items():
        exporter = HTMLExporter(require_js_url="", mathjax_url="", mermaid_js_url="", jquery_url="", **options)
        text, _ = exporter.from_filename(str(folder / "quickstart.ipynb"))
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def shown(folder: Path, page: Page) -> Callable[[str], Locator]:
    """Open an export and give the region of its turns; asking for anything from elsewhere fails the test."""

    def open_(name: str) -> Locator:
        page.goto((folder / f"{name}.html").as_uri())
        return page.locator("body")

    return open_


def test_the_demo_page_downloads(shown: Callable[[str], Locator], folder: Path, page: Page) -> None:
    region = shown("quickstart")
    files = {path.name: digest(path) for path in saved_as(region, folder)}
    assert {Path(name).suffix for name in files} >= {".svg", ".csv"}
    assert downloads(page, region) == files


@pytest.mark.parametrize("name", ["light", "dark", "classic", "sanitized"])
def test_every_export_says_it_all(shown: Callable[[str], Locator], name: str) -> None:
    """Words, even where the tags around them were taken away."""
    said = shown(name).inner_text()
    for word in ("analyze.py", "saved as conjure-files/", "not a language model", "session main"):
        assert word in said


@pytest.mark.parametrize("name", ["light", "dark"])
def test_an_export_is_accessible(shown: Callable[[str], Locator], page: Page, accessible: Axe, name: str) -> None:
    shown(name)
    with all_open(page):
        assert accessible(page, ".jp-OutputArea-output") == []


@pytest.mark.parametrize(("window", "widths"), [(1280, [20, 640, 640]), (320, [20, 296, 296])])
def test_a_picture_is_as_large_as_it_is_but_never_wider_than_the_page(
    page: Page, tmp_path: Path, window: int, widths: list[int]
) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 40" {}><rect width="80" height="40"/></svg>'
    sizes = ('width="20" height="10"', 'width="860" height="430"', "")
    files = [artifact(tmp_path, f"{i}.svg", svg.format(size).encode()) for i, size in enumerate(sizes)]
    html = render_turn(turn(Said("x"), files=tuple(files)), LIMITS)["text/html"]
    page.set_viewport_size({"width": window, "height": 800})
    page.set_content(f'<body style="margin:11px">{html}')
    boxes = [img.bounding_box() for img in page.locator("img").all()]
    assert [box and round(box["width"]) for box in boxes] == widths
    assert [box and round(box["height"]) for box in boxes] == [width // 2 for width in widths]


def test_labels_stay_in_one_piece_on_a_narrow_page(page: Page) -> None:
    html = render_state("Session", [("workspace", "/a/rather/long/path" * 20), ("input folder", "/b")])["text/html"]
    page.set_viewport_size({"width": 320, "height": 800})
    page.set_content(html)
    lines = page.evaluate(
        "[...document.querySelectorAll('th')].map(e => { const r = document.createRange();"
        "r.selectNodeContents(e); return r.getClientRects().length })"
    )
    assert lines == [1, 1]
    assert overflowing(page.locator("body")) == []


@pytest.mark.parametrize("width", [320, 640])
def test_nothing_sticks_out_of_a_narrow_page(shown: Callable[[str], Locator], page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    shown("light")
    regions = page.locator(".jp-RenderedHTMLCommon.jp-OutputArea-output")
    assert regions.count() > 0
    assert [found for i in range(regions.count()) for found in overflowing(regions.nth(i))] == []
