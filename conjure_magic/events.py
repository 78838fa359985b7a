"""What a turn yields: small frozen bodies, the header that the session adds, and the turn's result.

A model yields `MessageStarted`, `TextDelta`, `ThinkingDelta`, `BlockFinished`, `Notice` and, last, `MessageFinished`.
A backend yields `ToolOutput`, `ToolProgress`, `FileCreated` and `Notice` while it runs a call.
The session yields the rest.
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
    """What a call of a tool came to."""

    content: str | tuple[Wire, ...]
    """What the model reads: text, or content blocks of the wire."""
    is_error: bool = False
    status: str = ""
    """A few words for the call's line: "exit 2", "timed out", "refused"; empty where all went well."""
    summary: str = ""
    """A few words on what came back: "2,000 lines"."""
    output_path: str = ""
    """Where the whole output lies if the model got only a part, as a person is told it."""
    details: str = ""
    """What only the person is shown, folded away: the traceback of a failed function."""
    blocks: tuple[Block, ...] = ()
    """What goes to the model after the results, such as a `container_upload`."""

    @property
    def text(self) -> str:
        """The text of the content, its other parts named in brackets."""
        return text_of(self.content)


# ---- from models


@dataclass(frozen=True, slots=True)
class MessageStarted:
    """An answer begins, and its server has counted what it read: what is billed even if the answer breaks off."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more of the model's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """Some more of the model's (summarised) thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class BlockFinished:
    """A content block is complete."""

    block: Block


@dataclass(frozen=True, slots=True)
class MessageFinished:
    """The model's whole message: the last event of every model stream that did not fail."""

    message: Message
    stop_reason: str | None
    """As the wire names it: end_turn, tool_use, max_tokens, …"""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    """The model that answered, as the server says; empty where it does not."""
    extra: Wire = field(default_factory=dict)
    """Other fields of the response: container, stop_details, …"""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know, in a sentence."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    remedy: Remedy | None = None
    """What helps, if anything; shown after the text."""


ModelEvent = MessageStarted | TextDelta | ThinkingDelta | BlockFinished | MessageFinished | Notice

# ---- from backends


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call begins."""

    call: ToolUseBlock
    backend: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """Some more of what a running command printed, escape sequences neutralised."""

    tool_use_id: str
    text: str
    stream: Stream = "stdout"


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """How far a running call is; `total` 0 where that is unknown."""

    tool_use_id: str
    done: float
    total: float = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileCreated:
    """A file is new, or has changed."""

    artifact: Artifact


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """A person is asked whether a call may run."""

    tool_use_id: str
    backend: str
    text: str
    """What would run, in full."""


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """The answer to `ApprovalAsked`, or what answered in its place."""

    tool_use_id: str
    allowed: bool
    by: str
    """Who answered: "you", "a rule", "no one there", "stopped", or what let it run without asking."""
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
    """A message joined the history, for good; a last user message may have grown by it."""

    message: Message


@dataclass(frozen=True, slots=True)
class Compacted:
    """The conversation became a summary, because it neared the model's context; what was said stays in the turns."""

    summary: str
    messages: int
    """How many messages the summary stands for."""


# ---- what happened, in order


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the model's text: Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's thinking, as it chose to summarise it."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call: what was asked, what came of it."""

    call: ToolUseBlock
    backend: str
    result: ToolResult | None = None
    """None while it runs."""
    output: str = ""
    """The newest of what it has printed so far; bounded."""
    seconds: float = 0.0
    approval: ApprovalAnswered | None = None
    asked: str = ""
    """The question that waits for an answer; empty if none."""
    progress: ToolProgress | None = None
    files: tuple[Artifact, ...] = ()

    @property
    def is_error(self) -> bool:
        """True if the call ended badly."""
        return self.result is not None and (self.result.is_error or bool(self.result.status))


@dataclass(frozen=True, slots=True)
class Noted:
    """A notice, in its place among the rest."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    remedy: Remedy | None = None


Item = Said | Thought | Called | Noted


@dataclass(frozen=True, slots=True)
class TurnResult:
    """A finished turn: what was said and done in order, the files, the cost, and why it ended."""

    session: str
    turn: int
    """Number of the turn in its session, from 1."""
    id: str
    parent_id: str
    prompt: str
    backends: tuple[str, ...]
    model: str
    items: tuple[Item, ...]
    files: Artifacts
    messages: tuple[Message, ...]
    """This turn's messages as sent and received, the prompt first."""
    usage: Usage
    cost: float | None
    """US dollars; None where the price is not known. Of an answer that broke off, as far as it came."""
    stop_reason: str
    """As the wire says (end_turn, max_tokens, refusal, …), or interrupted, stopped, timeout, max_rounds, error."""
    seconds: float
    rounds: int
    error: str = ""
    """What went wrong, for stop_reason "error"."""
    remedy: Remedy | None = None
    """What helps against it, if anything."""
    extra_text: tuple[str, ...] = ()
    """Further texts that were sent with the prompt."""
    input_files: tuple[Path, ...] = ()
    """Files that were sent with the prompt; `files` are those that the turn made."""

    @property
    def text(self) -> str:
        """The answer: what the model said last; empty if it said nothing."""
        after = dropwhile(lambda message: message.role != "assistant", reversed(self.messages))
        answer = [*takewhile(lambda message: message.role == "assistant", after)]  # several where the server paused
        blocks = [block for message in reversed(answer) for block in message.content]
        return "\n\n".join(block.text for block in blocks if isinstance(block, TextBlock))

    @property
    def tool_calls(self) -> tuple[Called, ...]:
        """The tool calls, in order."""
        return tuple(item for item in self.items if isinstance(item, Called))

    @property
    def is_complete(self) -> bool:
        """True if the model ended its turn by itself."""
        return self.stop_reason in ("end_turn", "stop_sequence")

    def __str__(self) -> str:
        return self.text

    def download_files(self, directory: str | Path) -> list[Path]:
        """Save copies of this turn's files into a folder, made if need be; their paths.

        Raises FileExistsError or OSError for the first that could not be saved, when all others are; UsageError for
        the home folder of a user who has none.
        """
        return save_all(self.files, expanded(directory))

    def to_dict(self) -> dict[str, Any]:
        """The turn as JSON-able data: the vendor type of a cell's output.

        Holds this turn's messages, its id and its parent's: a chain of them restores a session.
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
    """What the messages do not tell of a call."""
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
    """The turn has ended: always the last event, also after an interrupt."""

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
    """A body with its header; the session alone makes these.

    A tuple, since an answer has thousands: a frozen dataclass takes three times as long to make.
    """

    session: str
    turn: int
    round: int
    """Number of the model request in the turn, from 1; 0 before the first."""
    seq: int
    """Number of the event in the turn, from 0, without gaps."""
    time: float
    """Seconds since the epoch."""
    body: Body

    def to_dict(self) -> Mapping[str, Any]:
        """Header and the body's type name: what a log line needs."""
        header = {name: getattr(self, name) for name in ("session", "turn", "round", "seq", "time")}
        return {**header, "type": type(self.body).__name__}
