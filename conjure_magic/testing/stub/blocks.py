"""The content blocks that the API knows, and the fields that it takes on each: anything else is an extra input.

From the types of Anthropic's official Python client, 2.14; `tests/testing/test_stub_shapes.py` compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Wire = Mapping[str, Any]

_RESULT = frozenset({"tool_use_id", "content"})
FIELDS: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "citations"}),
    "image": frozenset({"source", "transformations"}),
    "document": frozenset({"source", "citations", "context", "title"}),
    "search_result": frozenset({"content", "source", "title", "citations"}),
    "thinking": frozenset({"thinking", "signature"}),
    "redacted_thinking": frozenset({"data"}),
    "tool_use": frozenset({"id", "name", "input", "caller", "toolset_name"}),
    "tool_result": _RESULT | {"is_error", "toolset_name"},
    "server_tool_use": frozenset({"id", "name", "input", "caller"}),
    "web_search_tool_result": _RESULT | {"caller"},
    "web_fetch_tool_result": _RESULT | {"caller"},
    "code_execution_tool_result": _RESULT,
    "bash_code_execution_tool_result": _RESULT,
    "text_editor_code_execution_tool_result": _RESULT,
    "tool_search_tool_result": _RESULT,
    "container_upload": frozenset({"file_id"}),
}
"""Block type -> its fields, besides `type` and (not for thinking) `cache_control`."""
UNCACHED = frozenset({"thinking", "redacted_thinking"})


def extra_fields(block: Wire) -> list[str]:
    """The fields of a block that the API does not take; none for a type that is not known here."""
    known = FIELDS.get(str(block.get("type")))
    if known is None:
        return []
    allowed = known | {"type"} | (frozenset() if block["type"] in UNCACHED else {"cache_control"})
    return sorted(set(block) - allowed)


def first_extra(messages: Sequence[Wire]) -> str:
    """Where a message has a field too many, as the API says it; empty if none has."""
    for index, message in enumerate(messages):
        content = message["content"]
        for position, block in enumerate(content if isinstance(content, list) else ()):
            if extra := extra_fields(block):
                return f"messages.{index}.content.{position}.{block['type']}.{extra[0]}"
    return ""
