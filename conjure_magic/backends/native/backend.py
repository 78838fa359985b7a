"""The backend `native`: runs skills written in Python in this process, on the turn's thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from conjure_magic.backends.base import Context, Contribution, copy_to_workspace, file_block
from conjure_magic.backends.native.base import NativeSkill, is_native
from conjure_magic.backends.native.calling import Caller
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.host import Host
from conjure_magic.backends.native.results import present
from conjure_magic.backends.native.tool import NativeTool, tools_of
from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError, SessionBusyError, ToolError, UsageError
from conjure_magic.events import Body, FileCreated, ModelEvent, Notice, ToolResult
from conjure_magic.messages import Block, ToolUseBlock
from conjure_magic.secrets import masked
from conjure_magic.settings import Settings

ROLE = (
    "These tools are Python functions in the user's own process, fast and with access to the data loaded there: "
    "{names}. The files that they save are in the workspace."
)
PURPOSE = "the user's own functions, for data and services of the notebook; they save files to the workspace."
RENAME = '@skill(name="my_{0}") above the function, or another name for the NativeSkill'
ONE_LINE = 500
"""Characters of an exception's message for the model."""
OWN = str(Path(__file__).parent)


class NativeBackend:
    """Provides and runs the tools of native skills; the skills are looked up again for each turn."""

    name = "native"

    def __init__(
        self,
        skills: Callable[[], Sequence[object]],
        *,
        session: str = "",
        host: Host | None = None,
        settings: Settings | None = None,
        secrets: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Create a backend for one session.

        Args:
            skills: returns the current NativeSkill objects or classes, and functions with `@skill`.
            session: the session's name, for the tools' context.
            host: the kernel; None in a plain script.
            settings: the settings, for the tools' context.
            secrets: returns the values that no result may show.
        """
        self._skills = skills
        self._session = session
        self._host = host
        self._settings = settings or Settings()
        self._secrets = secrets
        self._caller = Caller()
        self._made: dict[type, NativeSkill] = {}
        self._tools: dict[str, NativeTool] = {}
        self._turn: tuple[Cancel, Contribution] | None = None

    def __repr__(self) -> str:
        return f"NativeBackend({', '.join(self._tools)})"

    def contribute(self, context: Context) -> Contribution:
        """Return the tools of the current skills, built once in each turn.

        Raises UsageError for an object that is not a native skill, and for two tools with the same name.
        """
        if self._turn is None or self._turn[0] is not context.cancel:
            self._tools = self._named()
            system = ROLE.format(names=", ".join(self._tools)) if self._tools else ""
            definitions = tuple(tool.definition for tool in self._tools.values())
            self._turn = (
                context.cancel,
                Contribution(definitions, system, purpose=PURPOSE if definitions else "", rename_hint=RENAME),
            )
        return self._turn[1]

    def run(self, call: ToolUseBlock, context: Context) -> Generator[Body, None, ToolResult]:
        """Run a call; the files that it created or changed are reported last.

        Raises ToolError for invalid arguments and if the function raises it, CancelledError if the turn was stopped.
        Any other exception becomes a result: one line for the model, the traceback for the user.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"unknown tool {call.name}; available: {', '.join(self._tools) or 'none'}")
        arguments = tool.arguments(call.input)
        before = context.workspace.snapshot()
        try:
            result = self._result(tool, arguments, self._context(call, context))
        finally:
            changed = context.workspace.changed(before, backend=self.name, tool_use_id=call.id)
            for artifact in changed:
                context.emit(FileCreated(artifact))
        yield from ()
        return self._masked(result)

    def add_file(self, path: Path, context: Context) -> tuple[Block, Notice]:
        """Copy the file into the workspace; the model reads its path. Raises UsageError if that fails."""
        copy = copy_to_workspace(path, context.workspace)
        return file_block(str(copy)), Notice(f"Attached {path.name}: {context.workspace.shown(copy)}")

    def observe(self, event: ModelEvent, context: Context) -> Generator[Body, None, None]:
        """Do nothing: nothing that the model sends concerns these tools."""
        yield from ()

    def recover(self, error: Exception) -> str | None:
        """Return None: there is nothing to repair."""
        return None

    def close(self) -> None:
        """Stop the event loop of async tools. May be called more than once."""
        self._caller.close()

    # ---- inside

    def _named(self) -> dict[str, NativeTool]:
        tools: dict[str, NativeTool] = {}
        for value in self._skills():
            for tool in tools_of(self._instance(value)):
                if tool.name in tools:
                    raise UsageError(f"two native skills have a tool named {tool.name!r}; rename one of them")
                tools[tool.name] = tool
        return tools

    def _instance(self, value: object) -> object:
        """Return the instance of a class, the same in every turn; any other value unchanged."""
        if not (isinstance(value, type) and is_native(value)):
            return value
        if value not in self._made:
            try:
                self._made[value] = value()
            except Exception as error:  # someone's own __init__
                raise UsageError(
                    f"{value.__name__}() failed: {_one_line(error)}. Create an instance and use that."
                ) from error
        return self._made[value]

    def _context(self, call: ToolUseBlock, context: Context) -> SkillContext:
        return SkillContext(
            context, call.id, call.name, self._session, self.name, self._host, self._settings, self._mask
        )

    def _result(self, tool: NativeTool, arguments: dict[str, Any], context: SkillContext) -> ToolResult:
        """Call the function; turn its return value or exception into a result."""
        try:
            value = self._caller.call(
                lambda: tool.call(arguments, context), context.cancel, lambda text: _tell(context, text), tool.name
            )
            return present(value, context)
        except ToolError as error:
            if str(error).strip():
                raise
            raise ToolError(f"{tool.name} failed without a message") from error  # servers refuse an empty error
        except SessionBusyError as error:
            raise ToolError(f"{error}. A tool cannot use the session that is calling it.") from None
        except CancelledError as error:
            if context.cancel.is_set:
                raise
            return failure(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # any kind: a library's own cancellation exception must not end the turn
            return failure(error)

    def _mask(self, text: str) -> str:
        return masked(text, self._secrets())

    def _masked(self, result: ToolResult) -> ToolResult:
        content = self._mask(result.content) if isinstance(result.content, str) else result.content
        return replace(result, content=content, details=self._mask(result.details))


def failure(error: BaseException) -> ToolResult:
    """Return the result of a call whose function raised an exception."""
    return ToolResult(_one_line(error), is_error=True, status=type(error).__name__, details=_traceback(error))


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # someone's own __str__
        text = "(its message cannot be shown)"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if len(line) <= ONE_LINE else f"{line[:ONE_LINE]}…"


def _traceback(error: BaseException) -> str:
    """Format the traceback, starting at the user's own code."""
    tb: TracebackType | None = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(OWN):
        tb = tb.tb_next
    lines = traceback.format_exception(type(error), error, tb)
    return "".join(lines).rstrip()


def _tell(context: SkillContext, text: str) -> None:
    context.turn.emit(Notice(text, "warning"))
