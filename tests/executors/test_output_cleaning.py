"""Terminal bytes become plain text, the same however they are split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.executors.output_cleaning import STRING_LIMIT, PlainText, visible


def plain(*pieces: bytes) -> str:
    stream = PlainText()
    return "".join([*map(stream.feed, pieces), stream.end()])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b[38;2;1;2;3mrgb\x1b[m", "rgb"),
        (b"\x1b[2J\x1b[H\x1b[?25lhidden cursor\x1b[?25h", "hidden cursor"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://example.org/\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b]52;c;c2VjcmV0\x07clipboard", "clipboard"),
        (b"\x1bPq#0;2;0;0;0#0~~@@\x1b\\sixel", "sixel"),
        (b"\x1b_kitty\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\x", "x"),
        (b"\x1b(B\x1b)0\x1b=\x1b>\x1b7\x1b8\x1bcreset", "reset"),
        ("\x9b31mred\x9b0m \x9d0;title\x9cx".encode(), "red x"),
        (b"bell\x07", "bell"),
        (b"form\x0cfeed\x0bend", "form\nfeed\nend"),
        (b"a\r\nb\r\r\nc", "a\nb\nc"),
        (b"10%\r\r20%", "10%\r20%"),
        (b"nul\x00 esc\x1b", "nul\u2400 esc\u241b"),
        (b"del\x7f", "del\u2421"),
        ("c1\x85\x86".encode(), "c1\ufffd\ufffd"),
        ("a\u202eb\u2066c".encode(), "a⟨U+202E⟩b⟨U+2066⟩c"),
        ("tag\U000e0041".encode(), "tag⟨U+E0041⟩"),
        ("\u200fעברית".encode(), "\u200fעברית"),
        (b"\xff\xc3(", "\ufffd\ufffd("),
        ("é😀".encode(), "é😀"),
        (b"\x1b\x1b[31m[31m", "\u241b[31m"),
    ],
)
def test_what_becomes_of(data: bytes, text: str) -> None:
    assert plain(data) == text
    assert plain(*(bytes([byte]) for byte in data)) == text, "byte by byte"


def test_overstrikes_are_undone_within_one_piece() -> None:
    """As old manual pages print bold and underlined."""
    assert plain(b"N\x08NA\x08A_\x08M and abc\x08\x08\x08xyz") == "NAM and xyz"


SEQUENCES = [b"\x1b[31m", b"\x1b[K", b"\x1b]0;t\x07", b"\x1b]8;;u\x1b\\", b"\x1bP", "\x9b1m\x9d".encode()]
FRAGMENTS = [
    b"\x1b",
    b"[",
    b"]",
    b"\\",
    b"31m",
    b"\r",
    b"\n",
    b"a",
    b"\x07",
    b"\x00",
    b"\x9b",
    b"\xff",
    "é\u202e".encode(),
]
PIECES = st.sampled_from([*SEQUENCES, *FRAGMENTS])


@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 100), max_size=6))
def test_splitting_changes_nothing(data: bytes, cuts: list[int]) -> None:
    """Overstrikes apart, which are undone only within one piece."""
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert plain(*pieces) == plain(data)


@given(st.binary(max_size=300))
def test_nothing_that_a_terminal_obeys_is_left(data: bytes) -> None:
    text = plain(data)
    obeyed = {chr(code) for code in (*range(9), *range(11, 13), *range(14, 32), *range(127, 160))}
    assert not (obeyed | set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")) & set(text)


def test_an_endless_string_hides_no_more_than_its_limit() -> None:
    """Printing a binary file may open one by chance; what follows must not be swallowed for ever."""
    text = plain(b"\x1b]0;" + b"x" * (STRING_LIMIT + 100) + b"\nvisible")
    assert text.endswith("xxx\nvisible")


def test_what_waits_is_bounded() -> None:
    """Fed for ever, an unfinished sequence is given up."""
    stream = PlainText()
    out = sum(len(stream.feed(b"\x1b]" + b"y" * 1000 if n == 0 else b"y" * 1000)) for n in range(50))
    assert out > 40_000


def test_visible_keeps_the_text_and_shows_the_rest() -> None:
    assert visible("a\tb\r\nc\x1b[31m\u202e\ud800\x00") == "a\tb\r\nc\u241b[31m⟨U+202E⟩\ufffd\u2400"
    assert visible("ordinary é") == "ordinary é"
