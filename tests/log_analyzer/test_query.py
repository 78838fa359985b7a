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


EMPTY = [f"2024-05-01 {hour}" for hour in range(10, 24)] + [f"2024-05-02 {hour:02d}" for hour in range(7)]
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
    (("--time", "hour"), [["2024-05-01 08", 20], ["2024-05-01 09", 20], *[[hour, 0] for hour in EMPTY], ["2024-05-02 07", 20]]),
    (("--time", "%H:%M", "--level", "ERROR"), [["07:00", 1], ["07:10", 1], ["08:00", 1], ["08:10", 1], ["09:00", 1], ["09:10", 1]]),
    (("--time", "weekday"), [["Wednesday", 40], ["Thursday", 20]]),
    (("--by", "level"), [["INFO", 48], ["ERROR", 6], ["Warn", 6]]),
    (("--by", "user", "--top", "1"), [["ann", 10]]),
    (("--by", "component,level", "--where", "level>=WARN"), [["crane.C0", "ERROR", 6], ["crane.C1", "Warn", 6]]),
    (("--time", "day", "--by", "level"), [["2024-05-01", "ERROR", 4], ["2024-05-01", "INFO", 32], ["2024-05-01", "Warn", 4], ["2024-05-02", "ERROR", 2], ["2024-05-02", "INFO", 16], ["2024-05-02", "Warn", 2]]),
    (("--by", "component", "--field", "level"), [["crane.C0", "INFO", 24], ["crane.C1", "INFO", 24], ["crane.C0", "ERROR", 6], ["crane.C1", "Warn", 6]]),
    (("--by", "user", "--pattern", r"in ([\d.]+) s", "--max"), [["cleo", 14.75], ["ann", 14.25], ["bob", 13.75]]),
    (("--time", "day", "--pattern", r"code (\d+)", "--sum"), [["2024-05-01", 380], ["2024-05-02", 490]]),
    (("--time", "day", "--field", "user", "--distinct"), [["2024-05-01", 3], ["2024-05-02", 3]]),
    (("--pattern", r"in ([\d.]+) s", "--p", "50"), 7.5),
    (("--pattern", r"in ([\d.]+) s", "--p", "0,50,100"), [["p0", 0.25], ["p50", 7.5], ["p100", 14.75]]),
    (("--pattern", r"code (\d+)", "--p", "25", "--p", "75", "--by", "level"), [["INFO", 15.5, 44.5], ["ERROR", 12.5, 37.5]]),
    (("--level", "ERROR", "--ratio"), 10),
    (("--level", "ERROR", "--ratio", "--time", "day"), [["2024-05-01", 10, 4, 40], ["2024-05-02", 10, 2, 20]]),
    (("--where", "user=bob", "--ratio", "--by", "component"), [["crane.C1", 33.3333, 10, 30], ["crane.C0", 0, 0, 30]]),
    (("--field", "level", "--ratio", "--since", "2024-05-02"), [["INFO", 80, 16, 20], ["ERROR", 10, 2, 20], ["Warn", 10, 2, 20]]),
    (("--where", "user=bob"), 10),
    (("--where", "user!=bob"), 20),
    (("--where", "user~O"), 20),
    (("--where", "level=warning", "--where", "component~c1"), 6),
    (("--where", "line>58", "--field", "line", "--list"), ["59", "60"]),
    (("--field", "line", "--list", "--last", "2"), ["59", "60"]),
    (("--field", "component", "--where", "user=ann", "--grep", "no such text"), []),
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
    (("--field", "no_such"), "no line has a field no_such; there are: level, component, message, user"),
    (("--by", "no_such", "--field", "level"), "no line has a field no_such; there are: "),
    (("--where", "no_such=1", "--missing", "0", "--list"), "no line has a field no_such; there are: "),
    (("--field", "no_such", "--max"), "no line has a field no_such; there are: "),
    (("--where", "user"), "--where user: write it like NAME=VALUE"),
    (("--where", "user>ann"), "> compares with a number, such as user>100"),
    (("--p", "101", "--field", "line"), "--p 101: give percentiles from 0 to 100"),
    (("--p", "50", "--max", "--field", "line"), "--p and --max are two answers"),
    (("--p", "50"), "--p needs a value"),
    (("--ratio",), "--ratio needs a filter"),
    (("--last", "0"), "--last 0: give a number"),
    (("--count", "--chart", "a.svg"), "--chart needs figures over time or over groups"),
    (("--by", "level", "--save", "no/such/folder.csv"), "--save no/such/folder.csv: cannot be written"),
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


def test_lists_that_are_cut_say_of_how_many(log: Path) -> None:
    def headline(*arguments: str) -> str:
        return skill.run_ok("analyze.py", "query", str(log), *arguments).split("\n")[0]

    assert headline("--list", "--top", "3") == "**3 of 60** — lines."
    assert headline("--last", "3") == "**3 of 60** — lines."
    assert headline("--field", "line", "--top", "5").startswith("**1: 1, 10: 1, 11: 1 and 57 more**")
    assert headline("--field", "line", "--top", "1").startswith("**1: 1 (of 60)**")
    assert headline("--time", "hour").startswith("**most 2024-05-01 08: 20, 24 rows in order of time**")


def test_the_last_lines_come_in_the_order_of_the_file(log: Path) -> None:
    assert skill.query(log, "--last", "2") == log.read_text().splitlines()[-2:]
    assert skill.query(log, "--level", "ERROR", "--list", "--last", "1") == [log.read_text().splitlines()[50]]


def test_durations_are_compared_and_computed_over_their_units(tmp_path: Path) -> None:
    took = ["900ms", "1.5s", "2m1s", "40us"]
    path = tmp_path / "a.log"
    path.write_text(
        "".join(f"2024-05-01 08:00:0{i} INFO x: path=/a/{i}?q=1 took={t} cpu={i}5%\n" for i, t in enumerate(took))
    )
    assert skill.query(path, "--where", "took>=1s") == 2
    assert skill.query(path, "--where", "took<1ms", "--field", "took", "--list") == ["40us"]
    assert skill.query(path, "--field", "took", "--max") == 121
    assert skill.query(path, "--field", "cpu", "--mean") == 20
    assert skill.query(path, "--by", "endpoint") == [["/a/<*>", 4]]
    assert "**121 s** — max of field took" in skill.run_ok("analyze.py", "query", str(path), "--field", "took", "--max")
    path.write_text("".join(f"2024-05-01 08:00:0{i} INFO x: took={i + 1}00ms\n" for i in range(4)))
    text = skill.run_ok("analyze.py", "query", str(path), "--field", "took", "--p", "50")
    assert text.startswith("**250 ms** — percentile 50 of field took.")


def test_a_status_class_stands_for_its_statuses(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    line = '1.2.3.4 - - [04/Nov/2023:0{}:00:00 +0200] "GET /a/{}?b=1 HTTP/1.1" {} 5\n'
    path.write_text("".join(line.format(i // 10, i, (200, 404, 500, 503)[i % 4]) for i in range(40)))
    assert skill.query(path, "--where", "status=5xx") == 20
    assert skill.query(path, "--where", "status!=5xx", "--where", "bytes=5") == 20
    assert skill.query(path, "--field", "status_class") == [["5xx", 20], ["2xx", 10], ["4xx", 10]]
    assert skill.query(path, "--where", "status=5xx", "--by", "endpoint", "--ratio") == [["/a/<*>", 50, 20, 40]]


def test_a_level_asked_of_a_log_without_levels_is_no_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"2024-05-01 08:00:{i:02d} pump {i} {'failed' if i == 7 else 'runs'}\n" for i in range(30)))
    text = skill.run_ok("analyze.py", "query", str(path), "--level", "ERROR+", "--count")
    assert "this log has no level column" in text
    assert "1 line worded as failures (inferred)" in text
    assert "`2024-05-01 08:00:07 pump 7 failed` (line 8)" in text


def test_an_answer_is_drawn_and_saved(log: Path, tmp_path: Path) -> None:
    from xml.etree import ElementTree

    chart, table = tmp_path / "a.svg", tmp_path / "a.csv"
    asked = ("--time", "day", "--by", "level", "--chart", str(chart), "--save", str(table))
    assert f"Created: `{chart}`, `{table}`" in skill.run_ok("analyze.py", "query", str(log), *asked)
    rows = table.read_text().splitlines()
    assert rows[:2] == ["day,level,count", "2024-05-01,ERROR,4"]
    drawn = ElementTree.parse(chart).getroot()
    told = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert "2024-05-01: 32" in told
    skill.run_ok("analyze.py", "query", str(log), "--field", "user", "--chart", str(chart))
    told = [element.text for element in ElementTree.parse(chart).getroot().iter("{http://www.w3.org/2000/svg}title")]
    assert told == ["Lines for each field user: count", "ann: 10", "bob: 10", "cleo: 10"]


def test_empty_times_are_rows_of_zero_between_the_first_and_the_last_match(tmp_path: Path) -> None:
    levels = ["INFO", "ERROR", "INFO", "ERROR", "INFO"]
    lines = (f"2024-05-01 1{hour}:00:00 {level} web: request\n" for hour, level in enumerate(levels))
    (tmp_path / "a.log").write_text("".join(lines))
    told = skill.run_ok("analyze.py", "query", str(tmp_path / "a.log"), "--level", "ERROR", "--time", "hour", "--json")
    assert json.loads(told)["answer"] == [["2024-05-01 11", 1], ["2024-05-01 12", 0], ["2024-05-01 13", 1]]


def test_what_a_log_says_is_escaped_in_a_chart(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    path, chart = tmp_path / "a.log", tmp_path / "a.svg"
    path.write_text("".join(f"2024-05-01 08:00:0{i} INFO x: who=<script>&\x1b[1m{i}\n" for i in range(5)))
    skill.run_ok("analyze.py", "query", str(path), "--pattern", "who=(.*)", "--chart", str(chart))
    assert "script" not in {element.tag for element in ElementTree.parse(chart).getroot().iter()}
