"""One figure or list: every verb, over every kind of value."""

# ruff: noqa: E501 - a table with one query a line

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from log_analyzer import skill


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty lines over three hours and two days."""
    lines = []
    for i in range(60):
        level = "ERROR" if i % 10 == 0 else "Warn" if i % 5 == 0 else "INFO"
        day, hour = (1, 8 + i // 20) if i < 40 else (2, 7)
        who = ("ann", "bob", "cleo")[i % 3]
        text = (
            f"user={who} moved job-{i % 7} and job-{i % 4} in {i / 4} s, retried {i} times"
            if i % 2
            else f"idle, code {i}"
        )
        lines.append(f"2024-05-0{day} {hour:02d}:{i % 20:02d}:30.500 {level} [t] crane.C{i % 2}: {text}")
    path = tmp_path_factory.mktemp("query") / "a.log"
    path.write_text("\n".join(lines))
    return path


CASES: list[tuple[tuple[str, ...], Any]] = [
    ((), 60),
    (("--grep", "idle"), 30),
    (("--field", "level"), [["INFO", 48], ["ERROR", 6], ["Warn", 6]]),
    (("--field", "component", "--top", "1"), [["crane.C0", 30]]),
    (("--level", "WARN+", "--field", "component"), [["crane.C0", 6], ["crane.C1", 6]]),
    (("--level", "ERROR", "--time", "day"), [["2024-05-01", 4], ["2024-05-02", 2]]),
    (("--time", "hour", "--top", "2"), [["2024-05-01 08", 20], ["2024-05-01 09", 20]]),
    (("--time", "%H:%M", "--top", "1"), [["07:00", 1]]),
    (("--time", "day", "--distinct"), 2),
    (("--field", "user"), [["ann", 10], ["bob", 10], ["cleo", 10]]),
    (("--pattern", r"job-\d", "--distinct"), 7),
    (("--grep", "user=bob", "--pattern", r"moved (job-\d)", "--list"), ["job-1", "job-0", "job-6", "job-5", "job-4", "job-3", "job-2"]),
    (("--pattern", r"in ([\d.]+) s", "--max"), 14.75),
    (("--pattern", r"in ([\d.]+) s", "--min"), 0.25),
    (("--pattern", r"in ([\d.]+) s", "--mean"), 7.5),
    (("--pattern", r"code (\d+)", "--sum"), 870),
    (("--pattern", r"code (\d+)", "--missing", "1", "--sum"), 900),
    (("--span",), 83940),
    (("--until", "08:02", "--time", "%H:%M:%S", "--field", "level", "--list"), ["08:00:30 ERROR", "08:01:30 INFO", "07:00:30 ERROR"]),
    (("--field", "no_such", "--count"), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"), CASES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_a_query_is_answered_exactly(arguments: tuple[str, ...], expected: Any, log: Path) -> None:
    found = skill.query(log, *arguments)
    if arguments[:1] == ("--until",):
        found, expected = sorted(set(found) & set(expected)), sorted(expected)
    assert found == expected


def test_the_answer_comes_first_and_names_lines(log: Path) -> None:
    text = skill.run_ok("analyze.py", "query", str(log), "--field", "level")
    assert text.startswith("**INFO: 48, ERROR: 6, Warn: 6** — lines for each field level.")
    assert "| `ERROR` | 6 | line 1 |" in text
    text = skill.run_ok("analyze.py", "query", str(log), "--pattern", r"in ([\d.]+) s", "--max")
    assert text.startswith("**14.75** — max of pattern")
    assert "line 60" in text


def test_lines_themselves_can_be_listed(log: Path) -> None:
    found = skill.query(log, "--level", "ERROR", "--list", "--top", "2")
    assert found == [line for line in log.read_text().splitlines() if " ERROR " in line][:2]


def test_keys_of_json_lines_and_logfmt_can_be_taken(tmp_path: Path) -> None:
    rows = [
        {"time": f"2024-05-01T08:00:{i}Z", "level": "info", "msg": "took", "http": {"status": 200 + i % 2}}
        for i in range(10, 30)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert skill.query(tmp_path / "a.jsonl", "--field", "http.status") == [["200", 10], ["201", 10]]
    (tmp_path / "b.log").write_text(
        "".join(f'time=2024-05-01T08:00:{i}Z level=info msg="a b" status={i % 2}\n' for i in range(10, 30))
    )
    assert skill.query(tmp_path / "b.log", "--field", "status") == [["0", 10], ["1", 10]]
    assert skill.query(tmp_path / "b.log", "--field", "msg") == [["a b", 20]]


WRONG = [
    (("--max",), "--max needs a value"),
    (("--grep", "("), "not a regular expression"),
    (("--time", "fortnight"), "--time fortnight: use second"),
    (("--top", "0"), "--top 0: give a number"),
    (("--level", "loud"), "--level loud: not a level"),
    (("--since", "tomorrow"), "--since tomorrow: not a time"),
    (("--sum", "--max"), "not allowed with"),
    (("--pattern", "crane", "--sum"), "--sum found no number in 60 lines"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_wrong_use_is_one_line_and_exit_code_two(arguments: tuple[str, ...], message: str, log: Path) -> None:
    done = skill.run("analyze.py", "query", str(log), *arguments)
    error = done.stderr.decode()
    assert (done.returncode, done.stdout, error.count("\n")) == (2, b"", 1)
    assert error.startswith("error: ")
    assert message in error


@pytest.mark.parametrize("script", ["analyze.py summary", "analyze.py query", "parse_logs.py"])
def test_a_missing_file_is_one_line_and_exit_code_two(script: str, tmp_path: Path) -> None:
    name, *verb = script.split()
    for path in (tmp_path / "none.log", tmp_path):
        done = skill.run(name, *verb, str(path))
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert skill.run(name, *verb).returncode == 2


def test_a_reader_that_stops_early_ends_the_command_in_silence(log: Path) -> None:
    import subprocess
    import sys

    big = log.with_name("big.log")
    big.write_text((log.read_text() + "\n") * 300)
    with subprocess.Popen([sys.executable, str(skill.SCRIPTS / "parse_logs.py"), str(big)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
