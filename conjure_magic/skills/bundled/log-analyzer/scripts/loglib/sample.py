"""A few thousand lines spread over a whole log, from which its layouts are learnt."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import IO

from loglib.blocks import gather, is_plain
from loglib.clean import clean
from loglib.source import Source

SAMPLE_LINES = 4000
_SAMPLE_BLOCKS = 40
_LONGEST = 65_536
_MAX_GATHERED = 100_000  # blocks of several lines from which a sample is taken


def sample_texts(sources: Sequence[Source], limit: int = SAMPLE_LINES) -> list[str]:
    """About `limit` texts to read, spread evenly over all sources (all of them, where there are fewer)."""
    share = max(limit // max(len(sources), 1), 50)
    sample: list[str] = []
    for source in sources:
        if source.content.path and is_plain(source.lines()):
            sample += map(clean, _sample_plain(source, share))
        else:
            sample += _thin((text for _, text, _ in islice(gather(source.lines()), _MAX_GATHERED)), share)
    return sample


def _sample_plain(source: Source, limit: int) -> list[str]:
    size = os.path.getsize(source.content.path)
    if size < 3_000_000 or not source.encoding.startswith("utf-8") or source.line_end != "\n":
        return _thin(source.lines(), limit)
    per_block = max(limit // _SAMPLE_BLOCKS, 5)
    sample: list[str] = []
    with source.content.open() as stream:
        for block in range(_SAMPLE_BLOCKS):
            stream.seek(size * block // _SAMPLE_BLOCKS)
            if block:
                _head(stream)  # the rest of a line that began earlier
            raw = [_head(stream) for _ in range(per_block)]
            sample += [line.decode("utf-8", "replace").rstrip("\r\n") for line in raw if line]
    return sample


def _head(stream: IO[bytes]) -> bytes:
    """The next line, of a very long one the beginning."""
    head = part = stream.readline(_LONGEST)
    while len(part) == _LONGEST and not part.endswith(b"\n"):
        part = stream.readline(_LONGEST)
    return head


def _thin(lines: Iterable[str], limit: int) -> list[str]:
    """Every k-th run of lines, k doubling as the file turns out longer."""
    kept: list[str] = []
    step, run = 1, 8
    for number, line in enumerate(lines):
        if (number // run) % step == 0:
            kept.append(line)
        if len(kept) >= limit * 2:
            kept = [kept[i] for i in range(len(kept)) if (i // run) % 2 == 0]
            step *= 2
    return kept
