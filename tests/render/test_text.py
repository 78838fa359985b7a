"""Text as data, and the few words for sizes and times."""

from __future__ import annotations

import pytest

from conjure_magic.characters import clean, exact, printed
from conjure_magic.render.text import json_safe, one_line


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://x.example/\x1b\\link", "␛]8;;https://x.example/␛\\link"),
        ("\x1b]0;never ends", "␛]0;never ends"),
        ("a\x07b\x00", "a␇b␀"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\u202eabc", "‹U+202E›abc"),
        ("\ud800", "‹U+D800›"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("👩\u200d🔬 \u200f", "👩\u200d🔬 \u200f"),
    ],
)
def test_prose_loses_what_drives_a_terminal_and_keeps_what_scripts_need(given: str, shown: str) -> None:
    assert clean(given) == shown


def test_exact_text_shows_every_invisible_character() -> None:
    assert exact("a\u200bb\ufeff\u00ad\u2028") == "a‹U+200B›b‹U+FEFF›‹U+00AD›‹U+2028›"


def test_exact_text_deletes_nothing() -> None:
    assert exact("a\x1b[31mb\r\nc\x1b]0;x\x07") == "a␛[31mb␍\nc␛]0;x␇"


def test_what_a_program_printed_loses_its_colours_and_keeps_its_plots() -> None:
    assert printed("\x1b[31mred\x1b[0m \u2800\u28ff ⚠\ufe0f \u200b\r\n\x1b]0;x\x07") == (
        "red \u2800\u28ff ⚠\ufe0f ‹U+200B›\n␛]0;x␇"
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a  b\tc", "a b c"), ("a\nb", "a …"), ("abcdefghij", "abcd…"), ("", ""), ("abcde", "abcde")],
)
def test_one_line_says_that_there_is_more(given: str, shown: str) -> None:
    assert one_line(given, 5) == shown


def test_data_keep_what_can_be_sent() -> None:
    data = {"a": ["ü", 1, 1.5, True, None, ("x",)], "b\ud800": "c\ud800"}
    assert json_safe(data) == {"a": ["ü", 1, 1.5, True, None, ["x"]], "b?": "c?"}
