"""The summary keeps the lines that tell what went wrong, exactly, within the bytes that it may use."""

# ruff: noqa: E501 - lines of logs, built in place

from __future__ import annotations

import json
from pathlib import Path

import pytest
from log_analyzer import ci_logs, skill


def stamped(lines: list[str]) -> str:
    """The lines behind the time that a build runner writes."""
    return "".join(f"2026-03-01T10:{i // 60 % 60:02d}:{i % 60:02d}.1234567Z {line}\n" for i, line in enumerate(lines))


def summarised(path: Path, *arguments: str) -> str:
    """The summary as Markdown, made in this process."""
    return skill.said("summary", str(path), *arguments)


@pytest.mark.parametrize("tool", ci_logs.FAILURES)
def test_what_a_tool_says_of_a_failure_survives_in_four_kilobytes(tool: str, tmp_path: Path) -> None:
    lines, needed = ci_logs.FAILURES[tool]
    path = tmp_path / "build.log"
    path.write_text(
        stamped([*ci_logs.noise(300, 1), *lines, *([] if tool == "azure" else ci_logs.noise(20, 2)), *ci_logs.AFTER])
    )
    text = summarised(path)
    assert len(text.encode()) <= 4096
    assert [string for string in needed if string not in text] == []


def test_colours_are_taken_out_of_what_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "build.log"
    red = ["\x1b[31mFAILED\x1b[0m tests/\x1b[1mtest_a.py\x1b[0m::test_b", "^[[31m= 1 failed, 2 passed in 0.1s =^[[0m"]
    path.write_text(stamped([*ci_logs.noise(50, 1), *red]))
    text = summarised(path)
    assert "FAILED tests/test_a.py::test_b" in text
    assert "= 1 failed, 2 passed in 0.1s =" in text


def test_evidence_stands_below_the_verdict_with_line_numbers_in_the_order_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "build.log"
    path.write_text(stamped([*ci_logs.noise(80, 1), "##[group]Run make check", "make check", "##[endgroup]",
                             "widget.c:7:3: error: unknown type name 'strng'", "##[error]Process completed with exit code 2."]))  # fmt: skip
    text = summarised(path)
    assert text.startswith(
        "**build.log: critical** — a step of a build failed by the runner's own verdict (last: line 85)"
    )
    assert text.index("84: widget.c:7:3: error: unknown type name") < text.index("85: ##[error]Process completed with")
    assert "81: ##[group]Run make check" in text
    assert text.index("## Evidence") < text.index("##[error]")


def test_a_budget_bounds_the_whole_output_and_json_is_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("".join(f"2024-05-01 08:{i // 60:02d}:{i % 60:02d} {'ERROR' if i % 7 == 0 else 'INFO'} w{i % 30}: "
                            f"{'disk ' + 'abcdefgh'[i % 8] if i % 7 == 0 else 'step'} number {i} of pump {chr(97 + i % 26)}\n"
                            for i in range(2000)))  # fmt: skip
    for budget, size in (("700", 700), ("2k", 2048), ("4k", 4096), ("16k", 16384)):
        text = summarised(path, "--budget", budget)
        assert len(text.encode()) <= size
        assert text.startswith("**app.log: critical**")
    assert "Left out to fit: " in summarised(path, "--budget", "700")
    assert "--budget 16k" in summarised(path, "--budget", "700")
    found = json.loads(skill.said("summary", str(path), "--json", "--budget", "700"))
    assert len(found["templates"]) == found["template_count"]
    assert {"file", "line", "text"} == set(found["evidence"][0])
    done = skill.run("analyze.py", "summary", str(path), "--budget", "much")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_the_first_and_the_last_line_of_a_problem_are_evidence(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("".join(f"2024-05-01 08:{i // 60:02d}:{i % 60:02d} {'ERROR' if 40 < i < 900 else 'INFO'} crane: rope {i} "
                            f"{'is slack' if 40 < i < 900 else 'holds'}\n" for i in range(1000)))  # fmt: skip
    text = summarised(path)
    assert "42: 2024-05-01 08:00:41 ERROR crane: rope 41 is slack" in text
    assert "900: 2024-05-01 08:14:59 ERROR crane: rope 899 is slack" in text


def test_a_failure_among_more_messages_than_are_kept_apart_is_found(tmp_path: Path) -> None:
    """Rare words are opened beyond a bound: the wording is judged before."""
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ai", "ou")]
    words = [a + b for a in syllables for b in syllables]
    path = tmp_path / "a.log"
    with path.open("w") as stream:
        for i in range(25_000):
            stream.write(
                f"{words[i % len(words)]} {words[i * 7 % len(words)]}ing {words[i * 13 % len(words)]} {words[i // 3 % len(words)]}\n"
            )
        stream.write("fatal error: disk failed\n")
    found = json.loads(skill.said("summary", str(path), "--json"))
    assert [problem["evidence"] for problem in found["problems"]] == [["25001"]]
    assert {"file": str(path), "line": 25001, "text": "fatal error: disk failed"} in found["evidence"]
    assert "no errors" not in " ".join(found["health_reasons"])


def test_a_fence_holds_whatever_the_log_says(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"2024-05-01 08:00:{i:02d} job {i} failed: ````` </script>\x07\n" for i in range(5)))
    text = summarised(path)
    assert "``````text\n" in text
    assert "\x07" not in text
