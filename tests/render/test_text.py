"""Text as data, and the few words for sizes and times."""

from __future__ import annotations

import pytest

from conjure_magic.characters import clean, exact, printed
from conjure_magic.render.text import count, json_safe, one_line, shorten, size_words, time_words


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


def test_a_shortened_text_has_both_ends_and_says_how_much_is_left_out() -> None:
    text = shorten("a" * 600 + "b" * 600, 90)
    assert text == "a" * 60 + "\n… 1,110 characters left out here …\n" + "b" * 30
    assert shorten("a" * 90, 90) == "a" * 90


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (99, "99 B"),
        (200, "0.2 kB"),
        (1_400, "1.4 kB"),
        (512_000, "512 kB"),
        (1_400_000, "1.4 MB"),
        (3e12, "3.0 TB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    assert size_words(int(size)) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.44, "9.4 s"), (65, "1 min 05 s"), (7300, "2 h 01 min")]
)
def test_times(seconds: float, words: str) -> None:
    assert time_words(seconds) == words


def test_counts() -> None:
    assert [count(n, "file") for n in (0, 1, 2000)] == ["0 files", "1 file", "2,000 files"]


def test_data_keep_what_can_be_sent() -> None:
    data = {"a": ["ü", 1, 1.5, True, None, ("x",)], "b\ud800": "c\ud800"}
    assert json_safe(data) == {"a": ["ü", 1, 1.5, True, None, ["x"]], "b?": "c?"}
