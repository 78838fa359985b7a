"""Kernel variables in a request: `{{name}}` in its text, and `--with name`."""

from __future__ import annotations

import pprint
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from conjure_magic.errors import UsageError
from conjure_magic.magics.options import suggest

PLACEHOLDER = re.compile(r"(\\?)\{\{\s*([^\W\d]\w*)\s*\}\}")
LONG = 8_000
"""Characters of one value that go into a request."""
ROWS = 20
"""Rows of a DataFrame that go into a request."""
ATTACHED = "attached-variables"
"""Folder of the workspace that values travel in."""


def fill(text: str, namespace: Mapping[str, Any]) -> str:
    """The request with each `{{name}}` replaced by the kernel variable; `\\{{name}}` stays as typed.

    Long values and DataFrames are shortened and say so. Raises UsageError for a name that is not there.
    """

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        return _shown(match[2], _look_up(match[2], namespace))

    return PLACEHOLDER.sub(value, text)


def attach(names: Iterable[str], namespace: Mapping[str, Any], workspace: Path) -> list[str]:
    """Texts that describe the named variables to the model; DataFrames and long values as files in the workspace.

    Raises UsageError for a name that is not there, before anything is written.
    """
    values = [(name, _look_up(name, namespace)) for name in names]
    return [_attachment(name, value, workspace / ATTACHED) for name, value in values]


def as_text(value: Any) -> str:
    """A value as text for a request, shortened where it is long."""
    if is_frame(value):
        return _frame_text(value)
    text = value if isinstance(value, str) else str(value) if _is_scalar(value) else pprint.pformat(value, width=100)
    return text if len(text) <= LONG else f"{text[:LONG]}\n[… shortened: {LONG:,} of {len(text):,} characters]"


def is_frame(value: Any) -> bool:
    """True for a pandas or polars DataFrame, told by its shape and not by an import."""
    kind = type(value)
    return kind.__name__ == "DataFrame" and hasattr(value, "columns") and len(getattr(value, "shape", ())) == 2


def _shown(name: str, value: Any) -> str:
    """A value as text. Raises UsageError, which names it, if it cannot be shown."""
    try:
        return as_text(value)
    except Exception as error:  # whatever a repr of somebody's may raise
        raise UsageError(f"the variable {name!r} cannot be shown as text: {type(error).__name__}: {error}") from None


def _look_up(name: str, namespace: Mapping[str, Any]) -> Any:
    if name not in namespace:
        known = [key for key in namespace if not key.startswith("_")]
        close = suggest(name, known) if known else ""
        raise UsageError(f"there is no variable {name!r}{close if 'did you mean' in close else ' in this kernel'}")
    return namespace[name]


def _is_scalar(value: Any) -> bool:
    return isinstance(value, int | float | complex | bool | Path) or value is None


def _frame_text(frame: Any) -> str:
    rows, columns = frame.shape
    head = frame.head(ROWS)
    text = str(head.to_csv(index=_has_index(frame)) if hasattr(frame, "to_csv") else head.write_csv())
    if len(text) > LONG:
        text = text[:LONG] + "\n[… shortened]"
    shown = f"the first {ROWS} of {rows:,} rows" if rows > ROWS else f"{rows:,} rows"
    return f"{text.rstrip()}\n[DataFrame: {shown}, {columns} columns]"


def _has_index(frame: Any) -> bool:
    """True if the index of a pandas DataFrame says something, unlike the numbers from 0 on."""
    index = getattr(frame, "index", None)
    return index is not None and (type(index).__name__ != "RangeIndex" or any(index.names))


def _schema(frame: Any) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in zip(frame.columns, frame.dtypes, strict=True))


def _attachment(name: str, value: Any, folder: Path) -> str:
    kind = type(value).__name__
    if is_frame(value):
        path = _place(folder, f"{name}.csv")
        if hasattr(value, "to_csv"):
            value.to_csv(path, index=_has_index(value))
        else:
            value.write_csv(path)
        body = f"columns: {_schema(value)}\n{_frame_text(value)}"
        return _element(name, kind, body, path)
    if isinstance(value, bytes | bytearray):
        path = _place(folder, f"{name}.bin")
        path.write_bytes(value)
        return _element(name, kind, f"{len(value):,} bytes", path)
    text = _shown(name, value)
    whole = value if isinstance(value, str) else ""
    if len(whole) > LONG:
        path = _place(folder, f"{name}.txt")
        path.write_text(whole, encoding="utf-8", errors="replace")
        return _element(name, kind, text, path)
    return _element(name, kind, text)


def _place(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _element(name: str, kind: str, body: str, path: Path | None = None) -> str:
    """An XML element, so that the value's own text cannot be taken for the request."""
    place = f" file={quoteattr(f'{path.parent.name}/{path.name}')}" if path is not None else ""
    return f"<variable name={quoteattr(name)} type={quoteattr(kind)}{place}>\n{escape(body)}\n</variable>"
