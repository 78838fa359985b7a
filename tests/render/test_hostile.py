"""Hostile text through every place that text comes from, into every type of output."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hostile import (
    EVERYTHING,
    FILE_CONTENTS,
    FILE_NAMES,
    IMAGES,
    SCRIPTS,
    TEXTS,
    exported_offences,
    markdown_offences,
    offences,
    read_html,
    text_offences,
)
from render.made import LIMITS, allowed, artifact, called, turn

from conjure_magic.events import Called, Item, Noted, Said, Thought
from conjure_magic.messages import Message, OtherBlock, ToolUseBlock
from conjure_magic.render import (
    VENDOR_TYPE,
    Table,
    render_artifact,
    render_footer,
    render_pictures,
    render_state,
    render_turn,
)
from conjure_magic.render.running_turn import render_failure, render_newest, render_status, render_unfinished
from conjure_magic.render.style import page

ALL = [pytest.param(text, id=name) for name, text in {**TEXTS, "everything": EVERYTHING}.items()]


def check(bundle: dict[str, Any]) -> None:
    """Fail if anything in a bundle could act, load, hide, or not be sent."""
    assert offences(bundle["text/html"]) == []
    assert exported_offences(bundle["text/html"]) == []
    assert markdown_offences(bundle.get("text/markdown", "")) == []
    assert text_offences(bundle["text/plain"]) == []
    json.dumps(bundle, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("name", [*SCRIPTS, *IMAGES])
def test_the_checks_see_what_is_not_escaped(name: str) -> None:
    """The corpus and its checks are worth nothing if raw text passes them."""
    as_markdown = name == "script in a link" or "![" in TEXTS[name]
    found = markdown_offences(TEXTS[name]) if as_markdown else offences(f"{TEXTS[name]}>")
    assert bool(found) is (name not in ("template", "math", "entities", "data image"))


def items(text: str) -> tuple[Item, ...]:
    """The text at every place of a turn."""
    given = ToolUseBlock("t2", text, {text or "key": text, "nested": [{"a": text}]})
    return (
        Said(text),
        Thought(text),
        called(text, text, summary=text, output_path=text, approval=allowed(text, reason=text)),
        called(text, text, is_error=True, status=text or "x"),
        Called(given, text),
        Called(given, text, asked=text, output=text),
        Noted(text, "info"),
        Noted(text, "error"),
    )


@pytest.mark.parametrize("text", ALL)
def test_nothing_acts_wherever_the_text_stands(text: str) -> None:
    check(render_turn(turn(*items(text)), LIMITS))


@pytest.mark.parametrize("text", ALL)
def test_nothing_acts_where_one_place_has_the_whole_output_to_itself(text: str) -> None:
    """An unclosed fence or comment in one item must not be what saves the next one."""
    for item in items(text):
        check(render_turn(turn(item), LIMITS))


@pytest.mark.parametrize("text", ALL)
def test_nothing_acts_in_a_footer(text: str) -> None:
    result = turn(session=text, model=text, backends=(text,), stop_reason=text or "odd", error=text)
    check(render_footer(result))
    check(render_footer(turn(stop_reason="error", error=text)))


@pytest.mark.parametrize("text", ALL)
def test_nothing_acts_while_the_turn_runs(text: str) -> None:
    shown = items(text)
    for part in ([*shown], *([item] for item in shown)):
        status = render_status(part, 3, datetime.now())
        assert offences(page(render_newest(part, len(text) // 2, "```") + status)) == []
        main, footer = render_unfinished(part, 3)
        check(main)
        check(footer)
    check(render_failure(turn(messages=(Message.assistant(text),)), text))


@pytest.mark.parametrize("text", ALL)
def test_nothing_acts_in_a_state_or_its_tables(text: str) -> None:
    tables = [Table((text, "n"), [(text, 1), (text, None)], title=text), Table((text,), [], title=text, empty=text)]
    check(render_state(text, [(text, text)], tables, note=text))


@pytest.mark.parametrize("name", FILE_NAMES)
def test_nothing_acts_in_a_file_name(name: str, tmp_path: Path) -> None:
    try:
        made = artifact(tmp_path, name, b"a,b\n1,2\n")
    except OSError:
        pytest.skip("this file system does not take the name")
    for result in (turn(files=(made,)), turn(called(files=(made,)), files=(made,) * 40)):
        check(render_turn(result, LIMITS))
        check(render_turn(result, LIMITS, whole=False))
    check(render_artifact(made, LIMITS))


@pytest.mark.parametrize("name", FILE_NAMES)
def test_nothing_acts_in_the_name_of_a_picture(name: str, tmp_path: Path) -> None:
    """Its alternative text is made of it."""
    from render.made import PIXEL

    try:
        made = artifact(tmp_path, f"{name[:200]}.png", PIXEL)
    except OSError:
        pytest.skip("this file system does not take the name")
    check(render_turn(turn(files=(made,)), LIMITS))
    for bundle in render_pictures(turn(files=(made,)), LIMITS):
        assert text_offences(bundle["text/plain"]) == []


@pytest.mark.parametrize("name", FILE_CONTENTS)
def test_nothing_acts_in_the_content_of_a_file(name: str, tmp_path: Path) -> None:
    made = artifact(tmp_path, name, FILE_CONTENTS[name])
    check(render_turn(turn(files=(made,)), LIMITS))
    check(render_artifact(made, LIMITS))


@pytest.mark.parametrize("text", ALL)
def test_the_data_of_a_turn_can_be_sent_and_read_again(text: str) -> None:
    """Also with lone surrogates, which have no UTF-8, and with blocks of unknown types."""
    message = Message("assistant", (OtherBlock({"type": "odd", text or "k": [text, 1.5, None, {"x": (text,)}]}),))
    result = turn(*items(text), prompt=text, messages=(Message.user(text), message))
    data = render_turn(result, LIMITS)[VENDOR_TYPE]
    sent = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8"))
    # The same bytes as went over the wire.
    assert Message.from_dict(sent["messages"][0]).encoded == Message.user(text).encoded


@pytest.mark.parametrize("name", ["script", "handler", "iframe", "closing our tags", "quotes"])
def test_what_is_defused_can_still_be_read(name: str) -> None:
    text = TEXTS[name]
    bundle = render_turn(turn(called(text)), LIMITS)
    assert text in read_html(bundle["text/html"])[1]
    assert text in bundle["text/markdown"]
    said = read_html(render_turn(turn(Said(text)), LIMITS)["text/html"])[1]
    assert "".join(text.split()) in "".join(said.split())


def test_a_link_of_another_scheme_stays_words() -> None:
    html = render_turn(turn(Said("[click](javascript:alert(1)) [file](other.txt)")), LIMITS)["text/html"]
    elements, text = read_html(html)
    assert "a" not in [tag for tag, _ in elements]
    assert "javascript:alert(1)" in text
    assert "file (other.txt)" in text


def test_a_remote_picture_becomes_its_words_and_address() -> None:
    bundle = render_turn(turn(Said("![a chart](https://evil.example/x.png)")), LIMITS)
    elements, text = read_html(bundle["text/html"])
    assert [tag for tag, _ in elements if tag in ("img", "a")] == []
    assert "a chart (picture: https://evil.example/x.png)" in text
    assert "![" not in bundle["text/markdown"]


def test_hidden_characters_of_a_command_are_seen() -> None:
    command = "rm -rf \u202e/ # \u200bsafe"
    for shown in (
        render_turn(turn(called(command)), LIMITS)["text/html"],
        render_turn(turn(called(command)), LIMITS)["text/plain"],
    ):
        assert "‹U+202E›" in shown
        assert "‹U+200B›" in shown


def test_formulas_are_left_alone_by_mathjax() -> None:
    """`\\href` in a formula could carry a script, and "$5 and $6" is no formula."""
    elements, _ = read_html(render_turn(turn(Said(TEXTS["math"])), LIMITS)["text/html"])
    assert {"mathjax_ignore", "tex2jax_ignore"} <= set(elements[0][1]["class"].split())
