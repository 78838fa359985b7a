"""The bundled native skill `frames`: the DataFrames in the user's kernel, read only.

Every part of a question is an argument of its own (a column, a figure, a comparison, a value): no text of a request
or of a frame is evaluated, and nothing in the kernel is changed.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Literal

from conjure_magic.backends.bundled_native.kernel import HIDDEN, host_of, own_variables, secrets_in
from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.host import Host
from conjure_magic.backends.native.results import shortened
from conjure_magic.backends.native.skill import skill
from conjure_magic.errors import ToolError
from conjure_magic.events import ToolResult
from conjure_magic.secrets import masked, names_secret

DataFrame = Any
Series = Any
"""Of pandas, which is imported where it is used."""
Figure = Literal["count", "distinct", "mean", "sum", "min", "max", "median"]
Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "contains"]
MOST_ROWS = 200
"""Rows that a result shows at most."""
MOST_COLUMNS = 60
WIDEST = 200
"""Characters of a cell that are shown."""
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~$&#!]")


class Frames(NativeSkill):
    """The pandas DataFrames in the user's kernel: summarise, show, filter, group and rank them without running code."""

    name = "frames"
    description = "pandas DataFrames in the user's kernel: summarise, show rows, filter, group; read only."

    @skill
    def describe(self, context: SkillContext, frame: str = "") -> ToolResult:
        """Summarise a DataFrame: size, and for each column the type, missing values, range and most common value.

        Args:
            frame: the variable's name, such as "df"; may be left out if there is only one DataFrame.
        """
        name, found = frame_named(host_of(context), frame)
        rows = [_column_summary(found, place) for place in range(min(len(found.columns), MOST_COLUMNS))]
        head = f"**{len(found):,} rows and {len(found.columns):,} columns** in {_text(name)}."
        return _answer(
            head, ["column", "type", "missing", "distinct", "min", "mean", "max", "most common"], rows, context
        )

    @skill
    def rows(
        self,
        context: SkillContext,
        frame: str = "",
        limit: int = 10,
        sort_by: str = "",
        ascending: bool = False,
        where_column: str = "",
        comparison: Comparison = "=",
        where_value: str = "",
    ) -> ToolResult:
        """Show rows of a DataFrame: the first ones, or those largest in a column; optionally only matching rows.

        Args:
            frame: the variable's name, such as "df"; may be left out if there is only one DataFrame.
            limit: how many rows, at most 200.
            sort_by: the column to sort by; the largest come first.
            ascending: whether the smallest come first instead.
            where_column: the column of a condition that rows must meet; leave out for all rows.
            comparison: how its values compare with `where_value`.
            where_value: a number, a time or a text.
        """
        name, found = frame_named(host_of(context), frame)
        kept = _filtered(found, name, where_column, comparison, where_value)
        if sort_by:
            values = kept.iloc[:, _place(found, name, sort_by)].reset_index(drop=True)
            kept = kept.iloc[values.sort_values(ascending=ascending, kind="stable").index]
        condition = _condition(where_column, comparison, where_value)
        shown = kept.head(max(0, min(limit, MOST_ROWS)))
        columns = range(min(len(found.columns), MOST_COLUMNS))
        rows = [[_cell(shown, row, place) for place in columns] for row in range(len(shown))]
        head = f"**{len(shown):,} of {len(kept):,} rows** of {_text(name)}{condition}:"
        return _answer(head, [str(found.columns[place]) for place in columns], rows, context)

    @skill
    def figure(
        self,
        context: SkillContext,
        frame: str = "",
        figure: Figure = "count",
        column: str = "",
        by: str = "",
        limit: int = 0,
        where_column: str = "",
        comparison: Comparison = "=",
        where_value: str = "",
    ) -> ToolResult:
        """Work out a figure of a DataFrame: of all rows or for each value of a column, the largest first.

        Args:
            frame: the variable's name, such as "df"; may be left out if there is only one DataFrame.
            figure: which one; "count" counts rows.
            column: the column that the figure is of; not needed to count rows.
            by: the column whose values it is worked out for; leave out for one figure of all rows.
            limit: only that many of them; 0 for all, at most 200.
            where_column: the column of a condition that rows must meet; leave out for all rows.
            comparison: how its values compare with `where_value`.
            where_value: a number, a time or a text.
        """
        name, found = frame_named(host_of(context), frame)
        kept = _filtered(found, name, where_column, comparison, where_value)
        values = _values(kept, name, column, figure)
        condition = _condition(where_column, comparison, where_value)
        what = "rows" if figure == "count" and not column else f"{figure} of {_text(column)}"
        if not by:
            result = len(kept) if figure == "count" and not column else _worked_out(values, figure)
            said = f"**{_number(result)} {what}**" if what == "rows" else f"**{_number(result)}** is the {what}"
            return _answer(f"{said} in {_text(name)}{condition}.", [], [], context)
        keys = kept.iloc[:, _place(found, name, by)].reset_index(drop=True)
        grouped = values.reset_index(drop=True).groupby(keys, dropna=False, observed=True)
        table = grouped.size() if figure == "count" and not column else _worked_out(grouped, figure)
        table = table.sort_values(ascending=False, kind="stable")
        shown = table.head(min(limit or MOST_ROWS, MOST_ROWS))
        head = f"**{what[:1].upper()}{what[1:]} per {_text(by)}** in {_text(name)}{condition}"
        head += f", {len(shown):,} of {len(table):,} groups:" if len(shown) < len(table) else ":"
        rows = [[_text(key), _number(value)] for key, value in shown.items()]
        return _answer(head, [by, figure], rows, context)


# ---- frames and columns by name


def frame_named(host: Host, name: str) -> tuple[str, DataFrame]:
    """The DataFrame of this name, or the only one. Raises ToolError, which names those that exist."""
    pandas: Any = sys.modules.get("pandas")  # a kernel that has not imported it has no DataFrame
    frames = {key: value for key, value in own_variables(host) if pandas and isinstance(value, pandas.DataFrame)}
    if name in frames:
        return name, frames[name]
    if not frames:
        raise ToolError("no variable of the kernel is a DataFrame")
    if not name and len(frames) == 1:
        return next(iter(frames.items()))
    said = f"{name} is not a DataFrame" if name else "name the DataFrame"
    raise ToolError(f"{said}; the DataFrames are {', '.join(frames)}")


def _place(frame: DataFrame, name: str, column: str) -> int:
    """The position of a column; capitals, blanks for underscores and a plural s do not matter."""
    labels = [str(label) for label in frame.columns]
    for alike in (str, _simplified, lambda text: _simplified(text).removesuffix("s")):
        found = [place for place, label in enumerate(labels) if alike(label) == alike(column)]
        if len(found) == 1 and names_secret(labels[found[0]]):
            raise ToolError(f"the column {column} is hidden: its name looks like a secret")
        if len(found) == 1:
            return found[0]
        if found:
            raise ToolError(f"{len(found)} columns of {name} are called {column}")
    raise ToolError(f"{name} has no column {column}; its columns are {', '.join(labels[:MOST_COLUMNS])}")


def _pandas() -> Any:
    """The library, which the kernel has imported if there is a DataFrame in it."""
    return sys.modules["pandas"]


def _simplified(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text.casefold())


def _values(frame: DataFrame, name: str, column: str, figure: Figure) -> Series:
    """The values that a figure is worked out from."""
    if not column:
        if figure != "count":
            raise ToolError(f"name the column that the {figure} is of; {name} has {', '.join(map(str, frame.columns))}")
        return _pandas().Series(range(len(frame)), index=frame.index)
    values = frame.iloc[:, _place(frame, name, column)]
    timed = _pandas().api.types.is_datetime64_any_dtype(values) or _pandas().api.types.is_timedelta64_dtype(values)
    numeric = _pandas().api.types.is_numeric_dtype(values) or (timed and figure != "sum")
    if figure not in ("count", "distinct") and not numeric:
        raise ToolError(f"the column {column} of {name} holds {values.dtype}, of which there is no {figure}")
    return values


def _worked_out(values: Any, figure: Figure) -> Any:
    """The figure of a column, or of its groups."""
    method = {"distinct": "nunique"}.get(figure, figure)
    return getattr(values, method)()


# ---- conditions


def _filtered(frame: DataFrame, name: str, column: str, comparison: Comparison, value: str) -> DataFrame:
    """The rows that meet the condition; all of them if no column is given."""
    if not column:
        return frame
    values = frame.iloc[:, _place(frame, name, column)]
    if comparison == "contains":
        return frame[values.astype(str).str.contains(value, regex=False).to_numpy()]
    wanted = _like(values, column, value)
    if isinstance(wanted, str):
        if comparison not in ("=", "!="):
            raise ToolError(f"the column {column} holds texts, which can be compared by =, != and contains only")
        values = values.astype(str)
    return frame[_compared(values, comparison, wanted).fillna(False).to_numpy(dtype=bool)]


def _compared(values: Series, comparison: Comparison, wanted: Any) -> Series:
    methods = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    compared: Series = getattr(values, methods[comparison])(wanted)
    return compared


def _like(values: Series, column: str, value: str) -> Any:
    """The value in the column's type. Raises ToolError for a text that cannot be converted."""
    types = _pandas().api.types
    try:
        if types.is_bool_dtype(values):
            return {"true": True, "false": False}[value.strip().lower()]
        if types.is_datetime64_any_dtype(values):
            moment = _pandas().Timestamp(value)
            zone = values.dt.tz
            return moment.tz_localize(zone) if zone is not None and moment.tzinfo is None else moment
        if types.is_timedelta64_dtype(values):
            return _pandas().Timedelta(value)
        return float(value) if types.is_numeric_dtype(values) else value
    except (ValueError, KeyError):
        raise ToolError(f"the column {column} holds {values.dtype}, and {value!r} is no such value") from None


# ---- results


def _column_summary(frame: DataFrame, place: int) -> list[str]:
    values = frame.iloc[:, place]
    name = str(frame.columns[place])
    row = [_text(name), _text(values.dtype), _number(int(values.isna().sum()))]
    if names_secret(name):
        return [*row, *[""] * 4, _text(HIDDEN)]
    try:
        distinct: Any = int(values.nunique())
    except TypeError:  # lists and dicts
        return [*row, *[""] * 5]
    types = _pandas().api.types
    ranged = not types.is_bool_dtype(values) and (
        types.is_numeric_dtype(values) or types.is_datetime64_any_dtype(values) or types.is_timedelta64_dtype(values)
    )
    ranged = ranged and not types.is_complex_dtype(values) and len(values) > 0
    figures = [_number(figure) for figure in (values.min(), values.mean(), values.max())] if ranged else [""] * 3
    common = values.value_counts()
    most = f"{_text(common.index[0])} ({_number(int(common.iloc[0]))})" if len(common) and common.iloc[0] > 1 else ""
    return [*row, _number(distinct), *figures, most]


def _cell(frame: DataFrame, row: int, place: int) -> str:
    return _text(HIDDEN if names_secret(str(frame.columns[place])) else frame.iat[row, place])


def _condition(column: str, comparison: str, value: str) -> str:
    return f" where {_text(column)} {_text(comparison)} {_text(value)}" if column else ""


def _number(value: Any) -> str:
    """A figure as people write it; anything else as a text."""
    try:
        if value == int(value):
            return f"{int(value):,}"
        return f"{float(value):,.4f}".rstrip("0")
    except (TypeError, ValueError, OverflowError):
        return _text(value)


def _text(value: Any) -> str:
    """A value on one line, shortened, with every sign escaped that Markdown could act on."""
    text = " ".join(str(value).split())
    return _SPECIAL.sub(r"\\\g<0>", text if len(text) <= WIDEST else f"{text[:WIDEST]}…")


def _answer(head: str, heads: list[str], rows: list[list[str]], context: SkillContext) -> ToolResult:
    """The sentence and the table as Markdown, without values that look like secrets."""
    lines = [head]
    if rows:
        lines += ["", f"| {' | '.join(map(_text, heads))} |", f"|{' --- |' * len(heads)}"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
    return shortened(masked("\n".join(lines), secrets_in(host_of(context))), context)
