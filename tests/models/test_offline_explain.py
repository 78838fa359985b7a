"""What the offline model says of a traceback, whatever the traceback holds."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.models.offline.explain import explain

LABEL = "Answered by the offline model"


def raised(code: str) -> str:
    try:
        exec(compile(code, "/tmp/ipykernel_1/1.py", "exec"), {})
    except Exception as error:
        return "".join(traceback.format_exception(error))
    raise AssertionError


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("{}['a']", "**KeyError**: 'a'"),
        ("raise ValueError", "**ValueError**\n"),
        ("raise ValueError('one\\ntwo')", "**ValueError**: one two"),
        ("try: 1/0\nexcept Exception as e: raise OSError(2, 'gone') from e", "**FileNotFoundError**: "),
        ("class Odd(Exception): pass\nraise Odd('*bold*')", r"Odd**: \*bold\*"),
        ("raise ExceptionGroup('several', [ValueError('a')])", "ExceptionGroup"),
    ],
)
def test_the_error_and_the_place_are_named(code: str, said: str) -> None:
    text = explain(raised(code))
    assert said in text
    assert "of a cell" in text
    assert LABEL in text


@given(st.text(alphabet=st.sampled_from('File "x", line 1, in \n ^Error:<>`*'), max_size=300))
def test_any_text_is_answered(text: str) -> None:
    assert LABEL in explain(text)
