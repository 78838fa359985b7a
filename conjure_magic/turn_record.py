"""The record of a turn: its events combined into items, in order, as displays show them and results contain them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conjure_magic.artifacts import Artifact, Artifacts
from conjure_magic.events import (
    ApprovalAnswered,
    ApprovalAsked,
    BlockFinished,
    Body,
    Called,
    FileCreated,
    Item,
    MessageFinished,
    Noted,
    Notice,
    Said,
    TextDelta,
    ThinkingDelta,
    Thought,
    ToolFinished,
    ToolOutput,
    ToolProgress,
    ToolStarted,
)

TAIL = 4_000
"""Characters kept of a running command's output."""


class TurnRecord:
    """The items of one turn so far; pass it every body in order with `add`."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._files: dict[str, Artifact] = {}
        self._saying: type[Said | Thought] | None = None
        self._text: list[str] = []

    @property
    def items(self) -> list[Item]:
        """The items so far, in order; text that is still arriving is the last one."""
        self._close_text(keep_open=True)
        return self._items

    @property
    def files(self) -> Artifacts:
        """The files of the turn, each once, in its latest state; a file created in this turn stays "new"."""
        return Artifacts(self._files.values())

    def add(self, body: Body) -> None:
        """Add the body of one event."""
        if type(body) is TextDelta:  # by far the most common
            self._grow(Said, body.text)
            return
        match body:
            case ThinkingDelta(text):
                self._grow(Thought, text)
            case BlockFinished() | MessageFinished():
                self._close_text()
            case Notice(text, level, remedy):
                self._append(Noted(text, level, remedy))
            case ToolStarted(call, backend):
                self._append(Called(call, backend))
            case ToolOutput(tool_use_id, text):
                self._change(tool_use_id, lambda c: replace(c, output=(c.output + text)[-TAIL:]))
            case ToolProgress(tool_use_id):
                self._change(tool_use_id, lambda c: replace(c, progress=body))
            case ApprovalAsked(tool_use_id, _, text):
                self._change(tool_use_id, lambda c: replace(c, asked=text))
            case ApprovalAnswered(tool_use_id):
                self._change(tool_use_id, lambda c: replace(c, asked="", approval=body))
            case FileCreated(artifact):
                self._file(artifact)
            case ToolFinished(tool_use_id, result, seconds):
                self._change(
                    tool_use_id,
                    lambda c: replace(c, result=result, seconds=seconds, output="", asked="", progress=None),
                )

    def _append(self, item: Item) -> None:
        self._close_text()
        self._items.append(item)

    def _grow(self, kind: type[Said | Thought], text: str) -> None:
        """Add text to the current text item, or begin one; pieces are joined only when `items` is read."""
        if self._saying is not kind:
            self._append(kind(""))
            self._saying = kind
        self._text.append(text)

    def _close_text(self, *, keep_open: bool = False) -> None:
        """Write the text received since the last call into its item."""
        if self._saying is not None and self._text:
            self._text = ["".join(self._text)]
            self._items[-1] = self._saying(self._text[0])
        if not keep_open:
            self._saying, self._text = None, []

    def _change(self, tool_use_id: str, change: Callable[[Called], Called]) -> None:
        for index in range(len(self._items) - 1, -1, -1):
            item = self._items[index]
            if isinstance(item, Called) and item.call.id == tool_use_id:
                self._items[index] = change(item)
                return

    def _file(self, artifact: Artifact) -> None:
        known = self._files.pop(artifact.name, None)
        if known is not None and known.change == "new":
            artifact = replace(artifact, change="new")
        self._files[artifact.name] = artifact
        self._change(artifact.tool_use_id, lambda c: replace(c, files=_with(c.files, artifact)))


def _with(files: tuple[Artifact, ...], artifact: Artifact) -> tuple[Artifact, ...]:
    """The files with one added or updated."""
    return (*(known for known in files if known.name != artifact.name), artifact)
