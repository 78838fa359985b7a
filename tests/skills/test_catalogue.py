"""The catalogue: well-formed XML whatever the skills say, in a fixed order, capped aloud."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.skills.catalogue import CatalogueEntry, entries_of, fit_catalogue, render_catalogue
from conjure_magic.skills.skill import Skill


def skill(name: str, description: str = "does something", directory: str = "/s") -> Skill:
    return Skill(name, description, directory)


def parsed(text: str) -> list[dict[str, str]]:
    block = text[text.index("<available_skills>") : text.rindex("</available_skills>") + len("</available_skills>")]
    return [{child.tag: child.text or "" for child in entry} for entry in ElementTree.fromstring(block)]


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=40)), min_size=1, max_size=4))
def test_any_text_makes_well_formed_xml_that_says_the_same(pairs: list[tuple[str, str]]) -> None:
    entries = parsed(render_catalogue([skill(*pair) for pair in pairs], limit=10**9))
    forbidden = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
    clean = [
        tuple(forbidden.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n") for text in pair)
        for pair in pairs
    ]
    assert sorted((entry["name"], entry["description"]) for entry in entries) == sorted(clean)


def test_skills_come_by_name_with_their_locations_as_commands_see_them() -> None:
    text = render_catalogue([skill("b"), skill("a"), skill("hidden")], {"a": "/skills/<a>", "b": "/skills/b"})
    assert parsed(text) == [
        {"name": "a", "description": "does something", "location": "/skills/<a>/SKILL.md"},
        {"name": "b", "description": "does something", "location": "/skills/b/SKILL.md"},
    ]
    assert text == render_catalogue([skill("hidden"), skill("a"), skill("b")], {"b": "/skills/b", "a": "/skills/<a>"})


def test_the_instructions_say_how_to_use_a_skill() -> None:
    assert re.search(r"read its SKILL\.md with the `view` tool", render_catalogue([skill("a")]))


def test_no_skills_make_no_text() -> None:
    assert render_catalogue([]) == ""
    assert render_catalogue([skill("a")], {}) == ""


def test_long_descriptions_are_shortened_alike_and_short_ones_kept() -> None:
    long = [skill(f"long-{n}", "word " * 200) for n in range(30)]
    text = render_catalogue([skill("short", "kept as it is"), *long], limit=8_000)
    entries = {entry["name"]: entry["description"] for entry in parsed(text)}
    assert entries["short"] == "kept as it is"
    lengths = {len(description) for name, description in entries.items() if name != "short"}
    assert len(entries) == 31
    assert max(lengths) - min(lengths) <= 1
    assert "30 descriptions shortened" in text
    assert len(text) < 9_500


def test_what_has_no_room_at_all_is_counted_aloud() -> None:
    text = render_catalogue([skill(f"s-{n:03}", "x" * 50) for n in range(200)], limit=5_000)
    listed = len(parsed(text))
    assert 0 < listed < 200
    assert f"{200 - listed} further skills did not fit" in text


def test_no_room_for_anything_is_not_silence() -> None:
    assert "1 further skill did not fit" in render_catalogue([skill("a")], limit=10)


@given(st.lists(st.text(max_size=300), max_size=12), st.integers(0, 3_000))
def test_fitting_keeps_to_the_limit_and_accounts_for_everything(descriptions: list[str], limit: int) -> None:
    entries = [CatalogueEntry(f"n{index}", text, f"/{index}") for index, text in enumerate(descriptions)]
    fitted = fit_catalogue(entries, limit)
    assert sum(len(entry.render()) + 1 for entry in fitted.entries) <= limit
    assert [entry.name for entry in fitted.entries] + list(fitted.omitted) == [entry.name for entry in entries]
    assert fitted.shortened == sum(new != old for new, old in zip(fitted.entries, entries, strict=False))


def test_entries_point_to_the_file_that_was_found() -> None:
    lower = Skill("a", "b", "/s/a", "skill.md")
    assert entries_of([lower])[0].location == "/s/a/skill.md"
