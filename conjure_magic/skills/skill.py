"""A skill: its front matter as a value. The body is read on demand.

Loading is lenient, as the Agent Skills client guide asks: a skill with an invalid name is loaded with a finding;
one without a description or with unreadable YAML is skipped with a finding.
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
from conjure_magic.skills.findings import Finding, Level, errors
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
    """The file's name as spelt on disk: `SKILL.md` or `skill.md`."""
    scope: Scope = "given"
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    """The front matter as written, every scalar a string; other properties are derived from it."""
    findings: tuple[Finding, ...] = ()
    modified_ns: int = 0
    """When the SKILL.md was last written, as its stat says."""

    @property
    def license(self) -> str:
        """The license as written; empty if there is none."""
        return _text(self.fields, "license")

    @property
    def compatibility(self) -> str:
        """Requirements as written; empty if none are given."""
        return _text(self.fields, "compatibility")

    @property
    def metadata(self) -> dict[str, str]:
        """The author's own fields; values that are not strings are shown as text."""
        value = self.fields.get("metadata")
        if not isinstance(value, dict):
            return {}
        return {key: item if isinstance(item, str) else repr(item) for key, item in value.items()}

    @property
    def allowed_tools(self) -> tuple[str, ...]:
        """The tools as written; they are only shown and grant nothing."""
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
        """Read the Markdown below the front matter. Raises SkillError if it cannot be read."""
        try:
            with self.location.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise SkillError(f"cannot read {self.location}: {error.strerror}") from None
        if len(data) > MAX_FILE:
            raise InvalidSkillError(f"{self.location} is larger than {MAX_FILE >> 20} MB")
        return data[parse_head(data, complete=True).body_start :].decode("utf-8", "replace").strip()


class Loaded(NamedTuple):
    """The result of loading a folder: a skill, or findings that say why there is none."""

    skill: Skill | None
    findings: tuple[Finding, ...]


def load_skill(path: str | Path, scope: Scope = "given") -> Skill:
    """Load the skill in a folder (or of a SKILL.md). Raises SkillError with every reason why it cannot be loaded."""
    directory = Path(path).expanduser()
    if directory.name in ("SKILL.md", "skill.md"):
        directory = directory.parent
    directory = directory.resolve()
    if not os.path.isdir(directory):  # unlike Path's, it never raises
        raise InvalidSkillError(f"{path} is not a folder")
    location = find_skill_md(directory)
    if location is None:
        raise InvalidSkillError(f"{path} has no SKILL.md")
    loaded = load_linked(str(directory), location.name, scope)
    if loaded.skill is None:
        raise InvalidSkillError("; ".join(map(str, errors(loaded.findings))))
    return loaded.skill


def load(directory: str, file: str, scope: Scope, modified_ns: int = 0) -> Loaded:
    """Load a skill folder whose SKILL.md is known; never raises because of the file's content."""
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
        found.append(("missing-description", "has no description, so a model cannot tell when to use it", "error"))
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
    """The same for a SKILL.md that may be a link; a link that points outside its folder is refused."""
    location = f"{directory}/{file}"
    if not Path(os.path.realpath(location)).is_relative_to(directory):
        return _skipped(location, "link-outside", "SKILL.md is a link that points outside its folder")
    return load(directory, file, scope, os.stat(location).st_mtime_ns)


def normal_name(name: str) -> str:
    """A name in the form used for comparison: stripped and NFKC-normalised."""
    name = name.strip()
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def _skipped(location: str, code: str, message: str) -> Loaded:
    return Loaded(None, _findings([(code, message, "error")], location))


def _findings(found: Iterable[tuple[str, str, Level]], location: str) -> tuple[Finding, ...]:
    path = Path(location)
    return tuple(Finding(code, message, path, level) for code, message, level in found)


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A field's text; a list or map is treated as absent."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


_USUAL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def check_name(name: str, directory: str) -> list[tuple[str, str]]:
    """The name rules of the reference checker that a name breaks, as (code, message); NFKC text expected."""
    if not name:
        return [("missing-name", f"has no name; its folder's name, {directory!r}, is used")]
    broken = []
    if len(name) > MAX_NAME:
        broken.append(("name-too-long", f"name has {len(name)} characters; the limit is {MAX_NAME}"))
    if name != name.lower():
        broken.append(("name-case", f"name {name!r} is not lowercase"))
    if name.startswith("-") or name.endswith("-"):
        broken.append(("name-edge-hyphen", f"name {name!r} begins or ends with a hyphen"))
    if "--" in name:
        broken.append(("name-double-hyphen", f"name {name!r} contains two hyphens in a row"))
    if not all(char.isalnum() or char == "-" for char in name):
        broken.append(("name-characters", f"name {name!r} contains characters other than letters, digits and hyphens"))
    if name != normal_name(directory):
        broken.append(("name-mismatch", f"name {name!r} differs from its folder's name, {directory!r}"))
    return broken


_LIMITS = {"name": 0, "description": MAX_DESCRIPTION, "license": 0, "compatibility": MAX_COMPATIBILITY}


def check_fields(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The other rules that fields break, as (code, message): unknown fields, wrong types, too long values."""
    broken = [("unknown-field", f"field {key!r} is not in the specification") for key in fields if key not in FIELDS]
    for name, limit in _LIMITS.items():
        value = fields.get(name, "")
        if not isinstance(value, str):
            broken.append((f"{name}-type", f"{name} must be text"))
        elif limit and len(value) > limit:
            broken.append((f"{name}-too-long", f"{name} has {len(value)} characters; the limit is {limit}"))
    if not isinstance(fields.get("metadata") or {}, dict):
        broken.append(("metadata-type", "metadata must map text to text"))
    return broken


def _are_usual(fields: Mapping[str, Any]) -> bool:
    """True only if `check_fields` would find nothing: a quick check that most skills pass."""
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
