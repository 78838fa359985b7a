"""One word for the state of a log, with the rule behind it, the check that was made and the reasons in figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from loglib import levels
from loglib.corpus import SERVER_FAILED, Corpus
from loglib.counted import counted

RULE = (
    "critical: a record of level CRITICAL, ALERT, FATAL or EMERGENCY, or at least 10 % of records ERROR or worse; "
    "degraded: at least 1 % ERROR or worse, a burst of errors, at least 20 % WARN, or any record worded as a failure "
    "where no level shows how bad it is; ok: otherwise. "
    "Web requests answered with status 5xx count like ERROR, and so do, where no level tells (there is none, or it "
    "never reaches WARN), records whose wording reports a failure (inferred). unknown: no such check could be made, "
    "or too little of the log was read for an ok."
)
_WORD = re.compile(r"[A-Za-z]{3,}")
_WORDY = 0.5  # of the records have English letters in a row, or their wording tells nothing
_READ = 0.8  # of the lines are read by a rule, or there is no "ok"
_SHARE = 0.01
_WORDS = {"level": "ERROR or worse", "status": "answered 5xx", "wording": "worded as failures (inferred)"}


@dataclass(frozen=True)
class Health:
    """`state` is ok, degraded, critical or unknown; `basis` says what counted as bad."""

    state: str
    basis: str
    reasons: tuple[str, ...]
    bad: int


def bad_rows(corpus: Corpus) -> tuple[list[bool], str]:
    """Whether each record reports a problem, and on what basis.

    A level is believed where levels differ and one of them is WARN or worse; a status always; and the
    wording of a record where neither tells.
    """
    ranks = corpus.ranks()
    by_level = [ranks[number] >= levels.BAD_RANK for number in corpus.level]
    by_status = [status == SERVER_FAILED for status in corpus.status]
    levelled = any(ranks[number] >= 0 for number in set(corpus.level))
    telling = max((ranks[number] for number in set(corpus.level)), default=-1) >= levels.RANK["WARN"]
    by_wording = [
        worded == 1 and not status and (ranks[level] < 0 or not telling)
        for worded, status, level in zip(corpus.worded, corpus.status, corpus.level, strict=True)
    ]
    flags = [any(found) for found in zip(by_level, by_status, by_wording, strict=True)]
    if levelled and (telling or not any(flags)):
        return flags, "level"
    return flags, "status" if any(by_status) or (any(corpus.status) and not any(by_wording)) else "wording"


def judge(corpus: Corpus, bad: Sequence[bool], basis: str, error_bursts: int) -> Health:
    """The health of a log by `RULE`."""
    total = len(corpus) or 1
    count = sum(bad)
    ranks = corpus.ranks()
    worst = sum(1 for number in corpus.level if ranks[number] >= levels.RANK["CRITICAL"])
    warned = sum(1 for number in corpus.level if ranks[number] == levels.RANK["WARN"])
    reasons = [f"{counted(worst, 'record')} CRITICAL or worse"] if worst else []
    reasons += _counts(corpus, bad, total)
    if error_bursts:
        reasons.append(f"{error_bursts} bursts of them" if error_bursts > 1 else "a burst of them")
    if warned >= 0.2 * total:
        reasons.append(f"{counted(warned, 'record')} ({warned / total:.1%}) WARN")
    if worst or count >= 0.1 * total:
        state = "critical"
    elif count >= _SHARE * total or error_bursts or warned >= 0.2 * total or (count and basis == "wording"):
        state = "degraded"
    else:
        unknown = _unknown(corpus, basis)
        state = "unknown" if unknown else "ok"
        reasons.append(unknown or _checked(corpus, basis, count))
    return Health(state, basis, tuple(reasons), count)


def _counts(corpus: Corpus, bad: Sequence[bool], total: int) -> list[str]:
    """How many records are bad by their level, by their status, and by their wording."""
    ranks = corpus.ranks()
    found = {"level": 0, "status": 0, "wording": 0}
    for is_bad, level, status in zip(bad, corpus.level, corpus.status, strict=True):
        if is_bad:
            by_level = ranks[level] >= levels.BAD_RANK
            found["level" if by_level else "status" if status == SERVER_FAILED else "wording"] += 1
    told = [(count, kind) for kind, count in found.items() if count]
    return [f"{count} of {counted(total, 'record')} ({count / total:.1%}) {_WORDS[kind]}" for count, kind in told]


def _unknown(corpus: Corpus, basis: str) -> str:
    """Why nothing can be said, "" where something can."""
    coverage = corpus.coverage
    if not coverage.lines:
        return "there is nothing in it"
    if not len(corpus):
        return "the filters leave no record"
    if coverage.share < _READ:
        return f"only {coverage.share:.1%} of its lines are read by a rule, too few for an ok"
    if basis != "wording":
        return ""
    named = [layout for layout in corpus.layouts if layout.kind in ("json", "table")]
    if named and corpus.layouts[0] in named:
        return "no field of it is known as a level or a status"
    counts = corpus.templates.counts
    wordy = sum(count for text, count in zip(corpus.templates.texts, counts, strict=True) if _WORD.search(text))
    if wordy < _WORDY * len(corpus):
        return "it has no level and no status, and its messages have no English words that could show a failure"
    return ""


def _checked(corpus: Corpus, basis: str, count: int) -> str:
    """Which check was made, of how many records."""
    total = len(corpus)
    few = "hardly any" if count else "no"
    if basis == "level":
        ranks = corpus.ranks()
        levelled = sum(1 for number in corpus.level if ranks[number] >= 0)
        return f"{few} errors by the level of {levelled:,} of {counted(total, 'record')}"
    if basis == "status":
        answered = f"{sum(map(bool, corpus.status)):,} of {counted(total, 'request')}"
        return f"{few} errors by the status of {answered}" + ("" if count else " (none 5xx)")
    return f"{few} errors by the wording of {counted(total, 'record')} (there is no level to go by)"
