"""YAML whose scalars stay text, and that cannot blow up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.skills.yaml_text import YamlTextError, parse_yaml_text


@pytest.mark.parametrize(
    "scalar", ["1.0", "on", "123", "null", "~", "2024-01-01", "0x10", "!!python/object:os.system x"]
)
def test_scalars_stay_the_text_that_was_written(scalar: str) -> None:
    value, _ = parse_yaml_text(f"key: {scalar}")
    assert value == {"key": scalar.removeprefix("!!python/object:os.system ")}


def test_lists_and_maps_nest() -> None:
    value, _ = parse_yaml_text("a: [x, {b: y}]\nc:\n  - d: >-\n      e\n      f\n")
    assert value == {"a": ["x", {"b": "y"}], "c": [{"d": "e f"}]}


def test_duplicate_keys_are_reported_and_the_last_counts() -> None:
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
def test_usual_front_matter_means_what_it_looks_like(text: str, value: object) -> None:
    assert parse_yaml_text(text) == (value, [])
