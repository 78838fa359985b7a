"""Results of hosted tools, read from their blocks: text for the user, exit code, and created files.

The types are those of Anthropic's documentation of the code execution tool; an unknown type is shown as received.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conjure_magic.events import ToolResult
from conjure_magic.messages import OtherBlock
from conjure_magic.phrases import counted

EXPIRED = ("container_expired", "container_not_found")
REASONS = {
    "unavailable": "the container is currently unavailable",
    "execution_time_exceeded": "it ran longer than the container allows",
    "container_expired": "the container has expired",
    "container_not_found": "the container no longer exists",
    "invalid_tool_input": "the call was invalid",
    "too_many_requests": "too many calls at once",
    "output_file_too_large": "an output file is too large",
    "file_not_found": "there is no such file in the container",
}
"""Error code -> a short description."""
DEEPEST = 5
"""Levels of a result that are searched for files."""


@dataclass(frozen=True, slots=True)
class HostedResult:
    """A result block as read by `read_result`."""

    shown: ToolResult
    file_ids: tuple[str, ...] = ()
    """The ids of the files that the call created, in order."""
    error_code: str = ""


def read_result(block: OtherBlock) -> HostedResult:
    """Read a `…_tool_result` block of any type. Never raises."""
    content = block.wire.get("content")
    if not isinstance(content, Mapping):
        return HostedResult(ToolResult(_plain(content), is_error=bool(block.wire.get("is_error"))))
    kind = str(content.get("type", ""))
    if kind.endswith("_error"):
        code = str(content.get("error_code", "unknown"))
        reason = REASONS.get(code, code.replace("_", " "))
        said = str(content.get("error_message") or "")
        return HostedResult(ToolResult(f"[{reason}] {said}".strip(), is_error=True, status=reason), (), code)
    ids = tuple(dict.fromkeys(_file_ids(content.get("content"))))
    if "return_code" in content:
        return HostedResult(_execution(content), ids)
    return HostedResult(_edit(kind, content) or ToolResult(_plain(content)), ids)


def _execution(content: Mapping[str, Any]) -> ToolResult:
    """Return the result of a command or Python code: both streams, and the exit code if it is not 0."""
    code = content["return_code"]
    out, error = str(content.get("stdout") or ""), str(content.get("stderr") or "")
    if "encrypted_stdout" in content:
        out = "[output that only the model may read]"
    status = f"exit {code}" if code not in (0, None) else ""
    text = "\n".join(part.strip("\n") for part in (out, error) if part.strip("\n"))
    lines = text.count("\n") + 1 if text else 0
    summary = counted(lines, "line") if lines else ""
    return ToolResult(text, is_error=bool(status), status=status, summary=summary)


def _edit(kind: str, content: Mapping[str, Any]) -> ToolResult | None:
    """Return the result of the editor; None for other results."""
    if kind.endswith("_view_result"):
        if content.get("file_type", "text") != "text":
            return ToolResult(f"[{content.get('file_type')}]")
        number = content.get("num_lines")
        return ToolResult(
            str(content.get("content", "")), summary=counted(number, "line") if type(number) is int else ""
        )
    if kind.endswith("_create_result"):
        return ToolResult("Replaced." if content.get("is_file_update") else "Created.")
    if kind.endswith("_str_replace_result"):
        lines = content.get("lines")
        return ToolResult("\n".join(map(str, lines)) if isinstance(lines, list) and lines else "Changed.")
    return None


def _file_ids(content: object, depth: int = 0) -> Iterator[str]:
    """Yield the ids of `…_output` blocks at any level."""
    if depth > DEEPEST:
        return
    if isinstance(content, Mapping):
        file_id = content.get("file_id")
        if isinstance(file_id, str) and str(content.get("type", "")).endswith("_output"):
            yield file_id
        yield from _file_ids(content.get("content"), depth + 1)
    elif isinstance(content, Sequence) and not isinstance(content, str | bytes):
        for part in content:
            yield from _file_ids(part, depth + 1)


def _plain(content: object) -> str:
    """Return a result of unknown type as text, or as JSON."""
    if isinstance(content, str):
        return content
    return "" if content is None else json.dumps(content, ensure_ascii=False, indent=1, default=str)
