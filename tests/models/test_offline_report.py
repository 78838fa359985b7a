"""Answers made of what a script printed: nothing that the script says of its answer is lost."""

from __future__ import annotations

import json

import pytest

from conjure_magic.models.offline import report
from conjure_magic.models.offline.compose import Composed, Program, compose
from conjure_magic.models.offline.interface import HelpOption, Interface
from conjure_magic.models.offline.reading import read_request
from conjure_magic.models.offline.resolved import Resolved, Take
from conjure_magic.models.offline.sampling import Sample


def answered(request: str, told: dict[str, object], command: str = "log.py query a.log --count") -> str:
    """The answer to a request, from what a script printed."""
    (reading,) = read_request(request)
    result = report.read_result(json.dumps(told))
    assert result is not None
    return report.render(Resolved(reading), Composed(command, as_json=True), result, ["/in/a.log"], Sample())


def test_a_figure_stands_first_with_its_unit_and_scope() -> None:
    assert answered("How many errors are in a.log?", {"answer": 1171}) == (
        "**1,171 lines at ERROR or worse** in `a.log`."
    )


def test_a_table_over_time_tells_its_span_and_keeps_its_order() -> None:
    rows = [["2026-11-21 13:19", 2], ["2026-11-21 13:20", 0], ["2026-11-21 13:21", 1]]
    text = answered("errors per minute in a.log", {"answer": rows})
    assert text.startswith(
        "**3 lines at ERROR or worse** in `a.log`, 2026-11-21 13:19 to 2026-11-21 13:21, per minute:"
    )
    assert text.index("13:20") < text.rindex("13:21")


@pytest.mark.parametrize(
    "request_", ["How many errors are in a.log?", "Show the errors of a.log", "errors per hour, a.log"]
)
def test_an_option_that_the_script_could_not_follow_is_no_answer(request_: str) -> None:
    note = "this log has no level column, so --level ERROR+ cannot tell; 1 lines are worded as failures"
    told = {"answer": ["boom failed"], "records": 1, "first": {"boom failed": "a.log:2"}, "notes": [note]}
    text = answered(request_, told, "log.py query a.log --level ERROR+ --count")
    assert text.startswith("I cannot answer this as it was asked: this log has no level column")
    assert "- `boom failed` (line 2)" in text


def test_a_tie_is_told() -> None:
    rows = [[f"13:0{minute}", 2] for minute in range(6)]
    text = answered("busiest minute in a.log?", {"answer": rows})
    assert text.startswith("**13:00: 2 lines** and 5 others with as many")


def test_a_table_of_figures_says_which_figure_of_what() -> None:
    (reading,) = read_request("95th percentile of took_ms per job in a.log")
    result = report.read_result(json.dumps({"answer": [[f"j{n}", n] for n in range(6)]}))
    assert result is not None
    found = Resolved(reading, take=Take("took_ms", "", "took_ms"), groups=("job",))
    text = report.render(found, Composed("", as_json=True), result, ["a.log"], Sample())
    assert text.startswith("95th percentile of `took_ms` per job in `a.log`:")


def test_what_the_script_notes_is_told() -> None:
    told = {
        "answer": 4,
        "notes": ["times are of two days"],
        "coverage": {"warning": "only 80 % were read"},
    }
    text = answered("How many errors are in a.log?", told)
    assert text.endswith("The script notes: times are of two days; only 80 % were read.")


def test_a_number_where_a_table_was_expected_is_no_answer() -> None:
    assert answered("errors per hour in a.log", {"answer": 4}).startswith("I cannot answer this")


@pytest.mark.parametrize("words", ["as a markdown table", "as JSON in x.json"])
def test_a_file_for_an_answer_is_written_without_hiding_how_the_script_ended(words: str) -> None:
    (reading,) = read_request(f"lines per level in a.log {words}")
    interface = Interface("log.py", (HelpOption("--field", "NAME"), HelpOption("--count"), HelpOption("--json")))
    program = Program("log.py", "log.py", "log.py", "")
    found = Resolved(reading, take=Take("level", "", "level"))
    composed = compose(found, program, interface, ["/in/a.log"], Sample())
    ((_, name),) = composed.made
    assert composed.command.endswith(f" > {name} && cat {name}")
