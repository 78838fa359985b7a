"""What a request asks for: the kind of answer, the value that it is about, per what, and how many."""

from __future__ import annotations

import re
from dataclasses import replace

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.spans import WORD, Unread
from conjure_magic.models.offline.reading.value import NUMERIC, Ask, Reading

_NUMBER = rf"(?:\d+|{'|'.join(lexicon.NUMBERS)})"
_UNIT = "|".join(sorted(lexicon.UNITS, key=len, reverse=True))
_NOUN = "|".join(lexicon.LINE_NOUNS)
_MOST = r"(?:most(?:ly)?|biggest|largest|highest|greatest|maximum|max|worst|busiest|commonest|top|loudest|noisiest)"
_LEAST = r"(?:fewest|least|rarest|quietest|smallest|lowest|minimum|min)"
_MAXIMUM = r"(?:longest|slowest|highest|largest|biggest|greatest|maximum|maximal|max|peak)"
_MINIMUM = r"(?:lowest|smallest|shortest|fastest|quickest|minimum|minimal|min|least)"
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


def read_ask(unread: Unread, scope: Reading) -> Reading:
    """The reading with what is asked; words that say so are taken out of the text."""
    reading = _by_address(unread, _weighted(unread, _per_unit(unread, scope)))
    if reading.weight:
        unread.take_all(r"\b(?:how many|how often|count|number of)\b")
        return reading
    for rule in (
        _share,
        _span,
        _percentile,
        _distinct,
        _summary_or_convert,
        _when,
        _compare,
        _rank,
        _extreme,
        _mean_or_sum,
        _lines,
        _breakdown,
        _values,
        _count,
    ):
        found = rule(unread, reading)
        if found is not None:
            return _with_groups(unread, _with_measure(unread, found))
    return _with_groups(unread, _with_measure(unread, _default(unread, reading)))


# ---- per what


def _per_unit(unread: Unread, reading: Reading) -> Reading:
    """Units of time that the answer is given for each of."""
    match = (
        unread.take(
            rf"\b(?:per|by|each|every|for each|for every|in each|on each|over|(?:one|a) (?:bar|row|"
            rf"line|point) (?:per|for each|for every|a))"
            rf"\s+(?:single\s+)?(?:{_NUMBER}\s+)?(?P<unit>{_UNIT})\b(?!\s*between)"
        )
        or unread.take(rf"\b(?:a|an) (?P<unit>{_UNIT})\b(?=\s*(?:$|[,.?!]|(?:in|are|were|is|was|does|did)\b))")
        or unread.take(r"\b(?P<unit>hour|minute|day|second|month)[- ](?:by[- ](?:hour|minute|day|second|month)|wise)\b")
        or unread.take(r"\b(?P<unit>hourly|daily|monthly|minutely|weekly)\b")
    )
    if match is not None:
        return replace(reading, unit=lexicon.UNITS[match["unit"].lower()])
    if unread.take(r"\b(?:over time|over the time|through time|time ?line|time series)\b"):
        return replace(reading, unit="time")
    return reading


def _weighted(unread: Unread, reading: Reading) -> Reading:
    """ "'repeated N times' counts N": a quoted text with a number that a line counts for."""
    text = next((text for text in reading.quoted if re.search(r"(?<!\w)[NnXx](?!\w)|<n>", text)), "")
    if not text or not unread.take(
        r"\b(?:if\s+(?:a|the|each)\s+\w+\s+(?:that|which)\s+\w+\s+)?counts?\s+(?:as|for)?\s*(?:n|x)\b(?:\s+times)?"
    ):
        return reading
    return replace(
        reading, weight=text, quoted=tuple(quoted for quoted in reading.quoted if quoted != text), ask=Ask.COUNT
    )


def _by_address(unread: Unread, reading: Reading) -> Reading:
    """ "by its address without the port" only says how a value is written."""
    found = unread.take(
        r"(?:,\s*)?\b(?:by (?:its|their) |as )?(?:ip(?: address(?:es)?)?|address(?:es)?)"
        r"\s*\(?(?:,\s*)?(?:without|w/o|no|minus|excluding)\s+(?:the\s+|its\s+)?ports?\b\)?"
    )
    return reading if found is None else replace(reading, value_type="address")


# ---- rules, in the order in which they are tried; each gives the reading, or None


def _share(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:(?:what|which|the|calculate|give)\s+)*(?:share|percentage|percent(?!ile)|fraction|"
        r"proportion|ratio|rate(?= of))\b(?:\s+of)?(?:\s+(?:the|all))?|\bhow many "
        r"percent\b(?:\s+of)?"
    )
    if match is None:
        return None
    unread.take(rf"^\W*(?:the |all )*(?:{_NOUN})\b")
    return replace(reading, ask=Ask.RATIO)


def _span(unread: Unread, reading: Reading) -> Reading | None:
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


def _percentile(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?P<a>\d{1,2}(?:\.\d+)?)(?:st|nd|rd|th)?[- ]?(?:percentile|percentil|pctl|pct|"
        r"quantile)s?\b(?:\s+(?:of|for))?"
        r"|\bp(?P<b>\d{2}(?:\.\d)?)\b(?:\s*(?:,|and)\s*p(?P<c>\d{2}(?:\.\d)?)\b)?(?:\s+(?:of|for)"
        r")?|\bpercentile\s+(?P<d>\d{1,2})\b(?:\s+of)?"
    )
    if match is not None:
        found = [match[key] for key in "abcd" if match[key]]
        return replace(reading, ask=Ask.PERCENTILE, percentiles=tuple(found), value=_phrase(unread, match.end()))
    match = unread.take(r"\bmedian\b(?:\s+of)?(?:\s+the)?")
    if match is not None:
        return replace(reading, ask=Ask.PERCENTILE, percentiles=("50",), value=_phrase(unread, match.end()))
    return None


def _distinct(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:(?:how many|(?:the\s+)?(?:number|no\.?|nr\.?|count|amount) of(?:\s+the)?|"
        r"count(?:\s+the)?)\s+)?(?:different|distinct|unique|individual)\b"
    )
    if match is None:
        days = unread.take(
            rf"\b(?:how many|number of|no\.? of|count(?: the)?)\s+(?P<unit>{_UNIT})\b(?=.*\b(?:cover|"
            rf"span|in|does|are|log|of|there|had|have|with|saw)\b|\s*$|\s*\?)(?!\s*(?:pass|elapse|lie|"
            rf"between|did .* take|took))"
        )
        if days is None or reading.unit:
            return None
        unread.take_all(r"\b(?:cover|covers|covered|span|spans|spanned)\b")
        return replace(reading, ask=Ask.DISTINCT, unit=lexicon.UNITS[days["unit"].lower()])
    unit = unread.take(
        rf"(?<=\s)\s*(?P<unit>{_UNIT})\b"
        if re.match(rf"\s*(?:{_UNIT})\b", unread.text[match.end() :], re.IGNORECASE)
        else r"(?!)"
    )
    if unit is not None:
        unread.take_all(r"\b(?:cover|covers|covered|span|spans)\b")
        return replace(reading, ask=Ask.DISTINCT, unit=lexicon.UNITS[unit["unit"].lower()])
    value = _phrase(unread, match.end())
    ask = (
        Ask.DISTINCT
        if re.search(r"how|number|no|nr|count|amount", match[0], re.IGNORECASE)
        or re.search(r"\bhow many\b|\bcount\b", unread.whole, re.IGNORECASE)
        else Ask.VALUES
    )
    return replace(reading, ask=ask, value=value)


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


def _rank(unread: Unread, reading: Reading) -> Reading | None:
    """Rankings of values and of units of time: "top 3 hosts", "busiest minute", "which component has most errors"."""
    unit = (
        unread.take(
            rf"\b(?P<n>{_NUMBER}\s+)?(?P<adj>{_MOST}|{_LEAST})\s+(?P<n2>{_NUMBER}\s+)?(?P<unit>{_UNIT})\b(?!\s*(?:value|to\b)"
            rf")(?:\s+for\b)?"
        )
        or unread.take(
            rf"\b(?:which|what|in which|on which|during which|in what|on what)"
            rf"\s+(?P<n>{_NUMBER}\s+)?(?P<unit>{_UNIT})s?\b(?=.*\b(?P<adj>{_MOST}|{_LEAST})\b)"
        )
        or unread.take(
            rf"\b(?P<unit>{_UNIT})s?\s+(?:with|having|has|had|of|that (?:has|had))"
            rf"\s+(?:the\s+)?(?P<adj>{_MOST}|{_LEAST})\b(?:\s+number of)?"
        )
        or unread.take(rf"\btop\s+(?P<n>{_NUMBER})?\s*(?P<unit>{_UNIT})\b(?P<adj>)")
    )
    if unit is not None and lexicon.UNITS[unit["unit"].lower()]:
        adjective = unit["adj"] or "most"
        unread.take_all(rf"\b(?:the\s+)?(?:{_MOST}|{_LEAST})\b(?:\s+(?:number|amount) of)?")
        unread.take_all(r"\b(?:number|how many|how often)\b")
        groups = unit.groupdict()
        written = groups.get("n") or groups.get("n2")
        many = _integer(written) if written else 1
        if many == 1 and unit["unit"].lower().endswith("s") and not written:
            many = 10
        return replace(
            reading,
            ask=Ask.RANK,
            unit=lexicon.UNITS[unit["unit"].lower()],
            limit=many,
            least=re.fullmatch(_LEAST, adjective, re.IGNORECASE) is not None,
        )
    ranked = _which_has_most(unread, reading)
    if ranked is not None:
        return ranked
    top = unread.take(
        rf"\b(?P<n>{_NUMBER})\s+(?:most|commonest|busiest|biggest|loudest|worst|top|noisiest|"
        rf"(?P<least>rarest|least|fewest))\b(?:\s+(?:common|frequent|often|frequently|active|tried|"
        rf"used|seen|requested))?"
    ) or unread.take(
        rf"\b(?:the\s+)?(?:top|most (?:common|frequent|often|active|used|tried|popular|seen|"
        rf"affected|requested)|commonest|most frequent(?:ly)?)\s*[- ]?(?P<n>{_NUMBER})?\b"
    )
    if top is not None and _nothing_numeric(unread, top.end()):
        count = _integer(top["n"]) if top["n"] else None
        value = _phrase(unread, top.end()) or reading.value
        if not value:
            value = _which(unread)
        unread.take_all(rf"\b(?:{_MOST}|most|number of|counts?|how (?:often|many))\b")
        if not set(value) - lexicon.LINE_NOUNS and reading.levels:
            return replace(reading, ask=Ask.LINES, limit=count or 10)
        plural = _plural_which(value)
        return replace(
            reading,
            ask=Ask.RANK,
            value=value,
            limit=count or (10 if plural else 1),
            least=bool("least" in top.re.groupindex and top["least"]),
        )
    with_most = unread.take(
        rf"\b(?:with|having|that (?:has|have|had|wrote|sent|logged))"
        rf"\s+(?:the\s+)?(?P<adj>{_MOST}|{_LEAST})\b(?:\s+number of)?"
    )
    if with_most is not None:
        phrase = _back_phrase(unread, with_most.start())
        many = _integer(phrase[0]) if phrase and phrase[0].isdigit() else 1
        value = phrase[1:] if phrase and phrase[0].isdigit() else phrase
        least = re.fullmatch(_LEAST, with_most["adj"], re.IGNORECASE) is not None
        unread.take_all(r"\bhow (?:often|many)\b|\bnumber\b")
        if value:
            return replace(reading, ask=Ask.RANK, value=value, limit=many, least=least)
    return None


def _which_has_most(unread: Unread, reading: Reading) -> Reading | None:
    """ "Which component has the most errors", "who wrote the fewest lines"."""
    which = unread.has(rf"\b(?:which|what|whose|who|from which|to which|by which)\b(?=.*\b(?P<adj>{_MOST}|{_LEAST})\b)")
    if which is None or not _counts_lines(unread, which):
        return None
    least = re.fullmatch(_LEAST, which["adj"], re.IGNORECASE) is not None
    number = unread.take(rf"\b(?:which|what)\s+(?P<n>{_NUMBER})\b")
    word = unread.take(r"\b(?:from |to |by |in |on |with )?(?:which|what|whose|who)\b")
    start = number.end() if number is not None else word.end() if word is not None else which.end()
    value = _who(unread) if which[0].lower() == "who" else _phrase(unread, start)
    unread.take_all(rf"\b(?:the\s+)?(?:{_MOST}|{_LEAST})\b(?:\s+(?:often|frequently|number of|common))?")
    unread.take_all(r"\bhow (?:often|many)\b(?:\s+times)?|\band how (?:often|many)\b")
    return replace(reading, ask=Ask.RANK, value=value, limit=_integer(number["n"]) if number else 1, least=least)


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


def _extreme(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(rf"\b(?P<ext>{_MAXIMUM}|{_MINIMUM})\b")
    if match is None:
        return None
    maximal = re.fullmatch(_MAXIMUM, match["ext"], re.IGNORECASE) is not None
    ask = Ask.MAX if maximal else Ask.MIN
    speed = match["ext"].lower() in ("longest", "slowest", "shortest", "fastest", "quickest")
    value = _phrase(unread, match.end())
    unread.take_all(r"\b(?:how (?:long|large|big|high|slow|fast|much)|took|take|takes|taken)\b")
    return replace(reading, ask=ask, value=value, number_unit=reading.number_unit or ("seconds" if speed else ""))


def _mean_or_sum(unread: Unread, reading: Reading) -> Reading | None:
    match = unread.take(
        r"\b(?:on average|average|averaged|avg\.?|mean|arithmetic mean)(?=\W|$)(?:\s+(?:of|value of|for))?"
    )
    if match is not None:
        value = _phrase(unread, match.end())
        timed = re.search(r"\bhow long\b|\btime\b|\btook|\btakes?\b", unread.whole, re.IGNORECASE)
        unread.take_all(r"\b(?:how (?:long|large|big|much)|took|take|takes|taken|time)\b")
        return replace(reading, ask=Ask.MEAN, value=value, number_unit="seconds" if timed else "")
    match = unread.take(
        r"\b(?:sum(?: up)?|add up|total(?:led)?|in total)\b(?:\s+of)?(?!\s*(?:number|count|lines|of lines|errors))"
    )
    if match is not None and not re.search(r"\bhow many\b|\bnumber of\b|\bcount\b", unread.whole, re.IGNORECASE):
        return replace(reading, ask=Ask.SUM, value=_phrase(unread, match.end()))
    return None


def _lines(unread: Unread, reading: Reading) -> Reading | None:
    """ "Show the last 3 errors", "the error entries please", "first five lines"."""
    if re.search(r"\bhow (?:many|often)\b", unread.whole, re.IGNORECASE) or reading.unit:
        return None
    ends = unread.take(
        rf"\b(?:the\s+)?(?:very\s+)?(?P<end>first|last|latest|next|newest|oldest|most recent)"
        rf"\s+(?P<n>{_NUMBER})\b(?:\s+(?:{_NOUN}|of them|ones)\b)?"
    ) or unread.take(rf"\b(?P<n>{_NUMBER})\s+(?P<end>first|last|latest|most recent|newest|oldest|next)\b")
    shows = (
        r"\b(?:show|print|display|list|give|get|see|read|view|cat|grep|find|search|extract|fetch|"
        r"pull)\b(?:\s+me)?(?:\s+(?:all|every))?(?:\s+(?:of\s+)?the)?"
    )
    verb = unread.has(shows)
    per_or_counts = re.search(
        r"\b(?:per|by|for each|counts?|distribution|breakdown|number)\b", unread.text, re.IGNORECASE
    )
    noun = unread.has(rf"\b(?:{_NOUN})\b")
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
                rf"(?:\W|\b(?:the|all|of|in|from|please|pls|only|just|{_NOUN})\b)*", unread.text, re.IGNORECASE
            )
        )
        if per_or_counts is not None or not (
            plain or (bare and noun is not None and noun[0].lower() not in ("log", "logs", "time", "times"))
        ):
            return None
    unread.take(shows)
    unread.take_all(rf"\b(?:{_NOUN})\b")
    found = ends or single
    if found is None:
        return replace(reading, ask=Ask.LINES)
    count = _integer(ends["n"]) if ends is not None else 1
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
        value = _phrase(unread, match.end(), stop_at_verbs=True)
        unread.take_all(r"\b(?:each|distributed|distribution|breakdown|how (?:many|often)|counts?)\b")
        if value:
            return replace(reading, ask=Ask.BREAKDOWN, value=value)
    distribution = unread.take(r"\b(?:distribution|breakdown|histogram) (?:of|over|by)(?:\s+the)?\s+")
    if distribution is not None:
        value = _phrase(unread, distribution.end())
        if value:
            return replace(reading, ask=Ask.BREAKDOWN, value=value)
    counts = unread.take(
        r"\b(?:and|with|\+|incl\.?)?\s*(?:the\s+)?(?:line\s+)?(?:counts|numbers)\b|(?:\+|\bwith|"
        r"\bwith a|\band)\s*count\b|\bcount (?:each|too|them)\b|\b(?:and|,)\s*how (?:often|many)"
        r"(?:\s+(?:for\s+)?(?:each|was it in each|of each)[^,.?]*)?"
    )
    if counts is not None:
        value = _which(unread) or _front_phrase(unread)
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
    value = _phrase(unread, match.end())
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
        rf"(?:\s+(?:{_NOUN})\b)?"
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
        value = _front_phrase(unread)
        return replace(reading, ask=Ask.VALUES, value=value) if value else reading
    return reading


# ---- phrases


def _phrase(unread: Unread, start: int, *, stop_at_verbs: bool = False) -> tuple[str, ...]:
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


def _which(unread: Unread) -> tuple[str, ...]:
    """The phrase after "which" or "what"."""
    match = unread.take(r"\b(?:from |to |by |in |on |for )?(?:which|what)\b")
    if match is None:
        who = unread.take(r"\bwho\b")
        return _who(unread) if who is not None else ()
    return _phrase(unread, match.end())


def _who(unread: Unread) -> tuple[str, ...]:
    """What "who" stands for: a component if it wrote lines, else someone whom a field has to name."""
    wrote = re.search(
        r"\b(?:wrote|writes?|logs|logged|complain(?:s|ed)?|report(?:s|ed))\b", unread.whole, re.IGNORECASE
    )
    return ("component",) if wrote is not None else ("who",)


def _front_phrase(unread: Unread) -> tuple[str, ...]:
    """The phrase with which what is left begins, its last word first of all: "http status", "levels"."""
    first = next((word for word in unread.words() if word[0].lower() not in _STOP), None)
    return _phrase(unread, first.start()) if first is not None else ()


def _back_phrase(unread: Unread, end: int) -> tuple[str, ...]:
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


def _plural_which(value: tuple[str, ...]) -> bool:
    return bool(value) and value[-1].lower().endswith("s") and not value[-1].lower().endswith(("ss", "us"))


def _integer(text: str | None) -> int:
    word = (text or "").strip().lower()
    return int(word) if word.isdigit() else lexicon.NUMBERS.get(word, 10)


# ---- what goes with any ask


def _with_measure(unread: Unread, reading: Reading) -> Reading:
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


def _with_groups(unread: Unread, reading: Reading) -> Reading:
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
