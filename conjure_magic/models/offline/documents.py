"""The commands that a SKILL.md documents: in fenced code, and in code inside of sentences, lists and tables."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from conjure_magic.models.offline.vocabulary import INTERPRETERS, LAST_RESORT, SETUP, SHELL_LANGUAGES

MAX_COMMAND = 1_000
"""Characters of a command; longer lines are data."""
_NUMBERED = re.compile(r"^\s*(\d+)(?:\t|→|[:|] ?)(.*)$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w-]*)")
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_INDENTED = re.compile(r"(?: {4}|\t)\s*\S")
_OPTION = re.compile(r"^(--[A-Za-z][\w-]*)(?:[ =](\S+))?$")
_PLACEHOLDER_WORD = re.compile(r"<[\w .|-]+>|\{\w+\}|\b[A-Z][A-Z_]{2,}\b|\bURL\b")


@dataclass(frozen=True)
class DocumentedCommand:
    """A command as written, and what is said about it."""

    text: str
    about: str
    """The sentence before it, or the comment above it."""
    section: tuple[str, ...] = ()
    """The headings above it, outermost first."""


@dataclass(frozen=True)
class DocumentedOption:
    """An option named outside of any command: `--level L`."""

    name: str
    value: str
    about: str
    section: tuple[str, ...]


@dataclass
class Documentation:
    """What a SKILL.md documents."""

    commands: list[DocumentedCommand] = field(default_factory=list)
    options: list[DocumentedOption] = field(default_factory=list)


def without_line_numbers(text: str) -> str:
    """The file's text, where a tool has put a number before each line."""
    lines = text.splitlines()
    matches = [_NUMBERED.match(line) for line in lines]
    found = [(int(match[1]), match[2]) for match in matches if match is not None]
    counts_up = len(found) > 1 and all(b[0] == a[0] + 1 for a, b in pairwise(found))
    if not counts_up or len(found) < 0.5 * len([line for line in lines if line.strip()]):
        return text
    return "\n".join(line for _, line in found)


def without_front_matter(text: str) -> str:
    """The body of a SKILL.md."""
    match = re.match(r"\s*---[ \t]*\n.*?^---[ \t]*$\n?", text, re.DOTALL | re.MULTILINE)
    return text[match.end() :] if match is not None else text


def read_documentation(text: str) -> Documentation:
    """The commands and options in a SKILL.md, as the view tool shows it; equal commands once."""
    lines = without_front_matter(without_line_numbers(text)).splitlines()
    found = _read(lines)
    return found if found.commands else _read(lines, LAST_RESORT)


def _read(lines: list[str], allowed: frozenset[str] = frozenset()) -> Documentation:
    reader = _Reader(allowed)
    for line in lines:
        reader.feed(line)
    reader.end_fence()
    return reader.found


class _Reader:
    """Walks over the lines of a Markdown text and keeps what is documented."""

    def __init__(self, allowed: frozenset[str] = frozenset()) -> None:
        """`allowed` are programs that otherwise only prepare something."""
        self._allowed = allowed
        self.found = Documentation()
        self._section: list[tuple[int, str]] = []
        self._paragraph: list[str] = []
        self._said = ""
        self._fence = ""
        self._language = ""
        self._code: list[str] = []

    def feed(self, line: str) -> None:
        fence = _FENCE.match(line)
        if self._fence:
            if fence is not None and fence[1].startswith(self._fence) and not fence[2]:
                self.end_fence()
            else:
                self._code.append(line.strip())
            return
        heading = _HEADING.match(line)
        if fence is not None:
            self._end_paragraph()
            self._fence, self._language = fence[1], fence[2].lower()
        elif heading is not None:
            self._end_paragraph()
            self._said = ""
            level = len(heading[1])
            self._section = [entry for entry in self._section if entry[0] < level] + [
                (level, heading[2].rstrip("# \t"))
            ]
        elif _INDENTED.match(line) and not self._paragraph:
            if is_command(line.strip(), self._allowed, plain=True):
                self._keep(line.strip(), self._said)
        elif line.strip():
            if re.match(r"\s*(?:[-*+|]|\d+[.)])\s?", line):
                self._end_paragraph()
            self._paragraph.append(line.strip())
        else:
            self._end_paragraph()

    def _headings(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._section)

    def _end_paragraph(self) -> None:
        """Take the commands inside a paragraph, list item or table row."""
        if not self._paragraph:
            return
        text = " ".join(self._paragraph)
        self._paragraph, self._said = [], text
        spans = list(code_spans(text))
        about = " ".join(_without(text, spans).replace("|", " ").split())
        for code in spans:
            option = _OPTION.match(code)
            if option is not None:
                self.found.options.append(DocumentedOption(option[1], option[2] or "", about, self._headings()))
            elif is_inline_command(code, self._allowed):
                self._keep(code, about)

    def end_fence(self) -> None:
        """Take the commands of a code block."""
        self._end_paragraph()
        if self._fence and self._language in SHELL_LANGUAGES:
            for command, comment in _code_lines(self._code):
                if is_command(command, self._allowed, plain=not self._language):
                    self._keep(command, comment or self._said)
        self._fence, self._code = "", []

    def _keep(self, command: str, about: str) -> None:
        if command.endswith(" --help"):
            return  # it tells how to ask, and answers nothing
        if len(command) <= MAX_COMMAND and all(command != known.text for known in self.found.commands):
            self.found.commands.append(DocumentedCommand(command, about, self._headings()))


def code_spans(text: str) -> Iterator[str]:
    """The code spans of a paragraph: what stands between two runs of as many backticks."""
    runs = list(re.finditer(r"`+", text))
    closings: dict[int, list[int]] = {}
    for index, run in enumerate(runs):
        closings.setdefault(len(run[0]), []).append(index)
    index = 0
    while index < len(runs):
        same = closings[len(runs[index][0])]
        later = bisect_right(same, index)
        if later == len(same):
            index += 1
            continue
        yield text[runs[index].end() : runs[same[later]].start()].strip()
        index = same[later] + 1


def _without(text: str, spans: list[str]) -> str:
    """The text without those of its code spans that hold more than a word."""
    for span in spans:
        if " " in span:
            text = text.replace(span, " ", 1)
    return text.replace("`", " ")


def _code_lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The commands of a code block, continued lines joined, each with the comment above it."""
    comment, parts = "", list[str]()
    if any("<<" in line for line in lines):
        return  # a here-document is not one line, and filling it would be guessing
    for line in lines:
        text = re.sub(r"^[$%>] ", "", line)
        if not parts and text.startswith("#"):
            comment = text.lstrip("# ")
        elif text.endswith("\\"):
            parts.append(text[:-1].strip())
        elif text or parts:
            whole, _, trailing = " ".join((*parts, text)).partition("  # ")
            yield whole.strip(), comment or trailing
            comment, parts = "", []


def is_command(text: str, allowed: frozenset[str] = frozenset(), *, plain: bool = False) -> bool:
    """True for a line of code that a request could want run; in an unlabelled block it has to look like one.

    What prepares something counts only if it is allowed and takes a value.
    """
    words = text.split()
    prepares = bool(words) and words[0] in SETUP
    if (
        not words
        or (prepares and (words[0] not in allowed or _PLACEHOLDER_WORD.search(text) is None))
        or (words[0] in INTERPRETERS and len(words) > 1 and words[1] in ("pip", "-m pip"))
    ):
        return False
    if words[:3] in (["python", "-m", "pip"], ["python3", "-m", "pip"], ["uv", "pip", "install"]):
        return False
    return _looks_like_command(words) if plain else re.match(r"[\w./~$<{-]", words[0]) is not None


def is_inline_command(code: str, allowed: frozenset[str] = frozenset()) -> bool:
    """True for code inside a sentence that is a whole command, not a file's or an option's name."""
    words = code.split()
    if len(words) < 2:
        return bool(words) and re.match(r"\.{0,2}/?scripts/[\w./-]+\Z", words[0]) is not None
    return is_command(code, allowed) and (_looks_like_command(words) or _PLACEHOLDER_WORD.search(code) is not None)


def _looks_like_command(words: list[str]) -> bool:
    first = words[0]
    if first in INTERPRETERS:
        return len(words) > 1
    is_script = re.match(r"(?:\./|\.\./|scripts/|bin/)[\w./-]+\Z", first) is not None
    tool = re.match(r"[a-z][\w.-]*\Z", first) is not None and _PLACEHOLDER_WORD.search(" ".join(words)) is not None
    return is_script or tool
