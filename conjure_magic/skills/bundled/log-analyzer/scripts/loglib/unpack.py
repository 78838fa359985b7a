"""Opens what logs are packed in: gzip, bzip2, xz, zstd, zip and tar; what cannot be opened is refused by its name."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

Opener = Callable[[], IO[bytes]]
_STREAMS = (
    (b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "lzma"), (b"\x5d\x00\x00", "lzma"),
    (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"),
)  # fmt: skip
# First bytes -> what it is, and what to do about it.
_REFUSED = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "extract it first (7z x)"),
    (b"Rar!\x1a\x07", "a RAR archive", "extract it first (unrar x)"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "decompress it first (lz4 -d)"),
    (b"\x02\x21\x4c\x18", "compressed with lz4", "decompress it first (lz4 -d)"),
    (b"\x1f\x9d", "compressed with compress (.Z)", "decompress it first (gzip -d)"),
    (b"\x1f\xa0", "compressed with lzh (.Z)", "decompress it first (gzip -d)"),
    (b"LZIP", "compressed with lzip", "decompress it first (lzip -d)"),
    (b"\x89LZO", "compressed with lzop", "decompress it first (lzop -d)"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy", "decompress it first"),
    (b"\x78\x9c", "a bare zlib stream", "decompress it first (zlib-flate -uncompress, or Python's zlib)"),
    (b"\x78\xda", "a bare zlib stream", "decompress it first (zlib-flate -uncompress, or Python's zlib)"),
    (b"\x78\x01\x00", "a bare zlib stream", "decompress it first (zlib-flate -uncompress, or Python's zlib)"),
    (b"MSCF", "a cabinet archive", "extract it first"),
    (b"Salted__", "encrypted", "decrypt it first"),
    (b"age-encryption.org/", "encrypted with age", "decrypt it first (age -d)"),
    (b"LPKSHHRH", "a systemd journal file", "export it first (journalctl --file FILE -o json)"),
    (b"ElfFile\x00", "a Windows event log", "export it first (wevtutil qe FILE /lf /f:text)"),
    (b"SQLite format 3\x00", "an SQLite database", "export a table as CSV first"),
    (b"PAR1", "a Parquet file", "export it as CSV or JSON lines first"),
    (b"Obj\x01", "an Avro file", "export it as JSON lines first"),
    (b"ORC", "an ORC file", "export it as CSV or JSON lines first"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture", "print it as text first (tcpdump -r FILE)"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture", "print it as text first (tcpdump -r FILE)"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture", "print it as text first (tcpdump -r FILE)"),
    (b"%PDF-", "a PDF document", "name the log itself"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "name the log itself"),
    (b"\xff\xd8\xff", "a JPEG image", "name the log itself"),
    (b"GIF8", "a GIF image", "name the log itself"),
    (b"\x7fELF", "a program", "name the log itself"),
    (b"MZ\x90\x00", "a program", "name the log itself"),
    (b"\xca\xfe\xba\xbe", "a compiled Java class", "name the log itself"),
)  # fmt: skip
_HEAD = 65_536
_MAX_SCANNED = 1024**3  # bytes of a plain file that are searched for bytes above 127
_TAR_MARK = slice(257, 262)
_MAX_DEPTH = 3
_MAX_SPOOLED = 16 * 1024**3  # bytes that the members of an archive may fill on disk


class SourceError(Exception):
    """A file that cannot be read; the text is one line for the user."""


@dataclass(frozen=True)
class Content:
    """The bytes of one log: `path` where they lie as they are, "" where they are unpacked on the way."""

    name: str
    open: Opener
    modified: float
    path: str = ""


def contents(name: str, path: str) -> list[Content]:
    """The logs in a file: itself, what is compressed in it, or the members of an archive.

    Raises:
        SourceError: the file cannot be read, or is of a kind that is not opened.
    """
    try:
        modified = os.path.getmtime(path)
        return list(_unpacked(Content(name, lambda: open(path, "rb"), modified, path), 0))
    except IsADirectoryError:
        raise SourceError(f"{name} is a folder: name the log files in it") from None
    except FileNotFoundError:
        raise SourceError(f"{name} does not exist: check the path") from None
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name} cannot be read: {reason}") from None


def head_of(content: Content) -> bytes:
    """The first bytes, as many as a damaged file gives."""
    with content.open() as stream:
        head = b""
        try:
            while len(head) < _HEAD and (part := stream.read(_HEAD - len(head))):
                head += part
        except damage():
            pass
    return head


def first_beyond_ascii(content: Content) -> bytes:
    """The first part of a file that has bytes above 127, whole lines of it; empty where none has."""
    limit = _MAX_SCANNED if content.path else _HEAD * 16
    with content.open() as stream:
        try:
            for _ in range(limit // _HEAD):
                part = stream.read(_HEAD)
                if not part.isascii():
                    return part[part.find(b"\n") + 1 :]
                if not part:
                    break
        except damage():
            pass
    return b""


def damage() -> tuple[type[Exception], ...]:
    """What decompressors raise; only those that are in use are loaded."""
    found = [(sys.modules.get("zlib"), "error"), (sys.modules.get("_lzma"), "LZMAError"),
             (sys.modules.get("zipfile"), "BadZipFile")]  # fmt: skip
    return EOFError, OSError, *(getattr(module, name) for module, name in found if module is not None)


def _unpacked(content: Content, depth: int) -> Iterator[Content]:
    head = head_of(content)
    for magic, what, remedy in _REFUSED:
        if head.startswith(magic):
            raise SourceError(f"{content.name} is {what}, which is not read: {remedy}")
    kind = next((kind for magic, kind in _STREAMS if head.startswith(magic)), "")
    if head[_TAR_MARK] == b"ustar":
        kind = "tar"
    if not kind:
        yield content
        return
    if depth >= _MAX_DEPTH:
        raise SourceError(f"{content.name} is packed more than {_MAX_DEPTH} times: unpack it first")
    if kind in ("zip", "tar"):
        yield from _members(content, kind, depth)
        return
    inner = _zstd(content) if kind == "zstd" else _stream(content, kind)
    yield from _unpacked(inner, depth + 1)


def _stream(content: Content, kind: str) -> Content:
    # Each decompressor is imported only when a file needs it: start-up counts.
    opener: Callable[[IO[bytes]], IO[bytes]] = importlib.import_module(kind).open
    return Content(content.name, lambda: _owning(content.open(), opener), content.modified)


def _owning(packed: Any, opener: Callable[[IO[bytes]], IO[bytes]]) -> IO[bytes]:
    stream: Any = _Owning(packed, opener)
    owning: IO[bytes] = stream
    return owning


class _Owning:
    """A decompressor's stream that closes the stream it reads from."""

    def __init__(self, packed: IO[bytes], opener: Callable[[IO[bytes]], IO[bytes]]) -> None:
        self._packed = packed
        self._stream = opener(packed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Owning:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both."""
        self._stream.close()
        self._packed.close()


def _zstd(content: Content) -> Content:
    """Unpacked once to a file: by a library if Python has one, else by the `zstd` command."""
    for name, opener in (("compression.zstd", "open"), ("zstandard", "open"), ("pyzstd", "open")):
        try:
            opened = getattr(importlib.import_module(name), opener)
        except ImportError:
            continue
        with content.open() as packed, _spool() as spool:
            _copy_whole_part(opened(packed), spool, content.name)
            return _spooled(content, spool.name)
    return _zstd_by_command(content)


def _copy_whole_part(stream: IO[bytes], spool: IO[bytes], name: str) -> None:
    try:
        shutil.copyfileobj(stream, spool)
    except Exception as error:  # each library has errors of its own
        if not spool.tell():
            raise SourceError(f"{name} is compressed with zstd and damaged ({error}): get it again") from None
        sys.stderr.write(f"note: {name} is damaged ({error}): the rest is left out\n")


def _zstd_by_command(content: Content) -> Content:
    import subprocess

    command = shutil.which("zstd")
    if command is None:
        raise SourceError(
            f"{content.name} is compressed with zstd, and no zstd is installed here: decompress it first "
            "(zstd -d), or install the zstd command"
        )
    with content.open() as packed, _spool() as plain, _spool() as spool:
        shutil.copyfileobj(packed, spool)
        spool.flush()
        spool.seek(0)
        done = subprocess.run([command, "-dcq"], stdin=spool, stdout=plain, stderr=subprocess.PIPE, check=False)
    reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
    if done.returncode and not os.path.getsize(plain.name):
        raise SourceError(f"{content.name} is compressed with zstd and damaged ({reason[0]}): get it again")
    if done.returncode:
        sys.stderr.write(f"note: {content.name} is damaged ({reason[0]}): the rest is left out\n")
    return _spooled(content, plain.name)


def _spool() -> IO[bytes]:
    """A file that dies with this process."""
    spool = tempfile.NamedTemporaryFile(prefix="log-analyzer-", delete=False)  # noqa: SIM115
    atexit.register(_remove, spool.name)
    return spool


def spool(stream: IO[bytes]) -> str:
    """The path of a copy: what can be read once only is needed twice, to learn and to parse."""
    with _spool() as copy:
        shutil.copyfileobj(stream, copy)
    return copy.name


def spool_pipe(path: str) -> str:
    """The path of a copy of what a pipe gives."""
    with open(path, "rb") as stream:
        return spool(stream)


def _spooled(content: Content, path: str) -> Content:
    return Content(content.name, lambda: open(path, "rb"), content.modified, path)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


def _members(content: Content, kind: str, depth: int) -> Iterator[Content]:
    """The logs in an archive; members that are none are named on standard error and left out."""
    found = 0
    refused = ""
    for member in _zip_members(content) if kind == "zip" else _tar_members(content):
        try:
            for log in _unpacked(member, depth + 1):
                found += 1
                yield log
        except SourceError as error:
            refused = str(error)
            sys.stderr.write(f"note: {refused}\n")
    if not found:
        raise SourceError(f"{content.name} is a {kind} archive with no log in it" + (f": {refused}" if refused else ""))


def _zip_members(content: Content) -> Iterator[Content]:
    import zipfile

    path = content.path
    if not path:
        with content.open() as stream:
            path = spool(stream)
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{content.name} is a damaged zip archive ({error}): get it again") from None
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and _is_wanted(info.filename)]
        if any(info.filename == "[Content_Types].xml" for info in infos):
            raise SourceError(f"{content.name} is an office document, which is not read: save it as text or CSV first")
    for info in infos:
        name = f"{content.name}/{info.filename}"
        if info.flag_bits & 1:
            raise SourceError(f"{name} is encrypted: decrypt it first (unzip asks for the password)")
        modified = time.mktime((*info.date_time, 0, 0, -1))
        yield Content(name, _zip_opener(path, info.filename, name), modified)


def _zip_opener(path: str, member: str, name: str) -> Opener:
    import zipfile

    def opened() -> IO[bytes]:
        archive = zipfile.ZipFile(path)
        try:
            return _owning(archive, lambda _: archive.open(member))
        except NotImplementedError as error:
            raise SourceError(f"{name} cannot be read ({error}): extract it first (unzip)") from None

    return opened


def _tar_members(content: Content) -> Iterator[Content]:
    """Each member is copied to a file of its own: a compressed archive can only be read from its beginning."""
    import tarfile

    left = _MAX_SPOOLED
    damaged: tuple[type[Exception], ...] = (tarfile.TarError, *damage())
    with content.open() as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for info in archive:
                    if not info.isfile() or not _is_wanted(info.name):
                        continue
                    left -= info.size
                    member = archive.extractfile(info)
                    if left < 0 or member is None:
                        raise SourceError(f"{content.name} is too large to unpack: extract it first (tar xf)")
                    with _spool() as spool:
                        shutil.copyfileobj(member, spool)
                    yield _spooled(Content(f"{content.name}/{info.name}", content.open, info.mtime), spool.name)
        except damaged as error:
            sys.stderr.write(f"note: {content.name} is damaged ({error}): the rest is left out\n")


def _is_wanted(name: str) -> bool:
    """Leave out what the Mac's archiver adds."""
    path = PurePosixPath(name)
    return "__MACOSX" not in path.parts and not path.name.startswith("._") and path.name != ".DS_Store"


def is_regular(path: str) -> bool:
    """Whether a path is a file that can be read twice, and no pipe."""
    return stat.S_ISREG(os.stat(path).st_mode)
