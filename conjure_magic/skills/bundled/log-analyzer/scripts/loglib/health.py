"""One word for the state of a log, with the rule behind it and the reasons in figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from loglib import levels
from loglib.corpus import Corpus

RULE = (
    "critical: a record of level CRITICAL, ALERT, FATAL or EMERGENCY, or at least 10 % of records ERROR or worse; "
    "degraded: at least 1 % ERROR or worse, a burst of errors, or at least 20 % WARN; ok: otherwise. "
    "Without levels, records whose wording tells of a failure (inferred) take the place of ERROR, and web requests "
    "answered with status 5xx."
)
_PROBLEM = re.compile(
    r"\b(?:error|errors|errno|fail|fails|failed|failing|failure|failures|fatal|panic|exception|traceback|denied|refused|"
    r"timeout|timed out|unable|cannot|can't|couldn't|could not|not found|no route|unreachable|corrupt(?:ed)?|"
    r"abort(?:ed)?|crash(?:ed)?|killed|segfault|invalid|illegal|unexpected|overflow|exhausted|reset by peer|"
    r"broken|lost|dead|oops|rejected|unauthorized|forbidden|break-in)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Health:
    """`state` is ok, degraded or critical; `basis` says what counted as bad."""

    state: str
    basis: str
    reasons: tuple[str, ...]
    bad: int


def bad_rows(corpus: Corpus) -> tuple[list[bool], str]:
    """For each record whether it tells of a problem, and on what basis that was said."""
    ranks = corpus.ranks()
    if any(rank >= 0 for rank in ranks):
        flags = [rank >= levels.BAD_RANK for rank in ranks]
        return [flags[number] for number in corpus.level], "level"
    if corpus.layouts and corpus.layouts[0].kind == "access":
        return [flag == 1 for flag in corpus.failed], "status"
    texts = [is_problem(text) for text in corpus.templates.texts]
    return [texts[template] for template in corpus.template], "wording"


def is_problem(text: str) -> bool:
    """Whether a message's wording tells of a failure; an inference, never a level."""
    return _PROBLEM.search(text) is not None


def judge(corpus: Corpus, bad: Sequence[bool], basis: str, error_bursts: int) -> Health:
    """The health of a log by `RULE`."""
    total = len(corpus) or 1
    count = sum(bad)
    ranks = corpus.ranks()
    worst = sum(1 for number in corpus.level if ranks[number] >= levels.RANK["CRITICAL"])
    warned = sum(1 for number in corpus.level if ranks[number] == levels.RANK["WARN"])
    share = count / total
    word = {"level": "ERROR or worse", "status": "answered 5xx", "wording": "worded as failures (inferred)"}[basis]
    reasons = []
    if worst:
        reasons.append(f"{worst} records CRITICAL or worse")
    if count:
        reasons.append(f"{count} of {total} records ({share:.1%}) {word}")
    if error_bursts:
        reasons.append(f"{error_bursts} bursts of them" if error_bursts > 1 else "a burst of them")
    if warned >= 0.2 * total:
        reasons.append(f"{warned} records ({warned / total:.1%}) WARN")
    if worst or share >= 0.1:
        state = "critical"
    elif share >= 0.01 or error_bursts or warned >= 0.2 * total:
        state = "degraded"
    else:
        state = "ok"
    return Health(state, basis, tuple(reasons or ["no errors"]), count)
