"""Masks the values inside one word: a pure function of the word, so that it can be remembered."""

from __future__ import annotations

import re

VALUE = "<*>"
# Structure that separates values inside one word, as in key=1,(2);"3".
_SEGMENT = re.compile(r"[^=,;()\[\]{}\"'<>|`]+")
_RUN = re.compile(r"[A-Za-z0-9]*\d[A-Za-z0-9]*")
# A name and its number: the name stays. Letters in any case side by side are no name.
_NUMBERED = re.compile(r"([a-z]{3,}|[A-Z]{3,}|(?:[a-z]{2,})?(?:[A-Z][a-z]{2,})+)\d+\Z")
_HEX_LETTERS = re.compile(r"[a-fA-F]+\Z")
_HEXWORD = re.compile(r"(?:0[xX])[0-9a-fA-F]+\Z|[0-9a-f]{7,}\Z|[0-9A-F]{7,}\Z")
_PATH = re.compile(r"(?:[A-Za-z][\w+.-]*:)?//?[\w.~%$*@-]|\.{0,2}/[\w.~%$*-]|[A-Za-z]:[\\/]|\\+[\w.?]|~/|.*\\\w+\\")
_URL = re.compile(r"[A-Za-z][\w+.-]*://")
_QUERY = re.compile(r"(?:[A-Za-z][\w+.-]*:/)?/[^\s\"'<>?]*\?[^\s\"'<>]*")
# Hexadecimal groups between colons: hardware and IPv6 addresses, two colons or more.
_COLONS = re.compile(r"(?<![\w:.])(?=[:0-9a-fA-F]*[0-9a-fA-F])(?:[0-9a-fA-F]{0,4}:){2,}[0-9a-fA-F]{0,4}(?![\w:])")
# What most words with a value are: a number, or key=number, with marks around.
_SIMPLE = re.compile(r"([A-Za-z_.]*=|[(\[]?)[-+]?\d+(?:[.:/_-]\d+)*%?([.,;:)\]]*)\Z")
_CHAIN = re.compile(r"<\*>(?::(?:<\*>|[A-Za-z]{1,2}(?=:<)))+")
# A host name with dots and its port: one value, as an address and its port are.
_HOST_PORT = re.compile(r"[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){1,8}:\d{1,5}\Z")
# Acronyms whose digit tells two things apart, not two of one thing.
_ACRONYM = re.compile(r"(?:IP[vV]|(?i:sha|md|utf|tlsv|sslv|nfsv|http)-?)\d{1,3}\Z")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+\Z")


class WordMemo(dict[str, str]):
    """word -> masked word, filled on demand and emptied when it grows too large to keep."""

    limit = 60_000

    def __missing__(self, word: str) -> str:
        if len(self) > self.limit:
            self.clear()
        masked = self[word] = mask_word(word)
        return masked


def mask_word(word: str) -> str:
    """The word with its values written as `<*>`."""
    if word.isalpha():
        return VALUE if len(word) > 6 and _HEXWORD.match(word) else word
    simple = _SIMPLE.match(word)
    if simple:
        return f"{simple[1]}{VALUE}{simple[2]}"
    if word.count(":") > 1:
        word = _COLONS.sub(VALUE, word)
    if "?" in word and "/" in word:
        word = _QUERY.sub(VALUE, word)
    return _SEGMENT.sub(_mask_segment, word)


def _mask_segment(match: re.Match[str]) -> str:
    text = match[0]
    if text.isalpha():
        return VALUE if len(text) > 6 and _HEXWORD.match(text) else text
    tail = ""
    while text and text[-1] in ".:!?":
        tail = text[-1] + tail
        text = text[:-1]
    return _mask_core(text) + tail


def _mask_core(text: str) -> str:
    if ("/" in text or "\\" in text) and (_URL.match(text) or _PATH.match(text)):
        return VALUE
    if "@" in text and _MAIL.match(text):
        return VALUE
    if ":" in text:
        return VALUE if "." in text and _HOST_PORT.match(text) else _mask_parts(text)
    return _mask_runs(text)


def _mask_parts(text: str) -> str:
    """Mask between colons; a plain word among values stays, values side by side become one."""
    parts = [part if part.isalpha() and len(part) > 2 else _mask_runs(part) for part in text.split(":")]
    return _CHAIN.sub(VALUE, ":".join(parts))


def _mask_runs(text: str) -> str:
    if "/" in text and _PATH.match(text):
        return VALUE
    runs = list(_RUN.finditer(text))
    if not runs:
        return VALUE if _HEXWORD.match(text) else text
    if len(runs) == 1 and _ACRONYM.match(text):
        return text
    start, end = runs[0].start(), runs[-1].end()
    named = _NUMBERED.match(runs[0][0])
    if named and not _HEX_LETTERS.match(named[1]):
        start += len(named[1])
    elif start and text[start - 1] in "-+#$~%*:@&" and (start == 1 or text[start - 2] in "_:/"):
        start -= 1
    if end == len(text) - 1 and text[-1] in "%+*":
        end += 1
    return text[:start] + VALUE + text[end:]
