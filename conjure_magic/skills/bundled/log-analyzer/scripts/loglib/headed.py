"""Records whose time stands on a line of its own, above the lines that it dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from loglib import levels
from loglib.plainblocks import Block, plain

_ALONE = re.compile(
    r"[*=\[# -]*((?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{3,5})? \d{4}"
    r"|\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d)?)[\]:*= -]*\Z"
)
_TIMED = re.compile(r".*\d{1,2}:\d\d")
_LEVELLED = re.compile(r"([^\W\d_]{2,15}): ")
# What java.util.logging writes above a message: a time, a class, a method.
_CALLER = re.compile(r"(.*\d(?:\s[AaPp]\.?\s?[Mm]\.?)?)\s+([\w.$]*[A-Za-z]\w*)(?:\s([\w<>$]+))?\Z")
_SHARE = 0.2  # of a log's first lines are such times


def is_headed(head: Sequence[str]) -> bool:
    """Whether times stand alone on their lines, each above what it dates."""
    alone = sum(1 for line in head if _ALONE.match(line))
    return alone > max(1, _SHARE * len(head)) and any(_ALONE.match(line) for line in head[:3])


def is_paired(head: Sequence[str]) -> bool:
    """Whether records are two lines: one with a time, then one that starts with a level."""
    pairs = sum(1 for one, other in pairwise(head) if _is_pair(one, other))
    levelled = sum(1 for line in head if _level(line))
    return pairs > max(1, _SHARE * len(head)) and pairs >= 0.9 * levelled


def _is_pair(one: str, other: str) -> bool:
    return _level(other) != "" and _level(one) == "" and _TIMED.match(one[:120]) is not None


def _level(line: str) -> str:
    """The level with which a line starts, "" where it starts with none."""
    match = _LEVELLED.match(line)
    return match[1] if match and levels.canonical(match[1]) else ""


def headed(lines: Iterable[str]) -> Iterator[Block]:
    """Each line below a time with that time before it."""
    time = ""
    held: Block | None = None  # a time below which nothing has come yet
    for number, text, line in plain(lines):
        match = _ALONE.match(text)
        if match:
            if held is not None:
                yield held
            time, held = match[1], (number, text, line)
        elif not text.strip() or text[0].isspace() or not time:
            yield number, text, line
        elif held is not None:
            yield held[0], f"{time} {text}", f"{held[2]}\n{line}"
            held = None
        else:
            yield number, f"{time} {text}", line
    if held is not None:
        yield held


def paired(lines: Iterable[str]) -> Iterator[Block]:
    """Two lines as one, the level before the name of the caller; other lines as they are."""
    held: Block | None = None
    for number, text, line in plain(lines):
        if held is not None and _is_pair(held[1], text):
            level, _, message = text.partition(": ")
            caller = _CALLER.match(held[1])
            if caller:
                name = ".".join(filter(None, (caller[2], caller[3])))
                head = f"{caller[1]} {level}: {name}: {message}"
            else:
                head = f"{held[1]} {text}"
            yield held[0], head, f"{held[2]}\n{line}"
            held = None
            continue
        if held is not None:
            yield held
        held = (number, text, line)
    if held is not None:
        yield held
