"""A real llama.cpp server with a small model: what it streams, counts and refuses is what `docs/servers.md` says.

The model is a toy, so nothing here depends on what it answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from fakes import ScriptedBackend, check_history

from conjure_magic.api.credentials import Credentials
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ContextOverflowError
from conjure_magic.events import Compacted, MessageFinished, TextDelta, TurnFinished, TurnResult
from conjure_magic.messages import Message
from conjure_magic.models.base import Request
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.session import Session
from tools import llama_server

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.usefixtures("folder")]

NAME = "gemma"
WINDOW = 2_048
LONG = "Write a very long story about a lighthouse, with many chapters."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        installed = llama_server.install()
    except llama_server.NotInstalledError as error:
        pytest.skip(f"llama.cpp is not available: {error}")
    log = tmp_path_factory.mktemp("llama") / "log"
    options = ("--ctx-size", str(WINDOW), "--parallel", "1", "--threads", "2", "--alias", NAME, "--jinja")
    with llama_server.running(installed, log, *options) as url:
        yield url


@pytest.fixture
def model(server: str) -> Iterator[MessagesModel]:
    model = MessagesModel(NAME, Credentials(server, dialect="compatible"))
    yield model
    model.close()


@pytest.fixture
def session(model: MessagesModel) -> Iterator[Session]:
    with Session(backend=ScriptedBackend(system="You tell stories."), model=model) as session:
        yield session


def asked(text: str, most: int = 64) -> Request:
    return Request(NAME, "", (), (Message.user(text),), max_tokens=most)


def last(model: MessagesModel, request: Request) -> tuple[list[object], MessageFinished]:
    events = list(model.stream(request, Cancel()))
    assert isinstance(events[-1], MessageFinished)
    return [*events], events[-1]


def test_its_window_is_read_from_it(model: MessagesModel) -> None:
    assert model.limits(Cancel()).context_window == WINDOW


def test_an_answer_comes_in_pieces_and_is_their_sum(model: MessagesModel) -> None:
    events, finished = last(model, asked(LONG))
    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(pieces) > 10
    assert "".join(pieces) == finished.message.text


def test_its_counts_are_those_of_its_own_counting(server: str, model: MessagesModel) -> None:
    """Whether or not it has read the beginning of the request before."""
    request = asked(LONG, 5)
    body = {"model": NAME, "messages": [{"role": "user", "content": LONG}]}
    counted = httpx.post(f"{server}/v1/messages/count_tokens", json=body).json()["input_tokens"]
    for _ in range(2):
        usage = last(model, request)[1].usage
        assert usage.prompt_tokens == counted
        assert usage.output_tokens == 5


def test_it_stops_at_the_limit_of_an_answer_and_says_so(model: MessagesModel) -> None:
    _, finished = last(model, asked(LONG, 8))
    assert finished.stop_reason == "max_tokens"
    assert finished.usage.output_tokens == 8


def test_it_stops_at_a_stop_sequence(model: MessagesModel) -> None:
    _, finished = last(model, replace(asked(LONG), fields={"stop_sequences": ["e"]}))
    assert "e" not in finished.message.text
    assert finished.stop_reason in ("end_turn", "stop_sequence")


def test_a_request_that_does_not_fit_is_an_overflow_with_its_lengths(model: MessagesModel) -> None:
    with pytest.raises(ContextOverflowError) as caught:
        list(model.stream(asked("storm " * 3 * WINDOW), Cancel()))
    assert caught.value.window == WINDOW
    assert caught.value.prompt is not None
    assert caught.value.prompt > WINDOW


def test_an_answer_that_reaches_the_window_ends_there(server: str) -> None:
    """Asked for without a limit that fits, which the product itself never does."""
    body = {"model": NAME, "max_tokens": 16_000, "messages": [{"role": "user", "content": "storm " * (WINDOW - 100)}]}
    answer = httpx.post(f"{server}/v1/messages", json=body, timeout=300).json()
    assert answer["stop_reason"] in ("max_tokens", "end_turn")
    assert answer["usage"]["output_tokens"] < 200


def test_a_conversation_that_outgrows_the_window_is_summarised_and_continues(session: Session) -> None:
    results: list[TurnResult] = []
    for number in range(12):
        results.append(session.chat(f"{number}: {LONG} It begins like this: {'the sea was calm, ' * 40}"))
        check_history(session.messages)
        if any(isinstance(item, Compacted) for item in results[-1].items):
            break
    assert any(isinstance(item, Compacted) for item in results[-1].items)
    assert session.chat("And now?").stop_reason in ("end_turn", "max_tokens")


@pytest.mark.parametrize("way", ["close", "stop", "raise"])
def test_interrupted_in_mid_answer_it_is_free_for_the_next_turn(session: Session, way: str) -> None:
    seen = 0
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(session.stream(LONG)) as events:
        for event in events:
            seen += isinstance(event.body, TextDelta)
            if seen == 5 and way == "close":
                break
            if seen == 5 and way == "raise":
                raise KeyboardInterrupt
            if seen == 5 and way == "stop":
                session.stop("interrupted")
            if isinstance(event.body, TurnFinished):
                break
    assert session.turns[-1].text
    check_history(session.messages)
    assert session.chat("Say hello.").stop_reason in ("end_turn", "max_tokens")
    check_history(session.messages)


def test_turns_at_once_wait_for_each_other(server: str) -> None:
    """It serves one request at a time here; the others wait in its queue."""

    def ask(number: int) -> str | None:
        model = MessagesModel(NAME, Credentials(server, dialect="compatible"))
        finished = last(model, asked(f"{number}: {LONG}", 20))[1]
        model.close()
        return finished.stop_reason

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(ask, range(3))) <= {"end_turn", "max_tokens"}
