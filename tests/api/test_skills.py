"""Skills at Anthropic: uploaded from a folder or a package, versioned, listed, fetched, deleted."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

import conjure_magic.api.skills as module
from conjure_magic.api.skills import HostedSkill, SkillsClient
from conjure_magic.errors import HostedError, HostedNotFoundError, SkillError, UploadError, UsageError
from conjure_magic.skills import load_skill, new_skill, pack, unpack
from conjure_magic.testing.stub import Reply, StubServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_skill("house-style", tmp_path)


def test_a_folder_is_sent_file_by_file(stub: StubServer, skills: SkillsClient, folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    mine = skills.create(folder, display_name="House style")
    assert isinstance(mine, HostedSkill)
    assert (mine.display_name, mine.source) == ("House style", "custom")
    kept = stub.hosted.skills[mine.id].latest.files
    real = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert kept == {name: path.read_bytes() for name, path in real.items() if "pycache" not in name}
    assert skills.get(mine.id) == mine


def test_a_package_is_sent_whole(stub: StubServer, skills: SkillsClient, folder: Path, tmp_path: Path) -> None:
    package = pack(folder, tmp_path / "out")
    mine = skills.create(package.path)
    assert mine.display_name == "house-style"
    assert set(stub.hosted.skills[mine.id].latest.files) == set(package.entries)


def test_versions_come_newest_first(stub: StubServer, skills: SkillsClient, folder: Path) -> None:
    mine = skills.create(folder)
    made = [skills.version(mine.id), *[skills.add_version(mine.id, folder) for _ in range(3)]]
    assert list(skills.versions(mine.id)) == list(reversed(made))
    assert skills.version(mine.id) == made[-1]
    assert skills.version(mine.id, made[0].id) == made[0]
    assert made[0].name == "house-style"
    skills.delete_version(mine.id, made[0].id)
    assert len(list(skills.versions(mine.id))) == 3
    skills.delete(mine.id)
    for call in (skills.get, skills.delete, skills.version):
        with pytest.raises(HostedNotFoundError, match=mine.id):
            call(mine.id)


def test_all_skills_are_listed_or_one_source(stub: StubServer, skills: SkillsClient, folder: Path) -> None:
    mine = [skills.create(folder).id for _ in range(102)]
    assert [skill.id for skill in skills.list("custom")] == mine
    assert {skill.id for skill in skills.list("anthropic")} == {"xlsx", "pptx", "docx", "pdf"}
    assert len(list(skills.list())) == 106


def test_what_was_sent_comes_back(skills: SkillsClient, folder: Path, tmp_path: Path) -> None:
    mine = skills.create(folder)
    into = tmp_path / "into"
    into.mkdir()
    path = skills.download(mine.id, into)
    assert path == into / "house-style.skill"
    assert load_skill(unpack(path, tmp_path)).name == "house-style"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("house-style/SKILL.md") == (folder / "SKILL.md").read_bytes()
    with pytest.raises(FileExistsError):
        skills.download(mine.id, into)
    assert os.listdir(into) == ["house-style.skill"]


def test_a_skill_that_breaks_a_rule_is_not_sent(
    stub: StubServer, skills: SkillsClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SKILL", 100)
    with pytest.raises(UploadError, match="an upload may have 99"):
        skills.create(folder)
    with pytest.raises(UsageError, match="255"):
        skills.create(folder, display_name="x" * 256)
    (folder / "SKILL.md").write_text("---\nname: Other\n---\n")
    with pytest.raises(SkillError, match="description"):
        skills.create(folder)
    with pytest.raises(SkillError):
        skills.create(folder.parent / "none")
    assert stub.requests == []


def test_what_the_server_refuses_is_said_in_its_words(
    stub: StubServer, skills: SkillsClient, folder: Path, tmp_path: Path
) -> None:
    mine = skills.create(folder)
    other = new_skill("other", tmp_path)
    with pytest.raises(UploadError, match="name must stay 'house-style'"):
        skills.add_version(mine.id, other)
    with pytest.raises(HostedError, match="read-only"):
        skills.delete("xlsx")
    with pytest.raises(HostedError, match="only version"):
        skills.delete_version(mine.id, mine.latest_version_id)
    stub.fault("/v1/skills", Reply.fault(400, message="no room"))
    with pytest.raises(UploadError, match="house-style was not uploaded: no room"):
        skills.create(folder)
