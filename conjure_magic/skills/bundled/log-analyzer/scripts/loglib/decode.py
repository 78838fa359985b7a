"""The encoding of a log, inferred from its bytes; bytes that are not text are refused."""

from __future__ import annotations

import re

from loglib import charset

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"),
)  # fmt: skip
_PADDING = re.compile(rb"\x00{8,}")  # what a crash leaves in a file, or a truncated one
_CONTROL = bytes({*range(32), 127} - {7, 8, 9, 10, 11, 12, 13, 27})
_MOST_CONTROL = 0.03  # of a text's bytes; of bytes at random it is a tenth
_WIDE = 0.15  # of a text in two bytes a character, those that are zero in one of the two places


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text that begins with `head`, None where it is no text."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    wide = _wide_encoding(head)
    if wide:
        return wide
    text = _PADDING.sub(b"", head)
    control = sum(map(text.count, (bytes([byte]) for byte in _CONTROL)))
    if control > _MOST_CONTROL * len(text):
        return None
    return "utf-8" if _is_utf8(text) else charset.legacy_encoding(text[: text.rfind(b"\n") + 1] or text)


def _is_utf8(text: bytes) -> bool:
    """Whether bytes above 127 are UTF-8, but for a few that are damaged."""
    if text.isascii():
        return True
    decoded = text[: max(len(text) - 3, 1)].decode("utf-8", "replace")
    broken = decoded.count("\ufffd")
    return broken <= 1 or broken <= sum(1 for letter in decoded if letter > "\x7f" and letter != "\ufffd")


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, by where the zero bytes are."""
    even = head[: len(head) // 4 * 4]
    if len(even) < 8 or _PADDING.match(even):
        return None
    zeros = [even[place::4].count(0) / (len(even) / 4) for place in range(4)]
    for name, filled in (("utf-32-le", (0,)), ("utf-32-be", (3,)), ("utf-16-le", (0, 2)), ("utf-16-be", (1, 3))):
        empty = [zeros[place] for place in range(4) if place not in filled]
        if min(empty) > _WIDE and max(zeros[place] for place in filled) < 0.02 and _decodes(even, name):
            if name.startswith("utf-32") and min(empty[-2:] if filled == (0,) else empty[:2]) < 0.9:
                continue
            return name
    return None


def _decodes(data: bytes, name: str) -> bool:
    text = data.decode(name, "replace")
    strange = sum(1 for character in text if not character.isprintable() and character not in "\r\n\t\x1b\ufeff")
    return strange <= _MOST_CONTROL * len(text)


def line_end(head: bytes, encoding: str) -> str:
    """What ends a line: old files have a carriage return alone."""
    text = head.decode(encoding, "replace")
    return "\r" if "\n" not in text and text.count("\r") > 1 else "\n"
