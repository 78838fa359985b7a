"""Noun phrases of a request: the words for the value that is asked for."""

from __future__ import annotations

import re

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.spans import WORD, Unread

NUMBER = rf"(?:\d+|{'|'.join(lexicon.NUMBERS)})"
UNIT = "|".join(sorted(lexicon.UNITS, key=len, reverse=True))
NOUN = "|".join(lexicon.LINE_NOUNS)
_PREPOSITIONS = [
    "in",
    "of",
    "for",
    "on",
    "at",
    "from",
    "by",
    "per",
    "with",
    "within",
    "during",
    "between",
    "before",
    "after",
    "since",
    "until",
    "and",
    "or",
    "to",
    "that",
    "which",
    "who",
    "did",
    "does",
    "do",
    "is",
    "are",
    "was",
    "were",
    "has",
    "have",
    "had",
    "than",
    "under",
    "over",
    "across",
    "among",
    "according",
    "into",
    "as",
    "if",
    "when",
    "while",
    "where",
    "how",
    "what",
]
_STOP = frozenset(_PREPOSITIONS)
_NOT_NOUNS = frozenset(
    [
        "put",
        "got",
        "could",
        "no",
        "something",
        "anything",
        "get",
        "not",
        "can",
        "will",
        "would",
        "be",
        "been",
        "spawn",
        "come",
        "most",
        "more",
        "them",
        "it",
    ]
)
_VERBS = frozenset(
    [
        "wrote",
        "write",
        "writes",
        "written",
        "sent",
        "send",
        "sends",
        "logged",
        "log",
        "logs",
        "caused",
        "cause",
        "got",
        "get",
        "gets",
        "has",
        "have",
        "had",
        "occur",
        "occurs",
        "occurred",
        "appear",
        "appears",
        "appeared",
        "exist",
        "exists",
        "come",
        "came",
        "there",
        "are",
        "is",
        "was",
        "were",
        "did",
        "do",
        "does",
        "make",
        "made",
        "show",
        "shown",
        "mentioned",
        "mention",
        "report",
        "reported",
        "cover",
        "covers",
        "covered",
        "produced",
        "produce",
        "received",
        "receive",
        "in",
    ]
)


def take_phrase(unread: Unread, start: int, *, stop_at_verbs: bool = False) -> tuple[str, ...]:
    """The noun phrase that begins at a position, marked as read: "client addresses"."""
    words: list[str] = []
    last, begun = start, False
    for match in WORD.finditer(unread.text, start):
        between = unread.text[last : match.start()]
        word = match[0].lower().removesuffix("'s")
        if re.search(r"[,;:?!()]|\s[-–—]|\.\s", between) or (
            begun and len(between.strip(" ")) == 0 and len(between) > 14
        ):
            break
        if word in ("the", "a", "an", "all", "of") and not begun:
            last = match.end()
            continue
        if (
            word in _STOP
            or (begun and word in _VERBS)
            or word in ("most", "often", "the", "a", "each")
            or word in lexicon.UNANSWERABLE
        ):
            break
        if begun and (word.endswith("ed") or word in _NOT_NOUNS):
            break
        begun = True
        if word in lexicon.NUMBERS and not words:
            last = match.end()
            continue
        words.append((match[0] if not match[0].istitle() else word).rstrip("="))
        unread.blank(*match.span())
        last = match.end()
        if len(words) == 4:
            break
    kept = [
        word
        for word in words
        if word.lower() not in ("different", "distinct", "unique", "respective", "single", "individual")
    ]
    return tuple(kept)


def take_which(unread: Unread) -> tuple[str, ...]:
    """The phrase after "which" or "what"."""
    match = unread.take(r"\b(?:from |to |by |in |on |for )?(?:which|what)\b")
    if match is None:
        who = unread.take(r"\bwho\b")
        return meant_by_who(unread) if who is not None else ()
    return take_phrase(unread, match.end())


def meant_by_who(unread: Unread) -> tuple[str, ...]:
    """What "who" stands for: a component if it wrote lines, else someone whom a field has to name."""
    wrote = re.search(
        r"\b(?:wrote|writes?|logs|logged|complain(?:s|ed)?|report(?:s|ed))\b", unread.whole, re.IGNORECASE
    )
    return ("component",) if wrote is not None else ("who",)


def take_front_phrase(unread: Unread) -> tuple[str, ...]:
    """The phrase with which what is left begins, its last word first of all: "http status", "levels"."""
    first = next((word for word in unread.words() if word[0].lower() not in _STOP), None)
    return take_phrase(unread, first.start()) if first is not None else ()


def take_back_phrase(unread: Unread, end: int) -> tuple[str, ...]:
    """The noun phrase that ends at a position."""
    words: list[re.Match[str]] = []
    for match in reversed(list(WORD.finditer(unread.text[:end]))):
        after = unread.text[match.end() : words[-1].start() if words else end]
        if (
            match[0].lower() in _STOP
            or match[0].lower() in ("the", "a")
            or re.search(r"[,;:–—-]", after)
            or len(words) == 3
        ):
            break
        words.append(match)
    for match in words:
        unread.blank(*match.span())
    return tuple(match[0].lower() for match in reversed(words) if match[0].lower() not in lexicon.NUMBERS)


def is_plural(value: tuple[str, ...]) -> bool:
    return bool(value) and value[-1].lower().endswith("s") and not value[-1].lower().endswith(("ss", "us"))


def integer(text: str | None) -> int:
    word = (text or "").strip().lower()
    return int(word) if word.isdigit() else lexicon.NUMBERS.get(word, 10)
