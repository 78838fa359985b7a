"""Stopping: one signal that wakes whatever waits, deadlines that stand still, and guarded interrupts."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from conjure_magic.cancel import PATIENCE, Cancel, Deadline, interrupt_guard, interruptible
from conjure_magic.errors import CancelledError

LONG = 60.0


def interrupt() -> None:
    """SIGINT to this process, and a few steps for Python to run its handler."""
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass


@pytest.fixture(autouse=True)
def _same_handlers() -> Iterator[None]:
    """Every test leaves the signal's handler and the wake-up descriptor as they were."""
    handler = signal.getsignal(signal.SIGINT)
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    yield
    now = signal.set_wakeup_fd(wakeup)
    assert signal.getsignal(signal.SIGINT) is handler
    assert now == wakeup


# ---- Cancel


def test_the_first_reason_stays() -> None:
    cancel = Cancel()
    assert (cancel.is_set, cancel.reason, repr(cancel)) == (False, None, "Cancel(not set)")
    cancel.raise_if_set()
    cancel.set("timeout")
    cancel.set("interrupted")
    assert (cancel.is_set, cancel.reason, repr(cancel)) == (True, "timeout", "Cancel(timeout)")
    with pytest.raises(CancelledError) as raised:
        cancel.raise_if_set()
    assert raised.value.reason == "timeout"


def test_wakers_are_called_once() -> None:
    cancel, calls = Cancel(), []
    with cancel.waking(lambda: calls.append(1)), cancel.waking(lambda: calls.append(2)):
        cancel.set()
        cancel.set()
    cancel.set()
    assert sorted(calls) == [1, 2]


def test_a_waker_that_comes_late_is_called_at_once() -> None:
    cancel, calls = Cancel(), []
    cancel.set()
    with cancel.waking(lambda: calls.append(1)):
        assert calls == [1]


def test_a_waker_whose_block_is_over_is_left_alone() -> None:
    cancel, calls = Cancel(), []
    with cancel.waking(lambda: calls.append(1)):
        pass
    cancel.set()
    assert calls == []


def test_a_failing_waker_does_not_stop_the_others() -> None:
    cancel, calls = Cancel(), []
    with cancel.waking(lambda: calls.append(1)), cancel.waking(lambda: calls.append(1 // 0)):
        cancel.set()
    assert calls == [1]


def test_waiting_ends_with_the_signal_or_the_time() -> None:
    cancel = Cancel()
    assert cancel.wait(0.01) is False
    assert cancel.wait(-1) is False
    threading.Timer(0.02, cancel.set).start()
    assert cancel.wait(LONG) is True
    assert cancel.wait() is True


def test_many_threads_wake() -> None:
    cancel, woken = Cancel(), []
    threads = [threading.Thread(target=lambda: woken.append(cancel.wait(LONG))) for _ in range(20)]
    for thread in threads:
        thread.start()
    cancel.set()
    for thread in threads:
        thread.join(LONG)
    assert woken == [True] * 20


def test_setting_and_registering_at_once_never_loses_a_waker() -> None:
    """Either the setter sees the waker, or the waker sees that it is set."""
    for _ in range(300):
        cancel, calls = Cancel(), []
        setter = threading.Thread(target=cancel.set)
        setter.start()
        with cancel.waking(lambda calls=calls: calls.append(1)):  # type: ignore[misc]
            setter.join()
        assert calls == [1]


# ---- Deadline


def test_a_deadline_stops_the_turn() -> None:
    cancel = Cancel()
    Deadline(cancel, 0.02).start()
    assert cancel.wait(LONG)
    assert cancel.reason == "timeout"


@pytest.mark.parametrize("seconds", [None, 0, -1.0])
def test_without_a_time_there_is_no_deadline(seconds: float | None) -> None:
    cancel = Cancel()
    deadline = Deadline(cancel, seconds)
    deadline.start()
    with deadline.paused():
        pass
    assert cancel.wait(0.05) is False
    deadline.stop()
    assert not cancel.is_set


def test_a_stopped_deadline_does_not_strike() -> None:
    cancel = Cancel()
    deadline = Deadline(cancel, 0.05)
    deadline.start()
    deadline.stop()
    assert cancel.wait(0.15) is False


def test_waiting_for_a_person_does_not_count() -> None:
    """What is left runs on afterwards."""
    cancel = Cancel()
    deadline = Deadline(cancel, 0.1)
    deadline.start()
    with deadline.paused():
        assert cancel.wait(0.3) is False
    assert cancel.wait(LONG)


def test_what_was_used_up_stays_used_up() -> None:
    """Each time it runs for much less than it has; all together they are more."""
    cancel = Cancel()
    deadline = Deadline(cancel, 0.3)
    for _ in range(100):
        deadline.start()
        cancel.wait(0.02)
        deadline.stop()
        deadline.stop()
        if cancel.is_set:
            break
    assert cancel.reason == "timeout"


def test_pausing_what_does_not_run_starts_nothing() -> None:
    cancel = Cancel()
    deadline = Deadline(cancel, 0.01)
    with deadline.paused():
        pass
    assert cancel.wait(0.1) is False


# ---- the guard


def test_under_the_guard_an_interrupt_sets_and_does_not_raise() -> None:
    cancel = Cancel()
    with interrupt_guard(cancel):
        interrupt()
        assert cancel.wait(LONG)
    assert cancel.reason == "interrupted"


def test_patience_ends() -> None:
    """Whoever presses on is let through, so that a turn that hangs can be left."""
    pressed: list[int] = []
    with pytest.raises(KeyboardInterrupt), interrupt_guard(Cancel()):
        press_on(pressed)
    assert len(pressed) == 2 + PATIENCE


def press_on(pressed: list[int]) -> None:
    for number in range(20):
        pressed.append(number)
        interrupt()


def test_an_interrupt_that_does_not_end_the_wait_is_heard() -> None:
    """As one that comes just before it: Python has noted it and would run the handler when the wait is over.

    Here it is delivered to another thread, which leaves this one asleep in the same way.
    """
    cancel = Cancel()
    reader, writer = socket.socketpair()

    def elsewhere() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    with reader, writer, interrupt_guard(cancel), cancel.waking(lambda: writer.close()):
        threading.Thread(target=elsewhere).start()
        assert select.select([reader], [], [], LONG)[0], "it was not woken"
    assert cancel.reason == "interrupted"


def test_guards_nest_and_the_inner_one_wins() -> None:
    outer, inner = Cancel(), Cancel()
    with interrupt_guard(outer):
        with interrupt_guard(inner):
            interrupt()
            assert inner.wait(LONG)
        assert not outer.is_set
        interrupt()
        assert outer.wait(LONG)


def test_other_signals_still_reach_an_event_loop() -> None:
    """asyncio waits for signals at the wake-up descriptor, which the guard borrows."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before, handler = signal.set_wakeup_fd(writer.fileno()), signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        cancel = Cancel()
        with interrupt_guard(cancel):
            os.kill(os.getpid(), signal.SIGINT)
            assert cancel.wait(LONG)
            os.kill(os.getpid(), signal.SIGUSR1)
            reader.settimeout(LONG)
            assert reader.recv(16) == bytes([signal.SIGUSR1])
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGUSR1, handler)
        reader.close()
        writer.close()


def test_outside_the_main_thread_the_guard_does_nothing() -> None:
    handler, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interrupt_guard(Cancel()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [handler]


# ---- the window


def test_in_the_window_an_interrupt_raises_at_once() -> None:
    cancel, passed = Cancel(), []
    with interrupt_guard(cancel):
        with pytest.raises(CancelledError), interruptible(cancel):
            passed.append(sleep_long())
        assert cancel.reason == "interrupted"
        interrupt()  # the window is closed: nothing raises
    assert passed == []


def sleep_long() -> int:
    interrupt()
    time.sleep(LONG)
    return 1


def test_a_window_in_a_stopped_turn_does_not_open() -> None:
    cancel, passed = Cancel(), []
    cancel.set("timeout")
    with pytest.raises(CancelledError) as raised, interruptible(cancel):
        passed.append(1)
    assert raised.value.reason == "timeout"
    assert passed == []


def test_a_window_without_a_guard() -> None:
    """A library in a plain script: KeyboardInterrupt comes as Python's own, and leaves as ours."""
    cancel = Cancel()
    with pytest.raises(CancelledError), interruptible(cancel):
        raise KeyboardInterrupt
    assert cancel.reason == "interrupted"


def test_other_errors_pass_through_the_window() -> None:
    cancel = Cancel()
    with pytest.raises(ZeroDivisionError), interrupt_guard(cancel), interruptible(cancel):
        _ = 1 / 0
    assert not cancel.is_set


RANDOM = """
import os, random, signal, sys, threading, time
from conjure_magic.cancel import *
from conjure_magic.errors import CancelledError
random.seed(int(sys.argv[1]))
outcomes = set()
for _ in range(120):
    cancel, ended, cleaned = Cancel(), None, False
    timer = threading.Timer(random.uniform(0, 0.004), os.kill, (os.getpid(), signal.SIGINT))
    with interrupt_guard(cancel):
        timer.start()
        try:
            for _ in range(40):
                cancel.wait(0.0001)
                with interruptible(cancel):
                    time.sleep(0.0001)
            ended = "whole"
        except CancelledError:
            ended = "stopped"
        finally:
            sum(range(2000))
            cleaned = True
        timer.join()
        assert cancel.wait(30), "the interrupt was lost"
    assert cleaned
    outcomes.add(ended)
print(sorted(outcomes))
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_random_interrupts_end_in_order(seed: int) -> None:
    """In a process of its own: no KeyboardInterrupt escapes, no cleanup is cut, none is lost."""
    done = subprocess.run([sys.executable, "-c", RANDOM, str(seed)], capture_output=True, text=True, timeout=120)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "stopped" in done.stdout


# ---- the moments in which a guard comes and goes


def test_an_interrupt_while_the_guard_starts_its_thread_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a closed wake-up descriptor stays, and every later guard raises ValueError."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if thread.name == "conjure-interrupts":
            interrupt()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    cancel = Cancel()
    with interrupt_guard(cancel):
        assert cancel.reason == "interrupted"
    monkeypatch.undo()
    for _ in range(2):
        with interrupt_guard(Cancel()):
            pass


def test_a_thread_that_cannot_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError), interrupt_guard(Cancel()):
        pass
    monkeypatch.undo()
    with interrupt_guard(Cancel()):
        pass


def test_a_wake_up_descriptor_that_was_closed_meanwhile_is_not_put_back() -> None:
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    try:
        with reader, interrupt_guard(Cancel()):
            writer.close()
        with interrupt_guard(Cancel()):
            pass
    finally:
        signal.set_wakeup_fd(before)
