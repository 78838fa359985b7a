"""Scanning a folder: its direct children, nothing outside of it, within bounds, from memory where nothing changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conjure_magic.skills.discovery import MAX_FOLDERS, Cache, scan


def add(root: Path, name: str, description: str = "does something") -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(f"---\nname: {folder.name}\ndescription: {description}\n---\n", encoding="utf-8")
    return folder


def names(root: Path, cache: Cache | None = None) -> list[str]:
    return [loaded.skill.name for loaded in scan(root, "given", cache or Cache()) if loaded.skill]


def codes(root: Path) -> list[str]:
    return [finding.code for loaded in scan(root, "given", Cache()) for finding in loaded.findings]


def test_direct_children_are_found_in_order_and_nothing_deeper(tmp_path: Path) -> None:
    for name in ("b", "a", "deep/er", ".git/hook", "node_modules/x"):
        add(tmp_path, name)
    (tmp_path / "file").write_text("x")
    add(tmp_path, ".git")
    add(tmp_path, "node_modules")
    assert names(tmp_path) == ["a", "b"]


def test_a_skill_folder_is_itself_the_skill_whatever_lies_below(tmp_path: Path) -> None:
    add(tmp_path, "a")
    add(tmp_path / "a", "b")
    assert names(tmp_path / "a") == ["a"]


def test_links_inside_the_folder_are_followed_and_those_that_leave_it_refused(tmp_path: Path) -> None:
    add(tmp_path / "out", "outside")
    add(tmp_path / "s" / "store", "real")
    (tmp_path / "s" / "inside").symlink_to(tmp_path / "s" / "store" / "real")
    (tmp_path / "s" / "leaves").symlink_to(tmp_path / "out" / "outside")
    (tmp_path / "s" / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "s" / "loop").symlink_to(tmp_path / "s" / "loop")
    assert names(tmp_path / "s") == ["real"]
    assert codes(tmp_path / "s") == ["link-outside"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_linked_skill_md_is_read_only_inside_its_folder(tmp_path: Path, inside: bool) -> None:
    folder = add(tmp_path / "s", "a")
    target = folder / "real.md" if inside else tmp_path / "real.md"
    (folder / "SKILL.md").rename(target)
    (folder / "SKILL.md").symlink_to(target)
    assert names(tmp_path / "s") == (["a"] if inside else [])
    assert codes(tmp_path / "s") == ([] if inside else ["link-outside"])


def test_a_pipe_or_a_folder_named_skill_md_is_no_skill(tmp_path: Path) -> None:
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "SKILL.md")
    (tmp_path / "folder" / "SKILL.md").mkdir(parents=True)
    assert names(tmp_path) == []
    assert codes(tmp_path) == []


def test_the_number_of_folders_searched_is_limited_and_reported(tmp_path: Path) -> None:
    for number in range(MAX_FOLDERS + 1):
        (tmp_path / f"{number:05}").mkdir()
    add(tmp_path, f"{MAX_FOLDERS:05}")
    assert names(tmp_path) == []
    assert codes(tmp_path) == ["too-many"]


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_is(tmp_path: Path) -> None:
    folder, cache = add(tmp_path, "a", "one"), Cache()
    first = next(scan(tmp_path, "given", cache)).skill
    assert next(scan(tmp_path, "given", cache)).skill is first
    add(tmp_path, "a", "two")
    assert next(scan(tmp_path, "given", cache)).skill != first
    status = (folder / "SKILL.md").stat()
    add(tmp_path, "a", "six")  # as long as before, with the time set back: ctime tells
    os.utime(folder / "SKILL.md", ns=(status.st_atime_ns, status.st_mtime_ns))
    found = next(scan(tmp_path, "given", cache)).skill
    assert found is not None
    assert found.description == "six"
