"""Previews of workbooks and PDFs, extracted by `document_reader.py` in a separate process."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKBOOKS = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel.sheet.macroenabled.12",
)
PDF = "application/pdf"
DOCUMENTS = (*WORKBOOKS, PDF)
MAX_BYTES = 20_000_000
"""Size of the largest document that is previewed."""
COUNTED = 1_000
"""Rows of a sheet that are counted; the same value as in `document_reader.py`."""
SECONDS = 5.0
"""Time limit, including the start of the process."""
PICTURE = 300_000
"""Maximum bytes of the image of a page."""
INFLATED = 8_000_000
"""Bytes that are decompressed in search of a PDF's number of pages."""
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first rows of a sheet."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    """The first rows, which may differ in length."""
    total: int
    """Rows up to the last one with content, at most `COUNTED` + 1."""
    width: int


@dataclass(frozen=True, slots=True)
class Document:
    """The preview of a document."""

    sheets: tuple[Sheet, ...] = ()
    count: int = 0
    """Number of sheets or pages; 0 if unknown."""
    picture: bytes = b""
    """The first page as PNG; may be empty."""


def preview_document(media_type: str, data: bytes) -> Document:
    """The preview of a document; empty if it is broken, takes too long, or the library for it is not installed.

    The last `REMEMBERED` previews are cached by content.
    """
    key = media_type, hashlib.sha256(data).digest()
    found = _seen.pop(key, None) or _document(media_type, data)
    _seen[key] = found
    while len(_seen) > REMEMBERED:
        _seen.pop(next(iter(_seen)), None)
    return found


REMEMBERED = 32
"""Previews that are cached, without the documents themselves."""
_seen: dict[tuple[str, bytes], Document] = {}


def _document(media_type: str, data: bytes) -> Document:
    if media_type in WORKBOOKS:
        found = _peek("xlsx", "openpyxl", data)
        return Document(tuple(map(_sheet, found.get("sheets", ()))), int(found.get("count", 0)))
    found = _peek("pdf", "pypdfium2", data)
    picture = base64.b64decode(found.get("picture", ""))
    return Document(
        count=int(found.get("pages", 0)) or _pages(data), picture=picture if len(picture) <= PICTURE else b""
    )


def _peek(kind: str, library: str, data: bytes) -> Mapping[str, Any]:
    """The JSON object that the process prints; empty if it fails."""
    if importlib.util.find_spec(library) is None:
        return {}
    # -P: keep the script's folder off sys.path, since its modules share names with others.
    command = [sys.executable, "-P", str(Path(__file__).with_name("document_reader.py")), kind]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            env=environment,
            start_new_session=True,
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _sheet(found: Mapping[str, Any]) -> Sheet:
    return Sheet(found["name"], tuple(map(tuple, found["rows"])), found["total"], found["width"])


def _pages(data: bytes) -> int:
    """Number of pages according to a PDF: the largest `/Count` of a node of its page tree (ISO 32000-1, 7.7.3)."""
    if b"%PDF" not in data[:1024]:
        return 0
    most = 0
    for place in (data, *_streams(data)):
        for found in _DICTIONARY.finditer(place):
            count = _COUNT.search(found[1]) if _TREE.search(found[1]) else None
            most = max(most, int(count[1]) if count is not None else 0)
    return most


_DICTIONARY = re.compile(rb"<<([^<>]*)>>")
_TREE = re.compile(rb"/Type\s{0,9}/Pages\b")
_COUNT = re.compile(rb"/Count\s{1,9}(\d{1,6})\b")


def _streams(data: bytes) -> Iterator[bytes]:
    """The object streams of a PDF 1.5, decompressed up to `INFLATED` bytes in total."""
    left = INFLATED
    for found in re.finditer(rb"/ObjStm\b", data):
        start = data.find(b"stream", found.end(), found.end() + 1_000)
        if start < 0 or left <= 0:
            continue
        packed = data[start + len(b"stream") :][:MAX_BYTES].lstrip(b"\r\n")
        try:
            content = zlib.decompressobj().decompress(packed, left)
        except zlib.error:
            continue
        left -= len(content)
        yield content
