"""What only the executor on the person's own machine does: its environment, its supervisor's life, interrupts."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import end_all, living, wait_until

from conjure_magic.cancel import Cancel, interrupt_guard
from conjure_magic.errors import BackendError, BackendUnavailableError, PathNotAllowedError, ToolError, UsageError
from conjure_magic.executors import command, supervisor
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.testing.executor_fixture import marker
from conjure_magic.testing.executor_suite import Place
from conjure_magic.workspace import Folders

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
MakePlace = Callable[..., Place]


def supervisors() -> list[int]:
    """Those that this process has started."""
    table = supervisor.proc_table()
    return [pid for pid in living(supervisor.__file__) if table.get(pid, (0,))[0] == os.getpid()]


# ---- the environment


def test_only_allowed_names_reach_a_command(make_place: MakePlace) -> None:
    source = {"PATH": os.environ["PATH"], "HOME": "/h", "LC_TIME": "de_DE", "EDITOR": "vi", "DATABASE_URL": "x"}
    names = {line.split("=")[0] for line in make_place(environ=source).text("env").splitlines()}
    assert {"HOME", "LC_TIME", "PATH", "TERM"} <= names
    assert not {"EDITOR", "DATABASE_URL"} & names


def test_a_setting_adds_names_and_patterns(make_place: MakePlace) -> None:
    source = {"PATH": os.environ["PATH"], "EDITOR": "vi", "APP_MODE": "x", "APP_API_KEY": "sk-1", "APP_TOKEN": "t"}
    text = make_place(environ=source, allowed_names=["EDITOR", "APP_*"]).text("env")
    assert "EDITOR=vi\n" in text
    assert "APP_MODE=x\n" in text
    assert "APP_API_KEY" not in text
    assert "APP_TOKEN" not in text


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "ANTHROPIC_BASE_URL", "db_password"])
def test_a_name_that_looks_secret_is_refused_even_when_allowed(make_place: MakePlace, name: str) -> None:
    """Said at once, rather than a command that wonders where its variable is."""
    with pytest.raises(UsageError, match=name):
        make_place(allowed_names=[name])


def test_the_supervisor_itself_holds_no_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command can read its parent's environment."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", place.key)
    text = place.text("cat /proc/$PPID/environ | tr '\\0' '\\n'")
    assert "PATH=" in text
    assert "ANTHROPIC" not in text


def test_a_proxy_password_is_passed_on_and_masked(make_place: MakePlace) -> None:
    source = {"PATH": os.environ["PATH"], "https_proxy": "http://me:pass%20word1@proxy:3128"}
    place = make_place(environ=source)
    assert place.text("echo $https_proxy; echo 'pass word1'") == "http://me:[masked]@proxy:3128\n[masked]\n"
    assert place.text("printf %s $https_proxy | wc -c").strip() == str(len(source["https_proxy"]))


def test_keys_of_ours_are_masked_wherever_they_come_from(make_place: MakePlace, tmp_path: Path) -> None:
    """From the kernel's environment, and from whoever asks for it; in the file of the whole output too."""
    place = make_place(secrets=lambda: ["typed-secret-1"])
    (tmp_path / "input/leak").write_text(f"{place.key} typed-secret-1\n")
    result = place.run('cat "$INPUT_DIR/leak"; seq 20000; cat "$INPUT_DIR/leak" >&2')
    assert result.output_path is not None
    everything = result.output + result.stdout + result.stderr + result.output_path.read_text()
    assert everything.count("[masked] [masked]") >= 4
    assert place.key not in everything
    assert "typed-secret-1" not in everything


def test_python_keeps_its_virtual_environment(place: Place) -> None:
    prefix, paths = place.text("python -c 'import sys; print(sys.prefix); print(sys.path)'").split("\n", 1)
    assert prefix == sys.prefix
    assert next(p for p in sys.path if p.endswith("site-packages")) in paths


def test_scripts_of_the_interpreter_are_found(place: Place) -> None:
    assert place.text("command -v pytest").strip() == str(Path(sys.executable).parent / "pytest")


# ---- the supervisor's life


@linux
def test_nothing_is_started_before_the_first_command(make_place: MakePlace) -> None:
    place = make_place()
    before = supervisors()
    place.executor.write("a", b"")
    assert supervisors() == before
    place.text("true")
    assert len(supervisors()) == len(before) + 1
    place.executor.close()
    assert supervisors() == before


@linux
def test_commands_share_one_supervisor(place: Place) -> None:
    assert len({place.text("echo $PPID") for _ in range(3)}) == 1


@linux
def test_a_killed_supervisor_is_an_error_and_is_replaced(place: Place) -> None:
    """A command can do that; what it had running still dies."""
    mark = marker()
    with pytest.raises(BackendError, match="died"):
        place.run(f"sleep {mark} & kill -9 $PPID; sleep {mark}")
    wait_until(lambda: not living(mark))
    assert place.text("echo back") == "back\n"


@linux
def test_what_an_idle_supervisor_had_dies_when_it_is_replaced(place: Place) -> None:
    mark = marker()
    place.run(f"sleep {mark} &")
    pid = int(place.text("echo $PPID"))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in living(supervisor.__file__))
    assert place.text("echo back") == "back\n"
    assert not living(mark)


@linux
def test_a_supervisor_that_was_left_in_mid_run_is_not_used_again(place: Place) -> None:
    """Where even the cleanup was interrupted, frames of the old command may still be under way."""
    first = place.text("echo $PPID")
    assert isinstance(place.executor, LocalExecutor)
    assert place.executor._channel is not None
    place.executor._channel.idle = False
    assert place.text("echo $PPID") != first


@linux
def test_a_generator_is_closed_when_its_command_is_dead(place: Place) -> None:
    """Not some time later."""
    mark = marker()
    running = place.executor.run(f"echo go; (setsid sleep {mark} &); sleep {mark}", timeout=60, cancel=Cancel())
    next(running)
    wait_until(lambda: len(living(mark)) >= 2)
    running.close()
    assert not living(mark)


def test_a_cancel_wakes_without_any_polling(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LONGEST_WAIT", 3600)
    assert place.run("sleep 3600", timeout=3600, cancel=place.stop_after(0.1)).ended == "cancelled"


@linux
def test_a_stopped_supervisor_does_not_hold_a_kill_up(place: Place) -> None:
    """Deaf, it is ended from outside, with all that it had."""
    mark = marker()
    result = place.run(f"setsid sleep {mark} & kill -STOP $PPID; echo stopped; sleep {mark}", timeout=0.5)
    assert result.ended == "timeout"
    assert not living(mark)
    assert place.text("echo back") == "back\n"


@linux
def test_forged_frames_do_no_harm(place: Place) -> None:
    """A command of the same user may write into the supervisor's pipe: it only fools itself."""
    caught = 0
    for forged in (r"X\0\0\0\005a b c", r"O\377\377\377\377", r"D\0\0\0\001x", "ZZZZZZZZZZ", r"B\0\0\0\001x"):
        code = f"printf '{forged}' > /proc/$PPID/fd/4 2>/dev/null || true; sleep 0.2"
        with contextlib.suppress(BackendError):
            place.run(code)
            continue
        caught += 1
    assert caught >= 3, "the frames did not arrive where they were meant to"
    assert place.text("echo fine") == "fine\n"


@linux
def test_dropping_an_executor_ends_its_commands(tmp_path: Path) -> None:
    """It was not closed: the last reference was enough."""
    mark = marker()
    executor = LocalExecutor(Folders(tmp_path, tmp_path))
    list(executor.run(f"setsid sleep {mark} &", timeout=30, cancel=Cancel()))
    assert living(mark)
    del executor
    gc.collect()
    wait_until(lambda: not living(mark))


@linux
def test_a_forked_copy_does_not_end_its_parents_commands(place: Place) -> None:
    """Worker pools fork, and their copies of an executor are dropped when they end."""
    mark = marker()
    place.run(f"sleep {mark} &")
    code = os.fork()
    if code == 0:
        try:
            place.executor.close()
        finally:
            os._exit(0)
    os.waitpid(code, 0)
    assert living(mark)
    assert place.text("echo mine") == "mine\n"


def test_private_folder_is_removed(make_place: MakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = make_place()
    place.text("true")
    assert list(tmp_path.glob("conjure-bin-*"))
    place.executor.close()
    assert not list(tmp_path.glob("conjure-bin-*"))


def test_no_descriptor_is_left(make_place: MakePlace) -> None:
    def count() -> int:
        return len(os.listdir("/dev/fd"))

    make_place().executor.close()
    before = count()
    for _ in range(5):
        place = make_place()
        place.run("seq 50000", timeout=30)
        place.run("sleep 60", timeout=0.05)
        place.executor.close()
    assert count() == before


def test_windows_is_told_what_it_needs(make_place: MakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(BackendUnavailableError, match="WSL"):
        make_place()


# ---- interrupts

CHILD = """
import os, signal, sys
from pathlib import Path
from conjure_magic.cancel import Cancel, interrupt_guard
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.workspace import Folders
folder = Path(sys.argv[1])
executor = LocalExecutor(Folders(folder, folder))
list(executor.run("sleep " + sys.argv[2] + " &", timeout=60, cancel=Cancel()))
cancel = Cancel()
with interrupt_guard(cancel):
    running = executor.run("trap 'echo got it' INT; echo going; sleep 30; echo not here", timeout=60, cancel=cancel)
    while True:
        try:
            next(running)
            os.killpg(os.getpgrp(), signal.SIGINT)
        except StopIteration as stop:
            print(stop.value.ended, repr(stop.value.output))
            break
print(list(executor.run("echo next", timeout=60, cancel=Cancel())))
"""


@linux
def test_an_interrupt_of_the_kernels_group_reaches_no_command(tmp_path: Path) -> None:
    """Jupyter sends SIGINT to the whole process group; commands are stopped in order, by the cancel."""
    mark = marker()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), mark],
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
    )
    first, second = done.stdout.splitlines()
    assert (first, done.stderr) == (r"cancelled 'going\n'", "")
    assert "next" in second
    end_all(mark)


def test_interrupts_at_any_moment_leave_nothing(place: Place) -> None:
    """Real signals under the guard: the result is whole, nothing lives, the next command works."""
    mark = marker()
    for moment in range(20):
        cancel = Cancel()
        with interrupt_guard(cancel):
            timer = threading.Timer(0.002 * moment, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            result = place.run(f"echo a; (setsid sleep {mark} &); sleep {mark}", cancel=cancel)
            timer.join()
        assert result.ended == "cancelled"
        assert not living(mark)
    assert place.text("echo fine") == "fine\n"


def run_and_wait(place: Place, command: str, timer: threading.Timer) -> None:
    """Never back by itself: the interrupt comes somewhere in here."""
    timer.start()
    place.run(command)


def test_interrupts_without_a_guard_leave_nothing(place: Place) -> None:
    """In a plain script the KeyboardInterrupt lands anywhere; the command is over when it is seen."""
    mark = marker()
    for moment in range(20):
        timer = threading.Timer(0.003 * moment, os.kill, (os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run_and_wait(place, f"echo a; (setsid sleep {mark} &); sleep {mark}", timer)
        gc.collect()
        wait_until(lambda: not living(mark))
    assert place.text("echo fine") == "fine\n"


# ---- files of this machine


def test_skill_folders_are_read_and_not_written(place: Place) -> None:
    skill = place.executor.paths.skills["a-skill"]
    assert place.executor.read(f"{skill}/SKILL.md") == b"# a skill\n"
    with pytest.raises(PathNotAllowedError):
        place.executor.write(f"{skill}/SKILL.md", b"changed")


def test_folders_may_change_between_two_calls(place: Place, tmp_path: Path) -> None:
    """A skill that is reloaded from elsewhere can be read."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "SKILL.md").write_text("# other")
    assert isinstance(place.executor, LocalExecutor)
    place.executor.folders = Folders(place.workspace, place.input, {"other": other})
    assert place.executor.read(str(other / "SKILL.md")) == b"# other"
    assert place.executor.paths.skills == {"other": str(other)}


def test_a_workspace_that_is_gone_is_said(place: Place) -> None:
    place.workspace.rename(place.workspace.with_name("moved"))
    with pytest.raises(ToolError, match="could not be started"):
        place.run("true")


def test_whole_output_has_a_limit(make_place: MakePlace) -> None:
    result = make_place(output_limit=100_000).run("seq 100000")
    assert result.output_path is not None
    text = result.output_path.read_text()
    assert text.startswith("1\n2\n")
    assert text.endswith("\n[output limit reached; the rest was not kept]\n")
    assert len(text) < 100_100
    assert result.output.endswith("100000\n")


def test_a_planted_link_does_not_lead_the_output_file_out(make_place: MakePlace, tmp_path: Path) -> None:
    """Then the whole output is not kept; head and tail are."""
    place = make_place()
    (place.workspace / "command-output").symlink_to(tmp_path / "outside")
    result = place.run("seq 100000")
    assert result.output_path is None
    assert result.output.endswith("100000\n")
    assert os.listdir(tmp_path / "outside") == ["secret.txt"]
