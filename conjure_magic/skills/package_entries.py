"""Checks of a `.skill` package: every ZIP entry is checked before anything is unpacked.

Refused are names that point outside the package on any system; links and special files; encrypted entries; two
spellings of one path; more entries or bytes than Google's ADK allows.
"""

from __future__ import annotations

import contextlib
import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from conjure_magic.errors import PackageError

MAX_ENTRIES = 2_000
MAX_BYTES = 32 << 20
"""Bytes of a package, and of all that is in it."""
MAX_DEPTH, MAX_PART, MAX_NAME = 32, 255, 1_024
"""Folders in folders; bytes of a file's name and of its path."""

_CENTRAL_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Bits of an entry's flags (APPNOTE 4.4.4): encrypted, strongly, with masked headers."""


@dataclass(frozen=True, slots=True)
class Member:
    """An entry that may be unpacked."""

    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    """Of its path below the root of the package."""

    @property
    def is_executable(self) -> bool:
        """True if its author could run it."""
        return bool(self.info.external_attr >> 16 & 0o111)


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    """The archive in these bytes; whatever is wrong with them becomes a PackageError."""
    if data.count(_CENTRAL_ENTRY) > 10 * MAX_ENTRIES:  # before zipfile makes an object of each
        raise PackageError("too-many", f"more than {MAX_ENTRIES:,} entries")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PackageError("bad-zip", f"cannot be read as a ZIP file: {error}") from None
    except (ValueError, OverflowError, LookupError) as error:  # an impossible offset, name or date
        raise PackageError("bad-zip", f"cannot be read as a ZIP file: {type(error).__name__}") from None


def plan(archive: zipfile.ZipFile) -> list[Member]:
    """The entries that are unpacked, all of them checked. Raises PackageError for the first that is not allowed."""
    if len(archive.infolist()) > MAX_ENTRIES:
        raise PackageError("too-many", f"{len(archive.infolist()):,} entries; {MAX_ENTRIES:,} are allowed")
    members, spellings = [], _Spellings()
    for info in archive.infolist():
        info.filename = info.filename.replace("\\", "/")  # as some Windows programs write them
        _check_kind(info)
        if "\0" in info.orig_filename:  # zipfile ends the name there, others do not
            raise PackageError("name", f"{shown(info.orig_filename)} contains a backslash or control characters")
        parts = split_name(info.filename)
        if not parts or parts[0] == "__MACOSX" or parts[-1] == ".DS_Store":  # what macOS adds
            continue
        spellings.add(parts, is_folder=info.is_dir())
        members.append(Member(info, parts))
    return members


def _check_kind(info: zipfile.ZipInfo) -> None:
    name = shown(info.filename)
    if info.flag_bits & _ENCRYPTED:
        raise PackageError("encrypted", f"{name} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PackageError("compression", f"{name} is compressed by method {info.compress_type}; store or deflate it")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in ((0, stat.S_IFDIR) if info.is_dir() else (0, stat.S_IFREG)):
        raise PackageError("link", f"{name} is a link or a special file")
    if info.file_size > MAX_BYTES:
        raise too_large()


def split_name(name: str) -> tuple[str, ...]:
    """The parts of an entry's name. Raises PackageError for a name that could point outside the package."""
    normal = unicodedata.normalize("NFKC", name)
    for form in (name, normal):
        if "\\" in form or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", form):
            raise PackageError("name", f"{shown(name)} contains a backslash or control characters")
        if form.startswith("/") or re.search(r"(?:^|/)[A-Za-z]:", form):
            raise PackageError("name", f"{shown(name)} is an absolute path")
        if ".." in form.split("/"):
            raise PackageError("name", f"{shown(name)} points outside the package")
    if normal.count("/") != name.count("/"):
        raise PackageError("name", f"{shown(name)} contains characters that other systems read as a slash")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if len(parts) > MAX_DEPTH or len(name.encode()) > MAX_NAME or any(len(p.encode()) > MAX_PART for p in parts):
        raise PackageError("name", f"{shown(name)} is too long")
    return parts


@dataclass
class _Spellings:
    """Paths as seen by a file system that ignores case and Unicode form: no two may be equal."""

    known: dict[tuple[str, ...], tuple[tuple[str, ...], bool]] = field(default_factory=dict)
    """Folded parts -> the parts as they were written, and whether they are a folder's."""

    def add(self, parts: tuple[str, ...], *, is_folder: bool) -> None:
        """Record a path and its folders. Raises PackageError if it exists already, or exists as the other kind."""
        folded = tuple(map(_folded, parts))
        for length in range(1, len(parts) + 1):
            entry = (parts[:length], is_folder or length < len(parts))
            is_again = length == len(parts) and not is_folder and folded in self.known
            if is_again or self.known.setdefault(folded[:length], entry) != entry:
                raise PackageError("duplicate", f"{shown('/'.join(parts))} occurs twice, in different spellings")


def is_flat(members: list[Member]) -> bool:
    """True for a SKILL.md at the root, false for one folder with a SKILL.md in it. Raises PackageError for neither."""
    files = {member.parts for member in members if not member.info.is_dir()}
    tops = {member.parts[0] for member in members}
    names = ("SKILL.md", "skill.md")
    if any((name,) in files for name in names):
        return True
    if len(tops) == 1 and any((*tops, name) in files for name in names):
        return False
    raise PackageError("layout", "has no SKILL.md at its root or in its only folder")


def _folded(part: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", part).casefold())


def shown(name: str) -> str:
    """A name that is safe to print in a message."""
    return ascii(name if len(name) <= 100 else f"{name[:100]}…")


def too_large() -> PackageError:
    """The error for more bytes than a package may have."""
    return PackageError("too-large", f"is larger than {MAX_BYTES >> 20} MB, packed or unpacked")
