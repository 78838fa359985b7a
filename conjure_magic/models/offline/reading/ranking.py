"""The most and the least: rankings of values and of units of time, and the largest and smallest number."""

from __future__ import annotations

import re
from dataclasses import replace

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.phrases import (
    NUMBER,
    UNIT,
    integer,
    is_plural,
    meant_by_who,
    take_back_phrase,
    take_phrase,
    take_which,
)
from conjure_magic.models.offline.reading.spans import Unread
from conjure_magic.models.offline.reading.value import Ask, Reading

_MOST = r"(?:most(?:ly)?|biggest|largest|highest|greatest|maximum|max|worst|busiest|commonest|top|loudest|noisiest)"
_LEAST = r"(?:fewest|least|rarest|quietest|smallest|lowest|minimum|min)"
_MAXIMUM = r"(?:longest|slowest|highest|largest|biggest|greatest|maximum|maximal|max|peak)"
_MINIMUM = r"(?:lowest|smallest|shortest|fastest|quickest|minimum|minimal|min|least)"


def read_rank(unread: Unread, reading: Reading) -> Reading | None:
    """Rankings of values and of units of time: "top 3 hosts", "busiest minute", "which component has most errors"."""
    for rule in (_of_units, _which_has_most, _of_values, _with_most):
        found = rule(unread, reading)
        if found is not None:
            return found
    return None


def _of_units(unread: Unread, reading: Reading) -> Reading | None:
    """ "Busiest minute", "which 3 hours had the fewest lines"."""
    unit = (
        unread.take(
            rf"\b(?P<n>{NUMBER}\s+)?(?P<adj>{_MOST}|{_LEAST})\s+(?P<n2>{NUMBER}\s+)?(?P<unit>{UNIT})\b(?!\s*(?:value|to\b)"
            rf")(?:\s+for\b)?"
        )
        or unread.take(
            rf"\b(?:which|what|in which|on which|during which|in what|on what)"
            rf"\s+(?P<n>{NUMBER}\s+)?(?P<unit>{UNIT})s?\b(?=.*\b(?P<adj>{_MOST}|{_LEAST})\b)"
        )
        or unread.take(
            rf"\b(?P<unit>{UNIT})s?\s+(?:with|having|has|had|of|that (?:has|had))"
            rf"\s+(?:the\s+)?(?P<adj>{_MOST}|{_LEAST})\b(?:\s+number of)?"
        )
        or unread.take(rf"\btop\s+(?P<n>{NUMBER})?\s*(?P<unit>{UNIT})\b(?P<adj>)")
    )
    if unit is None or not lexicon.UNITS[unit["unit"].lower()]:
        return None
    unread.take_all(rf"\b(?:the\s+)?(?:{_MOST}|{_LEAST})\b(?:\s+(?:number|amount) of)?")
    unread.take_all(r"\b(?:number|how many|how often)\b")
    groups = unit.groupdict()
    written = groups.get("n") or groups.get("n2")
    many = integer(written) if written else 10 if unit["unit"].lower().endswith("s") else 1
    least = re.fullmatch(_LEAST, unit["adj"] or "most", re.IGNORECASE) is not None
    return replace(reading, ask=Ask.RANK, unit=lexicon.UNITS[unit["unit"].lower()], limit=many, least=least)


def _of_values(unread: Unread, reading: Reading) -> Reading | None:
    """ "Top 3 hosts", "the most common messages", "5 rarest components"."""
    top = unread.take(
        rf"\b(?P<n>{NUMBER})\s+(?:most|commonest|busiest|biggest|loudest|worst|top|noisiest|"
        rf"(?P<least>rarest|least|fewest))\b(?:\s+(?:common|frequent|often|frequently|active|tried|"
        rf"used|seen|requested))?"
    ) or unread.take(
        rf"\b(?:the\s+)?(?:top|most (?:common|frequent|often|active|used|tried|popular|seen|"
        rf"affected|requested)|commonest|most frequent(?:ly)?)\s*[- ]?(?P<n>{NUMBER})?\b"
    )
    if top is None or not _nothing_numeric(unread, top.end()):
        return None
    count = integer(top["n"]) if top["n"] else None
    value = take_phrase(unread, top.end()) or reading.value or take_which(unread)
    unread.take_all(rf"\b(?:{_MOST}|most|number of|counts?|how (?:often|many))\b")
    if not set(value) - lexicon.LINE_NOUNS and reading.levels:
        return replace(reading, ask=Ask.LINES, limit=count or 10)
    least = bool("least" in top.re.groupindex and top["least"])
    return replace(reading, ask=Ask.RANK, value=value, limit=count or (10 if is_plural(value) else 1), least=least)


def _with_most(unread: Unread, reading: Reading) -> Reading | None:
    """ "The 3 hosts with the most lines"."""
    with_most = unread.take(
        rf"\b(?:with|having|that (?:has|have|had|wrote|sent|logged))"
        rf"\s+(?:the\s+)?(?P<adj>{_MOST}|{_LEAST})\b(?:\s+number of)?"
    )
    if with_most is None:
        return None
    phrase = take_back_phrase(unread, with_most.start())
    many = integer(phrase[0]) if phrase and phrase[0].isdigit() else 1
    value = phrase[1:] if phrase and phrase[0].isdigit() else phrase
    least = re.fullmatch(_LEAST, with_most["adj"], re.IGNORECASE) is not None
    unread.take_all(r"\bhow (?:often|many)\b|\bnumber\b")
    return replace(reading, ask=Ask.RANK, value=value, limit=many, least=least) if value else None


def _which_has_most(unread: Unread, reading: Reading) -> Reading | None:
    """ "Which component has the most errors", "who wrote the fewest lines"."""
    which = unread.has(rf"\b(?:which|what|whose|who|from which|to which|by which)\b(?=.*\b(?P<adj>{_MOST}|{_LEAST})\b)")
    if which is None or not _counts_lines(unread, which):
        return None
    least = re.fullmatch(_LEAST, which["adj"], re.IGNORECASE) is not None
    number = unread.take(rf"\b(?:which|what)\s+(?P<n>{NUMBER})\b")
    word = unread.take(r"\b(?:from |to |by |in |on |with )?(?:which|what|whose|who)\b")
    start = number.end() if number is not None else word.end() if word is not None else which.end()
    value = meant_by_who(unread) if which[0].lower() == "who" else take_phrase(unread, start)
    unread.take_all(rf"\b(?:the\s+)?(?:{_MOST}|{_LEAST})\b(?:\s+(?:often|frequently|number of|common))?")
    unread.take_all(r"\bhow (?:often|many)\b(?:\s+times)?|\band how (?:often|many)\b")
    return replace(reading, ask=Ask.RANK, value=value, limit=integer(number["n"]) if number else 1, least=least)


def _counts_lines(unread: Unread, which: re.Match[str]) -> bool:
    """True if "which … most" compares how many lines there are, and not how large a number is."""
    after = unread.text[which.end() :].lower()
    adjective = which["adj"].lower()
    if adjective in ("most", "mostly", "fewest", "least", "top"):
        return True
    return re.search(rf"\b{adjective}\s+(?:number|amount|count)\b", after) is not None


def _nothing_numeric(unread: Unread, at: int) -> bool:
    after = unread.text[at:].strip().lower()
    return re.match(r"(?:value of|number of seconds)", after) is None


def read_extreme(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(rf"\b(?P<ext>{_MAXIMUM}|{_MINIMUM})\b")
    if match is None:
        return None
    maximal = re.fullmatch(_MAXIMUM, match["ext"], re.IGNORECASE) is not None
    ask = Ask.MAX if maximal else Ask.MIN
    speed = match["ext"].lower() in ("longest", "slowest", "shortest", "fastest", "quickest")
    value = take_phrase(unread, match.end())
    unread.take_all(r"\b(?:how (?:long|large|big|high|slow|fast|much)|took|take|takes|taken)\b")
    return replace(reading, ask=ask, value=value, number_unit=reading.number_unit or ("seconds" if speed else ""))
