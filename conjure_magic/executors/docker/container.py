"""One hardened container: controlled over its stdin and stdout, removed when that connection ends."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import secrets
import socket
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conjure_magic.errors import BackendError
from conjure_magic.executors import supervisor
from conjure_magic.executors.docker import engine, streams
from conjure_magic.executors.docker.container_user import User
from conjure_magic.executors.docker.folders import WORKSPACE, Mount
from conjure_magic.executors.docker.limits import DockerLimits, size_bytes
from conjure_magic.executors.docker.unstarted_containers import Watchdog

if TYPE_CHECKING:
    from docker import DockerClient

BIN = "/run/conjure"
"""The folder, first in PATH, in which `python` and `python3` are the image's Python."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH where the image names none: the engine's own."""
NO_NETWORK = "none"
_HOSTS = Mount(Path(__file__).with_name("hosts"), "/etc/hosts")
"""Defines `localhost`, which the engine does not do without a network."""
NAME_LENGTH = 60
"""Characters of the session's name in the container's."""
START_PATIENCE = 30.0
"""Seconds that a started container has to report that it is ready."""

SHELL_ONLY = b"S"
"""Kind of the first frame of a container without Python, with the process that keeps it; else a hello comes."""

_WITHOUT_PYTHON = r"printf 'S\000\000\000\010%08d' $$; exec cat >/dev/null"
# The source comes over stdin: nothing has to be mounted, and whatever file modes it has here do not matter.
_LOAD = f"""
import os, sys
if sys.version_info < (3, 9):
    os.execvp("sh", ["sh", "-c", {_WITHOUT_PYTHON!r}])
size, source = int(sys.argv.pop(1)), b""
while len(source) < size:
    piece = os.read(0, size - len(source))
    if not piece:
        sys.exit()
    source += piece
for name in ("python", "python3"):
    with open(os.open("{BIN}/" + name, os.O_WRONLY | os.O_CREAT, 0o755), "w") as file:
        file.write('#!/bin/sh\\nexec "' + sys.executable + '" "$@"\\n')
exec(compile(source, "supervisor", "exec"))
"""
_BOOT = f"""
p=$(command -v python3) || {{ {_WITHOUT_PYTHON}; }}
exec "$p" -I -S -c "$0" "$1"
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything needed to create a container."""

    image: str
    """Its id."""
    mounts: tuple[Mount, ...]
    user: User
    limits: DockerLimits
    labels: Mapping[str, str]
    name: str = "session"
    """Part of the container's name."""

    @property
    def image_name(self) -> str:
        """The image's name as the user knows it."""
        return self.limits.image


def source() -> bytes:
    """The supervisor, as it is sent into a container."""
    return Path(supervisor.__file__).read_bytes()


def container_name(session: str) -> str:
    """A name that the engine accepts, whatever the session is called, and that no other container has."""
    plain = re.sub(r"[^a-zA-Z0-9_.-]+", "-", session).strip("-.")[:NAME_LENGTH]
    return f"conjure-{plain or 'session'}-{secrets.token_hex(4)}"


def host_config(client: DockerClient, plan: Plan, volumes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The confinement of the commands: the host part of the engine's request.

    `volumes` are those that the image declares; they would be writable without a limit, so they become tmpfs mounts,
    except where a folder is mounted.
    """
    from docker.types import LogConfig

    limits = plan.limits
    uid, gid = plan.user.uid, plan.user.gid
    writable = "rw,exec,nosuid,nodev"
    folders = {"/tmp", *map(posixpath.normpath, volumes)} - {mount.target for mount in plan.mounts}  # noqa: S108
    tmpfs = {path: f"{writable},size={size_bytes(limits.tmpfs_size)},mode=1777" for path in sorted(folders)}
    config: dict[str, Any] = client.api.create_host_config(
        mounts=[_mount(mount) for mount in (*plan.mounts, *([_HOSTS] if limits.network == NO_NETWORK else []))],
        tmpfs={**tmpfs, BIN: f"{writable},size=64k,mode=755,uid={uid},gid={gid}"},
        network_mode=limits.network,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        pids_limit=limits.pids,
        mem_limit=size_bytes(limits.memory),
        memswap_limit=size_bytes(limits.memory),
        nano_cpus=int(limits.cpus * 1e9),
        ulimits=[_ulimit("fsize", size_bytes(limits.file_size)), _ulimit("core", 0)],
        log_config=LogConfig(type="none"),
        auto_remove=True,
        init=True,
        runtime=limits.runtime or None,
        userns_mode="host" if plan.user.unmapped else None,
    )
    return config


def _ulimit(name: str, value: int) -> Any:
    from docker.types import Ulimit

    return Ulimit(name=name, soft=value, hard=value)


def _mount(mount: Mount) -> Any:
    """A bind mount. Mounts below a read-only one are excluded: older engines would leave them writable."""
    options = {"Propagation": "rprivate", "NonRecursive": not mount.writable}
    return {
        "Type": "bind",
        "Source": str(mount.source.resolve()),
        "Target": mount.target,
        "ReadOnly": not mount.writable,
        "BindOptions": options,
    }


class Container:
    """A running container and the connection that keeps it alive.

    Starting blocks for as long as the engine needs; use a thread where the user waits. Raises BackendError, which
    says what to do.
    """

    def __init__(self, client: DockerClient, plan: Plan, watchdog: Watchdog) -> None:
        self.client = client
        self.plan = plan
        self.id = ""
        with engine.telling("looking at the image", plan.limits.host):
            image = client.api.inspect_image(plan.image)["Config"]
        entries = (entry.partition("=") for entry in image.get("Env") or ())
        self.environ = {name: value for name, _, value in entries if name}
        """The variables that the image sets."""
        self.demux = streams.Demux()
        self.connection = engine.dial(plan.limits.host)
        try:
            name = container_name(plan.name)
            with (
                engine.telling("starting a container"),
                engine.patience(client, engine.WORK_TIMEOUT),
                watchdog.over(name),
            ):
                self._start(name, tuple(image.get("Volumes") or ()))
        except BaseException:
            self.connection.close()
            if self.id:
                self.remove()
            raise
        self.connection.setblocking(False)
        self._end = weakref.finalize(self, _hang_up, self.connection, os.getpid())
        _alive.add(self)

    def _start(self, name: str, volumes: tuple[str, ...]) -> None:
        api, sent = self.client.api, source()
        config = host_config(self.client, self.plan, volumes)
        created = api.create_container(
            self.plan.image,
            entrypoint=["/bin/sh", "-c", _BOOT, _LOAD, str(len(sent))],
            command=[],
            user=f"{self.plan.user.uid}:{self.plan.user.gid}",
            working_dir=WORKSPACE,
            environment={},
            stdin_open=True,
            labels=dict(self.plan.labels),
            healthcheck={"test": ["NONE"]},
            name=name,
            # The kernel provides an empty network by itself. Having the engine set one up takes as long as everything
            # else together.
            network_disabled=config["NetworkMode"] == NO_NETWORK,
            host_config=config,
        )
        self.id = created["Id"]
        query = "stream=1&stdin=1&stdout=1&stderr=1"
        streams.upgrade(self.connection, f"/v{api.api_version}/containers/{self.id}/attach?{query}")
        api.start(self.id)
        self.connection.sendall(sent)

    @property
    def is_connected(self) -> bool:
        """True until the engine closes the connection, which it does when the container ends."""
        if not self._end.alive:
            return False
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def processes(self) -> int:
        """The number of processes in the container, including the two that keep it alive. Raises BackendError."""
        with engine.telling("looking into the container", self.plan.limits.host), engine.impatient(self.client):
            return len(self.client.api.top(self.id)["Processes"] or ())

    def close(self) -> None:
        """Close the connection and remove the container. May be called more than once."""
        if self._end.alive:
            self._end()
            self.remove()

    def remove(self) -> None:
        """Remove the container through the engine, whatever its state."""
        from docker.errors import APIError

        doing = engine.telling("removing the container", self.plan.limits.host)
        with (
            contextlib.suppress(BackendError),
            doing,
            engine.impatient(self.client),
            contextlib.suppress(APIError),  # gone, or going
        ):
            self.client.api.remove_container(self.id, force=True)


def _hang_up(connection: socket.socket, owner: int) -> None:
    """Close the connection, and with it the container; a forked copy of the owner only closes its end."""
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    connection.close()


_alive: weakref.WeakSet[Container] = weakref.WeakSet()


def _let_go() -> None:
    """In a forked process: its copy of the connection must not keep a dead kernel's container alive."""
    for container in list(_alive):
        container._end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
