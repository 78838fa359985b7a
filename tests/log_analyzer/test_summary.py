"""The summary finds what was put into a log, and says where."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from log_analyzer import skill

START = datetime(2024, 5, 1, 8)


def entry(second: float, level: str, text: str) -> str:
    return f"{(START + timedelta(seconds=second)).isoformat()} {level} [main] crane.Core: {text}"


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    """Two quiet hours; at 09:00 forty errors in a minute; a message that ends there and one that begins."""
    lines = [entry(10 * i, "INFO", f"took {i} ms for 10.0.0.{i % 3 + 1}") for i in range(720)]
    lines += [entry(60 * i, "INFO", f"pump {i} is warm") for i in range(60)]
    lines += [entry(3600 + i, "ERROR", f"rope {i} is slack") for i in range(40)]
    lines += [entry(3700 + 60 * i, "WARN", f"reserve pump {i} runs") for i in range(50)]
    path = tmp_path / "crane.log"
    path.write_text("\n".join(sorted(lines)) + "\n")
    return path


def line_of(path: Path, text: str) -> str:
    return str(1 + next(i for i, line in enumerate(path.read_text().splitlines()) if text in line))


def test_an_incident_is_found_with_its_time_and_message(incident: Path) -> None:
    found = skill.summary(incident)
    assert (found["health"], found["lines"], found["records"], found["unparsed"]) == ("degraded", 870, 870, 0)
    assert "degraded: at least 1 % ERROR" in found["health_rule"]
    burst = found["bursts"][0]
    assert (burst["kind"], burst["count"], burst["template"]) == ("errors", 40, "rope <*> is slack")
    assert burst["from"] <= "2024-05-01 09:00:00" < burst["to"]
    assert burst["evidence"] == [line_of(incident, "rope 0 ")]
    problem = found["problems"][0]
    assert (problem["count"], problem["level"], problem["component"]) == (40, "ERROR", "crane.Core")
    assert problem["evidence"][0] == line_of(incident, "rope 0 ")


def test_counts_add_up(incident: Path) -> None:
    found = skill.summary(incident)
    assert {row["level"]: row["count"] for row in found["levels"]} == {"ERROR": 40, "WARN": 50, "INFO": 780}
    assert sum(row["count"] for row in found["templates"]) == 870
    assert found["components"] == [{"name": "crane.Core", "count": 870}]
    assert sum(found["series"]["all"]) == 870
    assert sum(found["series"]["errors"]) == 40
    assert found["top_addresses"][0] == {"name": "10.0.0.1", "count": 240}


def test_what_appears_and_what_vanishes_is_told(incident: Path) -> None:
    found = skill.summary(incident)
    assert "reserve pump <*> runs" in [row["template"] for row in found["first_seen"]]
    gone = next(row for row in found["vanished"] if row["template"] == "pump <*> is warm")
    assert gone["evidence"] == [line_of(incident, "pump 59 is warm")]


def test_what_vanishes_is_judged_by_time_not_by_place(incident: Path) -> None:
    """The same log with its later hour written first, as when two files are joined the wrong way round."""
    lines = incident.read_text().splitlines()
    incident.write_text("\n".join([*lines[435:], *lines[:435]]))
    found = skill.summary(incident)
    assert "pump <*> is warm" in [row["template"] for row in found["vanished"]]
    assert "reserve pump <*> runs" in [row["template"] for row in found["first_seen"]]


def test_before_and_after_a_moment_are_compared(incident: Path) -> None:
    around = skill.summary(incident, "--around", "2024-05-01T09:00")["around"]
    changes = {row["template"]: (row["before"], row["after"]) for row in around["changes"]}
    assert changes["pump <*> is warm"] == (60, 0)
    assert changes["rope <*> is slack"] == (0, 40)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--level", "ERROR"), 40),
        (("--level", "WARN+"), 90),
        (("--level", "error,info"), 820),
        (("--grep", r"rope \d\b"), 10),
        (("--since", "2024-05-01T09:00", "--until", "2024-05-01 09:00:40"), 44),
        (("--since", "09:30"), 201),
    ],
)
def test_filters_limit_what_is_summarised(arguments: tuple[str, ...], count: int, incident: Path) -> None:
    assert skill.summary(incident, *arguments)["records"] == count


def test_a_part_that_lies_before_the_log_is_an_error_that_names_its_span(incident: Path) -> None:
    done = skill.run("analyze.py", "summary", str(incident), "--until", "2024-05-01")
    assert done.returncode == 2
    assert b"2024-05-01" in done.stderr
    assert b"Traceback" not in done.stderr


def test_nested_fields_are_counted_by_value_those_of_failures_first(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    rows = [
        {
            "time": f"2026-03-01T10:00:{second:02d}Z",
            "level": "error" if second % 6 == 0 else "info",
            "msg": "took an order",
            "order": {"id": 1000 + second, "shop": {"town": ("Ulm", "Bonn")[second % 2]}},
            "fault": {"kind": ("TooLate", "SoldOut")[second % 12 == 0]} if second % 6 == 0 else None,
        }
        for second in range(60)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = skill.summary(log)["fields"]
    assert [(field["field"], field["records"], field["distinct"]) for field in found] == [
        ("fault.kind", 10, 2), ("order.shop.town", 60, 2),
    ]  # fmt: skip
    assert found[0]["values"] == [
        {"value": "SoldOut", "count": 5, "failed": 5}, {"value": "TooLate", "count": 5, "failed": 5},
    ]  # fmt: skip
    shown = skill.run_ok("analyze.py", "summary", str(log), "--budget", "16k")
    assert "`order.shop.town` | 60 | `Ulm`: 30 (10), `Bonn`: 30 |" in shown


def test_a_field_with_a_value_for_each_record_is_no_group_and_costs_bounded_memory(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    rows = [{"level": "info", "msg": "m", "request": {"id": f"r{i}"}, f"key{i}": i} for i in range(500)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(skill.summary(log)["fields"]) <= 12
    assert "request.id" not in {field["field"] for field in skill.summary(log)["fields"]}


@pytest.mark.parametrize(
    ("usual", "failed", "bad"),
    [
        ("job {0} exited with code 0", "job {0} exited with code 3", 1),
        ("batch {0} ended with 0 errors", "batch {0} ended with 2 errors", 1),
        ("batch {0}: failed=0 done=9", "batch {0}: failed=4 done=9", 1),
        ("sent {0}, HTTP 204", "sent {0}, HTTP 503", 1),
        ("step {0} is done", "org.example.LateTramException", 1),
        ("step {0} is done", "open /srv/{0}: No such file or directory", 1),
        ("step {0} is done, no errors", "step {0} is done, without problems", 0),
    ],
)
def test_where_no_level_tells_a_number_that_means_failure_is_one_and_none_of_them_is_not(
    usual: str, failed: str, bad: int, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join((failed if i == 37 else usual).format(i) + "\n" for i in range(60)))
    found = skill.summary(log)
    assert sum(problem["count"] for problem in found["problems"]) == bad
    assert (found["health"] == "ok") is (bad == 0)


def test_decimal_numbers_that_rise_and_fall_are_no_clock(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"{i} {(i * 37 % 100) / 100:.4f} {i * 7 % 90}\n" for i in range(120)))
    assert skill.summary(log)["time"]["records_with_time"] == 0


def test_gaps_and_jumps_of_the_clock_are_found(tmp_path: Path) -> None:
    seconds = [*range(100), *range(4000, 4100), *range(50, 60), *range(4100, 4150)]
    log = tmp_path / "a.log"
    log.write_text("\n".join(entry(second, "INFO", f"took {i} ms") for i, second in enumerate(seconds)))
    found = skill.summary(log)
    assert (found["gaps"][0]["seconds"], found["gaps"][0]["evidence"]) == (4041, ["211"])
    assert (found["clock_jumps"][0]["seconds"], found["clock_jumps"][0]["evidence"]) == (-4049, ["201"])
    assert found["time"]["steps_back"] == 1
    assert (found["time"]["first"], found["time"]["last"]) == ("2024-05-01 08:00:00", "2024-05-01 09:09:09")


HEALTH = {
    "ok": [entry(i, "INFO", f"took {i} ms") for i in range(100)],
    "degraded": [entry(30 * i, "ERROR" if i % 50 == 0 else "INFO", f"took {i} ms") for i in range(200)],
    "critical": [entry(i, "FATAL" if i == 7 else "INFO", f"took {i} ms") for i in range(100)],
}


@pytest.mark.parametrize("state", HEALTH)
def test_health_follows_its_rule(state: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("\n".join(HEALTH[state]))
    assert skill.summary(tmp_path / "a.log")["health"] == state


def test_without_levels_problems_are_called_inferred(tmp_path: Path) -> None:
    lines = [f"May  1 13:{i // 60:02d}:{i % 60:02d} quay7 crane[1]: {'lift failed' if i % 5 == 0 else 'lift done'}"
             for i in range(300)]  # fmt: skip
    (tmp_path / "a.log").write_text("\n".join(lines))
    found = skill.summary(tmp_path / "a.log")
    assert (found["levels"], found["problem_basis"], found["health"]) == ([], "wording", "critical")
    text = skill.run_ok("analyze.py", "summary", str(tmp_path / "a.log"))
    assert "## What goes wrong, inferred from wording" in text
    assert "No level column" in text


def test_markdown_leads_with_the_finding_and_names_created_files(incident: Path, tmp_path: Path) -> None:
    chart, table = tmp_path / "errors.svg", tmp_path / "top.csv"
    text = skill.run_ok("analyze.py", "summary", str(incident), "--chart", str(chart), "--csv", str(table))
    assert text.startswith("**crane.log: degraded** — 40 of 870 records (4.6%) ERROR or worse; a burst of them")
    assert text.index("## What goes wrong") < text.index("## Bursts") < text.index("## Lines per level")
    assert text.rstrip().endswith(f"Created: `{chart}`, `{table}`")
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["template"] == "took <*> ms for <*>"
    assert sum(int(row["count"]) for row in rows) == 870


def test_the_chart_is_whole_svg_with_title_and_description(incident: Path, tmp_path: Path) -> None:
    skill.run_ok("analyze.py", "summary", str(incident), "--chart", str(tmp_path / "errors.svg"))
    root = ET.parse(tmp_path / "errors.svg").getroot()
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.get("role") == "img"
    assert root.findtext("s:title", namespaces=space) == "crane.log: records and problems over time"
    assert "40 problems" in (root.findtext("s:desc", namespaces=space) or "")
    assert not root.findall(".//s:script", space)
    bars = [bar for bar in root.findall("s:rect", space) if bar.get("fill") == "#c0392b"]
    assert bars
    assert all(float(bar.get("height", "0")) <= 130 for bar in bars)


def test_text_of_a_log_cannot_break_out_of_its_table_or_the_chart(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script> | `x` ](javascript:1) \x1b[31m\u202e"
    (tmp_path / "a<b>&.log").write_text("\n".join(entry(i, "ERROR", f"{bad} {i}") for i in range(20)))
    text = skill.run_ok("analyze.py", "summary", str(tmp_path / "a<b>&.log"), "--chart", str(tmp_path / "c.svg"))
    row = next(line for line in text.splitlines() if line.startswith("| 20 | ERROR"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\|" in row
    ET.parse(tmp_path / "c.svg")


def requests(path: Path) -> Path:
    """Three hours of four requests a minute, a steady part of them failing; from 10:00 to 10:11 one endpoint fails."""
    lines = []
    for second in range(0, 3 * 3600, 15):
        incident = 3600 <= second < 3600 + 660
        for place, endpoint in enumerate(("cart", "pay", "help")):
            bad = (incident and endpoint == "pay") or (second // 15 + place * 7) % 20 == 0
            took = 0.9 if incident and endpoint == "pay" else 0.1
            when = (START + timedelta(hours=1, seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0200")
            lines.append(
                f'10.0.0.1 - - [{when}] "GET /{endpoint}/{second} HTTP/1.1" {502 if bad else 200} 7 "-" "x" rt={took}'
            )
    path.write_text("\n".join(lines))
    return path


def test_an_incident_amid_steady_errors_is_found_at_the_time_that_the_log_writes(tmp_path: Path) -> None:
    burst = skill.summary(requests(tmp_path / "a.log"))["bursts"][0]
    assert "2024-05-01 09:55:00" <= burst["from"] <= "2024-05-01 10:00:00"
    assert "2024-05-01 10:10:00" <= burst["to"] <= "2024-05-01 10:15:00"
    assert (burst["kind"], burst["template"]) == ("errors", "GET /pay/<*> 502")


def test_steady_errors_are_no_burst(tmp_path: Path) -> None:
    lines = [entry(10 * i, "ERROR" if i % 3 == 0 else "INFO", f"rope {i}") for i in range(2000)]
    (tmp_path / "a.log").write_text("\n".join(lines))
    assert [burst for burst in skill.summary(tmp_path / "a.log")["bursts"] if burst["kind"] == "errors"] == []


def test_requests_are_told_by_status_class_and_latency_per_endpoint_and_over_time(tmp_path: Path) -> None:
    path = requests(tmp_path / "a.log")
    found = skill.summary(path)["requests"]
    pay = next(row for row in found["endpoints"] if row["name"] == "/pay/<*>")
    assert (pay["count"], pay["median"], pay["p95"]) == (720, 0.1, 0.9)
    assert pay["shares"]["5xx"] == pytest.approx(100 * (44 + 34) / 720, abs=0.5)
    assert len(found["over_time"]) == 12
    worst = max(found["over_time"], key=lambda row: row["shares"].get("5xx", 0))
    assert worst["name"].startswith("2024-05-01 10:00")
    text = skill.run_ok("analyze.py", "summary", str(path), "--budget", "16k")
    assert "| Endpoint | Requests | 2xx % | 5xx % | Median | p95 |" in text
    assert "## Requests over time" in text
