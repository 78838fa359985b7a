"""Rank texts by how well they fit a request: word stems, weighted by how rare they are among the candidates."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

_STOP_WORDS = """
a about above after all also am an and any are as ask asks at be because been before between but by can could did do
does don't done down each else ever every for from get give go had has have he her here his how i if in into
is it its just kind know let like made make many may me might mine more most much must my need no nor not now
of on once one only or other our out over own per please put run same say see she should show so some such
tell than that the their them then there these they thing this those to too up us use used user uses using
very want was we well were what when where which while who whom whose why will with within without work would
yes you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_WEAK_WORDS = "file files folder line lines data text result output print new number code"

_ENDINGS = """
izations ization ations ation ingly ments ment ings ing ions ion ised ized ises izes ise ize ysis yses ysing
yzing ysed yzed yser yzer yse yze ers er ors or ies ied edly ed es ly s e y
"""
_SUFFIXES = tuple(sorted(_ENDINGS.split(), key=len, reverse=True))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The word without its ending, so that "analyse", "analyzing" and "analysis" match.

    A stem keeps at least three letters. Designed for English; words of other languages are barely affected.
    """
    word = word.lower()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls"
    return word[:-1] if doubled else word


def stems(text: str) -> list[str]:
    """The stems of the content words, in order."""
    words = (word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text)))
    return [stem(word) for word in words if word not in STOP_WORDS and (len(word) > 1 or word.isdigit())]


WEAK_STEMS = frozenset(stem(word) for word in _WEAK_WORDS.split())


def rank(query: str, documents: Sequence[tuple[str, str]]) -> list[float]:
    """A score for each document, a pair of title and text; 0 means no match.

    A word counts by its rarity among the documents, and double in a title; words common in texts about files count
    less. Long texts gain nothing by their length.
    """
    wanted = dict.fromkeys(stems(query))
    bags = [(frozenset(stems(title)), frozenset(stems(text))) for title, text in documents]
    spread = Counter(word for title, text in bags for word in title | text)
    rarity = {word: math.log(1 + (len(bags) + 1) / (spread[word] + 0.5)) for word in wanted}
    weight = {word: value * (0.4 if word in WEAK_STEMS else 1.0) for word, value in rarity.items()}
    return [
        sum(weight[word] * (2.0 if word in title else 1.0) for word in wanted if word in title or word in text)
        for title, text in bags
    ]
