"""The lines of a log that tell what went wrong: exact, ranked, within a number of bytes.

While records are read, lines that tell of a failure are kept with what stands around them (`Gatherer`);
when all are read, they are weighed against each other and the weightiest are taken (`Evidence.pick`).
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from loglib import levels
from loglib.failures import judge, plain
from loglib.records import Record

_JUDGED = 1000  # characters of a line that are kept
_LONGEST = 420  # characters of a line that are shown
_BEFORE, _AFTER = 6, 14  # lines around a strong one
_TAIL = 40  # lines before a verdict
_STRONG = 5.0
_OFTEN = 12  # first lines of a kind that are kept, besides the last one
_KEPT = 30_000  # lines kept at most
_HEAD = 300  # lines that the head of a step may have
_MOST = 3000  # lines that are weighed against each other
_COMMANDS = 7  # lines of a step's head
_NEAR = 150.0  # lines over which the nearness of a verdict fades
_FREQUENT, _AGAIN, _LENGTH = 0.15, 0.6, 200  # how frequency, repetition and length count
_ELSEWHERE = 0.5
_FIRST, _NEARNESS, _NEW = 1.8, 0.6, 0.4
_LEAST = 0.2  # what weighs less is no evidence
_QUOTED = re.compile(r"'[^']{1,80}'|\"[^\"]{1,80}\"|`[^`]{1,80}`")
_BRACKETED = re.compile(r"\[[^\[\]]{1,80}\]")
_WORD = re.compile(r"\w{3,}")
_VALUE = re.compile(r"0x[0-9a-f]+|[\w./\\@-]*[/\\][\w./\\@:-]*|\d+")
_STEP = re.compile(
    r"##\[(?:group|section)\](?:Run |Starting: )|section_start:\d+:|\$ \S|\+ \S|\[command\]|"
    r"Step \d+/\d+ :|\[Pipeline\] (?:sh|bat|stage)|> Task |-{3,} \S+(?::[\w-]+)+ .* @ |#\d+ \[[^\]]*\d+/\d+\] |"
    r"(?:Run|Running|Executing)(?: command)?:? "
)
_GROUP = re.compile(r"##\[(?:group|section)\](?:Run |Starting: )|section_start:\d+:")
_JOB = re.compile(r"Complete job name: |##\[section\]Starting: |Job name: |Running with gitlab-runner")
_NOISE = re.compile(r"\s*(?:env:|with:|shell: .*|##\[endgroup\]|[A-Z][A-Z0-9_]{3,}: .*|\W*)\Z")
_RUNNERS = re.compile(r"##\[error\]|ERROR: Job failed|Finished: |\[ERROR\] BUILD|BUILD FAIL|FAILURE: Build")


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


class Gatherer:
    """Sees every record once and keeps, in bounded memory, the lines that may be evidence."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], Line] = {}
        self.kinds: Counter[str] = Counter()
        self.verdicts: list[tuple[str, int]] = []
        self.starts: list[int] = []
        self._before: deque[tuple[str, int, str]] = deque(maxlen=_TAIL)
        self._since = _AFTER  # lines since the last strong one
        self._strength = 0.0
        self._step: list[Line] = []
        self._group = ("", 0)
        self._head = 0  # lines of a step's head that may still come
        self._last: dict[str, tuple[str, int]] = {}
        self._harmless: set[int | None] = set()
        self._ranks: dict[str | None, int] = {None: -1}
        self._bad: Counter[int | None] = Counter()
        self._latest: dict[int, tuple[str, int, str, int]] = {}  # of a frequent group its last record

    def add(self, record: Record, group: int | None, *, failed: bool = False) -> None:
        """Take a record in; of records of one `group` (None: of no group) only the first are judged by their wording.

        `failed` tells that its status is that of a failure.
        """
        raw = record.raw
        rank = self._ranks.get(record.level)
        if rank is None:
            rank = self._ranks[record.level] = _rank(record.level)
        rank = max(rank, levels.BAD_RANK) if failed else rank
        resting = self._since >= _AFTER and not self._head and "##[" not in raw
        if resting and rank < levels.BAD_RANK and group in self._harmless:
            self._before.append((record.file, record.line, raw))
        elif resting and rank >= levels.BAD_RANK and self._bad[group] > _OFTEN and group is not None:
            self._latest[group] = (record.file, record.line, raw, rank)
            self._before.append((record.file, record.line, raw))
        else:
            self._bad[group] += rank >= levels.BAD_RANK
            self._line(record.file, record.line, raw, rank, group, record.text)
        for offset, line in enumerate(record.more, start=1):
            self._line(record.file, record.line + offset, line, None, None)

    def _line(self, file: str, number: int, raw: str, rank: int | None, group: int | None, inner: str = "") -> None:
        """One line, which is shown; `inner`, what it holds where something is wrapped around it, is judged."""
        line = Line(file, number, plain(raw), group=group)
        self._before.append((file, number, raw))
        stepping = self._see_step(line)
        if stepping:
            return
        form = judge(plain(inner) if inner.strip() else line.text)
        line.worded, line.rank = form.weight if form else 0.0, rank if rank is not None and rank >= 0 else None
        weight = line.weight
        if weight:
            self._hit(line, weight, form is not None and form.verdict)
        else:
            if group is not None and not _STEP.match(line.text):
                self._harmless.add(group)
            if self._since < _AFTER and line.text.strip():
                self._keep(line, near=self._strength / (1 + 0.25 * self._since))
        self._since += 1

    def _see_step(self, line: Line) -> bool:
        """Follow the steps of a build; true for the head of one: what is run says nothing of what came of it."""
        text = line.text
        if _JOB.match(text):
            self._keep(line, near=5.0)
        if _STEP.match(text):
            self._step = [line]
            self._since = _AFTER
            if _GROUP.match(text):
                self._group = (line.file, line.number)
                self._head = _HEAD if text.startswith("##[group]") else 0
            return self._head > 0
        if not self._head:
            return False
        if _RUNNERS.match(text):
            self._head = 0
            return False
        self._head = 0 if text.startswith("##[endgroup]") else self._head - 1
        if text.startswith(("shell: ", "with:", "env:")):
            self._step += [Line("", 0, "")] * _COMMANDS  # what follows is no command
        elif len(self._step) < _COMMANDS and not _NOISE.match(text):
            self._step.append(line)
        return True

    def _hit(self, line: Line, weight: float, verdict: bool) -> None:
        # A harmless line is none of the failure's kind, though only a number tells them apart.
        kind = kind_of(line.text)
        self.kinds[kind] += 1
        kind = f"{'failed' if weight >= 1 else 'harmless'}: {kind}"
        self.kinds[kind] += 1
        often = self.kinds[kind] > _OFTEN
        if often:
            known = self.lines.get(self._last.get(kind, ("", 0)))
            if known is not None and not known.near:
                del self.lines[known.file, known.number]
            self._last[kind] = (line.file, line.number)
        self._keep(line, verdict=verdict)
        if weight >= _STRONG and not often:
            for other in self._step[:1]:
                self._keep(other, near=weight * 0.6)
            # Beside a record with a level stand records of other things; beside a bare line, more of the same.
            strength = weight * (0.55 if line.rank is None else 0.2)
            for distance, before in enumerate(list(self._before)[-2 : -_BEFORE - 2 : -1], start=1):
                self._keep(Line(*before), near=strength / (1 + 0.5 * distance))
            self._since, self._strength = 0, strength
        if verdict and _RUNNERS.match(line.text):
            self._verdict(line)

    def _verdict(self, line: Line) -> None:
        """A step has failed: its head, its first commands and its last lines are evidence."""
        self.verdicts.append((line.file, line.number))
        self.starts.append(self._group[1] if self._group[0] == line.file else 0)
        self._since = _AFTER
        for place, other in enumerate(self._step[:_COMMANDS]):
            if other.number:
                self._keep(other, near=6.0 / (1 + 0.35 * place))
        for distance, before in enumerate(list(self._before)[-2::-1], start=1):
            self._keep(Line(*before), near=4.5 * math.exp(-distance / 7))

    def _keep(self, line: Line, near: float = 0.0, *, verdict: bool = False) -> None:
        known = self.lines.get((line.file, line.number))
        if known is None:
            known = self.lines[line.file, line.number] = line
            known.text = plain(known.text)[:_JUDGED]
        known.near = max(known.near, near)
        known.verdict = known.verdict or verdict
        if len(self.lines) > _KEPT:
            self._thin()

    def _thin(self) -> None:
        """Forget the lighter half."""
        by_weight = sorted(self.lines.values(), key=lambda line: line.weight + line.near)
        for line in by_weight[: len(by_weight) // 2]:
            del self.lines[line.file, line.number]

    def finish(self) -> Evidence:
        """What was kept, with the last record of each problem and the last lines of the log."""
        for group, (file, number, raw, rank) in self._latest.items():
            self._keep(Line(file, number, raw, rank=rank, group=group))
        for distance, before in enumerate(list(self._before)[:-9:-1], start=1):
            self._keep(Line(*before), near=2.0 / (1 + 0.5 * distance))
        return Evidence(list(self.lines.values()), self.kinds, self.verdicts, self.starts)


def _rank(level: str | None) -> int:
    """The rank of a level as written, -1 where it is none."""
    return levels.RANK.get(levels.canonical(level) or "", -1) if level else -1


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
    """A line as it is shown: what cannot be printed is U+FFFD, a very long one is cut."""
    text = text.rstrip()
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
