"""The encoding of a text that is not UTF-8, inferred from its bytes: East Asian, Cyrillic or Western."""

from __future__ import annotations

import re

_HIGH = re.compile(rb"[\x80-\xff]")
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")
_WORD = re.compile(rb"[\x80-\xff]{3,}")
_LETTERS = re.compile(rb"(?<=[A-Za-z])[\x80-\x9f](?=[A-Za-z])")  # letters in DOS's code pages, quotes in Windows's
_BESIDE = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]|[\x80-\xff](?=[A-Za-z])")
_KANA = re.compile("[\u3041-\u30ff]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_LOWER = re.compile("[\u0430-\u044f\u0451]")
_ENOUGH = 0.6  # of the characters are common ones of their language, or the encoding is another
_FEW = 6  # bytes or characters, of which nothing is inferred
_ASIAN = 0.9  # of the bytes above 127 are in runs, as in a text without spaces in its words


def legacy_encoding(data: bytes) -> str:
    """The likeliest encoding of whole lines with bytes above 127; "utf-8" if they are not letters in any."""
    text = b"\n".join(line for line in data.splitlines() if _HIGH.search(line))
    return _east_asian(text) or _cyrillic(text) or _western(text)


def _east_asian(text: bytes) -> str | None:
    for name in ("cp932", "euc_jp"):
        decoded = _decoded(text, name)
        characters = [letter for letter in decoded if letter > "\x7f"]
        kana, half = len(_KANA.findall(decoded)), len(_HALF_KANA.findall(decoded))
        if characters and kana >= 0.2 * len(characters) and half <= 0.1 * len(characters):
            return name
    pairs = [pair for run in re.findall(rb"[\x80-\xff][\x40-\xff]*", text) for pair in _PAIR.findall(run)]
    if len(pairs) < _FEW or sum(map(len, pairs)) < _ASIAN * len(_HIGH.findall(text)):
        return None
    # The first bytes of the characters that are in common use.
    shares = {
        "cp949": _share(pairs, 0xB0, 0xC8, 0xA1),
        "gb18030": _share(pairs, 0xB0, 0xD7, 0xA1),
        "big5": _share(pairs, 0xA4, 0xC6, 0x40),
    }
    if shares["cp949"] >= 0.97 and _decoded(text, "cp949"):
        return "cp949"
    fitting = [name for name in ("gb18030", "big5") if shares[name] >= _ENOUGH and _decoded(text, name)]
    return max(fitting, key=lambda name: shares[name], default=None)


def _share(pairs: list[bytes], first: int, last: int, trail: int) -> float:
    return sum(1 for pair in pairs if first <= pair[0] <= last and pair[1] >= trail) / len(pairs)


def _cyrillic(text: bytes) -> str | None:
    in_words = sum(map(len, _WORD.findall(text)))
    if in_words < max(_FEW, _ENOUGH * len(_HIGH.findall(text))):
        return None
    lower = {name: len(_LOWER.findall(_decoded(text, name))) for name in ("cp1251", "koi8_r", "cp866")}
    best = max(lower, key=lambda name: lower[name])
    return best if lower[best] >= _ENOUGH * in_words else None


def _western(text: bytes) -> str:
    if 2 * len(_BESIDE.findall(text)) < len(_HIGH.findall(text)):
        return "utf-8"
    control = len(re.findall(rb"[\x80-\x9f]", text))
    if control and 2 * len(_LETTERS.findall(text)) >= control:
        return "cp850"
    return "cp1252" if _decoded(text, "cp1252") else "latin_1"


def _decoded(text: bytes, name: str) -> str:
    """The text, "" if the bytes are invalid in this encoding."""
    try:
        return text.decode(name)
    except UnicodeDecodeError:
        return ""
