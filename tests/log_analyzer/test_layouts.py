"""Layouts are learnt: what each kind of line becomes, from a dozen lines of it."""

# ruff: noqa: E501 - a table with one layout a line

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from log_analyzer import skill


@dataclass(frozen=True)
class Case:
    """A line with `{n}` counting up, and what the first record (n = 10) must say."""

    line: str
    time: str | None = None
    level: str | None = None
    component: str | None = None
    host: str | None = None
    pid: str | None = None
    message: str = ""
    extra: tuple[str, ...] = ()


MORE = ("took {n} ms", "lost {n} parcels of {n}", "waits for crane {n}", "berth {n} is free", "reads {n} rows")
CASES = {
    "syslog 3164": Case("May  1 13:05:{n} quay7 crane[412]: {m}", "05-01T13:05:10", None, "crane", "quay7", "412"),
    "syslog 3164 with priority": Case("<11>May  1 13:05:{n} quay7 crane[412]: {m}", "05-01T13:05:10", "ERROR", "crane", "quay7", "412"),
    "syslog 5424": Case("<14>1 2024-05-01T13:05:{n}.25Z quay7 crane 412 ID7 [a@1 b=\"c\"] {m}", "2024-05-01T13:05:10.250000+00:00", "INFO", "crane", "quay7", "412"),
    "python logging": Case("2024-05-01 13:05:{n},123 - harbour.crane - WARNING - {m}", "2024-05-01T13:05:10.123000", "WARN", "harbour.crane"),
    "python without a time": Case("WARNING:harbour.crane:{m}", None, "WARN", "harbour.crane"),
    "level first": Case("[ERROR] 2024-05-01T13:05:{n}+02:00 crane: {m}", "2024-05-01T13:05:10+02:00", "ERROR", "crane"),
    "spring boot": Case("2024-05-01 13:05:{n}.123  INFO 4711 --- [main] n.e.harbour.Crane    : {m}", "2024-05-01T13:05:10.123000", "INFO", "n.e.harbour.Crane", None, "4711"),
    "logback": Case("13:05:{n}.123 [pool-1 thread 2] DEBUG n.e.Crane - {m}", "T13:05:10.123000", "DEBUG", "n.e.Crane"),
    "web error": Case("2024/05/01 13:05:{n} [error] 31#31: *7 {m}", "2024-05-01T13:05:10", "ERROR", message="31#31: *7 took 10 ms"),
    "httpd 2.4": Case("[Wed May 01 13:05:{n}.123456 2024] [core:error] [pid 31:tid 7] {m}", "2024-05-01T13:05:10.123456", "ERROR", "core"),
    "klog": Case("E0501 13:05:{n}.123456    4711 crane.go:88] {m}", "05-01T13:05:10.123456", "ERROR", "crane.go", None, "4711"),
    "logcat": Case("05-01 13:05:{n}.123  4711  4712 W Crane   : {m}", "05-01T13:05:10.123000", "WARN", "Crane", None, "4711"),
    "rust": Case("[2024-05-01T13:05:{n}Z WARN  harbour::crane] {m}", "2024-05-01T13:05:10+00:00", "WARN", "harbour::crane"),
    "database": Case("2024-05-01 13:05:{n}.123 UTC [4711] LOG:  {m}", "2024-05-01T13:05:10.123000+00:00", "INFO", None, None, "4711"),
    "epoch": Case("17145687{n}.250 crane7 INFO {m}", "2024-05-01T13:05:10.250000", "INFO", None, "crane7"),
    "kernel ring": Case("[  123.4567{n}] {m}", "PT123.45671S"),
    "serilog": Case("[13:05:{n} WRN] {m}", "T13:05:10", "WARN"),
    "german order": Case("01.05.2024 13:05:{n};WARN;Kran;{m}", "2024-05-01T13:05:10", "WARN", "Kran", extra=("15.05.2024 13:06:00;INFO;Kran;ende",)),
    "american order": Case("5/1/2024 1:05:{n} PM|WARN|Crane|{m}", "2024-05-01T13:05:10", "WARN", "Crane", extra=("5/15/2024 1:06:00 PM|INFO|Crane|end",)),
    "clock before date": Case("13:05:{n}.25 01-05-2024 [t] WARN crane: {m}", "2024-05-01T13:05:10.250000", "WARN", "crane", extra=("13:06:00.25 15-05-2024 [t] INFO crane: end",)),
    "tabs": Case("2024-05-01T13:05:{n}\twarn\tcrane\t{m}", "2024-05-01T13:05:10", "WARN", "crane"),
    "json": Case('{{"ts": 17145687{n}.5, "level": "warn", "logger": "crane", "msg": "{m}"}}', "2024-05-01T13:05:10.500000", "WARN", "crane"),
    "json with numbers": Case('{{"time": 17145687{n}500, "level": 40, "name": "crane", "hostname": "quay7", "pid": 4711, "msg": "{m}"}}', "2024-05-01T13:05:10.500000", "WARN", "crane", "quay7", "4711"),
    "logfmt": Case('time=2024-05-01T13:05:{n}Z level=warn component=crane msg="{m}" n={n}', "2024-05-01T13:05:10+00:00", "WARN", "crane"),
    "file name in front": Case("crane.log.2024-05-03_11:00:00 2024-05-01 13:05:{n}.123 4711 WARN harbour.crane [req-{n} - -] {m}", "2024-05-01T13:05:10.123000", "WARN", "harbour.crane", None, "4711"),
    "no level, though every message has one": Case("May  1 13:05:{n} quay7 crane[412]: error: {m}", "05-01T13:05:10", None, "crane", "quay7", "412", "error: took 10 ms", ("May  1 13:06:00 quay7 crane[412]: all well", "May  1 13:06:01 quay7 crane[412]: still well") * 3),
    "thread and level in one bracket": Case("[2024-05-01 13:05:{n}] [Deck-1/WARN]: {m}", "2024-05-01T13:05:10", "WARN"),
    "thread and level before a component": Case("[2024-05-01 13:05:{n}] [Deck-1/WARN]: crane: {m}", "2024-05-01T13:05:10", "WARN", "crane"),
    "level and thread in one bracket": Case("[2024-05-01 13:05:{n},123: WARNING/Deck-1] {m}", "2024-05-01T13:05:10.123000", "WARN", "Deck-1"),
    "brackets side by side": Case("[2024-05-01][13:05:{n}][WARN ][crane] {m}", "2024-05-01T13:05:10", "WARN", "crane"),
    "facility and level": Case("May  1 13:05:{n} quay7 daemon.warn crane[412]: {m}", "05-01T13:05:10", "WARN", "crane", "quay7", "412"),
    "a level the list lacks": Case("2024-05-01 13:05:{n} 4711 [Warning] [HB-10] [Crane] {m}", "2024-05-01T13:05:10", "WARN", "Crane", None, "4711", extra=("2024-05-01 13:06:10 4711 [System] [HB-11] [Crane] hull",)),
    "name and number in round brackets": Case("<2024-05-01T13:05:{n}.123+01:00> crane({n}): {m}", "2024-05-01T13:05:10.123000+01:00", None, "crane", None, "10"),
    "letter, slash, name": Case("13-05-2024 13:05:{n},123 W/Crane({n}): {m}", "2024-05-13T13:05:10.123000", "WARN", "Crane", None, "10"),
    "letter glued to a whole date": Case("W20240501 13:05:{n}.123456 4711 crane.cc:88] {m}", "2024-05-01T13:05:10.123456", "WARN", "crane.cc", None, "4711"),
    "in a container runtime's envelope": Case("2024-05-01T13:05:{n}.5Z stdout F WARN {m}", "2024-05-01T13:05:10.500000+00:00", "WARN"),
    "milliseconds since 1970": Case("17145687{n}250 WARN [crane] {m}", "2024-05-01T13:05:10.250000", "WARN", "crane"),
    "seconds and a serial number": Case("kind=CRANE id=audit(17145687{n}.250:{n}): {m}", "2024-05-01T13:05:10.250000"),
    "quoted cells": Case('"2024-05-01 13:05:{n}","WARN","crane",{m}', "2024-05-01T13:05:10", "WARN", "crane"),
    "process in angle brackets": Case("2024-05-01 13:05:{n}.123 [warning] <0.{n}.0> {m}", "2024-05-01T13:05:10.123000", "WARN"),
    "dotted class behind the thread": Case("01-May-2024 13:05:{n}.123 WARNING [main] n.e.harbour.Crane {m}", "2024-05-01T13:05:10.123000", "WARN", "n.e.harbour.Crane"),
    "no mark between date and clock": Case("240501/1305{n} WARN {m}", "2024-05-01T13:05:10", "WARN"),
    "two digits of a year, day first": Case("14/05/23 13:05:{n} WARN - {m}", "2023-05-14T13:05:10", "WARN"),
    "two digits of a year, year first": Case("17/05/09 13:05:{n} WARN - {m}", "2017-05-09T13:05:10", "WARN"),
    "german level": Case("13.05.2024 13:05:{n} WARNUNG {m}", "2024-05-13T13:05:10", "WARN"),
    "nothing but text": Case("{m}"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_line_is_read_rightly(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    lines = [case.line.format(n=10 + i, m=MORE[i % len(MORE)].format(n=10 + i)) for i in range(40)]
    (tmp_path / "some.log").write_text("\n".join([*lines, *case.extra]) + "\n")
    found = skill.records(tmp_path / "some.log")
    assert len(found) == len(lines) + len(case.extra)
    first = found[0]
    time = first["timestamp"]
    assert (time or "").endswith(case.time) if case.time else time is None
    expected = (case.level, case.component, case.host, case.pid, case.message or "took 10 ms")
    assert (first["level"], first["component"], first["host"], first["pid"], first["message"]) == expected
    assert all(record["parsed"] and record["level"] == case.level for record in found[:40])


def test_web_access_is_read_by_its_standard(tmp_path: Path) -> None:
    line = '10.0.0.{n} - ann [01/May/2024:13:05:{n} +0200] "GET /berth/{n}?x=1 HTTP/1.1" {s} 77 "-" "probe/1"\n'
    log = tmp_path / "access.log"
    log.write_text("".join(line.format(n=10 + i, s=503 if i % 4 == 0 else 200) for i in range(40)))
    first = skill.records(log)[0]
    assert (first["timestamp"], first["level"]) == ("2024-05-01T13:05:10+02:00", None)
    assert first["template"] == "GET /berth/<*> 503"
    assert skill.query(log, "--field", "status") == [["200", 30], ["503", 10]]
    assert skill.summary(log)["health"] == "critical"


def test_a_syslog_line_without_a_program_keeps_its_host(tmp_path: Path) -> None:
    lines = [f"May  1 13:05:{10 + i} quay7 crane[412]: took {i} ms" for i in range(40)]
    other = [
        "May  1 13:06:00 quay7 last message repeated 3 times",
        "May  1 13:06:02 --- last message repeated 1 time ---",
        "May  1 13:06:03 quay7 last message repeated 5 times",
    ]
    (tmp_path / "syslog").write_text("\n".join(lines + other))
    found = skill.records(tmp_path / "syslog")[40:]
    assert [(record["timestamp"][5:], record["host"], record["component"], record["message"]) for record in found] == [
        ("05-01T13:06:00", "quay7", None, "last message repeated 3 times"),
        ("05-01T13:06:02", None, None, "--- last message repeated 1 time ---"),
        ("05-01T13:06:03", "quay7", None, "last message repeated 5 times"),
    ]


def test_two_layouts_in_one_file_are_both_learnt(tmp_path: Path) -> None:
    lines = []
    for i in range(30):
        lines.append(f"2024-05-01 13:05:{10 + i} INFO [main] crane.Core: took {i} ms")
        lines.append(f"May  1 13:05:{10 + i} quay7 winch[412]: rope {i} is slack")
    (tmp_path / "mixed.log").write_text("\n".join(lines))
    found = skill.records(tmp_path / "mixed.log")
    assert [record["level"] for record in found] == ["INFO", None] * 30
    assert [record["component"] for record in found] == ["crane.Core", "winch"] * 30


def test_how_a_log_is_read_can_be_seen_and_overruled(tmp_path: Path) -> None:
    log = tmp_path / "own.log"
    log.write_text("".join(f"<<{i}>> at 2024-05-01 13:05:{i} WARN~crane~took {i} ms\n" for i in range(10, 50)))
    described = skill.run_ok("parse_logs.py", str(log), "--describe")
    assert '"share": 1.0' in described
    pattern = r"<<(?P<pid>\d+)>> at (?P<ts>\S+ \S+) (?P<level>\w+)~(?P<component>\w+)~"
    first = skill.records(log, "--layout", pattern)[0]
    assert (first["timestamp"], first["level"], first["component"]) == ("2024-05-01T13:05:10", "WARN", "crane")
    assert (first["pid"], first["message"]) == ("10", "took 10 ms")
