"""Talking to a real model over HTTP: the pieces that its tests share."""

from __future__ import annotations

from typing import Any

from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ModelError
from conjure_magic.events import MessageFinished, ModelEvent, TextDelta
from conjure_magic.messages import Message
from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.testing.stub import StubServer

OPUS = "claude-opus-5-5"
ECHO = ToolDefinition("echo", "Says it again.", {"type": "object", "properties": {"text": {"type": "string"}}})
QUICK = Patience(retries=2, backoff=0.001, retry_after=0.05, connect=5, idle=1.0, loading_pause=0.01)
CALL = {"type": "tool_use", "name": "echo", "input": {"text": "☃ \u2028"}}
THOUGHT = {"type": "thinking", "thinking": "Let me see … \u2028 ok"}


def model_of(stub: StubServer, name: str = OPUS, **more: Any) -> MessagesModel:
    more = {"patience": QUICK, **more}
    dialect = "compatible" if stub.compatible else "anthropic"
    return MessagesModel(name, Credentials(stub.url, "x-api-key", Key("sk-test"), dialect), **more)


def ask(*messages: Message, tools: tuple[ToolDefinition, ...] = (ECHO,), **more: Any) -> Request:
    return Request(OPUS, "Be brief.", tools, messages or (Message.user("Hi."),), **{"max_tokens": 16_000, **more})


def talk(model: MessagesModel, request: Request | None = None) -> tuple[list[ModelEvent], ModelError | None]:
    """All events, and the error that ended them."""
    events: list[ModelEvent] = []
    try:
        events.extend(model.stream(request or ask(), Cancel()))  # what came before an error stays
    except ModelError as error:
        return events, error
    return events, None


def said(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def finished(events: list[ModelEvent]) -> MessageFinished:
    assert isinstance(events[-1], MessageFinished), events
    return events[-1]
