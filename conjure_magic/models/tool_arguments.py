"""Arguments of a model's tool calls: read as JSON objects; anything else becomes an error for the model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from conjure_magic.messages import DECODER, ToolUseBlock, Wire

SHOWN = 2_000
"""Characters of unreadable arguments that the model is shown again."""
UNREADABLE = "INVALID_JSON"
"""The key under which arguments that are no object go back to the server, as Anthropic's documentation does it."""
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What a strict server takes as the name of a tool."""
ODD = re.compile(r"[^a-zA-Z0-9_-]")
OWN = frozenset({"type", "id", "name", "input"})


def read_call(wire: Wire, text: str | None = None, schemas: Mapping[str, Wire] | None = None) -> ToolUseBlock:
    """The call of a `tool_use` object, its `problem` set where it cannot run.

    Args:
        wire: the block; its `input` counts where there is no text.
        text: its arguments as they were streamed.
        schemas: tool name -> JSON Schema of its arguments.
    """
    given = wire.get("name")
    name = given if isinstance(given, str) and NAME.fullmatch(given) else ODD.sub("_", str(given or "unnamed")[:64])
    id_ = wire.get("id")
    extra = {key: value for key, value in wire.items() if key not in OWN}
    arguments, problem = _arguments(wire.get("input"), text, (schemas or {}).get(name))
    if name != given:
        problem = f"There is no tool named {str(given)[:200]!r}. {problem}".strip()
    if problem:
        problem = f"{problem} Nothing was run."
    return ToolUseBlock(id_ if isinstance(id_, str) else "", name, arguments, extra, problem)


def _arguments(value: Any, text: str | None, schema: Wire | None) -> tuple[dict[str, Any], str]:
    """The arguments as an object, and why they cannot be read; then the object contains what was written."""
    written, why = text or "", ""
    if written.strip():
        try:
            value = DECODER.decode(written)
        except (ValueError, RecursionError) as error:
            why = _reason(error)
    else:
        value = {} if value is None else value
        written, why = _encoded(value)
    if not why and isinstance(value, str):
        value = _unwrapped(value, schema)
    if not why and isinstance(value, dict):
        return value, ""
    why = why or f"it is {_KINDS.get(type(value), 'something else')}"
    shown = written if len(written) <= SHOWN else f"{written[:SHOWN]}… ({len(written):,} characters)"
    return {UNREADABLE: shown}, (
        f"The arguments of this call are not one JSON object: {why}. You wrote: {shown}\nCall the tool again with a "
        "JSON object that follows its schema, not as a string and not cut short."
    )


_KINDS = {
    str: "a string",
    list: "a list",
    type(None): "null",
    bool: "a truth value",
    int: "a number",
    float: "a number",
}


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]


def _encoded(value: Any) -> tuple[str, str]:
    """A value as JSON, and why it has none."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False), ""
    except (TypeError, ValueError, RecursionError) as error:
        return str(value)[: 2 * SHOWN], _reason(error)


def _unwrapped(text: str, schema: Wire | None) -> Any:
    """The object in a string that was encoded twice, if it has the names of the schema; else the string."""
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        return text
    properties, required = (schema or {}).get("properties"), (schema or {}).get("required", ())
    if not isinstance(value, dict) or not isinstance(properties, Mapping):
        return text
    return value if set(required) <= set(value) <= set(properties) else text
