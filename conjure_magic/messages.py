"""Messages of the Messages API as values, with their content blocks and token usage.

Fields have the names of the API. Unknown blocks and fields are kept (`OtherBlock`, `extra`) and sent back
unchanged. A message is serialised once; every request sends its `encoded` bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NoReturn

Role = Literal["user", "assistant"]
Wire = Mapping[str, Any]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number[:40]} is too large a number")
    return value


# json.loads with these arguments would build a decoder for each event. NaN and Infinity are no JSON, and a history that
# holds one, or 1e400, which Python reads as infinity, is refused by the server from then on.
DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def text_of(content: str | Sequence[Wire]) -> str:
    """The text of a result's content; other parts appear as their type in brackets."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", f"[{part.get('type', 'part')}]")) for part in content)


def _rest(wire: Wire, *known: str) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if key not in known}


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Text, from the user or the model."""

    text: str
    extra: Wire = field(default_factory=dict)
    """Further fields of the API (`citations`, …), kept so that they can be sent back."""

    type: Literal["text"] = field(default="text", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block in the API's format."""
        return {"type": "text", "text": self.text, **self.extra}


@dataclass(frozen=True, slots=True)
class ThinkingBlock:
    """A model's thinking; its signature is valid only if it is sent back unchanged and in the same position."""

    thinking: str
    extra: Wire = field(default_factory=dict)
    type: Literal["thinking"] = field(default="thinking", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block in the API's format."""
        return {"type": "thinking", "thinking": self.thinking, **self.extra}


@dataclass(frozen=True, slots=True)
class ToolUseBlock:
    """A model's call of one of our tools."""

    id: str
    name: str
    input: Mapping[str, Any]
    extra: Wire = field(default_factory=dict)
    problem: str = ""
    """If its arguments were unreadable: why it cannot run, in words for the model. Not sent to the API."""
    type: Literal["tool_use"] = field(default="tool_use", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block in the API's format."""
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": dict(self.input), **self.extra}


@dataclass(frozen=True, slots=True)
class ToolResultBlock:
    """The result of one `tool_use`."""

    tool_use_id: str
    content: str | Sequence[Wire] = ""
    is_error: bool = False
    extra: Wire = field(default_factory=dict)
    type: Literal["tool_result"] = field(default="tool_result", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block in the API's format; `is_error` is written only if true."""
        content = self.content if isinstance(self.content, str) else [dict(part) for part in self.content]
        wire: dict[str, Any] = {"type": "tool_result", "tool_use_id": self.tool_use_id, "content": content}
        if self.is_error:
            wire["is_error"] = True
        return {**wire, **self.extra}

    @property
    def text(self) -> str:
        """The text of the content; other parts appear as their type in brackets."""
        return text_of(self.content)


@dataclass(frozen=True, slots=True)
class OtherBlock:
    """A block of any other type: kept complete, and sent back unchanged."""

    wire: Wire

    @property
    def type(self) -> str:
        """The type in the API; empty if there is none."""
        return str(self.wire.get("type", ""))

    @property
    def is_call(self) -> bool:
        """True for the call of a tool that the server runs itself (`server_tool_use`, `mcp_tool_use`)."""
        return self.type.endswith("_tool_use")

    @property
    def is_result(self) -> bool:
        """True for the result of such a call (`web_search_tool_result`, …)."""
        return self.type.endswith("_tool_result")

    @property
    def own_id(self) -> str:
        """The id of a call; empty if it has none."""
        id_ = self.wire.get("id")
        return id_ if isinstance(id_, str) else ""

    @property
    def answered_id(self) -> str:
        """The id of the call that a result answers; empty if it names none."""
        id_ = self.wire.get("tool_use_id")
        return id_ if isinstance(id_, str) else ""

    def to_dict(self) -> dict[str, Any]:
        """The block as received."""
        return dict(self.wire)


Block = TextBlock | ThinkingBlock | ToolUseBlock | ToolResultBlock | OtherBlock


def _is_content(value: object) -> bool:
    """True if the value is valid as the content of a result: text, or a list of blocks."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(part, Mapping) for part in value))


def parse_block(wire: Wire) -> Block:
    """Parse a block; one without the fields that its type requires becomes an `OtherBlock`."""
    match wire:
        case {"type": "text", "text": str(text)}:
            return TextBlock(text, _rest(wire, "type", "text"))
        case {"type": "thinking", "thinking": str(thinking)}:
            return ThinkingBlock(thinking, _rest(wire, "type", "thinking"))
        case {"type": "tool_use", "id": str(id_), "name": str(name), "input": dict(given)}:
            return ToolUseBlock(id_, name, given, _rest(wire, "type", "id", "name", "input"))
        case {"type": "tool_result", "tool_use_id": str(id_)} if _is_content(content := wire.get("content", "")):
            return ToolResultBlock(
                id_,
                content,
                bool(wire.get("is_error", False)),
                _rest(wire, "type", "tool_use_id", "content", "is_error"),
            )
    return OtherBlock(wire)


@dataclass(frozen=True)
class Message:
    """A role and its content blocks."""

    role: Role
    content: tuple[Block, ...]

    @classmethod
    def user(cls, *content: Block | str) -> Message:
        """A user message made of blocks or plain text."""
        return cls("user", tuple(TextBlock(part) if isinstance(part, str) else part for part in content))

    @classmethod
    def assistant(cls, *content: Block | str) -> Message:
        """An assistant message made of blocks or plain text."""
        return cls("assistant", tuple(TextBlock(part) if isinstance(part, str) else part for part in content))

    @classmethod
    def from_dict(cls, wire: Wire) -> Message:
        """Parse a message; its content may be a string, as the API allows."""
        content = wire.get("content", "")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}] if content else []
        role: Role = "assistant" if wire.get("role") == "assistant" else "user"
        return cls(role, tuple(parse_block(block) for block in content))

    def to_dict(self) -> dict[str, Any]:
        """The message in the API's format."""
        return {"role": self.role, "content": [block.to_dict() for block in self.content]}

    @cached_property
    def encoded(self) -> bytes:
        """The message as JSON bytes (UTF-8), computed once.

        Raises ValueError for NaN and infinite numbers, which JSON does not have, and TypeError for other values.
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "replace")  # a lone surrogate cannot be encoded

    @property
    def text(self) -> str:
        """The text blocks, joined."""
        return "".join(block.text for block in self.content if isinstance(block, TextBlock))

    @property
    def tool_uses(self) -> tuple[ToolUseBlock, ...]:
        """The calls of our tools in this message, in order."""
        return tuple(block for block in self.content if isinstance(block, ToolUseBlock))


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of the Messages API; None where the server did not report one."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    last_prompt_tokens: int | None = None
    """Input tokens of the last iteration of the server's own loop, if the counts above are sums over several."""
    last_output_tokens: int | None = None
    """Output tokens of the last iteration, in the same case."""

    @classmethod
    def from_dict(cls, wire: Wire) -> Usage:
        """Parse a `usage` object; counts that are missing or invalid become None."""
        names = cls.__dataclass_fields__
        return cls(**{name: wire[name] for name in names if isinstance(wire.get(name), int)})

    def to_dict(self) -> dict[str, int]:
        """The known counts, by their names in the API."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: count for name, count in found.items() if count is not None}

    def __add__(self, other: Usage) -> Usage:
        def total(one: int | None, two: int | None) -> int | None:
            return two if one is None else one if two is None else one + two

        names = [name for name in self.__dataclass_fields__ if not name.startswith("last_")]
        return Usage(*(total(getattr(self, n), getattr(other, n)) for n in names))

    @property
    def prompt_tokens(self) -> int | None:
        """All input tokens, cached or not; None if the server did not report them."""
        if self.input_tokens is None:
            return None
        return self.input_tokens + (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)

    @property
    def largest_prompt(self) -> int | None:
        """The largest single input, which is the size of the conversation; None if the server did not report it."""
        return self.prompt_tokens if self.last_prompt_tokens is None else self.last_prompt_tokens

    @property
    def context_tokens(self) -> int | None:
        """How long the conversation is with this answer; None if the server did not say."""
        output = self.output_tokens if self.last_output_tokens is None else self.last_output_tokens
        return None if self.largest_prompt is None else self.largest_prompt + (output or 0)
