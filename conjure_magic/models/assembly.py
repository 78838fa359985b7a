"""A model's message while it arrives: the stream's events go in, what to show and at last the message comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conjure_magic.api.events import DECODER
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
from conjure_magic.messages import Block, Message, ToolUseBlock, Usage, parse_block
from conjure_magic.models.base import CUT_SHORT

THOUGHTS = ("thinking", "redacted_thinking")
OWN = frozenset({"type", "role", "content", "model", "usage", "stop_reason"})
"""Fields of the wire's message that `MessageFinished` has a place for."""


class _OpenBlock:
    """A content block between its start and its stop."""

    __slots__ = ("block", "high", "json", "text", "thinking", "wire")

    def __init__(self, wire: dict[str, Any]) -> None:
        self.wire = wire
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.json: list[str] = []
        self.block: Block | None = None
        self.high = ""

    def sound(self, text: str) -> str:
        """The text without lone surrogates, of which JSON may hold halves and UTF-8 none."""
        text, self.high = self.high + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.high = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def finish(self) -> None:
        """Join the pieces into the block. Raises ValueError if its input is no JSON."""
        if self.text:
            self.wire["text"] = "".join(self.text)
        if self.thinking:
            self.wire["thinking"] = "".join(self.thinking)
        given = "".join(self.json)
        if given.strip():
            self.wire["input"] = DECODER.decode(given)
        self.block = parse_block(self.wire)
        if self.wire["type"] == "tool_use" and not isinstance(self.block, ToolUseBlock):
            raise ValueError("a tool_use block needs id, name and an object as input")


class MessageAssembly:
    """Folds a stream's events, in order, into one message.

    Deltas come out as they go in. A `BlockFinished` says that a block is complete, not that it may be acted
    on: its message may still break off. Calls are for running once `finish` has given the message, and then
    only if its stop reason is none of `CUT_SHORT`.
    """

    def __init__(self) -> None:
        self.is_whole = False
        """True once the stream has said that the message ends."""
        self._blocks: dict[int, _OpenBlock] = {}
        self._unreadable = ""
        self._fields: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}

    def take(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        """Take the next event in; what there is to show, if anything. What is not known is passed over.

        Raises ProtocolError for an event that its place or shape makes unreadable.
        """
        try:
            kind = wire["type"]
            if kind == "content_block_delta":
                block, delta = self._blocks[wire["index"]], wire["delta"]
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
        """The last events: the message, and before it notices of calls that were cut and of why the model declined.

        Raises ProtocolError if a block never ended, or a call cannot be read though nothing cut the message.
        """
        stop_reason = self._fields.get("stop_reason")
        cut = stop_reason in CUT_SHORT
        open_blocks = [block for block in self._blocks.values() if block.block is None]
        if open_blocks and not cut:
            raise ProtocolError(f"The server ended its message inside of a block. {self._unreadable}".strip())
        content = [block.block for block in self._blocks.values() if block.block is not None]
        while cut and content and content[-1].type in THOUGHTS:
            content.pop()  # cut before its signature came, without which it may not come back
        finished = MessageFinished(
            # The API refuses empty text blocks, also those that a model has sent.
            Message("assistant", tuple(b for b in content if b.type != "text" or getattr(b, "text", "x").strip())),
            stop_reason if isinstance(stop_reason, str) else None,
            Usage.from_dict(self._usage),
            str(self._fields.get("model") or ""),
            {**{key: value for key, value in self._fields.items() if key not in OWN}, "usage": self._usage},
        )
        return (*self._remarks(cut), finished)

    def _remarks(self, cut: bool) -> list[Notice]:
        """What the person should know of how the message ended: calls that do not run, why the model declined."""
        remarks = []
        wires = [block.wire for block in self._blocks.values()]
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
        usage = Usage.from_dict(self._usage)
        return MessageStarted(usage) if usage.prompt_tokens is not None else None

    def _block_start(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        index = wire["index"]
        if index in self._blocks:
            raise ValueError(f"block {index} began twice")
        block = self._blocks[index] = _OpenBlock(dict(wire["content_block"]))
        kind = block.wire["type"]
        if kind == "tool_use":
            block.wire.setdefault("input", {})
        for field in ("text", "thinking"):
            if kind == field and block.wire.setdefault(field, ""):
                delta = {"type": f"{field}_delta", field: block.wire[field]}
                return self.take({"type": "content_block_delta", "index": index, "delta": delta})
        return None

    def _block_stop(self, wire: Mapping[str, Any]) -> ModelEvent | None:
        block = self._blocks[wire["index"]]
        try:
            block.finish()
        except (ValueError, RecursionError) as error:
            # No mistake if the message was cut here, which only its stop reason tells.
            block.block, self._unreadable = None, f"The input of {block.wire.get('name')} is not readable: {error}."
            return None
        return BlockFinished(block.block) if block.block is not None else None

    def _message_delta(self, wire: Mapping[str, Any]) -> None:
        self._fields.update(wire["delta"])
        # Cumulative: what is there counts, what is absent stays.
        self._usage.update({key: value for key, value in (wire.get("usage") or {}).items() if value is not None})
        self._fields.update({k: v for k, v in wire.items() if k not in ("type", "delta", "usage")})

    def _message_stop(self, wire: Mapping[str, Any]) -> None:
        self.is_whole = True


_HANDLERS: dict[str, Any] = {
    "message_start": MessageAssembly._message_start,
    "content_block_start": MessageAssembly._block_start,
    "content_block_stop": MessageAssembly._block_stop,
    "message_delta": MessageAssembly._message_delta,
    "message_stop": MessageAssembly._message_stop,
}
