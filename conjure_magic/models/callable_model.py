"""Any callable `request -> response` as a model: the user's own client, a gateway, a test."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError, ModelError, UsageError
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, TextDelta
from conjure_magic.messages import Block, Message, TextBlock, ToolUseBlock, Usage, Wire
from conjure_magic.models.base import Request
from conjure_magic.models.token_counts import usage_of
from conjure_magic.models.tool_arguments import read_call
from conjure_magic.user_code import stoppable

log = logging.getLogger(__name__)

EXPECTED = (
    "text, a message as the Messages API sends it (a dict, or an object with model_dump or to_dict), a Message, or an "
    "iterator of pieces of text"
)


class CallableModel:
    """A model that calls a function of the user's.

    The callable gets the `Request`; one that declares a single parameter named `messages` gets the list of
    messages as the wire has them. It returns text, a wire message (a dict with `content`, and `stop_reason`,
    `usage` where it has them, or an object with `model_dump` or `to_dict` that gives one), a `Message`, or an iterator
    of pieces of text. So the official client works as it is:

        session.chat(prompt, model=lambda request: client.messages.create(**request))

    It runs on the turn's thread; an async function on the one event loop that all of them share, in a helper thread, so
    that the user's async client can be kept from turn to turn.

    Args:
        function: the callable.
        name: shown in footers; by default the function's.
        model: the id that requests carry, for a callable that passes them on; by default the name.

    Raises UsageError for an async generator, and for a callable that takes no argument or needs several.
    """

    def __init__(self, function: Callable[..., Any], name: str = "", model: str = "") -> None:
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
        if inspect.isasyncgenfunction(called):
            raise UsageError("an async generator cannot be a model; give a generator, or an async function")
        self._function = function
        self._wants_messages = _wants_messages(function)
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self._model = model

    def __repr__(self) -> str:
        return f"CallableModel({self.name})"

    @property
    def context_window(self) -> int | None:
        """Not known."""
        return None

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        """Yield what the callable returns.

        Raises ModelError if it raises or returns something else, CancelledError once `cancel` is set, which an
        interrupt brings about at once.
        """
        request = replace(request, model=self._model) if self._model else request
        given = [message.to_dict() for message in request.messages] if self._wants_messages else request
        schemas = {tool.name: tool.input_schema for tool in request.tools}
        response = self._guarded(cancel, lambda: self._function(given))
        if inspect.isawaitable(response):
            awaited = response
            response = self._guarded(cancel, lambda: _wait_for(awaited, cancel))
        cancel.raise_if_set()
        if isinstance(response, Iterator):
            yield from self._deltas(response, cancel)
            return
        finished = self._finished(response, schemas)
        for block in finished.message.content:
            if isinstance(block, TextBlock):
                yield TextDelta(block.text)
            yield BlockFinished(block)
        yield finished

    def cost(self, usage: Usage) -> float | None:
        """Not known."""
        return None

    def _deltas(self, pieces: Iterator[Any], cancel: Cancel) -> Generator[ModelEvent, None, None]:
        """An iterator's pieces as they come; it is closed whatever happens."""
        said: list[str] = []
        done = object()
        try:
            while (piece := self._guarded(cancel, lambda: next(pieces, done))) is not done:
                if not isinstance(piece, str):
                    raise ModelError(f"{self.name} yielded {_kind(piece)}; expected pieces of text")
                cancel.raise_if_set()
                said.append(piece)
                yield TextDelta(piece)
        finally:
            close = getattr(pieces, "close", None)
            if callable(close):
                close()
        message = _without_blanks(Message.assistant("".join(said)))
        for block in message.content:
            yield BlockFinished(block)
        yield MessageFinished(message, "end_turn", Usage(), self.name)

    def _guarded(self, cancel: Cancel, call: Callable[[], Any]) -> Any:
        """Run the user's code where an interrupt reaches it; its errors become ModelError in one line."""
        try:
            with stoppable(cancel, log.warning, self.name):
                return call()
        except (CancelledError, ModelError):
            raise
        except Exception as error:
            line = next(iter(str(error).splitlines()), "")
            raise ModelError(f"{self.name} failed: {type(error).__name__}{': ' if line else ''}{line}") from error

    def _finished(self, response: Any, schemas: Mapping[str, Wire]) -> MessageFinished:
        """The whole message of a response. Raises ModelError that says what is expected."""
        if isinstance(response, str):
            response = Message.assistant(TextBlock(response))
        if isinstance(response, Message):
            if response.role != "assistant":
                raise ModelError(
                    f"{self.name} returned a message of role {response.role!r}; expected one of the assistant's"
                )
            message = self._checked(response, schemas)
            return MessageFinished(message, _stop_reason(message, None), Usage(), self.name)
        wire = response if isinstance(response, Mapping) else self._guarded(Cancel(), lambda: _dumped(response))
        if isinstance(wire, Mapping):
            return self._from_wire(wire, schemas)
        raise ModelError(f"{self.name} returned {_kind(response)}; expected {EXPECTED}")

    def _from_wire(self, wire: Mapping[str, Any], schemas: Mapping[str, Wire]) -> MessageFinished:
        content = wire.get("content")
        blocks = isinstance(content, list) and all(
            isinstance(b, Mapping) and isinstance(b.get("type"), str) for b in content
        )
        if wire.get("role", "assistant") != "assistant" or not (blocks or isinstance(content, str)):
            raise ModelError(
                f"{self.name} returned a dict that is no assistant message; expected "
                '{"content": "text" or [blocks with a "type"], "stop_reason": …, "usage": …}'
            )
        message = self._checked(Message.from_dict({**wire, "role": "assistant"}), schemas)
        usage = wire.get("usage")
        known = ("role", "content", "stop_reason", "usage", "model", "type", "id", "stop_sequence")
        return MessageFinished(
            message,
            _stop_reason(message, wire.get("stop_reason")),
            usage_of({}, usage, message.content) if isinstance(usage, Mapping) else Usage(),
            str(wire.get("model") or self.name),
            {key: value for key, value in wire.items() if key not in known},
        )

    def _checked(self, message: Message, schemas: Mapping[str, Wire]) -> Message:
        """The message without blank text, its calls as they can be run or answered.

        Raises ModelError for calls that cannot be distinguished.
        """
        content = tuple(_readable(block, schemas) for block in message.content)
        if any(one is not other for one, other in zip(content, message.content, strict=True)):
            message = Message(message.role, content)
        ids = [call.id for call in message.tool_uses if call.id]
        twice = next((id_ for id_ in ids if ids.count(id_) > 1), None)
        if twice is not None:
            raise ModelError(f"{self.name} used the id {twice!r} twice; each tool_use needs one of its own")
        return _without_blanks(message)


def _readable(block: Block, schemas: Mapping[str, Wire]) -> Block:
    """The block; a call whose arguments are not a JSON object has its `problem` set."""
    if block.type != "tool_use":
        return block
    call = read_call(block.to_dict(), None, schemas)
    return call if call.problem or not isinstance(block, ToolUseBlock) else block


def _dumped(response: object) -> object:
    """The wire's form of a client's object (pydantic's `model_dump`, or `to_dict`), without what was not set."""
    dump = getattr(response, "model_dump", None)
    if callable(dump):
        try:
            return dump(mode="json", exclude_unset=True)
        except TypeError:
            return dump()
    to_dict = getattr(response, "to_dict", None)
    return to_dict() if callable(to_dict) else None


def _wait_for(awaitable: Awaitable[Any], cancel: Cancel) -> Any:
    """What the awaitable comes to, on the event loop of all async callables: a notebook's own is already running.

    Cancelled once `cancel` is set.
    """
    future: Future[Any] = asyncio.run_coroutine_threadsafe(_awaited(awaitable), _event_loop())

    def wake() -> None:
        future.cancel()

    try:
        with cancel.waking(wake):
            return future.result()
    except (FutureCancelledError, asyncio.CancelledError):
        raise CancelledError(cancel.reason) if cancel.reason else RuntimeError("it cancelled its own task") from None
    except BaseException:
        future.cancel()  # an interrupt that came while it waited: the task ends as well
        raise


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


_loops: dict[int, asyncio.AbstractEventLoop] = {}
"""Process id -> its loop: a fork has none of its parent's threads."""
_loops_lock = threading.Lock()


def _event_loop() -> asyncio.AbstractEventLoop:
    """The event loop that runs in a thread of its own from the first async callable on.

    One for all of them, and for good: what an async client has opened belongs to the loop that it was opened in.
    """
    with _loops_lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="conjure-async", daemon=True).start()
        return loop


def _without_blanks(message: Message) -> Message:
    """The message without text that is empty, which servers refuse; the same object if there is none."""
    kept = tuple(block for block in message.content if not isinstance(block, TextBlock) or block.text.strip())
    return message if len(kept) == len(message.content) else Message(message.role, kept)


def _stop_reason(message: Message, given: Any) -> str:
    """The reason given, else the one that the content implies."""
    if isinstance(given, str) and given:
        return given
    return "tool_use" if message.tool_uses else "end_turn"


def _kind(value: object) -> str:
    return "nothing (None)" if value is None else f"a {type(value).__name__}"


def _wants_messages(function: Callable[..., Any]) -> bool:
    """True for a callable with one parameter, named `messages`. Raises UsageError for one that takes none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin without a signature gets the request
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not positional or len(required) > 1:
        raise UsageError("a callable model takes one argument: the request, or `messages`")
    return positional[0].name == "messages" and len(positional) == 1
