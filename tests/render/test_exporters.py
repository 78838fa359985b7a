"""What front ends without the extension make of a saved cell: nbclient's notebook through each exporter."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hostile import TEXTS, markdown_offences, read_html
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

from conjure_magic.render import VENDOR_TYPE

HERE = Path(__file__).parent.parent
CELL = """
import pathlib, sys, time
sys.path.insert(0, {here!r})
import hostile
from render.made import LIMITS, PIXEL, allowed, artifact, called, turn
from conjure_magic.events import *
from conjure_magic.magics.live_display import open_display

here = pathlib.Path({folder!r})
files = (
    artifact(here, "chart.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><title>One peak at noon</title></svg>"),
    artifact(here, "dot.png", PIXEL),
    artifact(here, "top.csv", b"minute,lines\\n04:47,212\\n"),
    artifact(here, "large.bin", b"x " * 300_000),
)
good = called("python analyze.py", "two lines\\nof output", summary="2 lines", approval=allowed("you"))
bad = called("python broken.py", "no such file", is_error=True, status="exit 2")
items = {items}
shown = open_display(LIMITS)
result = turn(*items, files=files)
for number, body in enumerate([TurnStarted("t", "", "q", ("local",), "m"), TextDelta("first"), TurnFinished(result)]):
    shown(Event("main", 3, 1, number, time.time(), body))
shown.close()
"""
USUAL = '[Said("I look **first**."), good, bad, Said("Costs $5 and $6, see `x`.")]'
HOSTILE = (
    "[item for text in [*hostile.TEXTS.values(), hostile.EVERYTHING] for item in "
    "(Said(text), called(text, text), called(text, text, is_error=True), Noted(text))]"
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the cell in a real kernel, once for each kind of items; the notebook as it would be saved."""

    @cache
    def run(items: str) -> nbformat.NotebookNode:
        folder = tmp_path_factory.mktemp("made")
        source = CELL.format(here=str(HERE), folder=str(folder), items=items)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
        notebook.cells[0].source = "%%conjure\nWhere?"
        nbformat.validate(notebook)
        return nbformat.reads(nbformat.writes(notebook), as_version=4)

    return run


def exported(notebook: nbformat.NotebookNode, **options: Any) -> str:
    exporter = HTMLExporter(require_js_url="", mathjax_url="", **options)
    page: str = exporter.from_notebook_node(nbformat.reads(nbformat.writes(notebook), as_version=4))[0]
    return page


def empty() -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("display_data", data={"text/html": "<div></div>", "text/plain": ""})
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%conjure\nWhere?", outputs=[output] * 3)])


KINDS = {
    "lab": {},
    "classic": {"template_name": "classic"},
    "basic": {"template_name": "basic"},
    "sanitized": {"sanitize_html": True},
}
WORDS = (
    "first",
    "✓ bash_tool python analyze.py",
    "$ python analyze.py",
    "two lines",
    "allowed by you",
    "✗ exit 2 bash_tool python broken.py",
    "Costs $5 and $6",
    "chart.svg",
    "One peak at noon",
    "1 row × 2 columns",
    "04:47",
    "saved as made/large.bin",
    "600 kB · new",
    "session main · turn 3",
)


def test_the_saved_notebook_holds_every_type(executed: Any) -> None:
    main, footer, picture = executed(USUAL).cells[0].outputs
    assert set(main.data) == {"text/html", "text/markdown", "text/plain", VENDOR_TYPE}
    assert set(footer.data) == {"text/html", "text/markdown", "text/plain"}
    assert set(picture.data) == {"image/png", "text/plain"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_page_says_it_all_in_words(kind: str, executed: Any) -> None:
    page = exported(executed(USUAL), **KINDS[kind])
    text = re.sub(r"\s+", " ", read_html(page)[1])
    missing = [part for part in WORDS if part not in text]
    # The description of a picture is an attribute, where tags are not shown as text.
    assert missing == [] if kind == "sanitized" else missing in ([], ["One peak at noon"])
    assert "One peak at noon" in page


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_page_shows_the_raster_picture(kind: str, executed: Any) -> None:
    elements, _ = read_html(exported(executed(USUAL), **KINDS[kind]))
    sources = [given.get("src", "") for tag, given in elements if tag == "img"]
    assert sum(source.startswith("data:image/png;base64,") for source in sources) == 1


@pytest.mark.parametrize("kind", ["lab", "classic", "basic"])
def test_downloads_travel_into_the_exported_page(kind: str, executed: Any) -> None:
    elements, _ = read_html(exported(executed(USUAL), **KINDS[kind]))
    links = {given["download"]: given["href"][:41] for tag, given in elements if tag == "a" and "download" in given}
    assert links["top.csv"] == "data:application/octet-stream;base64,bWlu"
    assert links["large.bin"] == "made/large.bin"


def test_a_sanitized_page_shows_few_tags_as_text(executed: Any) -> None:
    """What is not kept there is printed: only what folding, pictures and header cells cannot do without."""
    text = read_html(exported(executed(USUAL), sanitize_html=True, template_name="basic"))[1]
    assert set(re.findall(r"</?(\w+)", text)) <= {"details", "summary", "img", "th", "tbody"}
    # No bytes of a file among them, except those of the picture that only `<img>` can show.
    assert len(re.findall(r"base64,", text)) == 1


def active(page: str) -> Counter[str]:
    """What could act in a page: elements, handlers, addresses."""
    found: Counter[str] = Counter()
    for tag, given in read_html(page)[0]:
        if tag in (
            "script",
            "iframe",
            "object",
            "embed",
            "form",
            "meta",
            "base",
            "link",
            "svg",
            "style",
            "video",
            "audio",
        ):
            found[tag] += 1
        found.update(f"{tag} {key}" for key in given if key.startswith("on"))
        for key in ("src", "srcset", "background", "poster", "data"):
            if key in given and not given[key].startswith("data:image/"):
                found[f"{tag} {key}={given[key][:60]}"] += 1
        href = given.get("href", "")
        if not re.match(r"https?://|mailto:|data:application/octet-stream|made/|#|$", href):
            found[f"{tag} href={href[:60]}"] += 1
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_adds_nothing_that_acts_to_an_exported_page(kind: str, executed: Any) -> None:
    """Compared with the page of a cell that shows nothing: exporters bring scripts of their own."""
    assert len(TEXTS) > 60
    assert active(exported(executed(HOSTILE), **KINDS[kind])) - active(exported(empty(), **KINDS[kind])) == Counter()


@pytest.mark.parametrize("form", ["text/html", "text/markdown"])
def test_hostile_text_is_harmless_in_exported_markdown(form: str, executed: Any) -> None:
    """The exporter writes the HTML into the file; where it is taken away, our Markdown."""
    notebook = nbformat.reads(nbformat.writes(executed(HOSTILE)), as_version=4)
    for output in notebook.cells[0].outputs if form == "text/markdown" else ():
        output.data.pop("text/html", None)
    text, resources = MarkdownExporter().from_notebook_node(notebook)
    text = text.split("Where?\n```\n", 1)[1]  # behind the cell's source
    # The exporter's own: the turn's picture, as a file beside it.
    own = re.compile(r"picture: output_\d+_\d+\.png$|source: output_|element: img$")
    found = [one for one in markdown_offences(text) if not own.match(one)]
    # In HTML of ours a class keeps formulas away.
    assert [one for one in found if form == "text/markdown" or not one.startswith("formula")] == []
    assert len(re.findall(r"!\[png\]\(output_", text)) == 1
    assert len(resources["outputs"]) == 1


def test_our_markdown_through_the_exporters_own_parser(executed: Any) -> None:
    """It is not the parser that the other checks use; pages of cells without HTML go through it."""
    notebook = nbformat.reads(nbformat.writes(executed(HOSTILE)), as_version=4)
    for output in notebook.cells[0].outputs:
        output.data.pop("text/html", None)
    assert active(exported(notebook)) - active(exported(empty())) == Counter()
