"""What the real server answers with 400, checked in the order in which it would be noticed.

From the API's documentation and observed errors: fields, tools, messages, calls and their results. Thinking is
checked by the server, which knows what it has sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from conjure_magic.testing.stub.billing import blocks_of
from conjure_magic.testing.stub.catalogue import StubModel
from conjure_magic.testing.stub.replies import ERROR_TYPES

Wire = Mapping[str, Any]


class RefusedError(Exception):
    """The request is answered with an error."""

    def __init__(self, message: str, status: int = 400, kind: str = "", code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind or ERROR_TYPES[status]
        self.code = code
        """The `error_code` of its details; empty if it has none."""


FIELDS = frozenset(
    {"model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "stop_sequences", "metadata"}
    | {"thinking", "cache_control", "container", "service_tier", "output_config", "diagnostics", "context_management"}
    | {"inference_geo", "speed", "user_profile_id", "workspace_id"}
)
SAMPLING = ("temperature", "top_p", "top_k")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ID = re.compile(r"[a-zA-Z0-9_-]+")
TYPED_TOOLS = {
    "bash_": "bash",
    "text_editor_": "str_replace_based_edit_tool",
    "memory_": "memory",
    "code_execution_": "code_execution",
    "tool_search_tool_regex_": "tool_search_tool_regex",
    "tool_search_tool_bm25_": "tool_search_tool_bm25",
    "web_search_": "web_search",
    "web_fetch_": "web_fetch",
}
TOOL_FIELDS = frozenset(
    {"type", "name", "description", "input_schema", "strict", "input_examples", "cache_control", "defer_loading"}
    | {"allowed_callers", "eager_input_streaming"}
)
USER_BLOCKS = frozenset({"text", "image", "document", "tool_result", "search_result", "container_upload"})
RESULT_PARTS = frozenset({"text", "image", "document", "search_result", "tool_reference"})
MAX_MARKS = 4
MAX_SKILLS = 20
LEGACY_CODE = "code_execution_20250522"
"""Runs Python alone; skills need a later one."""


def require(condition: object, message: str) -> None:
    """Raise `RefusedError` with the message unless the condition holds."""
    if not condition:
        raise RefusedError(message)


def check_fields(body: Wire, model: StubModel, *, counting: bool) -> None:
    """The top level of a request; `counting` for `count_tokens`, which takes no `max_tokens`."""
    for name in SAMPLING:
        require(name not in body, f"{name}: sampling parameters are not supported by this model.")
    for name in sorted(set(body) - FIELDS):
        raise RefusedError(f"{name}: Extra inputs are not permitted")
    if not counting:
        require("max_tokens" in body, "max_tokens: Field required")
        limit = body["max_tokens"]
        require(type(limit) is int and limit >= 0, "max_tokens: Input should be greater than or equal to 1")
        most = (
            f"max_tokens: {limit} > {model.output}, which is the maximum allowed number of output tokens for {model.id}"
        )
        require(limit <= model.output, most)
    _check_system(body.get("system"))
    _check_thinking(body, model)
    _check_choice(body, model)
    _check_container(body)
    for index, tool in enumerate(body.get("tools") or ()):
        kind = str(tool.get("type", ""))
        fits = model.runs_code or not kind.startswith("code_execution_")
        require(fits, f"tools.{index}: '{kind}' is not supported by {model.id}")
    marks = _marks(body) + bool(body.get("cache_control"))
    require(marks <= MAX_MARKS, f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {marks}.")


def _check_system(system: object) -> None:
    require(system is None or isinstance(system, str | list), "system: Input should be a valid string or list")
    for index, block in enumerate(system if isinstance(system, list) else ()):
        _check_text(block, f"system.{index}", "system")


def _check_thinking(body: Wire, model: StubModel) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type")
    allowed = ", ".join(model.thinking)
    require(kind in model.thinking, f"thinking.type: {kind} is not supported by {model.id}; use one of {allowed}")
    shown = thinking.get("display", "omitted")
    require(shown in ("summarized", "omitted"), "thinking.display: Input should be 'summarized' or 'omitted'")
    if kind == "adaptive":
        require("budget_tokens" not in thinking, "thinking.adaptive.budget_tokens: Extra inputs are not permitted")


def _check_choice(body: Wire, model: StubModel) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    require(
        kind in ("auto", "any", "tool", "none"), "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'"
    )
    require(body.get("tools"), "tool_choice: may only be specified while providing tools")
    require(
        model.forced_tools or kind in ("auto", "none"),
        f"tool_choice: {kind} is not supported by {model.id}; use auto or none",
    )


def _check_container(body: Wire) -> None:
    container = body.get("container")
    if not isinstance(container, Mapping):
        require(container is None or isinstance(container, str), "container: Input should be a string or an object")
        return
    extra = sorted(set(container) - {"id", "skills"})
    require(not extra, f"container.{', '.join(extra)}: Extra inputs are not permitted")
    named = container.get("id")
    require(named is None or isinstance(named, str), "container.id: Input should be a valid string")
    skills = container.get("skills") or ()
    require(len(skills) <= MAX_SKILLS, f"container.skills: List should have at most {MAX_SKILLS} items")
    for index, skill in enumerate(skills):
        valid = skill.get("type") in ("anthropic", "custom") and isinstance(skill.get("skill_id"), str)
        require(valid, f"container.skills.{index}: needs a type (anthropic or custom) and a skill_id")
        valid = isinstance(skill.get("version", "latest"), str) and not set(skill) - {"type", "skill_id", "version"}
        require(valid, f"container.skills.{index}: takes type, skill_id and version, each a string")
    kinds = [str(tool.get("type", "")) for tool in body.get("tools") or ()]
    executes = any(kind.startswith("code_execution_") and kind != LEGACY_CODE for kind in kinds)
    require(executes or not skills, "container.skills: the code_execution tool is required to use skills")


def _marks(body: Wire) -> int:
    """How many blocks and tools ask for caching, nested ones included."""
    blocks = [*(body.get("tools") or ()), *blocks_of(body.get("system"))]
    for message in body["messages"]:
        blocks += blocks_of(message["content"])
    nested = [
        part for block in blocks if block.get("type") == "tool_result" for part in blocks_of(block.get("content"))
    ]
    return sum("cache_control" in block for block in [*blocks, *nested])


def check_tools(tools: object) -> None:
    """The tools of a request: names, schemas, and nothing that is not known."""
    require(tools is None or isinstance(tools, list), "tools: Input should be a valid list")
    names: set[str] = set()
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        require(isinstance(tool, Mapping), f"tools.{index}: Input should be an object")
        where = f"tools.{index}"
        name = tool.get("name")
        kind = tool.get("type", "custom")
        if kind != "custom":
            wanted = next((n for prefix, n in TYPED_TOOLS.items() if str(kind).startswith(prefix)), None)
            require(
                wanted is not None, f"{where}: Input tag '{kind}' found using 'type' does not match any of the tools"
            )
            require(name == wanted, f"{where}.name: Input should be '{wanted}'")
        else:
            _check_custom(tool, f"{where}.custom")
        require(name not in names, "tools: Tool names must be unique.")
        names.add(name)


def _check_custom(tool: Wire, where: str) -> None:
    name = tool.get("name")
    require(
        isinstance(name, str) and NAME.fullmatch(name),
        f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'",
    )
    require("input_schema" in tool, f"{where}.input_schema: Field required")
    schema = tool["input_schema"]
    require(
        isinstance(schema, Mapping) and schema.get("type") == "object",
        f"{where}.input_schema.type: Input should be 'object'",
    )
    require(isinstance(tool.get("description", ""), str), f"{where}.description: Input should be a valid string")
    for extra in sorted(set(tool) - TOOL_FIELDS):
        raise RefusedError(f"{where}.{extra}: Extra inputs are not permitted")
    if tool.get("strict"):
        closed = schema.get("additionalProperties") is False
        require(closed, f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false")


def check_messages(messages: object, *, resumes: bool) -> None:
    """Roles, content and the pairing of calls and results; `resumes` if a paused message may stand last."""
    require(isinstance(messages, list) and messages, "messages: at least one message is required")
    assert isinstance(messages, list)
    for index, message in enumerate(messages):
        _check_message(message, f"messages.{index}")
    require(messages[0]["role"] == "user", 'messages: first message must use the "user" role')
    require(
        messages[-1]["role"] != "assistant" or resumes,
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    )
    _check_pairs(messages)


def _check_message(message: object, where: str) -> None:
    require(isinstance(message, Mapping), f"{where}: Input should be an object")
    assert isinstance(message, Mapping)
    for extra in sorted(set(message) - {"role", "content"}):
        raise RefusedError(f"{where}.{extra}: Extra inputs are not permitted")
    role, content = message.get("role"), message.get("content")
    require(role in ("user", "assistant"), f"{where}.role: Input should be 'user' or 'assistant'")
    require(isinstance(content, str | list), f"{where}.content: Input should be a valid string or list")
    require(
        content, f"{where}: all messages must have non-empty content except for the optional final assistant message"
    )
    for position, block in enumerate(content if isinstance(content, list) else ()):
        place = f"{where}.content.{position}"
        require(isinstance(block, Mapping) and isinstance(block.get("type"), str), f"{place}.type: Field required")
        _check_block(block, role, place)
    if isinstance(content, str):
        require(content.strip(), f"{where}: text content blocks must contain non-whitespace text")


def _check_block(block: Wire, role: object, where: str) -> None:
    kind = block["type"]
    if role == "user":
        require(kind in USER_BLOCKS, f"{where}: `{kind}` blocks are not permitted in `user` messages")
    else:
        require(
            kind not in USER_BLOCKS - {"text", "container_upload"},
            f"{where}: `{kind}` blocks can only be in `user` messages",
        )
    if kind == "text":
        _check_text(block, where, str(role))
    elif kind == "thinking":
        known = isinstance(block.get("thinking"), str) and isinstance(block.get("signature"), str)
        require(known, f"{where}.thinking: needs thinking and signature")
        require("cache_control" not in block, f"{where}.thinking.cache_control: Extra inputs are not permitted")
    elif kind == "tool_use":
        require(
            isinstance(block.get("id"), str) and ID.fullmatch(block["id"]),
            f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        )
        require(
            isinstance(block.get("name"), str) and NAME.fullmatch(block["name"]),
            f"{where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'",
        )
        require(isinstance(block.get("input"), Mapping), f"{where}.tool_use.input: Input should be a valid dictionary")
    elif kind == "tool_result":
        _check_result(block, where)


def _check_text(block: Wire, where: str, role: str) -> None:
    text = block.get("text")
    require(isinstance(text, str), f"{where}.text: Input should be a valid string")
    assert isinstance(text, str)
    require(text, f"{where}: text content blocks must be non-empty")
    require(text.strip(), f"{where}: text content blocks must contain non-whitespace text")
    require(role != "user" or not block.get("citations"), f"{where}.citations: not permitted in `user` messages")


def _check_result(block: Wire, where: str) -> None:
    require(isinstance(block.get("tool_use_id"), str), f"{where}.tool_result.tool_use_id: Field required")
    for extra in sorted(set(block) - {"type", "tool_use_id", "content", "is_error", "cache_control"}):
        raise RefusedError(f"{where}.tool_result.{extra}: Extra inputs are not permitted")
    content = block.get("content", "")
    require(isinstance(content, str | list), f"{where}.tool_result.content: Input should be a valid string or list")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        place = f"{where}.tool_result.content.{index}"
        require(part.get("type") in RESULT_PARTS, f"{place}: Input tag '{part.get('type')}' is not permitted here")
        if part["type"] == "text":
            _check_text(part, place, "tool")
    require(
        isinstance(block.get("is_error", False), bool), f"{where}.tool_result.is_error: Input should be a valid boolean"
    )


def _check_pairs(messages: Sequence[Wire]) -> None:
    """Every call answered once, in the next message, results first; no result without its call."""
    seen: set[str] = set()
    results = {block.get("tool_use_id") for message in messages for block in blocks_of(message["content"])}
    for index, message in enumerate(messages):
        blocks = blocks_of(message["content"])
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        for call in calls:
            require(call not in seen, f"messages.{index}: `tool_use` ids must be unique")
            seen.add(call)
        after = messages[index + 1] if index + 1 < len(messages) else None
        answers = blocks_of(after["content"]) if after is not None and after["role"] == "user" else []
        answered = [block["tool_use_id"] for block in answers if block["type"] == "tool_result"]
        missing = [call for call in calls if call not in answered]
        require(
            not missing or after is None,
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message.",
        )
        _check_answers(messages, index, blocks)
        _check_server_results(messages, index)
        pending = pending_calls(blocks)
        if pending and calls:
            require(
                all(block["type"] == "tool_result" for block in answers),
                f"messages.{index + 1}: only `tool_result` blocks may follow while server tools are pending: {pending}",
            )
        late = [id_ for id_ in pending if id_ not in results]
        require(
            not late or index >= len(messages) - (2 if calls else 1),
            f"messages.{index}: tool use with id {', '.join(late)} was found without a corresponding result block",
        )


def _check_answers(messages: Sequence[Wire], index: int, blocks: Sequence[Wire]) -> None:
    """The results in one message: each for a call of the message before, once, in front of everything else."""
    before = messages[index - 1] if index else None
    asked = {b["id"] for b in blocks_of(before["content"]) if b["type"] == "tool_use"} if before is not None else set()
    given: set[str] = set()
    other = False
    for position, block in enumerate(blocks):
        if block["type"] != "tool_result":
            other = True
            continue
        id_ = block["tool_use_id"]
        where = f"messages.{index}.content.{position}"
        require(
            id_ in asked,
            f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {id_}. Each `tool_result` block must "
            "have a corresponding `tool_use` block in the previous message.",
        )
        require(
            id_ not in given,
            f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id_}",
        )
        require(not other, f"{where}: `tool_result` blocks must come before all other content in their message")
        given.add(id_)


def check_programmatic(body: Wire) -> None:
    """The answer to calls that code in the container has made: results of text alone, and its container by name."""
    messages = body["messages"]
    before = blocks_of(messages[-2]["content"]) if len(messages) > 1 and messages[-1]["role"] == "user" else []
    made = [b for b in before if b["type"] == "tool_use" and (b.get("caller") or {}).get("type", "direct") != "direct"]
    if not made:
        return
    container = body.get("container")
    named = container.get("id") if isinstance(container, Mapping) else container
    require(named, "container: must be given when answering programmatic tool calls")
    for block in blocks_of(messages[-1]["content"]):
        parts = blocks_of(block.get("content"))
        fine = block["type"] == "tool_result" and all(part["type"] == "text" for part in parts)
        require(fine, "messages: programmatic tool calls take only `tool_result` blocks with text content")


def _check_server_results(messages: Sequence[Wire], index: int) -> None:
    """Every result of a server's call stands behind that call, in the same message or a later one."""
    before = [block for message in messages[:index] for block in blocks_of(message["content"])]
    for position, block in enumerate(blocks_of(messages[index]["content"])):
        if block["type"].endswith("_tool_result"):
            asked = any(b["type"] == "server_tool_use" and b.get("id") == block.get("tool_use_id") for b in before)
            require(
                asked,
                f"messages.{index}.content.{position}: unexpected `tool_use_id` found in `{block['type']}` blocks: "
                f"{block.get('tool_use_id')}",
            )
        before.append(block)


def pending_calls(blocks: Sequence[Wire]) -> list[str]:
    """The server's calls whose result is not in the same message."""
    results = {block.get("tool_use_id") for block in blocks}
    return [block["id"] for block in blocks if block["type"] == "server_tool_use" and block["id"] not in results]


def check_compatible(body: Wire, headers: Mapping[str, str]) -> None:
    """What smaller servers do not know: fields and tools of Anthropic's own."""
    for name in ("cache_control", "thinking", "container", "output_config", "context_management"):
        require(name not in body, f"{name}: unsupported")
    require("anthropic-beta" not in headers, "anthropic-beta: unsupported")
    require(headers.get("anthropic-version") == "2023-06-01", "anthropic-version: unsupported")
    for tool in body.get("tools") or ():
        require("input_schema" in tool and "strict" not in tool and "type" not in tool, "tools: only custom ones")
