"""Where in the lines the number stands that a figure is worked out from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conjure_magic.models.offline import weights
from conjure_magic.models.offline.fields import FAST, duration_field, no_field
from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.reading.value import Reading
from conjure_magic.models.offline.resolved import Take
from conjure_magic.models.offline.sampling import REQUEST, Sample, stem_of
from conjure_magic.models.offline.slots import Slot, slots

_DURATIONS = frozenset(["duration", "durations", "latency", "elapsed", "runtime"])
"""What people call a duration, whatever the log calls it."""
_NUMERIC = FAST | {"bytes", "status", "size", "pid"}
"""Fields that hold numbers, where the lines do not show it by a name."""


def matches(pattern: str, line: str) -> bool:
    return re.search(pattern, line) is not None


def find_number(
    reading: Reading, lines: Sequence[str], sample: Sample, fields: Sequence[str]
) -> tuple[Take | None, str]:
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
            if score and found_requests and matches(REQUEST, line):
                score += weights.NUMBER_NEAR
            scores[place] = max(scores.get(place, 0.0), score)
    keys = {place[0] or (re.match(r"\(\?<!\[\\w\.\]\)([\w.-]+)", place[1]) or [""] * 2)[1] for place in scores}
    named = next((name for name in fields if name.lower() in whole and (name in keys or name.lower() in _NUMERIC)), "")
    if (
        not named
        and whole & _DURATIONS
        and not any(set(hints) & {stem_of(part) for part in key.split("_")} for key in keys)
    ):
        named = duration_field(fields, sample)
    if named:
        return Take(named, "", named), ""
    if not scores:
        return None, no_field(" ".join(words) or "number", fields)
    ranked = sorted(scores.items(), key=lambda item: -item[1])[:2]
    best = ranked[0][1]
    if best < weights.NUMBER_ENOUGH:
        return None, no_field(" ".join(reading.value or tuple(words)) or "number", fields)
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
        if timed and (key in FAST or re.search(r"_(?:ms|s|sec|seconds)$", key)):
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
