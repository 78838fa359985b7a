"""Approvers and decisions say who answered."""

from __future__ import annotations

import pytest

from conjure_magic.approval import ApprovalRequest, Approver, Decision, approve_all, refuse_all
from conjure_magic.cancel import Cancel
from conjure_magic.magics.ask_user import yes

REQUEST = ApprovalRequest("t1", "local", "bash_tool", "ls")


def test_where_no_one_can_answer_it_is_refused_with_what_to_pass() -> None:
    decision = refuse_all(REQUEST, Cancel())
    assert not decision.allowed
    assert decision.by == "no one there"
    assert "approver=approve_all" in decision.reason
    assert "allowed_commands" in decision.reason


@pytest.mark.parametrize(("approver", "by"), [(approve_all, "approve_all"), (yes, "--yes")])
def test_what_allows_everything_answers_each_call_by_itself(approver: Approver, by: str) -> None:
    """Remembered, it would outlast the turn or the cell that it was given for."""
    decision = approver(REQUEST, Cancel())
    assert (decision.allowed, decision.scope, decision.by) == (True, "once", by)


def test_only_no_is_a_refusal() -> None:
    assert [Decision(scope).allowed for scope in ("once", "session", "no")] == [True, True, False]
