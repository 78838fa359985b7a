"""The four tools over an executor: `view`, `bash_tool`, `create_file`, `str_replace`.

What is wrong with a call becomes a `ToolError` that says what the tool expects, for the model to read.
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
from conjure_magic.executors.terminal import visible
from conjure_magic.messages import ToolUseBlock
from conjure_magic.models.base import ToolDefinition
from conjure_magic.phrases import counted
from conjure_magic.workspace import OUTPUT_DIR

MAX_TIMEOUT = 3600.0
"""Seconds that a call may ask for."""
VIEW_LINES = 1_000
"""Lines of a file that are shown at once."""
VIEW_CHARACTERS = 48_000
LINE_CHARACTERS = 2_000
"""Characters of a line that are shown."""

UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and newline, and what is no character."""

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
    "Look at a text file or a folder. A file is shown with line numbers (the numbers and the tab behind them are "
    f"not part of it), {VIEW_LINES:,} lines at most at once; use view_range for other parts. A folder is listed two "
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
            "description": "First and last line to show, counted from 1; -1 as the last means to the end.",
        },
    ),
)
BASH_TOOL = "bash_tool"


def bash_tool(timeout: float) -> ToolDefinition:
    """The tool that runs commands; `timeout` is the seconds that a command gets where the call does not say."""
    return ToolDefinition(
        BASH_TOOL,
        "Run a shell command in the workspace and get what it prints (stdout and stderr together) and its exit code. "
        "Every call is a new shell: `cd` and variables do not last, files do. There is no terminal and no stdin, so "
        "nothing may ask for input. Of long output only the beginning and the end come back; the whole of it is in a "
        "file that the result names. Processes left in the background go on running, until a command times out or is "
        "stopped, which ends them all.",
        _schema(
            ("command",),
            command={"type": "string", "description": "The command, for bash (sh where there is no bash)."},
            timeout={
                "type": "number",
                "description": f"Seconds after which the command is killed: {timeout:g} if left out, "
                f"{MAX_TIMEOUT:.0f} at most.",
            },
        ),
    )


CREATE_FILE = ToolDefinition(
    "create_file",
    "Write a text file into the workspace, with the folders above it. What was in a file of that name is replaced.",
    _schema(
        ("path", "file_text"),
        path={"type": "string", "description": _PATH},
        file_text={"type": "string", "description": "The whole content of the file."},
    ),
)
STR_REPLACE = ToolDefinition(
    "str_replace",
    "Change a text file in the workspace by replacing one piece of it. The old text must be in the file exactly "
    "once, letter by letter, blanks and line breaks included: give enough of its surroundings to make it unique.",
    _schema(
        ("path", "old_str", "new_str"),
        path={"type": "string", "description": _PATH},
        old_str={"type": "string", "description": "The text to replace, without view's line numbers."},
        new_str={"type": "string", "description": "What comes in its place; empty to delete it."},
    ),
)
NAMES = frozenset({VIEW.name, BASH_TOOL, CREATE_FILE.name, STR_REPLACE.name})


def definitions(timeout: float) -> tuple[ToolDefinition, ...]:
    """The four tools; `timeout` as in `bash_tool`."""
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
            faults.append(f"there is no argument {name!r}" + (f" (did you mean {near[0]}?)" if near else ""))
            continue
        wanted, fits = _TYPES[properties[name]["type"]]
        if not fits(value):
            faults.append(f"{name} must be {wanted}, not {_named(value)}")
    if faults:
        raise ToolError(f"{definition.name}: {'; '.join(faults)}. It takes: {expected}.")
    if definition.name == BASH_TOOL:
        _check_seen(given["command"])


def _check_seen(command: str) -> None:
    """Raise ToolError for a command that a user could not read as it is: with control characters."""
    found = dict.fromkeys(f"U+{ord(character):04X}" for character in UNSEEN.findall(command))
    if found:
        raise ToolError(
            f"bash_tool: the command holds {', '.join(list(found)[:5])}. Of control characters only tab and newline "
            "may be in a command; write others as escapes, such as printf '\\033'."
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
    """Run one call of the four tools: yield what a command prints, return what the model reads.

    Args:
        executor: where it runs.
        call: the model's call.
        cancel: stops a running command; the result then holds what it had printed.
        timeout: seconds for a command that does not say.
        shown: a path on this machine as the user is told it.

    Raises ToolError for wrong arguments and for what a tool refuses, BackendError if the executor is gone.
    """
    definition = next((known for known in definitions(timeout) if known.name == call.name), None)
    if definition is None:
        raise ToolError(f"there is no tool {call.name!r} here; there are {', '.join(sorted(NAMES))}")
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
    """What a model reads of a finished command: its output, then in brackets how it ended and what to know."""
    status, notes = "", []
    if result.ended == "timeout":
        status = f"timed out after {timeout:g} s"
        notes.append(f"timed out after {timeout:g} s and was killed, with everything that ran in the background")
    elif result.ended == "cancelled":
        status = "stopped"
        notes.append("stopped before it ended and killed, with everything that ran in the background")
    elif result.ended == "killed" and result.reason:
        status = "killed"
        notes.append(f"killed, with everything that ran in the background: {result.reason}")
    elif result.ended == "killed":
        status = "killed"
        notes.append("killed by the system or by a kill -9 (exit code 137); it may have used too much memory")
    elif result.exit_code:
        status = f"exit {result.exit_code}"
        notes.append(f"exit code {result.exit_code}")
    if result.omitted_bytes:
        where = (
            f"; the whole output is in {workspace}/{OUTPUT_DIR}/{result.output_path.name}" if result.output_path else ""
        )
        notes.append(f"{result.omitted_bytes:,} of {result.total_bytes:,} bytes are left out above{where}")
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
    """True if processes of the command go on in the background."""
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
    """The content as text. Raises ToolError for an image, a PDF or other binary data."""
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
    """The lines as `grep -n` and `sed` count them: form feeds and the like end none."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _range(view_range: list[int] | None, count: int) -> tuple[int, int]:
    """First and last line, from 1. Raises ToolError for a range that is not in the file."""
    if view_range is None:
        return 1, count
    first, last = view_range
    last = count if last == -1 else min(last, count)
    if not 1 <= first <= count or last < first:
        raise ToolError(f"view_range {view_range} is not in the file, which has {counted(count, 'line')}")
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
        raise ToolError("old_str and new_str are the same: nothing to change")
    if not old:
        raise ToolError("old_str is empty; to write a whole file use create_file")
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
    """Old and new text with the line ends of a file that has CR LF, which `view` does not show."""
    if "\r\n" in text and "\r" not in old and old not in text:
        return old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
    return old, new


def _exactly_once(path: str, text: str, old: str) -> None:
    found = text.count(old)
    if found == 1:
        if text.find(old, text.index(old) + 1) < 0:  # `count` does not see overlapping ones
            return
        found = 2
    if found == 0:
        raise ToolError(
            f"old_str is not in {path}. It must match letter by letter, blanks included: view the file first"
        )
    lines: list[str] = []
    at = text.find(old)
    while at >= 0 and len(lines) < 10:
        lines.append(str(text.count("\n", 0, at) + 1))
        at = text.find(old, at + 1)
    raise ToolError(
        f"old_str is in {path} {found} times (lines {', '.join(lines)}); give more of what stands around it"
    )
