"""Answers split anywhere, and bytes of any kind: the whole message or one typed error, never half a call.

The bytes are made by the stub's own encoder.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ModelError
from conjure_magic.events import MessageFinished, ModelEvent, TextDelta, ThinkingDelta
from conjure_magic.messages import Message, TextBlock, ThinkingBlock
from conjure_magic.models.base import Request
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.testing.stub.replies import Reply, complete, stop_reason, stream

REQUEST = Request("claude-opus-5-5", "", (), (Message.user("Hi."),), max_tokens=1_000)


class Body(httpx.SyncByteStream):
    """Pieces of an answer, and perhaps the loss of its connection."""

    def __init__(self, pieces: Iterable[bytes], loss: Exception | None = None) -> None:
        self._pieces = pieces
        self._loss = loss

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._loss is not None:
            raise self._loss


class Wire:
    """A model whose server sends what it is told to."""

    def __init__(self) -> None:
        self.body = Body(())
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        credentials = Credentials("http://stub.invalid", "x-api-key", Key("sk"), "anthropic")
        self.model = MessagesModel("claude-opus-5-5", credentials, client=client, patience=Patience(retries=0))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self.body)

    def hear(
        self, pieces: Iterable[bytes], loss: Exception | None = None
    ) -> tuple[list[ModelEvent], ModelError | None]:
        self.body = Body(pieces, loss)
        events: list[ModelEvent] = []
        try:
            events.extend(self.model.stream(REQUEST, Cancel()))  # what came before an error stays
        except ModelError as error:
            return events, error
        return events, None


def encoded(blocks: list[dict[str, object] | str], piece: int = 8, noise: bool = False) -> list[bytes]:
    """The events of an answer with these blocks."""
    reply = Reply(blocks, piece=piece, noise=noise)
    whole = complete(reply, itertools.count(1))
    message = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": whole}
    usage = {"input_tokens": 3, "output_tokens": 9}
    return list(stream({**message, "stop_reason": stop_reason(reply, whole), "usage": usage}, reply))


def shown(events: list[ModelEvent]) -> tuple[str, str]:
    """Everything said and thought."""
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return text, "".join(event.text for event in events if isinstance(event, ThinkingDelta))


TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BLOCK = st.one_of(
    TEXT,
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, TEXT),
    st.builds(
        lambda given: {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": given},
        st.dictionaries(TEXT, JSON, max_size=3),
    ),
    st.builds(lambda data: {"type": "hologram", "data": data}, JSON),
)


def pieces(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The body, split at these places."""
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[start:end] for start, end in itertools.pairwise(places)]


def check_split(
    wire: Wire, blocks: list[dict[str, object] | str], size: int, noise: bool, cuts: list[int], ending: str
) -> None:
    """Whatever the splits and the line ends, the same events come out, and they are what was put in."""
    events = encoded(blocks, size, noise)
    body = b"".join(events)
    straight, error = wire.hear([body])
    assert error is None
    split, error = wire.hear(pieces(body.replace(b"\n", ending.encode()), cuts))
    assert error is None
    assert split == straight
    last = straight[-1]
    assert isinstance(last, MessageFinished)
    text = "".join(block for block in blocks if isinstance(block, str))
    thinking = "".join(str(block["thinking"]) for block in blocks if isinstance(block, dict) and "thinking" in block)
    assert shown(straight) == (text, thinking)
    kept = [block for block in blocks if not isinstance(block, str) or block.strip()]
    assert [_plain(block) for block in last.message.to_dict()["content"]] == [_plain(block) for block in kept]
    assert Message.from_dict(last.message.to_dict()).encoded == last.message.encoded


def _plain(block: object) -> object:
    """A block without what the stub adds to it."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    assert isinstance(block, dict)
    return {key: value for key, value in block.items() if key != "caller"}


WIRE = Wire()
SPLIT = given(
    st.lists(BLOCK, max_size=4),
    st.integers(1, 40),
    st.booleans(),
    st.lists(st.integers(0, 1 << 16), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


@settings(max_examples=200)
@SPLIT
@example(["a", {"type": "thinking", "thinking": "b", "signature": "c2ln"}], 1, True, list(range(900)), "\r\n")
@example([{"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"a": [1.5, None]}}], 3, False, [1], "\r")
@example([{"type": "hologram", "data": "\u2028\U0001f600"}, ""], 1, True, list(range(600)), "\n")
def test_the_same_events_however_the_bytes_are_split(
    blocks: list[dict[str, object] | str], size: int, noise: bool, cuts: list[int], ending: str
) -> None:
    check_split(WIRE, blocks, size, noise, cuts, ending)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=100_000)
@SPLIT
def test_the_same_events_however_the_bytes_are_split_often(
    blocks: list[dict[str, object] | str], size: int, noise: bool, cuts: list[int], ending: str
) -> None:
    check_split(WIRE, blocks, size, noise, cuts, ending)


@given(st.binary(max_size=200), st.lists(st.integers(0, 1 << 16), max_size=5))
def test_any_bytes_are_one_typed_error(body: bytes, cuts: list[int]) -> None:
    """Nothing that a server sends ends in an exception of another kind."""
    assert isinstance(WIRE.hear(pieces(body, cuts))[1], ModelError)


@given(st.lists(st.sampled_from(encoded(["Hello.", {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}]))))
def test_events_in_any_order_are_a_message_or_one_typed_error(events: list[bytes]) -> None:
    seen, error = WIRE.hear([b"".join(events)])
    assert (error is None) == (bool(seen) and isinstance(seen[-1], MessageFinished))


def test_halves_of_a_character_are_joined_and_lone_ones_replaced() -> None:
    """JSON may hold half of a surrogate pair; UTF-8, displays and the way back cannot."""
    opening = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    delta = 'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}\n\n'
    ending = b'data: {"type":"content_block_stop","index":0}\n\ndata: {"type":"message_stop"}\n\n'
    for texts, expected in (([r"a\ud83d", r"\ude00b"], "a\U0001f600b"), ([r"a\ude00b", r"\ud83dx"], "a\ufffdb\ufffdx")):
        events, error = WIRE.hear([opening, *((delta % text).encode() for text in texts), ending])
        assert error is None
        assert shown(events)[0] == expected
        assert isinstance(events[-1], MessageFinished)
        assert events[-1].message.content == (TextBlock(expected),)


def test_thinking_comes_back_byte_for_byte() -> None:
    thinking = "Ünï\u2028cödé \u0085 \ufeff ☃ \U0001f600 \\n \t"
    events, _ = WIRE.hear(encoded([{"type": "thinking", "thinking": thinking, "signature": "c2ln+/="}, "x"], piece=1))
    assert isinstance(events[-1], MessageFinished)
    block = events[-1].message.content[0]
    assert block == ThinkingBlock(thinking, {"signature": "c2ln+/="})
    assert list(block.to_dict()) == ["type", "thinking", "signature"]
