"""Web requests of a log: their status classes and latency, over time and for each endpoint."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

from loglib.layout import Layout
from loglib.moments import bucket_width, iso
from loglib.numbers import Units, percentile, tidy
from loglib.options import zone_offset
from loglib.records import Record
from loglib.takes import Taker, field_taker

_DURATIONS = ("duration", "request_time", "rt", "took", "latency", "elapsed", "time_taken")
_TIMES = 12  # rows over time
_TOP = 8
_MOST = 5000  # endpoints told apart
Plain = dict[str, object]


@dataclass(frozen=True)
class Group:
    """Requests that belong together: the first digits of their statuses, and their durations where they have any."""

    name: str
    classes: Counter[str]
    durations: Sequence[float]

    def as_plain(self) -> Plain:
        """Counts, shares in per cent, median and 95th percentile."""
        count = self.classes.total()
        ordered = sorted(self.durations)
        return {
            "name": self.name,
            "count": count,
            "shares": {f"{first}xx": tidy(100 * self.classes[first] / count) for first in sorted(self.classes)},
            "median": tidy(percentile(ordered, 50)) if ordered else None,
            "p95": tidy(percentile(ordered, 95)) if ordered else None,
        }


class Requests:
    """Gathers the requests of a log record by record, some bytes for each."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._status, self._endpoint = field_taker("status", layouts), field_taker("endpoint", layouts)
        self._takers = [field_taker(name, layouts) for name in _DURATIONS]
        self._duration: Taker | None = None
        self._tried = 0
        self._units = Units()
        self._endpoints: dict[str, int] = {}
        self._classes = bytearray()
        self._places = array("I")
        self._epochs = array("d")
        self._durations = array("d")

    def add(self, record: Record) -> None:
        """Take a request in; a record without a status is not one."""
        status = next(iter(self._status(record)), "")
        if len(status) != 3 or not status.isdigit():
            return
        path = next(iter(self._endpoint(record)), "-")
        known = self._endpoints
        if path not in known and len(known) >= _MOST:
            path = "(other)"
        self._classes.append(int(status[0]))
        self._places.append(known.setdefault(path, len(known)))
        self._epochs.append(nan if record.epoch is None else record.epoch + zone_offset(record.time))
        self._durations.append(self._took(record))

    def _took(self, record: Record) -> float:
        """The duration, by the first of its names that the first requests have."""
        if self._duration is None and self._tried < 50:
            self._tried += 1
            self._duration = next((take for take in self._takers if take(record)), None)
        if self._duration is None:
            return nan
        return next((number for number in self._units.read(self._duration(record)) if number >= 0), nan)

    def as_plain(self) -> Plain | None:
        """All requests, the busiest endpoints and about a dozen stretches of time; None where there is no request."""
        if not self._classes:
            return None
        rows = range(len(self._classes))
        names = list(self._endpoints)
        endpoints = self._grouped({row: names[self._places[row]] for row in rows})
        return {
            "all": self._grouped(dict.fromkeys(rows, "all"))[0].as_plain(),
            "endpoints": [group.as_plain() for group in sorted(endpoints, key=_busy)[:_TOP]],
            "over_time": [group.as_plain() for group in self._over_time()],
            "unit": self._units.unit,
        }

    def _over_time(self) -> list[Group]:
        timed = [row for row, epoch in enumerate(self._epochs) if epoch == epoch]
        if len(timed) < 2:
            return []
        first, last = min(self._epochs[row] for row in timed), max(self._epochs[row] for row in timed)
        width = bucket_width(last - first, _TIMES)
        groups = self._grouped({row: iso(self._epochs[row] // width * width) for row in timed})
        return sorted(groups, key=lambda group: group.name)

    def _grouped(self, name_of: dict[int, str]) -> list[Group]:
        classes: dict[str, Counter[str]] = defaultdict(Counter)
        durations: dict[str, array[float]] = defaultdict(lambda: array("d"))
        for row, name in name_of.items():
            classes[name][str(self._classes[row])] += 1
            took = self._durations[row]
            if took == took:
                durations[name].append(self._units.scaled(took))
        return [Group(name, counts, durations[name]) for name, counts in classes.items()]


def _busy(group: Group) -> tuple[int, str]:
    return -group.classes.total(), group.name
