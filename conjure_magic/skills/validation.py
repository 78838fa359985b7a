"""Strict validation, for authors: every rule of the specification that a skill breaks, reported together.

The rules are those of the reference checker (agentskills/agentskills, `skills-ref`). The parser is the lenient one
that loads skills, so anything that loading repairs is an error here. Two differences are deliberate: front matter
ends only at a `---` on a line of its own, and what the reference does not check (types of the optional fields, the
body, linked files) is reported as advice.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from conjure_magic.errors import FrontMatterError
from conjure_magic.skills.findings import Finding
from conjure_magic.skills.frontmatter import (
    MAX_FILE,
    MAX_HEAD,
    FrontMatter,
    find_bounds,
    find_skill_md,
    parse_head,
)
from conjure_magic.skills.skill import (
    MAX_COMPATIBILITY,
    MAX_DESCRIPTION,
    MAX_NAME,
    check_fields,
    check_name,
    normal_name,
)
from conjure_magic.skills.yaml_text import YamlTextError, features

MAX_BODY_LINES = 500
MAX_BODY_CHARACTERS = 20_000
"""About 5,000 tokens, the specification's advice."""
MAX_LINKS = 20
"""Maximum number of broken links that are reported."""

RULES: Mapping[str, str] = {
    "not-found": "the path exists",
    "not-a-folder": "it is a folder",
    "no-skill-md": "the folder has a SKILL.md, or else a skill.md",
    "unreadable": "the file can be read",
    "link-outside": "SKILL.md is not a link that points outside the folder",
    "too-large": f"SKILL.md is no larger than {MAX_FILE >> 20} MB",
    "encoding": "SKILL.md is UTF-8",
    "leading-text": "the file begins with ---: no byte-order mark and no blank line before it",
    "no-frontmatter": "the first line is three dashes (---)",
    "unclosed-frontmatter": f"another line of three dashes follows, within {MAX_HEAD >> 10} kB",
    "bad-yaml": "the text between them is YAML",
    "repaired": "it can be read without repairs, such as quotes around a value with a colon",
    "control-characters": "it contains no control characters",
    "duplicate-key": "it gives no field twice",
    "restricted-yaml": "it uses only block maps, block lists and scalars: no flow style, anchors, aliases or tags",
    "not-a-map": "it is a map of fields",
    "unknown-field": "the only fields are name, description, license, compatibility, metadata, allowed-tools",
    "missing-name": "name is present and not blank",
    "name-type": "name is text",
    "name-too-long": f"name has at most {MAX_NAME} characters",
    "name-case": "name is lowercase",
    "name-edge-hyphen": "name neither begins nor ends with a hyphen",
    "name-double-hyphen": "name has no two hyphens in a row",
    "name-characters": "name contains only letters, digits and hyphens",
    "name-mismatch": "name is the folder's name",
    "missing-description": "description is present and not blank",
    "description-type": "description is text",
    "description-too-long": f"description has at most {MAX_DESCRIPTION} characters",
    "compatibility-type": "compatibility, if present, is text",
    "compatibility-too-long": f"compatibility has at most {MAX_COMPATIBILITY} characters",
}
"""The code of every finding that makes a skill invalid -> the rule it breaks."""

ADVICE: Mapping[str, str] = {
    "file-name": "the file is called SKILL.md; not every client finds skill.md",
    "dashes-inside": "front matter contains no --- within a line, where the reference checker would end it",
    "license-type": "license is text",
    "metadata-type": "metadata maps text to text",
    "compatibility-empty": "compatibility is omitted when empty",
    "allowed-tools-form": "allowed-tools is one string with spaces between the tools",
    "name-ascii": "name contains only a-z, 0-9 and hyphens: hosted services accept no others",
    "name-reserved": "name does not contain a vendor's name: hosted services refuse it",
    "description-markup": "description contains no angle brackets: hosted services refuse them",
    "empty-body": "there are instructions below the front matter",
    "long-body": f"they have at most {MAX_BODY_LINES} lines and {MAX_BODY_CHARACTERS:,} characters (5,000 tokens)",
    "missing-file": "linked files exist in the folder",
}
"""The code of every finding that is advice -> the recommendation."""

_LINK = re.compile(r"\]\(<?([^()<>\s]+)")
_CODE = re.compile(r"`[^`\n]*`")
_RESERVED = re.compile(r"anthropic|claude")


def validate(path: str | Path) -> tuple[Finding, ...]:
    """Every rule that a skill breaks, as errors, and recommendations, as warnings. Codes are stable.

    Args:
        path: a skill's folder, or its SKILL.md. Nothing is raised, whatever it contains.
    """
    try:
        directory = Path(os.path.realpath(Path(path).expanduser()))
    except (ValueError, RuntimeError) as error:  # a NUL; no such user
        return (_error("not-found", f"is not a path: {error}", Path(repr(str(path)))),)
    if directory.name in ("SKILL.md", "skill.md") and not os.path.isdir(directory):  # unlike Path's, it never raises
        directory = directory.parent
    if not os.path.exists(directory):
        return (_error("not-found", "does not exist", directory),)
    if not os.path.isdir(directory):
        return (_error("not-a-folder", "is not a folder", directory),)
    location = find_skill_md(directory)
    if location is None:
        return (_error("no-skill-md", "has no SKILL.md", directory),)
    if not Path(os.path.realpath(location)).is_relative_to(directory):
        return (_error("link-outside", "is a link that points outside its folder", location),)
    return tuple(_check_file(directory, location))


def find_skills(path: str | Path) -> tuple[Path, ...]:
    """The skill folders at a path: the path itself, or else its direct children with a SKILL.md, by name."""
    folder = Path(path)
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # `validate` says what is wrong with it
        folder = folder.expanduser()
        if find_skill_md(folder) is None:
            return tuple(sorted(child for child in folder.iterdir() if find_skill_md(child) is not None)) or (folder,)
    return (folder,)


def _check_file(directory: Path, location: Path) -> Iterator[Finding]:
    try:
        with location.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        yield _error("unreadable", f"cannot be read: {error.strerror}", location)
        return
    if len(data) > MAX_FILE:
        yield _error("too-large", f"is larger than {MAX_FILE >> 20} MB", location)
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        yield _error("encoding", f"is not UTF-8: byte {error.start + 1}", location)
    if location.name != "SKILL.md":
        yield _advice("file-name", "should be called SKILL.md", location)
    try:
        front = parse_head(data[: MAX_HEAD + 1], complete=len(data) <= MAX_HEAD)
    except FrontMatterError as error:
        yield _error(error.code, str(error), location)
        return
    yield from (_error(f.code, f.message, location) for f in front.findings if f.code != "encoding")
    yield from _check_dialect(data, location)
    yield from _check_fields(front, directory, location)
    yield from _check_body(data[front.body_start :].decode("utf-8", "replace"), directory, location)


def _check_dialect(data: bytes, location: Path) -> Iterator[Finding]:
    """Findings on YAML that the reference checker does not accept."""
    bounds = find_bounds(data, complete=True)
    text = data[bounds[0] : bounds[1]].decode("utf-8", "replace") if bounds else ""
    try:
        used = features(text)
    except YamlTextError:
        used = ()  # already reported: it had to be repaired
    if used:
        yield _error("restricted-yaml", f"front matter uses {', '.join(used)}; strict parsers refuse them", location)
    if "---" in text:
        yield _advice("dashes-inside", "front matter contains --- within a line; some parsers end it there", location)


def _check_fields(front: FrontMatter, directory: Path, location: Path) -> Iterator[Finding]:
    fields = front.fields
    name = fields.get("name", "")
    broken = check_name(normal_name(name), directory.name) if isinstance(name, str) else []
    description = fields.get("description", "")
    if isinstance(description, str) and not description.strip():
        broken.append(("missing-description", "has no description, so a model cannot tell when to use it"))
    for code, message in (*broken, *check_fields(fields)):
        if code == "missing-name":
            message = "has no name"
        yield (_error if code in RULES else _advice)(code, message, location)
    yield from (_advice(code, message, location) for code, message in _form(fields))


def _form(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields that the reference checker allows, but the specification or hosted services do not."""
    name, description, metadata = (fields.get(key, "") for key in ("name", "description", "metadata"))
    tools = fields.get("allowed-tools", "")
    if isinstance(name, str) and not normal_name(name).isascii():
        yield "name-ascii", f"name {name!r} contains letters that hosted services refuse"
    if isinstance(name, str) and _RESERVED.search(name.lower()):
        yield "name-reserved", f"name {name!r} contains a vendor's name, which hosted services refuse"
    if isinstance(description, str) and re.search("[<>]", description):
        yield "description-markup", "description contains angle brackets, which hosted services refuse"
    if fields.get("compatibility") == "":
        yield "compatibility-empty", "compatibility is empty; leave it out"
    if isinstance(metadata, dict) and not all(isinstance(value, str) for value in metadata.values()):
        yield "metadata-type", "metadata must map text to text; it contains lists or maps"
    if not isinstance(tools, str) or "," in re.sub(r"\([^()]*\)", "", tools):
        yield "allowed-tools-form", "allowed-tools must be one string with spaces between the tools"


def _check_body(body: str, directory: Path, location: Path) -> Iterator[Finding]:
    lines = body.count("\n") + 1
    if not body.strip():
        yield _advice("empty-body", "has no instructions below its front matter", location)
    if lines > MAX_BODY_LINES or len(body) > MAX_BODY_CHARACTERS:
        text = f"has {lines:,} lines and {len(body):,} characters of instructions; move details into separate files"
        yield _advice("long-body", text, location)
    missing = [link for link in dict.fromkeys(_links(body)) if not _is_inside(directory, link)]
    for link in missing[:MAX_LINKS]:
        yield _advice("missing-file", f"links to {link[:200]!r}, which is not in its folder", location)


def _links(body: str) -> Iterator[str]:
    """The relative paths that Markdown links to, outside code."""
    fenced = False
    for line in body.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            for target in _LINK.findall(_CODE.sub("", line)):
                path = unquote(target.partition("#")[0].partition("?")[0])
                if path and not re.match(r"[A-Za-z][\w+.-]*:|/", path):
                    yield path


def _is_inside(directory: Path, link: str) -> bool:
    try:
        target = Path(os.path.realpath(directory / link))
        return target.is_relative_to(directory) and target.exists()
    except (OSError, ValueError):  # a name too long, a NUL
        return False


def _error(code: str, message: str, path: Path) -> Finding:
    return Finding(code, message, path, "error")


def _advice(code: str, message: str, path: Path) -> Finding:
    return Finding(code, message, path, "warning")
