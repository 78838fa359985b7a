"""Opens the values of `key=value` fields inside messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from loglib.rows import Row, blanked, is_word
from loglib.wording import VALUE, are_fields

_MANY = 4
_ENDS = frozenset([",", ";", ")", "]", "}"])


def open_keys(amount: Counter[Row]) -> dict[Row, Row]:
    """Open the word after `key=` everywhere, where a key shows four or more words in the whole log."""
    words: dict[str, set[str]] = defaultdict(set)
    for row in amount:
        for place in _keyed(row):
            words[row[place - 2]].add(row[place])
    change = {}
    for row in amount:
        places = [i for i in _keyed(row) if row[i] != VALUE and len(words[row[i - 2]]) >= _MANY]
        if places:
            change[row] = blanked(row, places)
    return change


def open_records(amount: Counter[Row]) -> dict[Row, Row]:
    """Open the words of several fields at once: a message whose fields vary independently is a record."""
    families: dict[Row, list[Row]] = defaultdict(list)
    for row in amount:
        places = _keyed(row)
        if len(places) > 1:
            families[blanked(row, places)].append(row)
    change: dict[Row, Row] = {}
    for members in families.values():
        columns = [(place, {row[place] for row in members}) for place in _keyed(members[0])]
        varying = [(place, words) for place, words in columns if len(words) > 1]
        if len(varying) > 1 and len(members) > 2 and all(are_fields(words) for _, words in varying):
            change.update({row: blanked(row, [place for place, _ in varying]) for row in members})
    return change


def fill_empty(amount: Counter[Row]) -> dict[Row, Row]:
    """Take `key=` without a value for `key=value`, and open both, where a log has both."""
    change: dict[Row, Row] = {}
    known: dict[Row, list[Row]] = defaultdict(list)
    for row in amount:
        for place in _keyed(row):
            known[blanked(row, [place])].append(row)
    for row in amount:
        full = row
        for place in reversed(_empty(row)):
            longer = (*full[:place], VALUE, *full[place:])
            if longer in known:
                change.update(dict.fromkeys((row, *known[longer]), longer))
                full = longer
    return {row: new for row, new in change.items() if row != new}


def _keyed(row: Row) -> list[int]:
    return [place for place in range(2, len(row)) if is_word(row[place]) and _is_key(row, place - 1)]


def _is_key(row: Row, mark: int) -> bool:
    return row[mark] == "=" and row[mark - 1].replace("_", "a").isalnum()


def _empty(row: Sequence[str]) -> list[int]:
    """The places before which a value is missing."""
    after = [*row[1:], ","]
    return [
        place + 1
        for place in range(1, len(row))
        if row[place] == "=" and (after[place].isspace() or after[place] in _ENDS) and _is_key(tuple(row), place)
    ]
