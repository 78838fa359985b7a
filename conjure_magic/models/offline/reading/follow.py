"""Follow-ups: "and per minute?", "only errors", "same for cart.log", "as csv": the last reading, changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.value import NUMERIC, OF_VALUES, Ask, Reading, Save

_OPENS = re.compile(
    r"\s*(?:ok(?:ay)?,?\s+)?(?:and|now|also|again|same|only|just|but|then|instead|what about|"
    r"how about|per|by|as|in|with|without|the|for|from|"
    r"before|after|since|until|between|draw|plot|chart|graph|save|export|write|next|more|sort|"
    r"one|its|that|those|them|these|no|not|please)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"^\W*(?:ok(?:ay)?,?\s+)?(?:and|now|also|again|same|only|just|but|then|instead|what about|how about|next|more)\b"
    r"|\b(?:those|them|these|of it|its|the same|ones?|instead)\b"
    r"|\bthat\b(?=\s*(?:$|[?.!,]|(?:as|to|in|per|by|over|again)\b))",
    re.IGNORECASE,
)
"""Words that point back at the question before."""
SHORTEST_WHOLE = 4
"""Words of a question that may stand by itself though it only names a value."""
LONGEST = 14
"""Words of a request that may still be a change of the one before."""


def changes_last(text: str, reading: Reading) -> bool:
    """True if a request only makes sense as a change of the one before it."""
    words = text.split()
    if len(words) > LONGEST or reading.urls:
        return False
    opens = _OPENS.match(text) is not None
    if re.match(r"\s*(?:and\s+)?(?:the\s+)?same\b", text, re.IGNORECASE):
        return True
    if reading.files and reading.ask not in (Ask.NONE,) and (reading.has_subject or reading.unit or reading.value):
        return False
    if reading.files and reading.ask is not Ask.NONE and not opens:
        return False
    if points_back(text):
        return True
    if is_whole(text, reading):
        return False
    return opens or reading.ask is not Ask.NONE or reading.has_subject or bool(reading.saves)


def is_whole(text: str, reading: Reading) -> bool:
    """True for a request that makes sense by itself: it says what is asked, and of what."""
    if re.match(lexicon.YES_NO, text, re.IGNORECASE):
        return True
    if reading.ask is Ask.NONE:
        return False
    if reading.has_subject:
        counted = re.match(r"\s*(?:how|count|the number)", text, re.IGNORECASE) is not None
        return reading.ask is not Ask.COUNT or counted
    long = len(text.split()) >= SHORTEST_WHOLE
    return long and bool(reading.value) and reading.ask in (*NUMERIC, *OF_VALUES)


def points_back(text: str) -> bool:
    """True if a word of a request points back at the one before."""
    return _POINTS.search(text) is not None


def leads_on(text: str) -> bool:
    """True if a request begins as a continuation of the one before: "per minute?", "as csv"."""
    return _OPENS.match(text) is not None or points_back(text)


def continue_reading(last: Sequence[Reading], change: Reading) -> Reading:
    """The last reading, with what the follow-up says replacing what it said before."""
    base = next((reading for reading in reversed(last) if reading.ask is not Ask.NONE), last[-1])
    new = _scoped(base, change)
    new = _asked(base, change, new)
    return replace(
        new, text=change.text, unknown=change.unknown, corrected=change.corrected, saves=_saves(base, change)
    )


def _saves(base: Reading, change: Reading) -> tuple[Save, ...]:
    if change.saves:
        return change.saves
    return tuple(save for save in base.saves if save.kind == "chart") if change.unit and not change.has_subject else ()


def _scoped(base: Reading, change: Reading) -> Reading:
    """What the lines are, where and when."""
    text = change.text.lower()
    new = base
    if change.levels:
        new = replace(new, levels=change.levels, or_worse=change.or_worse)
    if change.quoted:
        new = replace(new, quoted=change.quoted, topic=())
    if change.names:
        new = replace(new, names=change.names)
    if change.codes:
        new = replace(new, codes=change.codes)
    if change.conditions:
        new = replace(new, conditions=change.conditions)
    if change.topic and change.ask not in OF_VALUES | NUMERIC:
        narrows = re.match(r"\s*(?:and\s+)?(?:only|just|of)\b", text) is not None
        new = (
            replace(new, topic=(*new.topic, *change.topic)) if narrows else replace(new, topic=change.topic, quoted=())
        )
    if change.files:
        new = replace(new, files=change.files)
    if change.since or change.until:
        new = replace(new, since=change.since, until=change.until)
    elif re.search(r"\bafter(?:wards?| that| it)?\s*\??$", text) and base.until:
        new = replace(new, since=base.until, until="")
    elif re.search(r"\bbefore(?:hand| that| it)?\s*\??$", text) and base.since:
        new = replace(new, since="", until=base.since)
    return new


def _asked(base: Reading, change: Reading, new: Reading) -> Reading:
    """What is asked of them."""
    new = replace(new, skip=0)
    if change.skip == -1 or re.match(r"\s*(?:and\s+)?(?:the )?next\b|\s*more\b", change.text, re.IGNORECASE):
        shown = base.skip + (base.limit or 10)
        return replace(new, skip=shown, limit=change.limit or base.limit or 10, ask=base.ask)
    if change.ask is Ask.RANK:
        unit = change.unit or ("" if change.value else base.unit)
        value = change.value or (() if unit else base.value)
        return replace(new, ask=Ask.RANK, unit=unit, value=value, limit=change.limit, least=change.least, groups=())
    if change.ask is Ask.LINES:
        return replace(new, ask=Ask.LINES, unit="", value=(), groups=(), limit=change.limit, from_end=change.from_end)
    if base.ask is Ask.RANK and change.ask in (Ask.MIN, Ask.MAX) and not change.value:
        return replace(new, least=change.ask is Ask.MIN)
    if base.ask is Ask.RANK and not change.value and re.search(r"\bthe most\W*$", change.text, re.IGNORECASE):
        return replace(new, least=False, topic=base.topic, quoted=base.quoted)
    if change.ask in NUMERIC:
        value = tuple(word for word in change.value if word not in ("one", "ones", "value")) or base.value
        unit = change.number_unit if change.value else base.number_unit
        return replace(
            new,
            ask=change.ask,
            value=value,
            percentiles=change.percentiles,
            number_unit=unit or base.number_unit,
            groups=change.groups or base.groups,
            unit=change.unit or (base.unit if base.ask in NUMERIC else ""),
        )
    return _grouped(base, change, new)


def _grouped(base: Reading, change: Reading, new: Reading) -> Reading:
    """Per what, and how many."""
    if change.unit == "time" and (new.unit or new.value):
        return new
    if change.unit:
        numeric = base.ask in NUMERIC
        return replace(
            new,
            ask=base.ask if numeric else Ask.BREAKDOWN,
            unit=change.unit,
            groups=change.groups,
            value=base.value if numeric else (),
            limit=None,
        )
    if change.ask in (Ask.BREAKDOWN, Ask.VALUES, Ask.DISTINCT):
        if not change.value:
            return new if base.ask in OF_VALUES else replace(new, ask=Ask.COUNT)
        ask = Ask.BREAKDOWN if change.ask is Ask.VALUES else change.ask
        if base.ask in NUMERIC and change.ask is Ask.BREAKDOWN:
            return replace(new, groups=change.value)
        return replace(new, ask=ask, value=change.value, unit="", limit=None)
    if change.ask in (Ask.FIRST, Ask.LAST, Ask.RATIO, Ask.SPAN, Ask.SUMMARY, Ask.COMPARE):
        return replace(new, ask=change.ask, unit=change.unit, value=(), limit=None)
    if (
        change.ask is Ask.COUNT
        and re.match(r"\s*(?:and\s+)?how (?:many|often)", change.text, re.IGNORECASE)
        and not change.has_subject
    ):
        return replace(new, ask=Ask.COUNT, unit="", value=(), limit=None)
    if change.limit is not None:
        return replace(new, limit=change.limit)
    return new
