"""Skills that Anthropic keeps: its own document skills, and those that were uploaded, with their versions.

    with SkillsClient() as skills:
        mine = skills.create("./skills/house-style")
        for skill in skills.list():
            print(skill.id, skill.display_name)

Source of every limit: Anthropic's documentation of the Skills API (`/v1/skills`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

from conjure_magic.api.client import Form
from conjure_magic.api.resource_client import MAX_DOWNLOAD, HostedClient, moment_of, new_file, part, refusals
from conjure_magic.cancel import Cancel
from conjure_magic.errors import DownloadError, HostedError, UploadError, UsageError
from conjure_magic.skills.package import SUFFIX, archive
from conjure_magic.workspace import expanded

MAX_SKILL = 30_000_000
"""Bytes that a skill may have, unpacked: fewer than this."""
MAX_DISPLAY_NAME = 255
Source = Literal["custom", "anthropic"]


@dataclass(frozen=True, slots=True)
class HostedSkill:
    """A skill on Anthropic's side."""

    id: str
    """What `container.skills` takes as `skill_id`."""
    display_name: str
    latest_version_id: str
    source: str
    """"custom" for what was uploaded, "anthropic" for Anthropic's own."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> HostedSkill:
        """The skill of the wire's JSON. Raises KeyError, TypeError or ValueError for what is none."""
        texts = {name: str(wire[name]) for name in ("id", "display_name", "latest_version_id")}
        created, updated = moment_of(wire["created_at"]), moment_of(wire["updated_at"])
        return cls(**texts, source=str(wire["source"]["type"]), created_at=created, updated_at=updated)


@dataclass(frozen=True, slots=True)
class SkillVersion:
    """One version of a skill: a whole snapshot of its folder."""

    id: str
    skill_id: str
    name: str
    """The skill's own, from its SKILL.md; the same in every version."""
    description: str
    created_at: datetime

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> SkillVersion:
        """The version of the wire's JSON. Raises KeyError, TypeError or ValueError for what is none."""
        texts = {name: str(wire[name]) for name in ("id", "skill_id", "name", "description")}
        return cls(**texts, created_at=moment_of(wire["created_at"]))


class SkillsClient(HostedClient):
    """Uploads, lists, fetches and deletes skills at Anthropic, as a context manager. May serve many threads at once.

    Takes credentials (by default the environment's), patience, client and notify, as `HostedClient` says.
    Raises UsageError without a key, or for a server that is not Anthropic's.
    """

    what = "Skills"

    def create(self, path: str | Path, *, display_name: str = "", cancel: Cancel | None = None) -> HostedSkill:
        """Upload a skill and return what the server made of it: a new skill with one version.

        Args:
            path: its folder, or a `.skill` package; checked by every rule of the format first.
            display_name: up to 255 characters; by default the skill's name.
            cancel: wakes and ends it, within a fraction of a second.

        Raises SkillError for a skill that breaks a rule, UploadError for one that is too large or refused, the kinds of
        ModelError for the key, limits and the connection, CancelledError.
        """
        if len(display_name) > MAX_DISPLAY_NAME:
            raise UsageError(f"a display name has at most {MAX_DISPLAY_NAME} characters")
        name, form = _form(path, {"display_name": display_name} if display_name else {})
        with refusals(UploadError, f"the skill {name} was not uploaded"):
            return self._call("POST", "/v1/skills", cancel, HostedSkill.from_dict, form=form)

    def list(self, source: Source | None = None, *, cancel: Cancel | None = None) -> Iterator[HostedSkill]:
        """Yield the skills, page after page as they are asked for; those of one source alone, if it is named.

        Raises HostedError if the server refuses, the kinds of ModelError, CancelledError.
        """
        query = {"source": source} if source else {}
        with refusals(HostedError, "the skills cannot be listed"):
            yield from self._pages("/v1/skills", cancel, HostedSkill.from_dict, query)

    def get(self, skill_id: str, *, cancel: Cancel | None = None) -> HostedSkill:
        """A skill, without its content. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the skill {skill_id}"):
            return self._call("GET", _path(skill_id), cancel, HostedSkill.from_dict)

    def delete(self, skill_id: str, *, cancel: Cancel | None = None) -> None:
        """Delete a skill with all of its versions, for good. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the skill {skill_id} cannot be deleted"):
            self._call("DELETE", _path(skill_id), cancel, lambda wire: wire["id"])

    def add_version(self, skill_id: str, path: str | Path, *, cancel: Cancel | None = None) -> SkillVersion:
        """Upload another version of a skill, whose name has to be the same. Raises as `create` does."""
        name, form = _form(path, {})
        with refusals(UploadError, f"the version of {name} was not uploaded"):
            return self._call("POST", f"{_path(skill_id)}/versions", cancel, SkillVersion.from_dict, form=form)

    def versions(self, skill_id: str, *, cancel: Cancel | None = None) -> Iterator[SkillVersion]:
        """Yield the versions of a skill, newest first. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the versions of {skill_id} cannot be listed"):
            yield from self._pages(f"{_path(skill_id)}/versions", cancel, SkillVersion.from_dict, {})

    def version(self, skill_id: str, version: str = "latest", *, cancel: Cancel | None = None) -> SkillVersion:
        """One version of a skill, without its content. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the version {version} of {skill_id}"):
            return self._call("GET", _path(skill_id, version), cancel, SkillVersion.from_dict)

    def delete_version(self, skill_id: str, version: str, *, cancel: Cancel | None = None) -> None:
        """Delete one version of a skill for good. Raises HostedNotFoundError and as `list` does."""
        with refusals(HostedError, f"the version {version} of {skill_id} cannot be deleted"):
            self._call("DELETE", _path(skill_id, version), cancel, lambda wire: wire["id"])

    def download(
        self,
        skill_id: str,
        target: str | Path,
        *,
        version: str = "latest",
        limit: int = MAX_DOWNLOAD,
        cancel: Cancel | None = None,
    ) -> Path:
        """Write a version's folder to disk as a ZIP, and return its path. Overwrites nothing; a fault leaves nothing.

        Args:
            skill_id: of a skill that was uploaded.
            target: where; in a folder it is called by the skill's name, as a `.skill` package.
            version: an id, or "latest".
            limit: bytes that it may have.
            cancel: wakes and ends it, within a fraction of a second.

        Raises FileExistsError, OSError, DownloadError, HostedNotFoundError, the kinds of ModelError, CancelledError.
        """
        path = expanded(target)
        if path.is_dir():
            path = path / f"{part(self.version(skill_id, version, cancel=cancel).name, 'name')}{SUFFIX}"
        what = f"the skill {skill_id}"
        with (
            refusals(DownloadError, f"{what} cannot be fetched"),
            closing(self._content(f"{_path(skill_id, version)}/content", cancel, limit, what)) as chunks,
        ):
            return new_file(path, chunks)


def _path(skill_id: str, version: str = "") -> str:
    path = f"/v1/skills/{part(skill_id, 'skill id')}"
    return f"{path}/versions/{part(version, 'version')}" if version else path


def _form(path: str | Path, fields: Mapping[str, str]) -> tuple[str, Form]:
    """A skill's name and the form that uploads it: a folder as one part for each file, a package as one ZIP."""
    name, data = archive(path)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        size = sum(info.file_size for info in packed.infolist())
        if size >= MAX_SKILL:
            raise UploadError(f"the skill {name} has {size:,} bytes; an upload may have {MAX_SKILL - 1:,}.")
        if expanded(path).is_dir():
            contents = [(info.filename, packed.read(info)) for info in packed.infolist()]
        else:
            contents = [(f"{name}.zip", data)]
    files: list[tuple[str, str, IO[bytes], str]] = [
        ("files[]", filename, io.BytesIO(content), "application/octet-stream") for filename, content in contents
    ]
    return name, Form(files, fields)
