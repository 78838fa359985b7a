"""Text as data: what is fit to be shown, escaped, and the few words for sizes, times and counts."""

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


def json_safe(value: Any) -> Any:
    """JSON-able data in which each string can be sent as UTF-8: lone surrogates as `?`, like on the wire."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {json_safe(str(key)): json_safe(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [json_safe(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else json_safe(str(value))


def size_words(size: int) -> str:
    """A size in decimal units: "0.2 kB", "1.4 MB"."""
    if size < 100:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def time_words(seconds: float) -> str:
    """A duration: "0.2 s", "3 min 05 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 file", "2,000 lines"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shorten(text: str, limit: int) -> str:
    """Head and tail of a text that is longer than `limit` characters, and how much is left out between."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}\n… {len(text) - head - tail:,} characters left out here …\n{text[-tail:]}"
