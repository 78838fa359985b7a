"""Token counts of servers: how many are billed, and how long the conversation is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conjure_magic.messages import Block, Message, OtherBlock, Usage, Wire

BYTES_PER_TOKEN = 3
"""A low guess, so that the estimate is rather too high."""


def usage_of(first: Wire, last: Wire, content: Sequence[Block]) -> Usage:
    """The usage of an answer, and what its server's own loop read last.

    `message_delta` counts cumulatively, also over the iterations in which the server ran tools itself. That is what is
    billed; the length of the conversation is what the last iteration read: listed by a beta, else estimated.

    Args:
        first: `usage` of `message_start`: of the first iteration.
        last: the totals.
        content: the answer.
    """
    total = Usage.from_dict(last)
    listed = last.get("iterations")
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    messages = [one for one in entries if one.get("type") == "message"]
    if len(messages) > 1:
        newest = Usage.from_dict(messages[-1])
        return replace(total, last_prompt_tokens=newest.prompt_tokens, last_output_tokens=newest.output_tokens)
    results = [index for index, block in enumerate(content) if isinstance(block, OtherBlock) and block.is_result]
    began = Usage.from_dict(first).prompt_tokens
    if not results or not began or (total.prompt_tokens or 0) <= began:
        return total
    seen, said = (
        estimated_tokens([Message("assistant", tuple(part))])
        for part in (content[: results[-1] + 1], content[results[-1] + 1 :])
    )
    prompt = min(began + seen, total.prompt_tokens or 0)
    return replace(total, last_prompt_tokens=prompt, last_output_tokens=min(said, total.output_tokens or said))


def estimated_tokens(messages: Sequence[Message]) -> int:
    """How many tokens these messages may have, rather too many than too few."""
    return sum(len(message.encoded) for message in messages) // BYTES_PER_TOKEN
