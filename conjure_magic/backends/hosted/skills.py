"""Spellings of hosted skills and of local folders to upload: `xlsx@latest`, `custom:ID`, `anthropic:PATH`.

The format and the limit are from Anthropic's documentation of Agent Skills in the API.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conjure_magic.cancel import Cancel
from conjure_magic.errors import SkillSpecError, TooManySkillsError, UploadError
from conjure_magic.remedies import Remedy, option
from conjure_magic.skills.package import archive
from conjure_magic.workspace import expanded

if TYPE_CHECKING:
    from conjure_magic.api.skills import HostedSkill, SkillsClient

DOCUMENT_SKILLS = ("docx", "pdf", "pptx", "xlsx")
"""The ids of Anthropic's own skills."""
MOST = 20
"""Maximum number of skills in a request."""
SPELLINGS = f"{', '.join(DOCUMENT_SKILLS)} (or xlsx@VERSION), custom:ID[@VERSION], anthropic:PATH"
_ID = re.compile(r"[A-Za-z0-9][\w-]*")


@dataclass(frozen=True, slots=True)
class SkillSpec:
    """A skill for the container: one on the server, or a local folder to upload."""

    skill_id: str = ""
    version: str = "latest"
    is_custom: bool = False
    path: Path | None = None

    @property
    def typed(self) -> str:
        """The skill as the user spells it."""
        if self.path is not None:
            return f"anthropic:{self.path}"
        version = "" if self.version == "latest" else f"@{self.version}"
        return f"{'custom:' if self.is_custom else ''}{self.skill_id}{version}"

    def to_dict(self) -> dict[str, str]:
        """The entry of `container.skills`."""
        return {
            "type": "custom" if self.is_custom else "anthropic",
            "skill_id": self.skill_id or f"({self.path}: uploaded with the next request)",
            "version": self.version,
        }


def anchored(text: str) -> str:
    """Return the spelling with the path of a folder to upload made absolute."""
    path = text.removeprefix("anthropic:")
    if path in (text, "") or (path in DOCUMENT_SKILLS and not os.path.exists(path)):
        return text
    return f"anthropic:{expanded(path).absolute()}"


def parse_spec(text: str) -> SkillSpec | None:
    """Parse a spelling; None if it is not one of a hosted skill. Raises SkillSpecError for an invalid one."""
    if text.startswith("anthropic:"):
        path = text.removeprefix("anthropic:")
        if path in DOCUMENT_SKILLS and not os.path.exists(path):
            return SkillSpec(path)
        folder = expanded(path).absolute()
        if not path or not os.path.exists(folder):  # unlike Path's, it never raises
            raise SkillSpecError(f"{text}: this folder does not exist. Hosted skills: {SPELLINGS}")
        return SkillSpec(is_custom=True, path=folder)
    is_custom = text.startswith("custom:")
    skill_id, at, version = text.removeprefix("custom:").partition("@")
    if not is_custom and (skill_id not in DOCUMENT_SKILLS and (not at or "/" in text or os.path.exists(text))):
        return None
    if not _ID.fullmatch(skill_id) or (at and not _ID.fullmatch(version)):
        raise SkillSpecError(f"{text!r} is not a hosted skill: {SPELLINGS}")
    return SkillSpec(skill_id, version or "latest", is_custom)


CHOOSE = Remedy("Choose {0} (or local,anthropic).", option("backend", "anthropic"))


def split_hosted(
    skills: Iterable[str], *, hosted: bool, folders: bool
) -> tuple[tuple[SkillSpec, ...], tuple[str, ...]]:
    """Separate spellings into (hosted skills, folders and other names), each once.

    Args:
        skills: the spellings, without skills in Python.
        hosted: True if the session uses the backend anthropic; a bare `xlsx` is then a document skill.
        folders: True if the session has a backend that reads skill folders.

    Raises SkillSpecError for a skill that none of the backends can use, TooManySkillsError.
    """
    specs: dict[tuple[str, Path | None], SkillSpec] = {}
    others: list[str] = []
    for text in skills:
        spec = parse_spec(text)
        if spec is not None and hosted:
            specs[spec.skill_id, spec.path] = spec
        elif spec is not None and text not in DOCUMENT_SKILLS:
            raise SkillSpecError(f"{text} is a hosted skill, which needs the backend anthropic", remedy=CHOOSE)
        elif hosted and not folders:
            raise SkillSpecError(
                f"{text!r} is not a hosted skill: {SPELLINGS}. To upload a local folder, write anthropic:PATH",
                remedy=Remedy("To use it on this machine, choose {0}.", option("backend", "local,anthropic")),
            )
        else:
            others.append(text)
    if len(specs) > MOST:
        raise TooManySkillsError(f"{len(specs)} hosted skills are too many: a request can have at most {MOST}")
    return tuple(specs.values()), tuple(others)


class Uploads:
    """Uploaded local skills, one per content, identified by a hash in their display names."""

    def __init__(self) -> None:
        self._known: dict[str, HostedSkill] = {}

    def forget(self) -> None:
        """Forget the uploads, so that the next turn checks the server and uploads missing skills again."""
        self._known.clear()

    def settle(self, spec: SkillSpec, client: SkillsClient, cancel: Cancel) -> tuple[SkillSpec, str]:
        """Return the spec with the skill's id on the server, and a notice if it was uploaded now.

        Raises SkillError for an invalid skill, UploadError, subclasses of ModelError, CancelledError.
        """
        if spec.path is None:
            return spec, ""
        name, content = archive(spec.path)
        label = f"{name} {hashlib.sha256(content).hexdigest()[:16]}"
        told = ""
        found = self._known.get(label) or _labelled(label, client, cancel)
        if found is None:
            try:
                found = client.create(spec.path, display_name=label, cancel=cancel)
                told = f"Uploaded the skill {name} to Anthropic as {found.id}."
            except UploadError:  # someone else may have been quicker
                found = _labelled(label, client, cancel)
                if found is None:
                    raise
        self._known[label] = found
        return SkillSpec(found.id, found.latest_version_id, is_custom=True, path=spec.path), told


def _labelled(label: str, client: SkillsClient, cancel: Cancel) -> HostedSkill | None:
    return next((skill for skill in client.list("custom", cancel=cancel) if skill.display_name == label), None)
