"""How much of a log was read, and by which rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from loglib.counted import counted

ENOUGH = 0.95  # of the lines; below, every answer carries a warning
_PLACES = 5


@dataclass
class Coverage:
    """What became of the lines of a log, blank ones left out; filled while records are read.

    Attributes:
        rules: lines that each rule read, by the rule's name.
        joined: further lines of a record: stack traces, indented lines.
        odd: lines joined to a record that do not look like its further lines.
        unread: lines that no rule reads.
        undated: records with a time whose date is not understood: they have none.
        file_dated: records with a time and no date at all: theirs is the file's.
        places: where the first unread lines are.
        encodings: those of the files that are not UTF-8, inferred from their bytes.
    """

    rules: Counter[str] = field(default_factory=Counter)
    joined: int = 0
    odd: int = 0
    unread: int = 0
    undated: int = 0
    file_dated: int = 0
    places: list[str] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)

    @property
    def lines(self) -> int:
        """All lines, blank ones left out."""
        return self.rules.total() + self.joined + self.odd + self.unread

    @property
    def share(self) -> float:
        """The part of the lines that a rule reads, 0 to 1; 1 for an empty log."""
        lines = self.lines
        return (lines - self.odd - self.unread) / lines if lines else 1.0

    def note_unread(self, place: str) -> None:
        """Count a line that no rule reads."""
        self.unread += 1
        if len(self.places) < _PLACES:
            self.places.append(place)

    def note_further(self, lines: Sequence[str], *, alike: bool, counted: bool = False) -> None:
        """Count further lines of a record; `alike`: they look like such, `counted`: a rule has counted them."""
        count = 0 if counted else sum(map(bool, lines))
        if alike:
            self.joined += count
        else:
            self.odd += count

    def sentence(self) -> str:
        """What was read by which rule, as one line to read."""
        lines = self.lines
        if not lines:
            return "Read: there is nothing in it."
        parts = [f"{count / lines:.1%} as {name}" for name, count in self.rules.most_common() if count]
        if self.joined:
            parts.append(f"{self.joined / lines:.1%} as further lines of a record")
        if self.odd:
            parts.append(f"{self.odd / lines:.1%} joined to the record before, though they do not look like it")
        if self.unread:
            parts.append(f"{self.unread / lines:.1%} by no rule ({self.unread}, first: {', '.join(self.places[:3])})")
        return f"Read, of {counted(lines, 'line')}: " + "; ".join(parts) + "." + self._dates()

    def _dates(self) -> str:
        text = f" Not UTF-8: decoded as {', '.join(sorted(self.encodings))}." if self.encodings else ""
        if self.undated:
            text += f" The date of {counted(self.undated, 'record')} is not understood: no time is given for them."
        if self.file_dated:
            text += (
                f" {counted(self.file_dated, 'record')} without a date: the one shown is the file's modification date."
            )
        return text

    def warning(self) -> str:
        """One sentence where too little was read, else nothing."""
        if self.share >= ENOUGH:
            return ""
        return (
            f"Only {self.share:.1%} of the lines are read by a rule, so figures may be wrong: "
            "see parse_logs.py --describe, and give the layout by --layout."
        )

    def as_plain(self) -> dict[str, object]:
        """The same as values for JSON."""
        return {
            "lines": self.lines,
            "share": round(self.share, 4),
            "rules": dict(self.rules),
            "joined": self.joined,
            "odd": self.odd,
            "unread": self.unread,
            "undated": self.undated,
            "file_dated": self.file_dated,
            "encodings": sorted(self.encodings),
            "warning": self.warning() or None,
        }
