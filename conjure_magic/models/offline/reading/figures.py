"""Figures that are asked for: a share, a span, a percentile, a mean, a sum, how many different values."""

from __future__ import annotations

import re
from dataclasses import replace

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.phrases import NOUN, UNIT, take_phrase
from conjure_magic.models.offline.reading.spans import Unread
from conjure_magic.models.offline.reading.value import Ask, Reading


def read_share(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:(?:what|which|the|calculate|give)\s+)*(?:share|percentage|percent(?!ile)|fraction|"
        r"proportion|ratio|rate(?= of))\b(?:\s+of)?(?:\s+(?:the|all))?|\bhow many "
        r"percent\b(?:\s+of)?"
    )
    if match is None:
        return None
    unread.take(rf"^\W*(?:the |all )*(?:{NOUN})\b")
    return replace(reading, ask=Ask.RATIO)


def read_span(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:between|from)\s+(?:the\s+)?(?:very\s+)?first\s+(?:and|to)\s+(?:the\s+)?(?:very\s+)?last(?:\s+\w+)?\b"
        r"|\b(?:between|from)\s+(?:the\s+)?first\s+(?:\w+\s+)?(?:and|to)"
        r"\s+(?:the\s+)?last\s+(?:line|entry|record|event|message|one|request)\b"
        r"|\b(?:what|which)\s+(?:time\s+)?(?:span|period|range|time ?frame|duration)\b|\btime ?(?:span|range|frame)\b"
        r"|\bhow long (?:a (?:time|period) )?(?:does|is|was|did)\s+(?:the\s+|this\s+)?(?:log|file|"
        r"whole log)?\s*(?=cover|span|last|run|go|$|[?.])"
        r"|\b(?:duration|length|span) of (?:the\s+)?(?:log|whole|file|recording)\b|\bhow much "
        r"time (?:does|did|is|lies|passed|passes)\b"
        r"|\bhow long does\b(?=\s+cover)"
    )
    if match is None:
        return None
    unread.take_all(r"\b(?:passed|passes|pass|lie|lies|elapse|elapsed|time|long|span|spans|last|lasts|run|runs)\b")
    return replace(reading, ask=Ask.SPAN, unit="")


def read_percentile(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?P<a>\d{1,2}(?:\.\d+)?)(?:st|nd|rd|th)?[- ]?(?:percentile|percentil|pctl|pct|"
        r"quantile)s?\b(?:\s+(?:of|for))?"
        r"|\bp(?P<b>\d{2}(?:\.\d)?)\b(?:\s*(?:,|and)\s*p(?P<c>\d{2}(?:\.\d)?)\b)?(?:\s+(?:of|for)"
        r")?|\bpercentile\s+(?P<d>\d{1,2})\b(?:\s+of)?"
    )
    if match is not None:
        found = [match[key] for key in "abcd" if match[key]]
        return replace(reading, ask=Ask.PERCENTILE, percentiles=tuple(found), value=take_phrase(unread, match.end()))
    match = unread.take(r"\bmedian\b(?:\s+of)?(?:\s+the)?")
    if match is not None:
        return replace(reading, ask=Ask.PERCENTILE, percentiles=("50",), value=take_phrase(unread, match.end()))
    return None


def read_distinct(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:(?:how many|(?:the\s+)?(?:number|no\.?|nr\.?|count|amount) of(?:\s+the)?|"
        r"count(?:\s+the)?)\s+)?(?:different|distinct|unique|individual)\b"
    )
    if match is None:
        days = unread.take(
            rf"\b(?:how many|number of|no\.? of|count(?: the)?)\s+(?P<unit>{UNIT})\b(?=.*\b(?:cover|"
            rf"span|in|does|are|log|of|there|had|have|with|saw)\b|\s*$|\s*\?)(?!\s*(?:pass|elapse|lie|"
            rf"between|did .* take|took))"
        )
        if days is None or reading.unit:
            return None
        unread.take_all(r"\b(?:cover|covers|covered|span|spans|spanned)\b")
        return replace(reading, ask=Ask.DISTINCT, unit=lexicon.UNITS[days["unit"].lower()])
    unit = unread.take(
        rf"(?<=\s)\s*(?P<unit>{UNIT})\b"
        if re.match(rf"\s*(?:{UNIT})\b", unread.text[match.end() :], re.IGNORECASE)
        else r"(?!)"
    )
    if unit is not None:
        unread.take_all(r"\b(?:cover|covers|covered|span|spans)\b")
        return replace(reading, ask=Ask.DISTINCT, unit=lexicon.UNITS[unit["unit"].lower()])
    value = take_phrase(unread, match.end())
    ask = (
        Ask.DISTINCT
        if re.search(r"how|number|no|nr|count|amount", match[0], re.IGNORECASE)
        or re.search(r"\bhow many\b|\bcount\b", unread.whole, re.IGNORECASE)
        else Ask.VALUES
    )
    return replace(reading, ask=ask, value=value)


def read_mean_or_sum(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:on average|average|averaged|avg\.?|mean|arithmetic mean)(?=\W|$)(?:\s+(?:of|value of|for))?"
    )
    if match is not None:
        value = take_phrase(unread, match.end())
        timed = re.search(r"\bhow long\b|\btime\b|\btook|\btakes?\b", unread.whole, re.IGNORECASE)
        unread.take_all(r"\b(?:how (?:long|large|big|much)|took|take|takes|taken|time)\b")
        return replace(reading, ask=Ask.MEAN, value=value, number_unit="seconds" if timed else "")
    match = unread.take(
        r"\b(?:sum(?: up)?|add up|total(?:led)?|in total)\b(?:\s+of)?(?!\s*(?:number|count|lines|of lines|errors))"
    )
    if match is not None and not re.search(r"\bhow many\b|\bnumber of\b|\bcount\b", unread.whole, re.IGNORECASE):
        return replace(reading, ask=Ask.SUM, value=take_phrase(unread, match.end()))
    return None
