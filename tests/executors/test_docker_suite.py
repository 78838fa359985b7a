"""The Docker executor passes the suite that all executors share; what differs is listed here by name."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from conjure_magic.errors import ToolError
from conjure_magic.testing.command_checks import EndChecks
from conjure_magic.testing.executor_fixture import Place, marker, raises, wait_until
from conjure_magic.testing.executor_suite import ExecutorSuite
from conjure_magic.testing.process_checks import KillChecks, LifeChecks

pytestmark = pytest.mark.docker


class FileSizeIsLimited:
    """What differs wherever a limit on the size of files holds."""

    def test_huge_file_is_not_read(self, place: Place) -> None:
        """No command can make one, for its size has a limit; one that was there before is not read either."""
        assert place.run("truncate -s 1T huge").exit_code != 0
        with (place.workspace / "huge").open("wb") as huge:
            huge.truncate(1 << 40)
        with raises(ToolError, "too large"):
            place.executor.read("huge")


class TestDocker(FileSizeIsLimited, ExecutorSuite):
    """In a container whose image has Python."""

    @pytest.fixture
    def place(self, make_container: Callable[..., Place]) -> Place:
        return make_container()

    def test_python_is_the_one_that_is_promised(self, place: Place) -> None:
        """None is promised: which one an image has is not known before its container runs. Both names mean one."""
        assert place.executor.paths.python == ""
        one, other = (place.text(f"{name} -c 'import sys; print(sys.executable)'") for name in ("python", "python3"))
        assert one == other != ""


class WithoutPython:
    """What differs in an image that has no Python, and of other programs only what busybox brings."""

    @pytest.fixture
    def place(self, make_container: Callable[..., Place]) -> Place:
        return make_container("docker_sh_image", pids=256)

    def test_next_command_of_a_script_does_not_run(self, place: Place) -> None:
        """As in the suite; busybox's `setsid` cannot wait."""
        for number in range(3):
            place.run(f"sleep {marker()}; touch after-{number}", timeout=0.1)
        assert list(place.workspace.glob("after-*")) == []


class TestDockerWithoutPython(WithoutPython, EndChecks, KillChecks, LifeChecks):
    """Where the engine starts each command; the checks of output and files, which are the same code, are in soak."""

    def test_many_commands(self, place: Place) -> None:
        """As in the suite, which runs a hundred."""
        assert [place.text(f"echo {n}") for n in range(10)] == [f"{n}\n" for n in range(10)]
        assert threading.active_count() < 20


@pytest.mark.soak
class TestAllOfDockerWithoutPython(FileSizeIsLimited, WithoutPython, ExecutorSuite):
    """Every check; it takes minutes, for the engine takes its time to start a command."""

    def test_python_is_the_one_that_is_promised(self, place: Place) -> None:
        """There is none, and none is promised."""
        assert place.executor.paths.python == ""
        assert place.run("python").exit_code == 127

    def test_python_prints_while_it_runs(self, place: Place) -> None:
        """As in the suite, with another program: what is printed is seen before the command ends."""
        waiting = "echo 1; while [ ! -e go ]; do sleep 0.02; done; echo 2"
        result = place.run(waiting, seen=lambda _: place.executor.write("go", b""))
        assert result.output == "1\n2\n"

    def test_binary_output(self, place: Place) -> None:
        """As in the suite, with another program to print the bytes."""
        output = place.text('i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %o $i)"; i=$((i+1)); done; printf ABC')
        assert "ABC" in output
        assert not {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))} & set(output)

    def test_late_output_goes_nowhere(self, place: Place) -> None:
        """It reaches no later command; but the engine lets go of its pipe, so whoever prints into it may be killed."""
        place.run("(while [ ! -e go ]; do sleep 0.02; done; seq 1 100000; touch tried) & echo started")
        place.executor.write("go", b"")
        wait_until((place.workspace / "tried").exists)
        assert place.text("echo mine") == "mine\n"

    def race(self, place: Place, swapped: str, path: str) -> None:
        """The swapper is in Python; that of the other class, and of `test_safe_open`, race against the same code."""
