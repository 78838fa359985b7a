"""A model's own words without the keys that are known here: a server may repeat the key that it was sent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from conjure_magic.errors import ModelError
from conjure_magic.events import BlockFinished, MessageFinished, ModelEvent, TextDelta, ThinkingDelta
from conjure_magic.messages import Block, Message, parse_block
from conjure_magic.secrets import SHORTEST, Masking, masked

Secrets = Callable[[], Iterable[str]]


def masked_events(events: Generator[ModelEvent, None, None], secrets: Secrets) -> Generator[ModelEvent, None, None]:
    """Yield a model's events with every secret replaced by `[masked]`, even one split across pieces of text.

    Blocks without a secret stay the same objects. Closing this closes `events`. `secrets` is a function, since a
    traceback that shows arguments and local variables would show the values.
    """
    masker = _Masker(secrets)
    with contextlib.closing(events):
        yield from masker.stream(events) if masker else events


class _Masker:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = tuple(secret for secret in secrets() if len(secret) >= SHORTEST)
        self._text, self._thinking = Masking(self._secrets), Masking(self._secrets)

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def stream(self, events: Iterable[ModelEvent]) -> Generator[ModelEvent, None, None]:
        try:
            for event in events:
                if isinstance(event, TextDelta):
                    if text := self._text.feed(event.text):
                        yield TextDelta(text)
                elif isinstance(event, ThinkingDelta):
                    if text := self._thinking.feed(event.text):
                        yield ThinkingDelta(text)
                else:
                    yield from self._held()
                    yield self._event(event)
        except Exception:  # what was held back was said, whatever ended the stream
            yield from self._held()
            raise

    def _held(self) -> Generator[ModelEvent, None, None]:
        if text := self._thinking.end():
            yield ThinkingDelta(text)
        if text := self._text.end():
            yield TextDelta(text)

    def _event(self, event: ModelEvent) -> ModelEvent:
        try:
            if isinstance(event, BlockFinished):
                return replace(event, block=self._block(event.block))
            if isinstance(event, MessageFinished):
                content = tuple(map(self._block, event.message.content))
                same = all(one is other for one, other in zip(content, event.message.content, strict=True))
                message = event.message if same else Message(event.message.role, content)
                return replace(event, message=message, extra=self._value(event.extra))
        except RecursionError:
            raise ModelError("the model sent a message that is nested too deeply") from None
        return event

    def _block(self, block: Block) -> Block:
        wire = block.to_dict()
        hidden = self._value(wire)
        return block if hidden == wire else parse_block(hidden)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return masked(value, self._secrets)
        if isinstance(value, Mapping):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._value(item) for item in value)
        return value
