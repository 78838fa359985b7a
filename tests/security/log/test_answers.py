"""A hostile log: what it says stays quoted in the bundled analyzer's answer, and no line of it ends the analysis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from log_analyzer.skill import run, said
from security.drawn import broken_out

BROKEN_OUT = "**OUT** [OUT](http://evil.example/) <OUT> ![OUT](x) _OUT_ ~~OUT~~"
RUNS = ["`", "``", "```", "````", "`` ` ```", "`````````` ``", "\\`", "`\\"]
"""Runs of backticks that could end a code span or block; the longest is longer than any that an answer opens itself."""


def log_with(run_of_ticks: str) -> str:
    """A log with the run in every part that an answer shows: messages, traces, levels, components, hosts, fields."""
    odd = f"{run_of_ticks}{BROKEN_OUT}{run_of_ticks}|{BROKEN_OUT}"
    lines = []
    for n in range(120):
        row = {
            "timestamp": f"2026-03-01T08:{n // 60:02d}:{n % 60:02d}Z",
            "level": "ERROR" if n % 3 == 0 else f"{odd}",
            "logger": f"{odd} {n % 2}",
            "host": f"{odd} {n % 4}",
            "message": f"failed: {odd} {run_of_ticks}",
            "user": odd,
        }
        lines.append(json.dumps(row))
    text = [f"2026-03-01 09:00:{n % 60:02d} ERROR [{odd}] request failed {odd}\n  at {odd}" for n in range(60)]
    return "\n".join(lines + text) + "\n"


@pytest.mark.parametrize(
    "asked",
    [
        ("summary", "--budget", "16k"),
        ("query", "--count", "--by", "user"),
        ("query", "--list", "--field", "user"),
        ("query", "--list", "--grep", "failed"),
        ("query", "--count", "--by", "level"),
        ("query", "--field", "message", "--top", "3"),
        ("query", "--ratio", "--level", "ERROR", "--by", "component"),
    ],
    ids=" ".join,
)
def test_no_run_of_backticks_breaks_out_of_an_answer(tmp_path: Path, asked: tuple[str, ...]) -> None:
    for number, ticks in enumerate(RUNS):
        log = tmp_path / f"{number}.log"
        log.write_text(log_with(ticks))
        answer = said(asked[0], str(log), *asked[1:])
        assert "OUT" in answer
        assert broken_out(answer) == [], ticks


@pytest.mark.parametrize("script", ["analyze.py summary", "analyze.py query --list", "parse_logs.py"])
def test_deeply_nested_lines_end_no_analysis(tmp_path: Path, script: str) -> None:
    log = tmp_path / "deep.log"
    good = '{"level": "ERROR", "message": "no connection left"}\n'
    kinds = {'{"a":': "}", "[": "]", '{"message":[': "]}", '[{"x":': "}]"}
    deep = [
        f"{opening * depth}\n{opening * depth}1{closing * depth}\n{good}"
        for opening, closing in kinds.items()
        for depth in (300, 490, 990, 50_000)
    ]
    log.write_text(good * 20 + "".join(deep))
    name, *verb = script.split()
    done = run(name, *verb[:1], str(log), *verb[1:])
    assert done.returncode == 0
    assert b"no connection left" in done.stdout
    assert b"Traceback" not in done.stderr
