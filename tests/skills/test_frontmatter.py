"""Front matter: where it ends, what is corrected, how much of a file is read."""

from __future__ import annotations

import contextlib
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.errors import FrontMatterError, SkillError
from conjure_magic.skills import find_skill_md, parse_frontmatter
from conjure_magic.skills.frontmatter import MAX_HEAD, load_head, parse_head, quote_plain_values

HEAD = "---\nname: a\ndescription: b\n---\n"


def codes(text: str) -> list[str]:
    return [finding.code for finding in parse_head(text.encode(), complete=True).findings]


def test_fields_and_body_come_apart() -> None:
    assert parse_frontmatter(HEAD + "\n# Title\n\nText.\n") == ({"name": "a", "description": "b"}, "# Title\n\nText.")


def test_front_matter_closes_only_at_a_line_of_its_own() -> None:
    fields, body = parse_frontmatter("---\ndescription: a --- b\nlicense: c\n---\nbody --- more")
    assert fields == {"description": "a --- b", "license": "c"}
    assert body == "body --- more"


def test_an_indented_line_of_dashes_closes_nothing() -> None:
    with pytest.raises(SkillError, match="not closed"):
        parse_frontmatter("---\nname: a\n  ---\nbody")


@pytest.mark.parametrize("ending", ["---", "--- \t", "---\r\n", "---\n"])
def test_the_closing_line_may_end_the_file_or_hold_blanks(ending: str) -> None:
    assert parse_frontmatter(f"---\nname: a\n{ending}")[0] == {"name": "a"}


def test_crlf_reads_like_lf() -> None:
    assert parse_frontmatter(HEAD.replace("\n", "\r\n") + "x\r\ny")[0] == {"name": "a", "description": "b"}


def test_values_stay_text() -> None:
    text = "---\nname: 123\nmetadata:\n  version: 1.0\n  stable: on\n---\n"
    assert parse_frontmatter(text)[0] == {"name": "123", "metadata": {"version": "1.0", "stable": "on"}}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("# no front matter", "no-frontmatter"),
        ("", "no-frontmatter"),
        ("--- name: a\n---\n", "no-frontmatter"),
        ("---\nname: a\n", "unclosed-frontmatter"),
        ("---\n- a\n---\n", "not-a-map"),
        ("---\n---\n", "not-a-map"),
        ("---\nname: a\n}: b\n---\n", "bad-yaml"),
    ],
)
def test_what_cannot_be_read_has_a_code(text: str, code: str) -> None:
    with pytest.raises(FrontMatterError) as error:
        parse_head(text.encode(), complete=True)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\ufeff" + HEAD, "leading-text"),
        ("\n \n" + HEAD, "leading-text"),
        ("---\nname: a\nname: b\n---\n", "duplicate-key"),
        ("---\nname: a: b\n---\n", "repaired"),
        ("---\nname: a\x00\x1bb\n---\n", "control-characters"),
    ],
)
def test_repairs_are_reported(text: str, code: str) -> None:
    assert code in codes(text)


def test_bytes_that_are_not_utf_8_are_replaced_and_reported() -> None:
    front = parse_head(b"---\nname: caf\xe9\n---\n", complete=True)
    assert front.fields == {"name": "caf\N{REPLACEMENT CHARACTER}"}
    assert [finding.code for finding in front.findings] == ["encoding"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Use when: asked", "Use when: asked"),
        ("it's so: 'quoted' inside", "it's so: 'quoted' inside"),
        ("first: line\n  goes on\n  and on", "first: line goes on and on"),
        ("@handle: x", "@handle: x"),
        ("a #tag: b", "a #tag: b"),
        ("tab:\there: x", "tab:  here: x"),
        ('"half: quoted', '"half: quoted'),
    ],
)
def test_values_that_want_quotes_are_read_as_they_were_meant(line: str, value: str) -> None:
    fields, _ = parse_frontmatter(f"---\nname: a\ndescription: {line}\nlicense: MIT: expat\n---\n")
    assert fields == {"name": "a", "description": value, "license": "MIT: expat"}


def test_a_repair_leaves_blocks_lists_and_nested_fields_alone() -> None:
    text = "a: |\n  b: c: d\nlist: [x, y]\nmetadata:\n  v: 1: 2\nq: 'it''s'\nd: e: f"
    fields, _ = parse_frontmatter(f"---\n{text}\n---\n")
    assert fields == {
        "a": "b: c: d\n",
        "list": ["x", "y"],
        "metadata": {"v": "1: 2"},
        "q": "it's",
        "d": "e: f",
    }


def test_a_line_of_blanks_without_end_takes_no_time_without_end() -> None:
    """The repair's pattern once backtracked over every blank."""
    assert quote_plain_values("a: b" + " " * 60_000 + "c: d").startswith("a: 'b ")


@given(st.text(alphabet="abc:-'\"#[]{}|>&*!%@ \t\n\r\ufeff\x00é", max_size=80) | st.text(max_size=80))
def test_any_text_is_read_or_refused_with_a_code(text: str) -> None:
    for whole in (text, f"---\n{text}\n---\n"):
        data = whole.encode("utf-8", "replace")
        try:
            front = parse_head(data, complete=True)
        except FrontMatterError as error:
            code = error.code
        else:
            code = "bad-yaml"
            assert data[: front.body_start].rstrip(b" \t\r\n").endswith(b"---")
        assert code in {"no-frontmatter", "unclosed-frontmatter", "bad-yaml", "not-a-map"}


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for whole in (data, b"---\n" + data + b"\n---\n"):
        with contextlib.suppress(FrontMatterError):
            parse_head(whole, complete=True)


def test_the_head_of_a_file_is_the_same_as_that_of_its_text(tmp_path: Path) -> None:
    """Wherever the first read cuts: before, inside and behind the closing line."""
    path = tmp_path / "SKILL.md"
    for padding in (*range(4_050, 4_075), 9_000):
        text = f"---\nname: a\ndescription: {'x' * padding}\n---\nbody --- here\n"
        path.write_text(text, encoding="utf-8")
        assert load_head(path).fields == parse_frontmatter(text)[0]


def test_a_first_read_that_ends_in_dashes_does_not_take_them_for_the_end(tmp_path: Path) -> None:
    path = tmp_path / "SKILL.md"
    start = "---\nname: a\nlicense: |\n"
    filler = "  " + "x" * (4_096 - len(start) - 6) + "\n"
    path.write_text(f"{start}{filler}---x: y\n---\n", encoding="utf-8")
    assert path.read_bytes()[:4_096].endswith(b"\n---")
    assert load_head(path).fields["---x"] == "y"


def test_no_more_is_read_than_front_matter_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "SKILL.md"
    path.write_text("---\nname: a\n" + "# filler\n" * MAX_HEAD + "---\n", encoding="utf-8")
    with pytest.raises(FrontMatterError, match="within 64 kB"):
        load_head(path)


def test_skill_md_goes_before_its_lowercase_name(tmp_path: Path) -> None:
    assert find_skill_md(tmp_path) is None
    (tmp_path / "skill.md").write_text(HEAD)
    assert find_skill_md(tmp_path) == tmp_path / "skill.md"
    (tmp_path / "SKILL.md").write_text(HEAD)
    assert find_skill_md(tmp_path) == tmp_path / "SKILL.md"


def test_a_folder_named_skill_md_is_none(tmp_path: Path) -> None:
    (tmp_path / "SKILL.md").mkdir()
    assert find_skill_md(tmp_path) is None


def test_of_a_long_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "SKILL.md"
    path.write_text(HEAD, encoding="utf-8")
    with path.open("r+b") as file:
        file.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    try:
        assert load_head(path).fields["name"] == "a"
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()
