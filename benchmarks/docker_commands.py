"""The cost of a command in a container, for every way to run one, measured side by side:

    python -m benchmarks.docker_commands IMAGE [--rounds N]

The image needs Python; none is pulled. "kept process" is a bare loop in a container that runs commands from its
stdin and prints an end mark: the lower limit for any design. Figures are medians; the ways alternate, so that a busy
moment of the machine affects all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker

from conjure_magic.cancel import Cancel
from conjure_magic.executors.docker import engine, streams
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.executors.docker.limits import limits_of
from conjure_magic.settings import Settings

COMMAND = ["sh", "-c", "echo hi"]
CLI = shutil.which("docker", path="/usr/bin:/usr/local/bin") or "docker"
WARM_GOAL, EXEC_GOAL, FIRST_GOAL = 1.7, 1 / 15, 0.7

LOOP = """
import os, subprocess, sys
for line in sys.stdin.buffer:
    done = subprocess.run(["bash", "-c", line], stdin=subprocess.DEVNULL, capture_output=True)
    os.write(1, done.stdout + b"\\0")
"""
"""Without even a timeout: the same shell as ours as a plain child process, with its output returned."""


def main() -> None:
    """Print the table; exit with 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(contextlib.closing(engine.connect()))
        kept = stack.enter_context(kept_process(client, options.image))
        plain = stack.enter_context(plain_container(client, options.image))
        executor = stack.enter_context(open_executor(options.image))
        executor("true")
        warm: dict[str, Callable[[], object]] = {
            "host subprocess": lambda: subprocess.run(COMMAND, capture_output=True, check=True),
            "kept process": lambda: kept(b"echo hi"),
            "conjure, warm": lambda: executor("echo hi"),
            "docker-py exec_run": lambda: plain.exec_run(COMMAND),
            "exec CLI": lambda: subprocess.run([CLI, "exec", plain.id, *COMMAND], capture_output=True, check=True),
        }
        first: dict[str, Callable[[], object]] = {
            "docker run --rm": lambda: subprocess.run(
                [CLI, "run", "--rm", "--network", "none", options.image, *COMMAND], capture_output=True, check=True
            ),
            "conjure, opening": lambda: opened(options.image),
            "conjure, first": first_command(options.image),
        }
        times = {**measured(warm, options.rounds), **measured(first, max(options.rounds // 3, 5))}
    report(times)


def measured(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each way, alternating; closing what a way returns is not measured."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 2):
        for name, way in ways.items():
            started = time.perf_counter()
            after = way()
            seconds[name].append(time.perf_counter() - started)
            if isinstance(after, contextlib.ExitStack):
                after.close()
    return {name: statistics.median(found[2:]) * 1000 for name, found in seconds.items()}


def report(times: dict[str, float]) -> None:
    """The table, and each goal."""
    for name, milliseconds in times.items():
        print(f"{name:<20} {milliseconds:8.1f} ms")
    ratios = {
        "warm / kept process": (times["conjure, warm"] / times["kept process"], WARM_GOAL),
        "warm / docker-py": (times["conjure, warm"] / times["docker-py exec_run"], EXEC_GOAL),
        "first / docker run": (times["conjure, first"] / times["docker run --rm"], FIRST_GOAL),
    }
    for name, (ratio, goal) in ratios.items():
        print(f"{name:<20} {ratio:8.3f}    goal ≤ {goal:.3f}{'' if ratio <= goal else '   MISSED'}")
    raise SystemExit(any(ratio > goal for ratio, goal in ratios.values()))


@contextlib.contextmanager
def open_executor(image: str) -> Iterator[Callable[[str], list[object]]]:
    """A function that runs a command to its end in a session's container."""
    with tempfile.TemporaryDirectory() as folder:
        executor = DockerExecutor(
            ContainerFolders(Path(folder), Path(folder), shows_input=False), limits_of(Settings(), image)
        )
        with contextlib.closing(executor):
            yield lambda command: list(executor.run(command, timeout=60, cancel=Cancel()))


def opened(image: str) -> contextlib.ExitStack:
    """Connect to the engine, as a session does at the start of its first turn."""
    stack = contextlib.ExitStack()
    stack.enter_context(open_executor(image))
    return stack


def first_command(image: str) -> Callable[[], contextlib.ExitStack]:
    """The first command of an executor, including the creation of its container."""
    ready: list[tuple[contextlib.ExitStack, Callable[[str], list[object]]]] = []

    def prepare() -> None:
        stack = contextlib.ExitStack()
        ready.append((stack, stack.enter_context(open_executor(image))))

    def run() -> contextlib.ExitStack:
        stack, command = ready.pop()
        command("echo hi")
        stack.callback(prepare)
        return stack

    prepare()
    return run


@contextlib.contextmanager
def plain_container(client: docker.DockerClient, image: str) -> Iterator[docker.models.containers.Container]:
    """An idle container, for the ways that start a process in one."""
    container = client.containers.run(image, ["sleep", "3600"], detach=True, network_mode="none", init=True)
    try:
        yield container
    finally:
        container.remove(force=True)


@contextlib.contextmanager
def kept_process(client: docker.DockerClient, image: str) -> Iterator[Callable[[bytes], bytes]]:
    """A function that sends a line to the loop in a container and waits for its end mark."""
    settings = client.api.create_host_config(network_mode="none", init=True, auto_remove=True)
    made = client.api.create_container(image, ["python3", "-c", LOOP], stdin_open=True, host_config=settings)
    with contextlib.closing(engine.dial()) as connection:
        streams.upgrade(
            connection, f"/v{client.api.api_version}/containers/{made['Id']}/attach?stream=1&stdin=1&stdout=1"
        )
        client.api.start(made["Id"])
        demux = streams.Demux()

        def run(line: bytes) -> bytes:
            connection.sendall(line + b"\n")
            output = b""
            while not output.endswith(b"\0"):
                output += b"".join(piece for _, piece in demux.feed(connection.recv(1 << 16)))
            return output

        yield run


if __name__ == "__main__":
    main()
