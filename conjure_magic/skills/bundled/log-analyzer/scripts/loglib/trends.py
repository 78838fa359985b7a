"""What changes over time: bursts, gaps, clock jumps, templates that appear or vanish."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from loglib.corpus import Corpus

_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_BUCKETS = 90
_NEAR = 4  # buckets; bursts closer than this are one


@dataclass(frozen=True)
class Series:
    """Counts in equal time buckets: `start` is the first bucket's beginning, `width` its seconds."""

    start: float
    width: float
    all: list[int]
    bad: list[int]


@dataclass(frozen=True)
class Burst:
    """A run of buckets far above the usual; `rows` are the records in it that count."""

    kind: str
    start: float
    end: float
    count: int
    usual: float
    template: int
    template_count: int
    first_row: int


@dataclass(frozen=True)
class Step:
    """A jump between two neighbouring records: `seconds` forward (a gap) or, negative, backward."""

    row: int
    seconds: float


def bucket_width(span: float) -> float:
    """A round bucket width that divides `span` seconds into at most about ninety buckets."""
    for width in _WIDTHS:
        if span / width <= _BUCKETS:
            return float(width)
    return 86400.0 * math.ceil(span / 86400 / _BUCKETS)


def series(corpus: Corpus, bad: Sequence[bool]) -> Series | None:
    """Counts over time of all and of bad records; None where fewer than two records have a time."""
    times = [value for value in corpus.epoch if value == value]
    if len(times) < 2:
        return None
    first, last = min(times), max(times)
    width = bucket_width(last - first)
    start = math.floor(first / width) * width
    size = int((last - start) // width) + 1
    everything, problems = [0] * size, [0] * size
    for value, is_bad in zip(corpus.epoch, bad, strict=True):
        if value == value:
            place = int((value - start) // width)
            everything[place] += 1
            problems[place] += is_bad
    return Series(start, width, everything, problems)


def bursts(corpus: Corpus, found: Series, bad: Sequence[bool], limit: int = 5) -> list[Burst]:
    """The largest bursts of bad records, then of all records, largest first."""
    runs = [(kind, run, usual) for kind, counts in (("errors", found.bad), ("lines", found.all))
            for run, usual in _runs(counts)]  # fmt: skip
    described = [_describe(corpus, found, bad, *run) for run in runs]
    told = {(b.start, b.end, b.count) for b in described if b.kind == "errors"}
    described = [b for b in described if b.kind == "errors" or (b.start, b.end, b.count) not in told]
    return sorted(described, key=lambda b: (b.kind != "errors", -b.count))[:limit]


def _runs(counts: Sequence[int]) -> list[tuple[tuple[int, int], float]]:
    """Runs of neighbouring buckets above 3 × the mean and above 5, as ((first, last), usual)."""
    mean = sum(counts) / len(counts)
    limit = max(3 * mean, 5)
    runs: list[tuple[int, int]] = []
    for place, count in enumerate(counts):
        if count > limit:
            if runs and runs[-1][1] >= place - _NEAR:
                runs[-1] = (runs[-1][0], place)
            else:
                runs.append((place, place))
    return [(run, mean) for run in runs]


def _describe(
    corpus: Corpus, found: Series, bad: Sequence[bool], kind: str, run: tuple[int, int], usual: float
) -> Burst:
    start = found.start + run[0] * found.width
    end = found.start + (run[1] + 1) * found.width
    rows = [
        row for row, value in enumerate(corpus.epoch)
        if start <= value < end and (kind == "lines" or bad[row])
    ]  # fmt: skip
    template, count = Counter(corpus.template[row] for row in rows).most_common(1)[0]
    first = next(row for row in rows if corpus.template[row] == template)
    return Burst(kind, start, end, len(rows), usual, template, count, first)


def steps(corpus: Corpus, limit: int = 5) -> tuple[list[Step], list[Step], int]:
    """The largest gaps, the largest jumps back in time, and how many jumps back there are."""
    moves = array("d", bytes(8 * len(corpus)))
    before = math.nan
    for row, value in enumerate(corpus.epoch):
        if value == value:
            if before == before:
                moves[row] = value - before
            before = value
    forward = sorted(step for step in moves if step > 0)
    usual = forward[int(len(forward) * 0.95)] if forward else 0.0
    limit_gap = max(10 * usual, 60.0)
    gaps = [Step(row, move) for row, move in enumerate(moves) if move > limit_gap]
    back = [Step(row, move) for row, move in enumerate(moves) if move < 0]
    gaps.sort(key=lambda step: -step.seconds)
    return gaps[:limit], sorted(back, key=lambda step: step.seconds)[:limit], len(back)


@dataclass(frozen=True)
class Life:
    """When a template was seen: rows of its first and last record, and where these stand in time, 0 to 1."""

    template: int
    count: int
    first: int
    last: int
    begin: float
    end: float


def lives(corpus: Corpus) -> list[Life]:
    """First and last record of every template, in order of time where all have one, else of place."""
    order = _in_time(corpus)
    last = {corpus.template[row]: place for place, row in enumerate(order)}
    first: dict[int, int] = {}
    for place in range(len(order) - 1, -1, -1):
        first[corpus.template[order[place]]] = place
    size = len(order)
    return [
        Life(t, corpus.templates.counts[t], order[first[t]], order[last[t]], first[t] / size, last[t] / size)
        for t in sorted(first)
    ]


def _in_time(corpus: Corpus) -> Sequence[int]:
    epoch = corpus.epoch
    if all(one <= other for one, other in pairwise(epoch)) or any(value != value for value in epoch):
        return range(len(corpus))
    return sorted(range(len(corpus)), key=epoch.__getitem__)


def appeared(all_lives: Sequence[Life], limit: int = 5) -> list[Life]:
    """Templates first seen in the last half of the log, most frequent first."""
    late = [life for life in all_lives if life.begin > 0.5 and life.count > 1]
    return sorted(late, key=lambda life: -life.count)[:limit]


def vanished(all_lives: Sequence[Life], limit: int = 5) -> list[Life]:
    """Templates with at least five records and none in the last half of the log."""
    gone = [life for life in all_lives if life.end < 0.5 and life.count >= 5]
    return sorted(gone, key=lambda life: -life.count)[:limit]
