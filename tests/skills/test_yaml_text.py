"""YAML whose scalars stay text, and that cannot blow up."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conjure_magic.skills.yaml_text import YamlTextError, parse_simple, parse_with_library, parse_yaml_text


@pytest.mark.parametrize(
    "scalar", ["1.0", "on", "123", "null", "~", "2024-01-01", "0x10", "!!python/object:os.system x"]
)
def test_scalars_stay_the_text_that_was_written(scalar: str) -> None:
    value, _ = parse_yaml_text(f"key: {scalar}")
    assert value == {"key": scalar.removeprefix("!!python/object:os.system ")}


def test_lists_and_maps_nest() -> None:
    value, _ = parse_yaml_text("a: [x, {b: y}]\nc:\n  - d: >-\n      e\n      f\n")
    assert value == {"a": ["x", {"b": "y"}], "c": [{"d": "e f"}]}


def test_keys_given_twice_are_told_and_the_last_counts() -> None:
    assert parse_yaml_text("a: 1\nb: 2\na: 3") == ({"a": "3", "b": "2"}, ["a"])


def test_aliases_stand_for_their_anchor() -> None:
    assert parse_yaml_text("a: &x [1, 2]\nb: *x")[0] == {"a": ["1", "2"], "b": ["1", "2"]}


LAUGHS = "\n".join(
    ["l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
)
LONG = f"a: &x {'x' * 30_000}\nb: [{', '.join(['*x'] * 4_000)}]"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LAUGHS, "more values"),
        (LONG, "more values"),
        ("a: &x [*x]", "no finished anchor"),
        ("a: *nowhere", "(no finished anchor|undefined alias)"),
        ("a: " + "[" * 500, "nested deeper"),
        ("- " * 30_000, "nested deeper"),
        ("a: " + "{b: " * 20_000, "nested deeper"),
        ("a: 1\n---\nb: 2", "more than one"),
        ("? [a]\n: b", "key must be text"),
        ("a: b: c", "line 2"),
    ],
)
def test_what_is_hostile_or_no_yaml_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(YamlTextError, match=complaint) as error:
        parse_yaml_text(text)
    assert "\n" not in str(error.value)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t\\", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    complaint = ""
    try:
        parse_yaml_text(text)
    except YamlTextError as error:
        complaint = str(error)
    assert "\n" not in complaint


LETTERS = "abcXYZ019 :#-_,.'\"()[]{}&*!|>%@`~?=<$é—“技\u0085\u2028\ufeff\x07\t\r"
LINES = st.builds(
    "{}{}:{}{}".format,
    st.sampled_from(["", "  ", "   ", "- "]),
    st.sampled_from(["a", "b", "name", "a-b", "on", "1", "a b", "é"]),
    st.sampled_from([" ", "", "  ", "\t"]),
    st.text(alphabet=LETTERS, max_size=12),
)
BLOCKS = st.builds(
    "{}:{}{}\n{}".format,
    st.sampled_from(["a", "b", "name"]),
    st.sampled_from([" ", "  "]),
    st.sampled_from([">", ">-", "|", "|-", ">+"]),
    st.lists(
        st.builds("{}{}".format, st.sampled_from(["  ", "   ", " "]), st.text(LETTERS, max_size=12)), max_size=4
    ).map("\n".join),
)


@given(st.lists(LINES | BLOCKS, max_size=5).map(lambda lines: "".join(f"{line}\n" for line in lines)))
@example("a: b:\n")
@example("a: b #c\n")
@example("a: b\n  c: d\n")
@example("a:\n  b: c\nd: e\n")
@example("a: b\na: c\n")
@example("a:\n  b: c\n  b: d\n")
@example("a: b\x85c: d\n")
@example("a: 'b: #c' \n")
@example('a: ""\n  b: c\n')
@example("a: 'b''c'\n")
@example('a: "b\\nc"\n')
@example('a: "b" c\n')
@example("a: >-\n  b: c\n  'd' #e\nf: g\n")
@example("a: >\n  b\n   c\n  d\n")
@example("a: |\n  b\n  c\n")
@example("a: >-\n  b \n  c\n")
@example("a:\n  b: >-\n    c\n")
@settings(max_examples=1_000)
def test_what_is_read_without_the_library_means_the_same_to_it(text: str) -> None:
    simple = parse_simple(text)
    if simple is not None:
        assert parse_with_library(text) == (simple, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "name: a-b\ndescription: Does it, (well) at 10:30 or a#b.\n",
            {"name": "a-b", "description": "Does it, (well) at 10:30 or a#b."},
        ),
        (
            "metadata:\n  version: 1.0\n  on: yes \nlicense: MIT\n",
            {"metadata": {"version": "1.0", "on": "yes"}, "license": "MIT"},
        ),
        (
            "description: >-\n  Reads: all of it,\n  # and more.\nname: a\ncompatibility: |\n  b\n  'c'\n",
            {"description": "Reads: all of it, # and more.", "name": "a", "compatibility": "b\n'c'\n"},
        ),
    ],
)
def test_usual_front_matter_needs_no_library(text: str, value: object) -> None:
    assert parse_simple(text) == value
