"""A finished turn as MIME bundles: order, tool calls, endings, the footer."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hostile import read_html
from render.made import CALL, LIMITS, allowed, called, turn

from conjure_magic.events import Called, Noted, Said, Thought, ToolProgress, TurnResult
from conjure_magic.messages import Message, ToolUseBlock, Usage
from conjure_magic.render import VENDOR_TYPE, render_footer, render_turn
from conjure_magic.render.tool_calls import render_call, render_call_live, render_call_text, summary

SKILL = "/opt/skills/log-analyzer"


def words(result: TurnResult, **options: bool) -> str:
    return read_html(render_turn(result, LIMITS, **options)["text/html"])[1]


def texts(result: TurnResult) -> list[str]:
    """What a reader sees of it in each type that is read."""
    bundle = render_turn(result, LIMITS)
    return [read_html(bundle["text/html"])[1], bundle["text/markdown"].replace("\\", ""), bundle["text/plain"]]


def test_every_type_is_there() -> None:
    assert set(render_turn(turn(Said("x")), LIMITS)) == {"text/html", "text/markdown", "text/plain", VENDOR_TYPE}


def test_order_is_the_order_of_events() -> None:
    result = turn(Thought("thinks"), Said("first"), called("the command"), Noted("careful", "warning"), Said("last"))
    for text in texts(result):
        places = [text.find(part) for part in ("thinks", "first", "the command", "careful", "last", "session main")]
        assert -1 not in places
        assert places == sorted(places)


def test_a_call_is_one_folded_line_that_opens_to_everything() -> None:
    call = called(
        "python x.py",
        "line 1\nline 2",
        summary="2 lines",
        seconds=0.21,
        approval=allowed("you"),
        output_path="out/1.txt",
    )
    html = render_call(call, CALL)
    elements = [tag for tag, _ in read_html(html)[0]]
    assert elements.count("details") == elements.count("summary") == 1
    line, inside = read_html(html)[1].split("\n", 1)
    assert line == "✓ bash_tool python x.py 0.2 s · 2 lines"
    for part in ("$ python x.py", "line 1\nline 2", "allowed by you", "full output saved as out/1.txt"):
        assert part in inside
    assert "open" not in {key for tag, given in read_html(html)[0] for key in given}


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"is_error": True, "status": "exit 2"}, "✗ exit 2"),
        ({"status": "timed out"}, "✗ timed out"),
        ({"is_error": True}, "✗ failed"),
        ({"is_error": True, "approval": allowed(ok=False, reason="not today")}, "✗ refused"),
    ],
)
def test_a_failed_call_has_its_own_mark_word_and_tint_and_is_unfolded(fields: dict[str, object], mark: str) -> None:
    elements, text = read_html(render_call(called(**fields), CALL))  # type: ignore[arg-type]
    assert text.startswith(f"{mark} ")
    assert any(tag == "details" and "open" in given for tag, given in elements)
    assert any("background" in given.get("style", "") for tag, given in elements if tag == "span")


def test_every_format_says_who_refused_and_why() -> None:
    call = called(is_error=True, status="refused", approval=allowed("you", ok=False, reason="not today"))
    assert all("refused by you: not today" in text for text in texts(turn(call)))


def test_a_reason_that_the_call_shows_already_is_not_said_twice() -> None:
    printed = "This call was not allowed and did not run. not today"
    call = called("ls", printed, is_error=True, status="refused", approval=allowed("you", ok=False, reason="not today"))
    assert all(text.count("not today") == 1 for text in texts(turn(call)))
    assert all("refused by you" in text for text in texts(turn(call)))


@pytest.mark.parametrize(
    ("by", "said"),
    [("no one there", "refused, since there was no one to ask: pass"), ("stopped", "not run: the turn was stopped")],
)
def test_a_call_whose_question_was_not_answered_says_so(by: str, said: str) -> None:
    call = called(is_error=True, approval=allowed(by, ok=False, reason="pass --yes"))
    assert all(said in text for text in texts(turn(call)))


def test_other_arguments_than_a_command_are_named() -> None:
    call = Called(ToolUseBlock("t1", "create_file", {"path": "a.txt", "content": "x\ny", "mode": {"b": 1}}), "local")
    text = read_html(render_call(call, CALL))[1]
    assert text.startswith("◌ create_file a.txt")
    assert "content:\nx\ny" in text
    assert 'mode:\n{\n  "b": 1\n}' in text


def test_a_call_without_arguments_leaves_no_gap() -> None:
    assert render_call_text(Called(ToolUseBlock("t1", "now", {}), "native"), CALL) == "◌ now"


def test_a_call_without_output_says_so() -> None:
    assert "no output" in read_html(render_call(called(), CALL))[1]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (f"python {SKILL}/scripts/x.py a.log", "python log-analyzer/scripts/x.py a.log"),
        (f"cat '{SKILL}/SKILL.md'", "cat 'log-analyzer/SKILL.md'"),
        ("python /else/where/scripts/x.py", "python …/where/scripts/x.py"),
        ("cat /a/b/references/c.md /data/app.log", "cat …/b/references/c.md /data/app.log"),
        ("cat /opt/skills/log-analyzer-2/x", "cat /opt/skills/log-analyzer-2/x"),
        (f"cat /other{SKILL}/x", f"cat /other{SKILL}/x"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_paths_of_skills_are_short_in_the_line(command: str, shown: str) -> None:
    """Where the skill's folder is not known, dots say that something is left out."""
    assert summary(called(command), {"log-analyzer": SKILL}) == shown


def test_the_whole_command_stands_inside() -> None:
    result = turn(called(f"python {SKILL}/scripts/x.py"))
    limits = replace(LIMITS, skills={"log-analyzer": SKILL})
    text = read_html(render_turn(result, limits)["text/html"])[1]
    assert "python log-analyzer/scripts/x.py" in text
    assert f"$ python {SKILL}/scripts/x.py" in text


def test_a_long_output_is_shortened_and_says_so() -> None:
    result = turn(called("x", "a" * 50_000))
    assert "characters left out here" in words(result)
    assert len(render_turn(result, replace(LIMITS, call_characters=3_000))["text/html"]) < 12_000


def test_many_calls_share_what_may_be_shown() -> None:
    """300 rounds do not make a notebook of megabytes; the data keep all of it."""
    result = turn(*[called("x" * 10, "y" * 40_000)] * 300)
    assert len(render_turn(result, LIMITS)["text/html"]) < 2_500_000


def test_a_running_call_shows_its_newest_lines_how_far_it_is_and_an_open_question() -> None:
    call = Called(called("make").call, "local", output="\n".join(f"line {n}" for n in range(100)))
    assert "line 99" in render_call_live(call, CALL)
    assert "line 1\n" not in render_call_live(call, CALL)
    far = Called(call.call, "local", progress=ToolProgress("t1", 1, 4, "pages"))
    assert 'aria-valuenow="25"' in render_call_live(far, CALL)
    for done, total, shown in ((9, 4, "100%"), (-1, 4, "0%"), (math.inf, 4, "inf"), (3, 0, "3"), (3, math.nan, "3")):
        odd = render_call_live(Called(call.call, "local", progress=ToolProgress("t1", done, total, "")), CALL)
        assert f">{shown}</span>" in odd
        assert ("progressbar" in odd) is shown.endswith("%")
    assert "25% · pages" in read_html(render_call_live(far, CALL))[1]
    asked = Called(call.call, "local", asked="rm -r x")
    assert "waiting for an answer" in render_call_live(asked, CALL)


def test_thoughts_are_folded() -> None:
    elements, text = read_html(render_turn(turn(Thought("I *think*."), Said("x")), LIMITS)["text/html"])
    assert "details" in [tag for tag, _ in elements]
    assert "thought: I *think*." in text


def test_the_footer_tells_everything_that_is_known() -> None:
    text = render_footer(turn())["text/plain"]
    assert text == "local · some-model · 9.4 s · 6,214 in (5,020 cached), 412 out · $0.012 · session main · turn 3"


def test_an_unknown_cost_is_named_only_beside_known_tokens() -> None:
    assert "cost unknown" in render_footer(turn(cost=None))["text/plain"]
    bare = render_footer(turn(cost=None, usage=Usage()))["text/plain"]
    assert bare == "local · some-model · 9.4 s · session main · turn 3"


def test_the_offline_model_is_labelled() -> None:
    for text in render_footer(turn(model="offline")).values():
        assert "offline (not a language model)" in text.replace("\\", "")


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("interrupted", "Stopped"),
        ("stopped", "Stopped"),
        ("closed", "Stopped"),
        ("timeout", "Timed out"),
        ("max_rounds", "Round limit"),
        ("max_cost", "Cost limit"),
        ("max_tokens", "Cut off"),
        ("model_context_window_exceeded", "Cut off"),
        ("refusal", "Refused"),
        ("error", "Failed"),
        ("something_new", "something_new"),
        ("", "Ended"),
    ],
)
def test_a_turn_that_the_model_did_not_end_is_marked_with_how_to_continue(reason: str, label: str) -> None:
    bundle = render_footer(turn(stop_reason=reason, error="the line dropped"))
    for text in (read_html(bundle["text/html"])[1], bundle["text/markdown"].replace("\\", ""), bundle["text/plain"]):
        assert label in text
        assert any(way in text for way in ("next cell", "rephrase the request", "new session"))
        assert ("the line dropped" in text) is (reason == "error")
    assert "background" in bundle["text/html"]


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence"])
def test_a_normal_end_is_not_remarked_on(reason: str) -> None:
    assert render_footer(turn(stop_reason=reason))["text/plain"].startswith("local · ")


def test_the_footer_can_be_an_output_of_its_own() -> None:
    assert "turn 3" in words(turn(Said("x")))
    assert "turn 3" not in words(turn(Said("x")), whole=False)


def test_the_data_are_the_turn() -> None:
    result = turn(called(), messages=(Message.user("q"), Message.assistant("a")))
    assert render_turn(result, LIMITS)[VENDOR_TYPE] == result.to_dict()


def test_all_reads_well_without_styles() -> None:
    """No two words run together where one element ends and the next begins."""
    text = words(turn(Said("One."), called("ls", "out", summary="1 line"), Said("Two."), Noted("Three.")))
    assert "✓ bash_tool ls 0.0 s · 1 line" in text
    assert "One." in text.split("\n")[0]
    assert all(line.count(".") <= 2 for line in text.split("\n"))


def test_no_style_that_an_untrusted_notebook_drops() -> None:
    """No theme variable; the ink is inherited; nothing but inline styles."""
    result = turn(Said("`x`"), called(is_error=True), Thought("x"), Noted("x", "error"), stop_reason="timeout")
    html = render_turn(result, LIMITS)["text/html"]
    assert "var(" not in html
    styles = [given["style"] for _, given in read_html(html)[0] if "style" in given]
    assert not [style for style in styles if any(part.strip().startswith("color:") for part in style.split(";"))]


def test_a_call_without_arguments_shows_no_empty_box() -> None:
    ran = Called(ToolUseBlock("t1", "plot", {}), "native", result=called("x", "a figure").result)
    boxes = re.findall(r"<pre [^>]*>(.*?)</pre>", render_call(ran, CALL))
    assert boxes == ["a figure"]
