"""A real Docker engine and images for the tests marked `docker`. Nothing is ever pulled.

The engine is the one that DOCKER_HOST names, else the system's. The images are made once by `tools/docker_images.py`
from Debian's packages, which wants root and debootstrap; CONJURE_TEST_IMAGE names another one with Python that is on
the engine already. Where something lacks, a test skips and says what; with CONJURE_REQUIRE=docker it fails.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker import DockerClient
from docker.errors import DockerException, ImageNotFound

from conjure_magic.executors.docker.build_context import BuildContext
from tools import docker_images

LOCK = Path(tempfile.gettempdir()) / f"conjure-test-images-{os.geteuid()}.lock"


@contextlib.contextmanager
def engine() -> Iterator[DockerClient]:
    """A client of the engine; skips where none answers."""
    address = engine_address()
    try:
        _connect(address)
        client = docker.from_env(timeout=300)
    except (DockerException, OSError) as error:
        pytest.skip(f"no Docker engine answers at {address}: {error}")
    with contextlib.closing(client):
        yield client


def engine_address() -> str:
    """Where the tests' engine listens, as a URL."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _connect(address: str) -> None:
    """Raise OSError where nothing listens at the Unix socket: docker-py would say so too, and leak a socket."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as attempt:
            attempt.connect(address.removeprefix("unix://"))


def image(kind: str) -> str:
    """The name of an image on the engine, made if it is not there: "base" with Python, "sh" without."""
    own = os.environ.get("CONJURE_TEST_IMAGE", "")
    with engine() as client:
        if own and kind == "base":
            if not docker_images.is_there(client, own):
                pytest.skip(f"no image {own}, which CONJURE_TEST_IMAGE names")
            return own
        name = f"{docker_images.REPOSITORY}:{kind}"
        # Of several workers the first makes them, and the others wait.
        with LOCK.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not docker_images.is_there(client, name):
                _make(client)
        return name


def _make(client: DockerClient) -> None:
    if docker_images.problem():
        pytest.skip(f"no image, and tools/docker_images.py cannot make it: {docker_images.problem()}")
    try:
        docker_images.make(client)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no image, and debootstrap failed: {error.output[-500:]}")


def forget(client: DockerClient, name: str) -> None:
    """Remove an image that a test made, if it is there."""
    with contextlib.suppress(ImageNotFound):
        client.images.remove(name, force=True, noprune=True)  # the steps serve the next test


def host_build_context(base: str, packages: tuple[str, ...] | None = None) -> BuildContext:
    """The standard image's recipe for a machine like this one: its authorities, and the index that its pip asks."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    index = os.environ.get("PIP_INDEX_URL") or subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    index = index if index.startswith("http") else ""  # a folder of this machine's is not there inside
    return BuildContext(base=base, ca=bundle if bundle.is_file() else None, index=index, packages=packages)
