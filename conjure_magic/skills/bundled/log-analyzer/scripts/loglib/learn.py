"""Learns line layouts from a sample: where the time stands, which columns follow, where the message starts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from loglib import clock, columns, envelope, levels, structured, tables, web
from loglib.envelope import Envelope
from loglib.layout import Layout, time_source
from loglib.months import month as month_of

_MAX_LAYOUTS = 4
_MAX_DEPTH = 3  # of envelopes in each other
_ENOUGH = 0.01
_DELIMITERS = ("|", ";", ",", "\t")
_ENOUGH_LINES = 1000
_HEAD = 160
# A minus may begin a zone behind a time, and nothing else that has digits.
_AFTER = r"(?!\d|[:.]\d|-(?!(?:0\d|1[0-2])(?::?[0-5]\d)?(?![\w.-]|:\d))\d)"
_LONGEST = 2000  # characters of a line in which its columns are looked for
_FRACTION = (r"(?:[.,:]\d{1,9}(?!\d))?", r"\.\d{3,9}")  # the second for a clock that must have one
# Stand-ins for what varies in the literal text that is glued to the front of a time.
LEVEL_MARK, PRIORITY_MARK = "\x01", "\x02"
_GLUED_LEVEL = re.compile(rf"(?<![A-Za-z])(?:(?i:{levels.WORD})|{levels.LETTER})(?![A-Za-z])")
# What is a date by its looks, right before a time, though none that is understood.
_WORDISH = r"[^\s!-@\[-`{-~]{2,15}\.?"
_DATE_LIKE = re.compile(
    rf"(?:\d{{1,4}}[-/. ]+{_WORDISH}(?:[-/., ]+\d{{2,4}})?|{_WORDISH}[-/ ]+\d{{1,2}},?[-/ ]+\d{{4}}"
    r"|\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}|(?<!\d)(?:19|20)\d\d(?:\D[^\s]{0,12}(?: [^\s]{1,12}){0,2})?)[\]\s,T_-]*\Z"
)
_CONTINUATION = re.compile(r"\s|\}|\)|\]|Caused by\b|at \S+\(|\.\.\. \d+ |Traceback |$")


@dataclass(frozen=True)
class Slot:
    """A place where one style of time stands: after `tokens` words and the literal `glue`.

    `tokens` is -1 where it stands in a cell of its own, behind the delimiter `glue`.
    """

    style: clock.Style
    tokens: int
    glue: str


def learn(sample: Sequence[str], depth: int = 0) -> list[Layout]:
    """Layouts for the sample, commonest first; never empty (the last resort is a bare message)."""
    lines = [line for line in sample if line.strip()]
    wrapped = envelope.find(lines, _worth) if depth < _MAX_DEPTH else None
    if wrapped is not None:
        return _learn_inside(wrapped, lines, depth)
    table = tables.detect(lines)
    if table is not None:
        read = tables.reader(table)
        rows = [cells for line in lines[:400] if (cells := read(line))]
        share = sum(1 for line in lines if read(line) is not None) / len(lines)
        return [structured.with_fields(replace(table, share=share), rows)]
    layouts = _learn_bare(lines)
    if sum(map(web.is_request, lines)) > 0.5 * len(lines):
        layouts = [replace(layout, requests=True) for layout in layouts]
    first = layouts[0]
    if first.kind == "text" and depth < _MAX_DEPTH:
        wrapped = envelope.around(first.pattern, first.style, lines)
        if wrapped is not None:
            return _learn_inside(wrapped, lines, depth)
    return layouts


def _learn_inside(wrapped: Envelope, lines: Sequence[str], depth: int) -> list[Layout]:
    """Layouts of what is in an envelope, and of the lines that are in none."""
    opened = envelope.opener(wrapped, datetime(2000, 1, 1))  # the day is no matter: only what is inside counts
    found = [(line, opened(line)) for line in lines]
    inside = learn([outer.inner for _, outer in found if outer], depth + 1)
    outside = [line for line, outer in found if outer is None]
    part = 1 - len(outside) / (len(lines) or 1)
    layouts = [replace(layout, envelopes=(wrapped, *layout.envelopes), share=layout.share * part) for layout in inside]
    if len(outside) > max(_ENOUGH * len(lines), 2):
        layouts += [replace(layout, share=layout.share * (1 - part)) for layout in _learn_bare(outside)
                    if layout.style or layout.kind != "text"]  # fmt: skip
    return layouts


def _worth(inner: Sequence[str], *, levelled: bool) -> float:
    """The part of lines that have a form of their own: named fields, a standard, or a full time at the start.

    `levelled`: a level at the start is enough.
    """
    lines = [line for line in inner if line.strip()]
    if not lines:
        return 0.0
    known = structured.detect(lines)
    if known is not None:
        fits = structured.matcher(known)
        return sum(1 for line in lines if fits(line)) / len(lines)
    if levelled and columns.untimed(lines).level_rule != "none":
        return 1.0
    slot = _best_slot(lines)
    if slot is None or slot.tokens:
        return 0.0
    if not slot.style.has_date and _timed(lines, slot)[0].level_rule == "none":
        return 0.0
    head = re.compile(_tokens(slot.tokens) + _glue_source(slot.glue) + slot.style.core)
    return sum(1 for line in lines if head.match(line)) / len(lines)


def _learn_bare(lines: Sequence[str]) -> list[Layout]:
    layouts: list[Layout] = []
    spare: list[Layout] = []
    rest = [line for line in lines if not _CONTINUATION.match(line)] or list(lines)
    while rest and len(layouts) < _MAX_LAYOUTS and len(rest) >= max(len(lines) * _ENOUGH, 3 if layouts else 1):
        learnt = _learn_one(rest, first=not layouts)
        if not learnt:
            break
        fits = structured.matcher(learnt[0])
        left = [line for line in rest if not fits(line)]
        if len(left) == len(rest):
            break
        layouts.append(replace(learnt[0], share=(len(rest) - len(left)) / len(lines)))
        spare += learnt[1:]
        rest = [line for line in left if not _CONTINUATION.match(line)]
    if not layouts:
        return [Layout("text", r"(?P<message>.*)", share=1.0)]
    known = {layout.pattern for layout in layouts}
    spare = [layout for layout in {layout.pattern: layout for layout in spare}.values() if layout.pattern not in known]
    return _with_confidence([layouts[0], *sorted(layouts[1:] + spare, key=_richness)], lines)


def _richness(layout: Layout) -> int:
    """Sort key: of the layouts that a line is tried against after the first, the one that tells most comes first."""
    return -sum(f"(?P<{role}>" in layout.pattern for role in ("level", "component", "host", "pid"))


def _with_confidence(layouts: list[Layout], lines: Sequence[str]) -> list[Layout]:
    """The shares as parts of what are lines of their own: a continuation is no line that a layout should fit."""
    matchers = [structured.matcher(layout) for layout in layouts]
    hits = [0] * len(layouts)
    own = 0
    continuing = False
    following = [*(_CONTINUATION.match(line) is not None for line in lines[1:]), False]
    for line, before_trace in zip(lines, following, strict=True):
        place = next((i for i, fits in enumerate(matchers) if fits(line)), None)
        if place is not None:
            hits[place] += 1
            continuing = False
        else:
            continuing = continuing or before_trace or _CONTINUATION.match(line) is not None
        own += not continuing
    return [replace(layout, share=count / (own or 1)) for layout, count in zip(layouts, hits, strict=True)]


def given(pattern: re.Pattern[str], sample: Sequence[str]) -> Layout:
    """A layout from a regular expression with named groups (`ts`, `level`, `component`, `host`, `pid`, `message`)."""
    source = pattern.pattern if "message" in pattern.groupindex else rf"(?:{pattern.pattern})\s*(?P<message>.*)"
    regex = re.compile(source)
    matches = [match for line in sample if (match := regex.match(line))]
    style = None
    if "ts" in regex.groupindex:
        texts = [match["ts"] or "" for match in matches[:500]]
        fitting = (style for style in (*clock.STYLES, clock.EPOCH) if _fits_all(style, texts))
        style = next(fitting, None)
    share = len(matches) / (len(sample) or 1)
    rule = "column" if "level" in regex.groupindex else "none"
    return Layout("text", source, style, share, rule, tuple(regex.groupindex))


def _fits_all(style: clock.Style, texts: Sequence[str]) -> bool:
    regex = re.compile(style.pattern)
    return bool(texts) and sum(1 for text in texts if regex.fullmatch(text)) >= 0.9 * len(texts)


def _learn_one(lines: Sequence[str], *, first: bool) -> list[Layout]:
    """A layout and what to try where it fails: the same with fewer columns."""
    known = structured.detect(lines)
    if known:
        return [known]
    lines = [line[:_LONGEST] for line in lines]
    slot = _best_slot(lines)
    if slot is None:
        return [columns.untimed(lines)] if first else []
    if not first and not _leads(slot):
        return []
    return _timed(lines, slot)


def _leads(slot: Slot) -> bool:
    """Whether a time stands where a record begins: at the start of its line, behind a level or a mark at most."""
    return (
        slot.tokens == 0
        and re.search(r"\w|['\"]", slot.glue.replace(LEVEL_MARK, "").replace(PRIORITY_MARK, "")) is None
    )


def _timed(lines: Sequence[str], slot: Slot) -> list[Layout]:
    lines = lines[:: max(len(lines) // _ENOUGH_LINES, 1)]
    style = _settled(slot.style, lines, slot)
    prefix = _prefix(slot)
    head = re.compile(prefix + time_source(style))
    ends = [(line, match.end()) for line in lines if (match := head.match(line))]
    rests = [line[end:] for line, end in ends]
    kept = [line for line, _ in ends]
    delimited = columns.delimited(kept, style)
    if delimited:
        return [delimited]
    bodies = columns.after_time(rests, has_level="(?P<level>" in prefix or "(?P<pri>" in prefix)
    layouts = [_layout(prefix + time_source(style) + body, kept, style) for body in bodies]
    if not style.has_date and style is not clock.UPTIME:
        before = [line[: match.start("ts")] for line in kept[:200] if (match := head.match(line))]
        if sum(1 for text in before if _DATE_LIKE.search(text)) >= 0.5 * len(before):
            layouts = [replace(layout, undated=True) for layout in layouts]
    if style is clock.UPTIME and not _runs_forward(
        [match["ts"] + match["frac"] for line in kept if (match := head.match(line))]
    ):
        return [columns.untimed(lines)]
    lettered = slot.glue == LEVEL_MARK and all(re.match(rf"\s*{levels.LETTER}\d", line) for line in kept)
    return [replace(layout, level_rule="letter") for layout in layouts] if lettered else layouts


def _runs_forward(written: Sequence[str]) -> bool:
    """Whether numbers hardly ever fall, as seconds since a start do and measurements do not."""
    falls = sum(1 for one, other in pairwise(map(float, written)) if other < one)
    return falls <= 0.2 * len(written)


def _layout(pattern: str, lines: Sequence[str], style: clock.Style) -> Layout:
    pattern, names = columns.name_columns(pattern, lines)
    rule = "column" if "(?P<level>" in pattern else "priority" if "(?P<pri>" in pattern else "none"
    return Layout("text", pattern, style, level_rule=rule, columns=tuple(names))


def _settled(style: clock.Style, lines: Sequence[str], slot: Slot) -> clock.Style:
    regex = re.compile(_tokens(slot.tokens) + _glue_source(slot.glue) + style.pattern)
    seen = [match.groupdict() for line in lines[:1000] if (match := regex.match(line))]
    return clock.settle_order(style, seen)


def _tokens(count: int) -> str:
    if count < 0:
        return r".*?"
    return rf"(?:\S+\s+){{{count}}}" if count else r"\s*"


def _prefix(slot: Slot) -> str:
    """Pattern of what stands before the time, each word a column of its own."""
    if slot.tokens < 0:
        return r".*?" + re.escape(slot.glue)
    words = "".join(rf"(?P<p{i + 1}>\S+)\s+" for i in range(slot.tokens))
    return (words or r"\s*") + _glue_source(slot.glue, named=True)


def _glue_source(glue: str, *, named: bool = False) -> str:
    level = rf"(?P<level>(?i:{levels.WORD})|{levels.LETTER})" if named else r"\w+"
    priority = r"<(?P<pri>\d{1,3})>" if named else r"<\d+>"
    return re.escape(re.sub(r"\s+", "", glue)).replace(LEVEL_MARK, level).replace(PRIORITY_MARK, priority) + (
        r"\s*" if glue else ""
    )


def _best_slot(lines: Sequence[str]) -> Slot | None:
    probe = [line[:_HEAD] for line in lines[:: max(len(lines) // 200, 1)][:240]]
    text = "\n".join(probe)
    shape = re.sub(r"\d", "0", text)
    months = clock.has_months(text)
    found: dict[Slot, Counter[str]] = {}
    for style in (*clock.STYLES, clock.LETTERED, clock.EPOCH, clock.UPTIME):
        if not clock.possible(style, shape, months):
            continue
        before, after = _around(style)
        regex = re.compile(f"{before}{style.core}{_FRACTION[style is clock.UPTIME]}{after}")
        for line in probe:
            for match in regex.finditer(line):
                if "b" in regex.groupindex and month_of(match["b"]) is None:
                    continue
                slot = _slot_of(style, line, match.start())
                found.setdefault(slot, Counter())[match[0]] += 1
    scored = [(_score(slot, seen, len(probe)), slot) for slot, seen in found.items()]
    scored = [(score, slot) for score, slot in scored if score > 0]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def _around(style: clock.Style) -> tuple[str, str]:
    """Patterns of what may stand right before and right after a time."""
    glued = rf"(?<=\b{levels.LETTER})"
    free = r"(?<![\w.:/-])"
    before = glued if style is clock.LETTERED else rf"(?:{glued}|{free})" if style.name.startswith("Ymd8 ") else free
    # A serial number may follow on seconds since 1970: 1700000000.123:42.
    return before, r"(?!\d|[.-]\d)" if style is clock.EPOCH else _AFTER


def _slot_of(style: clock.Style, line: str, start: int) -> Slot:
    before = line[:start]
    glue = re.search(r"(?:\S*[\[({<]\s+)?\S*\Z", before)
    text = _GLUED_LEVEL.sub(LEVEL_MARK, glue[0] if glue else "", count=1)
    text = re.sub(r"\A<\d{1,3}>", PRIORITY_MARK, text)
    if text[-1:] in _DELIMITERS and re.search(r"\w", text):
        return Slot(style, -1, text[-1])
    text_length = len(glue[0]) if glue else 0
    return Slot(style, len(before[: len(before) - text_length].split()), re.sub(r"\s+", "", text))


def _score(slot: Slot, seen: Counter[str], total: int) -> float:
    """How good a place for the time: coverage first, then how complete and how alive the time is."""
    coverage = sum(seen.values()) / total
    if coverage < 0.2:
        return 0.0
    worth = slot.style.worth
    if any("." in text or "," in text for text in list(seen)[:5]):
        worth += 0.3
    if re.search(r"\w", slot.glue):
        worth -= 1.5
    if len(seen) == 1 and total >= 20:
        worth -= 0.5
    if slot.style.name == "epoch" and slot.tokens > 0 and len(seen) < 3 and total > 20:
        worth -= 1.0
    return coverage * 4 + worth - 0.05 * slot.tokens if worth > 0 else 0.0
