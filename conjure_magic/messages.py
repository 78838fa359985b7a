"""Messages-API messages as values: blocks, usage, and the two mends that keep a history valid.

Wire names stay wire names. What is not known here is kept as it came (`OtherBlock`, `extra`), and echoed
unchanged. A message is serialised once: its `encoded` bytes are what every request sends.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Literal

Role = Literal["user", "assistant"]
Wire = Mapping[str, Any]


def _rest(wire: Wire, *known: str) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if key not in known}


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Text, from a person or a model."""

    text: str
    extra: Wire = field(default_factory=dict)
    """Fields of the wire that are not named here (`citations`, …), kept for the way back."""

    type: Literal["text"] = field(default="text", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block as the wire has it."""
        return {"type": "text", "text": self.text, **self.extra}


@dataclass(frozen=True, slots=True)
class ThinkingBlock:
    """A model's thinking; the signature makes it valid only unchanged and in its place."""

    thinking: str
    extra: Wire = field(default_factory=dict)
    type: Literal["thinking"] = field(default="thinking", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block as the wire has it."""
        return {"type": "thinking", "thinking": self.thinking, **self.extra}


@dataclass(frozen=True, slots=True)
class ToolUseBlock:
    """A model's wish to call a tool of ours."""

    id: str
    name: str
    input: Mapping[str, Any]
    extra: Wire = field(default_factory=dict)
    type: Literal["tool_use"] = field(default="tool_use", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block as the wire has it."""
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": dict(self.input), **self.extra}


@dataclass(frozen=True, slots=True)
class ToolResultBlock:
    """The answer to one `tool_use`."""

    tool_use_id: str
    content: str | Sequence[Wire] = ""
    is_error: bool = False
    extra: Wire = field(default_factory=dict)
    type: Literal["tool_result"] = field(default="tool_result", init=False)

    def to_dict(self) -> dict[str, Any]:
        """The block as the wire has it; `is_error` is written only when true."""
        content = self.content if isinstance(self.content, str) else [dict(part) for part in self.content]
        wire: dict[str, Any] = {"type": "tool_result", "tool_use_id": self.tool_use_id, "content": content}
        if self.is_error:
            wire["is_error"] = True
        return {**wire, **self.extra}

    @property
    def text(self) -> str:
        """The text of the content, its other parts named in brackets."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part.get("text", f"[{part.get('type', 'part')}]")) for part in self.content)


@dataclass(frozen=True, slots=True)
class OtherBlock:
    """A block of a type that is not modelled here: kept whole, echoed unchanged."""

    wire: Wire

    @property
    def type(self) -> str:
        """The block's wire type; empty where it has none."""
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
        """The block as it came."""
        return dict(self.wire)


Block = TextBlock | ThinkingBlock | ToolUseBlock | ToolResultBlock | OtherBlock


def _is_content(value: object) -> bool:
    """True for what the content of a result may be: text, or a list of blocks."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(part, Mapping) for part in value))


def parse_block(wire: Wire) -> Block:
    """The block of a wire object; one that lacks what its type needs is kept as an `OtherBlock`."""
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
        """A person's message, of blocks or plain text."""
        return cls("user", tuple(TextBlock(part) if isinstance(part, str) else part for part in content))

    @classmethod
    def assistant(cls, *content: Block | str) -> Message:
        """A model's message, of blocks or plain text."""
        return cls("assistant", tuple(TextBlock(part) if isinstance(part, str) else part for part in content))

    @classmethod
    def from_dict(cls, wire: Wire) -> Message:
        """The message of a wire object; content may be a string, as the API allows."""
        content = wire.get("content", "")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}] if content else []
        role: Role = "assistant" if wire.get("role") == "assistant" else "user"
        return cls(role, tuple(parse_block(block) for block in content))

    def to_dict(self) -> dict[str, Any]:
        """The message as the wire has it."""
        return {"role": self.role, "content": [block.to_dict() for block in self.content]}

    @cached_property
    def encoded(self) -> bytes:
        """The message as JSON bytes (UTF-8), made once and the same ever after."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8

    @property
    def text(self) -> str:
        """The text blocks, joined."""
        return "".join(block.text for block in self.content if isinstance(block, TextBlock))

    @property
    def tool_uses(self) -> tuple[ToolUseBlock, ...]:
        """The calls of our tools that this message asks for, in order."""
        return tuple(block for block in self.content if isinstance(block, ToolUseBlock))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the Messages API counts them; None where the server did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    @classmethod
    def from_dict(cls, wire: Wire) -> Usage:
        """The counts of a wire `usage` object, what is missing or odd as None."""
        names = cls.__dataclass_fields__
        return cls(**{name: wire[name] for name in names if isinstance(wire.get(name), int)})

    def to_dict(self) -> dict[str, int]:
        """The known counts by wire name."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: count for name, count in found.items() if count is not None}

    def __add__(self, other: Usage) -> Usage:
        def total(one: int | None, two: int | None) -> int | None:
            return two if one is None else one if two is None else one + two

        return Usage(*(total(getattr(self, n), getattr(other, n)) for n in self.__dataclass_fields__))

    @property
    def prompt_tokens(self) -> int | None:
        """Everything the model read, cached or not; None if the server did not say."""
        if self.input_tokens is None:
            return None
        return self.input_tokens + (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)


def unfinished(content: Iterable[Block]) -> tuple[Block, ...]:
    """What stays of a model's message that was cut: its text alone (decision: a history is always valid)."""
    return tuple(TextBlock(block.text) for block in content if isinstance(block, TextBlock) and block.text.strip())


ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
"""What a strict server takes as the id of a call."""


def with_own_ids(message: Message, history: Sequence[Message]) -> Message:
    """The message with ids for its calls that no other call has; the same object where they are fit already.

    Small servers and callables count anew in each answer, which a strict server refuses.
    """
    if not message.tool_uses:
        return message
    taken = {call.id for earlier in history for call in earlier.tool_uses}
    content: list[Block] = []
    for block in message.content:
        if isinstance(block, ToolUseBlock):
            if block.id in taken or not ID.fullmatch(block.id):
                number = next(n for n in count(len(taken) + 1) if f"toolu_{n}" not in taken)
                block = ToolUseBlock(f"toolu_{number}", block.name, block.input, block.extra)
            taken.add(block.id)
        content.append(block)
    return message if tuple(content) == message.content else Message(message.role, tuple(content))


def extend(messages: Sequence[Message], blocks: Sequence[Block]) -> tuple[Message, ...]:
    """The history with user blocks at its end: in a message of their own, or joined to a last user message.

    Joining keeps user and assistant in turn, as some servers demand, and is what the API does itself.
    """
    if not blocks:
        return tuple(messages)
    if messages and messages[-1].role == "user":
        joined = Message("user", (*messages[-1].content, *blocks))
        return (*messages[:-1], joined)
    return (*messages, Message("user", tuple(blocks)))


STOPPED = "The turn was stopped before this call ran."
"""What a model reads in the place of a result that never came."""


def repair(messages: Sequence[Message], reason: str = STOPPED) -> tuple[Message, ...]:
    """The same history, made valid: every `tool_use` answered once, no server call without its result.

    Messages that were valid are the same objects; repairing twice changes nothing more. Blocks that cannot stand
    where they are become text: a server tool's call left open, a result without its call, an id used twice.
    """
    kept = [message for message in messages if message.content]
    ids = _ServerIds.of(kept)
    out: list[Message] = []
    used: set[str] = set()
    for index, message in enumerate(kept):
        if message.role == "user":
            calls = out[-1].tool_uses if out and out[-1].role == "assistant" else ()
            out += [mended] if (mended := _answering(message, calls, reason)).content else []
            continue
        out.append(_with(message, tuple(_standing(block, ids, used) for block in message.content)))
        calls = out[-1].tool_uses
        if calls and (index + 1 == len(kept) or kept[index + 1].role != "user"):
            out.append(Message("user", tuple(ToolResultBlock(c.id, reason, is_error=True) for c in calls)))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class _ServerIds:
    """The ids of the calls that a server ran itself, and of the results that it sent."""

    called: frozenset[str]
    answered: frozenset[str]

    @classmethod
    def of(cls, messages: Iterable[Message]) -> _ServerIds:
        said = [block for message in messages if message.role == "assistant" for block in message.content]
        blocks = [block for block in said if isinstance(block, OtherBlock)]
        called = frozenset(block.own_id for block in blocks if block.is_call)
        answered = frozenset(block.answered_id for block in blocks if block.is_result)
        return cls(called - {""}, answered - {""})

    def settled(self, block: OtherBlock) -> Block:
        """The block, or the text in its place where its other half is missing."""
        if block.is_call and block.own_id not in self.answered:
            return TextBlock(f"[{block.wire.get('name', 'a hosted tool')} was stopped before it answered]")
        orphan = block.is_result and block.answered_id not in self.called
        return _as_text(block) if orphan or block.type in ("tool_use", "tool_result") else block


def _with(message: Message, content: tuple[Block, ...]) -> Message:
    """The message with that content; the same object if nothing changes."""
    same = len(content) == len(message.content) and all(map(operator.is_, content, message.content))
    return message if same else Message(message.role, content)


def _standing(block: Block, ids: _ServerIds, used: set[str]) -> Block:
    """A model's block as it can stand: text where it is a second call of the same id, or no block of a model's."""
    if isinstance(block, OtherBlock):
        return ids.settled(block)
    if isinstance(block, ToolResultBlock) or (isinstance(block, ToolUseBlock) and block.id in used):
        return _as_text(block)
    if isinstance(block, ToolUseBlock):
        used.add(block.id)
    return block


def _answering(message: Message, calls: Sequence[ToolUseBlock], reason: str) -> Message:
    """The user message with exactly one result for each call before it, results first."""
    wanted = [call.id for call in calls]
    results: dict[str, ToolResultBlock] = {}
    rest: list[Block] = []
    for block in message.content:
        if isinstance(block, ToolResultBlock):
            if block.tool_use_id in wanted:
                results.setdefault(block.tool_use_id, block)
        elif isinstance(block, OtherBlock):
            fits = not (block.is_call or block.is_result or block.type in ("tool_use", "tool_result"))
            rest.append(block if fits else _as_text(block))
        else:
            rest.append(_as_text(block) if isinstance(block, ToolUseBlock) else block)
    missing = [ToolResultBlock(id_, reason, is_error=True) for id_ in wanted if id_ not in results]
    return _with(message, (*results.values(), *missing, *rest))


def settle(messages: Sequence[Message], offered: frozenset[str]) -> tuple[Message, ...]:
    """The history fit for another model or other tools: no thinking, and calls of tools not offered as text.

    Args:
        messages: a valid history.
        offered: the names of the tools that the next request offers; a round that used any other tool,
            hosted ones included, becomes plain text.

    The result depends on nothing else, so it is the same bytes each time.
    """
    out: list[Message] = []
    for message in repair(messages):
        content: list[Block] = []
        if message.role == "assistant":
            foreign = _foreign(message, offered)
            content = [_as_text(b) if foreign else b for b in message.content if not _is_thinking(b)]
        else:
            open_calls = {c.id for c in out[-1].tool_uses} if out else set()
            content = [
                _as_text(b) if isinstance(b, ToolResultBlock) and b.tool_use_id not in open_calls else b
                for b in message.content
            ]
        if content:
            out.append(message if tuple(content) == message.content else Message(message.role, tuple(content)))
    return tuple(out)


def _is_thinking(block: Block) -> bool:
    return isinstance(block, ThinkingBlock) or block.type == "redacted_thinking"


def _foreign(message: Message, offered: frozenset[str]) -> bool:
    """True if the message used a tool that is no longer offered."""
    hosted = any(isinstance(b, OtherBlock) and not _is_thinking(b) for b in message.content)
    return hosted or any(call.name not in offered for call in message.tool_uses)


def _as_text(block: Block) -> Block:
    """A block as the plain text that stands for it."""
    match block:
        case ToolUseBlock(name=name, input=given):
            return TextBlock(f"[called {name}: {json.dumps(dict(given), ensure_ascii=False, sort_keys=True)}]")
        case ToolResultBlock(is_error=is_error):
            return TextBlock(f"[{'the call failed' if is_error else 'result'}: {block.text}]")
        case OtherBlock(wire=wire):
            return TextBlock(f"[{block.type}: {json.dumps(dict(wire), ensure_ascii=False, sort_keys=True)}]")
    return block
