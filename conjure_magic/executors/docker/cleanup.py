"""Labels that say which kernel owns a container, and the removal of containers whose kernel is dead."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conjure_magic.errors import BackendError
from conjure_magic.executors.docker import engine

if TYPE_CHECKING:
    from docker import DockerClient

DELAY = 1.0
"""Seconds between a container's start and the sweep after it."""

PREFIX = "conjure-magic"
SESSION, BOOT, NAMESPACE, PID, START = (f"{PREFIX}.{name}" for name in ("session", "boot", "pidns", "pid", "start"))


@dataclass(frozen=True, slots=True)
class Found:
    """A container with our labels."""

    id: str
    name: str
    state: str
    """As the engine calls it: "created", "running", …"""
    image: str
    session: str
    is_orphan: bool
    """True if its kernel is known to be dead."""


@functools.cache
def _machine() -> tuple[str, str]:
    """The boot id and the process id namespace; empty where these are not available."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return "", ""


def _start_time(pid: int) -> str:
    """When a process started, in ticks since the boot; empty if there is none of that id."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")


def labels(session: str) -> dict[str, str]:
    """The labels that identify this process as the owner of a container."""
    boot, namespace = _machine()
    pid = os.getpid()
    return {SESSION: session, BOOT: boot, NAMESPACE: namespace, PID: str(pid), START: _start_time(pid)}


def is_orphan(found: Mapping[str, str]) -> bool:
    """True if the kernel that these labels name is dead; false also where that cannot be known from here.

    Process ids of another machine, another boot or another container's process space say nothing here.
    """
    boot, namespace = _machine()
    if not boot or (found.get(BOOT), found.get(NAMESPACE)) != (boot, namespace):
        return False
    pid, start = found.get(PID, ""), found.get(START, "")
    return pid.isdigit() and start.isdigit() and _start_time(int(pid)) != start


def containers(client: DockerClient) -> list[Found]:
    """All containers with our labels on this engine, of any owner. Raises BackendError."""
    with engine.telling("listing the containers"):
        rows = client.api.containers(all=True, filters={"label": SESSION})
    return [
        Found(
            row["Id"],
            (row["Names"] or [""])[0].removeprefix("/"),
            row["State"],
            row["Image"],
            row["Labels"].get(SESSION, ""),
            is_orphan(row["Labels"]) and not _are_of_image(client, row),
        )
        for row in rows
    ]


def _are_of_image(client: DockerClient, row: Mapping[str, Any]) -> bool:
    """True if the labels come from the image: someone created it from one of our containers, and owns this one."""
    from docker.errors import NotFound

    try:
        given = client.api.inspect_image(row["ImageID"])["Config"].get("Labels") or {}
    except NotFound:
        return True  # unknown
    return all(given.get(name) == row["Labels"].get(name) for name in (SESSION, BOOT, PID, START))


def sweep(client: DockerClient) -> int:
    """Remove the containers whose kernel is dead and return their number. Raises BackendError."""
    from docker.errors import APIError

    orphans = [found for found in containers(client) if found.is_orphan]
    for orphan in orphans:
        with engine.telling("removing a dead kernel's container"), contextlib.suppress(APIError):  # gone, or going
            client.api.remove_container(orphan.id, force=True)
    return len(orphans)


class Sweep(threading.Thread):
    """One delayed sweep with its own client, so that no command waits for it."""

    def __init__(self, host: str) -> None:
        super().__init__(name="conjure-sweep", daemon=True)
        self._host = host
        self._closed = threading.Event()
        self.start()

    def close(self) -> None:
        """Wait for the sweep, or skip it if it has not started."""
        self._closed.set()
        self.join()

    def run(self) -> None:
        """Sweep; the loss of the engine is reported elsewhere."""
        if self._closed.wait(DELAY):
            return
        with contextlib.suppress(BackendError), contextlib.closing(engine.connect(self._host)) as client:
            sweep(client)
