"""Previews of files of any type and size, with bounded work."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
from dataclasses import dataclass
from html import unescape
from typing import Literal

from conjure_magic.artifacts import Artifact
from conjure_magic.characters import clean
from conjure_magic.phrases import counted
from conjure_magic.render.documents import COUNTED, DOCUMENTS, MAX_BYTES, PDF, Sheet, preview_document

HEAD = 64_000
"""Bytes read of a file that is too large to be embedded."""
ROWS, COLUMNS, CELL = 10, 12, 80
"""Rows and columns of a table that are shown, and characters of a cell."""
LINES, CHARACTERS = 20, 2_000
"""Lines and characters of a text that are shown."""

ELSEWHERE = "not on this machine yet: save it with result.files[…].save(…)"
GONE = "no longer exists"
Kind = Literal["picture", "svg", "table", "text", "workbook", "pages", "other"]
RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp")
_WORDS = {
    "application/json": "JSON",
    "application/x-ndjson": "JSON lines",
    "text/markdown": "Markdown",
    "text/html": "HTML source",
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel workbook",
    "application/vnd.ms-excel.sheet.macroenabled.12": "Excel workbook with macros",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint presentation",
    "application/zip": "ZIP archive",
    "image/svg+xml": "image",
}
_MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


@dataclass(frozen=True, slots=True)
class TablePreview:
    """The first rows of a table."""

    rows: tuple[tuple[str, ...], ...]
    """The header first."""
    more: str = ""
    """What is shown of a longer table, as text; else empty."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of a file."""

    kind: Kind
    words: str
    """The type as text: "image", "3 rows × 4 columns", "JSON", a media type."""
    data: bytes | None = None
    """The whole content, if it may be embedded and has not changed since the turn."""
    tables: tuple[TablePreview, ...] = ()
    """A table, or the sheets of a workbook."""
    text: str = ""
    """The start of a text; the title of an image."""
    more: str = ""
    """What is shown of a longer text or workbook, as text; else empty."""
    page: bytes = b""
    """An image of the first page, as PNG."""
    problem: str = ""
    """Why nothing is shown, such as that the file was deleted or changed."""


def preview_file(artifact: Artifact, limit: int) -> Preview:
    """The preview of a file, which is read whole up to `limit` bytes; of a larger one, `HEAD` bytes are read.

    A file that is not on this machine is downloaded if it has at most `limit` bytes.
    """
    words = _type_words(artifact.media_type)
    if artifact.withheld:
        return Preview("other", words, problem=artifact.withheld)
    if artifact.path is None and (artifact.fetch is None or artifact.size > limit):
        return Preview("other", words, problem=ELSEWHERE)
    at_once = max(limit, MAX_BYTES) if artifact.media_type.lower() in DOCUMENTS else limit
    try:
        data, size = _read(artifact, at_once)
    except OSError as error:
        problem = GONE if artifact.path is not None else f"cannot be downloaded: {error.strerror or error}"
        return Preview("other", words, problem=problem)
    whole = size <= at_once
    changed = size != artifact.size or (whole and bool(artifact.sha256) and _digest(data) != artifact.sha256)
    if changed:
        return Preview("other", words, problem="changed since the turn")
    if whole and artifact.media_type.lower() in DOCUMENTS:
        return _document(artifact.media_type.lower(), words, data, limit)
    return _seen(artifact.media_type, words, data, whole)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(artifact: Artifact, limit: int) -> tuple[bytes, int]:
    """The content, or the start of a large file, and the file's size."""
    with artifact.open() as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(limit if size <= limit else HEAD), size


def _type_words(media_type: str) -> str:
    if media_type in _WORDS:
        return _WORDS[media_type]
    if media_type.startswith("image/"):
        return "image"
    return "text" if media_type.startswith("text/") else clean(media_type)[:60]


def _seen(media_type: str, words: str, data: bytes, whole: bool) -> Preview:
    kept = data if whole else None
    if media_type in RASTER:
        real = data.startswith(_MAGIC[media_type])
        return Preview("picture" if real and whole else "other", words, kept)
    text = _decoded(data, whole)
    if media_type == "image/svg+xml" and text is not None:
        return Preview("svg" if whole else "other", words, kept, text=_svg_title(text))
    if text is None or media_type.startswith(("image/", "audio/", "video/")):
        return Preview("other", words, kept)
    if media_type in ("text/csv", "text/tab-separated-values"):
        table = _table(text, "\t" if media_type.endswith("values") else None, kept)
        if table is not None:
            return table
    shown, more = _beginning(text, whole)
    words = "text" if media_type == "application/octet-stream" else words
    return Preview("text", words, kept, text=shown, more=more)


def _document(media_type: str, words: str, data: bytes, limit: int) -> Preview:
    """The preview of a workbook or PDF."""
    seen = preview_document(media_type, data)
    kept = data if len(data) <= limit else None
    if media_type == PDF:
        words = f"{words}, {counted(seen.count, 'page')}" if seen.count else words
        return Preview("pages", words, kept, page=seen.picture)
    if not seen.sheets:
        return Preview("other", words, kept)
    left = seen.count - len(seen.sheets)
    return Preview(
        "workbook",
        f"{words}, {counted(seen.count, 'sheet')}",
        kept,
        tuple(map(_grid, seen.sheets)),
        more=f"and {counted(left, 'more sheet')}" if left else "",
    )


def _grid(sheet: Sheet) -> TablePreview:
    """The first rows of a sheet, with its name and shape."""
    full = sheet.total > COUNTED
    shape = f"{'more than ' if full else ''}{counted(sheet.total - full, 'row')} × {counted(sheet.width, 'column')}"
    left = [f"the first {len(sheet.rows)} rows"] if sheet.total > len(sheet.rows) else []
    left += [f"the first {COLUMNS} columns"] if sheet.width > COLUMNS else []
    return TablePreview(sheet.rows, " and ".join(left), f"{sheet.name}: {shape if sheet.rows else 'empty'}")


def _decoded(data: bytes, whole: bool) -> str | None:
    """UTF-8 bytes as text, without an incomplete last character; None for anything else."""
    if b"\0" in data[:HEAD]:
        return None
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=whole)
    except UnicodeDecodeError:
        return None


_SVG_TITLE = re.compile(r"<title(?:\s[^<>]*)?>([^<]{1,500})</title>")


def _svg_title(text: str) -> str:
    found = _SVG_TITLE.search(text[:HEAD])
    return " ".join(unescape(found.group(1)).split())[:200] if found else ""


def _beginning(text: str, whole: bool) -> tuple[str, str]:
    lines = text.replace("\r\n", "\n").split("\n", LINES)
    cut = len(lines) > LINES and bool(lines.pop())
    shown = "\n".join(lines)
    cut = cut or len(shown) > CHARACTERS or not whole
    if not cut:
        return shown, ""
    total = f" of {text.rstrip(chr(10)).count(chr(10)) + 1:,} lines" if whole else ""
    return shown[:CHARACTERS], f"the beginning{total}"


def _table(text: str, delimiter: str | None, whole: bytes | None) -> Preview | None:
    """The preview of a CSV table: its first rows and its shape; None if it cannot be parsed."""
    first = text.split("\n", 1)[0]
    delimiter = delimiter or max(",;\t", key=first.count)
    rows: list[tuple[str, ...]] = []
    width = total = 0
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if not row:
                continue
            total += 1
            width = max(width, len(row))
            if len(rows) <= ROWS:
                rows.append(tuple(_cell(value) for value in row[:COLUMNS]))
    except csv.Error:
        return None
    if not rows:
        return None
    shape = f"{'' if whole is not None else 'more than '}{counted(total - 1, 'row')} × {counted(width, 'column')}"
    left = [f"the first {len(rows) - 1} rows"] if whole is None or total > len(rows) else []
    left += [f"the first {COLUMNS} columns"] if width > COLUMNS else []
    return Preview("table", shape, whole, (TablePreview(tuple(rows)),), more=" and ".join(left))


def _cell(value: str) -> str:
    return value if len(value) <= CELL else value[: CELL - 1] + "…"
