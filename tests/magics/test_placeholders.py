"""`{{…}}` in a request: attributes and items, what `str()` gives, files, and pasted templates."""

from __future__ import annotations

import datetime
import enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pytest
from render.made import PIXEL, artifact, turn

from conjure_magic.errors import UsageError
from conjure_magic.events import Said
from conjure_magic.magics.placeholders import fill
from conjure_magic.magics.variables import LONG, variable_texts
from conjure_magic.messages import Message

FRAME = pandas.DataFrame({"a": range(100), "b c": range(100)})
RESULT = turn(Said("There."), messages=(Message.user("Where?"), Message.assistant("There.")))
NAMES: dict[str, Any] = {
    "result": RESULT,
    "rows": [{"city": "Bonn"}, {"city": "Ulm"}],
    "df": FRAME,
    "day": datetime.date(2024, 2, 29),
    "level": enum.Enum("Level", "LOW")["LOW"],  # type: ignore[misc]
    "error": ValueError("x"),
    "user": SimpleNamespace(name="Ada", tags=("x", "y")),
    "call": len,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{result}}", "There."),
        ("{{ result.text }}!", "There.!"),
        ("{{rows[0]}}", "{'city': 'Bonn'}"),
        ("{{rows[-1]['city']}}", "Ulm"),
        ('{{rows[1]["city"]}} {{user.name}} {{user.tags[1]}}', "Ulm Ada y"),
        ("{{day}} {{day.year}}", "2024-02-29 2024"),
        ("{{level}}", "Level.LOW"),
        ("{{error}}", "ValueError('x')"),
        ("{{result.files}}", "no files"),
        (r"\{{ user.name }} \{{ user|upper }}", "{{ user.name }} {{ user|upper }}"),
        ("{{ message | upper }} {{ f(x) }} {% if a %}", "{{ message | upper }} {{ f(x) }} {% if a %}"),
    ],
)
def test_attributes_and_items_are_read_and_values_say_what_str_says(text: str, expected: str) -> None:
    assert fill(text, NAMES) == expected


def test_a_column_is_a_table_with_its_length() -> None:
    for text in ("{{df.a}}", "{{df['a']}}"):
        assert fill(text, NAMES).startswith("a\n0\n1\n")
        assert "the first 20 of 100 rows, 1 column" in fill(text, NAMES)
    assert fill("{{df['b c']}}", NAMES).startswith("b c\n0\n")


@pytest.mark.parametrize("text", ["{{ message }}", "{{ message.subject }}", "<p>{{items[0].title}}</p>"])
def test_a_pasted_template_gets_an_error_that_names_the_escape(text: str) -> None:
    with pytest.raises(UsageError, match=r"there is no variable '(message|items)'.*write \\\{\{"):
        fill(text, NAMES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{result.txt}}", r"result \(TurnResult\) has no attribute 'txt'"),
        ("{{rows[7]}}", r"rows \(list\) has no item \[7\]"),
        ("{{rows[0].city}}", r"did you mean rows\[0\]\['city'\]"),
        ("{{day[0]}}", r"day \(date\) has no item \[0\]"),
        ("{{df.head}}", "df.head is a function, and nothing is called"),
        ("{{call}}", "call is a function"),
        ("{{df.head()}}", "more than a variable"),
        ("{{rows[0:2]}}", "more than a variable"),
    ],
)
def test_text_that_cannot_be_read_is_refused_with_what_to_do(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        fill(text, NAMES)


def test_nothing_is_called() -> None:
    called: list[int] = []
    with pytest.raises(UsageError):
        fill("{{box.fill()}} {{box.fill}}", {"box": SimpleNamespace(fill=lambda: called.append(1))})
    assert called == []


def test_a_short_text_file_is_its_text_and_any_other_one_its_path(tmp_path: Path) -> None:
    names = {
        "report": artifact(tmp_path, "report.md", b"# Found\n"),
        "plot": artifact(tmp_path, "plot.png", PIXEL),
        "log": artifact(tmp_path, "app.log", b"x" * (LONG + 1)),
    }
    assert fill("{{report}}", names) == "# Found\n"
    assert fill("{{plot}}", names) == f"plot.png ({len(PIXEL)} B: {tmp_path}/plot.png)"
    assert fill("{{log}}", names) == f"app.log (8.0 kB: {tmp_path}/app.log)"
    (tmp_path / "report.md").unlink()
    with pytest.raises(UsageError, match="cannot convert the variable 'report' to text: FileNotFoundError"):
        fill("{{report}}", names)


def test_a_file_is_sent_as_a_file(tmp_path: Path) -> None:
    names = {"plot": artifact(tmp_path, "out/plot.png", PIXEL), "result": RESULT}
    plot, result = variable_texts(["plot", "result"], names, tmp_path)
    assert (tmp_path / "attached-variables/plot.png").read_bytes() == PIXEL
    assert "attached-variables/plot.png" in plot
    assert "There." in result
    assert "session=" not in result


def test_long_braces_take_little_time() -> None:
    for text in ("{{" * 20_000, "{{a" + " " * 100_000, "{{a" + ".b" * 50_000 + "}}", "{{a" + "[0]" * 50_000):
        assert fill(text, {}) == text
