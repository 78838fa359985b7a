"""Attacks out of the container. Each is made twice: it fails, and with its protection switched off it succeeds.

The second half shows that the first means something: the attack is one, and it is that protection that holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from docker_kit import engine_address
from standard import docker_limits

from conjure_magic.executors import environment
from conjure_magic.executors.docker import container
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.testing.executor_fixture import Place, marker

pytestmark = pytest.mark.docker

Config = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """A command that prints `escaped` if it got out, and what of the container's configuration holds it."""

    command: str
    weaken: Callable[[Config], object]
    """Switches the protection off."""
    limits: dict[str, Any] = field(default_factory=dict)


def without(name: str, value: object = None) -> Callable[[Config], object]:
    """Switches a setting off, or to a weak value."""
    return lambda config: config.update({name: value})


def writable_mounts(config: Config) -> None:
    for mount in config["Mounts"]:
        mount["ReadOnly"] = False


def submounts(config: Config) -> None:
    for mount in config["Mounts"]:
        mount["BindOptions"]["NonRecursive"] = False


def without_ulimits(config: Config) -> None:
    config["Ulimits"] = []


def unconfined(config: Config) -> None:
    config["SecurityOpt"] = ["no-new-privileges", "seccomp=unconfined"]


def large_tmpfs(config: Config) -> None:
    config["Tmpfs"]["/tmp"] = "rw,size=64m,mode=1777"


UNSHARE = "import ctypes; print('escaped' if ctypes.CDLL(None).unshare(0x10000000) == 0 else 'held')"
EAT = "x = bytearray(200 << 20); print('escaped')"
FORKS = "sh -c 'for i in $(seq 60); do sleep 30 & done; [ $(ls -d /proc/[0-9]* | wc -l) -gt 55 ] && echo escaped'"

ATTACKS = {
    "write outside of the workspace": Attack(
        "touch /var/tmp/x && echo escaped", without("ReadonlyRootfs", value=False)
    ),
    "write to the input folder": Attack("touch /input/x && echo escaped", writable_mounts),
    "write to what is mounted below the input folder": Attack("touch /input/mounted/x && echo escaped", submounts),
    "change a skill": Attack("echo changed >> /skills/a-skill/SKILL.md && echo escaped", writable_mounts),
    "start many processes": Attack(FORKS, without("PidsLimit", -1), {"pids": 32}),
    "use much memory": Attack(
        f"python -c '{EAT}'", lambda c: c.update(Memory=0, MemorySwap=0), {"memory": "64m", "tmpfs_size": "16m"}
    ),
    "write a large file": Attack(
        "head -c 8000000 /dev/zero > big && echo escaped", without_ulimits, {"file_size": "1m"}
    ),
    "fill the memory through /tmp": Attack(
        "head -c 8000000 /dev/zero > /tmp/big && echo escaped", large_tmpfs, {"tmpfs_size": "1m"}
    ),
    "keep capabilities": Attack(
        "grep -q 'CapBnd:.*0000000000000000' /proc/self/status || echo escaped", without("CapDrop")
    ),
    "become root by a set-user-id file": Attack(
        "./root-shell -p -c 'id -u' | grep -qx 0 && echo escaped", without("SecurityOpt")
    ),
    "use a system call for a namespace of one's own": Attack(f'python -c "{UNSHARE}"', unconfined),
    "see the machine's processes": Attack(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q 'sleep[ ]MARK' && echo escaped",
        without("PidMode", "host"),
    ),
    "see the machine's shared memory": Attack("ls /dev/shm | grep -q MARK && echo escaped", without("IpcMode", "host")),
}  # fmt: skip


@pytest.fixture(params=[True, False], ids=["protected", "unprotected"])
def protected(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def switch_off(monkeypatch: pytest.MonkeyPatch, weaken: Callable[[Config], object]) -> None:
    """From now on containers are made without that protection."""
    strong = container.host_config

    def weak(*arguments: Any) -> Config:
        config = strong(*arguments)
        weaken(config)
        return config

    monkeypatch.setattr(container, "host_config", weak)


@contextlib.contextmanager
def surroundings(place_root: Path, mark: str) -> Iterator[None]:
    """What there is to attack: writable folders, something mounted, a root shell, a process, shared memory."""
    for folder in ("input", "skill"):
        (place_root / folder).chmod(0o777)
    (place_root / "skill/SKILL.md").chmod(0o666)
    shm = Path("/dev/shm", mark)
    shm.touch()
    mounted = place_root / "input/mounted"
    mounted.mkdir(exist_ok=True)
    sleeper = subprocess.Popen(["sleep", mark])
    is_mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=777", "conjure-test", mounted], check=False)
    try:
        yield
    finally:
        sleeper.kill()
        sleeper.wait()
        shm.unlink()
        if is_mounted.returncode == 0:
            subprocess.run(["umount", mounted], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts, and makes a file of root's")
@pytest.mark.parametrize("name", ATTACKS)
def test_attack(
    make_container: Callable[..., Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, protected: bool
) -> None:
    attack, mark = ATTACKS[name], marker()
    if not protected:
        switch_off(monkeypatch, attack.weaken)
    with surroundings(tmp_path.resolve(), mark):
        place = make_container(**attack.limits)
        place.text("cp /bin/dash root-shell")
        shell = place.workspace / "root-shell"
        os.chown(shell, 0, 0)
        shell.chmod(0o4755)
        result = place.run(attack.command.replace("MARK", mark))
        assert ("escaped" in result.output) is not protected, result
        place.executor.close()


# ---- the network


@contextlib.contextmanager
def listening() -> Iterator[int]:
    """A port of this machine, on every address, that says where it is."""
    with socket.create_server(("0.0.0.0", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(b"escaped")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


CONNECT = """
import socket, sys
for host in sys.argv[2:]:
    try:
        print(socket.create_connection((host, int(sys.argv[1])), 2).recv(100).decode())
    except OSError as error:
        print(error)
"""


def test_no_network(make_container: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, protected: bool) -> None:
    """Neither this machine's loopback, nor the bridge's address of it, nor a name."""
    if not protected:
        switch_off(monkeypatch, without("NetworkMode", "host"))
    place = make_container()
    place.executor.write("connect.py", CONNECT.encode())
    with listening() as port:
        result = place.run(f"python connect.py {port} 127.0.0.1 172.17.0.1 localhost; ls /sys/class/net")
    assert ("escaped" in result.output) is not protected, result
    if protected:
        assert result.output.splitlines()[-1] == "lo"


LISTEN = """
import socket
with socket.create_server(("localhost", 0)) as server, socket.create_connection(("localhost", server.getsockname()[1])):
    print("connected")
"""


def test_localhost_is_there_without_a_network(make_container: Callable[..., Place]) -> None:
    """A script may well speak to a server of its own, by that name."""
    place = make_container()
    place.executor.write("listen.py", LISTEN.encode())
    assert place.text("python listen.py; cat /sys/class/net/*/operstate") == "connected\nunknown\n"


# ---- files and secrets of the machine


def test_a_link_leads_to_nothing_of_the_machine(
    make_container: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, protected: bool
) -> None:
    place = make_container()
    secret = place.outside / "secret.txt"
    if not protected:
        mount = {"Type": "bind", "Source": str(place.outside), "Target": str(place.outside), "ReadOnly": True}
        switch_off(monkeypatch, lambda config: config["Mounts"].append(mount))
    (place.workspace / "link").symlink_to(secret)
    attempts = (
        f"cat link; cat {secret}; cat /proc/1/root{secret}; cat /proc/1/cwd/../..{secret}; cat /proc/self/root{secret}"
    )
    assert ("outside" in place.run(attempts).stdout) is not protected


def test_the_engine_is_out_of_reach(
    make_container: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, protected: bool
) -> None:
    """With its socket anything could be started, with any of the machine's folders."""
    socket_path = engine_address().removeprefix("unix://")
    sockets = socket_path, "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"
    if not protected:
        mount = {"Type": "bind", "Source": socket_path, "Target": "/run/docker.sock"}
        switch_off(monkeypatch, lambda config: config["Mounts"].append(mount))
    found = make_container().run(f"for s in {' '.join(sockets)}; do test -S $s && echo escaped; done; true")
    assert ("escaped" in found.output) is not protected


def test_no_key_and_nothing_of_the_environment_gets_in(
    make_container: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, protected: bool
) -> None:
    """Neither in a command's own environment nor in that of any process there. Masking is not what holds."""
    monkeypatch.setenv("EDITOR", "an-editor-of-the-persons")
    if not protected:
        monkeypatch.setattr(environment, "looks_secret", lambda name: False)
    place = make_container(environment=() if protected else ("*",))
    text = place.text(r"(env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n') | sed 's/./&./g'")  # no mask fits
    spaced = ["".join(f"{letter}." for letter in word) for word in (place.key, "an-editor-of-the-persons")]
    assert [word in text for word in spaced] == [not protected] * 2


# ---- the configuration as the engine has it


def engine_client() -> docker.DockerClient:
    return docker.from_env()


def test_the_engine_was_told_all_of_it(make_container: Callable[..., Place]) -> None:
    """What an attack above cannot show: no swap, no log, no restart, a share of the processors."""
    place = make_container(memory="256m", cpus=0.5)
    place.text("true")
    with contextlib.closing(engine_client()) as client:
        (found,) = client.containers.list(filters={"label": f"conjure-magic.pid={os.getpid()}"})
        host, config = found.attrs["HostConfig"], found.attrs["Config"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (256 << 20, 256 << 20, 500_000_000)
    assert host["LogConfig"]["Type"] == "none"
    assert host["NetworkMode"] == "none"
    assert host["AutoRemove"] is True
    assert host["Privileged"] is False
    assert host["Devices"] in (None, [])
    assert host["CapAdd"] in (None, [])
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert config["User"] == "65532:65532" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}"
    assert config["Healthcheck"]["Test"] == ["NONE"]
    assert {mount["Destination"]: mount["RW"] for mount in found.attrs["Mounts"]} == {
        "/workspace": True,
        "/input": False,
        "/skills/a-skill": False,
        "/etc/hosts": False,
    }


def test_volumes_of_an_image_are_in_memory_and_bounded(
    make_container: Callable[..., Place], docker_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image may declare folders as volumes, which would be writable without end."""
    with contextlib.closing(engine_client()) as client:
        base = client.containers.create(docker_image, "true")
        image = base.commit(changes=["VOLUME /data"])
        base.remove()
        try:
            place = make_container(tmpfs_size="1m")
            place.executor.limits = docker_limits(image=str(image.id), tmpfs_size="1m")  # type: ignore[attr-defined]
            assert place.run("head -c 4000000 /dev/zero > /data/big").exit_code != 0
            assert "tmpfs" in place.text("grep ' /data ' /proc/mounts")
            place.executor.close()
        finally:
            client.images.remove(str(image.id), force=True)


def test_volumes_of_an_image_do_not_hide_the_workspace(make_container: Callable[..., Place], docker_image: str) -> None:
    with contextlib.closing(engine_client()) as client:
        base = client.containers.create(docker_image, "true")
        image = base.commit(changes=["VOLUME /workspace/", "VOLUME /input", "VOLUME /tmp/"])
        base.remove()
        try:
            place = make_container()
            place.executor.limits = docker_limits(image=str(image.id))  # type: ignore[attr-defined]
            assert place.text("touch made; cat /input/given.txt") == "given\n"
            assert (place.workspace / "made").exists()
            place.executor.close()
        finally:
            client.images.remove(str(image.id), force=True)


# ---- what a root kernel leaves behind


@pytest.mark.skipif(os.geteuid() != 0, reason="only a root kernel hands its workspace over")
def test_files_made_on_either_side_are_usable_on_both(make_container: Callable[..., Place]) -> None:
    place = make_container()
    (place.workspace / "mine").write_text("mine\n")
    place.text("echo more >> mine")
    place.executor.write("deep/er/tool.txt", b"tool\n")
    place.text("echo more >> deep/er/tool.txt && mv deep/er deep/est")
    assert place.executor.read("deep/est/tool.txt") == b"tool\nmore\n"
    assert (place.workspace / "mine").read_text() == "mine\nmore\n"
    shutil.rmtree(place.workspace / "deep")


@pytest.mark.skipif(os.geteuid() != 0, reason="only a root kernel hands its workspace over")
def test_handing_over_follows_no_planted_link(make_container: Callable[..., Place]) -> None:
    """Nor does it give away a file that has another name elsewhere."""
    place = make_container()
    secret = place.outside / "secret.txt"
    (place.workspace / "link").symlink_to(secret)
    (place.workspace / "folder").symlink_to(place.outside)
    os.link(secret, place.workspace / "hard")
    place.text("true")
    assert (secret.stat().st_uid, place.outside.stat().st_uid) == (0, 0)
    assert place.workspace.stat().st_uid == 65532


def test_links_mean_what_they_mean_inside(make_container: Callable[..., Place], tmp_path: Path) -> None:
    """A link made by a command may name the inside; one to a path of this machine means nothing there."""
    place = make_container()
    place.text("echo x > a && ln -s /workspace/a b && ln -s /input/given.txt c && ln -s ../skills/a-skill d")
    assert place.executor.read("b") == b"x\n"
    assert place.executor.read("c") == b"given\n"
    assert place.executor.read("d/SKILL.md") == b"# a skill\n"
    inside = ContainerFolders(tmp_path / "workspace", tmp_path / "input", shows_input=False)
    with pytest.raises(Exception, match="cannot be read"):
        inside.resolve("c")


FAMILIES = """
import socket
for number in range(64):
    try:
        socket.socket(number, socket.SOCK_DGRAM).close()
        print(number)
    except OSError:
        pass
"""


def test_no_other_socket_than_local_ones_and_those_of_a_virtual_machine(make_container: Callable[..., Place]) -> None:
    """INET and NETLINK reach the container's own loopback alone. AF_VSOCK is up to the engine's seccomp profile."""
    place = make_container()
    place.executor.write("families.py", FAMILIES.encode())
    opened = {int(line) for line in place.run("python families.py").output.split()}
    local = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
    assert opened - {socket.AF_VSOCK} <= local
