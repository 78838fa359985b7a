"""The backend behind `local` and `docker`: the four tools over an executor, with folders, skills and approval."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from conjure_magic.approval import ApprovalGate, ApprovalRequest
from conjure_magic.artifacts import Artifact
from conjure_magic.backends.base import Context, Contribution, copy_to_workspace, file_block
from conjure_magic.cancel import Cancel
from conjure_magic.command_rules import matches_rule, words_of
from conjure_magic.errors import BackendError, ToolError
from conjure_magic.events import ApprovalAnswered, Body, FileCreated, ModelEvent, Notice, ToolResult
from conjure_magic.executors.base import ExecPaths, Executor
from conjure_magic.executors.output_cleaning import visible
from conjure_magic.messages import Block, ToolUseBlock
from conjure_magic.phrases import counted
from conjure_magic.secrets import SHORTEST, masked
from conjure_magic.tools import (
    BASH_TOOL,
    CREATE_FILE,
    NAMES,
    STR_REPLACE,
    VIEW,
    check_arguments,
    definitions,
    run_tool,
)
from conjure_magic.workspace import Snapshot
from conjure_magic.written_files import WrittenFiles, could_be_run, loadable

ROLE = """\
Your tools work on files and run commands. Use them to do the work instead of describing it, and check what they \
return before you continue. Commands start in the workspace, whose path is in $OUTPUT_DIR: create files there and \
nowhere else, unless the user names another place."""

HOST = "commands and files on the user's machine; the workspace is here."
CONTAINED = "commands and files in a sandbox; the workspace is here."

INPUT = """\
The input folder is where the user works; its path is in $INPUT_DIR. A relative path in the user's request means \
a file there: put the input folder's path before it in commands and tools. Change nothing there unless you are asked \
to."""


def system_text(paths: ExecPaths, catalogue: str) -> str:
    """Return the system text about the folders and the skills; byte-equal for the same folders and skills."""
    parts = [ROLE, f"<workspace>{escape(paths.workspace, quote=False)}</workspace>"]
    if paths.input is not None:
        parts[1:] = [INPUT, f"{parts[1]}\n<input_folder>{escape(paths.input, quote=False)}</input_folder>"]
    if paths.python:
        parts.append(f"`python` in a command is {paths.python}.")
    if catalogue.strip():
        parts.append(catalogue.strip())
    return "\n\n".join(parts)


TOOL_SET = "shell"
"""The tool set of all backends with these four tools; a session uses at most one of them."""

COMMANDS, FILES, READING = "commands", "files", "reading"
"""Kinds of permission that can be given for the whole session."""

LISTED_FILES = 5
"""Files named in a question that a rule does not answer."""
CONTAINS_KEY = "contains an API key, so it is not shown"
SEARCHED = 16 << 20
"""Bytes of a created file that are searched for a key; no display includes that many."""


class ShellBackend:
    """Runs the four tools over an executor, and reports the files that calls create or change."""

    def __init__(
        self,
        name: str,
        executor: Executor,
        *,
        catalogue: Callable[[], str] = str,
        contained: bool = False,
        rules: Callable[[], Iterable[str]] = tuple,
        timeout: float,
        secrets: Callable[[], Iterable[str]] = tuple,
        notice: Notice | None = None,
        too_wide: Callable[[str], str] = lambda _: "",
    ) -> None:
        """Create a backend that owns its executor: closing the backend closes both.

        Args:
            name: the value for `Session(backend=…)`.
            executor: runs the commands and accesses the files.
            catalogue: returns the skills as XML for the system text; called once in each turn.
            contained: True if commands cannot harm the user's machine, so that no approval is needed.
            rules: commands that may run without asking (see `rules.matches_rule`).
            timeout: seconds that a command may take unless its call says otherwise.
            secrets: returns the values that no result may show.
            notice: a notice about what commands cannot reach; emitted once.
            too_wide: returns why reading a path needs approval; empty if it does not.
        """
        self.name = name
        self.executor = executor
        self._catalogue = catalogue
        self._contained = contained
        self._rules = rules
        self._timeout = timeout
        self._secrets = secrets
        self._notice = notice
        self._too_wide = too_wide
        self._approvals = ApprovalGate()
        self._turn: tuple[Cancel, Contribution] | None = None
        self._told: set[str] = set()
        """Folders with unlisted files that this turn's user was already notified of."""

    def __repr__(self) -> str:
        return f"ShellBackend({self.name!r})"

    def contribute(self, context: Context) -> Contribution:
        """Return the four tools and the system text, built once in each turn."""
        if self._turn is None or self._turn[0] is not context.cancel:
            catalogue = self._catalogue()  # first: new skills may add paths
            contribution = Contribution(
                definitions(self._timeout),
                system_text(self.executor.paths, catalogue),
                purpose=CONTAINED if self._contained else HOST,
            )
            self._turn = (context.cancel, contribution)
            self._told = set()
        return self._turn[1]

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Run a call after approval; the files that it created or changed are reported last.

        A call that is not allowed returns an `is_error` result with the reason. Raises what `run_tool` raises; files
        created before an error are reported anyway.
        """
        for definition in definitions(self._timeout):
            if definition.name == call.name:
                check_arguments(definition, call.input)
        refusal = yield from self._gate(call, context)
        if refusal is not None:
            return refusal
        if call.name == VIEW.name or call.name not in NAMES:
            return self._masked((yield from self._tool(call, context)))
        before, began = context.workspace.snapshot(), time.time_ns()
        try:
            result = yield from self._tool(call, context)
        except (BackendError, ToolError):
            yield from self._created(before, call, context)
            yield from self._unlisted(began, context)
            raise
        yield from self._created(before, call, context)
        yield from self._unlisted(began, context)
        return self._masked(result)

    def add_file(self, path: Path, context: Context) -> tuple[Block, Notice]:
        """Copy the file into the workspace; the model reads the path that commands see. Raises UsageError."""
        copy = copy_to_workspace(path, context.workspace)
        seen = f"{self.executor.paths.workspace}/{copy.relative_to(context.workspace.root).as_posix()}"
        return file_block(seen), Notice(f"Attached {path.name}: {context.workspace.shown(copy)}")

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Emit the notice, once; nothing that the model sends concerns these tools."""
        if self._notice is not None:
            yield self._notice
            self._notice = None

    def recover(self, error: Exception) -> str | None:
        """Nothing to repair: a dead supervisor is replaced with the next command."""
        return None

    def close(self) -> None:
        """Kill everything that is still running. May be called more than once."""
        self.executor.close()

    def _tool(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        return (
            yield from run_tool(
                self.executor, call, cancel=context.cancel, timeout=self._timeout, shown=context.workspace.shown
            )
        )

    def _created(self, before: Snapshot, call: ToolUseBlock, context: Context) -> Generator[Body, None, None]:
        for artifact in context.workspace.changed(before, backend=self.name, tool_use_id=call.id):
            yield FileCreated(replace(artifact, withheld=CONTAINS_KEY) if self._holds_secret(artifact) else artifact)

    def _unlisted(self, began: int, context: Context) -> Generator[Body, None, None]:
        """Report folders such as `.git` in which a call changed something, each once per turn."""
        changed = context.workspace.changed_unlisted(began)
        if context.workspace.in_place:
            WrittenFiles().add_all(path for paths in changed.values() for path in paths if could_be_run(path))
        new = [f"{visible(name)} ({counted(len(changed[name]), 'entry')})" for name in sorted({*changed} - self._told)]
        self._told |= {*changed}
        if new:
            more = f" and {len(new) - LISTED_FILES:,} more" if len(new) > LISTED_FILES else ""
            listed = ", ".join(new[:LISTED_FILES]) + more
            yield Notice(
                f"Changed as well, though not listed: {listed}. Your own tools may run what lies there.", "warning"
            )

    def _holds_secret(self, artifact: Artifact) -> bool:
        """True if the part of the file that a display may show contains a secret."""
        secrets = [secret.encode() for secret in self._secrets() if len(secret) >= SHORTEST]
        if not secrets or artifact.path is None:
            return False
        try:
            with artifact.open() as file:
                beginning = file.read(SEARCHED)
        except OSError:
            return False
        return any(secret in beginning for secret in secrets)

    def _masked(self, result: ToolResult) -> ToolResult:
        if isinstance(result.content, str):
            return replace(result, content=masked(result.content, self._secrets()))
        return result

    # ---- approval

    def _gate(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult | None]:
        """Return None if the call may run, else the result that tells the model why not."""
        yield from ()
        kind, request = self._question(call, context)
        if request is None:
            return None
        if kind == COMMANDS and matches_rule(request.text, self._rules()):
            written = loadable(words_of(request.text), context.workspace.root, WrittenFiles())
            if not written:
                context.emit(ApprovalAnswered(call.id, True, "a rule"))
                return None
            request = replace(request, note=_why_asked(written))
        return self._approvals.refusal(request, context, kind)

    def _question(self, call: ToolUseBlock, context: Context) -> tuple[str, ApprovalRequest | None]:
        """Return the kind of permission that the call needs and the question for the user; None if it needs none."""
        if self._contained:
            return "", None
        given, later = call.input, f"file that {self.name} writes"
        if call.name == BASH_TOOL:
            return COMMANDS, ApprovalRequest(call.id, self.name, call.name, given["command"])
        if context.workspace.in_place and call.name == CREATE_FILE.name:
            text = f"{given['path']}\n\n{given['file_text']}"
            return FILES, ApprovalRequest(call.id, self.name, call.name, text, "Write this file?", later)
        if context.workspace.in_place and call.name == STR_REPLACE.name:
            text = f"{given['path']}\n\n--- old\n{given['old_str']}\n+++ new\n{given['new_str']}"
            return FILES, ApprovalRequest(call.id, self.name, call.name, text, "Change this file?", later)
        if call.name in (VIEW.name, STR_REPLACE.name) and (why := self._too_wide(given["path"])):
            later = f"file or folder that {self.name} reads there"
            return READING, ApprovalRequest(call.id, self.name, call.name, given["path"], "Read this?", later, why)
        return "", None


def _why_asked(written: Sequence[str]) -> str:
    """Return why a rule is not enough to run the command."""
    more = f" and {len(written) - LISTED_FILES:,} more" if len(written) > LISTED_FILES else ""
    listed = ", ".join(written[:LISTED_FILES])
    return f"A rule allows this, but the model has written files that it could load: {listed}{more}."
