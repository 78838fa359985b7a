"""Rules answer for whole, plain commands only, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.command_rules import matches_rule


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        ("ls", "ls"),
        ("ls", "  ls\n"),
        ("ls *", "ls /tmp"),
        ("python scripts/analyze.py * *", "python scripts/analyze.py summary 'my file.log'"),
        ("git log -5 *", "git log -5 main"),
        ("tail --lines=* *", "tail --lines=5 app.log"),
        ("cat logs/*.log", "cat logs/app.log"),
        ("cat ../*", "cat ../x"),
        ('grep "no such" *', "grep 'no such' app.log"),
        ("ls | wc -l", "ls | wc -l"),
        ("for f in *.log; do wc $f; done", "for f in *.log; do wc $f; done"),
    ],
)
def test_a_rule_allows(rule: str, command: str) -> None:
    assert matches_rule(command, ["other", rule])


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        ("ls", "ls -la"),
        ("ls", "lsof"),
        ("ls *", "sudo ls x"),
        ("ls *", "LD_PRELOAD=x ls x"),
        ("ls *", "ls x; rm -r y"),
        ("ls *", "ls x && rm y"),
        ("ls *", "ls x & rm y"),
        ("ls *", "ls x | sh"),
        ("ls *", "ls $(rm y)"),
        ("ls *", "ls `rm y`"),
        ("ls *", "ls <(rm y)"),
        ("ls *", "ls x > y"),
        ("ls *", "ls x\nrm y"),
        ("ls *", "ls x\rrm y"),
        ("ls *", "ls $HOME"),
        ("ls *", "ls ~root"),
        ("ls *", "ls {a,b}"),
        ("ls *", "ls *.log"),
        ("ls *", "ls \\$HOME"),
        ("ls *", "ls !x"),
        ("ls *", "ls # x"),
        ("ls | wc *", "ls | wc -l"),
        ("LS", "ls"),
        ("", "ls"),
    ],
)
def test_a_rule_does_not_allow(rule: str, command: str) -> None:
    assert not matches_rule(command, [rule])


@given(st.sampled_from(list(";&|<>`$(){}[]!*?~#\n\r\\")), st.text(max_size=8), st.text(max_size=8))
def test_no_metacharacter_slips_through_a_glob(sign: str, before: str, after: str) -> None:
    command = f"ls {before}{sign}{after}x"
    assert not matches_rule(command, ["ls *", "*", "l*x", "ls * *"])


def test_no_rules() -> None:
    assert not matches_rule("ls", [])
