"""What a request asks for: the rules for each kind of answer, in the order in which they are tried."""

from __future__ import annotations

import re
from dataclasses import replace

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.figures import (
    read_distinct,
    read_mean_or_sum,
    read_percentile,
    read_share,
    read_span,
)
from conjure_magic.models.offline.reading.grouping import (
    read_address_form,
    read_unit,
    read_weight,
    with_groups,
    with_measure,
)
from conjure_magic.models.offline.reading.phrases import (
    NOUN,
    NUMBER,
    integer,
    take_front_phrase,
    take_phrase,
    take_which,
)
from conjure_magic.models.offline.reading.ranking import read_extreme, read_rank
from conjure_magic.models.offline.reading.spans import Unread
from conjure_magic.models.offline.reading.value import Ask, Reading


def read_ask(unread: Unread, scope: Reading) -> Reading:
    """The reading with what is asked; words that say so are taken out of the text."""
    reading = read_address_form(unread, read_weight(unread, read_unit(unread, scope)))
    if reading.weight:
        unread.take_all(r"\b(?:how many|how often|count|number of)\b")
        return reading
    for rule in (
        read_share,
        read_span,
        read_percentile,
        read_distinct,
        _summary_or_convert,
        _when,
        _compare,
        read_rank,
        read_extreme,
        read_mean_or_sum,
        _lines,
        _breakdown,
        _values,
        _count,
    ):
        found = rule(unread, reading)
        if found is not None:
            return with_groups(unread, with_measure(unread, found))
    return with_groups(unread, with_measure(unread, _default(unread, reading)))


def _summary_or_convert(unread: Unread, reading: Reading) -> Reading | None:
    converts = r"\b(?:convert|parse|export|transform|turn)\w*\b"
    if (
        any(save.kind in ("csv", "json", "jsonl") for save in reading.saves)
        and re.search(converts, unread.whole, re.IGNORECASE)
        and not reading.unit
    ):
        unread.take_all(converts)
        unread.take_all(r"\b(?:data|table)\b")
        return replace(reading, ask=Ask.CONVERT)
    match = unread.take(
        r"\b(?:summari[sz]e|summari[sz]ing|summary|overview|analy[sz]e|analysis|(?:at a glance)|"
        r"what (?:went|goes|is going|was going) wrong(?:,? and when)?|what happened(?:,? and "
        r"when)?|"
        r"what(?:'s| is) (?:wrong|in)|what (?:are|were) the problems|any problems|health|describe|"
        r"look at|look into|take a look|tell me about|incident|diagnose|investigate|examine|"
        r"inspect)\b"
    )
    if match is None:
        return None
    unread.take_all(
        r"\b(?:report|health|statistics|stats|when|summary|overview|analysis|went wrong|"
        r"what happened|problems?|them|and)\b"
    )
    return replace(reading, ask=Ask.SUMMARY)


def _when(unread: Unread, reading: Reading) -> Reading | None:
    when = re.search(
        r"\bwhen\b|\b(?:at )?what time\b|\bwhat(?:'s| is| was) the time\b|\btime of\b|\bsince "
        r"when\b|\bhow (?:early|late)\b|\bdate of\b",
        unread.whole,
        re.IGNORECASE,
    )
    if when is None:
        return None
    first = unread.take(r"\b(?:first|earliest|start(?:ed)?|begin|began|begun|initial|oldest)\b|\bsince when\b")
    last = (
        unread.take(r"\b(?:last|latest|most recent|end(?:ed)?|stop(?:ped)?|final|newest|cease[d]?)\b(?:\s+time)?")
        if first is None
        else None
    )
    if first is None and last is None:
        return None
    unread.take_all(r"\b(?:when|(?:at )?what time|time of|time|date|since when)\b")
    return replace(reading, ask=Ask.FIRST if first is not None else Ask.LAST)


def _compare(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(r"\b(?:compare[sd]?|comparison|compared with|(?:what(?:'s| is) the )?difference)\b")
    several = len(reading.levels) > 1
    more = unread.take(r"\bmore\b(?=.*\b(?:or|than)\b)") if match is None else None
    if match is None and more is None:
        if several and unread.take(r"\b(?:vs\.?|versus|against)(?=\s|$)"):
            return replace(reading, ask=Ask.BREAKDOWN, value=("level",))
        return None
    unread.take_all(r"\b(?:more|with|than|or|vs\.?|versus|and|numbers?)\b")
    if several:
        return replace(reading, ask=Ask.BREAKDOWN, value=("level",))
    return replace(reading, ask=Ask.COMPARE)


def _lines(unread: Unread, reading: Reading) -> Reading | None:
    """ "Show the last 3 errors", "the error entries please", "first five lines"."""
    if re.search(r"\bhow (?:many|often)\b", unread.whole, re.IGNORECASE) or reading.unit:
        return None
    ends = unread.take(
        rf"\b(?:the\s+)?(?:very\s+)?(?P<end>first|last|latest|next|newest|oldest|most recent)"
        rf"\s+(?P<n>{NUMBER})\b(?:\s+(?:{NOUN}|of them|ones)\b)?"
    ) or unread.take(rf"\b(?P<n>{NUMBER})\s+(?P<end>first|last|latest|most recent|newest|oldest|next)\b")
    shows = (
        r"\b(?:show|print|display|list|give|get|see|read|view|cat|grep|find|search|extract|fetch|"
        r"pull)\b(?:\s+me)?(?:\s+(?:all|every))?(?:\s+(?:of\s+)?the)?"
    )
    verb = unread.has(shows)
    per_or_counts = re.search(
        r"\b(?:per|by|for each|counts?|distribution|breakdown|number)\b", unread.text, re.IGNORECASE
    )
    noun = unread.has(rf"\b(?:{NOUN})\b")
    single = (
        unread.take(r"\b(?:the\s+)?(?P<end>first|last|latest)\b(?=\s+(?:line|entry|record|message|event|one)?)")
        if ends is None and verb is not None and re.search(r"\b(?:first|last|latest)\b", unread.text, re.IGNORECASE)
        else None
    )
    if ends is None and single is None:
        plain = verb is not None and (noun is not None or reading.levels or reading.quoted or reading.codes)
        bare = (
            reading.levels
            and noun is not None
            and re.fullmatch(
                rf"(?:\W|\b(?:the|all|of|in|from|please|pls|only|just|{NOUN})\b)*", unread.text, re.IGNORECASE
            )
        )
        if per_or_counts is not None or not (
            plain or (bare and noun is not None and noun[0].lower() not in ("log", "logs", "time", "times"))
        ):
            return None
    unread.take(shows)
    unread.take_all(rf"\b(?:{NOUN})\b")
    found = ends or single
    if found is None:
        return replace(reading, ask=Ask.LINES)
    count = integer(ends["n"]) if ends is not None else 1
    return replace(
        reading,
        ask=Ask.LINES,
        limit=count,
        from_end=found["end"].lower() in ("last", "latest", "newest", "most recent"),
        skip=-1 if found["end"].lower() == "next" else 0,
    )


def _breakdown(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:per|for (?:each|every)|by|of each|of every|in each|grouped by|broken down by|split "
        r"by|(?:distributed|spread|split) (?:over|across|among|by)(?: the)?|each of the)"
        r"\s+(?=[A-Za-z_])(?!of (?:them|these|those)|them\b|its\b|their\b|far\b)"
    ) or unread.take(r"\b(?:each|every)\s+(?=[A-Za-z_])(?!of\b|time|one\b|did\b|other|them\b)")
    if match is not None:
        value = take_phrase(unread, match.end(), stop_at_verbs=True)
        unread.take_all(r"\b(?:each|distributed|distribution|breakdown|how (?:many|often)|counts?)\b")
        if value:
            return replace(reading, ask=Ask.BREAKDOWN, value=value)
    distribution = unread.take(r"\b(?:distribution|breakdown|histogram) (?:of|over|by)(?:\s+the)?\s+")
    if distribution is not None:
        value = take_phrase(unread, distribution.end())
        if value:
            return replace(reading, ask=Ask.BREAKDOWN, value=value)
    counts = unread.take(
        r"\b(?:and|with|\+|incl\.?)?\s*(?:the\s+)?(?:line\s+)?(?:counts|numbers)\b|(?:\+|\bwith|"
        r"\bwith a|\band)\s*count\b|\bcount (?:each|too|them)\b|\b(?:and|,)\s*how (?:often|many)"
        r"(?:\s+(?:for\s+)?(?:each|was it in each|of each)[^,.?]*)?"
    )
    if counts is not None:
        value = take_which(unread) or take_front_phrase(unread)
        value = () if set(map(str.lower, value)) <= lexicon.LINE_NOUNS else value
        if value:
            return replace(reading, ask=Ask.BREAKDOWN, value=value)
        if len(reading.levels) > 1:
            return replace(reading, ask=Ask.BREAKDOWN, value=("level",))
    if (
        len(reading.levels) > 1
        and not reading.unit
        and not reading.or_worse
        and unread.take(r"\bhow many\b|\bcount\b|\bnumber of\b|\bhow often\b")
    ):
        return replace(reading, ask=Ask.BREAKDOWN, value=("level",))
    return None


def _values(unread: Unread, reading: Reading) -> Reading | None:
    if re.search(r"\bhow (?:many|often|much)\b|\b(?:number|count|amount) of\b", unread.whole, re.IGNORECASE):
        return None
    match = unread.take(
        r"\b(?:from |to |by |in |on |for )?(?:which|what)\b(?:\s+(?:are|were|is)\s+(?:the|all(?: the)?)\b)?"
    ) or unread.take(
        r"\b(?:list|show|name|give me|tell me)"
        r"\s+(?:me\s+)?(?:all\s+)?(?:of\s+)?(?:the\s+)?(?:names of\s+(?:the\s+)?)?(?=[a-z])"
    )
    if match is None:
        who = unread.take(r"^\W*who\b")
        return (
            replace(reading, ask=Ask.VALUES, value=("component",))
            if who and re.search(r"\b(?:wrote|logged)\b", unread.text)
            else None
        )
    value = take_phrase(unread, match.end())
    if not value:
        return None
    return replace(reading, ask=Ask.VALUES, value=value)


def _count(unread: Unread, reading: Reading) -> Reading | None:
    size = unread.take(r"\bhow (?:many|much)\s+(?:kilo|mega)?(?:bytes|data)\b")
    if size is not None:
        return replace(reading, ask=Ask.SUM, value=("bytes",))
    match = unread.take(
        rf"\b(?:how (?:many|often|frequently)(?:\s+times)?|(?:the\s+)?(?:number|no\.|nr\.?|amount|"
        rf"count) of|count(?:s)?(?:\s+(?:of|the|all|how (?:many|often)))?|number)(?=\W|$)"
        rf"(?:\s+(?:{NOUN})\b)?"
    )
    if match is None:
        return None
    if reading.unit:
        return replace(reading, ask=Ask.BREAKDOWN)
    return replace(reading, ask=Ask.COUNT)


def _default(unread: Unread, reading: Reading) -> Reading:
    """Where no word says what is asked."""
    if reading.unit:
        return replace(reading, ask=Ask.BREAKDOWN)
    if len(reading.levels) > 1:
        return replace(reading, ask=Ask.BREAKDOWN, value=("level",))
    if any(save.kind in ("csv", "json", "jsonl", "file") for save in reading.saves):
        return replace(reading, ask=Ask.CONVERT)
    if reading.chart is not None:
        return replace(reading, ask=Ask.BREAKDOWN, unit="time")
    that = unread.has(r"\b(?:that|which|who)\b")
    if that is not None and unread.text[: that.start()].strip():
        value = take_front_phrase(unread)
        return replace(reading, ask=Ask.VALUES, value=value) if value else reading
    return reading
