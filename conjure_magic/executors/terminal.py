"""Bytes of a terminal program as plain text: UTF-8, no escape sequences, nothing invisible that misleads.

`PlainText` takes a stream in pieces split anywhere; `visible` shows what is in a text as it stands.
Sequences as ECMA-48 has them (CSI, OSC, DCS, SOS, PM, APC, two-character escapes), 7-bit and 8-bit.
"""

from __future__ import annotations

import codecs
import re

STRING_LIMIT = 4096
"""Characters of an OSC or DCS string that may be swallowed; a longer one is taken for binary data and shown."""

_BODY = rf"[^\x07\x18\x1a\x1b\x9c]{{0,{STRING_LIMIT}}}"
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]){_BODY}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,8}[0-~]"
)
_UNFINISHED = re.compile(
    rf"(?:\x1b(?:\[[0-?]{{0,64}}[ -/]{{0,8}}|[\]PX^_]{_BODY}\x1b?|[ -/]{{0,8}})"
    rf"|\x9b[0-?]{{0,64}}[ -/]{{0,8}}|[\x90\x98\x9d-\x9f]{_BODY}\x1b?|\r)\Z"
)
_OVERSTRUCK = re.compile(r"[^\n\r\x08]\x08")

_PLAIN_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\n")
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TAGS = range(0xE0000, 0xE0080)
_VISIBLE: dict[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(32) if code not in b"\t\n\r"},
    127: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000)), "\ufffd"),
    **{code: f"⟨U+{code:04X}⟩" for code in (*_BIDI, *_TAGS)},
}
_PRINTED = {**_VISIBLE, 7: None, 8: None, 11: "\n", 12: "\n"}
_SPECIAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]")


def visible(text: str) -> str:
    """The text with control characters, bidi overrides and invisible tags replaced by signs that show them.

    Tab, newline and carriage return stay. For text that is data, such as a file's content or its name.
    """
    return text.translate(_VISIBLE) if _SPECIAL.search(text) else text


class PlainText:
    """Decodes one stream. Line ends become newlines; a carriage return within a line stays one."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes) -> str:
        """The text of some more bytes; what may be the beginning of a sequence waits for the next."""
        fresh = not self._held and not self._decoder.getstate()[0]
        if fresh and data.isascii() and len(data.translate(None, _PLAIN_CONTROLS)) == len(data):
            return data.decode("ascii")
        return self._clean(self._held + self._decoder.decode(data))

    def end(self) -> str:
        """The text of what still waited."""
        return self._clean(self._held + self._decoder.decode(b"", final=True), final=True)

    def _clean(self, text: str, final: bool = False) -> str:
        self._held = ""
        if not _SPECIAL.search(text):
            return text
        unfinished = None if final else _UNFINISHED.search(text)
        if unfinished:
            text, self._held = text[: unfinished.start()], unfinished[0]
        text = _SEQUENCE.sub("", text)
        for _ in range(64):
            if "\x08" not in text:
                break
            text = _OVERSTRUCK.sub("", text)
        return re.sub(r"\r+", "\r", re.sub(r"\r+\n", "\n", text)).translate(_PRINTED)
