"""Per what an answer is given, and in which unit: what goes with any kind of question."""

from __future__ import annotations

import re
from dataclasses import replace

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.phrases import NUMBER, UNIT
from conjure_magic.models.offline.reading.spans import Unread
from conjure_magic.models.offline.reading.value import NUMERIC, Ask, Reading


def read_unit(unread: Unread, reading: Reading) -> Reading:
    """Units of time that the answer is given for each of."""
    match = (
        unread.take(
            rf"\b(?:per|by|each|every|for each|for every|in each|on each|over|(?:one|a) (?:bar|row|"
            rf"line|point) (?:per|for each|for every|a))"
            rf"\s+(?:single\s+)?(?:{NUMBER}\s+)?(?P<unit>{UNIT})\b(?!\s*between)"
        )
        or unread.take(rf"\b(?:a|an) (?P<unit>{UNIT})\b(?=\s*(?:$|[,.?!]|(?:in|are|were|is|was|does|did)\b))")
        or unread.take(r"\b(?P<unit>hour|minute|day|second|month)[- ](?:by[- ](?:hour|minute|day|second|month)|wise)\b")
        or unread.take(r"\b(?P<unit>hourly|daily|monthly|minutely|weekly)\b")
    )
    if match is not None:
        return replace(reading, unit=lexicon.UNITS[match["unit"].lower()])
    if unread.take(r"\b(?:over time|over the time|through time|time ?line|time series)\b"):
        return replace(reading, unit="time")
    return reading


def read_weight(unread: Unread, reading: Reading) -> Reading:
    """ "'repeated N times' counts N": a quoted text with a number that a line counts for."""
    text = next((text for text in reading.quoted if re.search(r"(?<!\w)[NnXx](?!\w)|<n>", text)), "")
    if not text or not unread.take(
        r"\b(?:if\s+(?:a|the|each)\s+\w+\s+(?:that|which)\s+\w+\s+)?counts?\s+(?:as|for)?\s*(?:n|x)\b(?:\s+times)?"
    ):
        return reading
    return replace(
        reading, weight=text, quoted=tuple(quoted for quoted in reading.quoted if quoted != text), ask=Ask.COUNT
    )


def read_address_form(unread: Unread, reading: Reading) -> Reading:
    """ "by its address without the port" only says how a value is written."""
    found = unread.take(
        r"(?:,\s*)?\b(?:by (?:its|their) |as )?(?:ip(?: address(?:es)?)?|address(?:es)?)"
        r"\s*\(?(?:,\s*)?(?:without|w/o|no|minus|excluding)\s+(?:the\s+|its\s+)?ports?\b\)?"
    )
    return reading if found is None else replace(reading, value_type="address")


def with_measure(unread: Unread, reading: Reading) -> Reading:
    """The unit that a number is wanted in."""
    if reading.ask in NUMERIC or reading.ask is Ask.SPAN:
        match = unread.take(
            r"(?:\bin\s+|\(|\bhow many\s+)(?P<unit>seconds|secs?|s|milliseconds|msecs?|ms|minutes|"
            r"hours|bytes|[km]b)\b\)?"
        )
        match = match or unread.take(r"\b(?P<unit>seconds|secs|milliseconds|ms|bytes)\b")
        value = tuple(word for word in reading.value if word.lower() not in lexicon.MEASURES) or tuple(
            word for word in reading.value if word.lower() == "bytes"
        )
        dropped = next(
            (lexicon.MEASURES[word.lower()] for word in reading.value if word.lower() in lexicon.MEASURES), ""
        )
        unit = lexicon.MEASURES[match["unit"].lower()] if match is not None else dropped or reading.number_unit
        return replace(reading, number_unit=unit, value=value)
    return reading


def with_groups(unread: Unread, reading: Reading) -> Reading:
    """Further fields that the answer is given for each of: "per minute and component"."""
    if reading.unit and reading.ask in (Ask.BREAKDOWN, Ask.COUNT) and not reading.value:
        match = unread.take(r"^\W*(?:and|by|per|,)\s+(?:per\s+|by\s+)?(?P<name>[a-z]\w+)\b") or unread.take(
            r"\b(?:and per|and by|per|by)\s+(?P<name>[a-z]\w+)\b"
        )
        if match is not None:
            return replace(reading, groups=(match["name"].lower(),))
    if reading.ask in NUMERIC:
        match = unread.take(
            r"\b(?:per|by|for each|for every|of each)\s+(?P<name>[a-z][\w ]*?)(?=\s+(?:in|of|from)\b|\s*[,.?!]|\s*$)"
        )
        if match is not None:
            return replace(reading, groups=tuple(match["name"].lower().split()))
    return reading
