"""What becomes of containers and commands when something dies: session, kernel, supervisor, engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from processes import wait_until
from standard import docker_limits

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, BackendUnavailableError, ContainerError
from conjure_magic.executors.docker import cleanup, container_channel
from conjure_magic.executors.docker.engine import connect
from conjure_magic.executors.docker.executor import REPLACED, DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.testing.executor_fixture import Place
from conjure_magic.tools import command_result

pytestmark = pytest.mark.docker
MakePlace = Callable[..., Place]


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.from_env()) as client:
        yield client


def ours(client: docker.DockerClient, pid: int | None = None) -> list[str]:
    """The containers, in whatever state, that belong to a process: by default this one."""
    label = f"{cleanup.PID}={os.getpid() if pid is None else pid}"
    return [row["Id"] for row in client.api.containers(all=True, filters={"label": label})]


# ---- the session


@pytest.mark.parametrize(
    ("image", "command"),
    [
        pytest.param("docker_image", "sleep 1000", id="a process"),
        pytest.param("docker_sh_image", "sleep 1000", id="a process without Python"),
        pytest.param("docker_image", "kill -STOP $PPID", id="a stopped supervisor"),
    ],
)
def test_nothing_is_left_of_a_closed_session(
    make_container: MakePlace, client: docker.DockerClient, image: str, command: str
) -> None:
    place = make_container(image)
    place.run(f"(sleep 0.3; {command}) & echo started")
    time.sleep(0.5)
    assert len(ours(client)) == 1
    place.executor.close()
    wait_until(lambda: not ours(client))


def test_a_container_is_made_with_the_first_command_and_kept(
    make_container: MakePlace, client: docker.DockerClient
) -> None:
    place = make_container()
    place.executor.write("a", b"")
    assert ours(client) == []
    place.text("touch /tmp/here")
    assert place.text("ls /tmp/here") == "/tmp/here\n"
    assert len(ours(client)) == 1


def test_dropping_an_executor_ends_its_container(make_container: MakePlace, client: docker.DockerClient) -> None:
    """It was not closed: that the connection ended was enough."""
    place = make_container()
    place.text("true")
    assert isinstance(place.executor, DockerExecutor)
    running = place.executor._channel
    assert running is not None
    running.container._end()
    wait_until(lambda: not ours(client))


# ---- the kernel

OWNER = """
import os, sys, time
from pathlib import Path
from conjure_magic.cancel import Cancel
from conjure_magic.executors.docker.engine import connect
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.executors.docker.limits import limits_of
from conjure_magic.settings import Settings
folder = Path(sys.argv[1])
executor = DockerExecutor(ContainerFolders(folder, folder), limits_of(Settings(), sys.argv[2]))
def run(command):
    for chunk in executor.run(command, timeout=3600, cancel=Cancel()):
        print(chunk.text, flush=True, end="")
how = sys.argv[3]
if how == "forked":
    run("true")
    if os.fork() == 0:
        print("forked", os.getpid(), flush=True)
        time.sleep(3600)
run("echo up; (setsid sleep 3600 &); " + ("sleep 0.3; kill -STOP $PPID; sleep 3600" if how == "stopped" else "true"))
if how == "error":
    raise SystemExit("an error")
if how != "exit":
    time.sleep(3600)
"""


@contextlib.contextmanager
def kernel(folder: Path, image: str, how: str) -> Iterator[subprocess.Popen[str]]:
    """Something like a kernel, whose first command has printed."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(work), image, how], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as owner:
        try:
            assert owner.stdout is not None
            while owner.stdout.readline() not in ("up\n", ""):
                pass
            yield owner
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(owner.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["killed", "forked"])
@pytest.mark.parametrize("image", ["docker_image", "docker_sh_image"])
def test_nothing_is_left_of_a_kernel_killed_hard(
    request: pytest.FixtureRequest, client: docker.DockerClient, tmp_path: Path, image: str, how: str
) -> None:
    """Nor where a forked copy of it (a worker pool's) lives on, and still had the connection."""
    with kernel(tmp_path, request.getfixturevalue(image), how) as owner:
        assert len(ours(client, owner.pid)) == 1
        owner.kill()
        owner.wait()
        wait_until(lambda: not ours(client, owner.pid))


DYING = """
import os, signal, sys, threading, time
import docker
from pathlib import Path
from conjure_magic.cancel import Cancel
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.executors.docker.limits import limits_of
from conjure_magic.settings import Settings
step = getattr(docker.APIClient, sys.argv[3])
def die(*arguments, **options):
    if sys.argv[3] == "create_container":
        threading.Thread(target=step, args=arguments, kwargs=options).start()
        time.sleep(0.005)
    os.killpg(0, signal.SIGKILL)
setattr(docker.APIClient, sys.argv[3], die)
folder = Path(sys.argv[1])
executor = DockerExecutor(ContainerFolders(folder, folder), limits_of(Settings(), sys.argv[2]))
list(executor.run("true", timeout=60, cancel=Cancel()))
"""


@pytest.mark.parametrize("step", ["create_container", "start"])
def test_nothing_is_left_of_a_kernel_killed_while_its_container_comes_to_be(
    client: docker.DockerClient, docker_image: str, tmp_path: Path, step: str
) -> None:
    """With its process group, the request under way: made and not started, it ends by no connection's end."""
    arguments = [sys.executable, "-c", DYING, str(tmp_path), docker_image, step]
    with subprocess.Popen(arguments, start_new_session=True) as owner:
        assert owner.wait(60) == -signal.SIGKILL
    time.sleep(0.5 if step == "create_container" else 0)  # the engine is still at it
    wait_until(lambda: not ours(client, owner.pid))


@pytest.mark.parametrize("how", ["exit", "error"])
def test_nothing_is_left_of_a_kernel_that_ends_by_itself(
    client: docker.DockerClient, docker_image: str, tmp_path: Path, how: str
) -> None:
    with kernel(tmp_path, docker_image, how) as owner:
        owner.wait(60)
        wait_until(lambda: not ours(client, owner.pid))


def test_what_a_hostile_command_kept_alive_goes_with_the_next_sweep(
    client: docker.DockerClient, docker_image: str, tmp_path: Path
) -> None:
    """It stopped the supervisor, which then does not see that its kernel is dead.

    Containers of tests beside this one sweep as well: what they took first is tried again.
    """
    for _ in range(5):
        with kernel(tmp_path, docker_image, "stopped") as owner:
            time.sleep(0.5)
            (kept,) = ours(client, owner.pid)
            cleanup.sweep(client)
            assert ours(client, owner.pid) == [kept], "its kernel lives"
            owner.kill()
            owner.wait()
            time.sleep(1)
            if ours(client, owner.pid) == [kept]:
                assert [found.is_orphan for found in cleanup.containers(client) if found.id == kept] == [True]
                assert cleanup.sweep(client) >= 1
                break
    else:
        pytest.fail("nothing was kept alive for a sweep to find")
    wait_until(lambda: not ours(client, owner.pid))


def test_a_new_container_sweeps_by_itself(
    make_container: MakePlace, client: docker.DockerClient, docker_image: str, tmp_path: Path
) -> None:
    with kernel(tmp_path, docker_image, "stopped") as owner:
        time.sleep(0.5)
        owner.kill()
        owner.wait()
        make_container().text("true")
        wait_until(lambda: not ours(client, owner.pid))


FOREIGN = {
    "no label of ours": {},
    "another boot": {cleanup.SESSION: "x", cleanup.BOOT: "another", cleanup.PID: "1", cleanup.START: "1"},
    "another machine's process ids": {
        **cleanup.labels("x"), cleanup.NAMESPACE: "pid:[1]", cleanup.PID: "4194303", cleanup.START: "1"
    },
    "a kernel that lives": cleanup.labels("x"),
}  # fmt: skip


@pytest.mark.parametrize("labels", FOREIGN.values(), ids=FOREIGN)
def test_a_sweep_leaves_what_is_not_known_to_be_dead(
    client: docker.DockerClient, docker_image: str, labels: dict[str, str]
) -> None:
    other = client.containers.create(docker_image, "true", labels=labels)
    try:
        cleanup.sweep(client)
        assert client.containers.get(str(other.id)).id == other.id
    finally:
        other.remove(force=True)


def test_a_sweep_takes_what_was_made_and_never_started(client: docker.DockerClient, docker_image: str) -> None:
    """Its kernel died in between; a number that another process has now does not save it."""
    labels = {**cleanup.labels("x"), cleanup.START: "1"}
    made = client.containers.create(docker_image, "true", labels=labels)
    assert cleanup.sweep(client) >= 1
    with pytest.raises(docker.errors.NotFound):
        client.containers.get(str(made.id))


def test_a_cleanup_leaves_what_the_user_made_from_a_container_of_ours(
    client: docker.DockerClient, docker_image: str
) -> None:
    """An image that was committed from one carries its labels on."""
    first = client.containers.create(docker_image, "true", labels={**cleanup.labels("x"), cleanup.START: "1"})
    image = first.commit()
    first.remove()
    theirs = client.containers.create(image, "true")
    try:
        cleanup.sweep(client)
        assert client.containers.get(str(theirs.id)).id == theirs.id
    finally:
        theirs.remove(force=True)
        client.images.remove(str(image.id), force=True)


# ---- the supervisor, and what commands do to it


def test_a_command_that_eats_all_memory_fails_alone(make_container: MakePlace) -> None:
    place = make_container(memory="64m", tmpfs_size="16m")
    before = place.text("echo $PPID; touch /tmp/here")
    result = place.run("echo eating; python -c 'x = bytearray(500 << 20)'; echo survived")
    assert "survived" in result.output
    assert place.run("exec python -c 'x = bytearray(500 << 20)'").ended == "killed"
    assert before in place.text("ls /tmp/here >&2; echo $PPID")  # two streams, so in no order


def test_a_command_that_forks_without_end_fails_alone(make_container: MakePlace) -> None:
    place = make_container(pids=64)
    result = place.run("echo forking; f() { f | f & }; f; sleep 60", timeout=1)
    assert (result.ended, result.output[:8]) == ("timeout", "forking\n")
    assert place.text("echo fine") == "fine\n"
    assert isinstance(place.executor, DockerExecutor)
    assert place.executor._channel is not None
    assert place.executor._channel.is_clean()


def test_a_forged_end_of_a_command_is_not_believed(make_container: MakePlace, client: docker.DockerClient) -> None:
    """A command stops the supervisor and answers the kill in its place: the engine counts who lives."""
    place = make_container()
    place.text("echo kept > kept")
    lie = r"while :; do printf 'D\0\0\0\0010' > /proc/$PPID/fd/4; sleep 0.02; done"
    (first,) = ours(client)
    result = place.run(f"echo before; sleep 0.2; kill -STOP $PPID; {lie}", timeout=1)
    assert (result.ended, result.output) == ("timeout", "before\n")
    assert result.notes == (container_channel.ContainerChannel.loss,)
    assert place.text("cat kept") == "kept\n"
    assert first not in ours(client)


def test_a_killed_supervisor_is_an_error_and_its_container_is_replaced(make_container: MakePlace) -> None:
    """What is lost is said, to the model and so to the person."""
    place = make_container()
    place.text("echo kept > kept; touch /tmp/gone")
    with pytest.raises(BackendError, match=r"files in /tmp and background processes are lost.*starts a new one"):
        place.run("kill -9 $PPID; sleep 60")
    result = place.run("cat kept; ls /tmp")
    assert (result.output, result.notes) == ("kept\n", ()), "it was said with the error"


@pytest.mark.parametrize("image", ["docker_image", "docker_sh_image"])
def test_a_removed_container_is_replaced_with_a_notice(
    make_container: MakePlace, client: docker.DockerClient, image: str
) -> None:
    place = make_container(image)
    place.text("echo kept > kept; touch /tmp/gone")
    (first,) = ours(client)
    client.api.remove_container(first, force=True)
    wait_until(lambda: not ours(client))
    result = place.run("cat kept; ls /tmp")
    assert result.output == "kept\n"
    assert "[the container was replaced by a new one: files in /tmp" in str(command_result(result, 1, "/w").content)
    assert place.run("true").notes == ()


def test_a_new_skill_is_mounted_in_a_new_container(make_container: MakePlace, tmp_path: Path) -> None:
    place = make_container()
    place.text("touch kept /tmp/gone")
    other = tmp_path / "other"
    other.mkdir()
    (other / "SKILL.md").write_text("# other\n")
    assert isinstance(place.executor, DockerExecutor)
    folders = place.executor.folders
    place.executor.folders = ContainerFolders(folders.workspace, folders.input, {**folders.skills, "other": other})
    result = place.run("cat /skills/other/SKILL.md; ls kept /tmp")
    assert "# other\n" in result.output
    assert len(result.notes) == 1


def test_recreated_folders_are_mounted_again(make_container: MakePlace, tmp_path: Path) -> None:
    """What is mounted stays the deleted folder: a container that lives on would see nothing in it."""
    place = make_container()
    assert place.text("cat /skills/a-skill/SKILL.md; touch first") == "# a skill\n"
    shutil.rmtree(tmp_path / "skill")
    (tmp_path / "skill").mkdir()
    (tmp_path / "skill/SKILL.md").write_text("# another\n")
    result = place.run("cat /skills/a-skill/SKILL.md")
    assert (result.stdout, result.notes) == ("# another\n", (REPLACED,))
    shutil.rmtree(place.workspace)
    with pytest.raises(ContainerError, match=r"/workspace, is gone"):
        place.run("true")
    place.workspace.mkdir()
    assert place.text("touch second; ls") == "second\n"
    assert (place.workspace / "second").exists()


def test_a_stop_while_the_container_comes_up_does_not_wait_for_it(
    make_container: MakePlace, client: docker.DockerClient
) -> None:
    """It still comes up and serves the next command."""
    place = make_container()
    cancel = place.stop_after(0.05)
    result = place.run("touch ran", cancel=cancel)
    assert (result.ended, (place.workspace / "ran").exists()) == ("cancelled", False)
    assert place.text("echo fine") == "fine\n"
    assert len(ours(client)) == 1


def test_a_close_while_the_container_comes_up_leaves_nothing(
    make_container: MakePlace, client: docker.DockerClient
) -> None:
    place = make_container()
    closer = threading.Timer(0.05, place.executor.close)
    closer.start()
    with contextlib.suppress(BackendError):
        place.run("true")
    closer.join()
    wait_until(lambda: not ours(client))


# ---- the disk


@pytest.mark.parametrize("how", ["many files", "much"])
def test_a_command_that_fills_the_workspace_is_stopped(
    make_container: MakePlace, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(
        "conjure_magic.executors.docker.disk_limit.MOST_FILES", 2000 if how == "many files" else 200_000
    )
    place = make_container(workspace_size="20m")
    fill = "i=0; while :; do i=$((i+1)); : > f$i; done"
    if how == "much":
        fill = "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done"
    result = place.run(fill)
    assert result.ended == "killed"
    text = "grown to" if how == "much" else "contains more than 2,000 files"
    assert text in str(command_result(result, 60, "/workspace").content)
    assert place.text("rm -r f*; sleep 0.7; echo fine") == "fine\n"


def test_deleting_is_never_stopped(make_container: MakePlace) -> None:
    """However much is still there."""
    place = make_container(workspace_size="8m")
    for number in range(8):
        (place.workspace / f"f{number}").write_bytes(b"x" * 4_000_000)
    assert place.run("sleep 5").ended == "killed"
    assert place.run("rm f0 f1; sleep 0.8; rm f2; sleep 0.7").ended == "exited"


# ---- the engine


@contextlib.contextmanager
def second_engine(folder: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts (again and again) an engine of the test's own, with its own containers and images."""
    program, socket = "/usr/sbin/dockerd", folder / "engine.sock"
    if os.geteuid() != 0 or not os.access(program, os.X_OK):
        pytest.skip("a second engine needs root and /usr/sbin/dockerd")
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        options = ["--bridge=none", "--iptables=false", f"--data-root={folder}/data", f"--exec-root={folder}/exec"]
        with (folder / "log").open("ab") as log:
            # Without a bridge of its own it would delete this machine's: so it gets a network of its own.
            command = ["unshare", "--net", program, f"--host=unix://{socket}", f"--pidfile={folder}/pid", *options]
            engine = subprocess.Popen(command, stdout=log, stderr=log)
        started.append(engine)
        wait_until(lambda: engine.poll() is not None or _answers(socket))
        assert engine.poll() is None, (folder / "log").read_text()[-2000:]
        return engine

    try:
        yield start
    finally:
        for engine in started:
            engine.terminate()
            engine.wait(60)


def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    with contextlib.suppress(BackendError), contextlib.closing(connect(f"unix://{socket}")) as client:
        return bool(client.ping())
    return False


def test_an_engine_that_is_lost_and_comes_back(docker_sh_image: str, tmp_path: Path) -> None:
    """Ended in mid-command: told at once; back again: nothing of ours is left, and commands run."""
    (tmp_path / "work").mkdir()
    folders = ContainerFolders(tmp_path / "work", tmp_path, shows_input=False)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="conjure-engine-", ignore_cleanup_errors=True))
        start = stack.enter_context(second_engine(Path(folder)))
        engine, host = start(), f"unix://{folder}/engine.sock"
        limits = docker_limits(image=_copy(docker_sh_image, host), host=host)
        executor = stack.enter_context(contextlib.closing(DockerExecutor(folders, limits)))
        running = executor.run("echo kept > kept; echo up; sleep 600", timeout=600, cancel=Cancel())
        assert next(running).text == "up\n"
        engine.terminate()
        with pytest.raises(BackendError):
            for _ in running:
                pass
        engine.wait(60)
        with pytest.raises(BackendError, match="engine"):
            list(executor.run("true", timeout=9, cancel=Cancel()))
        with pytest.raises(BackendUnavailableError, match="no engine answers"):
            DockerExecutor(folders, limits)
        start()
        with contextlib.closing(connect(host)) as client:
            wait_until(lambda: not client.api.containers(all=True))
        assert [chunk.text for chunk in executor.run("cat kept", timeout=60, cancel=Cancel())] == ["kept\n"]


def _copy(image: str, host: str) -> str:
    """Bring an image to another engine; its id there."""
    with (
        contextlib.closing(docker.from_env()) as here,
        contextlib.closing(connect(host)) as there,
    ):
        there.api.timeout = 60
        (loaded,) = there.images.load(b"".join(here.images.get(image).save()))
        return str(loaded.id)


def test_no_such_runtime_and_no_such_network_are_told(make_container: MakePlace) -> None:
    for limits, told in (({"runtime": "no-runsc"}, "docker info"), ({"network": "no-net"}, "no-net")):
        with pytest.raises(BackendError, match=told):
            make_container(**limits).run("true")
