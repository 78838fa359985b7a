"""Terminal output as plain text: UTF-8, without escape sequences or misleading invisible characters.

`PlainText` decodes a stream in chunks of any size; `visible` makes the invisible characters of a text visible.
Escape sequences are those of ECMA-48 (CSI, OSC, DCS, SOS, PM, APC, two-character escapes), 7-bit and 8-bit.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

STRING_LIMIT = 4096
"""Maximum characters of an OSC or DCS string that is removed; a longer one is assumed to be binary data and shown."""

# Each pattern starts with one literal or one set, which makes searching fast. The 8-bit forms are rare, and searched
# only if any such character occurs. No body contains the start of a sequence, so that many starts take no more time
# than one, nor a line end, so that no whole line is removed.
_BODY = rf"[^\n\x07\x18\x1a\x1b\x90\x98\x9b-\x9f]{{0,{STRING_LIMIT}}}+"
_CSI = r"[0-?]{0,64}+[ -/]{0,8}+"
_SEQUENCE = re.compile(rf"\x1b(?:\[{_CSI}[@-~]|[\]PX^_]{_BODY}(?:\x07|\x1b\\|\x9c)|[ -/]{{0,8}}[0-~])")
_UNFINISHED = re.compile(rf"\x1b(?:\[{_CSI}|[\]PX^_]{_BODY}\x1b?|[ -/]{{0,8}})\Z")
_C1 = re.compile(r"[\x80-\x9f]")
_SEQUENCE_8BIT = re.compile(rf"[\x90\x98\x9b\x9d-\x9f](?:(?<=\x9b){_CSI}[@-~]|(?<!\x9b){_BODY}(?:\x07|\x1b\\|\x9c))")
_UNFINISHED_8BIT = re.compile(rf"[\x90\x98\x9b\x9d-\x9f](?:(?<=\x9b){_CSI}|(?<!\x9b){_BODY}\x1b?)\Z")
_RETURNS = re.compile(r"\r\r+")

_PLAIN_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\n")
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TAGS = range(0xE0000, 0xE0080)
_CODES = {
    **{code: chr(0x2400 + code) for code in range(32) if code not in b"\t\n\r"},
    127: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000)), "\ufffd"),
    **{code: f"⟨U+{code:04X}⟩" for code in (*_BIDI, *_TAGS)},
}
_PRINTED = {**_CODES, 0x07: "", 0x08: "", 0x0B: "\n", 0x0C: "\n"}
_INVISIBLE = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f"
_CONTROL = re.compile(f"[{_INVISIBLE}]")
_SPECIAL = re.compile(f"[\\r{_INVISIBLE}]")


def visible(text: str) -> str:
    """The text with control characters, bidi overrides and invisible tags replaced by visible symbols.

    Tab, newline and carriage return stay. For text that is data, such as a file's content or name.
    """
    return _shown(text, _CODES)


def _shown(text: str, signs: Mapping[int, str]) -> str:
    return text.translate(signs) if _CONTROL.search(text) else text


def _without_overstrikes(text: str) -> str:
    """The text without the characters that backspaces removed, within a line."""
    kept: list[str] = []
    for character in text:
        if character == "\x08" and kept and kept[-1] not in "\n\r\x08":
            kept.pop()
        else:
            kept.append(character)
    return "".join(kept)


class PlainText:
    """Decodes a stream. Line ends become newlines; a carriage return within a line is kept."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes) -> str:
        """Decode a chunk; a possible start of an escape sequence is held back for the next chunk."""
        fresh = not self._held and not self._decoder.getstate()[0]
        if fresh and data.isascii() and len(data.translate(None, _PLAIN_CONTROLS)) == len(data):
            return data.decode("ascii")
        return self._clean(self._held + self._decoder.decode(data))

    def end(self) -> str:
        """The text that was held back."""
        return self._clean(self._held + self._decoder.decode(b"", final=True), final=True)

    def _clean(self, text: str, final: bool = False) -> str:
        self._held = ""
        if not _SPECIAL.search(text):
            return text
        if not final:
            text = self._hold(text)
        if _C1.search(text):
            text = _SEQUENCE_8BIT.sub("", text)
        text = _SEQUENCE.sub("", text)
        if "\r\r" in text:
            text = _RETURNS.sub("\r", text)
        text = text.replace("\r\n", "\n")
        if text.endswith("\r") and not final:  # perhaps half of a line end
            text, self._held = text[:-1], "\r" + self._held
        if "\x08" in text:
            text = _without_overstrikes(text)
        return _shown(text, _PRINTED)

    def _hold(self, text: str) -> str:
        """The text without a possible start of an escape sequence at its end, which is held back."""
        unfinished = _UNFINISHED.search(text) or (_UNFINISHED_8BIT.search(text) if _C1.search(text) else None)
        if unfinished is None:
            return text
        self._held = unfinished[0]
        return text[: unfinished.start()]
