"""A model's message while it arrives: the stream's events go in, what to show and at last the message comes out.

Servers differ in how they stream: blocks that begin twice or never, an index that is missing or used again, no end.
What can be read is read; a call counts only if the server said why the message ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from conjure_magic.errors import ProtocolError
from conjure_magic.events import (
    BlockFinished,
    MessageFinished,
    MessageStarted,
    ModelEvent,
    Notice,
    TextDelta,
    ThinkingDelta,
)
from conjure_magic.messages import DECODER, Block, Message, ToolUseBlock, Usage, Wire, parse_block
from conjure_magic.models.base import CUT_SHORT
from conjure_magic.models.token_counts import usage_of
from conjure_magic.models.tool_arguments import read_call

THOUGHTS = ("thinking", "redacted_thinking")
OWN = frozenset({"type", "role", "content", "model", "usage", "stop_reason"})
"""Fields of the wire's message that `MessageFinished` has a place for."""
STARTS = {"text_delta": "text", "thinking_delta": "thinking"}
"""Delta -> the block that it can begin, where the server began none."""


class _OpenBlock:
    """A content block between its start and its stop."""

    __slots__ = ("block", "high", "json", "text", "thinking", "told", "wire")

    def __init__(self, wire: dict[str, Any]) -> None:
        self.wire = wire
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.json: list[str] = []
        self.block: Block | None = None
        self.told = False
        """True once there was a `BlockFinished` for it."""
        self.high = ""

    @property
    def kind(self) -> str:
        return str(self.wire["type"])

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.thinking or self.json)

    def sound(self, text: str) -> str:
        """The text without lone surrogates, which JSON can contain and UTF-8 cannot."""
        text, self.high = self.high + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.high = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def begins_again(self, wire: Wire) -> bool:
        """True for a second start of this block; another kind, or another id of a call, is another block's."""
        id_ = wire.get("id", self.wire.get("id"))
        return wire.get("type") == self.kind and id_ == self.wire.get("id")

    def finish(self, schemas: Mapping[str, Wire]) -> None:
        """Join the pieces into the block. Raises ValueError if the arguments of a server's own call are not JSON."""
        if self.text:
            self.wire["text"] = "".join(self.text)
        if self.thinking:
            self.wire["thinking"] = "".join(self.thinking)
        given = "".join(self.json)
        if self.kind == "tool_use":
            self.block = read_call(self.wire, given, schemas)
            return
        if given.strip():
            self.wire["input"] = DECODER.decode(given)
        self.block = parse_block(self.wire)


class MessageAssembly:
    """Folds a stream's events, in order, into one message.

    Deltas come out as they go in. A `BlockFinished` says that a block is complete, not that it may be acted
    on: its message may still break off. Calls are for running once `finish` has given the message, and then
    only if its stop reason is none of `CUT_SHORT`.

    Args:
        schemas: tool name -> JSON Schema of its arguments.
    """

    def __init__(self, schemas: Mapping[str, Wire] | None = None) -> None:
        self.is_whole = False
        """True once the stream has said that the message ends."""
        self.waiting: deque[ModelEvent] = deque()
        """What is to be shown after what `take` returned."""
        self._schemas = schemas or {}
        self._order: list[_OpenBlock] = []
        self._open: dict[int | None, _OpenBlock] = {}
        self._unreadable = ""
        self._fields: dict[str, Any] = {}
        self._first_usage: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}

    @property
    def has_ended(self) -> bool:
        """True if the server has said why the message ends, even if it never said that it does."""
        return self.is_whole or isinstance(self._fields.get("stop_reason"), str)

    @property
    def has_spoken(self) -> bool:
        """True once there was anything to show."""
        return any(block.text or block.thinking or block.told for block in self._order)

    def take(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        """Take the next event in; what there is to show, if anything. What is not known is passed over.

        Raises ProtocolError for an event that its place or shape makes unreadable.
        """
        try:
            kind = wire["type"]
            if kind == "content_block_delta":
                delta = wire["delta"]
                block = self._open.get(wire.get("index")) or self._addressed(wire, delta["type"])
                if delta["type"] != "text_delta":
                    return self._delta(block, delta)
                text = delta["text"]  # nine events of ten
                if not text.isascii() or block.high:
                    text = block.sound(text)
                block.text.append(text)
                return TextDelta(text) if text else None
            handler = _HANDLERS.get(kind)
            return handler(self, wire) if handler is not None else None
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ProtocolError(f"The server sent a {wire.get('type')} event that makes no sense ({what}).") from None

    def finish(self) -> tuple[ModelEvent, ...]:
        """The last events: blocks without an event yet, notices of calls that were cut and of why the model declined,
        and the message.

        Raises ProtocolError if a call that the server ran cannot be read though nothing cut the message.
        """
        stop_reason = self._fields.get("stop_reason")
        cut = stop_reason in CUT_SHORT
        for block in self._order:
            if block.block is None:
                self._finish_block(block)
        if self._unreadable and not cut:
            raise ProtocolError(self._unreadable)
        blocks = [block for block in self._order if block.block is not None]
        if cut:
            blocks = [b for b in blocks if not (isinstance(b.block, ToolUseBlock) and b.block.problem)]
        content = [block.block for block in blocks if block.block is not None]
        while cut and content and content[-1].type in THOUGHTS:
            content.pop()  # cut before its signature came, without which it may not come back
        finished = MessageFinished(
            # The API refuses empty text blocks, also those that a model has sent.
            Message("assistant", tuple(b for b in content if b.type != "text" or getattr(b, "text", "x").strip())),
            stop_reason if isinstance(stop_reason, str) else None,
            usage_of(self._first_usage, self._usage, content),
            str(self._fields.get("model") or ""),
            {**{key: value for key, value in self._fields.items() if key not in OWN}, "usage": self._usage},
        )
        late = [BlockFinished(b.block) for b in blocks if not b.told and b.block is not None and b.block in content]
        return (*late, *self._remarks(cut), finished)

    def _remarks(self, cut: bool) -> list[Notice]:
        """Notices about how the message ended: calls that do not run, why the model declined."""
        remarks = []
        wires = [block.wire for block in self._order]
        names = [str(wire.get("name", "a tool")) for wire in wires if wire["type"] == "tool_use"]
        if cut and names:
            calls = f"its call of {names[0]} was" if len(names) == 1 else f"its calls of {', '.join(names)} were"
            remarks.append(Notice(f"The answer was cut off, so {calls} not run.", "warning"))
        details = self._fields.get("stop_details")
        if self._fields.get("stop_reason") == "refusal" and isinstance(details, Mapping):
            said = [str(details[name]) for name in ("category", "explanation") if details.get(name)]
            if said:
                remarks.append(Notice(f"The model declined: {': '.join(said)}", "warning"))
        return remarks

    def _delta(self, block: _OpenBlock, delta: Mapping[str, Any]) -> ModelEvent | None:
        kind = delta["type"]
        if kind == "thinking_delta":
            text = delta["thinking"]
            if not text.isascii() or block.high:
                text = block.sound(text)
            block.thinking.append(text)
            return ThinkingDelta(text) if text else None
        if kind == "input_json_delta":
            block.json.append(delta["partial_json"])
        elif kind == "signature_delta":
            block.wire["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block.wire["citations"] = [*(block.wire.get("citations") or ()), delta["citation"]]
        elif kind == "compaction_delta":
            block.wire["content"] = delta["content"]
        return None

    def _message_start(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        message = wire["message"]
        self._fields.update(message)
        self._usage.update(message.get("usage") or {})
        self._first_usage = dict(self._usage)
        usage = Usage.from_dict(self._usage)
        return MessageStarted(usage) if usage.prompt_tokens is not None else None

    def _whole_message(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        """A message that came as one piece."""
        message = wire["message"]
        started = self._message_start({"message": {key: value for key, value in message.items() if key != "content"}})
        for block in message["content"]:
            shown = self._block_start({"index": None, "content_block": block})
            self.waiting.extend(event for event in (shown, self._block_stop({"index": None})) if event is not None)
        self.is_whole = True
        return started

    def _block_start(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        index, given = wire.get("index"), dict(wire["content_block"])
        if not isinstance(given["type"], str):
            raise ValueError("a block needs a type")
        before = self._open.get(index)
        if before is not None and before.begins_again(given):
            return self._text_at_start(index, given) if before.is_empty else None
        ended = self._block_stop(wire) if before is not None else None
        block = self._open[index] = _OpenBlock(given)
        self._order.append(block)
        shown = self._text_at_start(index, given)
        if ended is None:
            return shown
        self.waiting.extend([shown] if shown is not None else [])
        return ended

    def _text_at_start(self, index: int | None, given: dict[str, Any]) -> ModelEvent | None:
        kind = given["type"]
        if kind not in ("text", "thinking"):
            return None
        text = given.setdefault(kind, "")
        delta = {"type": f"{kind}_delta", kind: text}
        return self.take({"type": "content_block_delta", "index": index, "delta": delta}) if text else None

    def _addressed(self, wire: Mapping[str, Any], kind: str) -> _OpenBlock:
        """The block that an event without a known index means: the newest open one, or one that it begins."""
        index = wire.get("index")
        if index is None and self._open:
            return next(reversed(self._open.values()))
        if kind not in STARTS:
            if kind in KNOWN_DELTAS:
                raise ValueError("it belongs to no block")
            return _OpenBlock({"type": kind})
        block = self._open[index] = _OpenBlock({"type": STARTS[kind], STARTS[kind]: ""})
        self._order.append(block)
        return block

    def _block_stop(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        index = wire.get("index")
        if index is None and index not in self._open and self._open:
            index = next(reversed(self._open))
        block = self._open.pop(index) if index in self._open else None
        if block is None:  # it has ended, or never began
            return None
        self._finish_block(block)
        if block.block is None or (isinstance(block.block, ToolUseBlock) and block.block.problem):
            return None  # no mistake if the message was cut here, which only its stop reason tells
        block.told = True
        return BlockFinished(block.block)

    def _finish_block(self, block: _OpenBlock) -> None:
        try:
            block.finish(self._schemas)
        except (ValueError, RecursionError) as error:
            self._unreadable = f"The input of the server's own call {block.wire.get('name')} is not readable: {error}."

    def _message_delta(self, wire: Mapping[str, Any]) -> None:
        said = {key: value for key, value in wire["delta"].items() if value is not None or key not in self._fields}
        if self._fields.get("stop_reason") in CUT_SHORT:  # what was cut stays so, whatever is said later
            said.pop("stop_reason", None)
        self._fields.update(said)
        # Cumulative: what is there counts, what is absent stays.
        self._usage.update({key: value for key, value in (wire.get("usage") or {}).items() if value is not None})
        self._fields.update({k: v for k, v in wire.items() if k not in ("type", "delta", "usage")})

    def _message_stop(self, wire: Mapping[str, Any]) -> None:
        self.is_whole = True


KNOWN_DELTAS = frozenset({"input_json_delta", "signature_delta", "citations_delta", "compaction_delta"})
_HANDLERS: dict[str, Any] = {
    "message": MessageAssembly._whole_message,
    "message_start": MessageAssembly._message_start,
    "content_block_start": MessageAssembly._block_start,
    "content_block_stop": MessageAssembly._block_stop,
    "message_delta": MessageAssembly._message_delta,
    "message_stop": MessageAssembly._message_stop,
}
