"""Long figures of the container: owners killed at any moment, many containers at once, very much output.

CONJURE_SOAK is the share of each figure to run: 1 by default, 0.1 for a look.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import secrets
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker import DockerClient
from docker_kit import engine
from processes import wait_until
from standard import docker_limits

from conjure_magic.cancel import Cancel
from conjure_magic.executors.base import ExecResult
from conjure_magic.executors.docker import cleanup
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders

SHARE = float(os.environ.get("CONJURE_SOAK", "1"))
pytestmark = [pytest.mark.docker, pytest.mark.soak]

KILLS, CONTAINERS, OUTPUT = 500, 64, 10 << 30
OWNER = """
import random, sys
from pathlib import Path
from conjure_magic.cancel import Cancel
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.executors.docker.limits import limits_of
from conjure_magic.settings import Settings

COMMANDS = (
    "echo hi", "sleep 600", "yes | head -c 50000000", "setsid sleep 600 & sleep 600 & wait",
    "trap '' TERM HUP INT; while :; do sleep 1; done", "for i in 1 2 3 4 5 6; do sleep 600 & done; touch made; wait",
)
folder = Path(sys.argv[1])
executor = DockerExecutor(ContainerFolders(folder, folder, {}), limits_of(Settings(), sys.argv[2]), session=sys.argv[3])
print("up", flush=True)
while True:
    for _ in executor.run(random.choice(COMMANDS), timeout=random.choice((0.2, 30)), cancel=Cancel()):
        pass
"""


def share(figure: int) -> int:
    """The part of a figure that is to be run."""
    return max(1, int(figure * SHARE))


def left(client: DockerClient, session: str) -> list[str]:
    """The names of the containers whose session begins so."""
    return [found.name for found in cleanup.containers(client) if found.session.startswith(session)]


def folders(path: Path) -> ContainerFolders:
    path.mkdir()
    return ContainerFolders(path, path, {})


def finish(executor: DockerExecutor, command: str, timeout: float = 600) -> ExecResult:
    """Run a command to its end."""
    running = executor.run(command, timeout=timeout, cancel=Cancel())
    while True:
        try:
            next(running)
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]


def test_owners_killed_at_any_moment_leave_no_container(tmp_path: Path, docker_image: str) -> None:
    """What 5 seconds do not clear, because the owner died while it made the container, the next sweep does."""
    session, seed = f"killed-{secrets.token_hex(3)}", secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    def kill_one(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        arguments = [sys.executable, "-c", OWNER, str(folder), docker_image, f"{session}-{number}"]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as owner:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"up\n"
            time.sleep(delays[number])
            owner.kill()

    delays = [chance.uniform(0, 2) for _ in range(share(KILLS))]
    with engine() as client:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(kill_one, range(len(delays))))
        end = time.monotonic() + 5
        while left(client, session) and time.monotonic() < end:
            time.sleep(0.2)
        print(f"{len(delays)} owners killed; left after 5 s at most: {left(client, session)}")
        cleanup.sweep(client)
        wait_until(lambda: left(client, session) == [])


def test_many_containers_at_once_do_not_mix(tmp_path: Path, docker_image: str) -> None:
    session, count = f"many-{secrets.token_hex(3)}", share(CONTAINERS)
    limits = docker_limits(image=docker_image, memory="64m", tmpfs_size="16m")
    up = threading.Barrier(count + 1)
    with engine() as client, contextlib.ExitStack() as cleanup:
        executors = [
            DockerExecutor(folders(tmp_path / str(number)), limits, session=f"{session}-{number}")
            for number in range(count)
        ]
        for executor in executors:
            cleanup.callback(executor.close)

        def work(number: int) -> str:
            finish(executors[number], "true")
            up.wait(300)
            return finish(executors[number], f"echo {number} | tee mine; hostname; cat mine").output

        with ThreadPoolExecutor(count) as pool:
            running = [pool.submit(work, number) for number in range(count)]
            up.wait(300)
            assert len(left(client, session)) == count
            outputs = [future.result().split() for future in running]
        assert [(first, last) for first, _, last in outputs] == [(str(n), str(n)) for n in range(count)]
        assert len({host for _, host, _ in outputs}) == count
        cleanup.close()
        wait_until(lambda: left(client, session) == [])


def test_very_much_output_takes_no_memory(tmp_path: Path, docker_image: str) -> None:
    """All of it is counted, 1 GB of it kept on disk, and this process does not grow."""
    size = share(OUTPUT)
    with contextlib.closing(DockerExecutor(folders(tmp_path / "w"), docker_limits(image=docker_image))) as executor:
        finish(executor, "head -c 100000000 /dev/zero | tr '\\0' x")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = finish(executor, f"head -c {size} /dev/zero | tr '\\0' x", timeout=3000)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (result.exit_code, result.total_bytes) == (0, size)
    assert grown < 64 << 10, f"{grown} KiB"
    print(f"{size} bytes in {result.seconds:.0f} s, {grown} KiB more memory")
