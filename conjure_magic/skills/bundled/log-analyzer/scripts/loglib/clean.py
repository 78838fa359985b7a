"""What is taken off a line before it is read: colours, zero bytes, marks that are not seen. The raw line keeps them."""

from __future__ import annotations

import re

# An escape as a terminal gets it, or as a log writes it where it may not stand as it is.
_ESCAPE = re.compile(
    r"(?:\x1b|\^\[|#033|\\x1[bB]|\\033|\\u001[bB]|\\e|\u241b)\[[0-9;:?]*[A-Za-z]"
    r"|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|\x1b\([A-Z0-9]|\x1b[=>@-Z\\^_]|\x9b[0-9;]*[A-Za-z]"
)
_BARE = re.compile(r"\[(?:\d{1,3}(?:;\d{1,3}){0,4})?m")  # where the escape itself was lost
_MARKS = re.compile("[\ufeff\u200b\u200e\u200f\u2060\u202a-\u202e\u2066-\u2069]")


def clean(line: str) -> str:
    """The line without colours, zero bytes and marks that are not seen."""
    if "\0" in line:
        line = line.replace("\0", "")
    if "\x1b" in line or "[0m" in line or "[m" in line:
        line = _ESCAPE.sub("", line)
        if "[0m" in line:
            line = _BARE.sub("", line)
    if not line.isascii():
        line = _MARKS.sub("", line)
    return line
