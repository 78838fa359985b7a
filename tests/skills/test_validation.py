"""Strict checking: each rule by its code, all of them together, from the parser that loads leniently."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import EXAMPLES

from conjure_magic.errors import SkillError
from conjure_magic.skills import Finding, validate
from conjure_magic.skills.discovery import BUNDLED
from conjure_magic.skills.findings import errors
from conjure_magic.skills.frontmatter import MAX_FILE, MAX_HEAD
from conjure_magic.skills.skill import load_skill
from conjure_magic.skills.validation import ADVICE, MAX_BODY_LINES, MAX_LINKS, RULES, find_skills

DATA = Path(__file__).parent.parent / "data" / "skills"
NAME, DESCRIPTION = "name: a", "description: b"


def write(folder: Path, *head: str, body: str = "Body.\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = "---\n" + "".join(f"{line}\n" for line in head) + f"---\n{body}"
    (folder / "SKILL.md").write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder


def codes(path: Path, level: str = "error") -> list[str]:
    return [finding.code for finding in validate(path) if finding.level == level]


@pytest.mark.parametrize(("folder", "advice"), [("minimal", []), ("full", ["allowed-tools-form"])])
def test_a_valid_skill_breaks_no_rule(folder: str, advice: list[str]) -> None:
    for path in (DATA / "valid" / folder, DATA / "valid" / folder / "SKILL.md"):
        assert codes(path) == []
        assert codes(path, "warning") == advice


def test_the_bundled_skills_keep_every_rule() -> None:
    skills = find_skills(BUNDLED)
    assert skills
    for skill in skills:
        assert errors(validate(skill)) == ()


BROKEN = {
    "leading-text": ["\ufeff"],
    "bad-yaml": [NAME, DESCRIPTION, "}: x"],
    "repaired": [NAME, "description: Use when: asked"],
    "control-characters": [NAME, "description: a\x1bb"],
    "duplicate-key": [NAME, DESCRIPTION, DESCRIPTION],
    "not-a-map": ["- a"],
    "unknown-field": [NAME, DESCRIPTION, "version: 1"],
    "missing-name": [DESCRIPTION],
    "name-type": ["name:\n  - a", DESCRIPTION],
    "name-too-long": [f"name: {'a' * 65}", DESCRIPTION],
    "name-case": ["name: A", DESCRIPTION],
    "name-edge-hyphen": ["name: a-", DESCRIPTION],
    "name-double-hyphen": ["name: a--b", DESCRIPTION],
    "name-characters": ["name: a_b", DESCRIPTION],
    "name-mismatch": ["name: other", DESCRIPTION],
    "missing-description": [NAME],
    "description-type": [NAME, "description:\n  - b"],
    "description-too-long": [NAME, f"description: {'x' * 1025}"],
    "compatibility-type": [NAME, DESCRIPTION, "compatibility:\n  - x"],
    "compatibility-too-long": [NAME, DESCRIPTION, f"compatibility: {'x' * 501}"],
    "encoding": [NAME, "description: caf\udce9"],
    "restricted-yaml": [NAME, DESCRIPTION, "license: &x MIT"],
}


@pytest.mark.parametrize("code", sorted(BROKEN))
def test_each_rule_has_its_code(tmp_path: Path, code: str) -> None:
    name = BROKEN[code][0].removeprefix("name: ")
    folder = write(tmp_path / (name if code.startswith("name-") and code[5:] not in ("type", "mismatch") else "a"))
    head = BROKEN[code]
    if code == "leading-text":
        (folder / "SKILL.md").write_text(f"\ufeff---\n{NAME}\n{DESCRIPTION}\n---\nBody.\n", encoding="utf-8")
    else:
        write(folder, *head)
    assert codes(folder) == [code]
    assert all(finding.path == folder / "SKILL.md" for finding in validate(folder))


@pytest.mark.parametrize("blank", ["name:", "name: ''", "name: '  '", "name: |\n\n"])
def test_a_blank_name_or_description_is_a_missing_one(tmp_path: Path, blank: str) -> None:
    assert codes(write(tmp_path / "a", blank, DESCRIPTION)) == ["missing-name"]
    assert codes(write(tmp_path / "a", NAME, blank.replace("name", "description"))) == ["missing-description"]


def test_a_path_without_a_skill_has_its_codes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    assert codes(tmp_path / "nowhere") == ["not-found"]
    assert codes(tmp_path / "nowhere" / "SKILL.md") == ["not-found"]
    assert codes(tmp_path / "nul\0") == ["not-found"]
    assert codes(tmp_path / "file") == ["not-a-folder"]
    assert codes(tmp_path / "empty") == ["no-skill-md"]


def test_a_file_without_front_matter_has_its_codes(tmp_path: Path) -> None:
    file = write(tmp_path / "a") / "SKILL.md"
    for text, code in {
        "# Title\n": "no-frontmatter",
        f"---\n{NAME}\n{DESCRIPTION}\n  ---\n": "unclosed-frontmatter",
        f"---\n{NAME}\n{DESCRIPTION}\n{'# filler' * MAX_HEAD}\n---\n": "unclosed-frontmatter",
        f"---\n{NAME}\n{DESCRIPTION}\n---\n" + "x" * MAX_FILE: "too-large",
    }.items():
        file.write_text(text)
        assert codes(file) == [code]


def test_a_skill_md_that_links_out_of_its_folder_is_not_read(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret", NAME, "description: hush") / "SKILL.md"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "SKILL.md").symlink_to(secret)
    assert codes(tmp_path / "a") == ["link-outside"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", NAME, DESCRIPTION)
    (folder / "SKILL.md").chmod(0)
    assert codes(folder) == ["unreadable"]


def test_everything_that_is_wrong_is_reported_together(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "a", "name: -Bad--Name_", f"description: {'x' * 1025}", "compatibility: [x]", "extra: y", "extra: z"
    )
    assert sorted(codes(folder)) == [
        "compatibility-type",
        "description-too-long",
        "duplicate-key",
        "name-case",
        "name-characters",
        "name-double-hyphen",
        "name-edge-hyphen",
        "name-mismatch",
        "restricted-yaml",
        "unknown-field",
    ]


@pytest.mark.parametrize("name", ["技能", "мой-навык", "x" * 64, "123", "caf\u00e9"])
def test_names_in_any_script_of_letters_are_valid(tmp_path: Path, name: str) -> None:
    assert codes(write(tmp_path / name, f"name: {name}", DESCRIPTION)) == []


@pytest.mark.parametrize("name", ["МОЙ", "²x½", "a b", "a/b", "..", "a.b", "a😀"])
def test_and_nothing_else_is(tmp_path: Path, name: str) -> None:
    assert codes(write(tmp_path / "a", f"name: '{name}'", DESCRIPTION))


def test_composed_and_decomposed_names_are_the_same(tmp_path: Path) -> None:
    assert codes(write(tmp_path / "cafe\u0301", "name: caf\u00e9", DESCRIPTION)) == []


def test_lengths_are_code_points_and_a_literal_blocks_last_newline_counts(tmp_path: Path) -> None:
    assert codes(write(tmp_path / "a", NAME, f"description: {'é' * 1024}", f"compatibility: {'é' * 500}")) == []
    assert codes(write(tmp_path / "a", NAME, f"description: |\n  {'x' * 1023}")) == []
    assert codes(write(tmp_path / "a", NAME, f"description: |\n  {'x' * 1024}")) == ["description-too-long"]


@pytest.mark.parametrize("value", ["[x]", "{a: b}", "&a x", "!!str x", "!x y", "[]"])
def test_yaml_that_strict_parsers_refuse_is_reported(tmp_path: Path, value: str) -> None:
    assert codes(write(tmp_path / "a", NAME, DESCRIPTION, f"metadata:\n  key: {value}")) == ["restricted-yaml"]


def test_crlf_is_valid(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", NAME, DESCRIPTION)
    file = folder / "SKILL.md"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert validate(folder) == ()


def test_bytes_below_the_front_matter_must_be_utf_8_too(tmp_path: Path) -> None:
    assert codes(write(tmp_path / "a", NAME, DESCRIPTION, body="caf\udce9")) == ["encoding"]


ADVISED = {
    "dashes-inside": [NAME, "description: a --- b"],
    "license-type": [NAME, DESCRIPTION, "license:\n  - MIT"],
    "metadata-type": [NAME, DESCRIPTION, "metadata:\n  a:\n    - b"],
    "compatibility-empty": [NAME, DESCRIPTION, "compatibility:"],
    "allowed-tools-form": [NAME, DESCRIPTION, "allowed-tools: Read, Write"],
    "name-ascii": ["name: é", DESCRIPTION],
    "name-reserved": ["name: my-claude", DESCRIPTION],
    "description-markup": [NAME, "description: <b>x</b>"],
}


@pytest.mark.parametrize("code", sorted(ADVISED))
def test_advice_makes_nothing_invalid(tmp_path: Path, code: str) -> None:
    folder = write(tmp_path / ADVISED[code][0].removeprefix("name: "), *ADVISED[code])
    assert codes(folder, "warning") == [code]
    assert codes(folder) == []


def test_a_comma_inside_parentheses_is_no_separator(tmp_path: Path) -> None:
    assert validate(write(tmp_path / "a", NAME, DESCRIPTION, "allowed-tools: Bash(a, b) Read")) == ()


def test_a_lowercase_file_is_a_second_choice(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", NAME, DESCRIPTION)
    (folder / "SKILL.md").rename(folder / "skill.md")
    assert codes(folder, "warning") == ["file-name"]
    assert codes(folder) == []


@pytest.mark.parametrize("body", ["", "\n \n"])
def test_a_skill_without_instructions_is_reported(tmp_path: Path, body: str) -> None:
    assert codes(write(tmp_path / "a", NAME, DESCRIPTION, body=body), "warning") == ["empty-body"]


@pytest.mark.parametrize("body", ["x\n" * (MAX_BODY_LINES + 1), "x" * 20_001])
def test_a_long_body_is_reported(tmp_path: Path, body: str) -> None:
    assert codes(write(tmp_path / "a", NAME, DESCRIPTION, body=body), "warning") == ["long-body"]


def test_links_to_missing_files_are_reported(tmp_path: Path) -> None:
    body = """
    [there](references/a%20b.md#part) [web](https://example.org/x) [top](#x) [root](/etc/passwd) `[code](no.md)`
    [gone](references/gone.md) [out](../secret.md) [gone](references/gone.md) ![picture](<assets/no.png>)
    ```
    [in a fence](no.md)
    ```
    [odd](%00) [long](xxx)
    """.replace("    ", "").replace("xxx", "x" * 5_000)
    folder = write(tmp_path / "a", NAME, DESCRIPTION, body=body)
    (folder / "references").mkdir()
    (folder / "references" / "a b.md").write_text("x")
    (tmp_path / "secret.md").write_text("x")
    found = [finding.message.split("'")[1] for finding in validate(folder) if finding.code == "missing-file"]
    assert found[:3] == ["references/gone.md", "../secret.md", "assets/no.png"]
    assert len(found) == 5


def test_findings_on_links_are_bounded(tmp_path: Path) -> None:
    body = "".join(f"[x]({n}.md) " for n in range(1_000))
    assert len(validate(write(tmp_path / "a", NAME, DESCRIPTION, body=body))) == MAX_LINKS


def test_a_folder_of_skills_means_each_of_them(tmp_path: Path) -> None:
    b, a = (write(tmp_path / name, NAME, DESCRIPTION) for name in ("b", "a"))
    (tmp_path / "none").mkdir()
    assert find_skills(tmp_path) == (a, b)
    assert find_skills(a) == (a,)
    assert find_skills(tmp_path / "none") == (tmp_path / "none",)
    assert find_skills(tmp_path / "nowhere") == (tmp_path / "nowhere",)


LINE = st.sampled_from(
    [
        *(line for head in (*BROKEN.values(), *ADVISED.values()) for line in head),
        *("---", "  ---", "", "metadata:", "  a: b", "- x", "&a", "*a", "? k", "<<: *a", "a: |", "a: [", "\ufeff"),
    ]
) | st.text(max_size=20)
HEADS = st.lists(LINE, max_size=8).map("\n".join) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t\\\r\0é", max_size=60)
FILES = st.tuples(st.sampled_from(["---\n", "---\r\n", "", "\ufeff---\n"]), HEADS, st.sampled_from(["\n---\n", ""]))


def is_known(finding: Finding) -> bool:
    return finding.code in (RULES if finding.level == "error" else ADVICE)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_any_file_is_valid_or_breaks_known_rules_and_what_is_valid_is_loaded_as_it_is(
    tmp_path: Path, examples: int
) -> None:
    folder = write(tmp_path / "a")
    file = folder / "SKILL.md"

    @settings(max_examples=examples)
    @given(FILES.map("".join).map(lambda text: text.encode("utf-8", "surrogateescape")) | st.binary(max_size=200))
    def check(data: bytes) -> None:
        file.write_bytes(data)
        found = validate(folder)
        assert all(is_known(finding) and "\n" not in finding.message for finding in found)
        try:
            skill = load_skill(folder)
        except SkillError:
            skill = None
        assert skill is not None or errors(found), "what cannot be loaded breaks a rule"
        if skill is not None and not errors(found):
            assert (skill.name, bool(skill.description)) == ("a", True)
            assert {finding.code for finding in skill.findings} <= set(ADVICE)

    check()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_any_path_is_a_skill_or_breaks_known_rules(tmp_path: Path, examples: int) -> None:
    write(tmp_path / "a", NAME, DESCRIPTION)
    part = st.sampled_from(["a", "SKILL.md", "skill.md", "..", ".", "", "/", "~", "~nobody", "x" * 300])

    @settings(max_examples=examples)
    @given(st.lists(part | st.text(max_size=5), max_size=6).map("/".join))
    def check(path: str) -> None:
        assert all(is_known(finding) for finding in validate(f"{tmp_path}/{path}"))
        assert all(is_known(finding) for finding in validate(path))

    check()
