"""What a function returned: text for the model, files for the person."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from fakes import ScriptedModel, use

from conjure_magic import Session, TurnResult, skill
from conjure_magic.backends.native.results import HEAD, TAIL

pytestmark = pytest.mark.usefixtures("folder")


def turn_of(value: Any) -> TurnResult:
    @skill
    def made() -> Any:
        return value() if callable(value) else value

    with Session("native", [made], ScriptedModel([use("t1", "made")], ["Done."])) as session:
        return session.chat("go")


def text_of(turn: TurnResult) -> str:
    result = turn.tool_calls[0].result
    assert result is not None
    return result.text


@dataclasses.dataclass
class Point:
    x: int
    when: dt.date


class Pair(NamedTuple):
    left: int
    right: set[str]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
        ((1, "a"), [1, "a"]),
        ([Point(1, dt.date(2026, 1, 2))], [{"x": 1, "when": "2026-01-02"}]),
        ({"n": np.int64(3), "v": np.arange(3)}, {"n": 3, "v": [0, 1, 2]}),
        ({3: {"a", "b"}}, {"3": ["a", "b"]}),
        ({"r": range(2), "k": {"a": 1}.keys(), "d": deque([1])}, {"r": [0, 1], "k": ["a"], "d": [1]}),
        ([Decimal("1.50"), Pair(1, {"b"})], ["1.50", {"left": 1, "right": ["b"]}]),
        (7, 7),
    ],
)
def test_data_is_pretty_json(value: Any, expected: Any) -> None:
    text = text_of(turn_of(value))
    assert json.loads(text) == expected
    assert text == json.dumps(expected, indent=2)


def test_text_stays_as_it_is_and_nothing_is_said_to_be_done() -> None:
    assert text_of(turn_of("a\nb")) == "a\nb"
    assert text_of(turn_of(lambda: None)) == "Done. The function returned None."


def test_what_json_cannot_hold_is_shown_as_python_would() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert text_of(turn_of(lambda: cycle)) == "[[...]]"
    assert "object at" in text_of(turn_of(lambda: threading.Lock()))


def test_a_frame_is_its_head_for_the_model_and_a_csv_for_the_person() -> None:
    turn = turn_of(pd.DataFrame({"n": range(1_000), "word": "x"}))
    assert text_of(turn).startswith("DataFrame of 1,000 rows and 2 columns, saved as made.csv in the workspace.")
    assert "\n9  9    x" in text_of(turn)
    assert "\n10 " not in text_of(turn)
    assert turn.files["made.csv"].read().decode().splitlines()[-1] == "999,x"


def test_a_series_and_an_index_with_meaning_are_kept() -> None:
    turn = turn_of(pd.Series([1, 2], index=["a", "b"], name="n"))
    assert turn.files["made.csv"].read() == b",n\na,1\nb,2\n"


def test_figures_and_pictures_are_png_files() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot
    from PIL import Image

    figure, axes = pyplot.subplots()
    for value in (figure, axes, Image.new("CMYK", (4, 3))):
        turn = turn_of(value)
        (file,) = turn.files
        assert file.read().startswith(b"\x89PNG")
        assert file.media_type == "image/png"
    assert pyplot.get_fignums() == [], "the notebook would show it once more"


@pytest.mark.parametrize(
    ("data", "name"), [(b"\x89PNG\r\n\x1a\nx", "made.png"), (b"plain", "made.txt"), (b"\xff\0", "made.bin")]
)
def test_bytes_are_a_file_named_by_what_they_are(data: bytes, name: str) -> None:
    assert turn_of(data).files[name].read() == data


def test_a_path_outside_is_copied_and_one_inside_stays(tmp_path: Path) -> None:
    outside = tmp_path / "report.txt"
    outside.write_text("x")
    turn = turn_of(outside)
    assert turn.files["report.txt"].read() == b"x"
    assert "saved as report.txt" in text_of(turn)
    assert outside.exists()
    assert "which is not a file" in text_of(turn_of(tmp_path / "nowhere"))


def test_several_things_come_each_in_turn() -> None:
    turn = turn_of({"note": "two files", "data": pd.DataFrame({"a": [1]}), "raw": b"x"})
    assert {file.name for file in turn.files} == {"data.csv", "raw.txt"}
    assert text_of(turn).startswith("note: two files\n\ndata: DataFrame of 1 rows")


def test_a_file_never_replaces_another() -> None:
    """Neither an earlier one nor one of the person's, and a name cannot leave the workspace."""
    assert {f.name for f in turn_of([b"a", b"b"]).files} == {"made.txt", "made-2.txt"}
    assert {f.name for f in turn_of({"../../x/.y": b"a"}).files} == {"y.txt"}


def test_long_text_is_shortened_for_the_model_and_whole_in_a_file() -> None:
    text = "".join(f"{n:07d}\n" for n in range(10_000))
    turn = turn_of(text)
    result = turn.tool_calls[0].result
    assert result is not None
    assert len(result.text) < HEAD + TAIL + 200
    assert "80,000 characters are omitted" in result.text.replace("56,000 of ", "")
    assert result.output_path.endswith("made.txt")
    assert turn.files["made.txt"].read().decode() == text


def test_files_are_found_in_lists_and_dicts_inside_of_others() -> None:
    turn = turn_of(lambda: [{"name": "a", "plots": {"one": b"\x89PNG\r\n\x1a\n"}}, {"n": 1}])
    assert [file.name for file in turn.files] == ["one.png"]
    assert '"n": 1' in text_of(turn)
    assert "plots: one: 8 bytes, saved as one.png" in text_of(turn)


def test_what_a_generator_yields_comes_as_a_list() -> None:
    def numbers() -> Any:
        yield from range(3)

    assert json.loads(text_of(turn_of(numbers))) == [0, 1, 2]
    assert json.loads(text_of(turn_of(lambda: map(str, range(2))))) == ["0", "1"]


def test_endlessly_nested_values_are_reported() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    assert "nested too deep" in text_of(turn_of(lambda: deep))


def test_a_value_that_fails_to_show_itself_is_the_functions_failure() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no")

    result = turn_of(lambda: Broken()).tool_calls[0].result
    assert result is not None
    assert (result.text, result.is_error) == ("ValueError: no", True)
