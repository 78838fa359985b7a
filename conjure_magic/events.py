"""Events of a turn: their bodies, the header that the session adds, and the turn's result.

A model yields `MessageStarted`, `TextDelta`, `ThinkingDelta`, `BlockFinished`, `Notice` and finally `MessageFinished`.
A backend yields `ToolOutput`, `ToolProgress`, `FileCreated` and `Notice` while it runs a call.
The session yields all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any, Literal, NamedTuple

from conjure_magic.artifacts import Artifact, Artifacts, save_all
from conjure_magic.messages import Block, Message, TextBlock, ToolUseBlock, Usage, Wire, text_of
from conjure_magic.remedies import Remedy
from conjure_magic.workspace import expanded

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call."""

    content: str | tuple[Wire, ...]
    """The content sent to the model: text, or content blocks of the API."""
    is_error: bool = False
    status: str = ""
    """A few words for the call's line: "exit 2", "timed out", "refused"; empty if the call succeeded."""
    summary: str = ""
    """A few words on the result: "2,000 lines"."""
    output_path: str = ""
    """The file with the complete output, as a displayed path, if the model received only a part of it."""
    details: str = ""
    """Text shown only to the user, collapsed: the traceback of a failed function."""
    blocks: tuple[Block, ...] = ()
    """Blocks sent to the model after the results, such as a `container_upload`."""

    @property
    def text(self) -> str:
        """The text of the content; other parts appear as their type in brackets."""
        return text_of(self.content)


# ---- from models


@dataclass(frozen=True, slots=True)
class MessageStarted:
    """An answer begins. Its usage, as counted so far, is billed even if the answer is cut off."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further piece of the model's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """A further piece of the model's (summarised) thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class BlockFinished:
    """A content block is complete."""

    block: Block


@dataclass(frozen=True, slots=True)
class MessageFinished:
    """The model's complete message: the last event of every model stream that did not fail."""

    message: Message
    stop_reason: str | None
    """The API's value: end_turn, tool_use, max_tokens, …"""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    """The model that answered, as reported by the server; empty if it reports none."""
    extra: Wire = field(default_factory=dict)
    """Other fields of the response: container, stop_details, …"""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice for the user, in a sentence or two."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    remedy: Remedy | None = None
    """What the user can do about it; shown after the text."""


ModelEvent = MessageStarted | TextDelta | ThinkingDelta | BlockFinished | MessageFinished | Notice

# ---- from backends


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call begins."""

    call: ToolUseBlock
    backend: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """A further piece of a running command's output, with escape sequences neutralised."""

    tool_use_id: str
    text: str
    stream: Stream = "stdout"


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """The progress of a running call; `total` is 0 if unknown."""

    tool_use_id: str
    done: float
    total: float = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileCreated:
    """A file was created or changed."""

    artifact: Artifact


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """The user is asked whether a call may run."""

    tool_use_id: str
    backend: str
    text: str
    """The full text of what would run."""


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """The answer to `ApprovalAsked`, or the decision made without asking."""

    tool_use_id: str
    allowed: bool
    by: str
    """Who decided: "you", "a rule", "no one there", "stopped", or the reason for not asking."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call has ended."""

    tool_use_id: str
    result: ToolResult
    seconds: float


# ---- from the session


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A turn begins."""

    id: str
    parent_id: str
    prompt: str
    backends: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """A request goes to the model."""


@dataclass(frozen=True, slots=True)
class MessageAppended:
    """A message was appended to the history, possibly joined to the last user message."""

    message: Message


@dataclass(frozen=True, slots=True)
class Compacted:
    """A summary replaced the conversation, which neared the model's context limit. The turns keep their messages."""

    summary: str
    messages: int
    """The number of messages replaced."""


# ---- what happened, in order


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the model's text: Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's thinking, as summarised by the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call and its result."""

    call: ToolUseBlock
    backend: str
    result: ToolResult | None = None
    """None while it runs."""
    output: str = ""
    """The end of its output so far; bounded."""
    seconds: float = 0.0
    approval: ApprovalAnswered | None = None
    asked: str = ""
    """The question that is waiting for an answer; empty if there is none."""
    progress: ToolProgress | None = None
    files: tuple[Artifact, ...] = ()

    @property
    def is_error(self) -> bool:
        """True if the call failed."""
        return self.result is not None and (self.result.is_error or bool(self.result.status))


@dataclass(frozen=True, slots=True)
class Noted:
    """A notice, in its position among the other items."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    remedy: Remedy | None = None


Item = Said | Thought | Called | Noted


@dataclass(frozen=True, slots=True)
class TurnResult:
    """A finished turn: its items in order, its files, its cost, and why it ended."""

    session: str
    turn: int
    """Number of the turn in its session, starting at 1."""
    id: str
    parent_id: str
    prompt: str
    backends: tuple[str, ...]
    model: str
    items: tuple[Item, ...]
    files: Artifacts
    messages: tuple[Message, ...]
    """The messages of this turn as sent and received, starting with the prompt."""
    usage: Usage
    cost: float | None
    """US dollars; None if the price is unknown. An answer that was cut off is counted up to that point."""
    stop_reason: str
    """The API's value (end_turn, max_tokens, refusal, …), or interrupted, stopped, timeout, max_rounds, error."""
    seconds: float
    rounds: int
    error: str = ""
    """What went wrong, if stop_reason is "error"."""
    remedy: Remedy | None = None
    """What the user can do about the error."""
    extra_text: tuple[str, ...] = ()
    """Further texts that were sent with the prompt."""
    input_files: tuple[Path, ...] = ()
    """Files that were sent with the prompt; `files` are those that the turn made."""

    @property
    def text(self) -> str:
        """The answer: the model's last text; empty if there is none."""
        after = dropwhile(lambda message: message.role != "assistant", reversed(self.messages))
        answer = [*takewhile(lambda message: message.role == "assistant", after)]  # several if the server paused
        blocks = [block for message in reversed(answer) for block in message.content]
        return "\n\n".join(block.text for block in blocks if isinstance(block, TextBlock))

    @property
    def tool_calls(self) -> tuple[Called, ...]:
        """The tool calls, in order."""
        return tuple(item for item in self.items if isinstance(item, Called))

    @property
    def is_complete(self) -> bool:
        """True if the model ended the turn itself."""
        return self.stop_reason in ("end_turn", "stop_sequence")

    def __str__(self) -> str:
        return self.text

    def download_files(self, directory: str | Path) -> list[Path]:
        """Save copies of this turn's files into a folder, created if it does not exist, and return their paths.

        Raises FileExistsError or OSError for the first file that could not be saved, after all others have been;
        UsageError for an unknown user's home directory.
        """
        return save_all(self.files, expanded(directory))

    def to_dict(self) -> dict[str, Any]:
        """The turn as JSON-serialisable data: the content of the vendor MIME type in a cell's output.

        It contains the turn's messages, its id and its parent's id; a chain of turns restores a session.
        """
        return {
            "version": 1,
            "session": self.session,
            "turn": self.turn,
            "id": self.id,
            "parent_id": self.parent_id,
            "prompt": self.prompt,
            "backends": list(self.backends),
            "model": self.model,
            "messages": [message.to_dict() for message in self.messages],
            "calls": [_call_dict(call) for call in self.tool_calls],
            "files": [artifact.to_dict() for artifact in self.files],
            "usage": self.usage.to_dict(),
            "cost": self.cost,
            "stop_reason": self.stop_reason,
            "seconds": round(self.seconds, 3),
            "rounds": self.rounds,
            "error": self.error,
        }


def _call_dict(called: Called) -> dict[str, Any]:
    """The data of a call that its messages do not contain."""
    result = called.result
    return {
        "id": called.call.id,
        "backend": called.backend,
        "seconds": round(called.seconds, 3),
        "status": result.status if result else "",
        "summary": result.summary if result else "",
        "output_path": result.output_path if result else "",
    }


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn has ended. Always the last event, even after an interrupt."""

    result: TurnResult


ToolBody = ToolOutput | ToolProgress | FileCreated | Notice | ApprovalAsked | ApprovalAnswered
Body = (
    ModelEvent
    | ToolBody
    | ToolStarted
    | ToolFinished
    | TurnStarted
    | RoundStarted
    | MessageAppended
    | Compacted
    | TurnFinished
)


class Event(NamedTuple):
    """A body with its header; created only by the session.

    A tuple, since an answer has thousands of events and a frozen dataclass takes three times as long to create.
    """

    session: str
    turn: int
    round: int
    """Number of the model request in the turn, starting at 1; 0 before the first."""
    seq: int
    """Number of the event in the turn, starting at 0, without gaps."""
    time: float
    """Seconds since the epoch."""
    body: Body

    def to_dict(self) -> Mapping[str, Any]:
        """The header and the type name of the body, for a line in a log."""
        header = {name: getattr(self, name) for name in ("session", "turn", "round", "seq", "time")}
        return {**header, "type": type(self.body).__name__}
