"""Each kind of failure that a person or a program may want to tell apart has its class, and that one is raised."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from conjure_magic import NativeSkill, Session, SkillRegistry, errors
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.api.files import FilesClient
from conjure_magic.backends.hosted.skills import MOST
from conjure_magic.backends.native.tool import tools_of
from conjure_magic.errors import ConjureError
from conjure_magic.executors.files import read_file
from conjure_magic.models.choice import choose_model
from conjure_magic.settings import Settings
from conjure_magic.skills import load_skill, unpack
from conjure_magic.testing.stub import Reply, StubServer
from conjure_magic.workspace import Folders, Workspace


class Promising(NativeSkill):
    """Promises to run and does not."""

    name = "promising"
    description = "Promises."
    allowed_tools = ("execute",)


def test_skills(tmp_path: Path) -> None:
    with pytest.raises(errors.SkillNotFoundError):
        SkillRegistry(names=["nowhere"])
    (tmp_path / "a").mkdir()
    with pytest.raises(errors.InvalidSkillError, match="has no SKILL"):
        load_skill(tmp_path / "a")
    (tmp_path / "a/SKILL.md").write_text("---\nname: b\n---\n")
    with pytest.raises(errors.InvalidSkillError, match="description"):
        load_skill(tmp_path / "a")
    (tmp_path / "x.skill").write_bytes(b"PK no zip")
    with pytest.raises(errors.PackageError):
        unpack(tmp_path / "x.skill")
    with zipfile.ZipFile(tmp_path / "y.skill", "w") as archive:
        archive.writestr("../SKILL.md", "x")
    with pytest.raises(errors.PackageError):
        unpack(tmp_path / "y.skill")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything: what the system says to others is put in its place."""
    (tmp_path / "mine.txt").touch()

    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(errors.FilePermissionError, match=r"mine\.txt: Permission denied"):
        read_file(Folders(tmp_path, tmp_path), "mine.txt")


def test_files_and_folders(tmp_path: Path) -> None:
    folders = Folders(tmp_path, tmp_path)
    with pytest.raises(errors.MissingFileError):
        read_file(folders, "nowhere.txt")
    with pytest.raises(errors.PathNotAllowedError):
        read_file(folders, "../other.txt")
    with pytest.raises(errors.WorkspaceError):
        Workspace.open("main", folder=tmp_path / "nowhere")


def test_native() -> None:
    with pytest.raises(errors.NotNativeError):
        tools_of(3)
    with pytest.raises(errors.CallbackMissingError):
        tools_of(Promising())


def test_models() -> None:
    with pytest.raises(errors.MissingModelError):
        choose_model("claude-opus-5-5", Settings(default_model="claude-opus-5-5"), {})


def test_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("docker", reason="the test extra names it")
    from conjure_magic.executors.docker.engine import connect

    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(errors.DockerUnavailableError):
        connect()


def test_hosted(tmp_path: Path) -> None:
    for skills in (["xlsx@"], ["custom:"], ["anthropic:nowhere"]):
        with pytest.raises(errors.SkillSpecError):
            Session("anthropic", skills, "offline")
    with pytest.raises(errors.TooManySkillsError):
        Session("anthropic", [f"custom:skill_{n}" for n in range(MOST + 1)], "offline")
    with StubServer() as stub, FilesClient(Credentials(stub.url, "x-api-key", Key("k"), "anthropic")) as files:
        sent = files.upload(b"x", "x.txt")
        with pytest.raises(errors.DownloadError):
            files.read(sent.id)
        stub.fault("/v1/files", Reply.fault(413))
        with pytest.raises(errors.UploadError):
            files.upload(b"x", "x.txt")
        stub.hosted.expire_file(sent.id)
        with pytest.raises(errors.FileExpiredError):
            files.get(sent.id)
        with pytest.raises(errors.HostedNotFoundError):
            files.get("file_gone")


def test_a_hosted_failure_is_one_of_the_server_and_of_the_backend() -> None:
    """So that it can be told with its status, and costs the turn no more than the calls of that backend."""
    assert issubclass(errors.HostedError, errors.ApiError)
    assert issubclass(errors.HostedError, errors.BackendError)
    assert issubclass(errors.ModelError, errors.ApiError)
    assert not issubclass(errors.ModelError, errors.BackendError)
    error = errors.UploadError("x", status=413, request_id="req_1")
    assert (error.status, error.request_id, isinstance(error, ConjureError)) == (413, "req_1", True)
