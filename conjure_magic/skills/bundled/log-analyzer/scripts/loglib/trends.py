"""What changes over time: bursts, gaps, clock jumps, templates that appear or vanish."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from loglib.corpus import Corpus
from loglib.moments import bucket_width

_BUCKETS = 90
_KINDS = 12  # templates of bad records in which bursts are looked for
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


def series(corpus: Corpus, bad: Sequence[bool]) -> Series | None:
    """Counts over time of all and of bad records; None where fewer than two records have a time."""
    times = [value for value in corpus.epoch if value == value]
    if len(times) < 2:
        return None
    first, last = min(times), max(times)
    width = bucket_width(last - first, _BUCKETS)
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
    """The largest bursts of bad records, of one kind of them amid steady others, then of all records."""
    described = [_describe(corpus, found, bad, "errors", run, usual) for run, usual in _raised(found.bad, found.all)]
    described += _of_one_kind(corpus, found, bad, described)
    told = {(b.start, b.end, b.count) for b in described}
    of_all = [_describe(corpus, found, bad, "lines", run, usual) for run, usual in _runs(found.all)]
    described += [b for b in of_all if (b.start, b.end, b.count) not in told]
    return sorted(described, key=lambda b: (b.kind != "errors", -b.count))[:limit]


def _runs(counts: Sequence[int]) -> list[tuple[tuple[int, int], float]]:
    """Runs of neighbouring buckets above 3 × the mean and above 5, as ((first, last), usual)."""
    mean = sum(counts) / len(counts)
    return [(run, mean) for run in _above(counts, max(3 * mean, 5))]


def _raised(counts: Sequence[int], everything: Sequence[int]) -> list[tuple[tuple[int, int], float]]:
    """Runs of buckets far above the usual one, where there are steady counts too: by the median and its scatter.

    More of them because there is more of everything is no burst: their share must have risen, or three times the mean.
    """
    usual = float(median(counts))
    scatter = median(abs(count - usual) for count in counts)
    # Counts of independent events scatter by the root of their mean; log lines do so by more.
    limit = max(usual + 5 * max(1.5 * scatter, math.sqrt(usual)), 1.6 * usual, 5)
    share = sum(counts) / (sum(everything) or 1)
    mean = sum(counts) / len(counts)
    runs = []
    for first, last in _above(counts, limit):
        inside, of = sum(counts[first : last + 1]), sum(everything[first : last + 1])
        peak = max(counts[first : last + 1])
        if inside > 1.25 * share * of or peak > 3 * mean:
            runs.append(((first, last), usual if usual else mean))
    return runs


def _above(counts: Sequence[int], limit: float) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for place, count in enumerate(counts):
        if count > limit:
            if runs and runs[-1][1] >= place - _NEAR:
                runs[-1] = (runs[-1][0], place)
            else:
                runs.append((place, place))
    return runs


def _of_one_kind(corpus: Corpus, found: Series, bad: Sequence[bool], known: Sequence[Burst]) -> list[Burst]:
    """Bursts of one template of bad records that its steady fellows hide."""
    amounts = Counter(number for number, is_bad in zip(corpus.template, bad, strict=True) if is_bad)
    bursts: list[Burst] = []
    frequent = {number: array("I") for number, count in amounts.most_common(_KINDS) if count > 5}
    for row, (number, is_bad) in enumerate(zip(corpus.template, bad, strict=True)):
        if is_bad and number in frequent:
            frequent[number].append(row)
    for rows in frequent.values():
        counts = [0] * len(found.all)
        for row in rows:
            if corpus.epoch[row] == corpus.epoch[row]:
                counts[int((corpus.epoch[row] - found.start) // found.width)] += 1
        runs = _raised(counts, found.all)
        own = _flags(rows, len(corpus)) if runs else b""
        for run, usual in runs:
            burst = _describe(corpus, found, own, "errors", run, usual)
            if not any(other.start < burst.end and burst.start < other.end for other in [*known, *bursts]):
                bursts.append(burst)
    return bursts


def _flags(rows: Sequence[int], size: int) -> bytes:
    flags = bytearray(size)
    for row in rows:
        flags[row] = True
    return bytes(flags)


def _describe(
    corpus: Corpus, found: Series, bad: Sequence[bool] | bytes, kind: str, run: tuple[int, int], usual: float
) -> Burst:
    """What a run of buckets holds; `bad` tells which records count, of a burst of lines all do."""
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
