"""Operations on a conversation's messages that keep it valid: extend, repair, settle."""

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
    """The part of a cut-off model message that is kept: only its text, so that the history is always valid."""
    return tuple(TextBlock(block.text) for block in content if isinstance(block, TextBlock) and block.text.strip())


MAX_DEPTH = 100
"""How deeply a call's input, or a block of an unknown type, may be nested; the JSON encoder has a limit."""


def is_nested_deeply(message: Message) -> bool:
    """True for a message nested too deeply to be sent again."""
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
"""The call ids that a strict server accepts."""


def with_own_ids(message: Message, history: Sequence[Message]) -> Message:
    """The message with unique call ids; the same object if they are unique already.

    Small servers and callables number the calls of each answer from 1, which a strict server refuses.
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
    """The history with user blocks added at its end, in a new message or joined to a last user message.

    Joining keeps user and assistant messages alternating, as some servers require; the API does the same itself.
    """
    if not blocks:
        return tuple(messages)
    if messages and messages[-1].role == "user":
        joined = Message("user", (*messages[-1].content, *blocks))
        return (*messages[:-1], joined)
    return (*messages, Message("user", tuple(blocks)))


CODE_EXECUTION = "code_execution"
"""The server tool whose container receives uploads."""
STOPPED = "The turn was stopped before this call ran."
"""The text of a missing result."""


def repair(messages: Sequence[Message], reason: str = STOPPED) -> tuple[Message, ...]:
    """The same history, made valid: every `tool_use` has one result, and every server call its result.

    Valid messages stay the same objects, and repairing twice changes nothing more. Invalid blocks become text: an
    open call of a server tool, a result without its call, an id used twice. Signatures and pending calls of a server
    are valid only for an unchanged conversation; so from the first message with such a server block on, thinking is
    removed, and our own calls become text together with their results.
    """
    kept = [message for message in messages if message.content]
    repairer = _Repairer(_ServerIds.of(kept))
    out: list[Message] = []
    for index, message in enumerate(kept):
        if message.role == "user":
            calls = out[-1].tool_uses if out and out[-1].role == "assistant" else ()
            fixed = _answering(message, calls, reason, repairer.as_text)
            out += [fixed] if fixed.content else []
            continue
        fixed = repairer.repair(message)
        out += [fixed] if fixed.content else []
        if fixed.tool_uses and (index + 1 == len(kept) or kept[index + 1].role != "user"):
            out.append(Message("user", tuple(ToolResultBlock(c.id, reason, is_error=True) for c in fixed.tool_uses)))
    # A result that became text may have separated another server call from its result.
    again = repairer.rewritten and any(one is not two for one, two in zip(kept, out, strict=False))
    return repair(out, reason) if again else tuple(out)


class _Repairer:
    """Repairs the model's messages, one after the other."""

    def __init__(self, ids: _ServerIds) -> None:
        self.as_text: set[str] = set()
        """Ids of calls that became text; their results become text, too."""
        self._ids = ids
        self._used: set[str] = set()
        self.rewritten = False

    def repair(self, message: Message) -> Message:
        """A valid version of the message; the same object if it is valid."""
        others = (block for block in message.content if isinstance(block, OtherBlock))
        self.rewritten = self.rewritten or any(self._ids.settled(block) is not block for block in others)
        content = tuple(_valid(block, self._ids, self._used) for block in message.content)
        if self.rewritten:
            self.as_text |= {call.id for call in message.tool_uses}
            content = tuple(_as_text(b) if isinstance(b, ToolUseBlock) else b for b in content if not _is_thinking(b))
        return _with(message, content)


@dataclass(frozen=True, slots=True)
class _ServerIds:
    """The ids of calls that the server ran and answered exactly once, with only our results in between."""

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
        """The block, or text instead of it if its call or result is missing."""
        if block.is_call and block.own_id not in self.answered:
            return TextBlock(f"[{block.wire.get('name', 'a hosted tool')} was stopped before it answered]")
        orphan = block.is_result and block.answered_id not in self.answered
        return _as_text(block) if orphan or block.type in ("tool_use", "tool_result") else block


def _with(message: Message, content: tuple[Block, ...]) -> Message:
    """The message with this content; the same object if nothing changes."""
    same = len(content) == len(message.content) and all(map(operator.is_, content, message.content))
    return message if same else Message(message.role, content)


def _valid(block: Block, ids: _ServerIds, used: set[str]) -> Block:
    """A model's block, as text if it is a second call with the same id or a block that models do not send."""
    if isinstance(block, OtherBlock):
        return ids.settled(block)
    if isinstance(block, ToolResultBlock) or (isinstance(block, ToolUseBlock) and block.id in used):
        return _as_text(block)
    if isinstance(block, ToolUseBlock):
        used.add(block.id)
    return block


def _answering(message: Message, calls: Sequence[ToolUseBlock], reason: str, as_text: Set[str]) -> Message:
    """The user message with exactly one result for each preceding call, results first."""
    wanted = [call.id for call in calls]
    results: dict[str, ToolResultBlock] = {}
    rest: list[Block] = []
    for block in message.content:
        if isinstance(block, ToolResultBlock):
            if block.tool_use_id in wanted:
                results.setdefault(block.tool_use_id, block)
            elif block.tool_use_id in as_text:
                rest.append(_as_text(block))
        elif isinstance(block, OtherBlock):
            fits = not (block.is_call or block.is_result or block.type in ("tool_use", "tool_result"))
            rest.append(block if fits else _as_text(block))
        else:
            rest.append(_as_text(block) if isinstance(block, ToolUseBlock) else block)
    missing = [ToolResultBlock(id_, reason, is_error=True) for id_ in wanted if id_ not in results]
    return _with(message, (*results.values(), *missing, *rest))


def settle(messages: Sequence[Message], offered: frozenset[str]) -> tuple[Message, ...]:
    """The history prepared for another model or other tools: without thinking, other calls as text.

    Args:
        messages: a valid history.
        offered: the names of the tools that the next request offers; a round that used any other tool,
            including hosted ones, becomes plain text.

    The result depends on nothing else, so it is always the same bytes.
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
    """The history with a line of text instead of each of these uploaded files, which the server no longer has."""
    out = []
    for message in messages:
        content = tuple(_lost(b) if b.type == UPLOAD and _file_id(b) in gone else b for b in message.content)
        out.append(message if content == message.content else Message(message.role, content))
    return tuple(out)


def uploads(messages: Iterable[Message]) -> tuple[str, ...]:
    """The ids of the uploaded files in the messages, in order."""
    return tuple(_file_id(block) for message in messages for block in upload_blocks(message))


def upload_blocks(message: Message) -> tuple[Block, ...]:
    """The blocks of a message that put uploaded files into the container."""
    return tuple(block for block in message.content if block.type == UPLOAD)


def _file_id(block: Block) -> str:
    return str(block.wire.get("file_id", "")) if isinstance(block, OtherBlock) else ""


def _lost(block: Block) -> TextBlock:
    return TextBlock(f"[the file {_file_id(block)} was sent here; the server no longer has it]")


def _is_stray(block: Block, calls: Set[str], offered: frozenset[str]) -> bool:
    """True for a user block that would be refused: a result without its call, a file without a container."""
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
    """A block as plain text."""
    match block:
        case ToolUseBlock(name=name, input=given):
            return TextBlock(f"[called {name}: {json.dumps(dict(given), ensure_ascii=False, sort_keys=True)}]")
        case ToolResultBlock(is_error=is_error):
            return TextBlock(f"[{'the call failed' if is_error else 'result'}: {block.text}]")
        case OtherBlock(wire=wire):
            return TextBlock(f"[{block.type}: {json.dumps(dict(wire), ensure_ascii=False, sort_keys=True)}]")
    return block
