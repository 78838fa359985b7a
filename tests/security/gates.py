"""Every gate at which a person is asked, as a way to come to it twice: what a yes covers is tested for all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.backends import find_opener
from conjure_magic.backends.hosted.file_tools import FileTransfer
from conjure_magic.backends.native.host import CodeResult
from conjure_magic.backends.opener import BackendSetup
from conjure_magic.cancel import Cancel
from conjure_magic.errors import ToolError
from conjure_magic.events import ApprovalAnswered, Body, ToolResult
from conjure_magic.messages import ToolUseBlock
from conjure_magic.settings import Settings
from conjure_magic.skills import SkillRegistry
from conjure_magic.workspace import Workspace


class Turn:
    """The context of a turn whose person always gives the same answer."""

    def __init__(self, workspace: Workspace, decision: Decision) -> None:
        self.cancel = Cancel()
        self.workspace = workspace
        self.prompt = ""
        self.model: Any = None
        self.decision = decision
        self.asked: list[ApprovalRequest] = []
        self.emitted: list[Body] = []

    def emit(self, body: Body) -> None:
        self.emitted.append(body)

    def approve(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request)
        return self.decision

    @property
    def answers(self) -> list[ApprovalAnswered]:
        return [body for body in self.emitted if isinstance(body, ApprovalAnswered)]


class Host:
    """A kernel that runs nothing."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self.hidden: frozenset[str] = frozenset()

    def run(self, code: str) -> CodeResult:
        return CodeResult()

    def call_soon(self, function: Callable[[], None]) -> bool:
        return False


class Uploads:
    """The Files endpoint, which remembers what it got."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def upload(self, content: bytes, name: str, *, cancel: Cancel) -> SimpleNamespace:
        self.names.append(name)
        return SimpleNamespace(id=f"file_{len(self.names)}", filename=name)


Come = Callable[[str, Turn], ToolResult]
"""Comes to a gate with a name that makes the call another one."""
Gate = Callable[[Path], AbstractContextManager[tuple[Workspace, Come]]]


def drain(running: Generator[Body, None, ToolResult], turn: Turn) -> ToolResult:
    """What a call returned, a tool's own refusal included; what it yielded is in `turn.emitted`."""
    while True:
        try:
            turn.emitted.append(next(running))
        except ToolError as error:
            return ToolResult(str(error), is_error=True, status="error")
        except StopIteration as stop:
            result: ToolResult = stop.value
            return result


def backend_gate(name: str, make: Callable[[str, Path], ToolUseBlock], *, in_place: bool = False) -> Gate:
    """A gate of a backend: its own factory opens it, in a session whose input folder is the given one."""

    @contextlib.contextmanager
    def gate(folder: Path) -> Iterator[tuple[Workspace, Come]]:
        workspace = Workspace.open("test", folder=folder if in_place else None, input=folder)
        skills = SkillRegistry(user=False)
        opener, setup = find_opener(name), BackendSetup(workspace, skills, Settings(), host=Host())
        backend = opener.open(setup, opener.read_options({}))

        def come(word: str, turn: Turn) -> ToolResult:
            backend.contribute(turn)
            return drain(backend.run(make(word, folder), turn), turn)

        try:
            yield workspace, come
        finally:
            backend.close()
            workspace.close()

    return gate


@contextlib.contextmanager
def _upload(folder: Path) -> Iterator[tuple[Workspace, Come]]:
    workspace = Workspace.open("test", input=folder)
    transfer, client = FileTransfer(SimpleNamespace(limit=1000)), Uploads()  # type: ignore[arg-type]

    def come(word: str, turn: Turn) -> ToolResult:
        (workspace.root / word).write_text(word)
        call = ToolUseBlock(f"t-{word}", "send_file", {"path": word})
        return drain(transfer.send(call, turn, client, "anthropic"), turn)  # type: ignore[arg-type]

    try:
        yield workspace, come
    finally:
        workspace.close()


def use(tool: str, **given: str) -> Callable[[str, Path], ToolUseBlock]:
    """A call whose texts name the word and the folder."""

    def make(word: str, folder: Path) -> ToolUseBlock:
        filled = {k: v.replace("WORD", word).replace("FOLDER", str(folder)) for k, v in given.items()}
        return ToolUseBlock(f"t-{word}", tool, filled)

    return make


GATES: dict[str, tuple[str, Gate]] = {
    "a command": ("command", backend_gate("local", use("bash_tool", command="echo WORD"))),
    "a file in the person's folder": (
        "file",
        backend_gate("local", use("create_file", path="WORD.txt", file_text="x"), in_place=True),
    ),
    "a change in the person's folder": (
        "file",
        backend_gate("local", use("str_replace", path="WORD.txt", old_str="x", new_str="y"), in_place=True),
    ),
    "Python in the kernel": ("Python", backend_gate("native", use("kernel_run", code="WORD = 1"))),
    "an upload": ("upload", _upload),
}
"""Gate -> the word that its answer for the session and the help of --yes have for it, and a way to come to it."""

GATES["a request to a host"] = (
    "fetch",
    backend_gate("native", use("log-fetcher_execute", command="fetch http://nowhere.invalid/WORD")),
)

HOME_GATES: dict[str, tuple[str, Gate]] = {
    "a file of the home folder": ("read", backend_gate("local", use("view", path="FOLDER/WORD"))),
    "its folders": ("read", backend_gate("local", use("view", path="FOLDER"))),
    "an oracle on its files": (
        "read",
        backend_gate("local", use("str_replace", path="FOLDER/WORD", old_str="x", new_str="y")),
    ),
}
"""The same for what is asked only where the notebook lies in the person's home."""
