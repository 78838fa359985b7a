"""A skill: its front matter as a value. The body is read only when somebody asks for it.

Loading is lenient, as the Agent Skills client guide asks: a skill with an odd name is loaded with a finding,
one without description or with hopeless YAML is left out with a finding.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from conjure_magic.errors import FrontMatterError, InvalidSkillError, SkillError
from conjure_magic.skills.finding import Finding, Level, errors
from conjure_magic.skills.frontmatter import (
    MAX_FILE,
    find_skill_md,
    load_head,
    parse_head,
)

Scope = Literal["given", "project", "user", "bundled"]

FIELDS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
"""The fields of the specification."""
MAX_NAME, MAX_DESCRIPTION, MAX_COMPATIBILITY = 64, 1024, 500
"""Code points, after NFKC for the name."""


@dataclass(frozen=True, slots=True)
class Skill:
    """A folder with a SKILL.md, as its front matter describes it."""

    name: str
    description: str
    folder: str
    """The path of its folder: absolute, links resolved. Text, since a `Path` costs more than reading the file."""
    file: str = "SKILL.md"
    """The name of the SKILL.md as its author spelt it: this, or `skill.md`."""
    scope: Scope = "given"
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    """The front matter as its author wrote it, every scalar a string; the rest is read from it when asked for."""
    findings: tuple[Finding, ...] = ()
    modified_ns: int = 0
    """When the SKILL.md was last written, as its stat says."""

    @property
    def license(self) -> str:
        """As the author wrote it; empty if there is none."""
        return _text(self.fields, "license")

    @property
    def compatibility(self) -> str:
        """What it needs, in its author's words; empty if nothing is said."""
        return _text(self.fields, "compatibility")

    @property
    def metadata(self) -> dict[str, str]:
        """The author's own fields, values that are not text as YAML-like text."""
        value = self.fields.get("metadata")
        if not isinstance(value, dict):
            return {}
        return {key: item if isinstance(item, str) else repr(item) for key, item in value.items()}

    @property
    def allowed_tools(self) -> tuple[str, ...]:
        """As the author wrote them; shown, and grants nothing."""
        return split_allowed_tools(self.fields.get("allowed-tools"))

    @property
    def directory(self) -> Path:
        """Its folder, absolute, links resolved."""
        return Path(self.folder)

    @property
    def location(self) -> Path:
        """The SKILL.md itself."""
        return Path(self.folder, self.file)

    def read_body(self) -> str:
        """The Markdown below the front matter, read now. Raises SkillError if it cannot be."""
        try:
            with self.location.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise SkillError(f"cannot read {self.location}: {error.strerror}") from None
        if len(data) > MAX_FILE:
            raise InvalidSkillError(f"{self.location} is larger than {MAX_FILE >> 20} MB")
        return data[parse_head(data, complete=True).body_start :].decode("utf-8", "replace").strip()


class Loaded(NamedTuple):
    """What became of a folder: a skill, or the findings that tell why there is none."""

    skill: Skill | None
    findings: tuple[Finding, ...]


def load_skill(path: str | Path, scope: Scope = "given") -> Skill:
    """The skill in a folder (or of a SKILL.md). Raises SkillError with every reason why there is none."""
    directory = Path(path).expanduser()
    if directory.name in ("SKILL.md", "skill.md"):
        directory = directory.parent
    directory = directory.resolve()
    if not os.path.isdir(directory):  # unlike Path's, it never raises
        raise InvalidSkillError(f"{path} is not a folder")
    location = find_skill_md(directory)
    if location is None:
        raise InvalidSkillError(f"{path} holds no SKILL.md")
    loaded = load_linked(str(directory), location.name, scope)
    if loaded.skill is None:
        raise InvalidSkillError("; ".join(map(str, errors(loaded.findings))))
    return loaded.skill


def load(directory: str, file: str, scope: Scope, modified_ns: int = 0) -> Loaded:
    """What becomes of a skill folder whose SKILL.md is known; never raises for what the file holds."""
    location = f"{directory}/{file}"
    try:
        front = load_head(location)
    except FrontMatterError as error:
        return _skipped(location, error.code, str(error))
    except OSError as error:
        return _skipped(location, "unreadable", f"cannot be read: {error.strerror}")
    found = [(f.code, f.message, f.level) for f in front.findings]
    fields = front.fields
    description = _text(fields, "description").strip()
    if not description:
        found.append(("missing-description", "has no description, so nobody can tell its use", "error"))
        return Loaded(None, _findings(found, location))
    name, folder = _text(fields, "name"), directory[directory.rfind("/") + 1 :]
    if name != folder or len(name) > MAX_NAME or _USUAL_NAME.fullmatch(name) is None:
        name, folder = normal_name(name), normal_name(folder)
        found += [(code, text, "warning") for code, text in check_name(name, folder)]
    if not _are_usual(fields):
        found += [(code, text, "warning") for code, text in check_fields(fields)]
    skill = Skill(
        name or folder,
        description,
        directory,
        file,
        scope,
        fields,
        _findings(found, location) if found else (),
        modified_ns,
    )
    return Loaded(skill, skill.findings)


def load_linked(directory: str, file: str, scope: Scope) -> Loaded:
    """The same for a SKILL.md that may be a link: one that leads out of its folder is refused."""
    location = f"{directory}/{file}"
    if not Path(os.path.realpath(location)).is_relative_to(directory):
        return _skipped(location, "link-outside", "SKILL.md is a link that leads out of its folder")
    return load(directory, file, scope, os.stat(location).st_mtime_ns)


def normal_name(name: str) -> str:
    """A name as names are compared: without blank ends, and NFKC-normalised."""
    name = name.strip()
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def _skipped(location: str, code: str, message: str) -> Loaded:
    return Loaded(None, _findings([(code, message, "error")], location))


def _findings(found: Iterable[tuple[str, str, Level]], location: str) -> tuple[Finding, ...]:
    path = Path(location)
    return tuple(Finding(code, message, path, level) for code, message, level in found)


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A field's text; a list or map where text belongs counts as absent."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


_USUAL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def check_name(name: str, directory: str) -> list[tuple[str, str]]:
    """The name rules of the reference checker that a name breaks, as (code, message); NFKC text expected."""
    if not name:
        return [("missing-name", f"has no name; the folder's, {directory!r}, is used")]
    broken = []
    if len(name) > MAX_NAME:
        broken.append(("name-too-long", f"name has {len(name)} characters; {MAX_NAME} are allowed"))
    if name != name.lower():
        broken.append(("name-case", f"name {name!r} is not lowercase"))
    if name.startswith("-") or name.endswith("-"):
        broken.append(("name-edge-hyphen", f"name {name!r} begins or ends with a hyphen"))
    if "--" in name:
        broken.append(("name-double-hyphen", f"name {name!r} holds two hyphens in a row"))
    if not all(char.isalnum() or char == "-" for char in name):
        broken.append(("name-characters", f"name {name!r} holds more than letters, digits and hyphens"))
    if name != normal_name(directory):
        broken.append(("name-mismatch", f"name {name!r} is not that of its folder, {directory!r}"))
    return broken


_LIMITS = {"name": 0, "description": MAX_DESCRIPTION, "license": 0, "compatibility": MAX_COMPATIBILITY}


def check_fields(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The other rules that fields break, as (code, message): unknown ones, those of the wrong kind, too long ones."""
    broken = [("unknown-field", f"field {key!r} is not in the specification") for key in fields if key not in FIELDS]
    for name, limit in _LIMITS.items():
        value = fields.get(name, "")
        if not isinstance(value, str):
            broken.append((f"{name}-type", f"{name} must be text"))
        elif limit and len(value) > limit:
            broken.append((f"{name}-too-long", f"{name} has {len(value)} characters; {limit} are allowed"))
    if not isinstance(fields.get("metadata") or {}, dict):
        broken.append(("metadata-type", "metadata must be a map of text to text"))
    return broken


def _are_usual(fields: Mapping[str, Any]) -> bool:
    """True only if `check_fields` has nothing to say, which nearly all fields are known by at a glance."""
    for key, value in fields.items():
        if key == "metadata":
            if type(value) is not dict:
                return False
        elif key not in _LIMITS or type(value) is not str or len(value) > MAX_COMPATIBILITY:
            return False
    return True


def split_allowed_tools(value: Any) -> tuple[str, ...]:
    """The entries of `allowed-tools` in any of its spellings: text with blanks or commas, or a list.

    Blanks and commas inside parentheses belong to the entry: `Bash(git add:*) Read`.
    """
    parts = value if isinstance(value, list) else [value]
    return tuple(tool for part in parts if isinstance(part, str) for tool in _split_outside_parentheses(part))


def _split_outside_parentheses(text: str) -> Iterator[str]:
    depth, begin = 0, 0
    for at, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth = max(depth - 1, 0)
        elif not depth and (char == "," or char.isspace()):
            if at > begin:
                yield text[begin:at]
            begin = at + 1
    if text[begin:].strip():
        yield text[begin:].strip()
