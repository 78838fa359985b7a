"""Loading one skill: lenient about names, strict about what makes it useless."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conjure_magic.errors import SkillError, UsageError
from conjure_magic.skills import load_skill, load_skills
from conjure_magic.skills.skill import check_fields, check_name, split_allowed_tools

DATA = Path(__file__).parent.parent / "data" / "skills"


def write(folder: Path, head: str, body: str = "Body.\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(f"---\n{head}\n---\n{body}", encoding="utf-8")
    return folder


def test_a_full_skill_has_every_field() -> None:
    skill = load_skill(DATA / "valid" / "full")
    assert (skill.name, skill.license, skill.scope) == ("full", "MIT", "given")
    assert skill.description == "Holds every field of the specification, in a folded description."
    assert skill.metadata == {"version": "1.0", "stable": "on"}
    assert skill.allowed_tools == ("Bash(git:*)", "Read", "Bash(python scripts/run.py *)")
    assert skill.directory == (DATA / "valid" / "full").resolve()
    assert skill.location == skill.directory / "SKILL.md"
    assert skill.findings == ()


def test_a_skill_is_found_by_its_folder_or_its_file() -> None:
    folder = DATA / "valid" / "minimal"
    assert load_skill(folder) == load_skill(str(folder / "SKILL.md"))


def test_the_body_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    skill = load_skill(write(tmp_path / "a", "name: a\ndescription: b", "first\n"))
    write(tmp_path / "a", "name: a\ndescription: b", "second --- third\n")
    assert skill.read_body() == "second --- third"
    (tmp_path / "a" / "SKILL.md").unlink()
    with pytest.raises(SkillError, match="cannot read"):
        skill.read_body()


@pytest.mark.parametrize(
    ("folder", "name", "codes"),
    [
        ("colon", "colon", {"repaired"}),
        (
            "other-folder",
            "Not_The-Folder--s",
            {"name-case", "name-characters", "name-double-hyphen", "name-mismatch", "unknown-field"},
        ),
        ("no-name", "no-name", {"missing-name"}),
        ("blank-start", "blank-start", {"leading-text"}),
        ("技能", "技能", set()),
    ],
)
def test_odd_skills_are_loaded_with_findings(folder: str, name: str, codes: set[str]) -> None:
    skill = load_skill(DATA / "lenient" / folder)
    assert skill.name == name
    assert {finding.code for finding in skill.findings} == codes
    assert all(finding.path == skill.location and finding.level == "warning" for finding in skill.findings)


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("no-description", "missing-description"),
        ("no-frontmatter", "no-frontmatter"),
        ("unclosed", "unclosed-frontmatter"),
        ("not-yaml", "bad-yaml"),
        ("a-list", "not-a-map"),
    ],
)
def test_useless_skills_are_refused_with_the_reason(folder: str, code: str) -> None:
    with pytest.raises(SkillError, match=rf"\({code}\)"):
        load_skill(DATA / "broken" / folder)


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_folder_without_a_skill_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(SkillError, match=r"not a folder|has no SKILL\.md"):
        load_skill(tmp_path / path)


def test_composed_and_decomposed_names_are_the_same(tmp_path: Path) -> None:
    skill = load_skill(write(tmp_path / "cafe\u0301", "name: caf\u00e9\ndescription: b"))
    assert skill.name == "caf\u00e9"
    assert skill.findings == ()


def test_fields_of_the_wrong_kind_are_findings_and_count_as_absent(tmp_path: Path) -> None:
    head = "name: a\ndescription: b\nlicense: [x]\ncompatibility: {y: z}\nmetadata: text"
    skill = load_skill(write(tmp_path / "a", head))
    assert (skill.license, skill.compatibility, skill.metadata) == ("", "", {})
    assert [finding.code for finding in skill.findings] == ["license-type", "compatibility-type", "metadata-type"]


def test_a_skill_md_that_links_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("---\nname: a\ndescription: b\n---\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "SKILL.md").symlink_to(secret)
    with pytest.raises(SkillError, match="link-outside"):
        load_skill(tmp_path / "a")


def test_a_body_without_end_is_refused(tmp_path: Path) -> None:
    skill = load_skill(write(tmp_path / "a", "name: a\ndescription: b"))
    with skill.location.open("r+b") as file:
        file.truncate(5 * 1024 * 1024)
    with pytest.raises(SkillError, match="larger than 4 MB"):
        skill.read_body()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_skill_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "name: a\ndescription: b")
    (folder / "SKILL.md").chmod(0)
    with pytest.raises(SkillError, match="unreadable"):
        load_skill(folder)


@pytest.mark.parametrize(
    ("name", "directory", "codes"),
    [
        ("a-b1", "a-b1", []),
        ("мой-навык", "мой-навык", []),
        ("", "x", ["missing-name"]),
        ("a" * 65, "a" * 65, ["name-too-long"]),
        ("A", "A", ["name-case"]),
        ("Навык", "Навык", ["name-case"]),
        ("-a", "-a", ["name-edge-hyphen"]),
        ("a-", "a-", ["name-edge-hyphen"]),
        ("a--b", "a--b", ["name-double-hyphen"]),
        ("a b", "a b", ["name-characters"]),
        ("../a", "../a", ["name-characters"]),
        ("a", "b", ["name-mismatch"]),
    ],
)
def test_the_rules_for_names(name: str, directory: str, codes: list[str]) -> None:
    assert [code for code, _ in check_name(name, directory)] == codes


def test_the_rules_for_other_fields() -> None:
    fields = {"name": "a", "description": "x" * 1025, "compatibility": "y" * 501, "version": "1"}
    assert [code for code, _ in check_fields(fields)] == [
        "unknown-field",
        "description-too-long",
        "compatibility-too-long",
    ]
    assert check_fields({"description": "x" * 1024, "compatibility": "y" * 500}) == []


@pytest.mark.parametrize(
    "value",
    ["Bash(git add:*) Read", "Bash(git add:*), Read", ["Bash(git add:*)", "Read"], "Bash(git add:*),Read,"],
)
def test_allowed_tools_are_read_in_all_their_spellings(value: object) -> None:
    assert split_allowed_tools(value) == ("Bash(git add:*)", "Read")


@pytest.mark.parametrize(
    ("value", "tools"),
    [
        ("Bash(echo $(date) *), Read", ("Bash(echo $(date) *)", "Read")),
        ("Bash(git:*)\n  Read\tWrite\n", ("Bash(git:*)", "Read", "Write")),
        ("Bash(never closed, Read", ("Bash(never closed, Read",)),
        ("Read) Write", ("Read)", "Write")),
        (["Read, Write", "Grep Glob", ["not text"], {"nor": "this"}], ("Read", "Write", "Grep", "Glob")),
        ("", ()),
        ({"Bash": "git:*"}, ()),
        (None, ()),
    ],
)
def test_allowed_tools_are_split_outside_parentheses_alone(value: object, tools: tuple[str, ...]) -> None:
    assert split_allowed_tools(value) == tools


def test_allowed_tools_are_read_from_yaml_lists_too(tmp_path: Path) -> None:
    for spelling in ("[Bash(git:*), Read]", "\n  - Bash(git:*)\n  - Read", "Bash(git:*) Read", "'Bash(git:*),Read'"):
        folder = write(tmp_path / "a", f"name: a\ndescription: b\nallowed-tools: {spelling}")
        assert load_skill(folder).allowed_tools == ("Bash(git:*)", "Read")


def test_load_skills_takes_folders_of_skills_and_leaves_out_what_is_broken() -> None:
    assert [skill.name for skill in load_skills([DATA / "broken", DATA / "valid", DATA / "lenient" / "colon"])] == [
        "colon",
        "full",
        "minimal",
    ]
    assert [skill.name for skill in load_skills(str(DATA / "valid"))] == ["full", "minimal"]
    with pytest.raises(UsageError, match="does not exist"):
        load_skills(["nowhere"])
