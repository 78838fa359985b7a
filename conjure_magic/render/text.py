"""Text as data: what is fit to be shown, escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape as _escape
from typing import Any

from conjure_magic.characters import exact

ROOM = 20
"""Characters that are read for each one that `one_line` may show."""


def one_line(text: str, limit: int = 120) -> str:
    """The text as one exact line of at most `limit` characters, "…" where something was left out."""
    first, more, _ = text.strip(" \t\n").partition("\n")
    line = " ".join(exact(first[: ROOM * limit]).split())
    cut = len(line) > limit or len(first) > ROOM * limit
    return line[: limit - 1] + "…" if cut else line + (" …" if more else "")


def escape(text: str) -> str:
    """HTML-escaped, quotes included; give it text that went through `clean` or `exact`."""
    return _escape(text, quote=True)


TOO_DEEP = "(nested too deeply to be shown)"
DEPTH = 200
"""How deeply nested data is carried; nothing that a turn keeps is nested as deeply."""


def json_safe(value: Any, depth: int = DEPTH) -> Any:
    """JSON-able data in which each string can be sent as UTF-8: lone surrogates as `?`, like on the wire."""
    if depth < 0:
        return TOO_DEEP
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {json_safe(str(key)): json_safe(part, depth - 1) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [json_safe(part, depth - 1) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else json_safe(str(value))
