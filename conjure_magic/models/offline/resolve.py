"""A reading tied to what the files hold: which lines are meant, and where the value stands that is asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conjure_magic.models.offline import weights
from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.value import NUMERIC, OF_VALUES, Ask, Reading
from conjure_magic.models.offline.sampling import Sample, alternatives, stem_of
from conjure_magic.models.offline.slots import ADDRESS, Slot, begins, holds, json_fields, slots, words_of

_ADDRESSES = frozenset(
    [
        "address",
        "ip",
        "ips",
        "addresses",
        "client",
        "clients",
        "host",
        "hosts",
        "node",
        "nodes",
        "datanode",
        "datanodes",
        "rhost",
        "source",
        "peer",
        "machine",
        "server",
    ]
)
_CODES = frozenset(["status", "statuses", "code", "codes"])
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
MOST_FIELDS = 20
"""Fields that a refusal lists."""
_REQUEST = r"\"[A-Z]{3,7} [^\"]* HTTP/"
_FAST = frozenset(
    ["rt", "duration", "elapsed", "latency", "time", "took", "response_time", "request_time", "ms", "cost", "took_ms"]
)
_JOINING = lexicon.words("in of for on at from by with to the a an and or as is was not has be been")
"""Words that only join others."""
_DURATIONS = frozenset(["duration", "durations", "latency", "elapsed", "runtime"])
"""What people call a duration, whatever the log calls it."""
_NUMERIC = _FAST | {"bytes", "status", "size", "pid"}
"""Fields that hold numbers, where the lines do not show it by a name."""
_GENERAL = frozenset(
    [
        "name",
        "names",
        "id",
        "ids",
        "value",
        "values",
        "number",
        "numbers",
        "code",
        "codes",
        "word",
        "words",
        "type",
        "types",
        "kind",
        "kinds",
    ]
)
"""Words that say little about which field is meant."""
_SYNONYMS = {
    "component": lexicon.SOURCES,
    "level": frozenset({"level", "levels", "severity", "severities"}),
    "host": frozenset({"host", "hosts", "machine", "machines", "hostname"}),
    "pid": frozenset({"pid", "pids", "process", "processes"}),
    "client": frozenset({"client", "clients", "address", "addresses", "ip", "ips", "visitor", "visitors", "caller"}),
    "status": frozenset({"status", "statuses", "code", "codes", "response"}),
    "path": frozenset({"path", "paths", "url", "urls", "page", "pages", "resource", "uri"}),
    "endpoint": frozenset({"endpoint", "endpoints", "route", "routes"}),
    "user": frozenset({"user", "users", "username", "usernames", "account", "who"}),
    "method": frozenset({"method", "methods", "verb", "verbs"}),
    "bytes": frozenset({"bytes", "size"}),
    "message": frozenset({"message", "messages"}),
}
"""Words that people use for fields of these names."""


@dataclass(frozen=True)
class Take:
    """Where the value stands that is asked for: a field, or a pattern."""

    field: str = ""
    pattern: str = ""
    label: str = ""
    """What the answer calls it."""


@dataclass(frozen=True)
class Resolved:
    """What a command is composed from."""

    reading: Reading
    grep: str = ""
    """A regular expression that the lines must match."""
    text: str = ""
    """The same in words, for the answer."""
    where: tuple[str, ...] = ()
    take: Take | None = None
    groups: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Words of the request that went into nothing."""
    assumed: tuple[str, ...] = ()
    """Sentences on what was taken for what."""
    refused: str = ""
    """Why it cannot be answered; empty if it can."""


def resolve(reading: Reading, sample: Sample, fields: Sequence[str] = ()) -> Resolved:
    """Tie a reading to lines of the files and the fields that they have."""
    of_requests = _speaks_of_requests(reading) and sample.have_requests and not sample.are_requests
    reading = _plain_topic(reading, sample, fields)
    measure = re.search(rf"\bhow (?:many|much) ({'|'.join(lexicon.MEASURES)})\b", reading.text, re.IGNORECASE)
    if reading.ask is Ask.COUNT and measure is not None:
        return Resolved(
            reading, refused=f"I do not know which numbers tell the {measure[1]}; ask for the sum of a field"
        )
    if reading.unknown:
        return Resolved(reading, refused=f"I do not understand {_listed(reading.unknown)}")
    lines = [line for line in sample.lines if _has_quoted(line, reading)]
    found = _filters(reading, lines, sample, fields)
    if of_requests and not found.refused and not found.grep:
        found = replace(found, grep=_REQUEST, text="an HTTP request")
    if found.refused:
        return found
    matching = [line for line in lines if not found.grep or _matches(found.grep, line)]
    return _valued(found, matching or lines, sample, fields)


def _plain_topic(reading: Reading, sample: Sample, fields: Sequence[str]) -> Reading:
    """The reading without topic words that only say "lines" of this kind of file."""
    general = {"line", "entry", "record", "log", *(_OF_REQUESTS if sample.are_requests or sample.have_requests else ())}
    topic = tuple(word for word in reading.topic if stem_of(word) not in {stem_of(g) for g in general})
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


def _matches(pattern: str, line: str) -> bool:
    return re.search(pattern, line) is not None


# ---- which lines


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
        name = _field_for((field_,), fields, sample) if field_ else _only_duration(fields, sample)
        if not name:
            return Resolved(reading, refused=_no_field(field_ or "number", fields))
        number, notes = _in_unit_of(name, value)
        where.append(f"{name}{sign}{number}")
        assumed += notes
    if reading.codes and not (status := _field_for(("status",), fields, sample)):
        return Resolved(reading, refused=_no_field("status", fields))
    where += [f"{status}={code}" for code in reading.codes if len(reading.codes) == 1]
    parts += [_codes(reading)] if len(reading.codes) > 1 else []
    topic = _topic_words(reading)
    if topic and reading.quoted and reading.ask not in NUMERIC:
        spoken = {stem_of(word) for text in reading.quoted for word in re.findall(r"[^\W\d_]+", text)}
        unused = [word for word in topic if stem_of(word) not in spoken and not _says_text(word)]
        assumed += [f"lines are found by the quoted text only, not by {_listed(unused)}"] if unused else []
    soft = reading.value if reading.ask in NUMERIC else ()
    if topic and not (reading.quoted and not soft):
        pattern, shown, missing, changed = _topic(
            topic, [line for line in lines if all(_matches(f"(?i){part}", line) for part, _ in parts)]
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


def _topic(words: Sequence[str], lines: Sequence[str]) -> tuple[str, str, list[str], list[str]]:
    """The pattern of the lines that hold most of these words, in words, the words they lack, and notes."""
    held = {line: frozenset(word for word in words if holds(line, word)) for line in lines}
    best = max((len(found) for found in held.values()), default=0)
    if not best:
        return "", "", list(words), []
    sets = Counter(found for found in held.values() if len(found) == best)
    chosen, _ = max(sets.items(), key=lambda item: (item[1], sorted(item[0])))
    if len(sets) > 1 and best < len(words):
        phrases = [
            found
            for found in sets
            if _is_run(found, words) and any(_span(sorted(found), line) for line in lines if held[line] == found)
        ]
        if len(phrases) != 1:
            return "", "", [word for word in words if word not in chosen], []
        chosen = phrases[0]
    matching = [line for line in lines if held[line] == chosen]
    pattern, shown = _phrase([word for word in words if word in chosen], matching)
    assumed = [f"`{word}` was looked for as `{other}`" for word in chosen if (other := _other_word(word, matching))]
    return pattern, shown, [word for word in words if word not in chosen], assumed


def _is_run(found: frozenset[str], words: Sequence[str]) -> bool:
    """True if these words stand side by side in the request."""
    places = [index for index, word in enumerate(words) if word in found]
    return len(places) > 1 and places[-1] - places[0] == len(places) - 1


def _other_word(word: str, lines: Sequence[str]) -> str:
    """The word that stands for this one in the lines, if it is quite another one."""
    if any(holds(line, word, alike=False) for line in lines):
        return ""
    return next((other for other in alternatives(word)[1:] if any(begins(line, other) for line in lines)), "")


def _phrase(words: Sequence[str], lines: Sequence[str]) -> tuple[str, str]:
    """The shortest pattern for words in lines: the phrase as the lines have it, or the words in any order."""
    phrases = {_span(words, line) for line in lines}
    phrase = next(iter(phrases)) if len(phrases) == 1 else None
    if phrase is not None and not _says_more(phrase, words):
        return re.escape(phrase).replace(r"\ ", " "), f"`{phrase}`"
    stems = [_common(word, lines) for word in words]
    bound = [
        rf"(?<![a-z]){re.escape(part)}"
        if all(re.search(rf"(?<![a-z]){re.escape(part)}", line.lower()) for line in lines)
        else re.escape(part)
        for part in stems
    ]
    if len(stems) == 1:
        return bound[0], f"`{stems[0]}…`" if stems[0] != words[0] else f"`{stems[0]}`"
    ahead = "".join(rf"(?=.*{part})" for part in bound)
    return f"^{ahead}", " and ".join(f"`{part}…`" for part in stems)


def _says_more(phrase: str, words: Sequence[str]) -> bool:
    """True if a phrase of the lines holds a word that the request does not say: "user ann logged in" for any user."""
    own = [part for word in words for part in alternatives(word)]
    others = [token for token in re.findall(r"[^\W\d_]+", phrase) if not any(token.startswith(part) for part in own)]
    return any(token not in lexicon.FILLER and token not in _JOINING for token in others)


def _span(words: Sequence[str], line: str) -> str | None:
    """The words of a line from the first to the last of these, in lower case, if they stand close together."""
    tokens = [(match.start(), match.end(), match[0].lower()) for match in re.finditer(r"[^\W\d_]+", line)]
    for start, (_, _, first) in enumerate(tokens):
        left = [word for word in words if not any(first.startswith(part) for part in alternatives(word))]
        if len(left) == len(words):
            continue
        for end in range(start, min(start + len(words) + 1, len(tokens))):
            left = [word for word in left if not any(tokens[end][2].startswith(part) for part in alternatives(word))]
            if not left:
                text = line[tokens[start][0] : tokens[end][1]]
                return None if re.search(r"\d|[\"'{}]", text) else text.lower()
    return None


def _common(word: str, lines: Sequence[str]) -> str:
    """The beginning that the forms of a word share in these lines."""
    for part in alternatives(word):
        forms = {token for line in lines for token in words_of(line) if token.startswith(part)}
        if forms:
            return next(iter(forms)) if len(forms) == 1 else part
    return stem_of(word)


def _no_field(name: str, fields: Sequence[str]) -> str:
    """That the log lacks a field, and which fields it has."""
    listed = f"; its fields are {_listed(fields[:MOST_FIELDS])}" if fields else ""
    return f"this log has no field `{name}`{listed}"


def _not_in_lines(words: Sequence[str], reading: Reading, fields: Sequence[str]) -> str:
    """That no line contains these words; a number or group that is asked for is a field."""
    said = f"no line contains {_listed(words)}{' together' if len(words) > 1 else ''}"
    if (reading.ask in NUMERIC or reading.groups) and fields:
        said += f"; the fields of this log are {_listed(fields[:MOST_FIELDS])}"
    return said


# ---- which value


def _valued(found: Resolved, lines: Sequence[str], sample: Sample, fields: Sequence[str]) -> Resolved:
    reading = found.reading
    groups: list[str] = []
    for name in reading.groups:
        field_ = _field_for((name,), fields, sample)
        if not field_:
            return replace(found, refused=_no_field(name, fields))
        groups.append(field_)
    found = replace(found, groups=tuple(dict.fromkeys(groups)))
    if reading.weight:
        pattern = re.sub(r"(?<!\w)[NnXx](?!\w)", "0000", re.escape(reading.weight).replace(r"\ ", " "))
        return replace(found, take=Take(pattern=pattern.replace("0000", r"(\d+)"), label=reading.weight))
    if reading.ask in NUMERIC:
        take, why = _number(reading, lines, sample, fields)
        return replace(found, take=take) if take is not None else replace(found, refused=why)
    if reading.ask is Ask.COMPARE:
        name = _field_with(reading.names, lines, fields)
        return (
            replace(found, take=Take(field=name, label=name))
            if name
            else replace(found, refused=f"I do not know which field has the values {_listed(reading.names)}")
        )
    if reading.ask not in OF_VALUES or reading.unit:
        return found
    if not reading.value:
        return replace(found, refused="I do not know which field to count by")
    take = _category(reading, lines, sample, fields)
    if take is None:
        return replace(found, refused=_no_field(" ".join(reading.value), fields))
    return replace(found, take=take)


def _field_for(words: Sequence[str], fields: Sequence[str], sample: Sample) -> str:
    """The field of the file that these words name; empty if none does."""
    known = [*fields, *dict.fromkeys(name for line in sample.lines[:40] for name in json_fields(line))]
    known = list(dict.fromkeys(known))
    lowered = [word.lower() for word in words]
    joined = {"_".join(lowered), "".join(lowered), "-".join(lowered), lowered[-1], _singular(lowered[-1])}
    if len(lowered) > 1:
        short = "".join(word[0] for word in lowered[:-1]) + _singular(lowered[-1])
        found = next((name for name in [*known, *_keys(sample)] if name.lower() == short), "")
        if found:
            return found
    exact = [name for name in known if name.lower() in joined]
    exact += [
        name for name in known if any(name.lower() in (word, _singular(word)) for word in lowered) and name not in exact
    ]
    if exact:
        return exact[0]
    for name in known:
        words_for = _SYNONYMS.get(name.lower(), frozenset())
        if (lowered[-1] in words_for and lowered[-1] not in _GENERAL) or any(
            word in words_for and word not in _GENERAL for word in lowered
        ):
            return name
    parts = [
        name
        for name in known
        if any(
            part and part == _singular(word)
            for part in re.split(r"[._-]", name.lower())
            for word in lowered
            if word not in _GENERAL
        )
    ]
    return parts[0] if len(parts) == 1 else ""


def _keys(sample: Sample) -> list[str]:
    """The keys of name=value in the lines."""
    return list(dict.fromkeys(key for line in sample.lines for key in re.findall(r"(?<![\w.])([A-Za-z_]\w*)=", line)))


def _field_with(names: Sequence[str], lines: Sequence[str], fields: Sequence[str]) -> str:
    """The field whose values these names are."""
    for line in lines:
        for name, value in json_fields(line).items():
            if str(value) in names:
                return name
    return next((name for name in ("component", "host", "client", "status", "path") if name in fields), "")


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _only_duration(fields: Sequence[str], sample: Sample) -> str:
    found = [name for name in fields if name.lower() in _FAST - {"time"}]
    return found[0] if len(found) == 1 else ""


def _category(reading: Reading, lines: Sequence[str], sample: Sample, fields: Sequence[str]) -> Take | None:
    """The field or pattern for a phrase such as "client address"."""
    words = [
        part for word in reading.value for part in _parts(word.lower()) if part not in ("log", "line", "http", "the")
    ]
    words = words or [word.lower() for word in reading.value]
    head = _singular(words[-1])
    label = " ".join(reading.value)
    filtered = bool(reading.quoted or reading.topic)
    if head in ("level", "severity"):
        return Take("level", "", "level")
    if head in {_singular(word) for word in lexicon.SOURCES}:
        return (
            Take("component", "", "component")
            if not fields or "component" in fields
            else Take(_field_for(words, fields, sample), "", label)
            if _field_for(words, fields, sample)
            else None
        )
    key = _best_slot(reading, words, lines)
    named = _field_for(words, fields, sample)
    if named in _keys(sample) and not any(re.search(rf"(?<![\w.]){re.escape(named)}\s?[=:]", line) for line in lines):
        named = ""
    exact = named and (named.lower() in words or named.lower() == head)
    if named and (exact or key is None or not filtered):
        return Take(named, "", named)
    if key is not None:
        return key
    return Take(named, "", named) if named else None


def _parts(word: str) -> list[str]:
    """A compound in its parts: usernames is user names."""
    match = re.fullmatch(r"(user|host|file|path|class|thread|job|task|domain)(names?|ids?)", word)
    return [match[1], match[2]] if match is not None else [word]


def _best_slot(reading: Reading, words: Sequence[str], lines: Sequence[str]) -> Take | None:
    """The place in the lines for values of this name, if one fits better than all others."""
    prefix = _prefixed(words, reading.names, lines)
    if prefix is not None:
        return prefix
    address = reading.value_type == "address" or bool(_ADDRESSES & set(words))
    numbered = bool({"id", "ids", "number", "numbers"} & set(words))
    address = address and not numbered
    hints = {stem_of(word) for word in words if word not in _GENERAL}
    topic = {
        stem_of(word) for word in (*reading.topic, *(w for q in reading.quoted for w in re.findall(r"[^\W\d_]+", q)))
    }
    scores, first, seen = _places(words, lines, hints, topic, address=address, numbered=numbered)
    if not scores:
        return _initialled(words, lines)
    best = max(scores.values())
    leading = [pattern for pattern, score in scores.items() if score == best]
    if best < weights.SLOT_ENOUGH:
        return _initialled(words, lines)
    chosen = max(leading, key=lambda pattern: seen[pattern])
    rivals = [pattern for pattern in leading if pattern != chosen]
    if address and rivals and len({first[p].pattern for p in leading}) > 1:
        chosen = _address_anywhere(lines) or chosen
    if not address and first[chosen].kind == "word":
        chosen = _widened(chosen, first[chosen], lines)
    return Take("", chosen, " ".join(words))


def _places(
    words: Sequence[str], lines: Sequence[str], hints: set[str], topic: set[str], *, address: bool, numbered: bool
) -> tuple[dict[str, float], dict[str, Slot], Counter[str]]:
    """The places that fit, by their patterns: how well, the first of each, how often they were seen."""
    scores: dict[str, float] = {}
    first: dict[str, Slot] = {}
    seen: Counter[str] = Counter()
    values: dict[str, set[str]] = {}
    head = (
        stem_of(_singular(words[-1])) if words[-1] not in _GENERAL or len(words) < 2 else stem_of(_singular(words[-2]))
    )
    for line in lines:
        for slot in slots(line):
            if slot.kind == "field":
                continue
            score = _category_score(slot, hints, head, address=address)
            if score > 0 or (numbered and slot.kind == "number"):
                nearby = bool(topic & {stem_of(word) for word in slot.before[:2]})
                score += (
                    weights.SLOT_NEAR
                    if nearby and numbered and slot.kind == "number"
                    else weights.SLOT_TOPIC
                    if nearby
                    else 0
                )
            if score > 0:
                scores[slot.pattern] = max(scores.get(slot.pattern, 0.0), score)
                seen[slot.pattern] += 1
                first.setdefault(slot.pattern, slot)
                values.setdefault(slot.pattern, set()).add(slot.value)
    for pattern in list(scores):
        varies = len(values[pattern]) > 1 or re.search(r"\d", first[pattern].value) is not None
        if not varies or (not address and seen[pattern] < weights.SLOT_SHARE * len(lines)):
            del scores[pattern]
    return scores, first, seen


def _category_score(slot: Slot, hints: set[str], head: str, *, address: bool) -> float:
    key = slot.name.lower()
    score = 0.0
    if key:
        parts = {stem_of(part) for part in re.split(r"[._-]", key) if part}
        if key in hints or stem_of(key) in hints:
            score += weights.SLOT_KEY
        elif any(len(hint) > 2 and key.endswith(hint) and len(key) <= len(hint) + 2 for hint in hints) or parts & hints:
            score += weights.SLOT_KEY_PART
    elif slot.before:
        near = [stem_of(word) for word in slot.before[:2]]
        if near[:1] and near[0] in hints:
            score += weights.SLOT_BESIDE + (1 if near[0] == head else 0)
        elif slot.kind != "word" and set(near) & hints:
            score += weights.SLOT_NEAR
    if address:
        if re.fullmatch(rf"{ADDRESS}(?::\d+)?", slot.value.lstrip("/")) is None:
            return 0.0
        score += weights.SLOT_ADDRESS
    elif slot.kind == "address":
        return 0.0
    if slot.kind == "quoted" and hints & {stem_of(word) for word in slot.before}:
        score += weights.SLOT_NEAR
    return score


def _initialled(words: Sequence[str], lines: Sequence[str]) -> Take | None:
    """Identifiers of a letter and a number, where the letter is the word's first: u36 for "users"."""
    head = next((word for word in reversed(words) if word not in _GENERAL), "")
    pattern = rf"(?<![\w.-]){head[:1]}\d+(?![\w-]|\.\w)"
    hits = [match[0] for line in lines for match in [re.search(pattern, line)] if match is not None]
    if head and len(hits) * 2 >= len(lines) > 1 and len(set(hits)) > 1:
        return Take("", pattern, f"{head} ({hits[0]}, …)")
    return None


def _address_anywhere(lines: Sequence[str]) -> str:
    """The pattern for addresses where each line has just one."""
    single = all(len(set(re.findall(rf"(?<![\w.-]){ADDRESS}(?![\w-]|\.\w)", line))) <= 1 for line in lines)
    return rf"(?<![\w.-])({ADDRESS})(?![\w-]|\.\w)" if single else ""


def _prefixed(words: Sequence[str], names: Sequence[str], lines: Sequence[str]) -> Take | None:
    """Identifiers that begin with the word: blk_1 for "blk ids", attempt_7 for "task attempts"."""
    wanted = [name.rstrip("_-").lower() for name in names] + [
        _singular(word) for word in reversed(words) if word not in _GENERAL
    ]
    for word in wanted:
        if len(word) < 3:
            continue
        for sign in ("_", "-"):
            pattern = rf"(?<![\w-]){re.escape(word)}{sign}-?\w*\d"
            hits = [line for line in lines if re.search(pattern, line)]
            if hits and len(hits) * 2 >= len(lines):
                return Take("", rf"(?<![\w-]){re.escape(word)}{sign}[\w-]*\w", word)
    return None


def _widened(pattern: str, slot: Slot, lines: Sequence[str]) -> str:
    """The pattern for a word that in other lines of the kind stands behind another word: "for root", "user x"."""
    after = slot.after[0] if slot.after else ""
    if not after or re.search(r"\d", after) or not slot.before:
        return pattern
    leads = Counter[str]()
    for line in lines:
        match = re.search(rf"(\S+) ([\w./:$@-]+) {re.escape(after)}\b", line, re.IGNORECASE)
        if match is not None:
            leads[match[1].strip(":;,").lower()] += 1
    common = [re.escape(lead) for lead, _ in leads.most_common(3) if re.fullmatch(r"[a-z]+", lead)]
    if not common:
        return pattern
    return rf"(?i:\b(?:{'|'.join(sorted(common))})) ([\w./:$@-]+) (?={re.escape(after)}\b)"


# ---- numbers


def _number(reading: Reading, lines: Sequence[str], sample: Sample, fields: Sequence[str]) -> tuple[Take | None, str]:
    """The number that an average, a maximum, … is taken of."""
    quoted = [word for text in reading.quoted for word in re.findall(r"[^\W\d]+", text)]
    words = [*reading.value, *reading.names, *reading.topic, *quoted]
    hints = [stem_of(word) for word in words]
    whole = {word.lower() for word in words}
    timed = reading.number_unit in ("seconds", "milliseconds")
    scores: dict[tuple[str, str], float] = {}
    found_requests = re.search(r"\b(?:requests?|responses?)\b", reading.text, re.IGNORECASE) is not None
    for line in lines:
        for slot in slots(line):
            value = slot.value.strip()
            if not re.fullmatch(r"-?\d+(?:\.\d+)?(?:ms|s)?", value):
                continue
            place = (slot.name if slot.kind == "field" else "", slot.pattern)
            score = _number_score(slot, hints, whole, timed=timed, unit=reading.number_unit)
            if score and found_requests and _matches(_REQUEST, line):
                score += weights.NUMBER_NEAR
            scores[place] = max(scores.get(place, 0.0), score)
    keys = {place[0] or (re.match(r"\(\?<!\[\\w\.\]\)([\w.-]+)", place[1]) or [""] * 2)[1] for place in scores}
    named = next((name for name in fields if name.lower() in whole and (name in keys or name.lower() in _NUMERIC)), "")
    if (
        not named
        and whole & _DURATIONS
        and not any(set(hints) & {stem_of(part) for part in key.split("_")} for key in keys)
    ):
        named = _only_duration(fields, sample)
    if named:
        return Take(named, "", named), ""
    if not scores:
        return None, _no_field(" ".join(words) or "number", fields)
    ranked = sorted(scores.items(), key=lambda item: -item[1])[:2]
    best = ranked[0][1]
    if best < weights.NUMBER_ENOUGH:
        return None, _no_field(" ".join(reading.value or tuple(words)) or "number", fields)
    if len(ranked) > 1 and ranked[1][1] == best and ranked[0][0] != ranked[1][0]:
        return None, f"`{' '.join(reading.value or tuple(words))}` could mean several numbers in these lines"
    field_, pattern = ranked[0][0]
    return Take(field_, "" if field_ else pattern, " ".join(reading.value) or field_ or "value"), ""


def _number_score(slot: Slot, hints: Sequence[str], whole: set[str], *, timed: bool, unit: str) -> float:
    key = slot.name.lower()
    score = 0.0
    if key:
        if key in whole:
            score += weights.NUMBER_KEY
        elif {stem_of(part) for part in re.split(r"[._-]", key)} & set(hints):
            score += weights.NUMBER_KEY_PART
        if timed and (key in _FAST or re.search(r"_(?:ms|s|sec|seconds)$", key)):
            score += weights.NUMBER_UNIT
    else:
        beside = [*slot.before[:1], *slot.after[:2]]
        score += weights.NUMBER_BESIDE * len({stem_of(word) for word in beside} & set(hints))
        score += weights.NUMBER_NEAR * len({stem_of(word) for word in slot.before[1:3]} & set(hints))
    following = slot.after[0] if slot.after else ""
    measured = lexicon.MEASURES.get(following, "")
    if measured and ((timed and measured in ("seconds", "milliseconds")) or measured == unit):
        score += weights.NUMBER_UNIT
    return score


def _listed(words: Sequence[str]) -> str:
    quoted = [f"`{word}`" for word in dict.fromkeys(words)]
    return " and ".join((", ".join(quoted[:-1]), quoted[-1])) if len(quoted) > 1 else "".join(quoted)
