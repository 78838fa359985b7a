"""What the planner knows: the conversation as turns, and the places and skills that the system text names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape

from conjure_magic.messages import Message, TextBlock, ToolResultBlock, ToolUseBlock

ID_PREFIX = "toolu_offline_"
READS = "cat -- "
"""How a command begins that reads a file where no tool does."""
HELPS = " --help"
"""How a command ends that asks a script for help."""
SAMPLE_MARK = "awk 'BEGIN{split("
"""What a command contains that prints a few lines of a file."""
_NOTE = re.compile(r"^\[conjure: [^\n]*\]$\n?", re.MULTILINE)
_SETTLED = re.compile(r"\[(?:result|the call failed|called \S+): ")
_GO_ON = re.compile(
    r"(?:please )?(?:(?P<again>again|(?:try|do it|run it|once) (?:again|more)|repeat(?: it| that)?|retry)"
    r"|continue|go on|carry on|proceed|keep going|resume|finish(?: it)?)(?:,? please)?[\s.!…]*",
    re.IGNORECASE,
)
_ATTACHED_TRACEBACK = re.compile(r"\A<traceback>\n(.*)\n</traceback>\Z", re.DOTALL)
_ATTACHED_FILE = re.compile(
    r"\A<variable\b[^>]*\sfile=(?:\"([^\"<>]*)\"|'([^'<>]*)')|\A<attached_file>(.*)</attached_file>\Z", re.DOTALL
)
_VARIABLE = re.compile(r"\A<variable name=\"([^\"<>]*)\" type=\"([^\"<>]*)\"")


@dataclass(frozen=True)
class Step:
    """A tool call and what came of it."""

    call: ToolUseBlock
    result: str
    is_error: bool

    @property
    def path(self) -> str:
        """The path that a call of `view` names; empty for other calls."""
        return str(self.call.input.get("path", "")) if self.call.name == "view" else ""

    @property
    def command(self) -> str:
        """The command that was run; empty for other calls."""
        return str(self.call.input.get("command", "")) if self.call.name == "bash_tool" else ""

    @property
    def prepares(self) -> bool:
        """True for reading a file, asking a script for help, and looking at lines of a file: no answer yet."""
        command = self.command
        return bool(self.path) or command.startswith(READS) or command.endswith(HELPS) or SAMPLE_MARK in command

    def reads(self, path: str) -> bool:
        """True for a step that read this file."""
        return self.path == path or self.command == f"{READS}{shlex.quote(path)}"


@dataclass
class Exchange:
    """A prompt and what was done about it."""

    prompt: str = ""
    attached: list[str] = field(default_factory=list)
    """Files that came with the prompt: absolute paths, or such as are relative to the workspace."""
    variables: list[tuple[str, str]] = field(default_factory=list)
    """(name, type) of the variables that came with the prompt."""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """(name, text) of the same variables."""
    traceback: str = ""
    """A traceback that came with it, to be explained."""
    steps: list[Step] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    """What came of calls of tools that are not offered any more: text by now."""

    def about(self, name: str) -> list[str]:
        """What came with the prompt about a variable."""
        return [text for known, text in self.texts if known == name]

    @property
    def is_answered(self) -> bool:
        """True if something ran for it, and did not fail."""
        return bool(self.settled) or any(not (step.prepares or step.is_error) for step in self.steps)

    @property
    def is_unfinished(self) -> bool:
        """True if it came to no command that ended well."""
        return not self.steps or self.steps[-1].is_error or self.steps[-1].prepares


@dataclass(frozen=True)
class Conversation:
    """The turns so far; the last one is being answered."""

    exchanges: tuple[Exchange, ...]
    next_id: str

    @property
    def now(self) -> Exchange:
        """The turn that is being answered."""
        return self.exchanges[-1]

    @property
    def earlier(self) -> tuple[Exchange, ...]:
        """The turns before, newest first."""
        return self.exchanges[-2::-1]


def read_conversation(messages: Sequence[Message]) -> Conversation:
    """The turns in any list of messages; a call without a result counts as failed."""
    exchanges: list[Exchange] = []
    results = {
        block.tool_use_id: block
        for message in messages
        for block in message.content
        if isinstance(block, ToolResultBlock)
    }
    number, asked = 0, 0
    for message in messages:
        for block in message.content:
            if isinstance(block, TextBlock) and message.role == "user":
                _hear(block.text, exchanges)
            elif isinstance(block, ToolUseBlock):
                asked += 1
                suffix = block.id.removeprefix(ID_PREFIX)
                number = max(number, int(suffix)) if re.fullmatch(r"[0-9]{1,9}", suffix) else number
                exchanges = exchanges or [Exchange()]
                exchanges[-1].steps.append(_step(block, results.get(block.id)))
    return Conversation(tuple(exchanges or [Exchange()]), f"{ID_PREFIX}{max(number, asked) + 1}")


def _hear(text: str, exchanges: list[Exchange]) -> None:
    """Take a user's text block: a new prompt, text or a file belonging to the last one, or nothing that was asked."""
    attached = _ATTACHED_FILE.match(text)
    if attached is not None or text.startswith("<variable "):
        variable = _VARIABLE.match(text)
        if exchanges and variable is not None:
            exchanges[-1].variables.append((unescape(variable[1]), unescape(variable[2])))
            exchanges[-1].texts.append((unescape(variable[1]), unescape(text)))
        if exchanges and attached is not None:
            exchanges[-1].attached.append(unescape(attached[1] or attached[2] or attached[3] or ""))
        return
    traceback = _ATTACHED_TRACEBACK.fullmatch(text)
    if traceback is not None and exchanges:
        exchanges[-1].traceback = unescape(traceback[1])
        return
    prompt = _NOTE.sub("", text).strip()
    if exchanges and _SETTLED.match(prompt):
        exchanges[-1].settled.append(prompt)
    elif prompt and not _SETTLED.match(prompt):
        exchanges.append(_resumed(prompt, exchanges) or Exchange(prompt))


def _resumed(prompt: str, exchanges: Sequence[Exchange]) -> Exchange | None:
    """The last request again, for "continue" (if it is unfinished) and "again"; None for any other prompt."""
    found = _GO_ON.fullmatch(prompt)
    if found is None or not exchanges or not (found["again"] or exchanges[-1].is_unfinished):
        return None
    last = exchanges[-1]
    return Exchange(last.prompt, list(last.attached), list(last.variables))


def _step(call: ToolUseBlock, result: ToolResultBlock | None) -> Step:
    if result is None:
        return Step(call, "no result came", is_error=True)
    return Step(call, result.text, result.is_error)


@dataclass(frozen=True)
class KnownSkill:
    """A skill of the catalogue."""

    name: str
    description: str
    location: str

    @property
    def directory(self) -> str:
        """The folder that paths in its SKILL.md are relative to."""
        return self.location.rpartition("/")[0]


@dataclass(frozen=True)
class Surroundings:
    """The places and skills that the system text names."""

    workspace: str = ""
    input_folder: str = ""
    skills: tuple[KnownSkill, ...] = ()


def read_system(system: str) -> Surroundings:
    """The surroundings in a system text; what it does not name is empty."""
    skills = []
    catalogue = _element(system, "available_skills")
    for entry in _elements(catalogue, "skill"):
        name, description, location = (_element(entry, tag) for tag in ("name", "description", "location"))
        if name and location:
            skills.append(KnownSkill(name, description, location))
    before, _, after = system.partition("<available_skills>")
    places = before + after.rpartition("</available_skills>")[2]
    return Surroundings(_element(places, "workspace"), _element(places, "input_folder"), tuple(skills))


def _element(text: str, tag: str) -> str:
    return unescape(next(_elements(text, tag), "")).strip()


def _elements(text: str, tag: str) -> Iterator[str]:
    """What stands between each opening tag and the next closing one."""
    opening, closing, at = f"<{tag}>", f"</{tag}>", 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start)) >= 0:
        yield text[start + len(opening) : end]
        at = end + len(closing)
