"""What a hosted container does in a scripted reply: commands, edits, and the files that come of them.

    stub.reply([*bash("python report.py", files={"report.xlsx": workbook({"Summary": [["errors", 3]]})}), "Done."])

Each is a list of one entry, which the server makes into a call and its result, with ids, in the container of the
request.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

Wire = dict[str, Any]
RUN = "stub_run"
"""The type of an entry that the server has to work out."""


class Outcome(TypedDict, total=False):
    """What comes of a run, besides what it prints."""

    stderr: str
    """What it complains of."""
    return_code: int
    """Its exit code, by default 0."""
    files: Mapping[str, bytes]
    """Name -> content of those that it leaves in $OUTPUT_DIR."""
    error: str
    """An error code of the tool instead of a result: "execution_time_exceeded", "unavailable", …"""
    later: bool
    """The result is not in this message; it opens the next one."""


def bash(command: str, stdout: str = "", **outcome: Unpack[Outcome]) -> list[Wire]:
    """A command in the container, and what it prints."""
    return _ran("bash_code_execution", {"command": command}, stdout, **outcome)


def edit(command: str, path: str, *, error: str = "", later: bool = False, **given: Any) -> list[Wire]:
    """A call of the editor in the container: view, create or str_replace; `given` holds the rest of its input.

    For `view`, `content` is what it shows.
    """
    content = str(given.pop("content", ""))
    kind = f"text_editor_code_execution_{command}_result"
    lines = content.count("\n") + 1
    result: Wire = {"type": kind}
    if command == "view":
        result |= {"file_type": "text", "content": content, "num_lines": lines, "start_line": 1, "total_lines": lines}
    elif command == "create":
        result |= {"is_file_update": False}
    else:
        old, new = str(given.get("old_str", "")), str(given.get("new_str", ""))
        changed = [f"-{line}" for line in old.split("\n")] + [f"+{line}" for line in new.split("\n")]
        ends = {"old_lines": old.count("\n") + 1, "new_lines": new.count("\n") + 1}
        result |= {"old_start": 1, "new_start": 1, **ends, "lines": changed}
    wire = {"command": command, "path": path, **given}
    return _run("text_editor_code_execution", wire, result, None, error, later)


def code(source: str, stdout: str = "", **outcome: Unpack[Outcome]) -> list[Wire]:
    """A cell of Python in the container (programmatic and older runs), and what it prints."""
    return _ran("code_execution", {"code": source}, stdout, **outcome)


def _ran(name: str, given: Wire, stdout: str, **outcome: Unpack[Outcome]) -> list[Wire]:
    streams = {"stdout": stdout, "stderr": outcome.get("stderr", ""), "return_code": outcome.get("return_code", 0)}
    result = {"type": f"{name}_result", **streams}
    return _run(name, given, result, outcome.get("files"), outcome.get("error", ""), outcome.get("later", False))


def _run(
    name: str, given: Wire, result: Wire, files: Mapping[str, bytes] | None, error: str, later: bool
) -> list[Wire]:
    made = {filename: base64.b64encode(content).decode("ascii") for filename, content in (files or {}).items()}
    if error:
        result = {"type": f"{name}_tool_result_error", "error_code": error}
        if name == "text_editor_code_execution":
            result["error_message"] = None
    return [{"type": RUN, "name": name, "input": given, "result": result, "files": made, "later": later}]
