"""Extracts a preview of a workbook or PDF in a separate process; a script that imports nothing of this package.

A file made by a model or tool may be a decompression bomb, or crash a parser written in C. That affects only this
process, which has limits on memory and time; the caller then continues without a preview.

Usage: `python document_reader.py xlsx|pdf < file`; prints one JSON object.
"""

from __future__ import annotations

import base64
import datetime
import io
import itertools
import json
import struct
import sys
import zipfile
import zlib
from typing import Any

MEMORY = 1 << 30
"""Bytes of address space."""
CPU = 3
"""Seconds of CPU time."""
UNPACKED = 100_000_000
"""Maximum total size of a workbook's parts, as declared in the archive; reading stops there in any case."""
SHEETS, COUNTED = 6, 1_000
"""Sheets that are read, and rows of each that are counted."""
ROWS, COLUMNS, CELL = 10, 12, 80
EDGE = 900
"""Length in pixels of the longer side of a page."""


def workbook(data: bytes) -> dict[str, Any]:
    """The first rows of each sheet: `{"sheets": [{name, rows, total, width}], "count": N}`."""
    for name in ("numpy", "PIL", "lxml"):  # optional; without them it takes half the time
        sys.modules[name] = None  # type: ignore[assignment]
    from openpyxl import load_workbook

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > UNPACKED:
            raise ValueError("too large")
    books = [load_workbook(io.BytesIO(data), read_only=True)]
    sheets = [_sheet(sheet) for sheet in books[0].worksheets[:SHEETS]]
    if any(cell.startswith("=") for sheet in sheets for row in sheet["rows"] for cell in row):
        # Saved values; cells without one keep their formula.
        books.append(load_workbook(io.BytesIO(data), read_only=True, data_only=True))
        for sheet, saved in zip(sheets, map(_sheet, books[1].worksheets), strict=False):
            rows = itertools.zip_longest(saved["rows"], sheet["rows"], fillvalue=())
            sheet["rows"] = [
                [value or formula for value, formula in itertools.zip_longest(values, formulas, fillvalue="")]
                for values, formulas in rows
            ]
    for sheet in sheets:
        sheet["rows"] = [row for row in sheet["rows"] if any(row)]
    return {"sheets": sheets, "count": len(books[0].worksheets)}


def _sheet(sheet: Any) -> dict[str, Any]:
    sheet.reset_dimensions()  # the declared size may be wrong
    rows: list[list[str]] = []
    total = width = 0
    for cells in sheet.iter_rows(max_row=COUNTED + 1, max_col=10 * COLUMNS, values_only=True):
        total += 1
        width = max(width, max((number for number, value in enumerate(cells, 1) if value is not None), default=0))
        if len(rows) <= ROWS:
            rows.append([_text(value) for value in cells[:COLUMNS]])
    rows = [row[:width] for row in rows]
    return {"name": str(sheet.title)[:CELL], "rows": rows, "total": total, "width": width}


def _text(value: object) -> str:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    text = "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def pdf(data: bytes) -> dict[str, Any]:
    """The number of pages, and the first one as PNG: `{"pages": N, "picture": base64}`."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        found: dict[str, Any] = {"pages": len(document)}
        if found["pages"]:
            page = document[0]
            longer = max(*page.get_size(), 1.0)
            bitmap = page.render(scale=min(EDGE / longer, 2.0), rev_byteorder=True, prefer_bgrx=False)
            found["picture"] = base64.b64encode(_png(bitmap)).decode("ascii")
        return found
    finally:
        document.close()


def _png(bitmap: Any) -> bytes:
    """A bitmap of RGB bytes as PNG (RFC 2083)."""
    width, height, stride, channels = bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels
    raw = bytes(bitmap.buffer)
    colour = {1: 0, 3: 2, 4: 6}[channels]
    lines = b"".join(b"\0" + raw[row * stride : row * stride + width * channels] for row in range(height))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def main() -> None:
    """Print the preview; exit with status 1 if the file cannot be read."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        pass
    else:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
        if sys.platform != "darwin":  # where it is not supported
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        found = {"xlsx": workbook, "pdf": pdf}[sys.argv[1]](sys.stdin.buffer.read())
    except Exception:
        sys.exit(1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
