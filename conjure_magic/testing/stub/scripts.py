"""What a hosted container does in a scripted reply: commands, edits, and the files that come of them.

    stub.reply([*bash("python report.py", files={"report.xlsx": workbook({"Summary": [["errors", 3]]})}), "Done."])

Each is a list of one entry, which the server makes into a call and its result, with ids, in the container of the
request.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

Wire = dict[str, Any]
RUN = "stub_run"
"""The type of an entry that the server has to work out."""


def bash(
    command: str,
    stdout: str = "",
    *,
    stderr: str = "",
    return_code: int = 0,
    files: Mapping[str, bytes] | None = None,
    error: str = "",
    later: bool = False,
) -> list[Wire]:
    """A command in the container.

    Args:
        command: what the model runs.
        stdout: what it prints.
        stderr: what it complains of.
        return_code: its exit code.
        files: name -> content of those that it leaves in $OUTPUT_DIR.
        error: an error code of the tool's in the place of a result: "execution_time_exceeded", "unavailable", …
        later: the result is not in this message; it opens the next one.
    """
    result = {"type": "bash_code_execution_result", "stdout": stdout, "stderr": stderr, "return_code": return_code}
    return _run("bash_code_execution", {"command": command}, result, files, error, later)


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


def code(
    source: str,
    stdout: str = "",
    *,
    stderr: str = "",
    return_code: int = 0,
    files: Mapping[str, bytes] | None = None,
    error: str = "",
    later: bool = False,
) -> list[Wire]:
    """A cell of Python in the container (programmatic and older runs); arguments as for `bash`."""
    result = {"type": "code_execution_result", "stdout": stdout, "stderr": stderr, "return_code": return_code}
    return _run("code_execution", {"code": source}, result, files, error, later)


def _run(
    name: str, given: Wire, result: Wire, files: Mapping[str, bytes] | None, error: str, later: bool
) -> list[Wire]:
    made = {filename: base64.b64encode(content).decode("ascii") for filename, content in (files or {}).items()}
    if error:
        result = {"type": f"{name}_tool_result_error", "error_code": error}
        if name == "text_editor_code_execution":
            result["error_message"] = None
    return [{"type": RUN, "name": name, "input": given, "result": result, "files": made, "later": later}]
