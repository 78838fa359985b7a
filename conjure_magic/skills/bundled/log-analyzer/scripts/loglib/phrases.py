"""Opens runs of words: names of several words that alternate in one place of a message."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from loglib.rows import MAX_TOKENS, Row
from loglib.wording import VALUE, is_wording, opposed

_MAX_ROWS = 2000
_MAX_GAP = 7


def open_phrases(amount: Counter[Row]) -> dict[Row, Row]:
    """Open runs of one to four words that alternate between the same beginning and the same end."""
    if len(amount) > _MAX_ROWS:
        return {}
    buckets: dict[tuple[Row, Row], set[Row]] = defaultdict(set)
    for row in amount:
        if len(row) > MAX_TOKENS:
            continue
        for start in range(1, len(row)):
            if not _may_begin(row, start):
                continue
            for end in range(start + 1, min(start + _MAX_GAP, len(row)) + 1):
                if row[end - 1] == VALUE or is_wording(row[end - 1]):
                    buckets[row[:start], row[end:]].add(row)
    change: dict[Row, Row] = {}
    for (head, tail), members in buckets.items():
        gaps = [row[len(head) : len(row) - len(tail)] for row in members]
        if _are_phrases(gaps, head, tail):
            for row in members:
                change.setdefault(row, (*head, VALUE, *tail))
    return {row: new for row, new in change.items() if row != new}


def _may_begin(row: Row, start: int) -> bool:
    return row[start] == VALUE or is_wording(row[start])


def _are_phrases(gaps: Sequence[Row], head: Row, tail: Row) -> bool:
    """Whether word runs are names: of unlike length, nothing in common, amid enough constant wording."""
    constant = sum(map(is_wording, (*head, *tail)))
    if len({len(gap) for gap in gaps}) < 2 or constant < 2:
        return False
    plain = [gap for gap in gaps if gap != (VALUE,)]
    if len(gaps) >= 3 and all(map(_is_proper, plain)):
        return _differ(gaps, 0.6) and not opposed({" ".join(gap) for gap in plain})
    return constant >= 3 and len(gaps) >= 5 and len(plain) == len(gaps) and _differ(gaps, 0.6) and not _is_prose(gaps)


def _differ(gaps: Sequence[Row], part: float) -> bool:
    """Whether neither their first words nor their last ones are shared by many."""
    return all(len({gap[end] for gap in gaps}) >= part * len(gaps) for end in (0, -1))


def _is_prose(gaps: Sequence[Row]) -> bool:
    return any(word.islower() and len(word) < 4 and len(gap) > 1 for gap in gaps for word in gap if word.isalpha())


def _is_proper(gap: Row) -> bool:
    """Whether every word begins with a capital, as in a name."""
    words = [token for token in gap if not token.isspace()]
    return all(word == VALUE or word[:1].isupper() for word in words) and words[0] != VALUE
