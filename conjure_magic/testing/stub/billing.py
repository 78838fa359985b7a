"""What the stub makes of a request's prefix: the chain of its blocks, cached tokens, and what has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Wire = Mapping[str, Any]

LOOK_BACK = 20
"""Blocks before a breakpoint that are searched for an entry of the cache."""


def canonical(value: object) -> str:
    """JSON that does not depend on the order of keys, or on marks for the cache."""
    return json.dumps(_unmarked(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _unmarked(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _unmarked(part) for key, part in value.items() if key != "cache_control"}
    return [_unmarked(part) for part in value] if isinstance(value, list) else value


def tokens(text: str) -> int:
    """How many tokens the stub sees in a text: one for four bytes, begun ones counted."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


@dataclass(frozen=True, slots=True)
class Link:
    """One block of a request, in the chain of all of them."""

    place: str
    """Where it stands: "tools.0", "system.0", "messages.3"."""
    role: str
    block: Wire
    before: bytes
    """Stands for everything in front of it."""
    after: bytes
    """Stands for everything up to its end."""
    tokens: int
    marked: bool


def blocks_of(content: object) -> list[Wire]:
    """Content as blocks; a string is one of text."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())  # type: ignore[call-overload]


def extend(state: bytes, role: str, block: Wire) -> tuple[bytes, int]:
    """The chain's state after one more block, and the block's tokens."""
    text = canonical(block)
    return hashlib.sha256(state + role.encode() + text.encode("utf-8", "replace")).digest(), tokens(text)


def chain(body: Wire) -> list[Link]:
    """All blocks of a request in the order in which a model reads them; users in a row count as one."""
    container = body.get("container")
    skills = container.get("skills") if isinstance(container, Mapping) else None
    state = canonical([body.get("model"), skills]).encode()
    links: list[Link] = []
    for place, role, block in _places(body):
        after, count = extend(state, role, block)
        links.append(Link(place, role, block, state, after, count, "cache_control" in block))
        state = after
    return links


def _places(body: Wire) -> Iterator[tuple[str, str, Wire]]:
    for index, tool in enumerate(body.get("tools") or ()):
        yield f"tools.{index}", "tool", tool
    for index, block in enumerate(blocks_of(body.get("system"))):
        yield f"system.{index}", "system", block
    for index, message in enumerate(body["messages"]):
        for block in blocks_of(message["content"]):
            yield f"messages.{index}", message["role"], block


class PromptCache:
    """Which prefixes are cached. Entries do not expire."""

    def __init__(self) -> None:
        self._entries: set[tuple[str, bytes]] = set()

    def account(self, body: Wire, links: list[Link], minimum: int) -> dict[str, int]:
        """The input side of `usage`, and the breakpoints stored; prefixes below `minimum` tokens are not cached."""
        scope = canonical([body.get("thinking"), body.get("tool_choice"), body.get("output_config")])
        marks = [index for index, link in enumerate(links) if link.marked]
        if body.get("cache_control"):
            marks += [i for i, link in enumerate(links) if link.block.get("type") not in THOUGHTS][-1:]
        sums = [0]
        for link in links:
            sums.append(sums[-1] + link.tokens)
        marks = [index for index in marks if sums[index + 1] >= minimum]
        read = written = 0
        for mark in marks:
            for index in range(mark, max(mark - LOOK_BACK, 0) - 1, -1):
                if (scope, links[index].after) in self._entries:
                    read = max(read, sums[index + 1])
                    break
        if marks:
            written = max(sums[max(marks) + 1] - read, 0)
        self._entries |= {(scope, links[index].after) for index in marks}
        return {
            "input_tokens": sums[-1] - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
        }


THOUGHTS = ("thinking", "redacted_thinking")


def iterations(first: Mapping[str, int], blocks: Sequence[Wire], output: int | None = None) -> list[dict[str, int]]:
    """What each iteration of the server's own loop used: one more for every result of a tool that the server ran.

    Args:
        first: the input side of the first one; every later one reads from the cache what the one before has read.
        blocks: the message's content.
        output: what all of it counts as, instead of a count of the blocks.
    """
    used = [{**first, "output_tokens": 0}]
    read, new = sum(first.values()), 0
    for block in blocks:
        count = tokens(canonical(block))
        if block["type"].endswith("_tool_result"):
            fresh = {"input_tokens": new + count, "cache_creation_input_tokens": 0, "cache_read_input_tokens": read}
            used.append({**fresh, "output_tokens": 0})
            read, new = read + new + count, 0
        else:
            used[-1]["output_tokens"] += count
            new += count
    if output is not None:
        used = [{**one, "output_tokens": 0 if one is not used[-1] else output} for one in used]
    return used


def usage_wire(used: Mapping[str, int]) -> dict[str, Any]:
    """The `usage` of a message, with every field that the API has for it."""
    return {
        **used,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used["cache_creation_input_tokens"],
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": None,
        "inference_geo": "global",
        "service_tier": "standard",
        "speed": "standard",
    }


class Prefixes:
    """Notices when a conversation is not the one before with something added."""

    def __init__(self) -> None:
        self._before: dict[bytes, list[tuple[str, bytes]]] = {}

    def change(self, links: list[Link]) -> str:
        """Where this request first differs from the one before in its conversation; empty if nowhere.

        A conversation is known by the first block of its first message.
        """
        own = [(link.place, link.role.encode() + canonical(link.block).encode("utf-8", "replace")) for link in links]
        first = next((content for place, content in own if place == "messages.0"), b"")
        before = self._before.get(first, [])
        self._before[first] = own
        for (place, content), now in zip(before, [*own, *[("", b"")] * len(before)], strict=False):
            if content != now[1]:
                return place
        return ""
