"""One figure, table or list from a log: filter, take values, group, then count, rank, compute or list."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from loglib.counted import counted
from loglib.numbers import Units, tidy
from loglib.options import UsageError
from loglib.records import Record
from loglib.takes import Clock, Part, shown_second
from loglib.tallies import NUMERIC, Figure, Share, Tally, heads, maker, where

MOST_BUCKETS = 2000
_MOST_CELLS = 5000  # rows of an answer in which every group is shown in every bucket


Rows = dict[tuple[str, ...], list[Figure]]


@dataclass(frozen=True)
class Question:
    """What is asked of the records that pass the filters.

    Attributes:
        verb: count, list, distinct, sum, max, min, mean, p, ratio or span.
        values: the parts that make a record's value; several are joined by a blank.
        keys: the parts that group the answer, the time first.
        joined: whether keys and values are given as one text, as where nothing is grouped by a name.
        shares: the percentiles asked for.
        top, last: how many rows or lines to keep, from the beginning or from the end.
        missing: the value of a record in which nothing is found.
    """

    verb: str
    values: tuple[Part, ...] = ()
    keys: tuple[Part, ...] = ()
    joined: bool = False
    shares: tuple[float, ...] = ()
    top: int | None = None
    last: int | None = None
    missing: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a query found: `value` is a number, a text, a list, or rows of names and figures.

    Attributes:
        records: how many passed the filters.
        first: for each name (of several: joined by a blank) the place of the record that showed it first.
        columns: the heads of the cells of a row; empty where the value is no table.
        keys: how many of these are names.
        series: whether the rows are in the order of time.
        total: how many rows or lines there are where `value` holds only some of them.
        notes: what a reader must know beside the figures, a sentence each.
    """

    verb: str
    value: object
    records: int
    first: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    keys: int = 0
    series: bool = False
    total: int = 0
    unit: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Seen:
    """Counts over all records of the time span, taken while they are read.

    Attributes:
        span: how many records lie in the time span.
        passed: how many of them pass the filters.
        first: the second of the first that passes.
        last: that of the last.
    """

    span: int = 0
    passed: int = 0
    first: int | None = None
    last: int | None = None

    def reading(
        self,
        records: Iterable[Record],
        inside: Callable[[Record], bool] | None,
        keep: Callable[[Record], bool] | None,
    ) -> Iterator[tuple[Record, bool]]:
        """Each record of the span, and whether it passes the filters."""
        for record in records:
            if inside is not None and not inside(record):
                continue
            self.span += 1
            passes = keep is None or keep(record)
            self.passed += passes
            if passes and record.epoch is not None:
                second = shown_second(record)
                self.first = second if self.first is None else min(self.first, second)
                self.last = second if self.last is None else max(self.last, second)
            yield record, passes


def answer(question: Question, found: Iterator[tuple[Record, bool]], seen: Seen) -> Answer:
    """The answer to a question over records and whether each passes.

    Raises:
        UsageError: the verb needs a value and none is taken, or numbers and there are none.
    """
    verb = question.verb
    if verb == "ratio":
        return _ratio(question, found, seen)
    passing = (record for record, passes in found if passes)
    if verb == "span":
        return _span(passing, seen)
    if not question.values and not question.keys:
        if verb == "list":
            return _records(passing, question, seen)
        if verb != "count":
            raise UsageError(f"--{verb} needs a value: add --field NAME, --pattern PATTERN or --time UNIT")
        deque(passing, maxlen=0)
        return Answer(verb, seen.passed, seen.passed)
    if verb in NUMERIC and not question.values:
        raise UsageError(f"--{verb} needs a value: add --field NAME or --pattern PATTERN")
    return _grouped(question, passing, seen)


def cells(parts: Sequence[Part], record: Record, missing: str | None) -> list[tuple[str, ...]]:
    """The values of a record side by side; empty where one is not found and no `missing` is given."""
    columns = [part(record) for part in parts]
    if not all(columns):
        if missing is None:
            return []
        columns = [column or (missing,) for column in columns]
    if len(columns) == 1:
        return [(value,) for value in columns[0]]
    most = max(map(len, columns), default=0)
    return [tuple(column[min(i, len(column) - 1)] for column in columns) for i in range(most)]


def _values(question: Question, record: Record) -> list[str]:
    if len(question.values) > 1 and question.missing is not None and not all(p(record) for p in question.values):
        return [question.missing]
    return [" ".join(cell) for cell in cells(question.values, record, question.missing)]


def _grouped(question: Question, passing: Iterable[Record], seen: Seen) -> Answer:
    """One row for each group; where values are what is counted or listed, they group too."""
    verb, units = question.verb, Units()
    new = maker(verb, question.shares, units)
    by_value = verb in ("count", "list")
    tallies: dict[tuple[str, ...], Tally] = {}
    outside = 0
    for record in passing:
        keys = cells(question.keys, record, question.missing) if question.keys else [()]
        values = _values(question, record) if question.values else []
        outside += not keys or (bool(question.values) and not values)
        if by_value and question.values:
            keys = [(*key, value) for key in keys for value in values]
        elif question.values and not values:
            continue
        for key in keys:
            tally = tallies.get(key)
            if tally is None:
                tally = tallies[key] = new()
            tally.add(values, record)
    if verb in NUMERIC and all(tally.figures()[0] is None for tally in tallies.values()):
        raise UsageError(f"--{verb} found no number in {counted(seen.passed, 'line')}: check the pattern or the field")
    notes = _outside(question, outside)
    if units.mixed:
        notes.append(f"some numbers carry a unit ({units.unit}) and others none: these are read as seconds")
    if verb == "distinct" and not question.keys:
        return Answer(verb, tallies[()].figures()[0] if tallies else 0, seen.passed, notes=tuple(notes))
    width = len(heads(verb, question.shares))
    rows = {key: tally.figures()[:width] for key, tally in tallies.items()}
    first = {" ".join(key): tally.place for key, tally in tallies.items()}
    present = _scalar if verb in NUMERIC and not question.keys else _tabled
    return present(question, rows, first, seen, units.unit, notes)


def _outside(question: Question, count: int) -> list[str]:
    asked = [*question.keys, *(question.values if question.keys and question.verb != "list" else ())]
    if not count or not any(part.kind == "field" for part in asked):
        return []
    names = " or ".join(part.name for part in asked)
    return [f"{counted(count, 'line')} without {names}: left out (--missing VALUE counts them under a name)"]


def _tabled(question: Question, rows: Rows, first: dict[str, str], seen: Seen, unit: str, notes: list[str]) -> Answer:
    """Rows in their order, cut to what was asked for, with the heads of their columns."""
    figures = heads(question.verb, question.shares)
    parts = _named(question)
    clock = next((part for part in parts if isinstance(part, Clock)), None)
    timed = clock if question.top is None and question.verb != "list" else None
    if timed is not None:
        notes += _fill(rows, timed, question, seen)
    ordered = _in_order(question, rows, timed)
    kept = ordered[: question.top]
    kept = kept[-question.last :] if question.last else kept
    names = [part.name for part in question.keys]
    if len(parts) > len(names):
        names.append(" ".join(part.name for part in question.values))
    if question.joined:
        names = [" ".join(names)]
    shown = [[" ".join(key), *cells] if question.joined else [*key, *cells] for key, cells in kept]
    flat = question.verb == "list" and len(names) == 1
    return Answer(
        question.verb,
        [row[0] for row in shown] if flat else shown,
        seen.passed,
        first,
        () if flat else (*names, *figures),
        len(names),
        timed is not None,
        len(ordered),
        unit,
        tuple(notes),
    )


def _named(question: Question) -> list[Part]:
    """The parts that name a row: what groups it and, where values are what is counted, these too."""
    by_value = question.verb in ("count", "list", "ratio")
    return [*question.keys, *(question.values if by_value else ())]


def _scalar(question: Question, rows: Rows, first: dict[str, str], seen: Seen, unit: str, notes: list[str]) -> Answer:
    """One figure over everything, or several percentiles."""
    verb = question.verb
    figures = next(iter(rows.values()))
    if verb == "p" and len(figures) > 1:
        named: list[list[object]] = [list(pair) for pair in zip(heads(verb, question.shares), figures, strict=True)]
        return Answer(verb, named, seen.passed, {}, ("percentile", "value"), 1, True, len(named), unit, tuple(notes))
    places = {f"{verb} at": first[""]} if verb in ("max", "min") else {}
    return Answer(verb, figures[0], seen.passed, places, unit=unit, notes=tuple(notes))


def _in_order(question: Question, rows: Rows, clock: Clock | None) -> list[tuple[tuple[str, ...], list[Figure]]]:
    """Rows by time and then by name; without a time by their figure, the largest first (of --min the smallest)."""
    if question.verb == "list":
        return list(rows.items())
    if clock is not None:
        if question.joined and len(question.values) > 1:
            return sorted(rows.items(), key=lambda row: row[0])
        place = _named(question).index(clock)
        return sorted(rows.items(), key=lambda row: (clock.order(row[0][place]), row[0]))
    figure = len(question.shares) - 1 if question.verb == "p" else 0
    sign = 1 if question.verb == "min" else -1

    def worth(row: tuple[tuple[str, ...], list[Figure]]) -> tuple[bool, float, tuple[str, ...]]:
        value = row[1][figure]
        return value is None, sign * (value or 0.0), row[0]

    return sorted(rows.items(), key=worth)


def _fill(rows: Rows, clock: Clock, question: Question, seen: Seen) -> list[str]:
    """Add what is missing between the first and the last time that a row has: buckets without records are rows too."""
    parts = _named(question)
    if seen.first is None or seen.last is None or (question.joined and len(parts) > 1) or not rows:
        return []
    labels = clock.between(seen.first, seen.last, MOST_BUCKETS)
    if labels is None:
        return [f"{clock.name}s without records are left out: they are too many"] if clock.even else []
    place = parts.index(clock)
    others = {key[:place] + key[place + 1 :] for key in rows}
    if len(others) * len(labels) > _MOST_CELLS:
        return ["groups without records in a time are left out there"]
    width = len(heads(question.verb, question.shares))
    empty: list[Figure] = [None if question.verb in ("max", "min", "mean", "p") else 0] * width
    for label in labels:
        for other in others:
            rows.setdefault((*other[:place], label, *other[place:]), list(empty))
    return []


def _ratio(question: Question, found: Iterator[tuple[Record, bool]], seen: Seen) -> Answer:
    """The share of records that pass among all of the span, for each group; of a value: each value's share."""
    totals: Counter[tuple[str, ...]] = Counter()
    shares: dict[tuple[str, ...], Share] = {}
    outside = 0
    for record, passes in found:
        keys = cells(question.keys, record, question.missing) if question.keys else [()]
        totals.update(keys)
        outside += not keys
        values = _values(question, record) if passes and question.values else []
        for key in keys if passes else ():
            for full in ((*key, value) for value in values) if question.values else (key,):
                shares.setdefault(full, Share()).add(values, record)
    if not question.values:
        for key in totals:
            shares.setdefault(key, Share())
    for key, share in shares.items():
        share.total = totals[key[: len(question.keys)]]
    notes = _outside(question, outside)
    if not question.keys and not question.values:
        whole = shares.get((), Share())
        return Answer("ratio", whole.figures()[0], seen.passed, unit="%", total=whole.total, notes=tuple(notes))
    rows = {key: share.figures() for key, share in shares.items()}
    first = {" ".join(key): share.place for key, share in shares.items()}
    return _tabled(question, rows, first, seen, "%", notes)


def _span(records: Iterable[Record], seen: Seen) -> Answer:
    first: Record | None = None
    last: Record | None = None
    for record in records:
        if record.epoch is not None:
            first, last = first or record, record
    if first is None or last is None or first.epoch is None or last.epoch is None:
        raise UsageError("--span found no times in these lines")
    places = {"first": where(first), "last": where(last)}
    return Answer("span", tidy(last.epoch - first.epoch), seen.passed, places, unit="s")


def _records(records: Iterable[Record], question: Question, seen: Seen) -> Answer:
    """The lines themselves: the first `top`, or the last `last`, or all."""
    kept: deque[Record] = deque(maxlen=question.last)
    for record in records:
        if question.last or question.top is None or len(kept) < question.top:
            kept.append(record)
    first: dict[str, str] = {}
    texts: list[str] = []
    for record in kept:
        texts.append("\n".join((record.raw, *record.more)))
        first.setdefault(texts[-1], where(record))
    return Answer("list", texts, seen.passed, first, total=seen.passed)
