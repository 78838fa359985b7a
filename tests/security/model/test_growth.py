"""No text, whoever chose it, keeps the kernel busy: every pass over it does twice the work for twice the text."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from render.made import CALL, LIMITS, turn
from security.growth import PACKAGE, STARTS, TABLE, UNITS, disliked, filled, growth, patterns, steps
from security.passes import PASSES

from conjure_magic.errors import ToolError
from conjure_magic.events import Said, Thought
from conjure_magic.render.growing import Committed
from conjure_magic.render.running_turn import render_unfinished
from conjure_magic.render.turn import render_turn

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
PARTS = {
    "render/files.py": {"render_cards", "render_cards_markdown", "render_cards_text"},
    "render/listings.py": {"render_rows"},
    "render/turn.py": {"render_pictures"},
    "render/running_turn.py": {"render_status_text"},
    "models/offline/readings.py": {"read_in_turn"},
    "models/offline/reading/asks.py": {"read_ask"},
    "models/offline/reading/reader.py": {"read_clause"},
    "models/offline/reading/scope.py": {"read_scope"},
    "models/offline/reading/figures.py": {
        "read_distinct", "read_mean_or_sum", "read_percentile", "read_share", "read_span",
    },
    "models/offline/reading/grouping.py": {"read_address_form", "read_unit", "read_weight"},
    "models/offline/reading/ranking.py": {"read_extreme", "read_rank"},
    "models/offline/fill_template.py": {"quoted_path"},
    "magics/command_output.py": {
        "render_session", "render_sessions", "render_skills", "render_validation", "render_package", "render_files",
        "render_request", "render_settings", "render_help",
    },
    "skills/catalogue.py": {"render_catalogue"},
}  # fmt: skip
"""Parts of passes in the table: of `render_turn`, `render_state`, `render_status`, `read_request`."""
OWN_WORDS = {
    "models/choice.py": {"parse_named"}, "models/model_facts.py": {"parse_price"}, "session/choice.py": {
        "parse_backends", "parse_skills",
    }, "backends/hosted/skills.py": {"parse_spec"}, "magics/ask_user.py": {"read_answer"},
    "backends/native/docstring.py": {"read_docstring"},
}  # fmt: skip
"""Readers of what the user typed, configured or wrote as code in the kernel."""
BY_BYTES = {
    "api/events.py": {"read_events"}, "executors/files.py": {"read_file"},
    "skills/frontmatter.py": {"parse_head"}, "skills/changes_since_trust.py": {"read_text"},
    "messages.py": {"parse_block"}, "models/messages_api.py": {"read_message"},
}  # fmt: skip
"""Readers that copy bytes up to a limit, or arrange what JSON has parsed."""
EXEMPT = {f"{place}: {name}" for table in (PARTS, OWN_WORDS, BY_BYTES) for place in table for name in table[place]}


@pytest.mark.parametrize("place", PATTERNS)
def test_a_pattern_looks_at_its_text_once(place: str) -> None:
    pattern = PATTERNS[place]
    for start, unit, end in disliked(pattern.compiled):
        assert growth(pattern.work, filled(start, unit, end)) == "", (start, unit)


MADE_OF_OTHERS = {
    "calls.render_call of any tool", "items.render_item", "items.render_item_markdown", "running.render_newest",
    "running.render_unfinished", "running.render_failure", "tables.render_state", "turn.render_turn",
}  # fmt: skip
"""Passes that put together what others have made; fewer texts are enough for them."""
EVERY, EVERY_OF_MADE = 3, 10
"""Of the units, one of several is tried each time, another one with each pass; `make soak` tries all."""


def grows_as_it_should(name: str, units: Iterable[str]) -> None:
    for number, unit in enumerate(units):
        start = STARTS[number % len(STARTS)] if number % 2 else ""
        assert growth(PASSES[name], filled(start, unit, "\x00")) == "", (start, unit)


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_does_twice_the_work_for_twice_the_text(name: str) -> None:
    step = EVERY_OF_MADE if name in MADE_OF_OTHERS else EVERY
    grows_as_it_should(name, UNITS[list(PASSES).index(name) % step :: step])


@pytest.mark.soak
@pytest.mark.parametrize("name", PASSES)
def test_a_pass_does_twice_the_work_whatever_the_text_is_made_of(name: str) -> None:
    grows_as_it_should(name, UNITS)


EXAMPLES: dict[str, tuple[str, Callable[[int], str], int]] = {
    "a command of paths": ("calls.summary", lambda size: "true " + ",/a" * size, 6_000),
    "a picture of titles": ("tables.render_artifact of a.svg", lambda size: "<svg>" + "<title " * size, 4_500),
    "sequences without an end": ("terminal.PlainText", lambda size: "\x9d" * size, 500_000),
    "the same in what is kept": ("terminal.visible", lambda size: "\x9d" * size, 500_000),
    "a long table": ("markdown.render_markdown", lambda size: TABLE + "| 1 | 2 |\n" * size, 9_000),
    "a wide table": (
        "markdown.render_markdown",
        lambda size: "|a" * size + "\n" + "|-" * size + "\n" + "|b\n" * size,
        5_000,
    ),
    "many small lists": ("log_fetcher.read_entries", lambda size: "[" + "[]," * size + "[]]", 200_000),
    "brackets": ("markdown.render_markdown", lambda size: "[" * size, 50_000),
    "pictures": ("markdown.render_markdown", lambda size: "![" * size, 25_000),
    "quotes in quotes": ("markdown.render_markdown", lambda size: ">" * size, 25_000),
    "lists in lists": ("markdown.render_markdown", lambda size: "- " * size, 25_000),
}
"""What froze a kernel, or could: the pass that met it, how to make it, and half of the length that did it."""


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_froze_a_kernel_is_work_that_grows_with_the_text(example: str) -> None:
    name, make, size = EXAMPLES[example]
    assert growth(PASSES[name], make, size) == ""


def tables(columns: int, rows: int, number: int = 1) -> str:
    """Tables with a wide head and short rows, which the parser fills up to its width."""
    return "\n".join(["|a" * columns + "\n" + "|-" * columns + "\n" + "|b\n" * rows] * number)


MOST_STEPS = 2_000_000
"""Function calls for one text, whatever it says: about half a second. A turn may take twice as many."""
TEXTS: dict[str, str] = {
    "a long table that is formatted": "|a|b|\n|-|-|\n" + "|1|2|\n" * 1_600,
    "a long table": "|a|b|\n|-|-|\n" + "|1|2|\n" * 30_000,
    "a wide table that is formatted": tables(70, 60),
    "a wide table": tables(3_000, 3_000),
    "many wide tables": tables(70, 60, 70),
    "wide tables in quotes": "> " + tables(70, 60, 70).replace("\n", "\n> "),
    "brackets that are formatted": "[" * 1_700,
    "brackets": "[" * 25_000,
    "many paragraphs of brackets": ("[" * 500 + "\n\n") * 50,
    "marks": "*a_" * 9_000,
}
TURNS: dict[str, Callable[[str], object]] = {
    "a finished turn": lambda text: render_turn(turn(*(Said(text) for _ in range(20))), LIMITS),
    "an unfinished turn": lambda text: render_unfinished([Said(text), Thought(text)] * 10, 1.0),
    "a running turn": lambda text: running(*(Said(text) for _ in range(20))),
}


def running(*items: Said) -> None:
    shown = Committed(CALL)
    for number in range(len(items)):
        shown.advance(items[: number + 1])


@pytest.mark.parametrize("name", ["markdown.render_markdown", "safe_markdown.render_markdown_source"])
@pytest.mark.parametrize("text", TEXTS)
def test_no_text_takes_more_than_so_much_work(text: str, name: str) -> None:
    assert steps(lambda: PASSES[name](TEXTS[text])) < MOST_STEPS


@pytest.mark.parametrize("how", TURNS)
def test_many_texts_of_a_turn_take_no_more_work_than_two(how: str) -> None:
    assert steps(lambda: TURNS[how](TEXTS["a wide table that is formatted"])) < 2 * MOST_STEPS


@pytest.mark.parametrize("number", [1, 1_000, 499_000, 2_000_000])
def test_an_answer_of_many_small_lists_takes_no_more_than_so_much_work(number: int) -> None:
    """It is cut to what was asked for, or refused before it is parsed."""
    answer = "[" + "[]," * number + "[]]"
    with contextlib.suppress(ToolError):
        assert steps(lambda: PASSES["log_fetcher.read_entries"](answer)) < 5_000


def test_every_function_that_looks_like_a_pass_is_tested() -> None:
    """A new renderer, cleaner, previewer or parser joins the table, and what is exempt still exists."""
    tested = {word for name in PASSES for word in name.replace(" ", ".").split(".")}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if not {"bundled", "testing"} & set(path.parts):
            found |= {f"{_place(path)}: {name}" for name in _functions(path)}
    assert {place for place in found if place.rpartition(" ")[2] not in tested} == EXEMPT


def _place(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith(BY_NAME)}
