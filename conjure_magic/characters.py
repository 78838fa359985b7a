"""Characters that are not seen, or that act on a terminal or on the order of the text, and the signs that show them.

Text of a model, a tool, a file name or a skill passes one of three doors, each a single linear pass:

- `exact`: every character is shown and none deleted. For what a user approves or what is a record of it (questions,
  tool inputs, names, file contents).
- `printed`: for what a program printed. Colours go; variation selectors and the blanks of plots stay.
- `clean`: prose. As `printed`, and joiners and direction marks stay as well, which scripts and emoji need.

No door lets through a character that a terminal obeys, or one that reorders what is read.
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
"""Not seen, and needed by some scripts and emoji."""
BLANKS: Ranges = (
    *((0x180B, 0x180F), (0x2800, 0x2800), (0xFE00, 0xFE0F), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0080, 0xE0FFF)),
)
"""Not seen, and common in what programs print: variation selectors, the empty cell of a plot in braille."""
SPACES: Ranges = (
    *((0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
"""Seen as a blank, and no blank for a shell."""

ALWAYS = (*CONTROLS, *REORDERING, *TAGS, *SURROGATES)
CSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}+[ -/]{0,8}+[@-~]")
"""Colours and cursor movement (ECMA-48, 5.4): nothing that says anything."""


def sign(code: int) -> str:
    """What stands for a character that is not seen: `␛`, `‹U+202E›`."""
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"‹U+{code:04X}›"


def signs(ranges: Iterable[tuple[int, int]]) -> dict[int, str]:
    """The sign of each character in some ranges, for `str.translate`."""
    return {code: sign(code) for first, last in ranges for code in range(first, last + 1)}


class Shown:
    """Shows the characters of some ranges by their signs; quick where there are none."""

    def __init__(self, ranges: Ranges) -> None:
        self._found = re.compile(f"[{''.join(f'{_literal(first)}-{_literal(last)}' for first, last in ranges)}]")
        self._signs: Mapping[int, str] = signs(ranges)

    def __call__(self, text: str) -> str:
        return text.translate(self._signs) if self._found.search(text) else text


def _literal(code: int) -> str:
    return f"\\U{code:08x}"


_EXACT = Shown((*ALWAYS, *JOINERS, *BLANKS))
_QUOTED = Shown((*ALWAYS, *JOINERS, *BLANKS, *SPACES, (0x09, 0x09)))
_PRINTED = Shown((*ALWAYS, *JOINERS))
_PROSE = Shown(ALWAYS)


def exact(text: str) -> str:
    """Every character shown, none deleted; tab and newline stay, a carriage return is `␍`."""
    return _EXACT(text)


def strict(text: str) -> str:
    """As `exact`, with tabs and unusual blanks shown as well: for the text of a question."""
    return _QUOTED(text)


def printed(text: str) -> str:
    """What a program printed, without colours; a carriage return ends a line."""
    return _PRINTED(_lines(text))


def clean(text: str) -> str:
    """Prose, without colours; joiners and direction marks stay."""
    return _PROSE(_lines(text))


def _lines(text: str) -> str:
    if "\x1b" in text or "\x9b" in text:
        text = CSI.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
