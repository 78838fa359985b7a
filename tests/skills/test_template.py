"""A new skill: valid from the start, its script runs, its name is a name and no path."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import EXAMPLES

from conjure_magic.errors import SkillError
from conjure_magic.skills import load_skill, new_skill, pack, unpack, validate


@pytest.mark.parametrize("name", ["word-count", "on", "123", "2024-99-99", "1e3", "null", "y", "技能", "мой-навык"])
def test_a_new_skill_breaks_no_rule_and_is_loaded(tmp_path: Path, name: str) -> None:
    folder = new_skill(name, tmp_path / "made" / "on the way")
    assert folder == tmp_path / "made" / "on the way" / name
    assert [finding.code for finding in validate(folder)] == ([] if name.isascii() else ["name-ascii"])
    skill = load_skill(folder)
    assert (skill.name, skill.findings) == (name, ())
    head = (folder / "SKILL.md").read_text(encoding="utf-8").split("---")[1]
    assert yaml.safe_load(head)["name"] == name, "text to a reader that knows numbers and dates, too"


def test_its_commands_run_as_they_are_documented(tmp_path: Path) -> None:
    folder = new_skill("word-count", tmp_path)
    (tmp_path / "text.txt").write_text("one two\nthree é\n", encoding="utf-8")
    body = load_skill(folder).read_body()
    commands = [line for line in body.splitlines() if line.startswith("python ")]
    assert len(commands) == 2
    for command in commands:
        words = [sys.executable, *command.replace("FILE", str(tmp_path / "text.txt")).split()[1:]]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        if "--json" in command:
            assert list(json.loads(done.stdout).values()) == [{"lines": 2, "words": 4, "characters": 16}]
        else:
            assert done.stdout.endswith("2 lines, 4 words, 16 characters\n")
    done = subprocess.run(
        [sys.executable, "scripts/count.py", "gone"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "count.py: error: gone: No such file or directory")


def test_it_can_be_packed_at_once(tmp_path: Path) -> None:
    package = pack(new_skill("word-count", tmp_path), tmp_path)
    assert package.entries == ("SKILL.md", "references/counting.md", "scripts/count.py")
    assert validate(unpack(package.path, tmp_path)) == ()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(SkillError, match="already exists"):
        new_skill("a", tmp_path)
    new_skill("b", tmp_path)
    with pytest.raises(SkillError, match="already exists"):
        new_skill("b", tmp_path)
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["", "  ", "..", ".", "a/b", "/a", "A", "a_b", "a b", "-a", "a--b", "a" * 65, "a\0", "~"]
)
def test_a_name_that_breaks_a_rule_makes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(SkillError, match=r"\((name-|missing-name)"):
        new_skill(name, tmp_path / "skills")
    assert not (tmp_path / "skills").exists()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_any_name_makes_one_valid_folder_or_nothing(tmp_path: Path, examples: int) -> None:
    letters = st.text(st.sampled_from("abz019-é技кﬁ²İßＡ"), min_size=1, max_size=8)
    text = st.text(max_size=6) | st.text(alphabet="./\\~-aA:\0 ", max_size=6)
    made: set[str] = set()

    @settings(max_examples=examples)
    @given(letters | letters | text)
    def check(name: str) -> None:
        try:
            folder = new_skill(name, tmp_path / "skills")
        except SkillError:
            return
        made.add(folder.name)
        assert folder.parent == tmp_path / "skills"
        assert [finding for finding in validate(folder) if finding.level == "error"] == []

    check()
    assert len(made) > examples // 100
    assert {path.name for path in (tmp_path / "skills").iterdir()} == made
    assert [path.name for path in tmp_path.iterdir()] == ["skills"]
