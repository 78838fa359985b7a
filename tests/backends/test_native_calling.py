"""Stopping a person's Python: where it can be stopped it is, where it cannot the person is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fakes import ScriptedModel, check_history, use

from conjure_magic import Session, TurnResult, skill
from conjure_magic.backends.native import SkillContext
from conjure_magic.backends.native.calling import Caller
from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError
from conjure_magic.events import Noted
from conjure_magic.user_code import running_on

HANG = 60
"""Seconds that no test here would take unless something hangs."""


pytestmark = pytest.mark.usefixtures("folder")


def a_session(tool: Any) -> Session:
    name = getattr(tool, "__name__", "")
    return Session("native", [tool], ScriptedModel([use("t1", name)], ["Done."]))


def once(started: threading.Event, action: Callable[[], object]) -> None:
    """Do something from another thread as soon as the function runs."""

    def wait() -> None:
        started.wait(HANG)
        time.sleep(0.05)  # into the blocking call
        action()

    threading.Thread(target=wait, daemon=True).start()


def result_of(session: Session) -> TurnResult:
    turn = session.turns[-1]
    check_history(session.messages)
    assert not session.is_busy
    return turn


def test_an_interrupt_stops_a_sleeping_function_at_once() -> None:
    started = threading.Event()

    @skill
    def sleeper() -> None:
        started.set()
        time.sleep(HANG)

    with a_session(sleeper) as session:
        once(started, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            session.chat("go")
        turn = result_of(session)
        assert turn.stop_reason == "interrupted"
        assert turn.tool_calls[0].result.status == "interrupted"  # type: ignore[union-attr]


@pytest.mark.parametrize("reason", ["timeout", "stopped"])
def test_a_timeout_and_stop_reach_a_function_in_the_main_thread(reason: str) -> None:
    started = threading.Event()

    @skill
    def busy() -> None:
        started.set()
        while True:
            pass

    with a_session(busy) as session:
        limits = session.limits(**({"timeout": 0.3} if reason == "timeout" else {}))
        if reason == "stopped":
            once(started, session.stop)
        session.chat("go", limits=limits)
        turn = result_of(session)
        assert turn.stop_reason == reason
        assert turn.tool_calls[0].result.status == reason  # type: ignore[union-attr]


def test_a_function_that_swallows_the_interrupt_ends_when_it_returns_and_a_notice_says_so() -> None:
    started, release = threading.Event(), threading.Event()

    @skill
    def stubborn() -> str:
        started.set()
        while not release.is_set():
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(0.01)
        return "finally"

    with a_session(stubborn) as session:
        session.subscribe(lambda event: release.set() if "cannot be stopped" in repr(event.body) else None)
        once(started, session.stop)
        session.chat("go")
        turn = result_of(session)
        assert turn.stop_reason == "stopped"
        assert turn.tool_calls[0].result.text == "finally"  # type: ignore[union-attr]
        assert Noted(running_on("stubborn"), "warning") in turn.items


def test_off_the_main_thread_the_next_chance_is_the_context() -> None:
    """A panel's turn: no signal reaches it; `progress` and `log` are where it stops, and the person is told so."""
    started, told = threading.Event(), threading.Event()

    @skill
    def loop(context: SkillContext) -> None:
        started.set()
        assert told.wait(HANG)
        while True:
            context.progress(1)

    with a_session(loop) as session:
        session.subscribe(lambda event: told.set() if "cannot be stopped" in repr(event.body) else None)
        once(started, session.stop)
        thread = threading.Thread(target=session.chat, args=("go",), daemon=True)
        thread.start()
        thread.join(HANG)
        assert not thread.is_alive()
        assert result_of(session).stop_reason == "stopped"


def test_async_functions_run_on_a_loop_in_a_helper_thread() -> None:
    """Also when a loop runs in this thread already, as in a cell."""

    @skill
    async def where() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    async def as_in_a_cell() -> TurnResult:
        with a_session(where) as session:
            return session.chat("go")

    turn = asyncio.run(as_in_a_cell())
    assert turn.tool_calls[0].result.text == "conjure-native"  # type: ignore[union-attr]


def test_an_async_generator_runs_there_too_and_comes_as_a_list() -> None:
    @skill
    async def letters() -> AsyncIterator[str]:
        for letter in "ab":
            await asyncio.sleep(0)
            yield letter

    with a_session(letters) as session:
        text = session.chat("go").tool_calls[0].result.text  # type: ignore[union-attr]
    assert json.loads(text) == ["a", "b"]


def test_a_generator_without_end_stops_when_the_turn_does() -> None:
    started = threading.Event()

    @skill
    def forever() -> Iterator[None]:
        while True:
            started.set()
            time.sleep(0.001)
            yield None

    with a_session(forever) as session:
        once(started, session.stop)
        assert session.chat("go").stop_reason == "stopped"
        result_of(session)


@pytest.mark.parametrize("how", ["interrupted", "stopped"])
def test_an_async_function_is_cancelled_with_its_cleanup(how: str) -> None:
    started, cleaned = threading.Event(), threading.Event()

    @skill
    async def sleeper() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    with a_session(sleeper) as session:
        once(started, session.stop if how == "stopped" else lambda: os.kill(os.getpid(), signal.SIGINT))
        if how == "interrupted":
            with pytest.raises(KeyboardInterrupt):
                session.chat("go")
        else:
            session.chat("go")
        assert cleaned.wait(HANG), "before anything is closed"
        assert result_of(session).stop_reason == how


def test_a_blocked_loop_is_left_behind_and_the_next_call_gets_a_new_one() -> None:
    caller, cancel, started, release = Caller(), Cancel(), threading.Event(), threading.Event()
    told: list[str] = []

    async def blocks() -> None:
        started.set()
        release.wait(HANG)

    async def quick() -> str:
        return "quick"

    once(started, cancel.set)
    with pytest.raises(CancelledError):
        caller.call(blocks, cancel, told.append, "blocks")
    assert told == [running_on("blocks")]
    assert caller.call(quick, Cancel(), told.append, "quick") == "quick"
    release.set()
    caller.close()
    caller.close()


def test_a_coroutine_that_cancels_itself_is_an_error_of_its_own() -> None:
    @skill
    async def odd() -> None:
        raise asyncio.CancelledError

    with a_session(odd) as session:
        result = session.chat("go").tool_calls[0].result
        assert result is not None
        assert result.text == "RuntimeError: odd was cancelled by its own code"


def test_no_thread_or_loop_stays_after_closing() -> None:
    @skill
    async def forever() -> str:
        asyncio.get_running_loop().create_task(asyncio.sleep(HANG))
        return "ok"

    before = set(threading.enumerate())
    with a_session(forever) as session:
        session.chat("go")
    end = time.monotonic() + HANG
    while set(threading.enumerate()) - before and time.monotonic() < end:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before
