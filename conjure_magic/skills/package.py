"""`.skill` packages: a skill's folder as a ZIP, validated before packing and treated as untrusted when unpacked.

Entries lie in one folder named after the skill, as the published packager writes them; a SKILL.md at the root is
accepted too. Packages that we write follow the rules for packages that we read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from conjure_magic.errors import InvalidSkillError, PackageError
from conjure_magic.skills.findings import errors
from conjure_magic.skills.frontmatter import find_skill_md
from conjure_magic.skills.package_entries import (
    MAX_BYTES,
    MAX_ENTRIES,
    Member,
    is_flat,
    opened,
    plan,
    shown,
    split_name,
    too_large,
)
from conjure_magic.skills.trust import data_dir
from conjure_magic.skills.validation import validate
from conjure_magic.workspace import expanded

SUFFIX = ".skill"
SUFFIXES = (SUFFIX, ".zip")
"""Suffixes of packages that are read."""
LEFT_OUT = frozenset({"__pycache__", "node_modules", ".DS_Store", ".git"})
"""Names that are not packed: those of the published packager, and `.git`, whose history may contain removed secrets."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_CHUNK = 64 << 10


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was written."""

    path: Path
    entries: tuple[str, ...]
    """Paths below the skill's folder, in order."""
    left_out: tuple[str, ...] = ()
    """Files of the folder that were not packed."""


def pack(path: str | Path, into: str | Path = ".") -> Package:
    """Write a skill's folder as `<name>.skill` in `into`, which is created if missing. Builds are reproducible.

    Raises SkillError with every rule that the skill breaks, PackageError for content that no package may have,
    OSError if it cannot be written.
    """
    directory = _checked(path)
    target = Path(into).expanduser().absolute() / f"{directory.name}{SUFFIX}"
    target.parent.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    files = sorted(name for name in _walk(directory, left_out) if directory / name != Path(os.path.realpath(target)))
    _replace(target, _archive(directory, files))
    return Package(target, tuple(files), tuple(sorted(left_out)))


def archive(path: str | Path) -> tuple[str, bytes]:
    """The name of a skill and the bytes of its package, from a folder or a `.skill` file. Builds are reproducible.

    Raises as `pack` does.
    """
    file = expanded(path)
    if not os.path.isfile(file) or file.name in ("SKILL.md", "skill.md"):
        directory = _checked(path)
        return directory.name, _archive(directory, sorted(_walk(directory, [])))
    with tempfile.TemporaryDirectory(prefix="conjure-") as fresh:
        return archive(unpack(file, fresh))


def _checked(path: str | Path) -> Path:
    """The real folder of a skill. Raises SkillError with every rule that it breaks."""
    broken = errors(validate(path))
    if broken:
        told = "; ".join(f"{finding.message} ({finding.code})" for finding in broken)
        raise InvalidSkillError(f"{path}: {told}")
    directory = Path(os.path.realpath(Path(path).expanduser()))
    return directory if directory.is_dir() else directory.parent


def unpack(path: str | Path, into: str | Path | None = None) -> Path:
    """Unpack a package into a new folder that only its owner can read, and return the skill's folder in it.

    Args:
        path: the `.skill` file.
        into: where the new folder is created; by default the system's temporary directory.

    Raises PackageError; nothing is left behind from a package that is refused.
    """
    file = Path(path).expanduser()
    with _about(file):
        return _unpack(read(file), file.stem, None if into is None else Path(into))


def open_package(path: str | Path) -> Path:
    """Unpack a package into our data directory, once per content, and return the skill's folder.

    Raises PackageError.
    """
    file = Path(path).expanduser()
    with _about(file):
        return _open(file)


def _open(file: Path) -> Path:
    data = read(file)
    home = data_dir() / "packages" / hashlib.sha256(f"{file.stem}\0".encode("utf-8", "replace") + data).hexdigest()[:32]
    with _writing(home):
        known = _skill_in(home)
        if known is not None:
            return known
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(home, ignore_errors=True)
        fresh = _unpack(data, file.stem, home.parent)
        try:
            fresh.parent.rename(home)
        except OSError:
            shutil.rmtree(fresh.parent, ignore_errors=True)
            if _skill_in(home) is None:  # otherwise another kernel was faster
                raise
    return home / fresh.name


def read(path: Path) -> bytes:
    """The bytes of a package. Raises PackageError if it cannot be read, or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PackageError("unreadable", f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(data) > MAX_BYTES:
        raise too_large()
    return data


# ---- packing


def _walk(directory: Path, left_out: list[str]) -> Iterator[str]:
    """The paths of a skill's files, relative to its folder; files that are not packed go into `left_out`."""
    for root, folders, files in os.walk(directory, onerror=_raise):
        relative = PurePosixPath(os.path.relpath(root, directory))
        for name in sorted(folders):
            is_evals = name == "evals" and relative == PurePosixPath(".")
            if name in LEFT_OUT or is_evals or _is_link(directory, Path(root, name)):
                folders.remove(name)
                left_out.append(f"{relative / name}/")
        for name in files:
            path, told = Path(root, name), str(relative / name)
            _is_link(directory, path)
            if name in LEFT_OUT or name.endswith(".pyc") or not path.is_file():
                left_out.append(told)
            else:
                yield told


def _is_link(directory: Path, path: Path) -> bool:
    """True for a link within the folder. Raises PackageError for one that points outside it."""
    if not Path(os.path.realpath(path)).is_relative_to(directory):
        name = shown(str(path.relative_to(directory)))
        raise PackageError("link", f"{name} is a link that points outside the folder")
    return path.is_symlink()


def _raise(error: OSError) -> None:
    raise error


def _archive(directory: Path, files: list[str]) -> bytes:
    """The bytes of the package: entries in order, times left out."""
    if len(files) > MAX_ENTRIES:
        raise PackageError("too-many", f"{len(files):,} files; {MAX_ENTRIES:,} are allowed")
    buffer, left = io.BytesIO(), MAX_BYTES
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            with (directory / name).open("rb") as file:
                data = file.read(left + 1)
                is_executable = os.fstat(file.fileno()).st_mode & 0o100
            left -= len(data)
            if left < 0:
                raise too_large()
            split_name(f"{directory.name}/{name}")
            info = zipfile.ZipInfo(f"{directory.name}/{name}", _EPOCH)
            info.create_system = 3  # Unix, whose modes stand in the upper half of the attributes
            info.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    if buffer.tell() > MAX_BYTES:
        raise too_large()
    with opened(buffer.getvalue()) as written:
        is_flat(plan(written))  # a package that we could not unpack must not be written
    return buffer.getvalue()


def _replace(target: Path, data: bytes) -> None:
    """Replace a file atomically."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem[:40]}-")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)  # a package is made to be shared
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


# ---- unpacking


def _unpack(data: bytes, stem: str, into: Path | None) -> Path:
    """The folder of the skill, in a fresh one below `into`."""
    with opened(data) as archive:
        members = plan(archive)
        flat = is_flat(members)
        top = _name_of(stem) if flat else members[0].parts[0]
        with _writing(into):
            fresh = Path(os.path.realpath(tempfile.mkdtemp(prefix="skill-", dir=into)))
        try:
            with _writing(fresh):
                _extract(archive, members, fresh / top if flat else fresh)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return fresh / top


def _name_of(stem: str) -> str:
    """The folder name for a package without one: the package's own name."""
    try:
        parts = split_name(stem)
    except PackageError:
        parts = ()
    return parts[0] if len(parts) == 1 else "skill"


def _extract(archive: zipfile.ZipFile, members: list[Member], root: Path) -> None:
    left = MAX_BYTES
    for member in members:
        target = root.joinpath(*member.parts)
        _make_folders(root, member.parts if member.info.is_dir() else member.parts[:-1])
        if member.info.is_dir():
            continue
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(target, flags, 0o700 if member.is_executable else 0o600)
        with open(descriptor, "wb") as sink, archive.open(member.info) as source:
            while chunk := source.read(_CHUNK):  # headers may lie about sizes: count the actual output
                left -= len(chunk)
                if left < 0:
                    raise too_large()
                sink.write(chunk)


def _make_folders(root: Path, parts: tuple[str, ...]) -> None:
    """Create a folder and its parents with mode 0700: `mkdir(parents=True)` applies the mode to the last one only."""
    for length in range(len(parts) + 1):
        root.joinpath(*parts[:length]).mkdir(exist_ok=True, mode=0o700)


@contextlib.contextmanager
def _about(path: Path) -> Iterator[None]:
    """Prefix errors with the package's path."""
    try:
        yield
    except PackageError as error:
        raise PackageError(error.code, f"{path}: {error}") from None


@contextlib.contextmanager
def _writing(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PackageError("unwritable", f"cannot be unpacked into {folder or 'a folder'}: {error.strerror}") from None


def _skill_in(home: Path) -> Path | None:
    """The skill's folder in an earlier unpacking; None if missing or incomplete."""
    if not home.is_dir():
        return None
    return next((child for child in sorted(home.iterdir()) if find_skill_md(child) is not None), None)
