"""The lines of a log that tell what went wrong: exact, ranked, within a number of bytes.

While records are read, lines that report a failure are kept with what stands around them (`gatherer`);
when all are read, they are weighed against each other and the weightiest are taken (`Evidence.pick`).
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from loglib import levels

_LONGEST = 420  # characters of a line that are shown
_MOST = 3000  # lines that are weighed against each other
_NEAR = 150.0  # lines over which the nearness of a verdict fades
_FREQUENT, _AGAIN, _LENGTH = 0.15, 0.6, 200  # how frequency, repetition and length count
_ELSEWHERE = 0.5
_FIRST, _NEARNESS, _NEW = 1.8, 0.6, 0.4
_LEAST = 0.2  # what weighs less is no evidence
_QUOTED = re.compile(r"'[^']{1,80}'|\"[^\"]{1,80}\"|`[^`]{1,80}`")
_BRACKETED = re.compile(r"\[[^\[\]]{1,80}\]")
_WORD = re.compile(r"\w{3,}")
_VALUE = re.compile(r"0x[0-9a-f]+|[\w./\\@-]*[/\\][\w./\\@:-]*|\d+")


@dataclass(slots=True)
class Line:
    """A line that may be evidence: by its own words (`worded`) and level (`rank`), or by what is `near`."""

    file: str
    number: int
    text: str
    worded: float = 0.0
    rank: int | None = None
    near: float = 0.0
    verdict: bool = False
    group: int | None = None

    @property
    def weight(self) -> float:
        """By its level where it has one: then its wording alone is no failure."""
        rank = self.rank
        if rank is None:
            return self.worded
        if rank >= levels.RANK["CRITICAL"]:
            return max(8.0, self.worded)
        if rank >= levels.BAD_RANK:
            return max(6.0, self.worded)
        return self.worded * (0.25 if rank == levels.RANK["WARN"] else 0.1)


@dataclass(frozen=True)
class Picked:
    """A line of evidence as it is shown."""

    file: str
    number: int
    text: str


def kind_of(text: str) -> str:
    """Lines that differ in values only are of one kind."""
    return _VALUE.sub("0", _QUOTED.sub("''", _BRACKETED.sub("[]", text[:200]))).strip()


class _Candidate(NamedTuple):
    """A line with its kind, its weight before any is taken, and its words."""

    line: Line
    kind: str
    worth: float
    words: frozenset[str]


@dataclass
class Evidence:
    """What was kept of a log, to be weighed."""

    lines: list[Line] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: list[tuple[str, int]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    _templates: dict[tuple[str, int], str] = field(default_factory=dict)

    def by_template(self, of_group: Sequence[int]) -> None:
        """Take records that have a level for one kind where they have one template."""
        for line in self.lines:
            if line.rank is not None and line.group is not None:
                self._templates[line.file, line.number] = f"template {of_group[line.group]}"

    @cached_property
    def _candidates(self) -> list[_Candidate]:
        """What may be shown, the weightiest first; of equal lines the weightiest only."""
        kinds = [self._templates.get((line.file, line.number)) or kind_of(line.text) for line in self.lines]
        order = sorted(range(len(kinds)), key=lambda place: (self.lines[place].file, self.lines[place].number))
        weighty = [place for place in order if self.lines[place].weight]
        last = {kinds[place]: place for place in weighty}
        first = {kinds[place]: place for place in reversed(weighty)}
        found: dict[str, _Candidate] = {}
        for place, (line, kind) in enumerate(zip(self.lines, kinds, strict=True)):
            end = first.get(kind) == place or (line.rank is not None and last.get(kind) == place)
            text = line.text.strip()
            worth = self._worth(line, self.kinds[kind], end=end)
            known = found.get(text)
            if text and worth >= _LEAST and (known is None or worth > known.worth):
                found[text] = _Candidate(line, kind, worth, frozenset(_WORD.findall(text)))
        return sorted(found.values(), key=lambda candidate: -candidate.worth)[:_MOST]

    def pick(self, budget: int, extra: int = 0) -> list[Picked]:
        """The weightiest lines that together need at most `budget` bytes, `extra` for each, in the order of the log.

        A kind weighs less each time that it is taken, and so does a line whose words have been told.
        """
        candidates = self._candidates
        heap = [(-candidate.worth, place) for place, candidate in enumerate(candidates)]
        taken: Counter[str] = Counter()
        told: set[str] = set()
        chosen: list[Picked] = []
        while heap and budget > 12:
            weight, place = heapq.heappop(heap)
            line, kind, worth, words = candidates[place]
            novel = (len(words - told) + 1) / (len(words) + 1)
            now = -worth * _AGAIN ** taken[kind] * (1 - _NEW + _NEW * novel)
            if now > weight + 1e-9:
                if -now >= _LEAST:
                    heapq.heappush(heap, (now, place))
                continue
            picked = Picked(line.file, line.number, shown(line.text))
            size = len(picked.text.encode()) + len(str(line.number)) + 3 + extra
            if size > budget:
                continue
            budget -= size
            taken[kind] += 1
            told |= words
            chosen.append(picked)
        return _in_order(chosen)

    def _worth(self, line: Line, often: int, *, end: bool) -> float:
        """The weight of a line: a frequent kind weighs less, the first of one and nearness to a verdict more."""
        weight = line.weight / (1 + _FREQUENT * math.log2(max(often, 1)))
        if line.verdict:
            weight = max(weight, line.weight * 0.6)
        weight = max(weight, line.near) + 0.3 * min(weight, line.near)
        if end:
            weight *= _FIRST
        if self.verdicts:
            weight *= self._nearness(line)
        return weight / (1 + len(line.text[:_LONGEST]) / _LENGTH)

    def _nearness(self, line: Line) -> float:
        """More right before a verdict and in the step that it ends, less behind the last one."""
        ahead = [
            (number - line.number, line.number >= start)
            for (file, number), start in zip(self.verdicts, self.starts, strict=True)
            if file == line.file and number >= line.number
        ]
        if not ahead:
            return 0.5
        distance, inside = min(ahead)
        return (1.0 if inside else _ELSEWHERE) + _NEARNESS * math.exp(-distance / _NEAR)


def _in_order(lines: list[Picked]) -> list[Picked]:
    files = {file: place for place, file in enumerate(dict.fromkeys(line.file for line in lines))}
    return sorted(lines, key=lambda line: (files[line.file], line.number))


def shown(text: str) -> str:
    """A line as it is shown: what cannot be printed is U+FFFD, a very long one is cut, several are joined by blanks."""
    text = text.rstrip().replace("\n", " ")
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
