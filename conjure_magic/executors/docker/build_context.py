"""The sources of the standard image: the folder `standard_image/` next to this file, and the user's options."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conjure_magic.errors import UsageError

FOLDER = Path(__file__).parent / "standard_image"
LABEL = "conjure-magic.recipe"
"""The label of an image that was built here; its value is the `version` of the recipe."""

CA = "certificates/conjure.crt"
_PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w, .-]+\])?\s*([<>=!~]=?[\w.,*<>=!~ ]+)?")


@dataclass(frozen=True, slots=True)
class BuildContext:
    """How the standard image is built. Raises UsageError on creation for an invalid option."""

    base: str = ""
    """The base image: one with Python, or a Debian that can install it; empty for the official Python image."""
    ca: Path | None = None
    """A PEM file with certificates of a private authority, trusted during the build and in the image."""
    index: str = ""
    """The package index for pip; empty for PyPI."""
    apt: str = ""
    """A Debian mirror; empty for the base image's own setting."""
    packages: tuple[str, ...] | None = None
    """Python packages, as pip's requirements; None for the common data libraries."""

    def __post_init__(self) -> None:
        if self.base and not re.fullmatch(r"[\w.:/@-]+", self.base):
            raise UsageError(f"base: {self.base!r} is not a valid image name, such as python:3.13-slim")
        for name, url in (("index", self.index), ("apt", self.apt)):
            if url and not re.fullmatch(r"https?://[^\s/]\S*", url):
                raise UsageError(
                    f"{name} must be an address such as https://packages.example/simple, not {hidden(url)}"
                )
        if "@" in urlsplit(self.apt).netloc:
            raise UsageError("apt: a password in the address would be stored in the image; use a mirror without one")
        for package in self.packages or ():
            if not _PACKAGE.fullmatch(package):
                raise UsageError(f"packages: {package!r} is not a package name such as pandas>=2.1")
        if self.ca is not None:
            _check_certificates(self.ca)

    @property
    def arguments(self) -> dict[str, str]:
        """The build arguments of the Dockerfile."""
        given = {"BASE": self.base, "APT_MIRROR": self.apt}
        return {name: value for name, value in given.items() if value}

    def context(self) -> bytes:
        """The folder as a tar archive for the engine."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, content in sorted(self._files().items()):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
        return archive.getvalue()

    def _files(self) -> dict[str, bytes]:
        files = _folder()
        pip = ["[global]", "retries = 2"]  # fail soon if the index cannot be reached
        if self.index:
            pip.append(f"index-url = {self.index}")
        if self.ca is not None:
            files[CA] = self.ca.read_bytes()
            pip.append("cert = /etc/ssl/certs/ca-certificates.crt")
        if self.packages is not None:
            files["requirements.txt"] = "".join(f"{package}\n" for package in self.packages).encode()
        files["pip.conf"] = "\n".join([*pip, ""]).encode()
        return files


def version() -> str:
    """A name for this package version's recipe, regardless of the user's options."""
    return hashlib.sha256(repr(sorted(_folder().items())).encode()).hexdigest()[:12]


def _folder() -> dict[str, bytes]:
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}


def hidden(url: str) -> str:
    """The address without its password."""
    return re.sub(r"(?<=://)[^/\s@]+@", "", url)


def _check_certificates(path: Path) -> None:
    """Raise UsageError unless the file is readable and contains PEM certificates, and no private key."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"ca: {path}: {error.strerror}") from None
    if "PRIVATE KEY-----" in text:
        raise UsageError(
            f"ca: {path} contains a private key, which must not be stored in an image: use only the certificate"
        )
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UsageError(f"ca: {path} is not a PEM file of certificates: it has no line -----BEGIN CERTIFICATE-----")
