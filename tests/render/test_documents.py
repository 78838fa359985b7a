"""Workbooks and PDFs in a card: their first rows, the first page; and what is broken or a bomb costs little."""

from __future__ import annotations

import base64
import importlib.util
import io
import os
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile import read_html
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from render.made import LIMITS, artifact

from conjure_magic.render import documents, render_artifact
from conjure_magic.render.documents import PDF, WORKBOOKS, Document, preview_document
from conjure_magic.render.files import cards
from conjure_magic.render.previews import preview_file
from conjure_magic.testing.stub import pdf, workbook

XLSX = WORKBOOKS[0]
needs_openpyxl = pytest.mark.skipif(
    importlib.util.find_spec("openpyxl") is None, reason="needs openpyxl; the documents extra names it"
)
needs_pdfium = pytest.mark.skipif(
    importlib.util.find_spec("pypdfium2") is None, reason="needs pypdfium2; the documents extra names it"
)
REPORT = {
    "Executive Summary": [["level", "count", "share"], ["ERROR", 34, 0.125], ["WARN", 7, None]],
    "Error Details": [["n", "message"], *[[n, f"failed <b>{n}</b>"] for n in range(40)]],
    "Recommendations": [],
}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    documents._seen.clear()
    yield
    documents._seen.clear()


# ---- workbooks


@needs_openpyxl
def test_a_workbook_shows_the_first_rows_of_each_sheet(tmp_path: Path) -> None:
    preview = preview_file(artifact(tmp_path, "report.xlsx", workbook(REPORT)), 100_000)
    assert (preview.kind, preview.words) == ("workbook", "Excel workbook, 3 sheets")
    summary, details, empty = preview.tables
    assert summary.title == "Executive Summary: 3 rows × 3 columns"
    assert summary.rows == (("level", "count", "share"), ("ERROR", "34", "0.125"), ("WARN", "7", "None"))
    assert details.title == "Error Details: 41 rows × 2 columns"
    assert len(details.rows) == 11
    assert details.more == "the first 11 rows"
    assert (empty.rows, empty.title) == ((), "Recommendations: empty")


@needs_openpyxl
def test_what_a_workbook_says_is_escaped_everywhere(tmp_path: Path) -> None:
    evil = {"<script>x</script>": [["<img src=x>", "[a](javascript:x)"], ["=1+1", "|x|"]]}
    bundle = render_artifact(artifact(tmp_path, "e.xlsx", workbook(evil)), LIMITS)
    tags = {tag for tag, _ in read_html(bundle["text/html"])[0]}
    assert not tags & {"script", "img"}
    assert "<script>" not in bundle["text/markdown"]
    assert r"\[a\](javascript" in bundle["text/markdown"]
    assert "Excel workbook, 1 sheet" in bundle["text/plain"]


@needs_openpyxl
def test_dates_formulas_and_wide_sheets(tmp_path: Path) -> None:
    import datetime

    import openpyxl.chart

    book = openpyxl.Workbook()
    book.active.title = "One"
    book.active.append([datetime.date(2026, 3, 1), "=SUM(B2:B9)", True, "x" * 200])
    book.create_sheet("Wide").append(list(range(40)))
    for number in range(8):
        book.create_sheet(f"S{number}")
    book.create_chartsheet("Chart").add_chart(openpyxl.chart.BarChart())
    buffer = io.BytesIO()
    book.save(buffer)
    preview = preview_file(artifact(tmp_path, "a.xlsx", buffer.getvalue()), 100_000)
    one, wide, *_ = preview.tables
    assert one.rows == (("2026-03-01", "=SUM(B2:B9)", "True", "x" * 79 + "…"),)
    assert (wide.title, wide.more) == ("Wide: 1 row × 40 columns", "the first 12 columns")
    assert preview.more == "and 4 more sheets"


@needs_openpyxl
def test_a_long_sheet_is_counted_up_to_a_bound(tmp_path: Path) -> None:
    preview = preview_file(artifact(tmp_path, "a.xlsx", workbook({"Long": [[n] for n in range(3_000)]})), 1_000_000)
    assert preview.tables[0].title == "Long: more than 1,000 rows × 1 column"


@needs_openpyxl
def test_a_workbook_above_the_limit_is_shown_though_it_does_not_travel(tmp_path: Path) -> None:
    preview = preview_file(artifact(tmp_path, "a.xlsx", workbook(REPORT)), 100)
    assert preview.kind == "workbook"
    assert preview.data is None


# ---- PDFs


@needs_pdfium
def test_a_pdf_shows_its_first_page(tmp_path: Path) -> None:
    file = artifact(tmp_path, "a.pdf", pdf(["One", "Two"]))
    preview = preview_file(file, 100_000)
    assert (preview.kind, preview.words) == ("pages", "PDF, 2 pages")
    assert preview.page.startswith(b"\x89PNG")
    html = render_artifact(file, LIMITS)["text/html"]
    (image,) = [given for tag, given in read_html(html)[0] if tag == "img"]
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == preview.page
    assert image["alt"] == "First page of a.pdf"
    assert preview.data == pdf(["One", "Two"])


@needs_pdfium
def test_the_picture_of_a_page_counts_for_the_limit_of_the_cell(tmp_path: Path) -> None:
    files = [artifact(tmp_path, f"{n}.pdf", pdf([f"Page {n}"])) for n in range(3)]
    size = len(preview_file(files[0], 100_000).page)
    shown = cards(files, 100_000, len(pdf(["Page 0"])) + size + 10, apart=False)
    assert [bool(card.preview.page) for card in shown] == [True, False, False]
    assert [card.preview.words for card in shown] == ["PDF, 1 page"] * 3


def test_pages_are_counted_without_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert preview_document(PDF, pdf(["x"] * 7)) == Document(count=7)
    tree = zlib.compress(b"1 0 2 9 <</Type/Pages/Count 12/Kids[3 0 R]>> <</Type/Outlines/Count 99>>")
    packed = b"%PDF-1.5\n5 0 obj\n<</Type/ObjStm/N 2/First 8/Filter/FlateDecode>>\nstream\r\n" + tree
    assert preview_document(PDF, packed + b"\nendstream\nendobj\n") == Document(count=12)
    assert preview_document(XLSX, workbook(REPORT)) == Document()


def test_without_a_library_a_workbook_is_a_file_like_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    preview = preview_file(artifact(tmp_path, "a.xlsx", workbook(REPORT)), 100_000)
    assert (preview.kind, preview.words, preview.data) == ("other", "Excel workbook", workbook(REPORT))


# ---- hostile ones


def zipped(**parts: bytes) -> bytes:
    """A workbook in which these parts are replaced; `__` stands for `/`."""
    source = zipfile.ZipFile(io.BytesIO(workbook({"A": [["x"]]})))
    changed = {name.replace("__", "/") + ".xml": content for name, content in parts.items()}
    buffer = io.BytesIO()
    with source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            archive.writestr(info.filename, changed.get(info.filename, source.read(info)))
    return buffer.getvalue()


def declared(data: bytes, size: int) -> bytes:
    """The archive with every declared size of an unpacked part replaced."""
    out = bytearray(data)
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = out.find(mark)
        while place >= 0:
            out[place + offset : place + offset + 4] = size.to_bytes(4, "little")
            place = out.find(mark, place + 4)
    return bytes(out)


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(12)
)
BOMB = zipped(xl__worksheets__sheet1=b"0" * 300_000_000)
HOSTILE: dict[str, tuple[str, bytes]] = {
    "a bomb": (XLSX, BOMB),
    "a bomb that lies": (XLSX, declared(BOMB, 10)),
    "one cell of 90 MB": (XLSX, zipped(xl__worksheets__sheet1=SHEET + b"<row><c><v>" + b"9" * 90_000_000)),
    "a million rows": (XLSX, zipped(xl__worksheets__sheet1=SHEET + b"<row><c><v>1</v></c></row>" * 1_000_000)),
    "the last row first": (XLSX, zipped(xl__worksheets__sheet1=SHEET + b'<row r="1048576"/></sheetData></worksheet>')),
    "a billion laughs": (XLSX, zipped(xl__worksheets__sheet1=LAUGHS + b"]><x>&m;</x>")),
    "no workbook": (XLSX, zipped(xl__workbook=b"<x/>")),
    "no archive": (XLSX, b"PK\x03\x04" + b"x" * 1_000),
    "nothing": (XLSX, b""),
    "no pdf": (PDF, b"nothing of the kind"),
    "a cut pdf": (PDF, pdf(["x"])[:300]),
    "a wide page": (PDF, pdf(["x"]).replace(b"[0 0 595 842]", b"[0 0 9999999 1]")),
    "a flat page": (PDF, pdf(["x"]).replace(b"[0 0 595 842]", b"[0 0 0 0]")),
    "pages without end": (PDF, pdf(["x"]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")),
    "many dictionaries": (PDF, b"%PDF-1.4" + b"<</Type /Pages" * 200_000),
    "many streams": (PDF, b"%PDF-1.5" + (b"/ObjStm stream\n" + zlib.compress(b"0" * 9_000_000)) * 500),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(60)
def test_what_is_broken_or_a_bomb_is_a_card_without_much_in_it(name: str, tmp_path: Path) -> None:
    kind, data = HOSTILE[name]
    file = artifact(tmp_path, "evil.xlsx" if kind == XLSX else "evil.pdf", data)
    bundle = render_artifact(file, replace(LIMITS, file_bytes=10_000_000, cell_bytes=20_000_000))
    assert len(bundle["text/html"]) < 2 * len(data) + 1_000_000
    assert ("Excel workbook" if kind == XLSX else "PDF") in bundle["text/plain"]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([XLSX, PDF]))
def test_any_bytes_are_looked_at_without_an_error(data: bytes, kind: str) -> None:
    assert isinstance(preview_document(kind, data), Document)


def test_a_look_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[Any] = []
    popen = subprocess.Popen

    class Slow(popen):  # type: ignore[misc,valid-type]
        def __init__(self, command: list[str], **more: Any) -> None:
            super().__init__(["sleep", "300"], **more)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Slow)
    monkeypatch.setattr(documents, "SECONDS", 0.2)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert preview_document(XLSX, b"x") == Document()
    assert started[0].returncode is not None


@needs_pdfium
def test_the_process_sees_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    seen: list[dict[str, str]] = []
    run = subprocess.run

    def watched(*args: Any, **more: Any) -> Any:
        seen.append(more["env"])
        return run(*args, **more)

    monkeypatch.setattr(subprocess, "run", watched)
    assert preview_document(PDF, pdf(["x"])).picture
    assert "sk-secret" not in str(seen)
    assert set(seen[0]) <= set(os.environ)


@needs_pdfium
def test_the_same_bytes_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = preview_document(PDF, pdf(["x"]))
    monkeypatch.setattr(subprocess, "run", None)
    assert preview_document(PDF, pdf(["x"])) == first
    assert not [part for key in documents._seen for part in key if len(part) > 100], "no file is kept in memory"


def test_the_number_of_remembered_previews_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for number in range(100):
        preview_document(PDF, b"%PDF" + bytes([number]))
    assert len(documents._seen) == documents.REMEMBERED
