"""Lines of text from files, compressed files, archives, rotated sets and standard input."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from loglib import decode, unpack
from loglib.unpack import SourceError

__all__ = ["Source", "SourceError", "open_sources"]
_ROTATED = re.compile(
    r"(?P<base>.+?)(?:[.-](?P<order>\d{1,4}|\d{8}(?:[T-]?\d{2,6})?|\d{4}-\d\d-\d\d))?"
    r"(?P<pack>\.(?:gz|bz2|xz|zst|zip|lzma))?\Z"
)
_told: set[str] = set()  # files already reported as damaged


@dataclass(frozen=True)
class Source:
    """One readable log: `name` is as given, in an archive the member's; `modified` is its time."""

    name: str
    content: unpack.Content
    encoding: str = "utf-8"
    line_end: str = "\n"

    @property
    def modified(self) -> float:
        """When the log was last written, in seconds since 1970."""
        return self.content.modified

    def lines(self) -> Iterator[str]:
        """Yield lines without their ends; broken UTF-8 becomes U+FFFD, nothing is dropped."""
        with self._open() as stream:
            for line in stream if self.content.path else self._whole_part(stream):
                yield line.rstrip("\r\n")

    def _whole_part(self, stream: Iterable[str]) -> Iterator[str]:
        """The lines before the place where a compressed file is damaged or, still being written, ends."""
        number = 0
        try:
            for line in stream:
                number += 1
                yield line
        except unpack.damage() as error:
            if self.name not in _told:
                _told.add(self.name)
                sys.stderr.write(f"note: {self.name} is damaged after line {number} ({error}): the rest is left out\n")

    def _open(self) -> IO[str]:
        return io.TextIOWrapper(self.content.open(), encoding=self.encoding, errors="replace", newline=self.line_end)


def open_sources(names: Sequence[str]) -> list[Source]:
    """Sources for the given names, `-` being standard input; a rotated set comes oldest first.

    Raises:
        SourceError: a name that is missing, a folder, unreadable, or no text.
    """
    sources = [source for name in names for source in _open_one(name)]
    return sorted(sources, key=_rotation_key(sources))


def _open_one(name: str) -> list[Source]:
    path = name
    if name == "-" or (os.path.exists(name) and not os.path.isdir(name) and not unpack.is_regular(name)):
        path = unpack.spool(sys.stdin.buffer) if name == "-" else unpack.spool_pipe(name)
    shown = "stdin" if name == "-" else name
    contents = unpack.contents(shown, path)
    sources = [source for content in contents if (source := _as_text(content, alone=len(contents) == 1))]
    if not sources:
        raise SourceError(f"{shown} contains no text: name an archive with logs in it")
    return sources


def _as_text(content: unpack.Content, *, alone: bool) -> Source | None:
    head = unpack.head_of(content)
    encoding = decode.encoding_of(head)
    if encoding == "utf-8" and head.isascii():
        encoding = decode.encoding_of(unpack.first_beyond_ascii(content))
    if encoding is not None:
        return Source(content.name, content, encoding, decode.line_end(head, encoding))
    refusal = f"{content.name} is binary, not text: name a log, or decompress, decrypt or export it first"
    if alone:
        raise SourceError(refusal)
    sys.stderr.write(f"note: {refusal}\n")
    return None


def _rotation_key(sources: Sequence[Source]) -> Callable[[Source], tuple[int, int, int]]:
    """Sort key: sets keep the place of their first member; inside one, older files come first."""
    first: dict[str, int] = {}
    for place, source in enumerate(sources):
        first.setdefault(_base(source.name), place)

    def key(source: Source) -> tuple[int, int, int]:
        order = _order(source.name)
        if order is None:
            return (first[_base(source.name)], 2, 0)
        # A small number counts backwards (2 is older than 1), a date forwards.
        return (first[_base(source.name)], 1, -order if order < 10_000 else order)

    return key


def _base(name: str) -> str:
    match = _ROTATED.match(name)
    return match["base"] if match else name


def _order(name: str) -> int | None:
    match = _ROTATED.match(name)
    written = match["order"] if match else None
    return int(re.sub(r"\D", "", written)) if written else None
