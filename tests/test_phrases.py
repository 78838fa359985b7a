from __future__ import annotations

import pytest

from conjure_magic.phrases import counted, duration, file_size, joined, shortened


def test_shortened_text_keeps_both_ends_and_says_how_much_is_left_out() -> None:
    text = shortened("a" * 600 + "b" * 600, 90)
    assert text == "a" * 60 + "\n… 1,110 characters left out here …\n" + "b" * 30
    assert shortened("a" * 90, 90) == "a" * 90


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
    assert file_size(int(size)) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.44, "9.4 s"), (65, "1 min 05 s"), (7300, "2 h 01 min")]
)
def test_times(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_counts() -> None:
    assert [counted(n, "file") for n in (0, 1, 2000)] == ["0 files", "1 file", "2,000 files"]


@pytest.mark.parametrize(
    ("noun", "plural"),
    [("entry", "entries"), ("day", "days"), ("process", "processes"), ("match", "matches"), ("box", "boxes")],
)
def test_plurals(noun: str, plural: str) -> None:
    assert (counted(1, noun), counted(2, noun)) == (f"1 {noun}", f"2 {plural}")


def test_lists() -> None:
    assert [joined(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert joined(["a", "b"], "or") == "a or b"
