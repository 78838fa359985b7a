"""Cells for authors of skills: begin one, check it, pack it, use the package; and what `%conjure skills` tells."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernel_kit import Cell, Kernel


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    kernel.run("%load_ext conjure_magic")
    return kernel


@pytest.fixture(autouse=True)
def folder(loaded: Kernel) -> Iterator[Path]:
    """The kernel's folder, empty, with a session of no past."""
    loaded.run("%reload_ext conjure_magic")
    yield loaded.folder
    for path in loaded.folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def html(cell: Cell) -> str:
    assert cell.reply is not None
    assert cell.reply["status"] == "ok", cell.outputs
    return cell.text("text/html")


def add(root: Path, name: str, *head: str) -> Path:
    skill = root / name
    skill.mkdir(parents=True, exist_ok=True)
    lines = [f"name: {name}", "description: does something", *head]
    (skill / "SKILL.md").write_text("---\n" + "\n".join(lines) + "\n---\nBody.\n", encoding="utf-8")
    return skill


def test_a_skill_is_begun_checked_packed_and_its_package_used_without_a_key(loaded: Kernel, folder: Path) -> None:
    begun = html(loaded.run("%conjure new-skill word-count"))
    assert "scripts/count.py" in begun
    assert "--skills skills/word-count" in begun
    assert "word-count: valid" in html(loaded.run("%conjure validate skills/word-count"))
    packed = html(loaded.run("%conjure pack skills/word-count --into out"))
    assert "references/counting.md" in packed
    assert (folder / "out" / "word-count.skill").is_file()
    assert "word-count: valid" in html(loaded.run("%conjure validate out/word-count.skill"))
    (folder / "text.txt").write_text("one two three\nfour\n")
    shutil.move(folder / "out" / "word-count.skill", folder / "word-count.skill")
    request = "How many lines, words and characters does text.txt have?"
    for given in ("./word-count.skill", "word-count.skill", "./skills/word-count"):
        cell = loaded.run(f"%%conjure --session {Path(given).name} --skills {given} --model offline --yes\n{request}")
        assert "2 lines, 4 words, 19 characters" in html(cell)


def test_all_that_is_wrong_with_a_skill_is_shown_with_its_codes(loaded: Kernel, folder: Path) -> None:
    add(folder, "Bad_Name", "version: <script>alert(1)</script>", "license: [x]")
    shown = html(loaded.run("%conjure validate Bad_Name"))
    assert "Bad_Name: not valid, 4 errors" in shown
    for code in ("name-case", "name-characters", "unknown-field", "restricted-yaml", "license-type"):
        assert code in shown
    assert shown.index("unknown-field") < shown.index("license-type"), "what breaks rules stands before advice"
    assert "<script" not in shown


def test_every_skill_of_a_folder_is_checked(loaded: Kernel, folder: Path) -> None:
    add(folder / "s", "good")
    add(folder / "s", "bad", "version: 1")
    shown = html(loaded.run("%conjure validate s"))
    assert "bad: not valid, 1 error" in shown
    assert "good: valid" in shown
    assert "good: valid" in html(loaded.run("%conjure validate s/good/SKILL.md"))
    assert "UsageError: nowhere: does not exist (not-found)" in str(loaded.run("%conjure pack nowhere").outputs)
    assert "not-found" in html(loaded.run("%conjure validate nowhere"))
    assert "no-skill-md" in html(loaded.run("%conjure validate ."))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("validate", "needs a PATH"),
        ("validate a b", "does not expect 'b'"),
        ("validate broken.skill", "cannot be read as a ZIP file"),
        ("new-skill", "needs a NAME"),
        ("new-skill ../Escape", "name-characters"),
        ("new-skill there --into .", "already exists"),
        ("new-skill x --into file", "cannot write"),
        ("pack", "needs a PATH"),
        ("pack nowhere", "not-found"),
        ("pack there", "no-skill-md"),
        ("pack ok --into file", "cannot write"),
        ("pack ok --onto x", "did you mean --into?"),
        ("use --skills broken.skill", "broken.skill"),
        ("use --skills gone.skill", "does not exist"),
    ],
)
def test_a_slip_is_one_or_two_lines(loaded: Kernel, folder: Path, line: str, said: str) -> None:
    (folder / "there").mkdir()
    (folder / "file").write_text("x")
    (folder / "broken.skill").write_text("x")
    add(folder, "ok")
    cell = loaded.run(f"%conjure {line}")
    text = cell.text()
    assert said in text
    assert text.startswith("UsageError: ")
    assert len(text.strip().splitlines()) <= 2
    assert "Traceback" not in str(cell.outputs)
    assert sorted(path.name for path in folder.iterdir()) == ["broken.skill", "file", "ok", "there"]


def test_each_command_has_its_help(loaded: Kernel) -> None:
    for command, option in (("validate", "PATH"), ("new-skill", "--into DIR"), ("pack", "--into DIR")):
        assert option in loaded.run(f"%conjure {command} --help").text()
        assert f"%conjure {command}" in html(loaded.run("%conjure help"))


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        *(("%conjure val", "validate"), ("%conjure new", "new-skill"), ("%conjure pa", "pack")),
        *(("%conjure new-skill x --in", "--into"), ("%conjure pack x --in", "--into")),
        *(("%conjure validate my-sk", "my-skills/"), ("%conjure pack my-sk", "my-skills/")),
    ],
)
def test_commands_options_and_paths_complete_with_tab(loaded: Kernel, folder: Path, typed: str, offered: str) -> None:
    (folder / "my-skills").mkdir()
    reply = loaded.kc.complete(typed, len(typed), reply=True, timeout=90)["content"]
    assert offered in reply["matches"]


def test_scopes_and_what_is_shadowed_are_shown(loaded: Kernel, folder: Path) -> None:
    add(folder / "given", "log-analyzer")
    shown = html(loaded.run("%conjure use --skills ./given\n%conjure skills"))
    assert "Shadowed" in shown
    assert f"given: {os.path.realpath(folder)}/given/log-analyzer" in shown
    assert "bundled" in shown
    assert "(shadowed)" not in shown, "told once"


def test_allowed_tools_are_shown_and_said_to_grant_nothing(loaded: Kernel, folder: Path) -> None:
    add(folder / "s", "wishes", "allowed-tools: Bash(git add:*), <b>Read</b>")
    assert "allowed-tools" not in html(loaded.run("%conjure skills"))
    shown = html(loaded.run("%conjure use --skills ./s\n%conjure skills"))
    assert "Bash(git add:*)" in shown
    assert "&lt;b&gt;Read&lt;/b&gt;" in shown
    assert "grants nothing by itself" in shown


def test_a_reload_tells_what_was_added_removed_changed_and_broken(loaded: Kernel, folder: Path) -> None:
    for name in ("stays", "goes", "changes", "breaks"):
        add(folder / "s", name)
    loaded.run("%conjure use --skills ./s\n%conjure skills")
    add(folder / "s", "comes")
    shutil.rmtree(folder / "s" / "goes")
    add(folder / "s", "changes", "license: MIT")
    (folder / "s" / "breaks" / "SKILL.md").write_text("no front matter")
    shown = html(loaded.run("%conjure skills --reload"))
    assert "added: comes; removed: goes; changed: changes; broken: breaks" in shown
    assert "breaks can no longer be loaded; its last good state is kept" in shown
