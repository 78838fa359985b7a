"""The limits of a container: image, memory, CPUs, processes, disk, network; checked on creation."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conjure_magic.errors import UsageError
from conjure_magic.executors import environment
from conjure_magic.settings import STANDARD_IMAGE, Settings

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][\w.:/@-]*")
_VARIABLE = re.compile(r"[A-Za-z_*][A-Za-z0-9_*]*")

LEAST_MEMORY = 32 << 20
"""Bytes; the process that runs commands needs this much."""
LEAST_PIDS = 16
MOST = 1 << 60
"""Bytes; close to the largest number that the engine accepts."""


def size_bytes(text: str) -> int:
    """The bytes of a size such as "512m", "1.5g" or "1048576"; binary units. Raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a size: write a number and k, m, g or t, such as 512m")
    size = float(match[1]) * _UNITS[match[2].lower()]
    if size > MOST:
        raise UsageError(f"{text} is more than any machine has: write a size such as 512m")
    return int(size)


@dataclass(frozen=True, slots=True)
class DockerLimits:
    """The limits of a session's container, created by `limits_of`. Raises UsageError for an invalid value."""

    image: str
    """Name or id of the image."""
    memory: str
    """Memory for all commands together, including `/tmp`; no swap is added."""
    cpus: float
    """Processors, such as 0.5."""
    pids: int
    """Processes and threads at once."""
    file_size: str
    """Size of the largest file that a command may write."""
    tmpfs_size: str
    """Size of `/tmp`, which is part of the memory."""
    workspace_size: str
    """Largest workspace; a command that exceeds it is stopped when that is noticed."""
    network: str
    """`none`, `bridge`, or the name of one of the engine's networks."""
    runtime: str
    """The engine's runtime, such as gVisor's `runsc`; empty for its default."""
    environment: tuple[str, ...]
    """Names, or patterns with `*`, of variables that commands get from the kernel's environment."""
    host: str
    """The engine: an address such as `unix:///run/docker.sock`, or a context's name; empty: as for the CLI."""

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise UsageError(f"{self.image!r} is not a valid image name, such as python:3.13-slim")
        if size_bytes(self.memory) < LEAST_MEMORY:
            raise UsageError(f"memory {self.memory} is too little: at least {LEAST_MEMORY >> 20}m")
        for name in ("file_size", "tmpfs_size", "workspace_size"):
            if size_bytes(getattr(self, name)) < 1 << 16:
                raise UsageError(f"{name} {getattr(self, name)} is too little: at least 64k")
        if size_bytes(self.tmpfs_size) > size_bytes(self.memory):
            raise UsageError(f"tmpfs_size {self.tmpfs_size} is more than memory {self.memory}, of which it is a part")
        if not 0.01 <= self.cpus <= 4096:
            raise UsageError(f"cpus {self.cpus} is not possible: a number such as 0.5 or 2")
        if not LEAST_PIDS <= self.pids <= 1 << 22:
            raise UsageError(f"pids {self.pids} is not possible: at least {LEAST_PIDS}")
        if not _NAME.fullmatch(self.network) or self.network == "host":  # `container:` has a colon
            raise UsageError(
                f"network {self.network!r} is not possible: use none, bridge, or one of the engine's networks; "
                "the machine's own or another container's would undo the sandbox"
            )
        if self.runtime and not _NAME.fullmatch(self.runtime):
            raise UsageError(f"runtime {self.runtime!r} is not a runtime's name, such as runsc")
        environment.check_names(self.environment)
        for name in self.environment:
            if not _VARIABLE.fullmatch(name):
                raise UsageError(f"{name!r} is not the name of an environment variable")


def limits_of(settings: Settings, image: str = "") -> DockerLimits:
    """The bounds in the settings; `image` takes precedence over theirs. Raises UsageError for an invalid value."""
    return DockerLimits(
        image=image or settings.docker_image or STANDARD_IMAGE,
        memory=settings.docker_memory,
        cpus=settings.docker_cpus,
        pids=settings.docker_pids,
        file_size=settings.docker_file_size,
        tmpfs_size=settings.docker_tmpfs_size,
        workspace_size=settings.docker_workspace_size,
        network=settings.docker_network,
        runtime=settings.docker_runtime,
        environment=tuple(settings.pass_environment),
        host=settings.docker_engine,
    )
