"""A request of several parts: where one ends, what a later one takes from those before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conjure_magic.models.offline.mentions import is_path
from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.spans import QUOTED, WORD
from conjure_magic.models.offline.reading.value import Ask, Reading

_BOUNDARY = re.compile(
    r"(?:,?(?<!\s)\s+and(?: then)?|;|,? then|,|\.|\?|!|\s&)\s+(?=(?:also |then |please |in )?"
    r"(?:which|what|when|who|how many|how often|how long|count|draw|plot|chart|graph|show|"
    r"list|print|save|write|export|give|tell|summari[sz]e|compare|find)\b)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:and\s+)?(?:also\s+)?(?:how (?:many|often|much)|what(?:'s| is) (?:the |its )?(?:count|"
    r"number|total)|give (?:me )?(?:the |its )?(?:counts?|numbers?)|"
    r"show (?:the )?(?:counts?|numbers?)|tell me how (?:many|often)|which ones|(?:and )?when|at what time|count too|"
    r"count them)\b(?P<rest>[^?.!]*)[?.!\s]*\Z",
    re.IGNORECASE,
)
_SAVES = re.compile(
    r"(?:please\s+)?(?:save|write|export|store|draw|plot|chart|graph|show)\s+(?:it|that|this|"
    r"them|the (?:result|answer|table|counts)|those)\b",
    re.IGNORECASE,
)
_REFERS = re.compile(r"\b(?:of them|of these|of those|these|those|them|its|their|it)\b", re.IGNORECASE)
_POINTERS = frozenset(
    [
        "each",
        "of",
        "them",
        "these",
        "those",
        "it",
        "in",
        "that",
        "one",
        "for",
        "was",
        "were",
        "did",
        "are",
        "there",
        "was",
        "is",
        "per",
        "respectively",
        "times",
        "overall",
        "total",
        "altogether",
        "that's",
        "the",
    ]
)


@dataclass(frozen=True)
class Clause:
    """A part of a request that asks for something of its own."""

    text: str
    refers: bool = False
    """True if it speaks of what the part before is about: "which of them"."""


def split(text: str) -> tuple[Clause, ...]:
    """The parts of a request; "…, and how many?" stays with what it counts."""
    text = _without_tail(text)
    guarded = QUOTED.sub(lambda match: "x" * len(match[0]), text)
    cuts = [0]
    for match in _BOUNDARY.finditer(guarded):
        if guarded[cuts[-1] : match.start()].strip() and _asks(guarded[cuts[-1] : match.start()]):
            cuts += [match.start(), match.end()]
    cuts.append(len(text))
    parts = [text[cuts[i] : cuts[i + 1]].strip() for i in range(0, len(cuts), 2)]
    return tuple(Clause(part, refers=_REFERS.search(part) is not None) for part in parts if part)


def _without_tail(text: str) -> str:
    """The text with "…, and how many did each write?" shortened to what it adds: "with counts"."""
    paths = [match for match in re.finditer(r"\S+", text) if is_path(match[0].strip(",;:!?()"))]
    guarded = QUOTED.sub(lambda match: "x" * len(match[0]), text)
    for path in paths:
        length = len(path[0].rstrip(",;:!?)."))
        guarded = guarded[: path.start()] + " " * length + guarded[path.start() + length :]
    for cut in re.finditer(r"[,;.?!]\s+(?:and\s+)?|(?<!\s)\s+(?:and|&|\+)\s+", guarded):
        match = _TAIL.match(guarded, cut.end())
        if match is None or not guarded[: cut.start()].strip(" ,.;:–—-"):
            continue
        words = [word[0].lower() for word in WORD.finditer(match["rest"])]
        new = [
            word
            for word in words
            if word not in _POINTERS and word not in lexicon.FILLER and word not in lexicon.LINE_NOUNS
        ]
        pointed = {"each", "them", "it", "these", "those", "they"} & set(words)
        if new and not pointed:
            continue
        listed = pointed or re.search(r"\b(?:which|who|what|list)\b", guarded[: cut.start()], re.IGNORECASE)
        kept = " ".join(path[0].rstrip("?!.,") for path in paths if path.start() > cut.start())
        if re.match(r"(?:and )?(?:when|at what)", match[0], re.IGNORECASE):
            added = " when"
        else:
            added = " with counts" if listed else " how many"
        return f"{text[: cut.start()]}{added} {kept}".rstrip() + "?"
    return text


def _asks(before: str) -> bool:
    """True if a part is a request and not just a heading such as "In shop.log"."""
    words = [match[0].lower() for match in WORD.finditer(before)]
    return len(
        [word for word in words if word not in lexicon.FILLER or word in ("count", "show", "list")]
    ) > 1 and not re.match(r"\s*(?:in|for|from|look at|see|take|here is|hello|hi|hey)\b[^,]*$", before, re.IGNORECASE)


def inherit(reading: Reading, before: Sequence[Reading], *, refers: bool) -> Reading:
    """A later part with what it leaves to the one before."""
    if not before:
        return reading
    last = before[-1]
    if refers and not reading.has_subject:
        kept = {
            name: getattr(last, name)
            for name in ("levels", "or_worse", "quoted", "names", "codes", "topic", "conditions")
        }
        reading = replace(reading, **kept)
    if not reading.since and not reading.until and refers:
        reading = replace(reading, since=last.since, until=last.until)
    return reading


def only_saves(reading: Reading) -> bool:
    """True for "and save that as x.csv", "and draw them": the part before, written to a file."""
    if not reading.saves or reading.ask not in (Ask.NONE, Ask.LINES, Ask.COUNT, Ask.CONVERT, Ask.BREAKDOWN):
        return False
    bare = not (reading.has_subject or reading.value or reading.unit not in ("", "time"))
    return bare and (_SAVES.search(reading.text) is not None or not reading.files)


def share_files(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Every part with the files that any part names, where it names none."""
    files = next((reading.files for reading in readings if reading.files), ())
    urls = next((reading.urls for reading in readings if reading.urls), ())
    return tuple(replace(r, files=r.files or files, urls=r.urls or urls) for r in readings)
