"""The supervisor by itself, spoken to over its pipes, and what becomes of everything when its owner dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import end_all, living, wait_until

from conjure_magic.executors import supervisor
from conjure_magic.testing.executor_fixture import marker

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a child subreaper")
ENV = {"PATH": os.environ["PATH"]}


class Owner:
    """The other end of a supervisor's pipes."""

    def __init__(self, *arguments: str, code: str = "") -> None:
        program = ["-c", code] if code else [supervisor.__file__]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", *program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENV,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.inp, self.out = self.process.stdin, self.process.stdout

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        self.inp.write(kind + len(payload).to_bytes(4, "big") + payload)
        self.inp.flush()

    def run(self, command: str, cwd: str = "/") -> None:
        self.send(b"R", b"\0".join([cwd.encode(), command.encode(), f"PATH={ENV['PATH']}".encode()]))

    def frame(self) -> tuple[bytes, bytes]:
        head = self.out.read(5)
        assert len(head) == 5, "the supervisor has closed its pipe"
        return head[:1], self.out.read(int.from_bytes(head[1:], "big"))

    def until(self, kind: bytes) -> list[tuple[bytes, bytes]]:
        frames = [self.frame()]
        while frames[-1][0] != kind:
            frames.append(self.frame())
        return frames

    def close(self) -> int:
        self.inp.close()
        self.out.close()
        return self.process.wait(30)


@pytest.fixture
def owner() -> Iterator[Owner]:
    owner = Owner()
    yield owner
    owner.close()


@pytest.fixture
def mark() -> Iterator[str]:
    """A marker for command lines; what still carries it afterwards is killed."""
    mark = marker()
    yield mark
    end_all(mark)


def printed(frames: list[tuple[bytes, bytes]], kind: bytes) -> bytes:
    return b"".join(payload for found, payload in frames if found == kind)


def test_a_command_from_hello_to_exit(owner: Owner) -> None:
    owner.run("echo out; echo err >&2; pwd; exit 7", cwd="/usr")
    frames = owner.until(b"X")
    assert [kind for kind, _ in frames[:2]] == [b"H", b"B"]
    assert printed(frames, b"O") == b"out\n/usr\n"
    assert printed(frames, b"E") == b"err\n"
    assert frames[-1] == (b"X", b"7 0 0")


def test_a_signal_is_reported_as_a_negative_status(owner: Owner) -> None:
    owner.run("kill -TERM $$")
    assert owner.until(b"X")[-1][1] == b"-15 0 0"


def test_a_folder_that_is_gone(owner: Owner) -> None:
    """Said in words; the next command works."""
    owner.run("true", cwd="/no/such/folder")
    assert b"/no/such/folder" in owner.until(b"F")[-1][1]
    owner.run("true")
    assert owner.until(b"X")[-1][1] == b"0 0 0"


def test_frames_are_bounded(owner: Owner) -> None:
    owner.run("head -c 3000000 /dev/zero")
    frames = owner.until(b"X")
    assert sum(len(payload) for kind, payload in frames if kind == b"O") == 3_000_000
    assert max(len(payload) for _, payload in frames) <= supervisor.CHUNK


@linux
def test_an_owner_that_does_not_read_holds_the_command_back(owner: Owner, tmp_path: Path) -> None:
    """Nothing piles up in the supervisor, and nothing is lost."""
    owner.run("head -c 200000000 /dev/zero; touch printed", cwd=str(tmp_path))
    time.sleep(1)  # enough for all of it, were it not held back
    assert not (tmp_path / "printed").exists()
    status = Path(f"/proc/{owner.process.pid}/status").read_text()
    assert int(status.partition("VmRSS:")[2].split()[0]) < 40_000
    assert sum(len(payload) for kind, payload in owner.until(b"X") if kind == b"O") == 200_000_000


@linux
def test_a_kill_is_heard_while_the_owner_does_not_read(owner: Owner, mark: str) -> None:
    owner.run(f"yes {mark}")
    wait_until(lambda: living(mark))
    owner.send(b"K")
    wait_until(lambda: not living(mark))
    assert owner.until(b"D")[-1] == (b"D", b"0")


def test_kill_while_nothing_runs(owner: Owner) -> None:
    owner.send(b"K")
    assert owner.until(b"D")[-1] == (b"D", b"0")


def test_kill_reports_exit_and_then_death(owner: Owner, mark: str) -> None:
    owner.run(f"echo going; sleep {mark}")
    owner.until(b"O")
    owner.send(b"K")
    assert owner.until(b"D")[-2:] == [(b"X", b"-9 0 1"), (b"D", b"0")]


def test_frames_may_come_in_pieces(owner: Owner) -> None:
    payload = f"/\0echo {'x' * 70_000}\0PATH=/bin:/usr/bin".encode()
    data = b"R" + len(payload).to_bytes(4, "big") + payload
    for start in range(0, len(data), 999):
        owner.inp.write(data[start : start + 999])
        owner.inp.flush()
    assert len(printed(owner.until(b"X"), b"O")) == 70_001


@pytest.mark.parametrize("nonsense", [b"Z\0\0\0\0", b"R\xff\xff\xff\xff", b"R\0\0\0\1x", b"garbage garbage"])
def test_nonsense_ends_it(nonsense: bytes) -> None:
    owner = Owner()
    owner.inp.write(nonsense)
    owner.inp.flush()
    owner.process.wait(30)
    owner.close()


def test_a_second_command_at_once_ends_it(owner: Owner, mark: str) -> None:
    """The owner is out of step: rather nothing runs than the wrong thing."""
    owner.run(f"sleep {mark}")
    owner.run("echo second")
    owner.process.wait(30)
    assert not living(mark)


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_kills_first(owner: Owner, mark: str, number: signal.Signals) -> None:
    owner.run(f"setsid sleep {mark} & sleep {mark}")
    wait_until(lambda: len(living(mark)) >= 2)
    owner.process.send_signal(number)
    owner.process.wait(30)
    assert not living(mark)


def test_interrupts_do_not_reach_it(owner: Owner) -> None:
    owner.until(b"H")
    owner.process.send_signal(signal.SIGINT)
    owner.run("echo fine")
    assert printed(owner.until(b"X"), b"O") == b"fine\n"


def waiting(owner: Owner) -> list[int]:
    """The children of a supervisor at rest: the one that waits for a command, if it is there."""
    return [pid for pid, row in supervisor.proc_table().items() if row[0] == owner.process.pid and row[2] != "Z"]


def begun(frames: list[tuple[bytes, bytes]]) -> int:
    """The shell's pid, as it was told."""
    return int(printed(frames, b"B"))


@linux
def test_a_child_waits_before_there_is_a_command(owner: Owner) -> None:
    """Again and again the next command's shell is there already; it is not counted as left running."""
    owner.until(b"H")
    for _ in range(3):
        wait_until(lambda: waiting(owner))
        (spare,) = waiting(owner)
        owner.run("echo $$")
        frames = owner.until(b"X")
        assert begun(frames) == int(printed(frames, b"O")) == spare
        assert frames[-1][1] == b"0 0 0"


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_killed_child_is_replaced_by_another(owner: Owner, number: signal.Signals) -> None:
    """And what it is sent does not reach the supervisor."""
    owner.until(b"H")
    wait_until(lambda: waiting(owner))
    (spare,) = waiting(owner)
    time.sleep(0.1)  # it sets its own signals at once, and not before it is seen here
    os.kill(spare, number)
    wait_until(lambda: not waiting(owner))
    owner.run("echo fine")
    frames = owner.until(b"X")
    assert printed(frames, b"O") == b"fine\n"
    assert begun(frames) != spare


@linux
def test_a_kill_leaves_no_waiting_process_before_the_next_command(owner: Owner) -> None:
    """Whoever counts the processes then finds that the kill has left none."""
    owner.until(b"H")
    wait_until(lambda: waiting(owner))
    owner.send(b"K")
    assert owner.until(b"D")[-1] == (b"D", b"0")
    assert waiting(owner) == []
    owner.run("echo fine")
    assert owner.until(b"X")[-1][1] == b"0 0 0"
    wait_until(lambda: waiting(owner))


@linux
@pytest.mark.parametrize("stopped", [False, True])
def test_the_child_that_waits_dies_with_the_supervisor(owner: Owner, stopped: bool) -> None:
    owner.until(b"H")
    wait_until(lambda: waiting(owner))
    (spare,) = waiting(owner)
    if stopped:
        os.kill(spare, signal.SIGSTOP)
    owner.process.kill()
    assert owner.out.read() == b""
    wait_until(lambda: spare not in supervisor.proc_table() or supervisor.proc_table()[spare][2] == "Z")


@linux
def test_a_stopped_child_can_be_killed(owner: Owner) -> None:
    """Its command hangs, as one does that stops itself, and the supervisor does not."""
    owner.until(b"H")
    wait_until(lambda: waiting(owner))
    os.kill(*waiting(owner), signal.SIGSTOP)
    owner.run("echo never")
    owner.send(b"K")
    assert owner.until(b"D")[-2:] == [(b"X", b"-9 0 1"), (b"D", b"0")]
    owner.run("echo fine")
    assert printed(owner.until(b"X"), b"O") == b"fine\n"


FEW = f"""
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("supervisor", {supervisor.__file__!r})
supervisor = importlib.util.module_from_spec(spec)
spec.loader.exec_module(supervisor)
fork = os.fork
def fork_sometimes():
    if os.path.exists(sys.argv[1]):
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return fork()
os.fork = fork_sometimes
try:
    supervisor.Supervisor().serve()
except supervisor.GoneError:
    pass
"""


def test_no_more_processes_are_told_when_a_command_needs_one(tmp_path: Path) -> None:
    """Not when one is made in advance: with the command it is tried again."""
    full = tmp_path / "full"
    full.touch()
    owner = Owner(str(full), code=FEW)
    owner.until(b"H")
    time.sleep(0.1)
    full.unlink()
    owner.run("echo one; sleep 0.2")
    owner.until(b"O")
    full.touch()
    assert owner.until(b"X")[-1][1] == b"0 0 0"
    time.sleep(0.1)
    owner.run("echo two")
    assert b"temporarily unavailable" in owner.until(b"F")[-1][1]
    full.unlink()
    owner.run("echo three")
    assert printed(owner.until(b"X"), b"O") == b"three\n"
    owner.close()


def test_output_is_passed_on_before_the_command_ends(owner: Owner) -> None:
    """However little it is; only for a moment it waits for more."""
    owner.run("echo one; read -r line < /dev/zero; echo two")
    assert printed(owner.until(b"O"), b"O") == b"one\n"
    owner.send(b"K")
    owner.until(b"D")


BRED = "(setsid sh -c 'trap \"\" TERM INT HUP; sleep {0} & sleep {0}' &); env -i setsid sleep {0} & sleep {0}"


@linux
def test_closing_its_pipe_kills_everything(owner: Owner, mark: str) -> None:
    owner.run(BRED.format(mark))
    wait_until(lambda: len(living(mark)) >= 5)
    assert owner.close() == 0
    assert not living(mark)


OWNER = """
import os, sys, time
from pathlib import Path
from conjure_magic.cancel import Cancel
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.workspace import Folders
folder = Path(sys.argv[1])
executor = LocalExecutor(Folders(folder, folder), environ={**os.environ, "TMPDIR": sys.argv[1]})
def run(command):
    for chunk in executor.run(command, timeout=3600, cancel=Cancel()):
        print(chunk.text, flush=True)
if sys.argv[3] == "forked":
    run("true")
    if os.fork() == 0:
        time.sleep(float(sys.argv[4]))
run(sys.argv[2])
"""


@linux
@pytest.mark.parametrize("kind", ["plain", "forked", "group"])
def test_everything_dies_with_an_owner_killed_hard(tmp_path: Path, mark: str, kind: str) -> None:
    """Also while a forked copy of the owner (a worker pool's) still holds the supervisor's pipe open.

    And also where the owner's whole process group is killed, as Jupyter does it.
    """
    private = tmp_path / "tmp"
    private.mkdir()
    nap = marker()
    command = BRED.format(mark)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), command, kind, nap],
        env={**os.environ, "TMPDIR": str(private)},
        start_new_session=True,
    )
    try:
        wait_until(lambda: len(living(mark)) >= 6)  # five sleepers and the shells, the owner itself among them
        assert list(private.iterdir()) != []
        os.kill(-owner.pid if kind == "group" else owner.pid, signal.SIGKILL)
        owner.wait()
        wait_until(lambda: not [pid for pid in living(mark) if not is_copy(pid, nap)])
        wait_until(lambda: list(private.iterdir()) == [])
    finally:
        end_all(nap)
        end_all(mark)


def is_copy(pid: int, nap: str) -> bool:
    """True for the forked copy of the owner, which carries the owner's command line."""
    try:
        return nap.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


GROUPS = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("supervisor", {supervisor.__file__!r})
supervisor = importlib.util.module_from_spec(spec)
spec.loader.exec_module(supervisor)
supervisor.become_subreaper = lambda: False
supervisor.proc_table = supervisor.ps_table
del supervisor.os.pidfd_open
try:
    supervisor.Supervisor(int(sys.argv[1])).serve()
except supervisor.GoneError:
    pass
"""


@pytest.fixture
def weak() -> Iterator[Owner]:
    """A supervisor as on a system without /proc, subreapers and pidfds."""
    if not os.access("/bin/ps", os.X_OK):
        pytest.skip("needs /bin/ps")
    owner = Owner(str(os.getpid()), code=GROUPS)
    yield owner
    owner.close()


@linux
def test_without_a_subreaper_groups_and_descendants_die(weak: Owner, mark: str) -> None:
    """A session of its own is found below the shell, an orphan in the shell's group."""
    weak.run(f"setsid sleep {mark} & (sleep {mark} &); sleep {mark}")
    wait_until(lambda: len(living(mark)) >= 3)
    weak.send(b"K")
    assert weak.until(b"D")[-2:] == [(b"X", b"-9 0 1"), (b"D", b"0")]
    assert not living(mark)


@linux
def test_without_a_subreaper_what_is_left_is_counted_and_dies_at_the_end(weak: Owner, mark: str) -> None:
    weak.run(f"sleep {mark} & echo started")
    frames = weak.until(b"X")
    assert frames[0] == (b"H", b"1 groups")
    assert frames[-1][1] == b"0 1 0"
    weak.run("true")
    assert weak.until(b"X")[-1][1] == b"0 0 0"
    weak.close()
    assert not living(mark)


@linux
def test_both_tables_tell_the_same() -> None:
    if not os.access("/bin/ps", os.X_OK):
        pytest.skip("needs /bin/ps")
    one, two = supervisor.proc_table(), supervisor.ps_table()
    assert one[os.getpid()][:2] == two[os.getpid()][:2] == (os.getppid(), os.getpgrp())


def test_a_group_is_killed_as_one(mark: str) -> None:
    """One that is listed takes with it those that were forked since."""
    leader = subprocess.Popen(["sh", "-c", f"sleep {mark} & sleep {mark} & wait"], start_new_session=True)
    wait_until(lambda: len(living(mark)) == 3)
    supervisor.kill({leader.pid: (os.getpid(), leader.pid, "S", 0)})
    leader.wait()
    wait_until(lambda: not living(mark))


def test_descendants_come_parents_first() -> None:
    """A shell must die before the child that it waits for."""
    table = {9: (5, 9, "S", 0), 5: (3, 5, "S", 0), 3: (1, 3, "S", 0), 4: (1, 4, "S", 0), 7: (1, 70, "S", 0)}
    assert list(supervisor.below(1, {**table, 1: (0, 1, "S", 0)}))[-1] == 9
    assert list(supervisor.below(3, table)) == [5, 9]
    assert list(supervisor.below(3, table, frozenset({70}))) == [7, 5, 9]
