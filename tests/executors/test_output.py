"""Head and tail, redrawn lines, masking: the pieces that output goes through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.executors.output import CommandOutput, Excerpt, Live, Redrawn
from conjure_magic.secrets import MASK, Masking, masked


def split(text: str, cuts: list[int]) -> list[str]:
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(st.lists(st.text("ab\né", max_size=30), max_size=30), st.integers(1, 20), st.integers(1, 20))
def test_an_excerpt_begins_and_ends_as_the_text_does(pieces: list[str], head: int, tail: int) -> None:
    """And what it leaves out is counted to the byte."""
    excerpt, text = Excerpt(head, tail), "".join(pieces)
    for piece in pieces:
        excerpt.add(piece)
    first, left_out, last = excerpt.kept()
    if len(text) <= head + tail:
        assert (first, left_out, last) == (text, 0, "")
    else:
        assert text.startswith(first)
        assert text.endswith(last)
        assert left_out == len(text.encode()) - len((first + last).encode()) > 0
        assert len(first) <= head
        assert len(last) <= tail


@given(st.lists(st.text("ab\n", max_size=30), max_size=30), st.integers(1, 20), st.integers(1, 20))
def test_an_excerpt_knows_when_something_will_be_left_out(pieces: list[str], head: int, tail: int) -> None:
    excerpt, text = Excerpt(head, tail), ""
    for piece in pieces:
        text += piece
        assert excerpt.fits(piece) == (len(text) <= head + tail)
        excerpt.add(piece)


def test_an_excerpt_is_cut_at_line_ends() -> None:
    excerpt = Excerpt(80, 80)
    for number in range(100):
        excerpt.add(f"line {number}\n")
    lines = excerpt.render().splitlines()
    assert lines[0] == "line 0"
    assert lines[-1] == "line 99"
    assert all(line.startswith(("line ", "[… ")) for line in lines)


def redrawn(*pieces: str) -> str:
    stream = Redrawn()
    return "".join([*map(stream.feed, pieces), stream.end()])


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["a\nb\n"], "a\nb\n"),
        (["10%\r20%\r30%\n", "end"], "30%\nend"),
        (["\r10%", "\r20%", "\r30%", "\n", "end\n"], "30%\nend\n"),
        (["start\n10%\r20%", "\r30%\nx"], "start\n30%\nx"),
        (["work: ", "10%", "\r20%", "\r30%\n"], "work: 10%\n30%\n"),
        (["10%\r", "20%\r", ""], "20%"),
        (["10%\r20%"], "20%"),
        (["a\rb\nc\rd\ne"], "b\nd\ne"),
    ],
)
def test_of_a_redrawn_line_the_last_state_is_kept(pieces: list[str], text: str) -> None:
    assert redrawn(*pieces) == text


@given(st.text("ab\n", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_text_that_is_not_redrawn_passes_at_once(text: str, cuts: list[int]) -> None:
    stream = Redrawn()
    assert [stream.feed(piece) for piece in split(text, cuts)] == split(text, cuts)


def test_an_endless_redrawn_line_is_not_held_for_ever() -> None:
    stream = Redrawn()
    assert sum(len(stream.feed("\rx" if n == 0 else "y" * 100)) for n in range(100)) > 5_000


SECRETS = ["sk-ant-0123456789", "sk-ant-01234", "aaaaaaab"]


@given(st.lists(st.sampled_from([*SECRETS, "sk-", "ant-0", "a", "aaaa", "b", "\n", "sk-ant-"]), max_size=20), st.data())
def test_no_secret_survives_however_it_is_split(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    pieces = split(text, data.draw(st.lists(st.integers(0, len(text) or 1), max_size=8)))
    masking = Masking(SECRETS)
    out = "".join([*map(masking.feed, pieces), masking.end()])
    assert not any(secret in out for secret in SECRETS)
    assert text.startswith(out.partition(MASK)[0])


def test_what_is_no_secret_stays() -> None:
    assert masked("sk-ant-0 aaaaaaa", SECRETS) == "sk-ant-0 aaaaaaa"
    assert masked("sk-ant-0123456789!", SECRETS) == f"{MASK}!"
    assert masked("any text", []) == "any text"


def test_very_short_secrets_are_not_masked() -> None:
    """It would tear ordinary text apart, and show that it does."""
    assert masked("a test", ["", "a", "es"]) == "a test"


def test_a_secret_behind_escape_sequences_is_masked(tmp_path: Path) -> None:
    """Cleaned first: else the sequences would hide it from the mask and not from the reader."""
    output = CommandOutput(tmp_path, ["sk-ant-0123456789"])
    output.add("stdout", b"sk-ant-\x1b[0m012345")
    output.add("stdout", b"\x1b[31m6789\n")
    output.end()
    assert output.both.render() == f"{MASK}\n"


def test_live_text_is_joined_and_rationed() -> None:
    live = Live()
    assert live.due(0.0) is None
    for number in range(10):
        live.add("stdout", f"{number}")
    live.add("stderr", "e")
    assert live.due(0.0) == 0
    assert [(chunk.stream, chunk.text) for chunk in live.take(0.0)] == [("stdout", "0123456789"), ("stderr", "e")]
    live.add("stdout", "more")
    assert (live.due(0.0) or 0) > 0
    assert live.due(10.0) == 0


def test_live_redrawing_shows_its_newest_state() -> None:
    live = Live()
    live.add("stdout", "work: 10%")
    assert [chunk.text for chunk in live.take(0)] == ["work: 10%"]
    live.add("stdout", "\r20%")
    live.add("stdout", "\r30%")
    assert [chunk.text for chunk in live.take(1)] == ["\n30%"]
    live.add("stdout", "\ndone\n")
    assert [chunk.text for chunk in live.take(2)] == ["\ndone\n"]
