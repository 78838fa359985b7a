"""Invisible characters, and characters that control a terminal or reorder text, with visible symbols for them.

Text from a model, a tool, a file name or a skill is filtered by one of three functions, each a single linear pass:

- `exact`: every character is visible and none is deleted. For text that a user approves, or a record of it
  (questions, tool inputs, names, file contents).
- `printed`: for a program's output. Removes colours; keeps variation selectors and the blanks of plots.
- `clean`: for prose. As `printed`, but keeps joiners and direction marks, which some scripts and emoji need.

All of them replace characters that control a terminal or reorder text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Ranges = tuple[tuple[int, int], ...]

CONTROLS: Ranges = ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F))
"""Without tab and newline."""
REORDERING: Ranges = ((0x202A, 0x202E), (0x2066, 0x2069))
TAGS: Ranges = ((0xE0000, 0xE007F),)
SURROGATES: Ranges = ((0xD800, 0xDFFF),)
JOINERS: Ranges = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180E, 0x180E)),
    *((0x200B, 0x200F), (0x2028, 0x2029), (0x2060, 0x2065), (0x206A, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB)),
)
"""Invisible, and needed by some scripts and emoji."""
BLANKS: Ranges = (
    *((0x180B, 0x180F), (0x2800, 0x2800), (0xFE00, 0xFE0F), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0080, 0xE0FFF)),
)
"""Invisible, and common in programs' output: variation selectors, the empty cell of a plot in braille."""
SPACES: Ranges = (
    *((0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
"""Look like a space, but are not one to a shell."""

ALWAYS = (*CONTROLS, *REORDERING, *TAGS, *SURROGATES)
CSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}+[ -/]{0,8}+[@-~]")
"""Colours and cursor movement (ECMA-48, 5.4), which carry no text."""


def sign(code: int) -> str:
    """Return the visible symbol for an invisible character: `␛`, `‹U+202E›`."""
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"‹U+{code:04X}›"


def signs(ranges: Iterable[tuple[int, int]]) -> dict[int, str]:
    """Map each character in the ranges to its symbol, for `str.translate`."""
    return {code: sign(code) for first, last in ranges for code in range(first, last + 1)}


class _Escaper:
    """Replaces the characters in some ranges by their symbols; fast if there are none."""

    def __init__(self, ranges: Ranges) -> None:
        self._found = re.compile(f"[{''.join(f'{_literal(first)}-{_literal(last)}' for first, last in ranges)}]")
        self._signs: Mapping[int, str] = signs(ranges)

    def __call__(self, text: str) -> str:
        return text.translate(self._signs) if self._found.search(text) else text


def _literal(code: int) -> str:
    return f"\\U{code:08x}"


_EXACT = _Escaper((*ALWAYS, *JOINERS, *BLANKS))
_QUOTED = _Escaper((*ALWAYS, *JOINERS, *BLANKS, *SPACES, (0x09, 0x09)))
_PRINTED = _Escaper((*ALWAYS, *JOINERS))
_PROSE = _Escaper(ALWAYS)


def exact(text: str) -> str:
    """Make every character visible and delete none; keeps tab and newline, a carriage return becomes `␍`."""
    return _EXACT(text)


def strict(text: str) -> str:
    """As `exact`, but also make tabs and unusual spaces visible. For the text of a question."""
    return _QUOTED(text)


def printed(text: str) -> str:
    """Filter a program's output: without colours; a carriage return ends a line."""
    return _PRINTED(_lines(text))


def clean(text: str) -> str:
    """Filter prose: without colours; keeps joiners and direction marks."""
    return _PROSE(_lines(text))


def _lines(text: str) -> str:
    if "\x1b" in text or "\x9b" in text:
        text = CSI.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
