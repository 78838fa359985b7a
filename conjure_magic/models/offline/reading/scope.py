"""What a request is about, apart from what it asks: files, quoted texts, levels, codes, times, files to write."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conjure_magic.models.offline.mentions import is_path
from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.spans import QUOTED, Unread
from conjure_magic.models.offline.reading.value import Reading, Save

_URL = r"\bhttps?://[^\s<>\"'`]+"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?[ap]m\b)?|\d{1,2} ?(?:[ap]m|o'clock)\b"
_DATE = (
    r"\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?|"
    r"\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?: \d{4})?"
)
_MOMENT = rf"(?:(?:the )?(?:{_DATE})(?:(?:[T ]|,? at |,? )(?:{_CLOCK}))?|{_CLOCK})"
_LEVEL = "|".join(sorted(lexicon.LEVELS, key=len, reverse=True))
_FORMATS = {
    "csv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "markdown": "md",
    "md": "md",
    "svg": "chart",
    "png": "chart",
    "spreadsheet": "csv",
    "ndjson": "jsonl",
}
_WRITES = (
    r"(?:save|saved|store|stored|write|export|put|dump|output|convert|turn|transform|make|create|produce|generate)"
)


def read_scope(unread: Unread) -> Reading:
    """Everything that restricts or directs a request."""
    urls = tuple(match[0].rstrip(".,;:!?)") for match in unread.take_all(_URL))
    quoted, files, outputs = _quoted_and_files(unread)
    saves = _saves(unread, outputs)
    since, until = _times(unread)
    conditions = tuple(_conditions(unread))
    codes = tuple(_codes(unread))
    levels, worse = _levels(unread)
    return Reading(
        levels=levels,
        or_worse=worse,
        quoted=quoted,
        codes=codes,
        conditions=conditions,
        since=since,
        until=until,
        files=files,
        urls=urls,
        saves=saves,
    )


# ---- files and quoted texts


def _quoted_and_files(unread: Unread) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    quoted: list[str] = []
    files: list[str] = []
    outputs: list[str] = []
    for match in list(QUOTED.finditer(unread.text)):
        text = next(group for group in match.groups() if group is not None)
        if is_path(text, quoted=True) and ("." in text or "/" in text):
            (outputs if _writes_to(unread.whole[: match.start()], text) else files).append(text)
        else:
            quoted.append(text)
        unread.blank(*match.span())
    for match in list(re.finditer(r"\S+", unread.text)):
        token = match[0].strip(",;:!?()[]{}<>…–—").rstrip(".")
        if token and is_path(token) and not re.fullmatch(r"\.[a-z]+", token):
            (outputs if _writes_to(unread.whole[: match.start()], token) else files).append(token)
            unread.blank(*match.span())
    return tuple(dict.fromkeys(quoted)), tuple(dict.fromkeys(files)), tuple(dict.fromkeys(outputs))


def _writes_to(before: str, path: str) -> bool:
    """True if the words before a path say that it is to be written."""
    near = before[-90:]
    ending = path.rpartition(".")[2].lower()
    if (
        re.search(r"\baccording to\s+\Z|\b(?:did|do|does|was|were|has|have)\b[^.!?]*\Z", near, re.IGNORECASE)
        and ending not in _FORMATS
    ):
        return False
    verb = (
        re.search(
            rf"\b(?:{_WRITES[3:-1]}|draw|plot|chart|graph|report|summary|csv|json|table|result)\b", near, re.IGNORECASE
        )
        is not None
    )
    if re.search(r"\b(?:into|called|named|as)\s+(?:the |a |an )?(?:file )?[\"'`]?\Z", near, re.IGNORECASE):
        return verb or ending in _FORMATS
    if re.search(r"\b(?:to|in)\s+(?:the |a |an )?(?:file )?[\"'`]?\Z", near, re.IGNORECASE):
        return ending in ("svg", "png") or (verb and ending in (*_FORMATS, "txt", "html") and _other_path(before))
    return False


def _other_path(before: str) -> bool:
    """True if a path was named before, so that this one is where something goes."""
    named = any(is_path(word.strip(",;:!?()[]")) for word in before.split())
    return (
        named
        or re.search(
            r"\b(?:save|store|export|write|put)\s+(?:it|that|this|them|the result|those)\b", before, re.IGNORECASE
        )
        is not None
    )


# ---- files to write


def _saves(unread: Unread, outputs: tuple[str, ...]) -> tuple[Save, ...]:
    found: dict[str, Save] = {}
    shape = ""
    drawn = unread.take(
        r"\b(?:draw(?:s|n|ing)?|plot(?:s|ted|ting)?|chart(?:s|ed|ing)?|graph(?:s|ed|ing|ics?|ically)?|visuali[sz]\w+|"
        r"diagrams?|sketch(?:ed)?|pictures?)\b"
    )
    drawn = drawn or unread.take(r"\b(?:one |a )?bars?\b(?=\s+(?:per|for|each))|\bas bars\b")
    if drawn is not None:
        shaped = re.search(
            r"\b(bar|line|column|pie)s?[- ]?(?:chart|graph|plot|diagram)|\b(bar)s?\b", unread.whole, re.IGNORECASE
        )
        named = (shaped[1] or shaped[2]).lower() if shaped is not None else ""
        shape = "bar" if named == "column" else named
        unread.take_all(
            r"\b(?:bar|line)?[- ]?(?:charts?|graphs?|plots?|diagrams?|histograms?|bars?|pictures?|"
            r"image|svg|png)\b|\bover time\b|\bas an?\b(?=\s*$)"
        )
        unread.take_all(r"\b(?:draw(?:n|ing)?|plot(?:ted|ting)?|mak(?:e|ing)|creat(?:e|ing)|produce|generate)\b")
        found["chart"] = Save("chart", "", (), shape)
    histogram = unread.take(r"\bhistogram\b")
    if histogram is not None:
        found["chart"] = Save("chart", "", (), "bar")
    columns = _columns(unread)
    for match in unread.take_all(
        rf"\b(?:(?:{_WRITES}\b[^.!?]{{0,40}}?\b)?(?:as|to|in|into|an?|the)\s+(?:an?\s+|"
        rf"the\s+)?(?:{'|'.join(_FORMATS)})\b(?:[- ](?:file|table|format|document|report))?)"
    ):
        name = next(word for word in reversed(re.findall(r"[a-z]+", match[0].lower())) if word in _FORMATS)
        found.setdefault(_FORMATS[name], Save(_FORMATS[name], "", columns))
    if found or outputs:
        unread.take_all(r"\b(?:table|tables|results?|answer|output|counts)\b")
    written = (unread.take if found or outputs or re.search(r"\bfile\b", unread.text) else unread.has)(
        rf"\b{_WRITES}\b(?!\s+(?:by|the (?:most|fewest)))"
    )
    for match in unread.take_all(rf"\b(?:{'|'.join(_FORMATS)})\b(?:[- ](?:file|table|format|report|summary))?"):
        name = re.findall(r"[a-z]+", match[0].lower())[0]
        found.setdefault(_FORMATS[name], Save(_FORMATS[name], "", columns))
        if match[0].lower().endswith(("report", "summary")):
            unread.text += " summary"
            unread.whole += " summary"
    if written is not None and not outputs and not found and re.search(r"\bfile\b", unread.text):
        found["file"] = Save("file", "", columns)
    for path in outputs:
        ending = path.rpartition(".")[2].lower()
        kind_of = _FORMATS.get(ending, ending)
        found[kind_of] = Save(kind_of, path, columns, shape)
    return tuple(found.values())


def _columns(unread: Unread) -> tuple[str, ...]:
    """The columns that a table is wanted with: "with time, component and message"."""
    match = unread.has(
        r"\b(?:with|containing)\s+(?:the\s+)?(?:columns?\s+)?((?:\w+(?:,\s*|\s+and\s+|,\s*and\s+)"
        r")+\w+)\s*(?:columns?)?(?=[.!?]|\s*$)"
    )
    if match is None:
        match = unread.has(r"\bcolumns?:?\s+((?:\w+(?:,\s*|\s+and\s+))*\w+)")
    if match is None:
        return ()
    words = [word for word in re.split(r",\s*(?:and\s+)?|(?<!\s)\s+and\s+", match[1]) if word]
    if any(word.lower() in ("count", "counts", "how", "more") for word in words):
        return ()
    unread.blank(*match.span())
    return tuple(words)


# ---- times


def _times(unread: Unread) -> tuple[str, str]:
    between = unread.take(
        rf"\b(?:between|from|betw\.?)\s+(?P<a>{_MOMENT})\s*(?:and|to|until|till|through|-|–)\s*(?P<b>{_MOMENT})"
    ) or unread.take(rf"(?P<a>{_MOMENT})\s*(?:-|–|to|until)\s*(?P<b>{_MOMENT})")
    if between is not None:
        a, b = _moment(between["a"]), _moment(between["b"])
        return a, (a.split("T")[0] + "T" + b if "T" in a and "T" not in b and ":" in b and "-" not in b else b)
    since = unread.take(
        rf"\b(?:since|after|from|starting (?:at|from)|later than|past)\s+(?P<a>{_MOMENT})(?:\s+on(?:wards?)?)?"
    )
    until = unread.take(rf"\b(?:until|till|before|up to|to|by|prior to|earlier than)\s+(?P<b>{_MOMENT})")
    if since is None and until is None:
        at = unread.take(rf"\b(?:at|in|during|on|of)\s+(?:minute\s+|hour\s+)?(?P<a>{_MOMENT})")
        if at is not None:
            return _moment(at["a"]), "+"
    return _moment(since["a"]) if since else "", _moment(until["b"]) if until else ""


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def _moment(text: str) -> str:
    """A time as scripts take it: 2024-05-01T12:00, 12:00."""
    low = text.lower().removeprefix("the ").strip()
    clock = re.search(rf"(?:{_CLOCK})\Z", low)
    time = _clock(clock[0]) if clock is not None else ""
    rest = low[: clock.start()].strip(" ,t").removesuffix(" at").strip() if clock is not None else low
    month = re.search(r"[a-z]{3}", rest)
    if month is not None and month[0] in _MONTHS:
        numbers = re.findall(r"\d+", rest)
        year = next((number for number in numbers if len(number) == 4), "")
        day = next((number for number in numbers if len(number) < 3), "1")
        date = (
            f"{year}-{_MONTHS.index(month[0]) + 1:02}-{int(day):02}".lstrip("-")
            if year
            else f"{month[0].title()} {int(day)}"
        )
        return f"{date}{'T' if year else ' '}{time}".strip() if time else date
    date = rest.replace("/", "-")
    return f"{date}T{time}" if date and time else date or time


def _clock(text: str) -> str:
    hour, _, rest = re.sub(r" ?(?:[ap]m|o'clock)", "", text).partition(":")
    number = int(hour)
    if "pm" in text and number < 12:
        number += 12
    return f"{number:02}:{rest or '00'}"


# ---- conditions


_OPERATORS = {
    "more than": ">",
    "greater than": ">",
    "longer than": ">",
    "larger than": ">",
    "bigger than": ">",
    "above": ">",
    "over": ">",
    "exceeding": ">",
    "exceeds": ">",
    "slower than": ">",
    "higher than": ">",
    "at least": ">=",
    "less than": "<",
    "fewer than": "<",
    "shorter than": "<",
    "smaller than": "<",
    "below": "<",
    "under": "<",
    "faster than": "<",
    "lower than": "<",
    "at most": "<=",
    ">=": ">=",
    "<=": "<=",
    ">": ">",
    "<": "<",
    "!=": "!=",
    "==": "=",
}


_OF_THINGS = frozenset({"slower than", "faster than"})
"""Comparisons of things, not of their fields: "jobs slower than 2 s"."""
_TIME_UNITS = {"ms": "ms", "mi": "ms", "s": "s", "se": "s"}
"""Units of time by their first two letters."""


def _conditions(unread: Unread) -> Iterator[tuple[str, str, str]]:
    names = "|".join(sorted(map(re.escape, _OPERATORS), key=len, reverse=True))
    for match in unread.take_all(
        rf"(?:(?:\b(?:with|where|whose|and|the|an?|had)\s+)*(?P<name>[A-Za-z][\w.]*)\s+)?(?:(?:is|"
        rf"was|were|took|of|being|with)\s+)*"
        rf"(?P<op>{names})\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|secs?|seconds?|"
        rf"milliseconds?|bytes|kb|mb)?\b(?!:)"
    ):
        name = (match["name"] or "").lower()
        thing = match["op"].lower() in _OF_THINGS
        if thing or name in lexicon.FILLER or name in lexicon.LINE_NOUNS or name in lexicon.LEVELS:
            if name and (thing or name in lexicon.LEVELS or name in lexicon.LINE_NOUNS):
                unread.text = unread.text[: match.start("name")] + match["name"] + unread.text[match.end("name") :]
            name = ""
        unit = _TIME_UNITS.get((match["unit"] or "").lower()[:2], "")
        yield match["name"] if name else "", _OPERATORS[match["op"].lower()], f"{match['number']}{unit}"
    for match in unread.take_all(
        r"(?<![\w.])(?P<name>[A-Za-z][\w.-]*)(?P<op>!=|==|=|>=|<=|>|<)(?P<value>[\w.:/-]*\w)|"
        r"(?<![\w.])(?P<n2>[A-Za-z][\w.-]*) (?P<op2>!=|==|=|>=|<=|>|<) ?(?P<v2>\d[\w.:/-]*)"
    ):
        operator = match["op"] or match["op2"]
        yield match["name"] or match["n2"], {"==": "="}.get(operator, operator), match["value"] or match["v2"]


def _codes(unread: Unread) -> Iterator[str]:
    """Status codes: "503s", "5xx", "status 404", "404 responses"."""
    for match in unread.take_all(
        r"\b(?:http\s+)?(?:(?:status|code|response)(?:\s+code)?s?\s+(?:of\s+|is\s+|was\s+|=\s*)?)([1-5](?:\d\d|xx))\b"
    ):
        yield match[1].lower()
    for match in unread.take_all(r"\b([1-5]xx)(?:'?s)?\b(?:\s+(?:status|code|response|error|one)\w*(?:\s+codes?)?)?"):
        yield match[1].lower()
    for match in unread.take_all(r"\b([1-5]\d\d)'?s\b(?!\s*(?:time|second))"):
        yield match[1]
    for match in unread.take_all(
        r"\b(?:with|by|got|as|an?|and|or|was|were|than|of)\s+(?:an?\s+)?([1-5]\d\d)"
        r"(?:\s+(?:status|code|response|error)s?\b(?:\s+codes?)?)?(?=\s*(?:$|[,?.!)]|in\b|and\b|"
        r"or\b|vs?\b))"
        r"|\b([1-5]\d\d)\s+(?:status(?:es)?|response|answer|repl(?:y|ie)|code|error|request)s?\b"
    ):
        yield match[1] or match[2]


def _levels(unread: Unread) -> tuple[tuple[str, ...], bool]:
    """The levels, and whether worse ones count too."""
    worse = unread.take(
        rf"(?:\b(?:at|of|with)\s+)?(?:\blevels?\s+)?\b(?P<level>{_LEVEL})"
        rf"s?\s*(?:level\s+)?(?:\+(?!\s*\w)|(?:(?:and|or|\+)\s+)(?:worse|above|higher|up|more "
        rf"severe|over)\b)"
    ) or unread.take(rf"\b(?:at (?:least )?|above |from )(?P<level>{_LEVEL})\s+(?:level )?(?:and up|upwards?|on)\b")
    if worse is not None:
        return (lexicon.LEVELS[worse["level"].lower()],), True
    found: dict[str, bool] = {}
    for match in unread.take_all(
        rf"(?<![\w.=-])(?:(?:at|of)\s+)?(?:level\s+)?(?P<level>{_LEVEL})(?:s)?(?:[- ](?:level|"
        rf"severity))?(?![\w=]|\.\w|-\w)"
    ):
        word = match["level"]
        after = unread.whole[match.end() : match.end() + 12].strip().lower()
        exact = (
            word.isupper()
            or "level" in match[0].lower()
            or re.match(r"(?:level|lines?|entr|record|severity)", after) is not None
        )
        level = lexicon.LEVELS[word.lower()]
        found[level] = found.get(level, False) or exact
    return tuple(found), tuple(found) == ("ERROR",) and not found["ERROR"]
