"""Text for display: on one line, escaped, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape as _escape
from typing import Any

from conjure_magic.characters import exact

ROOM = 20
"""Characters that `one_line` reads for each character that it may show."""


def one_line(text: str, limit: int = 120) -> str:
    """The text as one line of at most `limit` characters, with "…" if it was shortened."""
    first, more, _ = text.strip(" \t\n").partition("\n")
    line = " ".join(exact(first[: ROOM * limit]).split())
    cut = len(line) > limit or len(first) > ROOM * limit
    return line[: limit - 1] + "…" if cut else line + (" …" if more else "")


def escape(text: str) -> str:
    """HTML-escape, including quotes; the text must have been passed through `clean` or `exact`."""
    return _escape(text, quote=True)


TOO_DEEP = "(nested too deeply to be shown)"
DEPTH = 200
"""Maximum nesting of data in an output; what a turn keeps is never nested as deeply."""


def json_safe(value: Any, depth: int = DEPTH) -> Any:
    """JSON-compatible data whose strings can be encoded as UTF-8: lone surrogates become `?`, as in requests."""
    if depth < 0:
        return TOO_DEEP
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {json_safe(str(key)): json_safe(part, depth - 1) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [json_safe(part, depth - 1) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else json_safe(str(value))
