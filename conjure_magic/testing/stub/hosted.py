"""What Anthropic keeps: files, skills with their versions, and containers in which scripted calls run."""

from __future__ import annotations

import base64
import io
import itertools
import mimetypes
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from conjure_magic.testing.stub.billing import blocks_of
from conjure_magic.testing.stub.rules import RefusedError, require
from conjure_magic.testing.stub.scripts import RUN

Wire = dict[str, Any]
PREBUILT = ("xlsx", "pptx", "docx", "pdf")
PREBUILT_VERSION = "20251013"
IDLE = timedelta(minutes=5)
"""What `expires_at` of a container says: from its last use."""
MAX_SKILL = 30_000_000


def stamp(moment: datetime) -> str:
    """A time as the wire has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class StoredFile:
    """A file; `content` is what an upload or a scripted call gave it."""

    id: str
    filename: str
    mime_type: str
    content: bytes = field(repr=False)
    created_at: datetime
    downloadable: bool
    expires_at: datetime | None = None
    expired: bool = False

    def to_dict(self) -> Wire:
        """The file as the endpoints show it."""
        return {
            "id": self.id,
            "type": "file",
            "filename": self.filename,
            "mime_type": self.mime_type,
            "size_bytes": len(self.content),
            "created_at": stamp(self.created_at),
            "downloadable": self.downloadable,
            "expires_at": stamp(self.expires_at) if self.expires_at else None,
        }


@dataclass
class StoredVersion:
    """A snapshot of a skill's folder: path below it -> content."""

    id: str
    skill_id: str
    name: str
    description: str
    created_at: datetime
    files: Mapping[str, bytes] = field(repr=False, default_factory=dict)

    def to_dict(self) -> Wire:
        """The version as the endpoints show it."""
        names = ("id", "skill_id", "name", "description")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, "type": "skill_version", "created_at": stamp(self.created_at)}

    def zipped(self) -> bytes:
        """The folder as a ZIP."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, content in sorted(self.files.items()):
                archive.writestr(zipfile.ZipInfo(f"{self.name}/{path}"), content)
        return buffer.getvalue()


@dataclass
class StoredSkill:
    """A skill with its versions, oldest first."""

    id: str
    display_name: str
    source: str
    created_at: datetime
    versions: list[StoredVersion] = field(default_factory=list)

    @property
    def latest(self) -> StoredVersion:
        """What `latest` means."""
        return self.versions[-1]

    def to_dict(self) -> Wire:
        """The skill as the endpoints show it."""
        return {
            "id": self.id,
            "type": "skill",
            "display_name": self.display_name,
            "latest_version_id": self.latest.id,
            "source": {"type": self.source},
            "created_at": stamp(self.created_at),
            "updated_at": stamp(self.latest.created_at),
        }


@dataclass
class Container:
    """A container: what was run in it, and which files were brought there."""

    id: str
    expires_at: datetime
    skills: list[Wire] = field(default_factory=list)
    calls: list[Wire] = field(default_factory=list)
    """Name and input of every call."""
    uploads: list[str] = field(default_factory=list)
    """Ids of the files that `container_upload` named."""
    gone: int = 0
    """The status with which a request that names it is refused; 0 while it is there."""

    def to_dict(self) -> Wire:
        """The container as a message shows it."""
        return {"id": self.id, "expires_at": stamp(self.expires_at), "skills": self.skills}


class Hosted:
    """Files, skills and containers by id. Ids are deterministic, times are now."""

    def __init__(self) -> None:
        self.files: dict[str, StoredFile] = {}
        self.skills: dict[str, StoredSkill] = {}
        self.containers: dict[str, Container] = {}
        self._numbers = {kind: itertools.count(1) for kind in ("file", "skill", "skver", "container")}
        for name in PREBUILT:
            skill = StoredSkill(name, name, "anthropic", self._now())
            skill.versions.append(StoredVersion(PREBUILT_VERSION, name, name, f"Works with {name} files.", self._now()))
            self.skills[name] = skill

    # ---- on request

    def expire_container(self, container_id: str = "", status: int = 400) -> None:
        """Let a container be gone, by default the last one; `status` 500 is what servers have been seen to answer."""
        self.containers[container_id or list(self.containers)[-1]].gone = status

    def expire_file(self, file_id: str) -> None:
        """Let a file be past its date."""
        self.files[file_id].expired = True

    # ---- files and skills

    def add_file(
        self, filename: str, content: bytes, *, mime_type: str = "", made: bool = True, lasts: timedelta | None = None
    ) -> StoredFile:
        """Keep a file; `made` by a tool, or uploaded."""
        now = self._now()
        kind = mime_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
        expires = now + lasts if lasts is not None else None
        stored = StoredFile(self._id("file"), filename, kind, content, now, made, expires)
        self.files[stored.id] = stored
        return stored

    def file(self, file_id: str) -> StoredFile:
        """A file. Raises `RefusedError` if it is not there or has expired."""
        stored = self.files.get(file_id)
        if stored is None:
            raise RefusedError(f"File not found: {file_id}", 404)
        if stored.expired or (stored.expires_at is not None and stored.expires_at <= self._now()):
            raise RefusedError(f"File has expired: {file_id}", 404, code="file_expired")
        return stored

    def add_version(self, files: Mapping[str, bytes], skill: StoredSkill | None, display_name: str) -> StoredVersion:
        """Keep a version: of a new skill if `skill` is None. Raises `RefusedError` for what is no skill."""
        folder, below = _one_folder(files)
        name, description = _front_matter(below, folder)
        require(sum(map(len, files.values())) < MAX_SKILL, "files: Total size must be less than 30 MB uncompressed")
        now = self._now()
        if skill is None:
            skill = StoredSkill(self._id("skill"), display_name or name, "custom", now)
        elif skill.latest.name != name:
            raise RefusedError(f"SKILL.md: name must stay '{skill.latest.name}', found '{name}'")
        skill.versions.append(StoredVersion(self._id("skver"), skill.id, name, description, now, below))
        self.skills[skill.id] = skill
        return skill.latest

    def skill(self, skill_id: str) -> StoredSkill:
        """A skill. Raises `RefusedError` if it is not there."""
        if skill_id not in self.skills:
            raise RefusedError(f"Skill not found: {skill_id}", 404)
        return self.skills[skill_id]

    def version(self, skill_id: str, version: str) -> StoredVersion:
        """A version by its id, or the latest. Raises `RefusedError` if it is not there."""
        skill = self.skill(skill_id)
        found = [one for one in skill.versions if one.id == version]
        if version != "latest" and not found:
            raise RefusedError(f"Skill version not found: {version}", 404)
        return found[0] if found else skill.latest

    # ---- messages

    def check(self, body: Mapping[str, Any]) -> None:
        """What a request says of containers, skills and files. Raises `RefusedError`."""
        wanted = body.get("container")
        wanted = {"id": wanted} if isinstance(wanted, str) else wanted or {}
        container = wanted.get("id")
        if container is not None:
            found = self.containers.get(str(container))
            if found is None:
                raise RefusedError(f"container: {container} not found", 404)
            if found.gone >= 500:
                raise RefusedError("Internal server error", found.gone)
            if found.gone:
                raise RefusedError(f"Container {container} has expired", found.gone, code="container_expired")
        for index, skill in enumerate(wanted.get("skills") or ()):
            self._check_skill(skill, f"container.skills.{index}")
        uploads = list(_uploads(body))
        require(not uploads or _executes(body), "container_upload: the code_execution tool is required")
        for file_id in uploads:
            self.file(file_id)

    def _check_skill(self, wire: Mapping[str, Any], where: str) -> None:
        skill = self.skills.get(wire["skill_id"])
        kind = "anthropic" if skill is not None and skill.source == "anthropic" else "custom"
        require(skill is not None and kind == wire["type"], f"{where}: skill '{wire['skill_id']}' not found")
        assert skill is not None
        version = wire.get("version", "latest")
        known = version == "latest" or version in [one.id for one in skill.versions]
        require(known, f"{where}: version '{version}' of skill '{skill.id}' not found")

    def run(
        self, body: Mapping[str, Any], blocks: Sequence[Wire], ids: Iterator[int]
    ) -> tuple[list[Wire], list[Wire], Wire | None]:
        """Work out the scripted calls of a reply.

        Returns the blocks to send, the results that are to open the next message, and the container in which it was
        done (None if nothing ran).
        """
        if not any(block["type"] in RESULTS or block["type"] == RUN for block in blocks):
            return list(blocks), [], None
        require(_executes(body), "stub: the script runs code, and the request offers no code_execution tool")
        container = self._container(body)
        out: list[Wire] = []
        later: list[Wire] = []
        for block in blocks:
            if block["type"] != RUN:
                out.append(block)
                continue
            call = {"type": "server_tool_use", "id": f"srvtoolu_stub{next(ids):06}"}
            call |= {"name": block["name"], "input": block["input"]}
            container.calls.append({"name": block["name"], "input": block["input"]})
            out.append(call)
            (later if block["later"] else out).append(self._result(block, call["id"]))
        return out, later, container.to_dict()

    def _result(self, block: Wire, call_id: str) -> Wire:
        result = dict(block["result"])
        if result["type"].startswith(("bash_", "code_execution_result")):
            made = [self.add_file(name, base64.b64decode(content)) for name, content in block["files"].items()]
            kind = result["type"].removesuffix("_result") + "_output"
            if "error_code" not in result:
                result["content"] = [{"type": kind, "file_id": file.id} for file in made]
        return {"type": f"{block['name']}_tool_result", "tool_use_id": call_id, "content": result}

    def _container(self, body: Mapping[str, Any]) -> Container:
        """The container of a request: the one that it names, or a new one."""
        wanted = body.get("container")
        wanted = {"id": wanted} if isinstance(wanted, str) else wanted or {}
        container = self.containers.get(wanted.get("id") or "")
        if container is None:
            container = Container(self._id("container"), self._now())
            self.containers[container.id] = container
        container.expires_at = self._now() + IDLE
        container.skills = [
            {"type": s["type"], "skill_id": s["skill_id"], "version": self._resolved(s)}
            for s in wanted.get("skills") or ()
        ]
        container.uploads += [file_id for file_id in _uploads(body) if file_id not in container.uploads]
        return container

    def _resolved(self, wire: Mapping[str, Any]) -> str:
        return self.version(wire["skill_id"], wire.get("version", "latest")).id

    def _id(self, kind: str) -> str:
        return f"{kind}_stub{next(self._numbers[kind]):06}"

    def _now(self) -> datetime:
        return datetime.now(UTC)


RESULTS = ("bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "code_execution_tool_result")


def _executes(body: Mapping[str, Any]) -> bool:
    return any(str(tool.get("type", "")).startswith("code_execution_") for tool in body.get("tools") or ())


def _uploads(body: Mapping[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        for block in blocks_of(message["content"]):
            if block["type"] == "container_upload":
                require(isinstance(block.get("file_id"), str), "container_upload.file_id: Field required")
                yield block["file_id"]


def _one_folder(files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """The name of the one folder that holds all files, and the files below it."""
    tops = {path.partition("/")[0] for path in files}
    require(len(tops) == 1 and all("/" in path for path in files), "files: must be in one top-level directory")
    top = tops.pop()
    below = {path.partition("/")[2]: content for path, content in files.items()}
    require(not any(".." in path.split("/") or path.startswith("/") for path in below), "files: invalid path")
    return top, below


def _front_matter(files: Mapping[str, bytes], folder: str) -> tuple[str, str]:
    """Name and description of a SKILL.md at the root: single or folded lines of YAML."""
    require("SKILL.md" in files, f"files: SKILL.md must be at the root of '{folder}'")
    text = files["SKILL.md"].decode("utf-8", "replace")
    found = re.match(r"---\r?\n(.*?)\n---", text, re.DOTALL)
    require(found is not None, "SKILL.md: must begin with YAML frontmatter")
    assert found is not None
    fields: dict[str, str] = {}
    key = ""
    for line in found[1].splitlines():
        if not line[:1].isspace() and ":" in line:
            key, _, value = line.partition(":")
            fields[key] = "" if value.strip() in (">", ">-", "|", "|-") else value.strip().strip("\"'")
        elif key:
            fields[key] = f"{fields[key]} {line.strip()}".strip()
    name, description = fields.get("name", folder), fields.get("description", "")
    fine = re.fullmatch(r"[a-z0-9-]{1,64}", name) and "anthropic" not in name and "claude" not in name
    require(fine, "SKILL.md: name must be 1-64 lowercase letters, numbers and hyphens, without reserved words")
    require(1 <= len(description) <= 1024, "SKILL.md: description must have 1-1024 characters")
    require(not re.search(r"<[^<>]+>", name + description), "SKILL.md: must not contain XML tags")
    return name, description
