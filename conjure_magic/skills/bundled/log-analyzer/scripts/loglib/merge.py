"""Merges masked messages that differ only in values, and keeps apart those that differ in wording."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

from loglib.fields import drop_brackets, fill_empty, join_ports, open_keys, open_records
from loglib.phrases import open_phrases
from loglib.rows import MAX_TOKENS, Row, Step, blanked, is_word
from loglib.wording import VALUE, are_values, has_value_shape, is_wording, opposed

_UNITS = (
    r"(?:[KMGTPkmgtp]i?[Bb](?:ytes?)?|[Bb]|ms|us|ns|msecs?|usecs?|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?|"
    r"milliseconds?|microseconds?)"
)
# One token each: a value with its unit, a quoted text, a word (a colon inside belongs to it), blanks, a mark.
_TOKEN = re.compile(
    rf"<\*> {_UNITS}(?![\w=./:-])|"
    r"\"(?![A-Z]+ <\*>)(?:[^\"<>]|<\*>)*\"|(?<![\w>])'(?:[^'<>]|<\*>)*'(?!\w)|"
    r"(?:[^\s=,:;()\[\]{}\"'|<>`]|<\*>|:(?=[^\s=,:;()\[\]{}\"'|<>`]))+|\s+|."
)
_LESS = re.compile(r"(?:(?<![\w>*])[<~]|(?<![-=\w>*])>)=? ?<\*>")
_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAYS = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_DATE = re.compile(
    rf"(?:{_DAYS},? )?(?:{_MONTHS},? <\*>|<\*> {_MONTHS})(?:,? <\*>)*"
    r"(?: (?:AM|PM|[A-Z]{3,4}(?= <\*>)))?(?: <\*>)?"
)
_HALF_DAY = re.compile(r"<\*> ?[AaPp]\.?[Mm]\b\.?")
_LIST = re.compile(r"([\w./-]*<\*>[\w./-]*)(?:(?:, ?| )\1)+(?![\w=])")
# Bytes in hexadecimal side by side, of which those without a digit look like words.
_DUMP = re.compile(r"(?<![\w>])(?:(?:<\*>|[0-9a-f]{2}|[0-9A-F]{2})[ ,:]){2,}(?:<\*>|[0-9a-f]{2}|[0-9A-F]{2})(?![\w<])")
_EMPTY = re.compile(r"(?<=\s)\(\)(?=\s|$)")
_LITERAL = re.compile(
    r"(?<![\w./-])(?:(?:true|false|True|False|TRUE|FALSE)\b|(?<=[=:])(?:null|NULL|None|nil)\b|"
    r"(?<=[=:] )(?:null|NULL)\b|(?<==)(?:on|off|On|Off|ON|OFF|yes|no|Yes|No|YES|NO)\b)(?![\w./-])"
)
# An object as many languages print it: a type name and its fields in braces, two deep.
_OBJECT = re.compile(r"(?<![\w.])[A-Za-z_][\w.$]*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}")
_STATES = r"(?:on|off|yes|no|up|down|ok|true|false|none|<\*>)"
_TUPLE = re.compile(rf"(?<=\( ){_STATES}(?: {_STATES})+(?= \))|(?<=\(){_STATES}(?:,? {_STATES})+(?=\))")
_MAX_PASSES = 6
_FEW = 8
_SPARSE = 8


def merge(texts: Sequence[str], counts: Sequence[int]) -> list[str]:
    """For each masked text its template; equal templates mean one group."""
    normal = [normalise(text) for text in texts]
    weight: Counter[str] = Counter()
    for text, count in sorted(zip(normal, counts, strict=True)):  # so that the order of lines is no matter
        weight[text] += count
    written = {text: tuple(_TOKEN.findall(text)) for text in weight}
    rows = {text: tuple(map(_without_unit, row)) for text, row in written.items()}
    for step in _STEPS:
        rows = _repeat(rows, weight, step)
    shown = _with_units(rows, written)
    return [shown[rows[text]] for text in normal]


def _without_unit(token: str) -> str:
    """A value with its unit counts as a value: 3 KB and 2 MB are no two messages."""
    return VALUE if token.startswith(VALUE + " ") else token


def _with_units(rows: dict[str, Row], written: dict[str, Row]) -> dict[Row, str]:
    """The text of each row; a unit is shown where all of its messages have the same one."""
    units: dict[Row, list[set[str]]] = {}
    for text, row in rows.items():
        seen = units.setdefault(row, [set() for _ in row])
        tokens = written[text]
        aligned = len(tokens) == len(row)
        for place, found in enumerate(seen):
            found.add(tokens[place] if aligned and tokens[place].startswith(VALUE + " ") else row[place])
    return {
        row: "".join(next(iter(found)) if len(found) == 1 else token for token, found in zip(row, seen, strict=True))
        for row, seen in units.items()
    }


def normalise(text: str) -> str:
    """Fold dates, truth values and objects of a masked text."""
    text = _LESS.sub(VALUE, text)
    text = _HALF_DAY.sub(VALUE, text)
    text = _DATE.sub(VALUE, text)
    text = _EMPTY.sub(f"({VALUE})", text)
    text = _LITERAL.sub(VALUE, text)
    text = _TUPLE.sub(VALUE, text)
    return _OBJECT.sub(VALUE, text)


def _fold_lists(amount: Counter[Row]) -> dict[Row, Row]:
    """Write a list of values as one value; only after merging, since it hides which place is which."""
    change = {}
    for row in amount:
        text = "".join(row)
        folded = _LIST.sub(r"\1", _DUMP.sub(_fold_dump, text))
        if folded != text:
            change[row] = tuple(_TOKEN.findall(folded))
    return change


def _repeat(rows: dict[str, Row], weight: Counter[str], step: Step) -> dict[str, Row]:
    """Apply a step until nothing changes; each pass sees all rows at once, so their order is no matter."""
    for _ in range(_MAX_PASSES):
        amount: Counter[Row] = Counter()
        for text, row in rows.items():
            amount[row] += weight[text]
        change = step(amount)
        if not change:
            break
        rows = {text: change.get(row, row) for text, row in rows.items()}
    return rows


def _open_single(amount: Counter[Row]) -> dict[Row, Row]:
    """Open each place in which rows, equal elsewhere, show words that are values."""
    buckets: dict[tuple[int, int, int], list[Row]] = defaultdict(list)
    for row in amount:
        # Hashes of texts, not of pairs: those of pairs are so regular that two rows with words swapped may agree.
        marks = [hash(f"{place} {token}") for place, token in enumerate(row)]
        total = sum(marks)
        for place, token in enumerate(row[:MAX_TOKENS]):
            if is_word(token):
                buckets[len(row), place, total - marks[place]].append(row)
    families = [(place, members) for (_, place, _), members in buckets.items() if len(members) > 1]
    contexts = _contexts(families)
    opened: dict[Row, set[int]] = defaultdict(set)
    for place, members in families:
        words = {row[place]: amount[row] for row in members}
        blank = (*members[0][:place], VALUE, *members[0][place + 1 :])
        if are_values(words, blank, place, recurring=_recurs(words, contexts)):
            for row in members:
                opened[row].add(place)
    return {row: blanked(row, places) for row, places in opened.items()}


def _contexts(families: Sequence[tuple[int, list[Row]]]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """For each pair of alternating words the neighbours between which they alternate."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for place, members in families:
        if len(members) <= _FEW:
            row = members[0]
            near = (_neighbour(row[place - 1 :: -1] if place else ()), _neighbour(row[place + 1 :]))
            for pair in combinations(sorted({row[place] for row in members}), 2):
                found[pair].add(near)
    return found


def _neighbour(tokens: Row) -> str:
    return next((token for token in tokens if is_wording(token)), "")


def _recurs(words: dict[str, int], contexts: dict[tuple[str, str], set[tuple[str, str]]]) -> bool:
    if len(words) > _FEW:
        return False
    needed = 3 if len(words) == 2 else 2
    return all(len(contexts[pair]) >= needed for pair in combinations(sorted(words), 2))


def _fold_dump(match: re.Match[str]) -> str:
    return VALUE if VALUE in match[0] else match[0]


def _open_sparse(amount: Counter[Row]) -> dict[Row, Row]:
    """Open several plain words at once where many rows share all their other words.

    In a message with two varying names hardly two rows differ in one place only. But its constant words
    stand in the same place in all of its rows, each name in few.
    """
    spread: Counter[tuple[int, int, str]] = Counter()
    amount = Counter({row: count for row, count in amount.items() if len(row) <= MAX_TOKENS})
    for row in amount:
        spread.update((len(row), place, token) for place, token in enumerate(row) if is_wording(token))
    buckets: dict[Row, list[Row]] = defaultdict(list)
    for row in amount:
        shares = {i: spread[len(row), i, token] for i, token in enumerate(row) if is_wording(token)}
        most = max(shares.values(), default=0)
        rare = [place for place, share in shares.items() if share * 4 <= most]
        if most >= _SPARSE and 0 < len(rare) <= 3 and len(shares) - len(rare) >= 2:
            buckets[blanked(row, rare)].append(row)
    change: dict[Row, Row] = {}
    for blank, members in buckets.items():
        columns = [{row[i] for row in members} for i in range(len(blank))]
        places = [i for i, column in enumerate(columns) if len(column) > 1]
        if len(members) >= _SPARSE and all(are_values(dict.fromkeys(columns[i], 1), blank, i) for i in places):
            change.update({row: blanked(row, places) for row in members})
    return change


def _open_shaped(amount: Counter[Row]) -> dict[Row, Row]:
    """Open several places at once where three or more rows differ in words of value shape only."""
    buckets: dict[Row, list[Row]] = defaultdict(list)
    for row in amount:
        places = [place for place, token in enumerate(row) if _dotted(token)]
        if places:
            buckets[blanked(row, places)].append(row)
    change: dict[Row, Row] = {}
    for blank, members in buckets.items():
        if len(members) < 3 or not any(map(is_wording, blank)):
            continue
        places = [i for i in range(len(blank)) if len({row[i] for row in members}) > 1]
        if not any(opposed({row[i] for row in members}) for i in places):
            change.update({row: blanked(row, places) for row in members})
    return change


def _dotted(token: str) -> bool:
    return token != VALUE and has_value_shape(token) and ("." in token[1:-1] or "/" in token or "\\" in token)


_STEPS = (
    drop_brackets, join_ports, open_keys, open_records, _open_shaped, _open_sparse, _open_single, join_ports,
    fill_empty, _open_sparse, _fold_lists, _open_single, open_phrases, _open_single, fill_empty, _fold_lists,
)  # fmt: skip
