"""What a query works out over the values of one group: a count, a total, an extreme, a mean, percentiles."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Protocol

from loglib.numbers import Units, percentile, tidy
from loglib.records import Record

NUMERIC = ("sum", "max", "min", "mean", "p")
Figure = int | float | None


class Tally(Protocol):
    """One group's figures, gathered record by record."""

    place: str

    def add(self, values: Sequence[str], record: Record) -> None:
        """Take the values of one record in."""

    def figures(self) -> list[Figure]:
        """One figure for each column; None where there is nothing to compute on."""


def where(record: Record) -> str:
    """The place of a record, as "file:line"."""
    return f"{record.file}:{record.line}"


class Count:
    """How many values, or records where no value is taken."""

    def __init__(self) -> None:
        self.place = ""
        self.count = 0

    def add(self, values: Sequence[str], record: Record) -> None:
        """Count one."""
        self.count += 1
        if not self.place:
            self.place = where(record)

    def figures(self) -> list[Figure]:
        """The count."""
        return [self.count]


class Distinct:
    """How many different values."""

    def __init__(self) -> None:
        self.place = ""
        self.values: set[str] = set()

    def add(self, values: Sequence[str], record: Record) -> None:
        """Remember the values."""
        self.values.update(values)
        if values and not self.place:
            self.place = where(record)

    def figures(self) -> list[Figure]:
        """The number of values."""
        return [len(self.values)]


class Moments:
    """The sum, the mean, the largest or the smallest number."""

    def __init__(self, verb: str, units: Units) -> None:
        self.place = ""
        self._verb = verb
        self._units = units
        self._total, self._count = 0.0, 0
        self._best: float | None = None

    def add(self, values: Sequence[str], record: Record) -> None:
        """Take the numbers among the values."""
        for number in self._units.read(values):
            self._total += number
            self._count += 1
            if self._best is None or (number > self._best if self._verb == "max" else number < self._best):
                self._best = number
                if self._verb in ("max", "min") or not self.place:
                    self.place = where(record)

    def figures(self) -> list[Figure]:
        """The figure, None without any number."""
        if self._best is None:
            return [None]
        found = {"sum": self._total, "mean": self._total / self._count}.get(self._verb, self._best)
        return [tidy(self._units.scaled(found))]


class Percentiles:
    """One or more percentiles, linear between the two nearest numbers."""

    def __init__(self, shares: Sequence[float], units: Units) -> None:
        self.place = ""
        self._shares = shares
        self._units = units
        self._numbers = array("d")

    def add(self, values: Sequence[str], record: Record) -> None:
        """Keep the numbers among the values."""
        self._numbers.extend(self._units.read(values))
        if not self.place and self._numbers:
            self.place = where(record)

    def figures(self) -> list[Figure]:
        """One figure for each percentile."""
        ordered = sorted(self._numbers)
        if not ordered:
            return [None] * len(self._shares)
        return [tidy(self._units.scaled(percentile(ordered, share))) for share in self._shares]


class Share:
    """How many of a group's records pass the filters."""

    def __init__(self) -> None:
        self.place = ""
        self.passed = 0
        self.total = 0

    def add(self, values: Sequence[str], record: Record) -> None:
        """Count a record that passes."""
        self.passed += 1
        self.place = self.place or where(record)

    def figures(self) -> list[Figure]:
        """Per cent, records that pass, all records."""
        return [tidy(100 * self.passed / self.total) if self.total else 0, self.passed, self.total]


def maker(verb: str, shares: Sequence[float], units: Units) -> Callable[[], Tally]:
    """What makes an empty tally for a verb."""
    if verb in ("count", "list"):
        return Count
    if verb == "distinct":
        return Distinct
    if verb == "p":
        return lambda: Percentiles(shares, units)
    return lambda: Moments(verb, units)


def heads(verb: str, shares: Sequence[float]) -> list[str]:
    """The names of the figures, as heads of columns."""
    if verb == "p":
        return [f"p{share:g}" for share in shares]
    return {"ratio": ["percent", "matching", "of"], "list": []}.get(verb, [verb])
