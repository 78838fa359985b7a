"""The front matter of a SKILL.md: located and parsed, in one place for every caller.

The rules follow the Agent Skills specification (agentskills.io/specification). Two differences from its
reference library are deliberate: front matter ends only at a `---` on a line of its own, and minor damage
(a byte-order mark, an unquoted colon) is accepted with a finding.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from conjure_magic.errors import FrontMatterError
from conjure_magic.skills.findings import Finding
from conjure_magic.skills.yaml_text import YamlTextError, parse_yaml_text

MAX_HEAD = 64 * 1024
"""Bytes within which front matter must end."""
FIRST_READ = 4 * 1024
"""Bytes read first: nearly all front matter fits."""
MAX_FILE = 4 * 1024 * 1024
"""Largest SKILL.md that is read, in bytes."""

_OPENING = re.compile(rb"\A(?P<bom>\xef\xbb\xbf)?(?P<blank>(?:[ \t]*\r?\n)*)---[ \t]*\r?\n")
_CLOSING = re.compile(rb"---[ \t]*\r?(?:\n|\Z)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


class FrontMatter(NamedTuple):
    """The fields between the two `---` lines, and the offset of the body.

    A tuple, as `Loaded` is one: of a thousand skills, making their values is what takes the time.
    """

    fields: Mapping[str, Any]
    """Keys as written; every scalar is a string, possibly nested in lists and maps."""
    body_start: int
    """Offset in bytes of the first line after the closing one."""
    findings: tuple[Finding, ...] = ()
    """What had to be repaired to read it."""


def find_skill_md(skill_dir: Path) -> Path | None:
    """The skill's `SKILL.md`, else `skill.md`; None if neither is a file."""
    for name in ("SKILL.md", "skill.md"):
        path = skill_dir / name
        if path.is_file():
            return path
    return None


def parse_frontmatter(content: str) -> tuple[dict[str, Any], str]:
    """The fields and the body of a whole SKILL.md, the body stripped of blank ends.

    Raises SkillError if there is no readable front matter.
    """
    data = content.encode("utf-8", "surrogatepass")
    front = parse_head(data, complete=True)
    return dict(front.fields), data[front.body_start :].decode("utf-8", "replace").strip()


def load_head(path: str | Path) -> FrontMatter:
    """The front matter of a file; only as much of the file is read as needed.

    Raises FrontMatterError, or OSError if the file cannot be read.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(file, FIRST_READ)
        complete = len(data) < FIRST_READ
        bounds = find_bounds(data, complete=complete)
        while bounds is None and not complete and len(data) <= MAX_HEAD:
            more = os.read(file, MAX_HEAD + 1 - len(data))
            data += more
            complete = not more
            bounds = find_bounds(data, complete=complete)
    finally:
        os.close(file)
    return _front(data, bounds, complete=complete)


def parse_head(data: bytes, *, complete: bool) -> FrontMatter:
    """The front matter at the beginning of a file; `complete` means that `data` is the whole file.

    Raises FrontMatterError.
    """
    return _front(data, find_bounds(data, complete=complete), complete=complete)


def _front(data: bytes, bounds: tuple[int, int, int] | None, *, complete: bool) -> FrontMatter:
    if bounds is None:
        if _OPENING.match(data) is None:
            raise FrontMatterError("no-frontmatter", "does not begin with a line of three dashes (---)")
        limit = "" if complete else f" within {MAX_HEAD // 1024} kB"
        raise FrontMatterError("unclosed-frontmatter", f"is not closed by a line of three dashes (---){limit}")
    start, stop, body = bounds
    fields, findings = _load(data[start:stop])
    if not data.startswith(b"---"):
        text = "there is text before the first ---; other readers refuse that"
        findings = (Finding("leading-text", text), *findings)
    return FrontMatter(fields, body, findings)


def find_bounds(data: bytes, *, complete: bool) -> tuple[int, int, int] | None:
    """Offsets where the front matter begins and ends and the body begins; None if it is not there, or not closed.

    A closing line cut off at the end of `data` counts only if `data` ends the file.
    """
    if data.startswith(b"---\n"):
        at = data.find(b"\n---", 3)
        if at >= 0 and data.startswith(b"\n", at + 4):  # as in nearly every file, and no pattern is needed
            return 4, at + 1, at + 5
    opening = _OPENING.match(data)
    at = data.find(b"\n---", opening.end() - 1) if opening is not None else -1
    while opening is not None and at >= 0:
        closing = _CLOSING.match(data, at + 1)
        if closing is not None and (complete or closing[0].endswith(b"\n")):
            return opening.end(), at + 1, closing.end()
        at = data.find(b"\n---", at + 4)
    return None


def _load(raw: bytes) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The fields of YAML text, repaired if necessary, with a finding for each repair."""
    findings = []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        findings.append(Finding("encoding", "is not UTF-8; invalid bytes were replaced"))
    if _CONTROL.search(text):
        text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
        findings.append(Finding("control-characters", "contains control characters; they were replaced"))
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
    findings += [Finding("duplicate-key", f"field {key!r} is given twice; the last one is used") for key in duplicates]
    return value, tuple(findings)


_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?")
_FIELD = re.compile(r"(?P<indent> *)(?P<key>[\w.-]+):[ \t]+(?P<value>\S.*)")


def quote_plain_values(text: str) -> str:
    """The YAML text with every one-line value quoted, which repairs `description: Use when: …`.

    Continuation lines are joined to their value; block, quoted, list and map values stay as they are.
    """
    out: list[str] = []
    plain: int | None = None  # indent of the field whose plain value the next lines may continue
    block: int | None = None  # indent of the field whose block scalar the next lines belong to
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        deeper = bool(line.strip()) and indent > max(-1 if plain is None else plain, -1 if block is None else block)
        if block is not None and (deeper or not line.strip()):
            out.append(line)
            continue
        if plain is not None and deeper:
            out[-1] = f"{out[-1][:-1]} {_escaped(line.strip())}'"
            continue
        repaired = line.replace("\t", "  ").rstrip()
        field = _FIELD.match(repaired)
        quote = field is not None and not _is_structured(field["value"])
        plain = indent if quote else None
        block = indent if field is not None and _BLOCK.fullmatch(field["value"]) else None
        if field is not None and quote:
            repaired = f"{field['indent']}{field['key']}: '{_escaped(field['value'])}'"
        out.append(repaired)
    return "\n".join(out)


def _escaped(text: str) -> str:
    """The text escaped for single quotes."""
    return text.replace("'", "''")


def _is_structured(value: str) -> bool:
    """True for a block scalar's header, a whole quoted string, and a whole flow list or map."""
    if _BLOCK.fullmatch(value):
        return True
    if re.fullmatch(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", value):
        return True
    return (value[0], value[-1]) in {("[", "]"), ("{", "}")}
