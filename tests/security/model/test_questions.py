"""A hostile model: what a person approves is what runs, and all of it is seen."""

from __future__ import annotations

import re
import unicodedata

import pytest
from render.made import LIMITS, called, turn
from security.attacks import COUNTERFEIT, INVISIBLE, SEQUENCES, SWALLOWED
from security.questions import DOORS, asked

from conjure_magic.backends.shell import ShellBackend
from conjure_magic.errors import ToolError
from conjure_magic.messages import ToolUseBlock
from conjure_magic.render import render_turn
from conjure_magic.tools import bash_tool, check_arguments

UNSEEN = "".join(chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Cc", "Cf", "Cs", "Zl", "Zp"))
DRAWN = set("\n\t؀؁؂؃؄؅۝܏࢐࢑࣢\U000110bd\U000110cd")
"""Of them, what is seen: Arabic and Kaithi number signs, and what makes lines."""
MARKS = ("│", "┆")
OWN = re.compile(r"  [yan]  |Your answer|Please answer|\[y/n\]")


def quoted(prompt: str) -> list[str]:
    return [line for line in prompt.split("\n") if line.startswith(MARKS)]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", INVISIBLE)
def test_no_invisible_character_reaches_a_question_as_itself(
    door: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = asked(monkeypatch.setattr, DOORS[door], f"a{'b'.join(INVISIBLE[kind])}c")
    assert not set(INVISIBLE[kind]) & set(prompt)
    for character in INVISIBLE[kind]:
        code = ord(character)
        shown = f"‹U+{code:04X}›" if code > 0x7F else "␡" if code == 0x7F else chr(0x2400 + code)
        assert shown in prompt


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", SEQUENCES)
def test_no_terminal_sequence_hides_anything_in_a_question(
    door: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SWALLOWED in asked(monkeypatch.setattr, DOORS[door], SEQUENCES[name])


@pytest.mark.parametrize("door", DOORS)
def test_every_character_of_unicode_is_seen_or_shown(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By category, so that characters which Unicode adds later are seen to as well."""
    assert set(asked(monkeypatch.setattr, DOORS[door], UNSEEN)) & set(UNSEEN) <= DRAWN


@pytest.mark.parametrize("name", SEQUENCES)
def test_the_cell_that_stays_shows_the_same(name: str) -> None:
    """The input of a call as text, Markdown and HTML: what is saved is a record of what ran."""
    bundle = render_turn(turn(called(SEQUENCES[name], is_error=True)), LIMITS)
    assert SWALLOWED in bundle["text/html"]
    assert SWALLOWED in bundle["text/markdown"]


@pytest.mark.parametrize("door", ["a command", "code in the kernel", "a file", "an upload"])
def test_what_is_quoted_cannot_pretend_to_be_the_question(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its lines carries a mark, however it wraps; the question's own lines carry none."""
    text = COUNTERFEIT + "x" * 500 + COUNTERFEIT + "界" * 200
    prompt = asked(monkeypatch.setattr, DOORS[door], text)
    own = [line for line in prompt.split("\n") if not line.startswith(MARKS)]
    assert sum(line.startswith("  y  ") for line in own) == 1
    assert all(_columns(line) <= 74 for line in quoted(prompt)), "we break the lines, not the window"
    assert "".join(line[2:] for line in quoted(prompt)).replace(" ", "") == text.replace("\n", "").replace(" ", "")


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_blank_lines_push_nothing_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "rm -r ~ #" + "\n" * 300 + " \t \n" * 300 + "ls" + " " * 5000 + "; touch x"
    prompt = asked(monkeypatch.setattr, DOORS["a command"], text)
    assert len(prompt.split("\n")) < 20
    assert re.search(r"^ +\(599 blank lines\)$", prompt, re.M)
    assert "; touch x" in prompt


@pytest.mark.parametrize("lines", [1, 400])
def test_the_first_line_and_the_count_stand_beside_the_answer(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(["rm -r ~ # first", *["echo"] * (lines - 1)])
    last = asked(monkeypatch.setattr, DOORS["a command"], text).split("\n")[-1]
    assert "rm -r ~ # first" in last
    assert ("400 lines" in last) is (lines == 400)
    assert len(last) < 120


CONTROLS = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0), 0xD800) if chr(c) not in "\t\n"]


@pytest.mark.parametrize("contained", [False, True], ids=["local", "docker"])
@pytest.mark.parametrize("character", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_a_command_with_a_control_character_is_refused_before_anyone_is_asked(contained: bool, character: str) -> None:
    backend = ShellBackend("local", None, contained=contained, timeout=60)  # type: ignore[arg-type]  # nothing may run
    running = backend.run(ToolUseBlock("t1", "bash_tool", {"command": f"ls {character} x"}), None)  # type: ignore[arg-type]
    with pytest.raises(ToolError, match=rf"U\+{ord(character):04X}.*tab and newline"):
        list(running)


def test_tabs_and_newlines_are_no_reason_to_refuse() -> None:
    check_arguments(bash_tool(60), {"command": "cat <<EOF\n\ta\nEOF"})
