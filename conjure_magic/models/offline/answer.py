"""Wording: what the offline model says, with everything from outside kept apart from its own words."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Sequence

from conjure_magic.models.offline.conversation import KnownSkill, Surroundings

MARKDOWN_LIMIT = (300, 16_000)
"""Lines and characters of Markdown output that an answer repeats."""
TEXT_LIMIT = (40, 4_000)
"""The same of any other output."""
_STATUS = re.compile(
    r"^\[(?:exit code|timed out|interrupted|killed|[\d,]+ of [\d,]+ bytes are omitted)[^\n]*\]$", re.MULTILINE
)
_REFUSED = "was not allowed and did not run"


def code(text: str) -> str:
    """The text as a Markdown code span, whatever it holds."""
    line = " ".join(text.split())
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    edge = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def word(path: str) -> str:
    """The path as one word of a shell command."""
    return shlex.quote(path)


def plain(text: str) -> str:
    """The text on one line, every sign that Markdown could act on escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", " ".join(text.split()))


def fenced(text: str, language: str = "") -> str:
    """The text as a fenced code block, whatever it holds."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language or 'text'}\n{text}\n{fence}"


def shown_command(command: str, places: Surroundings, skill: KnownSkill | None = None) -> str:
    """The command with long folders shortened, for reading only."""
    if skill is not None and skill.directory:
        command = command.replace(f"{skill.directory}/", f"{skill.directory.rpartition('/')[2]}/")
    for folder in (places.input_folder, places.workspace):
        if len(folder) > 1:
            command = command.replace(f"{folder}/", "")
    return command


def looks_like_markdown(text: str) -> bool:
    """True for text with a heading or a table, and no code block left open."""
    if len(re.findall(r"^[ \t]*(?:```|~~~)", text, re.MULTILINE)) % 2:
        return False
    heading = re.search(r"^#{1,6} \S", text, re.MULTILINE) is not None
    table = any("|" in line and "---" in line and not line.strip("|:- \t") for line in text.split("\n"))
    bullets = len(re.findall(r"^[-*] \S", text, re.MULTILINE)) > 1 and "**" in text
    figure = re.match(r"\*\*[^*\n]+\*\*", text) is not None
    return heading or table or bullets or figure


def split_status(result: str) -> tuple[str, tuple[str, ...]]:
    """A command's output, and the notes in brackets on how it ended."""
    lines = result.rstrip().split("\n")
    notes: list[str] = []
    while lines and _STATUS.match(lines[-1]):
        notes.insert(0, lines.pop()[1:-1])
    return "\n".join(lines).rstrip(), tuple(notes)


def was_refused(result: str) -> bool:
    """True if a person, or their absence, kept the call from running."""
    return _REFUSED in result[:200]


def render_output(text: str) -> str:
    """A command's output as part of an answer: Markdown as it is, anything else in a block; long ones shortened."""
    text = text.strip("\n")
    if not text.strip() or text == "[no output]":
        return "The command printed nothing."
    if looks_like_markdown(text):
        kept, note = _shortened(text, *MARKDOWN_LIMIT)
        return (kept if looks_like_markdown(kept) else fenced(kept)) + note
    kept, note = _shortened(text, *TEXT_LIMIT)
    return fenced(kept, "json" if kept.lstrip()[:1] in ("{", "[") and '"' in kept else "") + note


def _shortened(text: str, max_lines: int, max_characters: int) -> tuple[str, str]:
    lines = text.split("\n")
    kept = "\n".join(lines[:max_lines])
    if len(kept) > max_characters:
        kept = kept[:max_characters].rpartition("\n")[0] or kept[:max_characters]
    if kept == text:
        return text, ""
    shown = kept.count("\n") + 1
    return kept, f"\n\n(Shortened: {shown:,} of {len(lines):,} lines; the tool call above has the rest.)"


def label(*limits: str) -> str:
    """The line that ends every answer: what this is, and what it could not do."""
    said = " ".join(limit for limit in limits if limit)
    return f"*Answered by the offline model: rules, not a language model.{f' {said}' if said else ''}*"


def ran_tool(name: str, unused: Sequence[str]) -> str:
    """What calling one tool leaves undone."""
    return f"It called {code(name)}. {left_out(unused)}".strip()


def left_out(unused: Sequence[str]) -> str:
    """What of the request was not used."""
    return f"Not used of your request: {listed(map(code, unused[:8]))}." if unused else ""


def listed(parts: Iterable[str]) -> str:
    """The parts as "a, b and c"."""
    every = list(parts)
    return " and ".join((", ".join(every[:-1]), every[-1])) if len(every) > 1 else "".join(every)


def offered(requests: Sequence[str]) -> str:
    """Requests that would work, as a Markdown list."""
    return "Requests that would work here:\n\n" + "\n".join(f"- {plain(request)}" for request in requests)


def skill_list(skills: Sequence[KnownSkill], limit: int = 20) -> str:
    """The skills as a Markdown list, one line each."""
    lines = [f"- **{plain(skill.name)}**: {plain(_first_sentence(skill.description))}" for skill in skills[:limit]]
    if len(skills) > limit:
        lines.append(f"- and {len(skills) - limit} more")
    return "\n".join(lines)


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]
    return sentence if len(sentence) <= 160 else textwrap.shorten(sentence, 160, placeholder=" …")
