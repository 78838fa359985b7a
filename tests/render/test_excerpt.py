"""Long outputs: a failed command shows its end, any other one its head and tail with the count between."""

from __future__ import annotations

import re

import pytest
from hostile import TEXTS, offences, read_html
from render.made import CALL, LIMITS, called, turn

from conjure_magic.characters import printed
from conjure_magic.render import render_turn
from conjure_magic.render.excerpt import excerpt, excerpt_text, render_excerpt
from conjure_magic.render.tool_calls import render_call

NUMBERED = "\n".join(f"line {n}" for n in range(60))


def boxes(html: str) -> list[str]:
    return re.findall(r"<pre [^>]*>(.*?)</pre>", html, re.DOTALL)


def unfolded(html: str) -> str:
    """What is seen before anything inside is opened."""
    return re.sub(r"<details><summary[^>]*>(.*?)</summary>.*?</details>", r"\1", html, flags=re.DOTALL)


@pytest.mark.parametrize("status", ["exit 1", "stopped", "timed out after 5 s", "killed"])
def test_a_command_that_failed_or_was_stopped_shows_its_end_and_what_is_above(status: str) -> None:
    html = render_call(called("make", f"{NUMBERED}\nKeyError: 'minut'\n[{status}]", status=status), CALL)
    seen = unfolded(html)
    assert "<b>KeyError: &#x27;minut&#x27;</b>" in seen
    assert "… 50 earlier lines" in seen
    assert "line 49\n" not in seen
    assert "line 50\n" in seen
    assert "line 49" in html, "the rest can be unfolded"


def test_the_end_of_a_failed_command_needs_no_scrolling() -> None:
    for output in (NUMBERED, "x" * 20_000, f"{'a' * 3_000}\n{'b' * 3_000}", f"{NUMBERED}\n{'c' * 900}"):
        last = re.findall(r"<pre [^>]*>", unfolded(render_call(called("x", output, status="exit 1"), CALL)))[-1]
        assert "max-height" not in last, output[-20:]


def test_a_long_output_shows_head_and_tail_with_the_count_between() -> None:
    seen = unfolded(render_excerpt(excerpt(NUMBERED, failed=False), 40_000))
    assert "line 6</pre>" in seen
    assert "line 7\n" not in seen
    assert "line 7\n" in render_call(called("make", NUMBERED), CALL)
    assert "… 46 lines between" in seen
    assert "line 53\n" in seen
    assert "<b>" not in seen


@pytest.mark.parametrize("failed", [True, False])
@pytest.mark.parametrize(
    "text", ["", "one", "\n".join("abc"), NUMBERED, "x" * 9_000, f"a\n{'y' * 5_000}\nz", "\n" * 400, "é\n" * 100]
)
def test_the_three_parts_are_the_whole_text(text: str, failed: bool) -> None:
    part = excerpt(text, failed)
    assert part.head + part.middle + part.tail == text.strip("\n")
    assert bool(part.head) <= (not failed)


def test_a_text_that_is_hardly_too_long_is_shown_whole() -> None:
    assert boxes(render_call(called("x", "\n".join(f"l{n}" for n in range(15))), CALL))[1:] == [
        "\n".join(f"l{n}" for n in range(15))
    ]


def test_what_the_command_printed_beyond_its_limit_is_counted_too() -> None:
    text = f"{NUMBERED}\n[… 1,234,567 bytes left out …]\n{NUMBERED}"
    assert excerpt(text, failed=True).left_out.endswith("earlier lines, and 1,234,567 bytes that were left out")


def test_plain_text_and_markdown_show_the_end_of_a_failed_command() -> None:
    output = "\n".join(f"row {n} {'.' * 50}" for n in range(200)) + "\nValueError: here"
    bundle = render_turn(turn(called("make", output, status="exit 1")), LIMITS)
    for kind in ("text/plain", "text/markdown"):
        assert "ValueError: here" in bundle[kind]
        assert "row 0 " not in bundle[kind]
        assert "earlier characters" in bundle[kind]
    assert excerpt_text("short", True, 100) == "short"


def test_hostile_text_stays_harmless_in_an_excerpt() -> None:
    for name, text in TEXTS.items():
        for failed in (True, False):
            html = render_excerpt(excerpt(printed(f"{text}\n") * 40, failed), 2_000)
            assert offences(html) == [], name
    assert read_html(render_excerpt(excerpt("<b>x</b>", True), 99))[1].strip() == "<b>x</b>"
