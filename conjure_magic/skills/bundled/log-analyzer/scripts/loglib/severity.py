"""Finds the column that holds the level: next in all lines, or some words ahead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loglib import levels

ALL = 0.97
_PRIORITIES = 192  # RFC 5424, section 6.2.1: 24 facilities of eight severities
MOST = 0.9
SOME = 0.3
BRACKET = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
PAREN = r"\([^()]*\)"
ATOM = rf'(?:{BRACKET}|{PAREN}|"[^"]*"|\S+?(?=\s|\[|$))'
ATOMS = re.compile(rf"\s*({ATOM}):?")
OPEN, CLOSE = r"[\[({<【\"']?", r"[\])}>】\"']?"
_WORD = rf"(?P<level>(?i:{levels.WORD}))"
_ANY = r"(?P<level>[A-Za-z]{3,13}\d?|[^\x00-\x7f\s]{2,14})"
# A bracket closes a level anywhere; without one it must end where a column ends, or before /thread.
_LEVEL = rf"{OPEN}\s*{_WORD}(?:\s*[\])}}>】]:?|[\"']?:?(?=[\s|,\[]|$)|/(?=\w))"
_BRACKETED = rf"\[\s*(?:{_WORD}|[^\[\]]*?)\s*\]:?"
_LETTER = rf"(?P<level>{levels.LETTER})(?:/|(?=[\s|]|$))"
_KEYED = rf"(?i:level|lvl|severity|levelname)[=:]\s?\"?{_WORD}\"?(?=[\s|,]|$)"
_MODULE = rf"\[(?P<c0>[^\[\]]*?)[:/ ]{_WORD}\]:?"
# As system logs write it: facility.level (RFC 5424, section 6.2.1, by the names of syslog.conf).
_FACILITIES = "auth|authpriv|cron|daemon|ftp|kern|lpr|mail|news|syslog|user|uucp|local[0-7]"
_CHANNEL = rf"(?P<c0>[\w-]+)\.{_WORD}:(?=\s)"  # a logger's channel and its level, as Monolog writes them
_FACILITY = rf"(?:{_FACILITIES})\.{_WORD}(?=\s)"
_BEFORE_LEVEL = re.compile(rf"\A(?:(?:{_FACILITIES})\.|[^\s/]+/)(?=[A-Za-z]{{3,}}\Z)")


_MARK = r"<(?P<pri>\d{1,3})>"
# As switches and firewalls write it: %FACILITY-SEVERITY-MNEMONIC, the severity being syslog's.
_MNEMONIC = r"\s*(?=%[A-Z][A-Z0-9_]*(?:-[A-Z][A-Z0-9_]*)*-(?P<pri>[0-7])-[A-Z0-9_]+:)"


def level_here(left: Sequence[str]) -> str | None:
    """The pattern of a level that stands next, if the column can be believed to be one."""
    marks = [match["pri"] for text in left if (match := re.match(r"\s*" + _MARK, text))]
    if len(marks) >= ALL * len(left) and all(int(mark) < _PRIORITIES for mark in marks):
        return rf"\s*{_MARK}"
    if share(_MNEMONIC, left) >= MOST:
        return _MNEMONIC
    for source in (_LEVEL, _MODULE, _KEYED, _FACILITY, _CHANNEL):
        # Looked for as any word first: the list of all spellings is long, and compiled only if it is needed.
        regex = re.compile(r"\s*" + source.replace(_WORD, _ANY))
        matches = [match for text in left if (match := regex.match(text))]
        found = [match["level"] for match in matches if levels.canonical(match["level"])]
        if not any(levels.is_strong(word) or word.isupper() for word in found):
            continue
        part = len(found) / len(left)
        if part >= MOST and (_believable(found, strict=False) or _announced(matches)):
            own = source is _LEVEL and part < 1 and share(r"\s*" + BRACKET, left) >= ALL
            return r"\s*" + (_BRACKETED if own else source)
        if part >= SOME and source is not _KEYED and _believable(found, strict=True):
            return r"\s*" + source
    letter = re.compile(r"\s*" + _LETTER)
    letters = [match["level"] for text in left if (match := letter.match(text))]
    if len(letters) < ALL * len(left):
        return None
    # One and the same letter everywhere may be a mark of another kind, if a level stands behind it.
    return letter.pattern if len(set(letters)) > 1 or level_ahead(left) is None else None


def _believable(found: Sequence[str], *, strict: bool) -> bool:
    kinds = {levels.canonical(word) for word in found}
    if strict:
        upper = sum(1 for word in found if word.isupper())
        return len(kinds) >= 2 and upper >= ALL * len(found) and any(map(levels.is_strong, found))
    return any(map(levels.is_strong, found))


def _announced(matches: Sequence[re.Match[str]]) -> bool:
    """Whether each is a word in capitals with a colon: a level even if the word alone would be too common."""
    return all(match["level"].isupper() and match[0].endswith(":") for match in matches)


def level_ahead(left: Sequence[str]) -> int | None:
    """Index of the atom that is a level in nearly all lines, None if there is none."""
    probe = left[:: max(len(left) // 300, 1)]
    rows = [[_bare(atom) for atom in ATOMS.findall(text[:200])[:10]] for text in probe]
    for place in range(1, 9):
        words = [row[place] for row in rows if len(row) > place]
        letters = [word for word in words if re.fullmatch(levels.LETTER, word)]
        behind_numbers = all(atom.isdigit() for row in rows for atom in row[:place])
        if len(letters) >= ALL * len(rows) and (behind_numbers or 1 < len(set(letters)) < len(rows) / 3):
            return place
        hits = [word for word in words if levels.canonical(word) and len(word) > 1]
        if len(hits) < MOST * len(rows):
            continue
        varied = len({levels.canonical(word) for word in hits}) > 1
        if (varied or all(word.isupper() for word in hits)) and any(map(levels.is_strong, hits)):
            return place
    return None


def _bare(atom: str) -> str:
    """An atom without brackets, and without the facility or the thread before its level."""
    bare = atom.strip("[]<>():")
    level = _BEFORE_LEVEL.sub("", bare)
    return bare if level == bare else level.upper()


def share(source: str, texts: Sequence[str]) -> float:
    """Part of the texts that a pattern fits, 0 to 1."""
    regex = re.compile(source)
    return sum(1 for text in texts if regex.match(text)) / (len(texts) or 1)
