"""Values of kernel variables as text for a request, and as files: `--with name`."""

from __future__ import annotations

import json
import operator
import os
import pprint
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from conjure_magic.artifacts import Artifact, Artifacts
from conjure_magic.errors import UsageError
from conjure_magic.magics.options import suggest
from conjure_magic.phrases import counted, file_size
from conjure_magic.safe_open import FILE, open_folder

LONG = 8_000
"""Characters of one value that are put into a request."""
ROWS = 20
"""Rows of a DataFrame that are put into a request."""
VARIABLES_DIR = "attached-variables"
"""Folder of the workspace for values that are sent as files."""


def variable_texts(names: Iterable[str], namespace: Mapping[str, Any], workspace: Path) -> list[str]:
    """Texts that describe the named variables to the model; DataFrames and long values become workspace files.

    Raises UsageError for an unknown name (before anything is written), and for a value that cannot be converted.
    """
    values = [(name, look_up(name, namespace)) for name in names]
    return [_variable_text(name, value, workspace) for name, value in values]


def as_text(value: Any) -> str:
    """A value as text for a request, shortened if it is long: a table as CSV, a file as its text or its path."""
    value = _table(value)
    if is_frame(value):
        return _frame_text(value)
    if isinstance(value, Artifact):
        return _file_text(value)
    if isinstance(value, Artifacts):
        return "\n".join(map(_file_words, value)) or "no files"
    return _shortened(_whole_text(value))


def _table(value: Any) -> Any:
    """A pandas Series as a DataFrame, since its repr leaves out most rows; other values unchanged."""
    return value.to_frame() if type(value).__name__ == "Series" and hasattr(value, "to_frame") else value


def _file_text(file: Artifact) -> str:
    """The text of a short text file, else its name, size and path. Raises OSError if it is gone."""
    if file.withheld or file.size > LONG:
        return _file_words(file)
    data = file.read()
    try:
        return _file_words(file) if b"\0" in data else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _file_words(file)


def _file_words(file: Artifact) -> str:
    where = str(file.path) if file.path is not None else "not on this machine"
    return f"{file.name} ({file_size(file.size)}: {where})"


def _whole_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_scalar(value) or _has_own_text(value):
        return str(value)
    return pprint.pformat(value, width=100, compact=True, sort_dicts=False)


def _has_own_text(value: Any) -> bool:
    """True if the value's class says how it reads as text; arrays and exceptions say more in their repr."""
    is_array = hasattr(value, "shape") and hasattr(value, "tolist")
    to_text: Any = type(value).__str__
    has_own = to_text is not object.__str__ and not isinstance(value, type)
    return has_own and not is_array and not isinstance(value, BaseException)


def _shortened(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}\n[… shortened: {LONG:,} of {len(text):,} characters]"


def is_frame(value: Any) -> bool:
    """True for a pandas, polars or geopandas DataFrame, recognised by its attributes so that nothing is imported."""
    names = {kind.__name__ for kind in type(value).__mro__}
    return "DataFrame" in names and hasattr(value, "columns") and len(getattr(value, "shape", ())) == 2


def look_up(name: str, namespace: Mapping[str, Any]) -> Any:
    """The value of the variable. Raises UsageError, which suggests a similar name, if there is none."""
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
    shown = f"the first {ROWS} of {rows:,} rows" if rows > ROWS else counted(rows, "row")
    return f"{text.rstrip()}\n[DataFrame: {shown}, {counted(columns, 'column')}]"


def _has_index(frame: Any) -> bool:
    """True if a pandas DataFrame has an index other than the default one."""
    index = getattr(frame, "index", None)
    return index is not None and (type(index).__name__ != "RangeIndex" or any(index.names))


def _schema(frame: Any) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in zip(frame.columns, frame.dtypes, strict=True))


def _variable_text(name: str, value: Any, workspace: Path) -> str:
    """The text for one value; writes its file. Raises UsageError, which names the variable, if that fails."""
    try:
        return _described(name, value, workspace)
    except Exception as error:  # a foreign repr or to_csv may raise anything, a full disk OSError
        raise UsageError(f"cannot send the variable {name!r}: {type(error).__name__}: {error}") from None


def _described(name: str, value: Any, workspace: Path) -> str:
    kind = type(value).__name__
    value = _table(value)
    if is_frame(value):
        table = value.to_csv(index=_has_index(value)) if hasattr(value, "to_csv") else value.write_csv()
        body = f"columns: {_schema(value)}\n{_frame_text(value)}"
        return _element(name, kind, body, _write(workspace, f"{name}.csv", table))
    if isinstance(value, Artifact) and not value.withheld:
        return _element(name, kind, _file_text(value), _write(workspace, _file_name(name, value), value.read()))
    if isinstance(value, Artifact | Artifacts):
        return _element(name, kind, as_text(value))
    if isinstance(value, bytes | bytearray):
        return _element(name, kind, counted(len(value), "byte"), _write(workspace, f"{name}.bin", value))
    whole = _unfolded(value)
    text = _whole_text(whole)
    if len(text) <= LONG:
        return _element(name, kind, _whole_text(value))
    if whole is not value:  # the repr of an array names its type and shape, and shows its start and end
        shown, value = _whole_text(value), whole
        text = shown if len(shown) <= LONG else text
    as_json = None if isinstance(value, str) else _json(value)
    path = _write(workspace, f"{name}.txt", text) if as_json is None else _write(workspace, f"{name}.json", as_json)
    return _element(name, kind, _shortened(text), path)


def _file_name(name: str, file: Artifact) -> str:
    """The variable's name with the file's suffix."""
    return name + re.sub(r"[^\w.]", "_", Path(file.name).suffix)[:20]


DEPTH = 20
"""Nesting depth of lists and dicts down to which arrays in them are written out."""


def _unfolded(value: Any, depth: int = 0) -> Any:
    """The value with every array (NumPy, pandas index) as a list of all elements, most of which its repr omits."""
    if callable(getattr(value, "tolist", None)) and hasattr(value, "shape") and not isinstance(value, type):
        return value.tolist() if getattr(value, "shape", ()) else value
    if depth < DEPTH and type(value) in (list, tuple):
        parts = [_unfolded(part, depth + 1) for part in value]
        return value if all(map(operator.is_, parts, value)) else type(value)(parts)
    if depth < DEPTH and type(value) is dict:
        items = {key: _unfolded(part, depth + 1) for key, part in value.items()}
        return value if all(items[key] is value[key] for key in value) else items
    return value


def _json(value: Any) -> str | None:
    """The value as JSON if that loses nothing; else None."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        return text if json.loads(text) == value else None
    except (TypeError, ValueError, RecursionError):
        return None


def _write(workspace: Path, name: str, content: str | bytes | bytearray) -> Path:
    """Write the file into the folder `VARIABLES_DIR`, replacing an existing one.

    Follows no symbolic links, since a running command may replace anything in the workspace. Raises OSError.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    folder = _own_folder(workspace)
    try:
        fresh = f".{secrets.token_hex(8)}"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, 0o644, dir_fd=folder)
        with open(fd, "wb") as file:
            os.fchmod(fd, 0o644)
            file.write(data)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)
    return workspace / VARIABLES_DIR / name


def _own_folder(workspace: Path) -> int:
    """A descriptor of the folder `VARIABLES_DIR`, which replaces a link or file of that name."""
    try:
        return open_folder(workspace, (VARIABLES_DIR,), make=True)
    except OSError:
        parent = open_folder(workspace, ())
        try:
            os.unlink(VARIABLES_DIR, dir_fd=parent)  # a link or a file, not a folder
        finally:
            os.close(parent)
        return open_folder(workspace, (VARIABLES_DIR,), make=True)


def _element(name: str, kind: str, body: str, path: Path | None = None) -> str:
    """An XML element, so that the value's own text cannot be mistaken for the request."""
    place = f" file={quoteattr(f'{path.parent.name}/{path.name}')}" if path is not None else ""
    return f"<variable name={quoteattr(name)} type={quoteattr(kind)}{place}>\n{escape(body)}\n</variable>"
