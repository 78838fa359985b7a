"""The four tools over an executor: `view`, `bash_tool`, `create_file`, `str_replace`.

An invalid call raises a `ToolError` that tells the model what the tool expects.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from conjure_magic.cancel import Cancel
from conjure_magic.errors import ToolError
from conjure_magic.events import ToolOutput, ToolResult
from conjure_magic.executors.base import Entry, ExecResult, Executor
from conjure_magic.executors.output_cleaning import visible
from conjure_magic.messages import ToolUseBlock
from conjure_magic.models.base import ToolDefinition
from conjure_magic.phrases import counted
from conjure_magic.workspace import OUTPUT_DIR

MAX_TIMEOUT = 3600.0
"""Longest timeout of a call in seconds."""
VIEW_LINES = 1_000
"""Lines of a file shown by one call."""
VIEW_CHARACTERS = 48_000
LINE_CHARACTERS = 2_000
"""Characters shown of each line."""

UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters except tab and newline, and lone surrogates."""

_IMAGES = {b"\x89PNG": "PNG image", b"\xff\xd8\xff": "JPEG image", b"GIF8": "GIF image", b"%PDF": "PDF document"}


def _schema(required: tuple[str, ...], **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: dict(value) for name, value in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }


_PATH = "Absolute path, or a path relative to the workspace."

VIEW = ToolDefinition(
    "view",
    "View a text file or list a folder. A file is shown with line numbers (the number and the tab after it are not "
    f"part of the file), at most {VIEW_LINES:,} lines per call; use view_range for other parts. A folder is listed two "
    "levels deep. Works in the workspace, the input folder and the skills' folders. Not for images or other binary "
    "files.",
    _schema(
        ("path",),
        path={"type": "string", "description": _PATH},
        view_range={
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 2,
            "maxItems": 2,
            "description": "First and last line to show, counted from 1; -1 as the last line means the end.",
        },
    ),
)
BASH_TOOL = "bash_tool"


def bash_tool(timeout: float) -> ToolDefinition:
    """Return the tool that runs commands; `timeout` is the default time limit of a command in seconds."""
    return ToolDefinition(
        BASH_TOOL,
        "Run a shell command in the workspace and get its output (stdout and stderr together) and its exit code. "
        "Every call starts a new shell: `cd` and variables do not persist, files do. There is no terminal and no "
        "stdin, so a command cannot ask for input. Long output is shortened to its beginning and end; the result names "
        "a file with all of it. Background processes keep running until a command times out or is stopped, which ends "
        "them all.",
        _schema(
            ("command",),
            command={"type": "string", "description": "The command, for bash (sh where there is no bash)."},
            timeout={
                "type": "number",
                "description": f"Seconds after which the command is killed; default {timeout:g}, "
                f"maximum {MAX_TIMEOUT:.0f}.",
            },
        ),
    )


CREATE_FILE = ToolDefinition(
    "create_file",
    "Write a text file to the workspace, creating the folders above it. An existing file is overwritten.",
    _schema(
        ("path", "file_text"),
        path={"type": "string", "description": _PATH},
        file_text={"type": "string", "description": "The complete content of the file."},
    ),
)
STR_REPLACE = ToolDefinition(
    "str_replace",
    "Change a text file in the workspace by replacing one part of it. The old text must occur in the file exactly "
    "once and match exactly, including spaces and line breaks: include enough context to make it unique.",
    _schema(
        ("path", "old_str", "new_str"),
        path={"type": "string", "description": _PATH},
        old_str={"type": "string", "description": "The text to replace, without view's line numbers."},
        new_str={"type": "string", "description": "The replacement; empty to delete the old text."},
    ),
)
NAMES = frozenset({VIEW.name, BASH_TOOL, CREATE_FILE.name, STR_REPLACE.name})


def definitions(timeout: float) -> tuple[ToolDefinition, ...]:
    """Return the four tools; `timeout` as in `bash_tool`."""
    return VIEW, bash_tool(timeout), CREATE_FILE, STR_REPLACE


_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "array": (
        "two whole numbers such as [1, 50]",
        lambda value: (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
        ),
    ),
}


def check_arguments(definition: ToolDefinition, given: Mapping[str, Any]) -> None:
    """Raise ToolError, naming what the tool expects, if a call's arguments do not fit its definition."""
    properties, required = definition.input_schema["properties"], definition.input_schema["required"]
    expected = ", ".join(
        f"{name} ({'' if name in required else 'optional, '}{schema['type']})" for name, schema in properties.items()
    )
    faults = [f"{name} is missing" for name in required if name not in given]
    for name, value in given.items():
        if name not in properties:
            near = difflib.get_close_matches(name, properties, 1)
            faults.append(f"unknown argument {name!r}" + (f" (did you mean {near[0]}?)" if near else ""))
            continue
        wanted, fits = _TYPES[properties[name]["type"]]
        if not fits(value):
            faults.append(f"{name} must be {wanted}, not {_named(value)}")
    if faults:
        raise ToolError(f"{definition.name}: {'; '.join(faults)}. It takes: {expected}.")
    if definition.name == BASH_TOOL:
        _check_seen(given["command"])


def _check_seen(command: str) -> None:
    """Raise ToolError for a command with control characters, which cannot be shown to the user as they are."""
    found = dict.fromkeys(f"U+{ord(character):04X}" for character in UNSEEN.findall(command))
    if found:
        raise ToolError(
            f"bash_tool: the command contains {', '.join(list(found)[:5])}. The only control characters allowed in a "
            "command are tab and newline; write others as escapes, such as printf '\\033'."
        )


def _named(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def run_tool(
    executor: Executor,
    call: ToolUseBlock,
    *,
    cancel: Cancel,
    timeout: float,
    shown: Callable[[Path], str] = str,
) -> Generator[ToolOutput, None, ToolResult]:
    """Run one call of the four tools: yield a command's output, return the result for the model.

    Args:
        executor: runs the command or accesses the file.
        call: the model's call.
        cancel: stops a running command; the result then contains its output so far.
        timeout: default time limit of a command in seconds.
        shown: formats a path on this machine for the user.

    Raises ToolError for invalid arguments and for calls that a tool refuses, BackendError if the executor is gone.
    """
    definition = next((known for known in definitions(timeout) if known.name == call.name), None)
    if definition is None:
        raise ToolError(f"unknown tool {call.name!r}; available: {', '.join(sorted(NAMES))}")
    given = dict(call.input)
    check_arguments(definition, given)
    if definition.name == BASH_TOOL:
        return (yield from _bash(executor, call.id, given, cancel, timeout, shown))
    runs: Mapping[str, Callable[..., ToolResult]] = {
        VIEW.name: _view,
        CREATE_FILE.name: _create_file,
        STR_REPLACE.name: _str_replace,
    }
    return runs[definition.name](executor, **given)


# ---- bash_tool


def _bash(
    executor: Executor,
    tool_use_id: str,
    given: Mapping[str, Any],
    cancel: Cancel,
    default: float,
    shown: Callable[[Path], str],
) -> Generator[ToolOutput, None, ToolResult]:
    timeout = float(given.get("timeout", default))
    if not 0 < timeout <= MAX_TIMEOUT:
        raise ToolError(f"bash_tool: timeout must be more than 0 and at most {MAX_TIMEOUT:.0f} seconds")
    running = executor.run(given["command"], timeout=timeout, cancel=cancel)
    try:
        while True:
            try:
                chunk = next(running)
            except StopIteration as stop:
                result: ExecResult = stop.value
                break
            yield ToolOutput(tool_use_id, chunk.text, chunk.stream)
    finally:
        running.close()
    return command_result(result, timeout, executor.paths.workspace, shown)


def command_result(
    result: ExecResult, timeout: float, workspace: str, shown: Callable[[Path], str] = str
) -> ToolResult:
    """Return the result of a finished command for the model: its output, then in brackets how it ended, and notes."""
    status, notes = "", []
    if result.ended == "timeout":
        status = f"timed out after {timeout:g} s"
        notes.append(f"timed out after {timeout:g} s and was killed, together with all background processes")
    elif result.ended == "cancelled":
        status = "stopped"
        notes.append("stopped and killed before it finished, together with all background processes")
    elif result.ended == "killed" and result.reason:
        status = "killed"
        notes.append(f"killed, together with all background processes: {result.reason}")
    elif result.ended == "killed":
        status = "killed"
        notes.append("killed by the system or by kill -9 (exit code 137); it may have run out of memory")
    elif result.exit_code:
        status = f"exit {result.exit_code}"
        notes.append(f"exit code {result.exit_code}")
    if result.omitted_bytes:
        where = (
            f"; the complete output is in {workspace}/{OUTPUT_DIR}/{result.output_path.name}"
            if result.output_path
            else ""
        )
        notes.append(f"{result.omitted_bytes:,} of {result.total_bytes:,} bytes are omitted above{where}")
    if _runs_on(result):
        notes.append(f"{counted(result.left_running, 'process')} still running in the background")
    notes += result.notes
    text = result.output if result.output or notes else "[no output]"
    lines = [text.removesuffix("\n"), *(f"[{note}]" for note in notes)]
    return ToolResult(
        "\n".join(line for line in lines if line),
        is_error=bool(status),
        status=status,
        summary=_summary(result),
        output_path=shown(result.output_path) if result.output_path else "",
    )


def _summary(result: ExecResult) -> str:
    if result.omitted_bytes:
        printed = f"{result.total_bytes:,} bytes"
    elif result.output:
        printed = counted(result.output.count("\n") + (not result.output.endswith("\n")), "line")
    else:
        printed = "no output"
    return f"{printed}, {result.left_running:,} still running" if _runs_on(result) else printed


def _runs_on(result: ExecResult) -> bool:
    """True if processes of the command are still running in the background."""
    return bool(result.left_running) and result.ended == "exited"


# ---- view


def _view(executor: Executor, path: str, view_range: list[int] | None = None) -> ToolResult:
    entries = executor.entries(path)
    if entries is not None:
        if view_range is not None:
            raise ToolError(f"{path} is a folder: view_range is for files")
        return _listing(path, entries)
    lines = _lines(_text(path, executor.read(path)))
    first, last = _range(view_range, len(lines))
    return _numbered(lines, first, last, whole=view_range is None)


def _listing(path: str, entries: tuple[Entry, ...]) -> ToolResult:
    lines = [
        f"{visible(entry.name)}/" if entry.size is None else f"{visible(entry.name)}  ({entry.size:,} bytes)"
        for entry in entries
    ]
    body = "\n".join(line.replace("\n", "␊") for line in lines) or "[the folder is empty]"
    return ToolResult(f"{path}:\n{body}", summary=counted(len(entries), "entry"))


def _text(path: str, content: bytes) -> str:
    """Decode a file's content. Raises ToolError for an image, a PDF or other binary data."""
    for magic, kind in _IMAGES.items():
        if content.startswith(magic):
            raise ToolError(f"{path} is a {kind} ({len(content):,} bytes), which cannot be viewed as text")
    if b"\0" in content[:8192]:
        raise ToolError(
            f"{path} is a binary file ({len(content):,} bytes), which cannot be viewed as text; "
            "try `file` or a program for its format with bash_tool"
        )
    return content.decode("utf-8-sig", "replace")


def _lines(text: str) -> list[str]:
    """Split into lines as `grep -n` and `sed` do: a form feed, for example, does not end a line."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _range(view_range: list[int] | None, count: int) -> tuple[int, int]:
    """Return the first and last line, counted from 1. Raises ToolError for a range outside the file."""
    if view_range is None:
        return 1, count
    first, last = view_range
    last = count if last == -1 else min(last, count)
    if not 1 <= first <= count or last < first:
        raise ToolError(f"view_range {view_range} is outside the file, which has {counted(count, 'line')}")
    return first, last


def _numbered(lines: list[str], first: int, last: int, *, whole: bool) -> ToolResult:
    shown: list[str] = []
    size = 0
    for number in range(first, last + 1):
        line = visible(lines[number - 1])
        if len(line) > LINE_CHARACTERS:
            line = f"{line[:LINE_CHARACTERS]} [… {len(line) - LINE_CHARACTERS:,} more characters]"
        size += len(line)
        if len(shown) >= VIEW_LINES or (size > VIEW_CHARACTERS and shown):
            break
        shown.append(f"{number:>6}\t{line}")
    end = first + len(shown) - 1
    if end < last or not whole:
        shown.append(f"[lines {first} to {end} of {len(lines):,}]")
    return ToolResult("\n".join(shown), summary=counted(end - first + 1, "line"))


# ---- create_file, str_replace


def _create_file(executor: Executor, path: str, file_text: str) -> ToolResult:
    content = file_text.encode("utf-8", "replace")
    existed = executor.write(path, content)
    verb = "Replaced" if existed else "Created"
    return ToolResult(f"{verb} {path} ({len(content):,} bytes).", summary=counted(len(file_text.splitlines()), "line"))


def _str_replace(executor: Executor, path: str, old_str: str, new_str: str) -> ToolResult:
    content = executor.read(path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(f"{path} is not UTF-8 text; change it with a program through bash_tool") from None
    old, new = _in_file_form(text, old_str, new_str)
    if old == new:
        raise ToolError("old_str and new_str are the same, so there is nothing to change")
    if not old:
        raise ToolError("old_str is empty; use create_file to write a whole file")
    _exactly_once(path, text, old)
    start = text.index(old)
    executor.write(path, (text[:start] + new + text[start + len(old) :]).encode("utf-8", "replace"))
    lines = _lines(text[:start] + new + text[start + len(old) :])
    line = text.count("\n", 0, start) + 1
    around = _numbered(
        lines, max(1, min(line, len(lines)) - 3), min(len(lines), line + new.count("\n") + 3), whole=True
    )
    return ToolResult(f"Changed {path}. It now reads:\n{around.text}", summary="1 replacement")


def _in_file_form(text: str, old: str, new: str) -> tuple[str, str]:
    """Return old and new text with the file's own line endings, since `view` does not show CR LF."""
    if "\r\n" in text and "\r" not in old and old not in text:
        return old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
    return old, new


def _exactly_once(path: str, text: str, old: str) -> None:
    found = text.count(old)
    if found == 1:
        if text.find(old, text.index(old) + 1) < 0:  # `count` skips overlapping occurrences
            return
        found = 2
    if found == 0:
        raise ToolError(
            f"old_str was not found in {path}. It must match exactly, including spaces: view the file first"
        )
    lines: list[str] = []
    at = text.find(old)
    while at >= 0 and len(lines) < 10:
        lines.append(str(text.count("\n", 0, at) + 1))
        at = text.find(old, at + 1)
    raise ToolError(
        f"old_str occurs {found} times in {path} (lines {', '.join(lines)}); include more of the surrounding text"
    )
