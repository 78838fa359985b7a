"""Lines of text from files, compressed files, rotated sets and standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

SAMPLE_LINES = 4000
_SAMPLE_BLOCKS = 40
_LONGEST = 65_536
_ROTATED = re.compile(
    r"(?P<base>.+?)(?:[.-](?P<order>\d{1,4}|\d{8}(?:[T-]?\d{2,6})?|\d{4}-\d\d-\d\d))?"
    r"(?P<pack>\.(?:gz|bz2|xz))?\Z"
)
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "lzma"))


_told: set[str] = set()  # files of which the person knows that they are damaged


class SourceError(Exception):
    """A file that cannot be read; the text is one line for the person."""


@dataclass(frozen=True)
class Source:
    """One readable log: `name` is what the person gave, `path` where the bytes are."""

    name: str
    path: str
    packed: str = ""

    def lines(self) -> Iterator[str]:
        """Yield lines without their ends; broken UTF-8 becomes U+FFFD, nothing is dropped."""
        with self._open() as stream:
            for line in self._whole_part(stream) if self.packed else stream:
                yield line.rstrip("\r\n")

    def _whole_part(self, stream: Iterable[str]) -> Iterator[str]:
        """The lines before the place where a compressed file is damaged or, still being written, ends."""
        number = 0
        try:
            for line in stream:
                number += 1
                yield line
        except _damage() as error:
            if self.name not in _told:
                _told.add(self.name)
                sys.stderr.write(f"note: {self.name} is damaged after line {number} ({error}): the rest is left out\n")

    def _open(self) -> IO[str]:
        encoding = _encoding(self)
        if not self.packed:
            return open(self.path, encoding=encoding, errors="replace", newline="\n")
        return _unpacker(self.packed, self.path, encoding)


def open_sources(names: Sequence[str]) -> list[Source]:
    """Sources for the given names, `-` being standard input; a rotated set comes oldest first.

    Raises:
        SourceError: a name that is missing, a folder or unreadable.
    """
    sources = [_open_one(name) for name in names]
    return sorted(sources, key=_rotation_key(sources))


def sample_lines(sources: Sequence[Source], limit: int = SAMPLE_LINES) -> list[str]:
    """About `limit` lines spread evenly over all sources (all of them, where there are fewer)."""
    share = max(limit // max(len(sources), 1), 50)
    sample: list[str] = []
    for source in sources:
        sample += _sample_plain(source, share) if not source.packed else _thin(source, share)
    return sample


def _open_one(name: str) -> Source:
    path = _spool_stdin() if name == "-" else name
    try:
        with open(path, "rb") as stream:
            head = stream.read(6)
    except IsADirectoryError:
        raise SourceError(f"{name} is a folder: name the log files in it") from None
    except FileNotFoundError:
        raise SourceError(f"{name} does not exist: check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name} cannot be read: {reason}") from None
    packed = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    return Source("stdin" if name == "-" else name, path, packed)


def _spool_stdin() -> str:
    """Standard input is read twice (to learn, then to parse), so it goes to a file that dies with us."""
    import atexit
    import shutil
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="log-analyzer-", delete=False) as spool:
        atexit.register(_remove, spool.name)
        shutil.copyfileobj(sys.stdin.buffer, spool)
    return spool.name


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


def _encoding(source: Source) -> str:
    if source.packed:
        return "utf-8-sig"
    with open(source.path, "rb") as stream:
        head = stream.read(4)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def _unpacker(kind: str, path: str, encoding: str) -> IO[str]:
    # Each decompressor is imported only when a file needs it: start-up counts.
    if kind == "gzip":
        import gzip

        return gzip.open(path, "rt", encoding=encoding, errors="replace", newline="\n")
    if kind == "bz2":
        import bz2

        return bz2.open(path, "rt", encoding=encoding, errors="replace", newline="\n")
    import lzma

    return lzma.open(path, "rt", encoding=encoding, errors="replace", newline="\n")


def _damage() -> tuple[type[Exception], ...]:
    """What decompressors raise; only those that are in use are loaded."""
    found = [(sys.modules.get("zlib"), "error"), (sys.modules.get("_lzma"), "LZMAError")]
    return EOFError, OSError, *(getattr(module, name) for module, name in found if module is not None)


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


def _sample_plain(source: Source, limit: int) -> list[str]:
    size = os.path.getsize(source.path)
    if size < 3_000_000 or _encoding(source) == "utf-16":
        return _thin(source, limit)
    per_block = max(limit // _SAMPLE_BLOCKS, 5)
    sample: list[str] = []
    with open(source.path, "rb") as stream:
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


def _thin(source: Source, limit: int) -> list[str]:
    """Every k-th run of lines, k doubling as the file turns out longer."""
    kept: list[str] = []
    step, run = 1, 8
    for number, line in enumerate(source.lines()):
        if (number // run) % step == 0:
            kept.append(line)
        if len(kept) >= limit * 2:
            kept = [kept[i] for i in range(len(kept)) if (i // run) % 2 == 0]
            step *= 2
    return kept
