"""Lines put together where one record is written over several, or several on one, before anything is learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from loglib import tables
from loglib.clean import clean
from loglib.containers import cri, docker, is_cri, is_docker
from loglib.headed import headed, is_headed, is_paired, paired
from loglib.journal import journal_reader
from loglib.json_blocks import is_json_stream, json_stream
from loglib.plainblocks import MAX_LINES, Block, plain
from loglib.slow_queries import is_slow_log, slow_queries

_HEAD = 60
Gather = Callable[[Iterable[str]], Iterator[Block]]
Fits = Callable[[list[str]], bool]


def gather(lines: Iterable[str]) -> Iterator[Block]:
    """The lines of a file as blocks, each of which a layout can read."""
    found = iter(lines)
    head = list(islice(found, _HEAD))
    return _shape([text for line in head if (text := clean(line)).strip()])(chain(head, found))


def is_plain(lines: Iterable[str]) -> bool:
    """Whether each line of a file is a block."""
    return _shape([text for line in islice(lines, _HEAD) if (text := clean(line)).strip()]) is plain


def _shape(head: list[str]) -> Gather:
    """What reads a file that begins with these lines."""
    if not head:
        return plain
    if is_json_stream(head):
        return json_stream
    journal = journal_reader(head)
    if journal is not None:
        return journal
    for fits, read in _SHAPES:
        if fits(head):
            return read
    return plain


def _is_quoted(head: list[str]) -> bool:
    """Whether a file is a CSV table with a line break between quotes."""
    return any(line.count('"') % 2 for line in head) and tables.head_of(head[0])[0] != ()


def _quoted(lines: Iterable[str]) -> Iterator[Block]:
    """The rows of a CSV file: a line break between quotes ends no row."""
    held: list[str] = []
    start, odd = 1, False
    for number, line in enumerate(lines, start=1):
        if not held:
            start, odd = number, False
        held.append(line)
        odd ^= line.count('"') % 2 == 1
        if not odd:
            raw = "\n".join(held)
            yield start, clean(raw), raw
            held = []
        elif len(held) > MAX_LINES:
            yield from ((start + place, clean(part), part) for place, part in enumerate(held))
            held = []
    yield from ((start + place, clean(part), part) for place, part in enumerate(held))


_SHAPES: tuple[tuple[Fits, Gather], ...] = (
    (is_slow_log, slow_queries),
    (is_cri, cri),
    (_is_quoted, _quoted),
    (is_docker, docker),
    (is_headed, headed),
    (is_paired, paired),
)
