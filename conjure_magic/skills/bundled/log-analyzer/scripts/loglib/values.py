"""The fields that a log names (JSON, logfmt, a table), by value: what people group records by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from loglib import levels
from loglib.roles import plan_of

_KEYS = 80  # fields that are counted
_MANY = 100  # values of a field; one with more names each record, and is no group
_EACH = 3  # records that a value has on average, or it is no group
_LONGEST = 80  # characters of a value
_FIELDS, _VALUES = 12, 5  # that are shown
_SHOWN = ("level", "time", "message", "component", "host", "pid")  # roles that have a table of their own
_KINDS = ("error", "err", "exception", "kind", "code", "reason", "type", "status", "outcome", "result", "action")
Plain = dict[str, object]


@dataclass(frozen=True)
class _Field:
    name: str
    counts: Counter[str]
    failed: Counter[str]

    @property
    def is_group(self) -> bool:
        """Whether its values group records: several values, each of several records, or of some records only."""
        return len(self.counts) * _EACH <= self.counts.total()

    def order(self) -> tuple[bool, bool, int, str]:
        """Sort key: fields of failed records first, then those named as kinds are, then those in most records."""
        named = not set(self.name.lower().replace("_", ".").split(".")).isdisjoint(_KINDS)
        return not (named and self.failed), not named, -self.counts.total(), self.name

    def as_plain(self) -> Plain:
        """The most frequent values, those of failed records first."""
        best = sorted(self.counts, key=lambda value: (-self.failed[value], -self.counts[value], value))
        return {
            "field": self.name,
            "records": self.counts.total(),
            "distinct": len(self.counts),
            "values": [
                {"value": value, "count": self.counts[value], "failed": self.failed[value]} for value in best[:_VALUES]
            ],
        }


class Values:
    """Counts the values of named fields record by record, in bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str] | None] = {}
        self._failed: dict[str, Counter[str]] = {}
        self._bad: dict[str | None, bool] = {}

    def add(self, fields: Mapping[str, object], level: str | None, *, failed: bool) -> None:
        """Take the fields of one record in; `failed` tells that its status is that of a failure."""
        if level not in self._bad:
            self._bad[level] = _is_bad(level)
        failed = failed or self._bad[level]
        known = self._counts
        for key, value in fields.items():
            counts = known.get(key)
            if counts is None:
                if key in known or len(known) >= _KEYS:
                    continue
                counts = known[key] = Counter()
                self._failed[key] = Counter()
            if value is None or value == "" or isinstance(value, (dict, list)):
                continue
            text = value if isinstance(value, str) else _written(value)
            if len(text) > _LONGEST or (len(counts) >= _MANY and text not in counts):
                known[key] = None
                continue
            counts[text] += 1
            if failed:
                self._failed[key][text] += 1

    def as_plain(self, records: int) -> list[Plain]:
        """The fields worth grouping `records` by, those that tell of failures first."""
        roles = plan_of(self._counts)
        left_out = {key for role in _SHOWN for key in roles.get(role, ())}
        fields = [
            _Field(key, counts, self._failed[key])
            for key, counts in self._counts.items()
            if counts and key not in left_out
        ]
        inner = [field.counts for field in fields if "." in field.name]
        fields = [field for field in fields if "." in field.name or field.counts not in inner]  # copied from inside
        telling = [field for field in fields if field.is_group and _tells(field, records)]
        return [field.as_plain() for field in sorted(telling, key=_Field.order)[:_FIELDS]]


def _tells(field: _Field, records: int) -> bool:
    return len(field.counts) > 1 or field.counts.total() < records


def _is_bad(level: str | None) -> bool:
    name = levels.canonical(level) if level else None
    return name is not None and levels.RANK[name] >= levels.BAD_RANK


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
