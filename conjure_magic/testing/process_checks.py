"""Checks of a command's processes: killed, left in the background, closed."""

from __future__ import annotations

import contextlib
import threading

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError
from conjure_magic.testing.executor_fixture import DEADLINE, Place, marker, raises, wait_until


class KillChecks:
    """Timeouts and stops: afterwards no process is left, and the output is kept."""

    def killed(self, place: Place, command: str) -> None:
        """Run `command`, which starts `sleep MARK` and keeps running, until it is stopped; no process may survive."""
        mark = marker()
        result = place.run(f"echo before; {command.replace('MARK', mark)}", timeout=0.7)
        assert (result.ended, result.exit_code) == ("timeout", 137)
        assert result.stdout.startswith("before\n")
        assert not place.is_running(mark)

    def test_plain_command(self, place: Place) -> None:
        self.killed(place, "sleep MARK")

    def test_command_deaf_to_signals(self, place: Place) -> None:
        self.killed(place, "trap '' TERM INT HUP; (trap '' TERM INT HUP; sleep MARK) & sleep MARK; sleep MARK")

    def test_session_of_its_own(self, place: Place) -> None:
        self.killed(place, "setsid sleep MARK & sleep MARK")

    def test_double_fork(self, place: Place) -> None:
        self.killed(place, "(setsid sh -c 'sleep MARK & sleep MARK' &) ; sleep MARK")

    def test_empty_environment(self, place: Place) -> None:
        self.killed(place, "env -i setsid sleep MARK & sleep MARK")

    def test_daemon_in_python(self, place: Place) -> None:
        """The textbook double fork, pipes closed, another folder."""
        code = "import os; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); os.chdir('/')"
        run = "[os.close(fd) for fd in (0, 1, 2)]; os.execvp('sleep', ['sleep', 'MARK'])"
        self.killed(place, f'python -c "{code}; {run}"; sleep MARK')

    def test_process_that_forks_on_and_on(self, place: Place) -> None:
        """Its process id changes faster than any list of processes is read."""
        self.killed(place, "python -c 'import os\nwhile True:\n  if os.fork(): os._exit(0)' sleep MARK; sleep MARK")

    def test_crowd(self, place: Place) -> None:
        self.killed(place, "for i in $(seq 150); do sleep MARK & done; sleep MARK")

    def test_stopped_process(self, place: Place) -> None:
        self.killed(place, "sleep MARK & kill -STOP $!; sleep MARK")

    def test_next_command_of_a_script_does_not_run(self, place: Place) -> None:
        """The shell must not outlive its child."""
        for number in range(10):
            place.run(f"setsid -w sleep {marker()}; touch after-{number}", timeout=0.1)
        assert list(place.workspace.glob("after-*")) == []

    def test_place_is_usable_afterwards(self, place: Place) -> None:
        place.run(f"sleep {marker()}", timeout=0.1)
        assert place.text("echo fine") == "fine\n"

    def test_flood_is_stopped(self, place: Place) -> None:
        result = place.run("yes", timeout=0.5)
        assert result.ended == "timeout"
        assert result.total_bytes > 100_000
        assert place.text("echo fine") == "fine\n"

    def test_command_that_is_quick_enough(self, place: Place) -> None:
        assert place.run("sleep 0.1", timeout=DEADLINE).ended == "exited"

    def test_cancel_before_the_start(self, place: Place) -> None:
        cancel = Cancel()
        cancel.set()
        assert place.run("touch ran", cancel=cancel).ended == "cancelled"
        assert not (place.workspace / "ran").exists()

    def test_cancel_in_mid_run(self, place: Place) -> None:
        """Set from the reader's own thread, when output arrives."""
        mark, cancel = marker(), Cancel()
        result = place.run(
            f"echo seen; (setsid sleep {mark} &); sleep {mark}", cancel=cancel, seen=lambda _: cancel.set()
        )
        assert (result.ended, result.output) == ("cancelled", "seen\n")
        assert not place.is_running(mark)

    def test_cancel_from_another_thread_wakes_a_silent_command(self, place: Place) -> None:
        assert place.run(f"sleep {marker()}", cancel=place.stop_after(0.1)).ended == "cancelled"

    def test_cancel_during_a_flood(self, place: Place) -> None:
        place.text("true")  # the place itself may have to come up first
        result = place.run("yes", cancel=place.stop_after(0.3))
        assert result.ended == "cancelled"
        assert result.output.startswith("y\ny\n")

    def test_cancel_at_any_moment(self, place: Place) -> None:
        """Whenever it is set, the result is complete, no process survives, and the executor still works."""
        mark = marker()
        for moment in range(25):
            command = f"echo a; (setsid sleep {mark} &); echo b; sleep 0.01; seq 2000; sleep {mark}"
            result = place.run(command, cancel=place.stop_after(moment * 0.0025))
            assert (result.ended, result.exit_code) == ("cancelled", 137)
            assert not place.is_running(mark)

    def test_cancel_as_the_command_ends(self, place: Place) -> None:
        """Either may happen first, but the result is consistent."""
        for _ in range(25):
            result = place.run("sleep 0.02", cancel=place.stop_after(0.02))
            assert (result.ended, result.exit_code) in {("exited", 0), ("cancelled", 137)}

    def test_closing_the_generator_kills(self, place: Place) -> None:
        mark = marker()
        running = place.executor.run(
            f"echo go; (setsid sleep {mark} &); sleep {mark}", timeout=DEADLINE, cancel=Cancel()
        )
        next(running)
        running.close()
        assert not place.is_running(mark)

    def test_error_of_the_reader_kills(self, place: Place) -> None:
        mark = marker()
        with contextlib.suppress(ZeroDivisionError):
            place.run(f"echo go; (setsid sleep {mark} &); sleep {mark}", seen=lambda _: 1 / 0)
        assert not place.is_running(mark)


class BackgroundChecks:
    """Background processes of a command that ends by itself."""

    def test_lives_on_and_is_counted(self, place: Place) -> None:
        mark = marker()
        result = place.run(f"sleep {mark} & setsid sleep {mark} & echo started")
        assert (result.output, result.ended, result.left_running) == ("started\n", "exited", 2)
        assert place.is_running(mark)

    def test_is_counted_once(self, place: Place) -> None:
        place.run(f"sleep {marker()} &")
        assert place.run("true").left_running == 0

    def test_does_not_hold_the_command_by_its_pipes(self, place: Place) -> None:
        """It keeps the command's stdout and stderr open; the result is returned anyway."""
        mark = marker()
        result = place.run(f"(trap '' HUP TERM; sleep {mark}) & echo done", timeout=DEADLINE)
        assert (result.output, result.ended) == ("done\n", "exited")

    def test_late_output_goes_nowhere(self, place: Place) -> None:
        """It neither appears in the next command's output nor blocks or kills the process that prints it."""
        place.run("(while [ ! -e go ]; do sleep 0.02; done; seq 1 100000 && touch printed) & echo started")
        place.executor.write("go", b"")
        wait_until((place.workspace / "printed").exists)
        assert place.text("echo mine") == "mine\n"

    def test_noisy_one_does_not_hold_the_command(self, place: Place) -> None:
        assert place.run("yes & echo started").ended == "exited"

    def test_output_of_a_substituted_process_is_kept(self, place: Place) -> None:
        """bash does not wait for it; what it prints immediately is still included."""
        if place.run('test -n "$BASH_VERSION"').exit_code == 0:
            assert place.text("echo hi > >(sed s/hi/ho/)") == "ho\n"

    def test_dies_with_a_later_timeout(self, place: Place) -> None:
        """It is no longer known which process belongs to which command, so all are killed."""
        mark = marker()
        place.run(f"setsid sleep {mark} &")
        place.run(f"sleep {marker()}", timeout=0.2)
        assert not place.is_running(mark)

    def test_nothing_is_left_of_a_plain_command(self, place: Place) -> None:
        assert place.run("sleep 0.05 & wait; ls | cat").left_running == 0


class LifeChecks:
    """One command at a time, and closing the executor."""

    def test_second_command_at_once_is_refused(self, place: Place) -> None:
        running = place.executor.run("echo go; sleep 0.3; echo end", timeout=DEADLINE, cancel=Cancel())
        with contextlib.closing(running):
            next(running)
            with raises(BackendError, "still running"):
                place.run("echo me too")
            assert "end" in "".join(chunk.text for chunk in running)

    def test_close_twice(self, place: Place) -> None:
        place.text("true")
        place.executor.close()
        place.executor.close()

    def test_close_before_any_command(self, place: Place) -> None:
        place.executor.close()

    def test_closed_is_closed(self, place: Place) -> None:
        place.executor.close()
        with raises(BackendError, "closed"):
            place.run("true")

    def test_close_in_mid_run(self, place: Place) -> None:
        """From another thread: the command is killed, and its reader gets an error or the result."""
        timer = threading.Timer(0.2, place.executor.close)
        timer.start()
        with contextlib.suppress(BackendError):
            assert place.run(f"sleep {marker()}").ended != "exited"
        timer.join()

    def test_many_commands(self, place: Place) -> None:
        """They leave no descriptors, processes or threads behind."""
        assert [place.text(f"echo {n}") for n in range(100)] == [f"{n}\n" for n in range(100)]
        assert threading.active_count() < 20
