"""Numbers as logs write them: with thousands marks, a per cent sign, or a unit of time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0,
            "min": 60.0, "mins": 60.0, "h": 3600.0}  # fmt: skip
_WITH_UNIT = re.compile(r"([-+]?\d[\d,]*(?:\.\d+)?)\s?(%|[nuµμm]?s|secs?|mins?|h)\Z")
_COMPOUND = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(\d+(?:\.\d+)?)s\Z")


def measure(text: str) -> tuple[float, str] | None:
    """A written number and its unit; a duration such as 1m30s is in seconds. None where it is no finite number."""
    try:
        number, unit = float(text.replace(",", "")), ""
    except ValueError:
        with_unit = _WITH_UNIT.match(text)
        if with_unit:
            number, unit = float(with_unit[1].replace(",", "")), with_unit[2]
        elif (parts := _COMPOUND.match(text)) is not None:
            number, unit = int(parts[1] or 0) * 3600 + int(parts[2] or 0) * 60 + float(parts[3]), "s"
        else:
            return None
    return (number, unit) if math.isfinite(number) else None


def compare(text: str, limit: str) -> float | None:
    """What is left of a number when a limit is taken away; None where one of them is no number."""
    one, other = measure(text), measure(limit)
    if one is None or other is None:
        return None
    factor = _SECONDS.get(one[1], 1.0) / _SECONDS.get(other[1], 1.0) if one[1] and other[1] else 1.0
    return one[0] * factor - other[0]


class Units:
    """Reads numbers into one scale: the unit of all of them, or seconds where several units of time occur."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def read(self, values: Sequence[str]) -> Iterator[float]:
        """The numbers among the values, those with a unit of time in seconds."""
        for value in values:
            found = measure(value)
            if found is not None:
                self._seen.add(found[1])
                yield found[0] * _SECONDS.get(found[1], 1.0)

    @property
    def unit(self) -> str:
        """The unit of what `scaled` gives; empty where the numbers have none."""
        timed = [unit for unit in self._seen if unit in _SECONDS]
        if timed:
            return timed[0] if len(timed) == 1 else "s"
        return "%" if "%" in self._seen else ""

    @property
    def mixed(self) -> bool:
        """Whether some numbers carry a unit and others none."""
        return len(self._seen) > 1 and "" in self._seen

    def scaled(self, number: float) -> float:
        """A figure over what was read, in `unit`."""
        return number / _SECONDS.get(self.unit, 1.0)


def tidy(value: float) -> int | float:
    """A whole number as int, any other rounded to four places."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def percentile(ordered: Sequence[float], share: float) -> float:
    """The percentile (0 to 100) of sorted numbers, linear between neighbours."""
    place = (len(ordered) - 1) * share / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
