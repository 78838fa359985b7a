"""What tests in a container leave on the engine: nothing, whether they end or are killed in their midst."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker_kit
import pytest
from processes import wait_until

pytestmark = pytest.mark.docker

SAMPLE = """
import os
from conjure_magic import Session

def model(messages):
    if len(messages) > 1:
        return "done"
    call = {"type": "tool_use", "id": "t1", "name": "bash_tool", "input": {"command": os.environ["SAMPLE_COMMAND"]}}
    return {"content": [call], "stop_reason": "tool_use"}

def test_sample():
    folder = os.environ["SAMPLE_FOLDER"]
    with Session("docker", model=model, name=os.environ["SAMPLE_NAME"], workspace=folder, input=folder) as session:
        print(session.chat("Go.").tool_calls[0].result.text, flush=True)
"""
Run = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def name() -> str:
    """A session's name that no other test has."""
    return f"left-{secrets.token_hex(4)}"


@pytest.fixture
def run(tmp_path: Path, name: str, docker_image: str) -> Iterator[Run]:
    """Starts a pytest of its own on a test that runs a command in a container."""
    folder, path = tmp_path / "work", tmp_path / "test_sample.py"
    folder.mkdir()
    path.write_text(SAMPLE)
    env = {**os.environ, "CONJURE_DOCKER_IMAGE": docker_image, "SAMPLE_NAME": name, "SAMPLE_FOLDER": str(folder)}
    with contextlib.ExitStack() as cleanup:

        def start(command: str) -> subprocess.Popen[str]:
            arguments = ["-q", "-s", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider", str(path)]
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *arguments],
                env={**env, "SAMPLE_COMMAND": command},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            cleanup.enter_context(process)
            cleanup.callback(process.kill)
            return process

        yield start


def left(name: str) -> list[str]:
    """The states of the session's containers, ended ones included: `docker ps -a`."""
    with docker_kit.engine() as client:
        rows = client.api.containers(all=True, filters={"label": f"conjure-magic.session={name}"})
    return [row["State"] for row in rows]


def test_nothing_is_left_when_they_end(run: Run, name: str) -> None:
    process = run("echo $((6 * 7))")
    said, _ = process.communicate(timeout=120)
    assert "42" in said
    assert process.returncode == 0
    assert left(name) == []


def test_nothing_is_left_when_they_are_killed_in_their_midst(run: Run, name: str, tmp_path: Path) -> None:
    """With a command that has children of its own and ignores signals; what is left goes with its kernel."""
    process = run("trap '' TERM HUP; sleep 600 & setsid sleep 600 & touch begun; wait")
    wait_until((tmp_path / "work/begun").exists)
    assert left(name) == ["running"]
    began = time.monotonic()
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: left(name) == [])
    print(f"gone after {time.monotonic() - began:.1f} s")
