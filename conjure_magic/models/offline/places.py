"""Where in the lines the values stand that are counted or listed: a field, or a pattern."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from conjure_magic.models.offline import weights
from conjure_magic.models.offline.fields import GENERAL, field_for, keys_of, singular
from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.value import Reading
from conjure_magic.models.offline.resolved import Take
from conjure_magic.models.offline.sampling import Sample, stem_of
from conjure_magic.models.offline.slots import ADDRESS, Slot, slots

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


def find_category(reading: Reading, lines: Sequence[str], sample: Sample, fields: Sequence[str]) -> Take | None:
    """The field or pattern for a phrase such as "client address"."""
    words = [
        part for word in reading.value for part in _parts(word.lower()) if part not in ("log", "line", "http", "the")
    ]
    words = words or [word.lower() for word in reading.value]
    head = singular(words[-1])
    label = " ".join(reading.value)
    filtered = bool(reading.quoted or reading.topic)
    if head in ("level", "severity"):
        return Take("level", "", "level")
    if head in {singular(word) for word in lexicon.SOURCES}:
        return (
            Take("component", "", "component")
            if not fields or "component" in fields
            else Take(field_for(words, fields, sample), "", label)
            if field_for(words, fields, sample)
            else None
        )
    key = _best_slot(reading, words, lines)
    named = field_for(words, fields, sample)
    if named in keys_of(sample) and not any(re.search(rf"(?<![\w.]){re.escape(named)}\s?[=:]", line) for line in lines):
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
    hints = {stem_of(word) for word in words if word not in GENERAL}
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
    head = stem_of(singular(words[-1])) if words[-1] not in GENERAL or len(words) < 2 else stem_of(singular(words[-2]))
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
    head = next((word for word in reversed(words) if word not in GENERAL), "")
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
        singular(word) for word in reversed(words) if word not in GENERAL
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
