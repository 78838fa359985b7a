"""The reading of one request, as a value that can be printed, compared and changed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum


class Ask(StrEnum):
    """What kind of answer is wanted."""

    COUNT = "count"
    BREAKDOWN = "count for each value"
    RANK = "rank"
    VALUES = "list the values"
    LINES = "show lines"
    DISTINCT = "count different values"
    MAX = "largest value"
    MIN = "smallest value"
    MEAN = "mean"
    SUM = "sum"
    PERCENTILE = "percentile"
    SPAN = "time span"
    FIRST = "time of the first"
    LAST = "time of the last"
    RATIO = "share"
    COMPARE = "compare"
    SUMMARY = "summary"
    CONVERT = "convert"
    NONE = "nothing that was recognised"


NUMERIC = frozenset({Ask.MAX, Ask.MIN, Ask.MEAN, Ask.SUM, Ask.PERCENTILE})
"""Asks whose answer is worked out from the numbers in a field."""
OF_VALUES = frozenset({Ask.BREAKDOWN, Ask.RANK, Ask.VALUES, Ask.DISTINCT})
"""Asks whose answer is about the different values of a field."""


@dataclass(frozen=True)
class Save:
    """A file that the answer is to be written to."""

    kind: str
    """csv, json, jsonl, md, chart."""
    path: str = ""
    """The name that the request gives; empty if it gives none."""
    columns: tuple[str, ...] = ()
    shape: str = ""
    """bar or line, of a chart; empty if the request does not say."""


@dataclass(frozen=True)
class Reading:
    """One request: what is asked, of what, per what, where, how many, and which words are left."""

    ask: Ask = Ask.NONE
    levels: tuple[str, ...] = ()
    """Upper-case level names that the lines must have."""
    or_worse: bool = False
    """True if worse levels count too."""
    quoted: tuple[str, ...] = ()
    """Texts in quotes that the lines must hold."""
    names: tuple[str, ...] = ()
    """Identifiers such as shop.cart, and numbers such as 503, that the lines must have."""
    codes: tuple[str, ...] = ()
    """Status codes that the lines must have: 503, 5xx."""
    topic: tuple[str, ...] = ()
    """Other words on what the lines are about."""
    value: tuple[str, ...] = ()
    """The words for the value that is asked for: "client address"."""
    value_type: str = ""
    """What the value looks like, where the request says so: address."""
    weight: str = ""
    """A text whose number N a line counts for: "repeated N times"."""
    conditions: tuple[tuple[str, str, str], ...] = ()
    """Field, comparison, number with its unit of time if it has one: ("rt", ">", "2s")."""
    unit: str = ""
    """Unit of time that the answer is given for each of: minute, hour, …"""
    groups: tuple[str, ...] = ()
    """Fields that the answer is given for each of, besides the value asked for."""
    since: str = ""
    until: str = ""
    number_unit: str = ""
    """Unit that a number is wanted in: seconds, ms, bytes."""
    percentiles: tuple[str, ...] = ()
    limit: int | None = None
    from_end: bool = False
    """True for the last `limit` lines."""
    least: bool = False
    """True if the rarest come first."""
    skip: int = 0
    """How many were shown before: "the next ten"."""
    files: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    saves: tuple[Save, ...] = ()
    unknown: tuple[str, ...] = ()
    """Words whose meaning is not known and that cannot be a topic: "why", "predict"."""
    kept: bool = False
    """True if parts were taken from the question before, though no word points back at it."""
    corrected: tuple[tuple[str, str], ...] = ()
    """Words that were taken for a misspelling, with what they were taken for."""
    text: str = ""
    """The words that were read."""

    @property
    def has_subject(self) -> bool:
        """True if it says by itself what the lines are: a level, a text, a name or a topic."""
        return bool(self.levels or self.quoted or self.names or self.codes or self.topic)

    @property
    def chart(self) -> Save | None:
        """The chart asked for."""
        return next((save for save in self.saves if save.kind == "chart"), None)

    def __str__(self) -> str:
        """The reading, one line for each thing that the request says."""
        rows = [("asks for", str(self.ask))]
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in ("ask", "text") and value not in ((), "", None, False, 0):
                rows.append((_LABELS.get(each.name, each.name.replace("_", " ")), _shown(value)))
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:{width}}  {value}" for label, value in rows)


_LABELS = {
    "quoted": "with the text",
    "names": "with the name",
    "codes": "with the status",
    "topic": "about",
    "value": "of the value",
    "unit": "per",
    "groups": "and per",
    "files": "in",
    "urls": "at",
    "saves": "written to",
    "unknown": "not understood",
    "corrected": "read as",
    "kept": "lines as before",
}


def _shown(value: object) -> str:
    if isinstance(value, Save):
        named = [value.shape, value.kind, value.path, *value.columns]
        return " ".join(part for part in named if part)
    if isinstance(value, tuple):
        nested = any(isinstance(part, tuple) for part in value)
        return ("; " if nested else ", ").join(
            " ".join(part) if isinstance(part, tuple) else _shown(part) for part in value
        )
    return "yes" if value is True else str(value)
