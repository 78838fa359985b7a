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


def drop_brackets(amount: Counter[Row]) -> dict[Row, Row]:
    """Take a value that some messages repeat in brackets, as in 4096 bytes (4.0 KB), for the value alone."""
    families: dict[Row, list[Row]] = defaultdict(list)
    for row in amount:
        places = _repeats(row)
        bare = tuple(token for place, token in enumerate(row) if place not in places)
        families[bare].append(row)
    return {row: bare for bare, rows in families.items() if len(rows) > 1 for row in rows if row != bare}


def _repeats(row: Row) -> set[int]:
    """The places of brackets around one value that follow a value or a value's unit, the blank before included."""
    places: set[int] = set()
    for start in range(2, len(row) - 2):
        if row[start : start + 3] == ("(", VALUE, ")") and row[start - 1].isspace():
            unit = start > 3 and row[start - 2].isalpha() and row[start - 3].isspace() and row[start - 4] == VALUE
            if row[start - 2] == VALUE or unit:
                places.update(range(start - 1, start + 3))
    return places


def join_ports(amount: Counter[Row]) -> dict[Row, Row]:
    """Take `host:port` for one value, where the same messages show an address and its port there, which is one."""
    change: dict[Row, Row] = {}
    for row in amount:
        places = [place for place in range(len(row) - 2) if _is_port(row, place)]
        if places:
            hidden = {place + step for place in places for step in (1, 2)}
            joined = tuple(
                VALUE if place in places else token for place, token in enumerate(row) if place not in hidden
            )
            if joined in amount:
                change[row] = joined
    return change


def _is_port(row: Row, place: int) -> bool:
    """Whether a word, a colon and a value stand between blanks."""
    free = (place == 0 or row[place - 1].isspace()) and (place + 3 == len(row) or row[place + 3].isspace())
    host = row[place] == VALUE or row[place].replace("-", "a").isalnum()
    return free and host and row[place + 1] == ":" and row[place + 2] == VALUE


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
