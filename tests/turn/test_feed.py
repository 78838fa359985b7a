"""The feed: who is told what, in which order, from which thread; and what a subscriber cannot break."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedModel
from scene import Scene

from conjure_magic.errors import CancelledError
from conjure_magic.events import Event, Notice
from conjure_magic.turn.feed import Feed, Subscriber
from conjure_magic.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path, tmp_path, in_place=False)


def feed(*subscribers: Subscriber) -> Feed:
    return Feed("main", 1, list(subscribers))


def text(event: Event) -> str:
    assert isinstance(event.body, Notice)
    return event.body.text


def test_a_subscriber_may_wait_for_a_thread_that_emits() -> None:
    seen: list[str] = []

    def waits(event: Event) -> None:
        seen.append(text(event))
        if seen == ["first"]:
            other = threading.Thread(target=lambda: it.emit(Notice("from the other thread")), daemon=True)
            other.start()
            other.join(20)
            assert not other.is_alive()

    it = feed(waits)
    it.emit(Notice("first"))
    assert seen == ["first", "from the other thread"]
    assert [text(event) for event in it.drain()] == seen


def test_what_a_subscriber_emits_reaches_every_subscriber_in_order() -> None:
    seen: dict[str, list[int]] = {"answers": [], "listens": []}

    def answers(event: Event) -> None:
        seen["answers"].append(event.seq)
        if event.seq == 0:
            it.emit(Notice("an answer"))

    it = feed(answers, lambda event: seen["listens"].append(event.seq))
    it.emit(Notice("a question"))
    assert seen == {"answers": [0, 1], "listens": [0, 1]}


def test_events_of_many_threads_arrive_once_each_and_in_order() -> None:
    seen: list[int] = []
    it = feed(lambda event: seen.append(event.seq))
    threads = [threading.Thread(target=lambda: [it.emit(Notice("x")) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == list(range(1600))
    assert [event.seq for event in it.drain()] == seen


def test_drain_waits_for_subscribers_that_another_thread_is_telling() -> None:
    seen, begun, go_on = [], threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        begun.set()
        go_on.wait(20)
        seen.append(event.seq)

    it = feed(slow)
    other = threading.Thread(target=lambda: it.emit(Notice("x")), daemon=True)
    other.start()
    assert begun.wait(20)
    threading.Timer(0.05, go_on.set).start()
    assert [event.seq for event in it.drain()] == seen == [0]
    other.join(20)


def test_an_interrupt_in_a_subscriber_passes_and_what_was_left_is_delivered_next() -> None:
    seen: list[int] = []

    def interrupted(event: Event) -> None:
        if event.seq == 0:
            it.emit(Notice("waits"))
            raise KeyboardInterrupt

    it = feed(interrupted, lambda event: seen.append(event.seq))
    with pytest.raises(KeyboardInterrupt):
        it.emit(Notice("x"))
    it.emit(Notice("after"))
    assert seen == [1, 2]


@pytest.mark.parametrize(
    "fault",
    [
        lambda: SystemExit(1),
        lambda: asyncio.CancelledError(),
        lambda: CancelledError("stopped"),
        lambda: GeneratorExit(),
        lambda: RuntimeError("its own"),
    ],
)
def test_a_subscriber_that_raises_ends_no_turn(
    fault: Callable[[], BaseException], workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise fault()

    scene = Scene(workspace, ScriptedModel(["All is well."]), subscribers=[broken, seen.append])
    result = scene.run()
    assert (result.text, result.stop_reason) == ("All is well.", "end_turn")
    assert seen == scene.yielded
    assert "a subscriber failed" in caplog.text
