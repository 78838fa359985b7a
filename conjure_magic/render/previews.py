"""The beginning of a file as a value: a bounded look at it, whatever it is and however large."""

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
from conjure_magic.render.documents import COUNTED, DOCUMENTS, MAX_BYTES, PDF, Sheet, look_into

HEAD = 64_000
"""Bytes looked at of a file that is too large to travel."""
ROWS, COLUMNS, CELL = 10, 12, 80
"""Rows and columns of a table that are shown, and characters of a cell."""
LINES, CHARACTERS = 20, 2_000
"""Lines and characters of a text that are shown."""

ELSEWHERE = "not on this machine yet: save it with result.files[…].save(…)"
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
class Grid:
    """The beginning of a table."""

    rows: tuple[tuple[str, ...], ...]
    """The header first."""
    more: str = ""
    """What is left out, in words; empty if nothing."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a file."""

    kind: Kind
    words: str
    """What it is: "image", "3 rows × 4 columns", "JSON", a media type."""
    data: bytes | None = None
    """The whole content, if it may travel and is still what the turn made."""
    grids: tuple[Grid, ...] = ()
    """A table, or the sheets of a workbook."""
    text: str = ""
    """A text's beginning; a picture's own title."""
    more: str = ""
    """What the text or the sheets leave out, in words; empty if nothing."""
    page: bytes = b""
    """A picture of the first page, as PNG."""
    problem: str = ""
    """Why nothing is shown: gone, changed since."""


def look_at(artifact: Artifact, limit: int) -> Look:
    """A bounded look at a file; at most `limit` bytes of it are read whole, `HEAD` of a larger one.

    One that is elsewhere is fetched, if it has no more bytes than that.
    """
    words = _type_words(artifact.media_type)
    if artifact.withheld:
        return Look("other", words, problem=artifact.withheld)
    if artifact.path is None and (artifact.fetch is None or artifact.size > limit):
        return Look("other", words, problem=ELSEWHERE)
    at_once = max(limit, MAX_BYTES) if artifact.media_type.lower() in DOCUMENTS else limit
    try:
        data, size = _read(artifact, at_once)
    except OSError as error:
        problem = "no longer there" if artifact.path is not None else f"cannot be fetched: {error.strerror or error}"
        return Look("other", words, problem=problem)
    whole = size <= at_once
    changed = size != artifact.size or (whole and bool(artifact.sha256) and _digest(data) != artifact.sha256)
    if changed:
        return Look("other", words, problem="has changed since")
    if whole and artifact.media_type.lower() in DOCUMENTS:
        return _opened(artifact.media_type.lower(), words, data, limit)
    return _seen(artifact.media_type, words, data, whole)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(artifact: Artifact, limit: int) -> tuple[bytes, int]:
    """The content, or the beginning of a large one, and the size."""
    with artifact.open() as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(limit if size <= limit else HEAD), size


def _type_words(media_type: str) -> str:
    if media_type in _WORDS:
        return _WORDS[media_type]
    if media_type.startswith("image/"):
        return "image"
    return "text" if media_type.startswith("text/") else clean(media_type)[:60]


def _seen(media_type: str, words: str, data: bytes, whole: bool) -> Look:
    kept = data if whole else None
    if media_type in RASTER:
        real = data.startswith(_MAGIC[media_type])
        return Look("picture" if real and whole else "other", words, kept)
    text = _decoded(data, whole)
    if media_type == "image/svg+xml" and text is not None:
        return Look("svg" if whole else "other", words, kept, text=_svg_title(text))
    if text is None or media_type.startswith(("image/", "audio/", "video/")):
        return Look("other", words, kept)
    if media_type in ("text/csv", "text/tab-separated-values"):
        table = _table(text, "\t" if media_type.endswith("values") else None, kept)
        if table is not None:
            return table
    shown, more = _beginning(text, whole)
    words = "text" if media_type == "application/octet-stream" else words
    return Look("text", words, kept, text=shown, more=more)


def _opened(media_type: str, words: str, data: bytes, limit: int) -> Look:
    """A look into a document."""
    seen = look_into(media_type, data)
    kept = data if len(data) <= limit else None
    if media_type == PDF:
        words = f"{words}, {counted(seen.count, 'page')}" if seen.count else words
        return Look("pages", words, kept, page=seen.picture)
    if not seen.sheets:
        return Look("other", words, kept)
    left = seen.count - len(seen.sheets)
    return Look(
        "workbook",
        f"{words}, {counted(seen.count, 'sheet')}",
        kept,
        tuple(map(_grid, seen.sheets)),
        more=f"and {counted(left, 'more sheet')}" if left else "",
    )


def _grid(sheet: Sheet) -> Grid:
    """A sheet's first rows under its name and shape."""
    full = sheet.total > COUNTED
    shape = f"{'more than ' if full else ''}{counted(sheet.total - full, 'row')} × {counted(sheet.width, 'column')}"
    left = [f"the first {len(sheet.rows)} rows"] if sheet.total > len(sheet.rows) else []
    left += [f"the first {COLUMNS} columns"] if sheet.width > COLUMNS else []
    return Grid(sheet.rows, " and ".join(left), f"{sheet.name}: {shape if sheet.rows else 'empty'}")


def _decoded(data: bytes, whole: bool) -> str | None:
    """The text of UTF-8 bytes, a cut last character left out; None for anything else."""
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


def _table(text: str, delimiter: str | None, whole: bytes | None) -> Look | None:
    """A look at a table: its first rows, and how many there are; None if it cannot be read as one."""
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
    return Look("table", shape, whole, (Grid(tuple(rows)),), more=" and ".join(left))


def _cell(value: str) -> str:
    return value if len(value) <= CELL else value[: CELL - 1] + "…"
