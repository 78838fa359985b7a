"""The model seam: a request goes in, a stream of events comes out, the last one is the whole message."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from conjure_magic.cancel import Cancel
from conjure_magic.events import ModelEvent
from conjure_magic.messages import Message, Usage

CUT_SHORT = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
"""Stop reasons that may leave the last block unfinished, so that the tool calls of such a message must not run."""


@dataclass(frozen=True)
class ToolDefinition:
    """A tool as the model sees it. `input_schema` is JSON Schema of type object."""

    name: str
    description: str
    input_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    wire: Mapping[str, Any] = field(default_factory=dict)
    """For a tool of the API's own (`code_execution_…`): the whole wire object, sent in the schema's place."""

    def to_dict(self) -> dict[str, Any]:
        """The tool as the wire has it."""
        if self.wire:
            return dict(self.wire)
        return {"name": self.name, "description": self.description, "input_schema": dict(self.input_schema)}


@dataclass(frozen=True)
class Request:
    """What goes to a model: everything it may know of the conversation.

    `**request` unpacks into the arguments of the official client's `messages.create`, which are those of `to_dict`.
    """

    model: str
    system: str
    tools: tuple[ToolDefinition, ...]
    messages: tuple[Message, ...]
    max_tokens: int
    """Tokens that the answer may have."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further top-level fields of the body that backends asked for (`container`, …)."""
    server: str = ""
    """Which server it goes to, where the model has one; not part of the body."""

    @cached_property
    def tool_names(self) -> frozenset[str]:
        """The names of the tools offered."""
        return frozenset(tool.name for tool in self.tools)

    def to_dict(self) -> dict[str, Any]:
        """The request as the body of `POST /v1/messages`, without `stream`."""
        body: dict[str, Any] = {"model": self.model, "max_tokens": self.max_tokens}
        if self.system:
            body["system"] = self.system
        if self.tools:
            body["tools"] = [tool.to_dict() for tool in self.tools]
        return {**body, "messages": [message.to_dict() for message in self.messages], **self.fields}

    def keys(self) -> Iterable[str]:
        """The names of the body's fields."""
        return self._body.keys()

    def __getitem__(self, name: str) -> Any:
        return self._body[name]

    @cached_property
    def _body(self) -> dict[str, Any]:
        return self.to_dict()

    @cached_property
    def fingerprint(self) -> bytes:
        """The bytes that must stay equal for earlier thinking to stay valid: model, server, system, tools, skills."""
        container = self.fields.get("container")
        skills = container.get("skills") if isinstance(container, Mapping) else None
        tools = [tool.to_dict() for tool in self.tools]
        return json.dumps([self.model, self.system, tools, skills, self.server], sort_keys=True).encode()


class Model(Protocol):
    """Answers requests. One instance may serve many sessions and threads."""

    @property
    def name(self) -> str:
        """The id that requests and footers carry: "claude-…", "offline", a callable's name."""
        ...

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        """Yield the answer as it comes; the last event is a `MessageFinished`.

        Raises ModelError if there is no complete answer (what was yielded is kept by the session), and
        CancelledError once `cancel` is set, within a fraction of a second even when blocked.
        """
        ...

    @property
    def context_window(self) -> int | None:
        """How many tokens prompt and answer may have together; None where there is no limit, or none is known."""
        ...

    def cost(self, usage: Usage) -> float | None:
        """The cost of these tokens in US dollars; None if the price is not known."""
        ...
