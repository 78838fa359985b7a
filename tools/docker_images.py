"""Build the images for testing the Docker backend from Debian packages, without a registry.

    conjure-test:base   a minimal Debian with Python
    conjure-test:sh     only busybox: a shell without Python

Needs a Docker engine, root and debootstrap. The tests run it if these are available and an image is missing.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import ImageNotFound

REPOSITORY = "conjure-test"
BASE, SH = f"{REPOSITORY}:base", f"{REPOSITORY}:sh"
PACKAGES = "python3,python3-venv,ca-certificates,busybox-static"  # python3-minimal lacks json
TOOL = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def problem() -> str:
    """Why the images cannot be built here; empty if they can."""
    if TOOL is None:
        return "debootstrap is not installed"
    return "" if os.geteuid() == 0 else "debootstrap needs root"


def make(client: DockerClient) -> None:
    """Build both images, replacing existing ones.

    Raises:
        subprocess.CalledProcessError: debootstrap failed; see `output`.
    """
    with _root() as root:
        with subprocess.Popen(["tar", "-C", root, "--one-file-system", "-c", "."], stdout=subprocess.PIPE) as tar:
            _load(client, "base", tar.stdout)
        if tar.returncode:
            raise RuntimeError(f"tar ended with {tar.returncode}")
        _load(client, "sh", _busybox((root / "bin/busybox").read_bytes()))


@contextlib.contextmanager
def _root() -> Iterator[Path]:
    """A minimal Debian in a folder."""
    system = platform.freedesktop_os_release()
    suite = system.get("VERSION_CODENAME", "stable") if system.get("ID") == "debian" else "stable"
    with tempfile.TemporaryDirectory(prefix="conjure-images-") as folder:
        command = [str(TOOL), "--variant=minbase", f"--include={PACKAGES}", suite, folder]
        subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        shutil.rmtree(f"{folder}/var/cache/apt/archives", ignore_errors=True)
        yield Path(folder)


def _busybox(program: bytes) -> io.BytesIO:
    """An archive with busybox under all of its names, and the folders that programs expect."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, mode in (("bin", 0o755), ("tmp", 0o1777), ("etc", 0o755), ("root", 0o700)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            tar.addfile(folder)
        file = tarfile.TarInfo("bin/busybox")
        file.size, file.mode = len(program), 0o755
        tar.addfile(file, io.BytesIO(program))
        for name in _applets(program) - {"busybox"}:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    archive.seek(0)
    return archive


def _applets(program: bytes) -> set[str]:
    with tempfile.TemporaryDirectory(prefix="conjure-images-") as folder:
        path = Path(folder) / "busybox"
        path.write_bytes(program)
        path.chmod(0o755)
        return set(subprocess.run([path, "--list"], check=True, capture_output=True, text=True).stdout.split())


def _load(client: DockerClient, tag: str, archive: object) -> None:
    said = client.api.import_image_from_data(archive, repository=REPOSITORY, tag=tag, changes=['CMD ["sh"]'])
    if '"error' in said:
        raise RuntimeError(f"the engine did not import {REPOSITORY}:{tag}: {said}")


def missing(client: DockerClient) -> list[str]:
    """The missing images."""
    return [name for name in (BASE, SH) if not is_there(client, name)]


def is_there(client: DockerClient, name: str) -> bool:
    """True if the engine has the image."""
    with contextlib.suppress(ImageNotFound):
        client.images.get(name)
        return True
    return False


def main() -> int:
    """Build the images unless both exist."""
    with contextlib.closing(docker.from_env(timeout=300)) as client:
        wanted = missing(client)
        if wanted and problem():
            print(f"{', '.join(wanted)} cannot be built: {problem()}", file=sys.stderr)
            return 1
        if wanted:
            make(client)
        print(f"{BASE}, {SH}: {'built' if wanted else 'already exist'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
