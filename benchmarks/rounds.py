"""CPU time of a conversation of 300 tool rounds, relative to a bare loop that serialises everything each time.

The stub runs in a separate process. The bare loop posts with httpx, keeps its history as dictionaries, and lets
`json=` serialise all of it for each request: `python -m benchmarks.rounds`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import httpx

from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.events import MessageFinished
from conjure_magic.messages import Message, ToolResultBlock
from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.testing.stub import Reply, StubProcess

ROUNDS = 300
REPEATS = 3
GOAL, GROWTH_GOAL = 0.6, 2.5
MODEL = "claude-opus-5-5"
RESULT = "2026-11-20 12:00:00 host service[1]: something happened: naïve\n" * 64  # 4 kB, as a tool prints
NEAR = 5
"""Number of rounds around a round whose median is used as its time."""
TOOLS = tuple(
    ToolDefinition(name, "Does something. " * 20, {"type": "object", "properties": {"command": {"type": "string"}}})
    for name in ("bash_tool", "view", "create_file", "str_replace")
)
SYSTEM = "You are careful. " * 200
CALL = {"type": "tool_use", "name": "bash_tool", "input": {"command": "tail -n 64 /var/log/syslog"}}


def main() -> None:
    """Print the table; exit with 1 if a goal is missed."""
    with StubProcess("--forget-bodies") as stub, httpx.Client(timeout=60) as client:
        model = MessagesModel(MODEL, Credentials(stub.url, "x-api-key", Key("sk-none"), "anthropic"))
        ways: dict[str, Callable[[], list[float]]] = {
            "httpx, everything serialised": lambda: raw(client, stub.url),
            "MessagesModel": lambda: ours(model),
        }
        runs: dict[str, list[list[float]]] = {name: [] for name in ways}
        for _ in range(REPEATS):
            for name, way in ways.items():
                stub.reply(*[Reply((f"Round {number}.", CALL), piece=64) for number in range(ROUNDS)])
                runs[name].append(way())
    best = {name: min(taken, key=sum) for name, taken in runs.items()}
    base = sum(best["httpx, everything serialised"])
    print(f"{f'CPU of {ROUNDS} rounds':32} {'ms':>8} {'ratio':>6} {'round 4':>8} {'round 300':>10} {'growth':>7}")
    growth = 0.0
    for name, taken in best.items():
        early, late = median(taken[3 : 3 + NEAR]), median(taken[-NEAR:])
        growth = late / early
        row = (
            f"{sum(taken) * 1000:8.0f} {sum(taken) / base:6.2f} {early * 1000:7.2f}m {late * 1000:9.2f}m {growth:7.2f}"
        )
        print(f"{name:32} {row}")
    raise SystemExit(sum(best["MessagesModel"]) / base > GOAL or growth > GROWTH_GOAL)


def raw(client: httpx.Client, url: str) -> list[float]:
    """CPU seconds of each round of the bare loop."""
    headers = {"x-api-key": "sk-none", "anthropic-version": "2023-06-01"}
    tools = [tool.to_dict() for tool in TOOLS]
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Go on."}]
    fixed = {"model": MODEL, "max_tokens": 16_000, "stream": True, "system": SYSTEM, "tools": tools}
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        content: list[dict[str, Any]] = []
        pieces: list[str] = []
        body = {**fixed, "cache_control": {"type": "ephemeral"}, "messages": messages}
        with client.stream("POST", f"{url}/v1/messages", json=body, headers=headers) as response:
            for line in response.iter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line[6:])
                if event["type"] == "content_block_start":
                    content.append(event["content_block"])
                    pieces = []
                elif event["type"] == "content_block_delta":
                    pieces.append(event["delta"].get("text", event["delta"].get("partial_json")))
                elif event["type"] == "content_block_stop" and content[-1]["type"] == "text":
                    content[-1]["text"] = "".join(pieces)
                elif event["type"] == "content_block_stop":
                    content[-1]["input"] = json.loads("".join(pieces))
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": RESULT}
            for block in content
            if block["type"] == "tool_use"
        ]
        messages += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
        taken.append(time.process_time() - started)
    return taken


def ours(model: MessagesModel) -> list[float]:
    """CPU seconds of each round with our model, which serialises messages once."""
    messages: tuple[Message, ...] = (Message.user("Go on."),)
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        events = list(model.stream(Request(MODEL, SYSTEM, TOOLS, messages, max_tokens=1_000), Cancel()))
        last = events[-1]
        assert isinstance(last, MessageFinished)
        results = [ToolResultBlock(call.id, RESULT) for call in last.message.tool_uses]
        messages = (*messages, last.message, Message.user(*results))
        taken.append(time.process_time() - started)
    return taken


if __name__ == "__main__":
    main()
