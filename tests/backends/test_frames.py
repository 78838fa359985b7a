"""The bundled skill `frames`: DataFrames read by name, with every part of a question as an argument."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from conjure_magic.backends.bundled_native.frames import Frames, frame_named
from conjure_magic.backends.native import SkillContext
from conjure_magic.errors import ToolError


class Host:
    """A kernel with nothing but variables."""

    hidden = frozenset[str]()

    def __init__(self, **namespace: Any) -> None:
        self.namespace: dict[str, Any] = namespace

    def run(self, code: str) -> Any:
        raise AssertionError("frames runs no code")

    def call_soon(self, function: Any) -> bool:
        raise AssertionError("frames runs nothing in the kernel")


class Context:
    """As much of a turn's context as a skill that writes no file needs."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def mask(self, text: str) -> str:
        """The text, as there are no secrets here."""
        return text


REQUESTS = pd.DataFrame(
    {
        "endpoint": ["/cart", "/pay", "/cart", "/home", "/cart"],
        "duration_ms": [10, 250, 30, 5, 20.5],
        "status": [200, 500, 200, 404, 503],
        "at": pd.date_range("2026-11-21 13:00", periods=5, freq="min"),
        "ok": [True, False, True, False, False],
    }
)


def ask(tool: str, /, *frames: pd.DataFrame, **given: Any) -> str:
    """What a tool answers about these frames (df, df1, …), or about the requests."""
    named = {f"df{index or ''}": frame for index, frame in enumerate(frames or (REQUESTS,))}
    context = cast(SkillContext, Context(Host(**named, word="x")))
    return cast(str, getattr(Frames(), tool)(context=context, **given).text)


def test_a_frame_is_described_by_its_columns() -> None:
    text = ask("describe", frame="df")
    assert text.startswith("**5 rows and 5 columns** in df.")
    assert "| endpoint | str | 0 | 3 |  |  |  | /cart (3) |" in text.replace("object", "str")
    assert "| duration\\_ms | float64 | 0 | 5 | 5 | 63.1 | 250 |  |" in text
    assert "2026-11-21 13:02:00" in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"figure": "count"}, "**5 rows** in df."),
        ({"figure": "mean", "column": "duration_ms"}, "**63.1** is the mean of duration\\_ms in df."),
        ({"figure": "median", "column": "Duration MS"}, "**20.5** is the median"),
        ({"figure": "distinct", "column": "endpoints"}, "**3** is the distinct of endpoints"),
        ({"figure": "max", "column": "at"}, "**2026-11-21 13:04:00** is the max of at"),
        (
            {"where_column": "status", "comparison": ">=", "where_value": "500"},
            "**2 rows** in df where status \\>= 500.",
        ),
        ({"where_column": "endpoint", "where_value": "/cart"}, "**3 rows**"),
        ({"where_column": "endpoint", "comparison": "contains", "where_value": "a"}, "**4 rows**"),
        ({"where_column": "at", "comparison": "<", "where_value": "2026-11-21 13:02"}, "**2 rows**"),
        ({"where_column": "ok", "where_value": "true"}, "**2 rows**"),
    ],
)
def test_one_figure_of_all_rows_that_match(given: dict[str, str], expected: str) -> None:
    assert expected in ask("figure", **given)


def test_a_figure_for_each_value_comes_largest_first_and_is_limited() -> None:
    text = ask("figure", figure="mean", column="duration_ms", by="endpoint")
    assert text.split("\n")[2:] == [
        "| endpoint | mean |",
        "| --- | --- |",
        "| /pay | 250 |",
        "| /cart | 20.1667 |",
        "| /home | 5 |",
    ]
    assert "1 of 3 groups:" in ask("figure", by="endpoint", limit=1)
    assert ask("figure", by="endpoint", limit=1).endswith("| /cart | 3 |")


def test_rows_are_shown_in_their_order_or_by_a_column() -> None:
    assert ask("rows", limit=2).count("\n| /") == 2
    assert "| /pay | 250.0 |" in ask("rows", limit=1, sort_by="duration_ms")
    assert "| /home | 5.0 |" in ask("rows", limit=1, sort_by="duration_ms", ascending=True)
    assert "**2 of 2 rows** of df where status > 499".replace(">", "\\>") in ask(
        "rows", where_column="status", comparison=">", where_value="499"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"frame": "word"}, "word is not a DataFrame; the DataFrames are df"),
        ({"figure": "mean", "column": "latency"}, "df has no column latency; its columns are endpoint, duration_ms,"),
        ({"figure": "mean", "column": "endpoint"}, "of which there is no mean"),
        ({"figure": "mean"}, "name the column that the mean is of"),
        ({"where_column": "status", "where_value": "many"}, "'many' is no such value"),
        ({"where_column": "endpoint", "comparison": "<", "where_value": "x"}, "compared by =, != and contains only"),
        ({"where_column": "@x", "where_value": "__import__('os')"}, "df has no column @x"),
    ],
)
def test_what_cannot_be_answered_is_said_with_what_exists(given: dict[str, str], said: str) -> None:
    with pytest.raises(ToolError, match=said.replace("(", r"\(").replace(")", r"\)")):
        ask("figure", **given)


def test_the_only_frame_need_not_be_named_but_one_of_two_must() -> None:
    with pytest.raises(ToolError, match="name the DataFrame; the DataFrames are df, df1"):
        ask("figure", REQUESTS, REQUESTS)
    with pytest.raises(ToolError, match="no variable of the kernel is a DataFrame"):
        frame_named(Host(word="x"), "")


def test_text_of_a_frame_is_shown_and_never_read_as_markup_or_code() -> None:
    hostile = pd.DataFrame({"a|b": ["<script>", "@x", "**bold**\n| c |"], "n": [1, 2, 3]})
    text = ask("rows", hostile, where_column="a|b", where_value="<script>")
    assert "| a\\|b | n |" in text
    assert "| \\<script\\> | 1 |" in text
    assert "**0 rows**" in ask("figure", hostile, where_column="a|b", where_value="@x or True")
    assert "\n| \\*\\*bold\\*\\* \\| c \\| | 3 |" in ask("rows", hostile)


def test_columns_that_look_like_secrets_stay_hidden() -> None:
    keys = pd.DataFrame({"api_key": ["sk-1234567890abcdef"] * 2, "n": [1, 2]})
    assert "1234567890" not in ask("rows", keys) + ask("describe", keys)
    with pytest.raises(ToolError, match="looks like a secret"):
        ask("figure", keys, by="api_key")


def test_odd_frames_are_answered_and_left_as_they_are() -> None:
    odd = pd.DataFrame([[1, 2, [3], np.nan]] * 3, columns=["n", "n", 7, ("a", 1)], index=[0, 0, 0])
    before = odd.copy()
    assert "**3 rows and 4 columns**" in ask("describe", odd)
    assert ask("rows", odd, limit=5).count("\n| 1 |") == 3
    with pytest.raises(ToolError, match="2 columns of df are called n"):
        ask("figure", odd, by="n")
    assert "**0 rows and 0 columns**" in ask("describe", pd.DataFrame())
    pd.testing.assert_frame_equal(odd, before)
