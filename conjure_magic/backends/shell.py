"""The backend behind `local` (and every other executor): four tools, the folders, the skills; approval first."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from conjure_magic.approval import ApprovalRequest, Gate
from conjure_magic.artifacts import Artifact
from conjure_magic.backends.base import Context, Contribution, attached_text, copied
from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, ToolError
from conjure_magic.events import ApprovalAnswered, Body, FileCreated, ModelEvent, Notice, ToolResult
from conjure_magic.executors.base import ExecPaths, Executor
from conjure_magic.executors.terminal import visible
from conjure_magic.messages import Block, ToolUseBlock
from conjure_magic.phrases import counted
from conjure_magic.rules import matches_rule, words_of
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
from conjure_magic.written import WrittenFiles, loadable

ROLE = """\
Your tools work on files and run commands. Do the work with them instead of describing it, and look at what they \
return before you go on. Commands start in the workspace, and $OUTPUT_DIR holds its path: create files there and in \
no other place, unless the person names one."""

HOST = "commands and files on the person's machine; the workspace is here."
CONTAINED = "commands and files in a sandbox; the workspace is here."

INPUT = """\
The input folder is where the person works; $INPUT_DIR holds its path. A relative path in the person's request means \
a file there: put the input folder's path before it in commands and tools. Change nothing there unless you are asked \
to."""


def system_text(paths: ExecPaths, catalogue: str) -> str:
    """What a model is told of the folders and the skills. The same bytes for the same folders and skills."""
    parts = [ROLE, f"<workspace>{escape(paths.workspace, quote=False)}</workspace>"]
    if paths.input is not None:
        parts[1:] = [INPUT, f"{parts[1]}\n<input_folder>{escape(paths.input, quote=False)}</input_folder>"]
    if paths.python:
        parts.append(f"`python` in a command is {paths.python}.")
    if catalogue.strip():
        parts.append(catalogue.strip())
    return "\n\n".join(parts)


TOOL_SET = "shell"
"""What the backends with these four tools share: a session takes one of them."""

COMMANDS, FILES, READING = "commands", "files", "reading"
"""What a yes for the session is remembered under."""

NAMED = 5
"""Files that a question names, of those for which a rule does not answer."""
HOLDS_KEY = "holds an API key, so it is not shown"
LOOKED_AT = 16 << 20
"""Bytes of a created file that are searched for a key; no display carries as much."""


class ShellBackend:
    """Runs the four tools over an executor, and reports the files that a call made."""

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
        """A backend that owns its executor: closing it closes both.

        Args:
            name: what `Session(backend=…)` takes.
            executor: where the tools run.
            catalogue: the skills as XML for the system text; asked once in each turn.
            contained: True where a command cannot hurt the person's machine, so that nothing asks.
            rules: commands that may run without asking (see `approval.matches_rule`).
            timeout: seconds for a command whose call does not say.
            secrets: what no result may show.
            notice: what the person should know of what is out of reach; said once.
            too_wide: why reading a path is to be asked about; empty if it is not.
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
        self._asks = Gate()
        self._turn: tuple[Cancel, Contribution] | None = None
        self._told: set[str] = set()
        """Folders with files that are not listed, of which this turn's person was told."""

    def __repr__(self) -> str:
        return f"ShellBackend({self.name!r})"

    def contribute(self, context: Context) -> Contribution:
        """The four tools and the system text, made once in each turn."""
        if self._turn is None or self._turn[0] is not context.cancel:
            catalogue = self._catalogue()  # first: it may bring new skills, and with them new paths
            contribution = Contribution(
                definitions(self._timeout),
                system_text(self.executor.paths, catalogue),
                purpose=CONTAINED if self._contained else HOST,
            )
            self._turn = (context.cancel, contribution)
            self._told = set()
        return self._turn[1]

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Run a call, once it is allowed; the files that it made or changed come last.

        A call that is not allowed returns an `is_error` result with the reason. For what it raises see
        `run_tool`; files made before an error are reported all the same.
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

    def attach(self, path: Path, context: Context) -> tuple[Block, Notice]:
        """A copy in the workspace, told by the path that commands see. Raises UsageError if it cannot be made."""
        copy = copied(path, context.workspace)
        seen = f"{self.executor.paths.workspace}/{copy.relative_to(context.workspace.root).as_posix()}"
        return attached_text(seen), Notice(f"Attached {path.name}: {context.workspace.shown(copy)}")

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Nothing of the model's own concerns the tools here; what the person should know is said on the occasion."""
        if self._notice is not None:
            yield self._notice
            self._notice = None

    def recover(self, error: Exception) -> str | None:
        """Nothing to fix: a dead supervisor is replaced with the next command."""
        return None

    def close(self) -> None:
        """Kill everything that still runs; twice is fine."""
        self.executor.close()

    def _tool(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        return (
            yield from run_tool(
                self.executor, call, cancel=context.cancel, timeout=self._timeout, shown=context.workspace.shown
            )
        )

    def _created(self, before: Snapshot, call: ToolUseBlock, context: Context) -> Generator[Body, None, None]:
        for artifact in context.workspace.changed(before, backend=self.name, tool_use_id=call.id):
            yield FileCreated(replace(artifact, withheld=HOLDS_KEY) if self._holds_secret(artifact) else artifact)

    def _unlisted(self, began: int, context: Context) -> Generator[Body, None, None]:
        """Tell of folders such as `.git` in which a call changed something, each once in a turn."""
        changed = context.workspace.changed_unlisted(began)
        new = [f"{visible(name)} ({counted(changed[name], 'entry')})" for name in sorted({*changed} - self._told)]
        self._told |= {*changed}
        if new:
            more = f" and {len(new) - NAMED:,} more" if len(new) > NAMED else ""
            listed = ", ".join(new[:NAMED]) + more
            yield Notice(
                f"Changed as well, though not listed: {listed}. Your own tools may run what lies there.", "warning"
            )

    def _holds_secret(self, artifact: Artifact) -> bool:
        """True if a secret stands in what a display may show of the file."""
        secrets = [secret.encode() for secret in self._secrets() if len(secret) >= SHORTEST]
        if not secrets or artifact.path is None:
            return False
        try:
            with artifact.open() as file:
                beginning = file.read(LOOKED_AT)
        except OSError:
            return False
        return any(secret in beginning for secret in secrets)

    def _masked(self, result: ToolResult) -> ToolResult:
        if isinstance(result.content, str):
            return replace(result, content=masked(result.content, self._secrets()))
        return result

    # ---- approval

    def _gate(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult | None]:
        """Nothing if the call may run; else the result that tells the model why not."""
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
        return self._asks.refusal(request, context, kind)

    def _question(self, call: ToolUseBlock, context: Context) -> tuple[str, ApprovalRequest | None]:
        """What a person is to be asked, if anything, and what a yes for the session is remembered under."""
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
    """Why a rule does not answer."""
    more = f" and {len(written) - NAMED:,} more" if len(written) > NAMED else ""
    return f"A rule allows this, but the model has written what it could load: {', '.join(written[:NAMED])}{more}."
