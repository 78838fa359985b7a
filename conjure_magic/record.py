"""Folds a turn's events into what happened, in order: what displays draw and results hold."""

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
"""Characters kept of what a running command prints."""


class TurnRecord:
    """The items of one turn so far; feed it every body in order with `add`."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._files: dict[str, Artifact] = {}
        self._saying: type[Said | Thought] | None = None
        self._text: list[str] = []

    @property
    def items(self) -> list[Item]:
        """What happened so far, in order; the text being said is its last item."""
        self._close_text(keep_open=True)
        return self._items

    @property
    def files(self) -> Artifacts:
        """The files of the turn, each once, in its newest state; new ones stay new."""
        return Artifacts(self._files.values())

    def add(self, body: Body) -> None:
        """Take one event's body in."""
        if type(body) is TextDelta:  # by far the commonest
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
        """Add text to the item that is being said, or begin one; joined only when somebody looks."""
        if self._saying is not kind:
            self._append(kind(""))
            self._saying = kind
        self._text.append(text)

    def _close_text(self, *, keep_open: bool = False) -> None:
        """Write the text that came since the last look into its item."""
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
    """The files with one more, or with a newer state of one of them."""
    return (*(known for known in files if known.name != artifact.name), artifact)
