"""The messages that the stub has sent, so that thinking that comes back changed is refused."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conjure_magic.testing.stub.billing import THOUGHTS, Link, blocks_of, canonical, chain, extend
from conjure_magic.testing.stub.rules import RefusedError, pending_calls

Wire = Mapping[str, Any]
MODIFIED = "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"


@dataclass(frozen=True, slots=True)
class _Issued:
    """A thinking block that was sent."""

    model: str
    text: str
    before: bytes


@dataclass(frozen=True, slots=True)
class _Open:
    """A message that is not over: what has to come back with it."""

    content: str
    tools: str
    container: str | None
    paused: bool


class SentThinking:
    """Signs thinking on its way out and checks it on its way back."""

    def __init__(self) -> None:
        self._issued: dict[str, _Issued] = {}
        self._by_call: dict[str, list[str]] = {}
        self._open: dict[str, _Open] = {}
        self._due: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def sign(self, body: Wire, links: Sequence[Link], blocks: Sequence[dict[str, Any]], stop_reason: str) -> None:
        """Give a reply's thinking its signatures, and remember it with everything in front of it."""
        state = links[-1].after
        signatures: list[str] = []
        for block in blocks:
            if block["type"] in THOUGHTS:
                secret = "data" if block["type"] == "redacted_thinking" else "signature"
                seed = state + str(next(self._numbers)).encode()
                block.setdefault(secret, "stub" + hashlib.sha256(seed).hexdigest())
                signatures.append(block[secret])
                self._issued[block[secret]] = _Issued(str(body["model"]), block.get("thinking", ""), state)
            if block["type"] != "text" or block["text"].strip():  # blank text is refused when it comes back
                state, _ = extend(state, "assistant", {key: value for key, value in block.items() if key != "raw"})
        for block in blocks:
            if block["type"] == "tool_use":
                self._by_call[block["id"]] = signatures

    def leave_open(
        self,
        body: Wire,
        blocks: Sequence[Wire],
        later: Sequence[dict[str, Any]],
        container: str | None,
        stop_reason: str,
    ) -> None:
        """Remember a message that is not over: paused, or with calls of the server's own still to be answered.

        `later` are the results that open the next message, `container` where its calls ran.
        """
        self._due |= {result["tool_use_id"]: result for result in later}
        pending = pending_calls(blocks)
        if stop_reason == "pause_turn" or pending:
            content = canonical([dict(block) for block in blocks])
            whole = _Open(content, canonical(body.get("tools")), container, stop_reason == "pause_turn")
            self._open |= dict.fromkeys([content, *pending], whole)

    def due(self, body: Wire) -> list[dict[str, Any]]:
        """The results of the server's own calls with which the answer to this request begins."""
        last = next((m for m in reversed(body["messages"]) if m["role"] == "assistant"), None)
        pending = pending_calls(blocks_of(last["content"])) if last is not None else []
        return [self._due[call] for call in pending if call in self._due]

    def forget(self) -> None:
        """Know no signature any more; what came with a call is still wanted back with its result."""
        self._issued.clear()

    def resumes(self, messages: object) -> bool:
        """True if the conversation ends in a message that was paused, unchanged."""
        last = messages[-1] if isinstance(messages, list) and messages else None
        found = self._open.get(canonical(blocks_of(last.get("content")))) if isinstance(last, Mapping) else None
        return found is not None and found.paused

    def check(self, body: Wire) -> list[Link]:
        """The request's chain. Raises `RefusedError` for thinking that is not what was sent, where it was sent, and
        for a message that continues with other content, tools or container than it had."""
        links = chain(body)
        self._check_open(body)
        for link in links:
            if link.block.get("type") in THOUGHTS and link.role == "assistant":
                self._check_thought(link, str(body["model"]))
        self._check_loop(body["messages"])
        return links

    def _check_open(self, body: Wire) -> None:
        messages = body["messages"]
        ends_paused = messages[-1]["role"] == "assistant"
        if not ends_paused and (len(messages) < 2 or messages[-2]["role"] != "assistant"):
            return
        blocks = blocks_of(messages[-1 if ends_paused else -2]["content"])
        pending = pending_calls(blocks)
        found = self._open.get(canonical(blocks) if ends_paused else next(iter(pending), ""))
        if found is None or not (ends_paused or pending):
            return
        if found.content != canonical(blocks):
            raise RefusedError("messages: an assistant message that is not over must come back unchanged")
        if found.tools != canonical(body.get("tools")):
            raise RefusedError("tools: must be the same while a message is not over")
        named = body.get("container")
        named = named.get("id") if isinstance(named, Mapping) else named
        if found.container is not None and named != found.container:
            raise RefusedError(f"container: must be {found.container} while a message is not over")

    def _check_thought(self, link: Link, model: str) -> None:
        issued = self._issued.get(str(link.block.get("signature") or link.block.get("data")))
        if issued is None:
            raise RefusedError(f"{link.place}: Invalid `signature` in `thinking` block")
        if issued.text != link.block.get("thinking", ""):
            raise RefusedError(f"{link.place}: {MODIFIED}.")
        if issued.model != model:
            raise RefusedError(f"{link.place}: Invalid `signature` in `thinking` block: it is another model's")
        if issued.before != link.before:
            raise RefusedError(f"{link.place}: The block is bound to a different conversation")

    def _check_loop(self, messages: Sequence[Wire]) -> None:
        """Inside of a tool loop the thinking that came with the calls has to be there."""
        if len(messages) < 2 or messages[-1]["role"] != "user":
            return
        if not any(block["type"] == "tool_result" for block in blocks_of(messages[-1]["content"])):
            return
        blocks = blocks_of(messages[-2]["content"])
        there = [str(b.get("signature") or b.get("data")) for b in blocks if b["type"] in THOUGHTS]
        for block in blocks:
            sent = self._by_call.get(block["id"], []) if block["type"] == "tool_use" else there
            if sent != there:
                raise RefusedError(
                    f"messages.{len(messages) - 2}: {MODIFIED}. These blocks must remain as they were in the original "
                    "response."
                )
