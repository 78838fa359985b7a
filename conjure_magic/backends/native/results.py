"""Return values of a user's function, as shown to the model and the user.

| returned | the model reads | the user also gets |
|---|---|---|
| text | the text | |
| JSON-able data, dataclasses, pydantic models | pretty JSON | |
| a pandas or polars DataFrame or Series | its shape and first rows | all of it as a CSV file |
| a matplotlib figure, a PIL image | a note that it was saved | a PNG file |
| bytes, a `Path` | name and size | the file, in the workspace |
| a list, tuple or dict of these | each in turn | each |
| None | a note that the call is done | |

Long text is shortened for the model and saved as a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MappingView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from conjure_magic.backends.native.context import SkillContext, free_path
from conjure_magic.errors import ToolError
from conjure_magic.events import ToolResult

ROWS = 10
"""Rows of a table that the model reads."""
HEAD, TAIL = 16_000, 8_000
"""Characters at the beginning and end of a long text that the model reads."""
DEPTH = 6
"""Levels of lists and dicts that are searched for files."""
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"%PDF-": ".pdf",
    b"PK\x03\x04": ".zip",
    b"\x1f\x8b": ".gz",
}


def present(value: Any, context: SkillContext) -> ToolResult:
    """Convert a return value to a result; files are written to the workspace.

    Raises ToolError for a path that does not exist, and for a file that cannot be written.
    """
    if isinstance(value, ToolResult):
        return value
    parts = list(_parts(value, context, context.tool))
    text = "\n\n".join(parts)
    return shortened(text, context, suffix=".json" if _is_json(value) else ".txt")


def shortened(text: str, context: SkillContext, path: Path | None = None, *, suffix: str = ".txt") -> ToolResult:
    """Return the text as a result; a long one is shortened to its beginning and end, and saved as a file.

    `path`: the file, if it was already saved.
    """
    text = context.mask(text)
    if len(text) <= HEAD + TAIL:
        return ToolResult(text)
    path = path or context.save(f"{context.tool}{suffix}", text)
    left_out = f"[{len(text) - HEAD - TAIL:,} of {len(text):,} characters are omitted; the complete text was saved as "
    shown = context.turn.workspace.shown(path)
    return ToolResult(f"{text[:HEAD]}\n{left_out}{path.name}]\n{text[-TAIL:]}", output_path=shown)


def _parts(value: Any, context: SkillContext, stem: str) -> Iterator[str]:
    """Yield the texts for a value, and write its files."""
    made = _single(value, context, stem)
    if made is not None:
        yield made
    elif isinstance(value, list | tuple) and _has_files(value):
        for item in value:
            yield from _parts(item, context, stem)
    elif isinstance(value, Mapping) and _has_files(value):
        for key, item in value.items():
            for text in _parts(item, context, str(key)):
                yield f"{key}: {text}"
    else:
        yield _json(value)


def _single(value: Any, context: SkillContext, stem: str) -> str | None:
    """Return the text for a single value; None for data."""
    if value is None:
        return "Done. The function returned None."
    if isinstance(value, str):
        return value
    maker = _file_maker(value)
    return maker(value, context, stem) if maker is not None else None


def _file_maker(value: Any) -> Callable[[Any, SkillContext, str], str] | None:
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes
    if isinstance(value, PurePath):
        return _path
    if _is_table(value):
        return _table
    if _is_figure(value):
        return _figure
    if _isinstance(value, "PIL.Image", "Image"):
        return _picture
    return None


def _has_files(value: Any, depth: int = 0) -> bool:
    """True if the value contains something that is saved as a file, also in nested lists and dicts."""
    if depth >= DEPTH:
        return False
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(_file_maker(item) is not None or _has_files(item, depth + 1) for item in items)


# ---- files


def _bytes(value: Any, context: SkillContext, stem: str) -> str:
    data = bytes(value)
    suffix = next((suffix for start, suffix in _MAGIC.items() if data.startswith(start)), None)
    if suffix is None:
        suffix = ".txt" if _is_text(data) else ".bin"
    return _saved(f"{len(data):,} bytes", context.save(f"{stem}{suffix}", data))


def _path(value: PurePath, context: SkillContext, stem: str) -> str:
    """A file of the workspace stays where it is; any other is copied there."""
    path = Path(value)
    path = path if path.is_absolute() else context.workspace / path
    if not path.is_file():
        raise ToolError(f"the function returned the path {value}, which is not a file")
    real = path.resolve()
    root = context.workspace.resolve()
    if real.is_relative_to(root):
        return _saved(f"{real.stat().st_size:,} bytes", real, real.relative_to(root).as_posix())
    target = free_path(context.workspace, real.name)
    with real.open("rb") as source, target.open("xb") as out:  # "x" goes through no link
        shutil.copyfileobj(source, out)
    return _saved(f"{target.stat().st_size:,} bytes", target)


def _table(value: Any, context: SkillContext, stem: str) -> str:
    kind = type(value).__name__
    frame = value.to_frame() if kind == "Series" else value
    rows, columns = frame.shape
    if hasattr(frame, "to_csv"):
        numbered = type(frame.index).__name__ == "RangeIndex"
        text = frame.to_csv(index=not numbered)
        head = frame.head(ROWS).to_string(max_cols=40, max_colwidth=80)
    else:  # polars
        text, head = frame.write_csv(), str(frame.head(ROWS))
    path = context.save(f"{stem}.csv", text)
    first = f"The first {ROWS} rows:" if rows > ROWS else "All rows:"
    return f"{_saved(f'{kind} of {rows:,} rows and {columns:,} columns', path)} {first}\n{head}"


def _figure(value: Any, context: SkillContext, stem: str) -> str:
    figure = value if hasattr(value, "savefig") else value.figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)  # otherwise the notebook would show it again
    return _saved("a figure", context.save(f"{stem}.png", buffer.getvalue()))


def _picture(value: Any, context: SkillContext, stem: str) -> str:
    buffer = io.BytesIO()
    try:
        value.save(buffer, "PNG")
    except OSError:  # a mode that PNG does not have
        buffer = io.BytesIO()
        value.convert("RGB").save(buffer, "PNG")
    size = f"an image of {value.width:,} x {value.height:,} pixels"
    return _saved(size, context.save(f"{stem}.png", buffer.getvalue()))


def _saved(what: str, path: Path, name: str = "") -> str:
    return f"{what[:1].upper()}{what[1:]}, saved as {name or path.name} in the workspace."


# ---- checking types without importing optional libraries


def _isinstance(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _is_table(value: Any) -> bool:
    pandas = any(_isinstance(value, "pandas", name) for name in ("DataFrame", "Series"))
    return pandas or any(_isinstance(value, "polars", name) for name in ("DataFrame", "Series"))


def _is_figure(value: Any) -> bool:
    return _isinstance(value, "matplotlib.figure", "Figure") or _isinstance(value, "matplotlib.axes", "Axes")


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _is_json(value: Any) -> bool:
    return not isinstance(value, str) and _file_maker(value) is None


def _json(value: Any) -> str:
    with contextlib.suppress(TypeError, ValueError, RecursionError):  # a cycle, a number too long
        return json.dumps(_plain(value), indent=2, ensure_ascii=False, default=_fallback)
    return _repr(value)


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deeply to be shown"


def _plain(value: Any) -> Any:
    """Return data with strings as keys, as JSON requires."""
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _fallback(value: Any) -> Any:
    """Convert a value that is not JSON to the closest JSON value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return _plain(sorted(value, key=_repr))
    if isinstance(value, range | deque | MappingView):
        return _plain(list(value))  # type: ignore[arg-type]  # a view of a dict's keys, values or items
    if isinstance(value, timedelta | UUID | PurePath | Decimal):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy arrays and numbers
        return value.tolist()
    return _repr(value)
