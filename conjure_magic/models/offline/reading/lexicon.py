"""The words that requests are read by: one table for each role that a word can have."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LEVELS = {
    "trace": "TRACE",
    "debug": "DEBUG",
    "info": "INFO",
    "infos": "INFO",
    "notice": "NOTICE",
    "notices": "NOTICE",
    "warn": "WARN",
    "warns": "WARN",
    "warning": "WARN",
    "warnings": "WARN",
    "error": "ERROR",
    "errors": "ERROR",
    "err": "ERROR",
    "errs": "ERROR",
    "critical": "CRITICAL",
    "criticals": "CRITICAL",
    "fatal": "FATAL",
    "fatals": "FATAL",
}

UNITS = {
    "second": "second",
    "seconds": "second",
    "sec": "second",
    "minute": "minute",
    "minutes": "minute",
    "min": "minute",
    "mins": "minute",
    "minutely": "minute",
    "hour": "hour",
    "hours": "hour",
    "hourly": "hour",
    "day": "day",
    "days": "day",
    "daily": "day",
    "date": "day",
    "dates": "day",
    "week": "week",
    "weekly": "week",
    "month": "month",
    "months": "month",
    "monthly": "month",
    "weekday": "weekday",
    "weekdays": "weekday",
}
MEASURES = {
    "s": "seconds",
    "sec": "seconds",
    "secs": "seconds",
    "second": "seconds",
    "seconds": "seconds",
    "ms": "milliseconds",
    "msec": "milliseconds",
    "millisecond": "milliseconds",
    "milliseconds": "milliseconds",
    "minutes": "minutes",
    "hours": "hours",
    "bytes": "bytes",
    "kb": "kilobytes",
    "mb": "megabytes",
    "kilobytes": "kilobytes",
    "megabytes": "megabytes",
}

NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
    "hundred": 100,
    "dozen": 12,
    "couple": 2,
}

LINE_NOUNS = words(
    "line lines entry entries record records message messages event events row rows item items log logs hit hits "
    "occurrence occurrences time times logline loglines"
)
"""Words for a line of a log, or for how often something was logged."""

FILLER = words(
    "acc saw nr a about above according account after again all along already also altogether am an "
    "and any anybody anyone anything "
    "appear appeared appearing appears are arrive arrived as ask at away be because become "
    "been being below both but by "
    "came can caused causes causing come comes coming contain contained containing contains could count counted "
    "counting counts cover covered covers currently "
    "did do does doing done during each either else emit emitted emits encounter encountered "
    "ever every exist existed exists "
    "file files find found for from gave generate generated generates get gets getting give gives go goes going gone "
    "got had hand happen happened happens has have having hello hey hi held hold holding holds how "
    "i if in inside into involve involved is it its itself just keep kept kind kinds know known lead "
    "let like list listed look looked looking made make makes many matching matter matters may me mention mentioned "
    "mentioning mentions might mine much must my name named names need needed no not note now number numbers observe "
    "observed occur occurred occurring occurs of often okay ok on one ones only onto or other our out over overall own "
    "part per perhaps please pls plz plus possible present printed print produce produced produces question quick "
    "quickly read really recorded regarding related relevant reported report reports "
    "reporting respectively responsible "
    "result results return returned returns right said same say says see seen send sent show shown shows since so some "
    "something state tell thank thanks that the their them then there these they thing things this those through till "
    "to together too total totally type types under until up upon us use used using value values very want wanted was "
    "way we well were what whats what's when where whether which while who whole whom whose "
    "will wish with within would "
    "write writes writing written wrote yes you your respective different distinct unique "
    "various several log logged logging logs "
    "receive received receives carry carried carries having sort sorted order show figure figures "
    "far still yet off across throughout entire entirely complete help could'd i'd like let's there's issue issued "
    "include included including includes corresponding respectively accordingly each's overview tells told telling "
    "attached attachment lot bit i'm im we're dont don't kindly thx cheers seem seems seemed them? exactly "
    "precisely actual actually simply "
    "individual individually produces producing counts"
)
"""Words that carry no meaning of their own for a question about data."""

UNANSWERABLE = words(
    "why predict prediction forecast tomorrow recommend recommendation suggest suggestion advise advice opinion think "
    "believe should fix repair solve prevent expect expected guess probably likely polite poem story joke translate "
    "cause reason reasons explain explanation improve delete remove rename edit replace email upload deploy restart "
    "install correlate correlation anomaly anomalies cluster clusters regression trend predict"
)
"""Words for what rules cannot do: they keep a request from being answered."""

FEWEST = words("fewest least rarest lowest quietest smallest")
SOURCES = words("component components logger loggers service services module modules program programs source sources")
YES_NO = (
    r"\s*(?:is|are|was|were|does|do|did|has|have|can|could|should|will|would)\b(?!\s+(?:there|"
    r"we have|you (?:show|give|count|list|tell)))"
)
"""How a question begins that yes or no would answer."""
