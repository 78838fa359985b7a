"""Questions about a DataFrame, for tools that take the figure, the columns and a comparison as separate arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from conjure_magic.models.base import ToolDefinition
from conjure_magic.models.offline import answer as say
from conjure_magic.models.offline.reading import Ask, Reading

_FIGURES = {Ask.MEAN: "mean", Ask.SUM: "sum", Ask.MAX: "max", Ask.MIN: "min", Ask.DISTINCT: "distinct"}
_COUNTS = frozenset({Ask.COUNT, Ask.BREAKDOWN, Ask.RANK, Ask.VALUES})
_FRAME_WORDS = frozenset({"dataframe", "frame", "dataframes", "table", "data", "row", "rows", "column", "variable"})
"""Words that only say that a DataFrame is meant."""


def frame_call(tools: Sequence[ToolDefinition], frame: str, readings: Sequence[Reading]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the tool call that answers. Raises ValueError with what cannot be answered."""
    if len(readings) != 1:
        raise ValueError("I can answer one question about a DataFrame at a time")
    (reading,) = readings
    _check(reading, frame)
    arguments = {"frame": frame, **_condition(reading)}
    if reading.ask is Ask.SUMMARY:
        if len(arguments) > 1:
            raise ValueError("I cannot summarise only the rows that meet a condition")
        return _tool(tools, {"frame"}), arguments
    if reading.ask is Ask.LINES:
        if reading.from_end or reading.skip:
            raise ValueError("I can show only the first rows of a DataFrame")
        return _tool(tools, {"frame", "limit", "sort_by"}), arguments | {"limit": reading.limit or 10}
    return _tool(tools, {"frame", "figure", "by"}), arguments | _figure(reading)


def has_frame_tools(tools: Sequence[ToolDefinition]) -> bool:
    """True if one of the tools works out figures of a DataFrame."""
    return any({"frame", "figure", "by"} <= _arguments(tool) for tool in tools)


def _tool(tools: Sequence[ToolDefinition], arguments: set[str]) -> str:
    """The tool with these arguments, and the fewest others."""
    fitting = [tool for tool in tools if arguments <= _arguments(tool)]
    if not fitting:
        raise ValueError("no tool for DataFrames does that")
    return min(fitting, key=lambda tool: len(_arguments(tool))).name


def _arguments(tool: ToolDefinition) -> set[str]:
    properties = tool.input_schema.get("properties", {})
    return set(properties) if isinstance(properties, Mapping) else set()


def _check(reading: Reading, frame: str) -> None:
    """Raise ValueError for parts of the request that no argument stands for."""
    known = {frame.lower(), *_FRAME_WORDS}
    words = (*reading.unknown, *reading.topic, *reading.names, *reading.levels, *reading.quoted, *reading.codes)
    left = [word for word in words if word.lower() not in known]
    if left or reading.ask is Ask.NONE:
        raise ValueError(f"I do not understand {say.listed(map(say.code, left)) or 'what is asked'}")
    if reading.saves:
        raise ValueError("I cannot write files from a DataFrame, or draw it")
    if reading.since or reading.until:
        raise ValueError("I cannot limit a DataFrame to a span of time")
    if reading.least:
        raise ValueError("I can list only the largest groups of a DataFrame, not the smallest")


def _condition(reading: Reading) -> dict[str, str]:
    if not reading.conditions:
        return {}
    if len(reading.conditions) > 1 or not reading.conditions[0][0]:
        raise ValueError("I can compare one column of a DataFrame with one value")
    column, comparison, value = reading.conditions[0]
    if re.fullmatch(r"[\d.]+m?s", value):
        raise ValueError(f"I do not know the unit of a column: name the number without one instead of {value}")
    return {"where_column": column, "comparison": "=" if comparison == "==" else comparison, "where_value": value}


def _figure(reading: Reading) -> dict[str, Any]:
    """Arguments for what is to be worked out."""
    value = " ".join(word for word in reading.value if word.lower() not in _FRAME_WORDS)
    by = " ".join(reading.groups) or reading.unit
    if reading.ask in _COUNTS:
        by = value or by
        found: dict[str, Any] = {"figure": "count"}
        if reading.ask is not Ask.COUNT and not by:
            raise ValueError("I do not know which column to count by")
    elif reading.ask is Ask.PERCENTILE and reading.percentiles == ("50",):
        found = {"figure": "median", "column": value}
    elif reading.ask in _FIGURES:
        found = {"figure": _FIGURES[reading.ask], "column": value}
    else:
        raise ValueError(f"I cannot work out this of a DataFrame: {reading.ask}")
    if found["figure"] != "count" and not value:
        raise ValueError(f"the request does not say of which column the {found['figure']} is wanted")
    found |= {"by": by} if by else {}
    return found | ({"limit": reading.limit} if reading.limit and by else {})


def frame_meant(prompt: str, variables: Sequence[tuple[str, str]]) -> str | None:
    """The DataFrame that a request is about; None if it is about none.

    Args:
        prompt: the request.
        variables: (name, type) of the variables that came with it.
    """
    frames = [name for name, kind in variables if kind.rpartition(".")[2] == "DataFrame"]
    named = [name for name in frames if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", prompt)]
    if named or frames:
        return (named or frames)[0] if len(named or frames) == 1 else None
    match = re.search(r"(?<![\w/.])(?:data ?frame\s+`?(\w+)`?|`?(\w*df\w*)`?)(?![\w/]|\.\w)", prompt, re.IGNORECASE)
    return (match[1] or match[2]) if match is not None else None
