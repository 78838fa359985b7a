"""Text as data: what is fit to be shown, escaped, and the few words for sizes, times and counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape as _escape
from typing import Any

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, APC
    r"|\x1b[ -/]*[0-~]"  # the short ones
)
"""Terminal control sequences, as ECMA-48 section 5.4 and 5.6 spells them."""

_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_REORDERING = r"\u202a-\u202e\u2066-\u2069"
_TAGS = r"\U000e0000-\U000e007f"
_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
    r"\u2028\u2029\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
)
_SURROGATE = r"\ud800-\udfff"
_SHOWN_IN_PROSE = re.compile(f"[{_CONTROL}{_REORDERING}{_TAGS}{_SURROGATE}]")
_SHOWN_EXACTLY = re.compile(f"[{_CONTROL}{_REORDERING}{_TAGS}{_SURROGATE}{_INVISIBLE}]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return "\u2421" if code == 0x7F else f"‹U+{code:04X}›"


def clean(text: str) -> str:
    """Prose without terminal sequences; other controls, and what reorders text, stand as visible signs.

    Joiners and direction marks stay, because scripts and emoji need them. Lone surrogates become U+FFFD.
    """
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _SHOWN_IN_PROSE.sub(_visible, text)


def exact(text: str) -> str:
    """Like `clean`, for commands, names and output: every invisible character is made visible."""
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _SHOWN_EXACTLY.sub(_visible, text)


def one_line(text: str, limit: int = 120) -> str:
    """The text as one exact line of at most `limit` characters, "…" where something was left out."""
    lines = exact(text).strip().split("\n", 1)
    line = " ".join(lines[0].split())
    cut = len(line) > limit
    return line[: limit - 1] + "…" if cut else line + (" …" if len(lines) > 1 else "")


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
