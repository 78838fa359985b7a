"""Keeps, while records are read, the lines that may tell what went wrong, and what stands around them."""

from __future__ import annotations

import math
import re
from collections import Counter, deque

from loglib import levels
from loglib.evidence import Evidence, Line, kind_of
from loglib.failures import judge, plain
from loglib.records import Record

_JUDGED = 1000  # characters of a line that are kept
_BEFORE, _AFTER = 6, 14  # lines around a strong one
_TAIL = 40  # lines before a verdict
_STRONG = 5.0
_OFTEN = 12  # first lines of a kind that are kept, besides the last one
_KEPT = 30_000  # lines kept at most
_HEAD = 300  # lines that the head of a step may have
_COMMANDS = 7  # lines of a step's head
_STEP = re.compile(
    r"##\[(?:group|section)\](?:Run |Starting: )|section_start:\d+:|\$ \S|\+ \S|\[command\]|"
    r"Step \d+/\d+ :|\[Pipeline\] (?:sh|bat|stage)|> Task |-{3,} \S+(?::[\w-]+)+ .* @ |#\d+ \[[^\]]*\d+/\d+\] |"
    r"(?:Run|Running|Executing)(?: command)?:? "
)
_GROUP = re.compile(r"##\[(?:group|section)\](?:Run |Starting: )|section_start:\d+:")
_JOB = re.compile(r"Complete job name: |##\[section\]Starting: |Job name: |Running with gitlab-runner")
_NOISE = re.compile(r"\s*(?:env:|with:|shell: .*|##\[endgroup\]|[A-Z][A-Z0-9_]{3,}: .*|\W*)\Z")
_RUNNERS = re.compile(r"##\[error\]|ERROR: Job failed|Finished: |\[ERROR\] BUILD|BUILD FAIL|FAILURE: Build")


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
    """The rank of a level as written, -1 if it is not one."""
    return levels.RANK.get(levels.canonical(level) or "", -1) if level else -1
