"""The front matter of a SKILL.md: found, cut off and read, by one parser for every caller.

The rules follow the Agent Skills specification (agentskills.io/specification). Two differences to its
reference library are on purpose: front matter closes only at a line of its own, and what merely looks
damaged (a byte-order mark, an unquoted colon) is read, with a finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conjure_magic.errors import SkillError
from conjure_magic.skills.finding import Finding
from conjure_magic.skills.yaml_text import YamlTextError, parse_yaml_text

MAX_HEAD = 64 * 1024
"""Bytes within which front matter must end."""
FIRST_READ = 4 * 1024
"""Bytes read first: what nearly every front matter fits in."""
MAX_FILE = 4 * 1024 * 1024
"""Bytes of a SKILL.md that are read at all."""

_OPENING = re.compile(rb"\A(?P<bom>\xef\xbb\xbf)?(?P<blank>(?:[ \t]*\r?\n)*)---[ \t]*\r?\n")
_CLOSING = re.compile(rb"^---[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands between the two `---` lines, and where the body begins."""

    fields: Mapping[str, Any]
    """Keys as written; every scalar a string, lists and maps of such below them."""
    body_start: int
    """Offset in bytes of the first line after the closing one."""
    findings: tuple[Finding, ...] = ()
    """What had to be mended to read it."""


class FrontMatterError(SkillError):
    """Front matter that cannot be read; `code` names why, as a finding does."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def find_skill_md(skill_dir: Path) -> Path | None:
    """The skill's `SKILL.md`, or `skill.md` as a second choice; None if neither is a file."""
    for name in ("SKILL.md", "skill.md"):
        path = skill_dir / name
        if path.is_file():
            return path
    return None


def parse_frontmatter(content: str) -> tuple[dict[str, Any], str]:
    """The fields and the body of a whole SKILL.md, the body stripped of blank ends.

    Raises SkillError if there is no front matter, or none that can be read.
    """
    data = content.encode("utf-8", "surrogatepass")
    front = parse_head(data, complete=True)
    return dict(front.fields), data[front.body_start :].decode("utf-8", "replace").strip()


def load_head(path: Path) -> FrontMatter:
    """The front matter of a file, of which no more is read than it takes.

    Raises FrontMatterError, or OSError if the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        data = file.read(FIRST_READ) or b""
        if len(data) < FIRST_READ or _closing(data, complete=False) is not None:
            return parse_head(data, complete=len(data) < FIRST_READ)
        while len(data) <= MAX_HEAD:
            more = file.read(MAX_HEAD)
            if not more:
                return parse_head(data, complete=True)
            data += more
    return parse_head(data[: MAX_HEAD + 1], complete=False)


def parse_head(data: bytes, *, complete: bool) -> FrontMatter:
    """The front matter at the beginning of a file; `complete` tells that `data` is all of it.

    Raises FrontMatterError.
    """
    opening = _OPENING.match(data)
    if opening is None:
        raise FrontMatterError("no-frontmatter", "does not begin with a line of three dashes (---)")
    closing = _closing(data, complete=complete)
    if closing is None:
        limit = "" if complete else f" within {MAX_HEAD // 1024} kB"
        raise FrontMatterError("unclosed-frontmatter", f"front matter is not closed by a line of three dashes{limit}")
    fields, findings = _load(data[opening.end() : closing.start()])
    if opening["bom"] or opening["blank"]:
        findings = (
            Finding("leading-text", "something stands before the first ---; other readers refuse that"),
            *findings,
        )
    return FrontMatter(fields, closing.end(), findings)


def _closing(data: bytes, *, complete: bool) -> re.Match[bytes] | None:
    """The line that closes the front matter; one cut off at the end of `data` counts only if that is the file's."""
    opening = _OPENING.match(data)
    closing = _CLOSING.search(data, opening.end()) if opening is not None else None
    cut = closing is not None and not complete and not closing[0].endswith(b"\n")
    return None if cut else closing


def _load(raw: bytes) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The fields of YAML text, mended if it takes that, with what was mended."""
    findings = []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        findings.append(Finding("encoding", "is not UTF-8; odd bytes were replaced"))
    if _CONTROL.search(text):
        text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
        findings.append(Finding("control-characters", "holds control characters; they were replaced"))
    try:
        value, duplicates = parse_yaml_text(text)
    except YamlTextError as error:
        try:
            value, duplicates = parse_yaml_text(quote_plain_values(text))
        except YamlTextError:
            raise FrontMatterError("bad-yaml", f"front matter is not YAML: {error}") from None
        findings.append(Finding("repaired", f"front matter is not YAML ({error}); values were quoted to read it"))
    if not isinstance(value, dict):
        raise FrontMatterError("not-a-map", "front matter is not a map of fields (name: …, description: …)")
    findings += [Finding("duplicate-key", f"field {key!r} is given twice; the last counts") for key in duplicates]
    return value, tuple(findings)


_FIELD = re.compile(r"(?P<indent> *)(?P<key>[\w.-]+):[ \t]+(?P<value>\S.*)")


def quote_plain_values(text: str) -> str:
    """The YAML text with every one-line value of a field quoted: the cure for `description: Use when: …`.

    Lines that go on a plain value are drawn into it; block, quoted, list and map values stay as they are.
    """
    out: list[str] = []
    open_indent: int | None = None  # of the field whose plain value the next lines may go on with
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if open_indent is not None and line.strip() and indent > open_indent:
            out[-1] = out[-1][:-1] + " " + line.strip().replace("'", "''") + "'"
            continue
        field = _FIELD.match(line.replace("\t", "  ").rstrip())
        plain = field is not None and not _is_structured(field["value"])
        open_indent = indent if plain else None
        if field is not None and plain:
            out.append(f"{field['indent']}{field['key']}: '{field['value'].replace(chr(39), chr(39) * 2)}'")
        else:
            out.append(line.replace("\t", "  "))
    return "\n".join(out)


def _is_structured(value: str) -> bool:
    """True for a block scalar's header, a whole quoted string, and a whole flow list or map."""
    if re.fullmatch(r"[|>][+-]?\d?[+-]?", value):
        return True
    if re.fullmatch(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", value):
        return True
    return (value[0], value[-1]) in {("[", "]"), ("{", "}")}
