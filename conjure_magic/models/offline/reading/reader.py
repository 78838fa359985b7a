"""Text to readings: cues are taken from the text one by one, the words that are left are the topic."""

from __future__ import annotations

import re
from dataclasses import replace

from conjure_magic.models.offline.reading import clauses, lexicon
from conjure_magic.models.offline.reading.asks import read_ask
from conjure_magic.models.offline.reading.scope import read_scope
from conjure_magic.models.offline.reading.spans import Unread
from conjure_magic.models.offline.reading.spelling import corrected
from conjure_magic.models.offline.reading.value import Ask, Reading

MAX_TEXT = 2_000
"""Characters of a request that are read."""


def read_request(text: str) -> tuple[Reading, ...]:
    """The readings of a request, one for each thing that it asks for; never empty."""
    whole = _spelled_out(" ".join(text[:MAX_TEXT].split()))
    fixed, changes = corrected(whole)
    parts = clauses.split(fixed)
    readings: list[Reading] = []
    for part in parts:
        reading = replace(read_clause(part.text), corrected=tuple(c for c in changes if c[1] in part.text))
        if readings and clauses.only_saves(reading):
            readings[-1] = replace(readings[-1], saves=(*readings[-1].saves, *reading.saves))
            continue
        readings.append(clauses.inherit(reading, readings, refers=part.refers))
    return clauses.share_files(readings or [Reading(text=whole)])


_SHORT_FORMS = (
    (r"\b(what|who|where|when|how|that|there)[’']s\b", r"\1 is"),
    (r"\b(?:nr|no|num)\. of\b", "number of"),
    (r"\bbreak (?:\w+ ){0,4}?down (?:\w+ ){0,3}?by\b", "count by"),
    (r"\bbreak\b(.{0,60})\bdown by\b", r"count\1by"),
    (r"\b(?:p/|/)(second|minute|hour|day)\b", r"per \1"),
)
"""Short forms and turns of phrase, with what they stand for."""


def _spelled_out(text: str) -> str:
    for short, long in _SHORT_FORMS:
        text = re.sub(short, long, text, flags=re.IGNORECASE)
    return text


def read_clause(text: str) -> Reading:
    """The reading of one clause."""
    unread = Unread(text)
    reading = read_scope(unread)
    reading = read_ask(unread, reading)
    return replace(_with_rest(unread, reading), text=text)


def _with_rest(unread: Unread, reading: Reading) -> Reading:
    """The words that are left: names and topic, or not understood."""
    names, topic, unknown = list(reading.names), list(reading.topic), list(reading.unknown)
    value = reading.value
    for match in unread.words():
        word = match[0]
        lower = word.lower().strip("'’").replace("’", "'").removesuffix("'s")
        if lower in lexicon.UNANSWERABLE:
            unknown.append(lower)
        elif lower in lexicon.FILLER or lower in lexicon.LINE_NOUNS or lower in ("s", "t", "x", "vs", "versus"):
            continue
        elif word.endswith("="):
            value = (*value, word[:-1])
        elif _is_name(word):
            names.append(word)
        elif re.fullmatch(r"\d[\d.,]*", word):
            unknown.append(word)
        else:
            topic.append(lower if not word.isupper() or len(word) < 2 else word)
    if reading.quoted:
        topic = [word for word in topic if word not in _OF_QUOTES]
    if reading.codes:
        topic = [word for word in topic if word not in _OF_CODES]
    about = replace(reading, names=_unique(names), topic=_unique(topic))
    if reading.ask is Ask.NONE and about.has_subject and not unknown and _is_listing(unread.whole, reading):
        return replace(about, ask=Ask.LINES, value=value)
    asked = Ask.COUNT if reading.ask is Ask.NONE and _is_count(unread.whole, about) and not unknown else reading.ask
    return replace(
        reading, ask=asked, value=value, names=_unique(names), topic=_unique(topic), unknown=_unique(unknown)
    )


_OF_QUOTES = frozenset(
    ["word", "words", "text", "texts", "string", "strings", "phrase", "phrases", "term", "terms", "pattern", "keyword"]
)
_OF_CODES = frozenset(
    [
        "failed",
        "fail",
        "answered",
        "responded",
        "ended",
        "status",
        "code",
        "codes",
        "error",
        "errors",
        "response",
        "responses",
        "ones",
        "answers",
    ]
)


def _is_listing(text: str, reading: Reading) -> bool:
    """True for the lines themselves: "lines of sshd after 05:00", "jobs slower than 500 ms"."""
    named = re.match(rf"\W*(?:the\s+|all\s+)?(?:{'|'.join(lexicon.LINE_NOUNS)})\b", text, re.IGNORECASE)
    compared = bool(reading.conditions) and re.match(r"\W*(?:only|just|and|the ones|those)\b", text, re.I) is None
    return named is not None or compared


def _is_count(text: str, reading: Reading) -> bool:
    """True for a bare subject that asks how many there are: "expired sessions?"."""
    if re.match(lexicon.YES_NO, text, re.IGNORECASE):
        return False
    question = text.rstrip().endswith("?") or re.search(r"\b(?:are|is|were) there\b", text, re.IGNORECASE) is not None
    return reading.has_subject and (question or bool(reading.levels or reading.quoted or reading.codes))


def _is_name(word: str) -> bool:
    """True for an identifier: letters with dots, underscores, digits or signs inside of it."""
    return re.search(r"[\w)][._:$/=-]\w|\w_|_\w|[A-Za-z]\d|\d[A-Za-z]|[a-z][A-Z]", word) is not None and "'" not in word


def _unique(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
