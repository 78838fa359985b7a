"""No text, whoever chose it, keeps the kernel busy: every pass over it does twice the work for twice the text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from security.growth import PACKAGE, STARTS, TABLE, UNITS, disliked, filled, growth, patterns
from security.passes import PASSES

PATTERNS = {pattern.place: pattern for pattern in patterns()}
BY_NAME = (
    "render_",
    "parse",
    "clean",
    "preview_file",
    "read_",
    "split_status",
    "exact",
    "printed",
    "quoted",
    "visible",
)
"""How functions begin that pass over foreign text."""
ELSEWHERE = {
    "render_call", "render_pictures", "render_cards", "render_cards_markdown", "render_cards_text", "render_rows",
    "render_status_text", "render_session", "render_sessions", "render_skills", "render_validation", "render_package",
    "render_files", "render_request", "render_settings", "render_help", "render_catalogue",
}  # fmt: skip
"""Which are covered as parts of others: of `render_turn`, `render_artifact` and `render_state`."""
NOT_FOREIGN = {
    "parse_named", "parse_price", "parse_spec", "parse_backends", "parse_skills", "read_answer", "read_docstring",
    "read_file", "read_events", "parse_block", "read_image", "parse_head", "read_words", "read_options",
    "read_message", "quoted_path",
}  # fmt: skip
"""Which read what the person typed or configured, bytes by size, or values that are parsed already."""


@pytest.mark.parametrize("place", PATTERNS)
def test_a_pattern_looks_at_its_text_once(place: str) -> None:
    pattern = PATTERNS[place]
    for start, unit, end in disliked(pattern.compiled):
        assert growth(pattern.work, filled(start, unit, end)) == "", (start, unit)


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_does_twice_the_work_for_twice_the_text(name: str) -> None:
    for number, unit in enumerate(UNITS):
        start = STARTS[number % len(STARTS)] if number % 2 else ""
        assert growth(PASSES[name], filled(start, unit, "\x00")) == "", (start, unit)


EXAMPLES = {
    "many starts of a path": "true " + ",/a" * 12_000,
    "many starts of a title": "<svg>" + "<title " * 9_000,
    "many starts of a sequence": "\x9d" * 200_000,
    "a long table": TABLE + "| 1 | 2 |\n" * 18_000,
    "a wide table": "|a" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "|b\n" * 20_000,
    "many small lists": "[" + "[]," * 200_000 + "[]]",
    "brackets": "[" * 100_000,
    "pictures": "![" * 50_000,
    "quotes in quotes": ">" * 50_000,
    "lists in lists": "- " * 50_000,
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_large_text_ends_in_bounded_work(example: str) -> None:
    """Each pass gives up neither itself nor the kernel: the deadline of the measure is processor time."""
    for name in (
        "calls.summary",
        "terminal.PlainText",
        "items.render_item",
        "turn.render_turn",
        "previews.preview_file",
    ):
        assert "more than" not in growth(PASSES[name], lambda size: EXAMPLES[example]), name


def test_every_function_that_looks_like_a_pass_is_tested() -> None:
    """A new renderer, cleaner, previewer or parser has to join the table."""
    named = {word for name in PASSES for word in name.replace(" ", ".").split(".")}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if not {"bundled", "testing"} & set(path.parts):
            found |= {f"{_place(path)}: {name}" for name in _functions(path) if name not in named}
    assert found == set()


def _place(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith(BY_NAME)} - ELSEWHERE - NOT_FOREIGN
