"""Questions about DataFrames: which tool the offline model calls, with which arguments, and what it declines."""

from __future__ import annotations

from typing import Any

import pytest

from conjure_magic.backends.bundled_native.frames import Frames
from conjure_magic.backends.native.tool import tools_of
from conjure_magic.models.offline.examples import frame_examples
from conjure_magic.models.offline.frames import frame_call, frame_meant
from conjure_magic.models.offline.reading import read_request

TOOLS = [tool.definition for tool in tools_of(Frames())]


@pytest.mark.parametrize(
    ("prompt", "name", "arguments"),
    [
        ("summarise df", "describe", {}),
        ("Describe the DataFrame df", "describe", {}),
        ("mean of duration by endpoint", "figure", {"figure": "mean", "column": "duration", "by": "endpoint"}),
        ("average duration per endpoint", "figure", {"figure": "mean", "column": "duration", "by": "endpoint"}),
        ("top 5 endpoints", "figure", {"figure": "count", "by": "endpoints", "limit": 5}),
        ("max of duration", "figure", {"figure": "max", "column": "duration"}),
        ("count by status in df", "figure", {"figure": "count", "by": "status"}),
        ("show the first 3 rows of df", "rows", {"limit": 3}),
        (
            "how many rows have status >= 500",
            "figure",
            {"figure": "count", "where_column": "status", "comparison": ">=", "where_value": "500"},
        ),
    ],
)
def test_each_part_of_a_question_is_an_argument(prompt: str, name: str, arguments: dict[str, Any]) -> None:
    assert frame_call(TOOLS, "df", read_request(prompt)) == (f"frames_{name}", {"frame": "df", **arguments})


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("why is duration so high?", "I do not understand `why`"),
        ("draw duration by endpoint", "duration"),
        ("95th percentile of duration", "percentile"),
        ("mean of duration after 12:00", "span of time"),
    ],
)
def test_what_no_tool_does_is_declined(prompt: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        frame_call(TOOLS, "df", read_request(prompt))


@pytest.mark.parametrize(
    ("prompt", "variables", "frame"),
    [
        ("mean of duration", [("waits", "DataFrame")], "waits"),
        ("summarise df", [], "df"),
        ("summarise the DataFrame sales", [], "sales"),
        ("summarise a.log", [("n", "int")], None),
        ("compare them", [("a", "DataFrame"), ("b", "DataFrame")], None),
        ("summarise /data/df.csv", [], None),
    ],
)
def test_the_frame_is_the_one_sent_along_or_named(
    prompt: str, variables: list[tuple[str, str]], frame: str | None
) -> None:
    assert frame_meant(prompt, variables) == frame


def test_each_of_five_requests_that_are_offered_for_a_frame_is_a_call() -> None:
    about = "columns: endpoint (object), duration (float64)\n,endpoint,duration\n0,/a,1.5"
    offered = frame_examples("df", about)
    assert len(offered) == 5
    calls = [frame_call(TOOLS, "df", read_request(request)) for request in offered]
    for name, arguments in calls:
        tool = next(tool for tool in tools_of(Frames()) if tool.definition.name == name)
        assert set(arguments) <= set(tool.definition.input_schema["properties"])
        assert {arguments.get("column", "duration"), arguments.get("by", "endpoint")} == {"duration", "endpoint"}


def test_of_a_frame_whose_columns_are_not_known_no_column_is_offered() -> None:
    assert frame_examples("df", "") == ["summarise df", "how many rows are in df?", "show the first 5 rows of df"]
