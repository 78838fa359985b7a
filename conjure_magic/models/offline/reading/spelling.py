"""Misspelt words of a request, taken for the known word that they are closest to."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache

from conjure_magic.models.offline.reading import lexicon

CLOSENESS = 0.84
"""How alike, from 0 to 1, a word must be to a known one to be taken for it."""
SHORTEST = 5
"""Letters that a word must have to be taken for another one."""
_SHORT = {
    "hwo": "how",
    "mnay": "many",
    "teh": "the",
    "pre": "per",
    "whcih": "which",
    "wich": "which",
    "tpo": "top",
    "minut": "minute",
    "eror": "error",
    "avrage": "average",
}
_TARGETS = tuple(
    sorted(
        {
            *(word for word in (*lexicon.LEVELS, *lexicon.UNITS, *lexicon.SOURCES) if len(word) >= SHORTEST - 1),
            *[
                "count",
                "lines",
                "entries",
                "requests",
                "average",
                "median",
                "percentile",
                "highest",
                "lowest",
                "longest",
                "shortest",
                "slowest",
                "fastest",
                "largest",
                "smallest",
                "maximum",
                "minimum",
                "between",
                "before",
                "after",
                "first",
                "chart",
                "graph",
                "summary",
                "summarise",
                "summarize",
                "convert",
                "distinct",
                "different",
                "unique",
                "frequent",
                "common",
                "compare",
                "status",
                "draw",
                "plot",
                "histogram",
                "level",
                "levels",
                "address",
                "addresses",
                "distribution",
                "percentage",
                "minute",
            ],
        }
    )
)


def corrected(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text with likely misspellings replaced, and the pairs (as written, as read)."""
    changes: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        word = match[0]
        better = _SHORT.get(word.lower()) or _closest(word.lower())
        if better is None:
            return word
        changes[word] = better
        return better

    new = re.sub(
        r"(?<![\w.\-/='\"`])[a-z]{3,20}(?![\w.\-/='\"`(])|(?<![\w.\-/='\"`])[a-z]{3,20}(?=[.,?!]*(?:\s|$))",
        replace,
        text,
    )
    return new, tuple(changes.items())


@lru_cache(maxsize=4096)
def _closest(word: str) -> str | None:
    if len(word) < SHORTEST or word in _TARGETS or word in lexicon.FILLER or word in lexicon.UNANSWERABLE:
        return None
    if _PLAIN_FORMS.match(word):
        return None
    near = difflib.get_close_matches(word, _TARGETS, 1, CLOSENESS)
    fits = (
        near and near[0][0] == word[0] and near[0].rstrip("s") != word.rstrip("s") and abs(len(near[0]) - len(word)) < 3
    )
    return near[0] if fits and not _inflected(word, near[0]) else None


def _inflected(word: str, known: str) -> bool:
    """True for another form of a known word: "counted", "charting"."""
    return word.startswith(known.rstrip("se")) or known.startswith(word)


_PLAIN_FORMS = re.compile(
    r"(?:count|request|chart|graph|error|plot|draw|averag|minut|convers|compar|entri|linear|second)(?:ed|ing|s|e|es)?$|"
    r"(?:warned|warming|statute|states?|statuses|addressed|entire|counters?|country|countries|letters?|lines?|links?|"
    r"leads?)$"
)
