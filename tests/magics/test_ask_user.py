"""Reading what a person typed at the question."""

from __future__ import annotations

import pytest

from conjure_magic.magics.ask_user import read_answer


@pytest.mark.parametrize(
    ("typed", "scope", "reason"),
    [
        ("y", "once", ""),
        ("Yes", "once", ""),
        ("a", "session", ""),
        ("n", "no", "The user said no."),
        ("no, use grep instead", "no", "use grep instead"),
    ],
)
def test_clear_answers(typed: str, scope: str, reason: str) -> None:
    decision = read_answer(typed)
    assert decision is not None
    assert (decision.scope, decision.reason) == (scope, reason)


@pytest.mark.parametrize("typed", ["", "maybe", "yes but only on tuesdays", "all right?", "yn"])
def test_what_is_not_clear_is_asked_again(typed: str) -> None:
    assert read_answer(typed) is None
