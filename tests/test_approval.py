"""Approvers and decisions say who answered."""

from __future__ import annotations

from conjure_magic.approval import ApprovalRequest, Decision, allow, refuse
from conjure_magic.cancel import Cancel

REQUEST = ApprovalRequest("t1", "local", "bash_tool", "ls")


def test_nobody_there_refuses_and_says_what_to_pass() -> None:
    decision = refuse(REQUEST, Cancel())
    assert not decision.allowed
    assert decision.by == "nobody there"
    assert "--yes" in decision.reason
    assert "allowed_commands" in decision.reason


def test_yes_answers_each_call_by_itself() -> None:
    """Remembered, it would outlast the cell that it was typed in."""
    decision = allow(REQUEST, Cancel())
    assert (decision.allowed, decision.scope, decision.by) == (True, "once", "--yes")


def test_only_no_is_a_refusal() -> None:
    assert [Decision(scope).allowed for scope in ("once", "session", "no")] == [True, True, False]
