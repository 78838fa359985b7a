"""Sessions whose answers are cut at every byte, and interrupted at every event: the history stays valid.

The stub judges every request; it would refuse a call without its result, thinking that was changed, empty text.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import httpx
import pytest
from fakes import ScriptedBackend, asking, check_history, echo

from conjure_magic.api.client import Answer, Api, Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.approval import approve_all
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ModelError, StreamCutError
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, TextDelta, ThinkingDelta
from conjure_magic.messages import Block
from conjure_magic.models.messages_api import MessagesModel, read_message
from conjure_magic.session import Session
from conjure_magic.testing.stub import Recorded, Reply, StubServer
from conjure_magic.testing.stub.replies import stream
from conjure_magic.testing.stub.rules import RefusedError

OPUS = "claude-opus-5-5"
TURNS = range(20)
LOSSES = (None, httpx.ReadError("reset"), httpx.ReadTimeout("late"))
WORDS = ["ls", "naïve", "☃", "a\u2028b", "c\u0085d", "line\r\nend", "\U0001f600", 'quo"te', "back\\slash"]
NEVER = 1 << 60
STREAM = {"content-type": "text/event-stream"}


pytestmark = pytest.mark.usefixtures("folder")


def script(seed: int) -> list[Reply]:
    """The answers of a turn: several calls at once, then one more, then the end."""
    pick = random.Random(seed)

    def call(name: str) -> dict[str, Any]:
        given = {word: pick.choice([1, None, True, [word], {"in": word}]) for word in pick.sample(WORDS, 1)}
        return {"type": "tool_use", "name": name, "input": given}

    def thinking() -> list[dict[str, Any] | str]:
        return [{"type": "thinking", "thinking": " ".join(pick.choices(WORDS, k=2))}] if pick.random() < 0.7 else []

    said = [" ".join(pick.choices(WORDS, k=3))] if seed % 3 else []
    calls = [call(name) for name in ("echo", "asking", "nothing")[: 2 + seed % 2]]
    answers = [[*thinking(), *said, *calls], [*thinking(), call("echo")], [*thinking(), "Done."]]
    return [Reply(blocks, piece=16 + seed % 9) for blocks in answers]


# ---- cut at every byte


class Judge(StubServer):
    """The stub without its sockets."""

    def answer(self, body: dict[str, Any]) -> bytes:
        """The stream for a request. Raises RefusedError."""
        record = self.requests[-1]
        model = self._check(body, counting=False)
        links = self._memory.check(body)
        reply = self._script.popleft() if self._script else Reply(["Back."])
        return b"".join(stream(self._compose(body, model, links, reply, record), reply))


class Cut(httpx.SyncByteStream):
    """The beginning of an answer, and the loss of its connection."""

    def __init__(self, content: bytes, loss: Exception | None) -> None:
        self._content, self._loss = content, loss

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        if self._loss is not None:
            raise self._loss


class Line:
    """A model whose server is the judge, with one answer cut."""

    def __init__(self) -> None:
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        credentials = Credentials("http://stub.invalid", "x-api-key", Key("sk-test"), "anthropic")
        self.model = MessagesModel(OPUS, credentials, client=client, patience=Patience(retries=0))
        self._api = Api(credentials, client=client)
        self.prepare([])
        self.model.limits(Cancel())

    def prepare(self, replies: list[Reply], answer: int = -1, byte: int = NEVER, loss: Exception | None = None) -> None:
        """Play these, and lose the connection after a number of bytes of one of them."""
        self.judge = Judge(*replies)
        self.sent: list[bytes] = []
        self.refused: list[str] = []
        self._cut = (answer, byte, loss)

    def go_on(self) -> None:
        """Lose no connection any more, and answer all that comes with "Back."."""
        self._cut = (-1, NEVER, None)
        self.judge.forget_script()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404)
        number, byte, loss = self._cut
        body = json.loads(request.content)
        self.judge.requests.append(Recorded(len(self.sent) + 1, "POST", "/v1/messages", {}, body))
        try:
            self.sent.append(self.judge.answer(body))
        except RefusedError as error:
            self.refused.append(str(error))
            return httpx.Response(400, json={"error": {"type": "invalid_request_error", "message": str(error)}})
        whole = len(self.sent) - 1 != number
        content = Cut(self.sent[-1], None) if whole else Cut(self.sent[-1][:byte], loss)
        return httpx.Response(200, headers=STREAM, stream=content)

    def _events(self, answer: Answer) -> Iterator[ModelEvent]:
        last = yield from read_message(answer, self._api)
        yield from last

    def hear(self, content: bytes, loss: Exception | None) -> tuple[tuple[ModelEvent, ...], type[ModelError] | None]:
        """What the model makes of these bytes, once an answer is open."""
        response = httpx.Response(200, headers=STREAM, stream=Cut(content, loss))
        events: list[ModelEvent] = []
        try:
            with Answer(response, self._api.pool.take(), self._api, Cancel()) as answer:
                events.extend(self._events(answer))
        except ModelError as error:
            return tuple(events), type(error)
        return tuple(events), None


def places(line: Line, content: bytes, seed: int) -> Iterator[tuple[int, Exception | None]]:
    """Where to cut an answer in a session: for each different outcome, one of the bytes that lead to it.

    What a session makes of an answer depends on the events and the error alone. Outcomes that differ only in how much
    was said of a block count as one: `make soak` tries every byte.
    """
    whole, none = line.hear(content, None)
    assert none is None
    last = whole[-1]
    assert isinstance(last, MessageFinished)
    stop = b'data: {"type":"message_stop"}\n'
    end = content.index(stop) + len(stop)
    seen = set()
    for number, byte in enumerate(some_bytes(content, seed)):
        loss = LOSSES[(number // 3 + number + seed) % 3]
        events, error = line.hear(content[:byte], loss)
        if byte > end or (loss is None and byte >= told(content)):
            assert (events, error) == (whole, None), "the end of the message counts, not that of the stream"
        else:
            assert error is not None, (byte, content[:byte][-80:])
            assert issubclass(error, StreamCutError), (byte, content[:byte][-80:])
            assert begins(said(whole), said(events))
            assert begins(finished_blocks(whole), finished_blocks(events))
            assert not any(isinstance(event, MessageFinished) for event in events)
        outcome = (repr(finished_blocks(events)), type(events[-1]) if events else None, error)
        if outcome not in seen:
            seen.add(outcome)
            yield byte, loss


def some_bytes(content: bytes, seed: int) -> list[int]:
    """The ends and the middle of each frame, and each twentieth byte: another of them for each of the twenty turns."""
    ends = list(itertools.accumulate((len(frame) + 2 for frame in content.split(b"\n\n")[:-1]), initial=0))
    around = [byte for start, end in itertools.pairwise(ends) for byte in ((start + end) // 2, end - 1, end)]
    return sorted({0, *around, *range(seed, len(content), len(TURNS))})


def told(content: bytes) -> int:
    """Where an answer has said why it ends: a clean end of the connection from there on cuts nothing."""
    return content.index(b"event: message_stop")


def said(events: Iterable[ModelEvent]) -> str:
    """Everything said and thought, marked as one or the other."""
    return "".join(f"{type(e).__name__[:2]}{e.text}" for e in events if isinstance(e, TextDelta | ThinkingDelta))


def finished_blocks(events: Iterable[ModelEvent]) -> list[Block]:
    return [event.block for event in events if isinstance(event, BlockFinished)]


def begins(whole: Sequence[Any], part: Sequence[Any]) -> bool:
    return whole[: len(part)] == part


def check_cut(
    session: Session, line: Line, seed: int, answer: int, byte: int, loss: Exception | None, backend: ScriptedBackend
) -> bool:
    """Cut one answer of the turn, look at what is left, and go on; whether the cut did any harm."""
    session.reset()
    backend.ran.clear()
    line.prepare(script(seed), answer, byte, loss)
    failed = False
    try:
        session.chat("Go.")
    except StreamCutError:
        failed = True
    check_history(session.messages)
    turn = session.turns[-1]
    whole = [call.id for message in turn.messages for call in message.tool_uses]
    assert backend.ran == [id_ for id_ in whole if id_ in backend.ran], "each once, and none of an unfinished message"
    assert len(set(backend.ran)) == len(backend.ran)
    assert len(whole) == len(turn.tool_calls), "a whole message's calls were all run"
    ran = list(backend.ran)
    line.go_on()
    assert session.chat("Go on.").text == "Back."
    assert line.refused == [], "the stub took every history"
    assert backend.ran == ran, "no executed tool runs again"
    return failed


@pytest.fixture
def cutting() -> Iterator[tuple[Session, Line, ScriptedBackend]]:
    line = Line()
    backend = ScriptedBackend(echo=echo, asking=asking)
    with Session(backend, model=line.model, approver=approve_all) as session:
        yield session, line, backend


def answers(session: Session, line: Line, seed: int) -> list[bytes]:
    """The bytes of the turn's answers where nothing is cut."""
    line.prepare(script(seed))
    session.chat("Go.")
    assert len(line.sent) == 3
    return line.sent


@pytest.mark.parametrize("seed", TURNS)
def test_cut_anywhere_in_an_answer_with_several_calls_the_session_continues(
    seed: int, cutting: tuple[Session, Line, ScriptedBackend]
) -> None:
    session, line, backend = cutting
    content = answers(session, line, seed)[0]
    failed = [check_cut(session, line, seed, 0, byte, loss, backend) for byte, loss in places(line, content, seed)]
    assert len(failed) >= 5
    assert failed == [True] * (len(failed) - 1) + [False], "only the last of them is a whole answer"


@pytest.mark.parametrize("seed", TURNS)
def test_cut_in_later_answers_no_executed_tool_runs_again(
    seed: int, cutting: tuple[Session, Line, ScriptedBackend]
) -> None:
    session, line, backend = cutting
    for number, content in enumerate(answers(session, line, seed)[1:], 1):
        for byte, loss in places(line, content, seed):
            is_whole = byte == len(content) or (loss is None and byte >= told(content))
            assert check_cut(session, line, seed, number, byte, loss, backend) != is_whole


@pytest.mark.soak
@pytest.mark.parametrize("seed", TURNS)
def test_cut_at_every_byte_of_every_answer_the_session_continues(
    seed: int, cutting: tuple[Session, Line, ScriptedBackend]
) -> None:
    session, line, backend = cutting
    for number, content in enumerate(answers(session, line, seed)):
        for byte, loss in zip(range(len(content)), itertools.cycle(LOSSES), strict=False):
            check_cut(session, line, seed, number, byte, loss, backend)


# ---- interrupted at every event

WAYS = ("close", "cancel", "raise")
APART = 4
"""Events between two interrupts of a turn in the quick tests; the next turn is interrupted at the ones between."""


@pytest.mark.parametrize("seed", TURNS)
def test_interrupted_at_any_event_each_history_is_accepted(seed: int) -> None:
    check_interrupts(seed, seed % APART + 1, APART)


@pytest.mark.soak
@pytest.mark.parametrize("seed", TURNS)
def test_interrupted_at_every_event_each_history_is_accepted(seed: int) -> None:
    check_interrupts(seed, 1, 1)


def check_interrupts(seed: int, first: int, apart: int) -> None:
    """Over HTTP; each event in one of the ways, and with another turn in the next of them."""
    backend = ScriptedBackend(echo=echo, asking=asking)
    with (
        StubServer() as stub,
        Session(backend, model=model(stub), approver=approve_all) as session,
    ):
        for cut in itertools.count(first, apart):
            session.reset()
            stub.reset()
            backend.ran.clear()
            stub.reply(*script(seed))
            count = interrupted(session, cut, WAYS[(seed + cut) % 3])
            check_history(session.messages)
            turn = session.turns[-1]
            whole = {call.id for message in turn.messages for call in message.tool_uses}
            assert {called.call.id for called in turn.tool_calls} <= whole, "no tool of an unfinished message ran"
            assert set(backend.ran) <= whole
            ran = list(backend.ran)
            stub.reset()
            stub.reply("Back.")
            assert session.chat("Go on.").text == "Back."
            assert [request.error for request in stub.messages] == [""]
            assert backend.ran == ran
            if count < cut:
                break
        assert cut > 30


def interrupted(session: Session, cut: int, way: str) -> int:
    """Run a turn and interrupt it at that event, counted from 1; how many there were."""
    count = 0
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(session.stream("Go.")) as events:
        for count, _ in enumerate(events, 1):
            if count == cut and way == "close":
                break
            if count == cut and way == "raise":
                raise KeyboardInterrupt
            if count == cut:
                session.stop("interrupted")
    return count


def model(stub: StubServer) -> MessagesModel:
    """The model, told that the stub is Anthropic's: caching and thinking included."""
    return MessagesModel(OPUS, Credentials(stub.url, "x-api-key", Key("sk-test"), "anthropic"))
