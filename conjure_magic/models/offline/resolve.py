"""A reading tied to what the files hold: which lines are meant, and where the value stands that is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from conjure_magic.models.offline.fields import (
    MOST_FIELDS,
    PEOPLE,
    duration_field,
    field_for,
    field_with,
    no_field,
    singular,
)
from conjure_magic.models.offline.numbers import find_number, matches
from conjure_magic.models.offline.places import find_category
from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.value import NUMERIC, OF_VALUES, Ask, Reading
from conjure_magic.models.offline.resolved import Resolved, Take, code_list
from conjure_magic.models.offline.sampling import REQUEST, Sample, stem_of
from conjure_magic.models.offline.slots import holds
from conjure_magic.models.offline.topic import match_topic

_OF_REQUESTS = frozenset(
    [
        "request",
        "requests",
        "response",
        "responses",
        "access",
        "accesses",
        "call",
        "calls",
        "visit",
        "visits",
        "answer",
        "answers",
    ]
)
_TEXT_WORDS = (*lexicon.LINE_NOUNS, "text", "string", "phrase", "word", "message", "containing", "saying", "written")


def resolve(reading: Reading, sample: Sample, fields: Sequence[str] = ()) -> Resolved:
    """Tie a reading to lines of the files and the fields that they have."""
    of_requests = _speaks_of_requests(reading) and sample.have_requests and not sample.are_requests
    reading = _plain_topic(_counted_people(reading, fields, sample), sample, fields)
    measure = re.search(rf"\bhow (?:many|much) ({'|'.join(lexicon.MEASURES)})\b", reading.text, re.IGNORECASE)
    if reading.ask is Ask.COUNT and measure is not None:
        return Resolved(
            reading, refused=f"I do not know which numbers tell the {measure[1]}; ask for the sum of a field"
        )
    if reading.unknown:
        return Resolved(reading, refused=f"I do not understand {code_list(reading.unknown)}")
    lines = [line for line in sample.lines if _has_quoted(line, reading)]
    found = _filters(reading, lines, sample, fields)
    if of_requests and not found.refused and not found.grep:
        found = replace(found, grep=REQUEST, text="an HTTP request")
    if found.refused:
        return found
    matching = [line for line in lines if not found.grep or matches(found.grep, line)]
    return _valued(found, matching or lines, sample, fields)


def _counted_people(reading: Reading, fields: Sequence[str], sample: Sample) -> Reading:
    """ "How many visitors" asks how many different ones there are, where a field names them."""
    if reading.ask is not Ask.COUNT or len(reading.topic) != 1 or reading.topic[0].lower() not in PEOPLE:
        return reading
    if not field_for(reading.topic, fields, sample):
        return reading
    return replace(reading, ask=Ask.DISTINCT, value=reading.topic, topic=())


def _plain_topic(reading: Reading, sample: Sample, fields: Sequence[str]) -> Reading:
    """The reading without topic words that only say "lines" of this kind of file."""
    general = {"line", "entry", "record", "log", *(_OF_REQUESTS if sample.are_requests or sample.have_requests else ())}
    topic = tuple(word for word in reading.topic if not {word.lower(), singular(word.lower())} & general)
    value = reading.value
    if sample.have_requests and len(value) == 1 and stem_of(value[0]) in {stem_of("request"), stem_of("response")}:
        sized = reading.ask in (Ask.MAX, Ask.MIN) and reading.number_unit not in ("seconds", "milliseconds")
        value = ("bytes",) if sized and "bytes" in fields else ()
    return replace(reading, topic=topic, value=value)


def _speaks_of_requests(reading: Reading) -> bool:
    spoken = {stem_of(word) for word in (*reading.topic, *reading.value)}
    return bool(spoken & {stem_of(word) for word in _OF_REQUESTS})


def _has_quoted(line: str, reading: Reading) -> bool:
    return all(text.lower() in line.lower() for text in reading.quoted)


def _filters(reading: Reading, lines: Sequence[str], sample: Sample, fields: Sequence[str]) -> Resolved:
    parts: list[tuple[str, str]] = []
    ignored: list[str] = []
    assumed: list[str] = []
    where: list[str] = []
    parts += [(re.escape(text).replace(r"\ ", " "), f"`{text}`") for text in reading.quoted]
    for name in () if reading.ask is Ask.COMPARE else reading.names:
        if name.endswith(("_", "-")) and reading.ask in OF_VALUES:
            continue
        if any(name.lower() in line.lower() for line in sample.lines):
            parts.append((rf"(?<![\w.]){re.escape(name)}(?![\w]|\.\w)", f"`{name}`"))
        elif reading.quoted or _is_hint(name, reading):
            ignored.append(name)
        else:
            return Resolved(reading, refused=f"none of the lines that I read contains `{name}`")
    for field_, sign, value in reading.conditions:
        name = field_for((field_,), fields, sample) if field_ else duration_field(fields, sample)
        if not name:
            return Resolved(reading, refused=no_field(field_ or "number", fields))
        number, notes = _in_unit_of(name, value)
        where.append(f"{name}{sign}{number}")
        assumed += notes
    if reading.codes and not (status := field_for(("status",), fields, sample)):
        return Resolved(reading, refused=no_field("status", fields))
    where += [f"{status}={code}" for code in reading.codes if len(reading.codes) == 1]
    parts += [_codes(reading)] if len(reading.codes) > 1 else []
    topic = _topic_words(reading)
    if topic and reading.quoted and reading.ask not in NUMERIC:
        spoken = {stem_of(word) for text in reading.quoted for word in re.findall(r"[^\W\d_]+", text)}
        unused = [word for word in topic if stem_of(word) not in spoken and not _says_text(word)]
        assumed += [f"lines are found by the quoted text only, not by {code_list(unused)}"] if unused else []
    soft = reading.value if reading.ask in NUMERIC else ()
    if topic and not (reading.quoted and not soft):
        pattern, shown, missing, changed = match_topic(
            topic, [line for line in lines if all(matches(f"(?i){part}", line) for part, _ in parts)]
        )
        core = [word for word in missing if word not in soft]
        if not pattern or (core and len(core) * 2 > len(topic)) or (core and len(topic) == 1):
            missing_words = core or list(topic)
            apart = len(topic) > 1 and all(any(holds(line, word) for line in lines) for word in missing_words)
            return Resolved(reading, refused=_not_in_lines(topic if apart else missing_words, reading, fields))
        parts.append((pattern, shown))
        ignored += core
        assumed += changed
    assumed += _counted(topic, lines) if reading.ask is Ask.COUNT and not reading.weight else []
    grep = _joined([pattern for pattern, _ in parts])
    text = " and ".join(shown for _, shown in parts)
    return Resolved(reading, grep=grep, text=text, where=tuple(where), ignored=tuple(ignored), assumed=tuple(assumed))


def _counted(topic: Sequence[str], lines: Sequence[str]) -> list[str]:
    """A note where the lines themselves say how many of a thing there are."""
    for word in topic:
        amount = re.compile(rf"(?<![\w.:-])\d+(?:\.\d+)? {re.escape(stem_of(word))}", re.IGNORECASE)
        if sum(amount.search(line) is not None for line in lines if holds(line, word)) > 1:
            return [f"lines were counted; for the numbers that they hold, ask for the sum of `{word}`"]
    return []


def _in_unit_of(name: str, value: str) -> tuple[str, list[str]]:
    """A number in the unit that a field's name tells, and a note where it tells none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", value)
    if match is None:
        return value, []
    number, unit = match.groups()
    own = re.search(r"(?:^|[._])(ms|milliseconds|s|secs?|seconds)$", name.lower())
    if own is None:
        return number, [f"`{name}` was compared with {number} as the log writes it, whatever its unit is"]
    factor = {("s", "m"): 1000, ("ms", "s"): 0.001}.get((unit, own[1][0]), 1)
    return f"{float(number) * factor:g}", []


def _says_text(word: str) -> bool:
    """True for a word that only introduces the quoted text: "the message 'x'"."""
    return stem_of(word) in {stem_of(each) for each in _TEXT_WORDS}


def _topic_words(reading: Reading) -> tuple[str, ...]:
    words = [word for word in reading.topic if word.lower() not in lexicon.MEASURES and word not in reading.value]
    return tuple(words)


def _codes(reading: Reading) -> tuple[str, str]:
    codes = "|".join(code.replace("xx", r"\d\d") for code in reading.codes)
    return rf"(?:\" |status\W{{1,4}})(?:{codes})\b", "status " + " or ".join(reading.codes)


def _is_hint(name: str, reading: Reading) -> bool:
    return any(name.lower().startswith(stem_of(word)[:4]) for word in (*reading.value, *reading.topic))


def _joined(patterns: Sequence[str]) -> str:
    """One regular expression for all of these."""
    if not patterns:
        return ""
    if len(patterns) == 1:
        return f"(?i){patterns[0]}"
    return "(?i)^" + "".join(f"(?=.*{pattern})" for pattern in patterns)


def _not_in_lines(words: Sequence[str], reading: Reading, fields: Sequence[str]) -> str:
    """That no line contains these words; a number or group that is asked for is a field."""
    said = f"no line contains {code_list(words)}{' together' if len(words) > 1 else ''}"
    if (reading.ask in NUMERIC or reading.groups) and fields:
        said += f"; the fields of this log are {code_list(fields[:MOST_FIELDS])}"
    return said


def _valued(found: Resolved, lines: Sequence[str], sample: Sample, fields: Sequence[str]) -> Resolved:
    reading = found.reading
    groups: list[str] = []
    for name in reading.groups:
        field_ = field_for((name,), fields, sample)
        if not field_:
            return replace(found, refused=no_field(name, fields))
        groups.append(field_)
    found = replace(found, groups=tuple(dict.fromkeys(groups)))
    if reading.weight:
        pattern = re.sub(r"(?<!\w)[NnXx](?!\w)", "0000", re.escape(reading.weight).replace(r"\ ", " "))
        return replace(found, take=Take(pattern=pattern.replace("0000", r"(\d+)"), label=reading.weight))
    if reading.ask in NUMERIC:
        take, why = find_number(reading, lines, sample, fields)
        return replace(found, take=take) if take is not None else replace(found, refused=why)
    if reading.ask is Ask.COMPARE:
        name = field_with(reading.names, lines, fields)
        return (
            replace(found, take=Take(field=name, label=name))
            if name
            else replace(found, refused=f"I do not know which field has the values {code_list(reading.names)}")
        )
    if reading.ask not in OF_VALUES or reading.unit:
        return found
    if not reading.value:
        return replace(found, refused="I do not know which field to count by")
    take = find_category(reading, lines, sample, fields)
    if take is None:
        return replace(found, refused=no_field(" ".join(reading.value), fields))
    return replace(found, take=take)
