"""The Files and Skills endpoints over what is kept: requests in, JSON or bytes out."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from conjure_magic.testing.stub.forms import Part, parse_form
from conjure_magic.testing.stub.hosted import Hosted, StoredSkill
from conjure_magic.testing.stub.http import HttpRequest
from conjure_magic.testing.stub.rules import RefusedError, require

Wire = dict[str, Any]
PAGE, MOST = 20, 1000
MAX_IDS = 100
FORBIDDEN = re.compile(r'[<>:"|?*\\/\x00-\x1f]')


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes instead of JSON."""

    data: bytes
    media_type: str


def answer(hosted: Hosted, request: HttpRequest) -> Wire | Content:
    """What `/v1/files` and `/v1/skills` answer. Raises `RefusedError`."""
    query = parse_qsl(request.query, keep_blank_values=True)
    match (request.method, request.path.split("/")[2:]):
        case ("POST", ["files"]):
            return _upload(hosted, request)
        case ("GET", ["files"]):
            return _files(hosted, query)
        case ("GET", ["files", file_id]):
            return hosted.file(file_id).to_dict()
        case ("GET", ["files", file_id, "content"]):
            return _content(hosted, file_id)
        case ("DELETE", ["files", file_id]):
            hosted.file(file_id)
            del hosted.files[file_id]
            return {"id": file_id, "type": "file_deleted"}
        case ("POST", ["skills"]):
            return _create(hosted, request)
        case ("GET", ["skills"]):
            return _skills(hosted, query)
        case ("GET", ["skills", skill_id]):
            return hosted.skill(skill_id).to_dict()
        case ("DELETE", ["skills", skill_id]):
            _own(hosted, skill_id)
            del hosted.skills[skill_id]
            return {"id": skill_id, "type": "skill_deleted"}
        case (_, ["skills", skill_id, "versions", *rest]):
            return _version(hosted, request, skill_id, rest, query)
    raise RefusedError("Not Found", 404)


def _version(
    hosted: Hosted, request: HttpRequest, skill_id: str, rest: Sequence[str], query: Sequence[tuple[str, str]]
) -> Wire | Content:
    match (request.method, rest):
        case ("POST", []):
            skill = _own(hosted, skill_id)
            return hosted.add_version(_skill_files(_form(request)), skill, "").to_dict()
        case ("GET", []):
            return _page([one.to_dict() for one in reversed(hosted.skill(skill_id).versions)], query)
        case ("GET", [version]):
            return hosted.version(skill_id, version).to_dict()
        case ("GET", [version, "content"]):
            _own(hosted, skill_id)
            return Content(hosted.version(skill_id, version).zipped(), "application/zip")
        case ("DELETE", [version]):
            skill = _own(hosted, skill_id)
            found = hosted.version(skill_id, version)
            require(len(skill.versions) > 1, "Cannot delete the only version of a skill; delete the skill")
            skill.versions.remove(found)
            return {"id": found.id, "type": "skill_version_deleted"}
    raise RefusedError("Not Found", 404)


# ---- files


def _upload(hosted: Hosted, request: HttpRequest) -> Wire:
    parts = {part.name: part for part in _form(request)}
    file = parts.pop("file", None)
    require(file is not None and file.filename is not None, "file: Field required")
    assert file is not None
    lasts = parts.pop("expires_in_seconds", None)
    require(not parts, f"{', '.join(parts)}: Extra inputs are not permitted")
    seconds = lasts.content.decode("ascii", "replace") if lasts is not None else "3600"
    fine = seconds.isdecimal() and 3600 <= int(seconds) <= 7_776_000
    require(fine, "expires_in_seconds: Input should be between 3600 and 7776000")
    name = re.split(r"[/\\]", file.filename or "")[-1] or "unnamed"
    require(len(name) <= 255 and not FORBIDDEN.search(name), 'filename: must be 1-255 characters without <>:"|?*\\/')
    expiry = timedelta(seconds=int(seconds)) if lasts is not None else None
    return hosted.add_file(name, file.content, mime_type=file.media_type, made=False, lasts=expiry).to_dict()


def _files(hosted: Hosted, query: Sequence[tuple[str, str]]) -> Wire:
    ids = [one for key, value in query if key in ("ids", "ids[]") for one in value.split(",")]
    newest = list(reversed(hosted.files.values()))
    if not ids:
        return _page([file.to_dict() for file in newest], query)
    require(len(set(ids)) <= MAX_IDS, f"ids: at most {MAX_IDS} entries")
    require(not {"page", "limit"} & {key for key, _ in query}, "ids: mutually exclusive with page and limit")
    return {"data": [file.to_dict() for file in newest if file.id in ids], "next_page": None}


def _content(hosted: Hosted, file_id: str) -> Content:
    file = hosted.file(file_id)
    if not file.downloadable:
        raise RefusedError(f"File is not downloadable: {file_id}", 400, code="file_not_downloadable")
    return Content(file.content, file.mime_type)


# ---- skills


def _create(hosted: Hosted, request: HttpRequest) -> Wire:
    parts = _form(request)
    names = [part.content.decode("utf-8", "replace") for part in parts if part.name == "display_name"]
    display_name = names[0] if names else ""
    require(len(display_name) <= 255, "display_name: String should have at most 255 characters")
    version = hosted.add_version(_skill_files(parts), None, display_name)
    return hosted.skill(version.skill_id).to_dict()


def _skills(hosted: Hosted, query: Sequence[tuple[str, str]]) -> Wire:
    source = dict(query).get("source")
    found = [skill.to_dict() for skill in hosted.skills.values() if source in (None, skill.source)]
    return _page(found, query)


def _own(hosted: Hosted, skill_id: str) -> StoredSkill:
    """A skill that may be changed. Raises `RefusedError`."""
    skill = hosted.skill(skill_id)
    require(skill.source == "custom", f"Skill {skill_id} is read-only")
    return skill


def _skill_files(parts: Sequence[Part]) -> Mapping[str, bytes]:
    """Path -> content of an upload: of its parts, or of the one ZIP."""
    files = [part for part in parts if part.name == "files[]" and part.filename is not None]
    require(files, "files: Field required")
    if len(files) == 1 and files[0].content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(files[0].content)) as archive:
                return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
        except zipfile.BadZipFile:
            raise RefusedError("files: not a valid zip file") from None
    return {part.filename or "": part.content for part in files}


# ---- both


def _form(request: HttpRequest) -> list[Part]:
    return parse_form(request.headers.get("content-type", ""), request.body)


def _page(entries: Sequence[Wire], query: Sequence[tuple[str, str]]) -> Wire:
    """One page of a list."""
    fields = dict(query)
    limit = fields.get("limit", str(PAGE))
    fine = limit.isdecimal() and 1 <= int(limit) <= MOST
    require(fine, f"limit: Input should be between 1 and {MOST}")
    token = fields.get("page", "page_0")
    require(re.fullmatch(r"page_[0-9]+", token), "page: Invalid page token")
    start = int(token.removeprefix("page_"))
    end = start + int(limit)
    return {"data": list(entries[start:end]), "next_page": f"page_{end}" if end < len(entries) else None}
