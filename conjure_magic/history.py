"""A conversation as a sequence of messages, and what keeps it valid: joining, repairing, settling."""

from __future__ import annotations

import json
import operator
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import count

from conjure_magic.messages import (
    Block,
    Message,
    OtherBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)


def unfinished(content: Iterable[Block]) -> tuple[Block, ...]:
    """What stays of a model's message that was cut: its text alone (decision: a history is always valid)."""
    return tuple(TextBlock(block.text) for block in content if isinstance(block, TextBlock) and block.text.strip())


MAX_DEPTH = 100
"""How deeply a call's input, or a block of an unknown type, may be nested: much deeper, JSON cannot be written."""


def is_nested_deeply(message: Message) -> bool:
    """True for a message that could be kept and not be written out again."""
    inputs = [block.input if isinstance(block, ToolUseBlock) else block.wire for block in message.content
              if isinstance(block, ToolUseBlock | OtherBlock)]  # fmt: skip
    level: list[object] = [*inputs]
    for _ in range(MAX_DEPTH + 1):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return False
    return True


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


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
                block = replace(block, id=f"toolu_{number}")
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


CODE_EXECUTION = "code_execution"
"""The server tool whose container takes uploads."""
STOPPED = "The turn was stopped before this call ran."
"""What a model reads in the place of a result that never came."""


def repair(messages: Sequence[Message], reason: str = STOPPED) -> tuple[Message, ...]:
    """The same history, made valid: every `tool_use` answered once, no server call without its result.

    Messages that were valid are the same objects; repairing twice changes nothing more. Blocks that cannot stand
    where they are become text: a server tool's call left open, a result without its call, an id used twice. What a
    server signed or awaits holds only for an unchanged conversation, so from a message with such a server block on,
    thinking goes, and calls of ours become text with their results.
    """
    kept = [message for message in messages if message.content]
    mender = _Mender(_ServerIds.of(kept))
    out: list[Message] = []
    for index, message in enumerate(kept):
        if message.role == "user":
            calls = out[-1].tool_uses if out and out[-1].role == "assistant" else ()
            out += [mended] if (mended := _answering(message, calls, reason, mender.told)).content else []
            continue
        mended = mender.mend(message)
        out += [mended] if mended.content else []
        if mended.tool_uses and (index + 1 == len(kept) or kept[index + 1].role != "user"):
            out.append(Message("user", tuple(ToolResultBlock(c.id, reason, is_error=True) for c in mended.tool_uses)))
    # A result that became text may have parted another server call from its own.
    again = mender.rewritten and any(one is not two for one, two in zip(kept, out, strict=False))
    return repair(out, reason) if again else tuple(out)


class _Mender:
    """Mends a model's messages one after the other."""

    def __init__(self, ids: _ServerIds) -> None:
        self.told: set[str] = set()
        """Ids of calls that became text, and whose results do so too."""
        self._ids = ids
        self._used: set[str] = set()
        self.rewritten = False

    def mend(self, message: Message) -> Message:
        """The message as it can stand; the same object if it can."""
        others = (block for block in message.content if isinstance(block, OtherBlock))
        self.rewritten = self.rewritten or any(self._ids.settled(block) is not block for block in others)
        content = tuple(_standing(block, self._ids, self._used) for block in message.content)
        if self.rewritten:
            self.told |= {call.id for call in message.tool_uses}
            content = tuple(_as_text(b) if isinstance(b, ToolUseBlock) else b for b in content if not _is_thinking(b))
        return _with(message, content)


@dataclass(frozen=True, slots=True)
class _ServerIds:
    """The ids of the calls that a server ran itself and answered: once, with nothing but results of ours between."""

    answered: frozenset[str]

    @classmethod
    def of(cls, messages: Iterable[Message]) -> _ServerIds:
        waiting: set[str] = set()
        answered: set[str] = set()
        times: Counter[str] = Counter()
        for message in messages:
            if message.role == "user":
                if any(not isinstance(block, ToolResultBlock) for block in message.content):
                    waiting.clear()
                continue
            for block in (block for block in message.content if isinstance(block, OtherBlock)):
                times[block.own_id if block.is_call else block.answered_id] += 1
                if block.is_call:
                    waiting.add(block.own_id)
                elif block.is_result and block.answered_id in waiting:
                    answered.add(block.answered_id)
        return cls(frozenset(id_ for id_ in answered - {""} if times[id_] == 2))

    def settled(self, block: OtherBlock) -> Block:
        """The block, or the text in its place where its other half is missing."""
        if block.is_call and block.own_id not in self.answered:
            return TextBlock(f"[{block.wire.get('name', 'a hosted tool')} was stopped before it answered]")
        orphan = block.is_result and block.answered_id not in self.answered
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


def _answering(message: Message, calls: Sequence[ToolUseBlock], reason: str, told: Set[str]) -> Message:
    """The user message with exactly one result for each call before it, results first."""
    wanted = [call.id for call in calls]
    results: dict[str, ToolResultBlock] = {}
    rest: list[Block] = []
    for block in message.content:
        if isinstance(block, ToolResultBlock):
            if block.tool_use_id in wanted:
                results.setdefault(block.tool_use_id, block)
            elif block.tool_use_id in told:
                rest.append(_as_text(block))
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
            content = [_as_text(b) if foreign else _portable(b) for b in message.content if not _is_thinking(b)]
        else:
            open_calls = {c.id for c in out[-1].tool_uses} if out else set()
            content = [_as_text(b) if _is_stray(b, open_calls, offered) else _portable(b) for b in message.content]
        if content:
            out.append(message if tuple(content) == message.content else Message(message.role, tuple(content)))
    return tuple(out)


PORTABLE = frozenset({"citations", "caller", "cache_control"})
"""Fields that every server of the API takes on a block; what a gateway added is refused by another server."""


def _portable(block: Block) -> Block:
    """The block without the fields that are one server's own; the same object if it has none."""
    if isinstance(block, OtherBlock) or set(block.extra) <= PORTABLE:
        return block
    return replace(block, extra={name: value for name, value in block.extra.items() if name in PORTABLE})


UPLOAD = "container_upload"
"""The type of the block that puts an uploaded file into the container."""


def without_uploads(messages: Sequence[Message], gone: Set[str]) -> tuple[Message, ...]:
    """The history with a line of text in the place of each of these uploaded files, which the server no longer has."""
    out = []
    for message in messages:
        content = tuple(_lost(b) if b.type == UPLOAD and _file_id(b) in gone else b for b in message.content)
        out.append(message if content == message.content else Message(message.role, content))
    return tuple(out)


def uploads(messages: Iterable[Message]) -> tuple[str, ...]:
    """The ids of the uploaded files that the messages name, in order."""
    return tuple(_file_id(block) for message in messages for block in upload_blocks(message))


def upload_blocks(message: Message) -> tuple[Block, ...]:
    """The blocks of a message that put uploaded files into the container."""
    return tuple(block for block in message.content if block.type == UPLOAD)


def _file_id(block: Block) -> str:
    return str(block.wire.get("file_id", "")) if isinstance(block, OtherBlock) else ""


def _lost(block: Block) -> TextBlock:
    return TextBlock(f"[the file {_file_id(block)} was sent here; the server no longer keeps it]")


def _is_stray(block: Block, calls: Set[str], offered: frozenset[str]) -> bool:
    """True for a user's block with nothing to stand on: a result without its call, a file without a container."""
    if isinstance(block, ToolResultBlock):
        return block.tool_use_id not in calls
    return block.type == UPLOAD and CODE_EXECUTION not in offered


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
