"""The conditions of --where: a field compared with a value."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence

from loglib import levels
from loglib.layout import Layout
from loglib.numbers import compare, measure
from loglib.options import UsageError, both
from loglib.records import Record
from loglib.takes import Part, part

_CONDITION = re.compile(r"\s*([\w.@/-]+?)\s*(!=|>=|<=|==|=|>|<|~)\s*(.*?)\s*\Z", re.DOTALL)
_CLASS = re.compile(r"[1-9]xx\Z", re.IGNORECASE)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
Compare = Callable[[str], bool]


def conditions(texts: Sequence[str], layouts: Sequence[Layout]) -> tuple[Callable[[Record], bool] | None, list[Part]]:
    """A test that all conditions hold, and the fields they read; a line without the field fails.

    Raises:
        UsageError: a condition without an operator, or an order asked of what has none.
    """
    test: Callable[[Record], bool] | None = None
    parts: list[Part] = []
    for text in texts:
        match = _CONDITION.match(text)
        if match is None:
            raise UsageError(f"--where {text}: write it like NAME=VALUE, with one of = != > >= < <= ~ (contains)")
        name, sign, value = match.groups()
        parts.append(part("field", name, layouts))
        test = both(test, _holds(parts[-1], _compare(text, name, sign, value)))
    return test, parts


def _holds(field: Part, compare_with: Compare) -> Callable[[Record], bool]:
    return lambda record: any(map(compare_with, field(record)))


def _compare(text: str, name: str, sign: str, value: str) -> Compare:
    if sign == "~":
        lowered = value.lower()
        return lambda found: lowered in found.lower()
    if sign in _ORDER:
        return _ordered(text, name, sign, value)
    same = _same(name, value)
    return same if sign != "!=" else lambda found: not same(found)


def _same(name: str, value: str) -> Compare:
    if _CLASS.match(value):
        return lambda found: len(found) == 3 and found.isdigit() and found[0] == value[0]
    level = levels.canonical(value) if name == "level" else None
    if level is not None:
        return lambda found: levels.canonical(found) == level
    if measure(value) is not None:
        return lambda found: found == value or compare(found, value) == 0
    return lambda found: found == value


def _ordered(text: str, name: str, sign: str, value: str) -> Compare:
    holds = _ORDER[sign]
    level = levels.canonical(value) if name == "level" else None
    if level is not None:
        rank = levels.RANK[level]

        def by_rank(found: str) -> bool:
            known = levels.canonical(found)
            return known is not None and holds(levels.RANK[known], rank)

        return by_rank
    if measure(value) is None:
        raise UsageError(f"--where {text}: {sign} compares with a number, such as {name}{sign}100 or {name}{sign}1.5s")

    def by_number(found: str) -> bool:
        left = compare(found, value)
        return left is not None and holds(left, 0.0)

    return by_number
