"""Odd logs of many kinds, each of ten records with the same levels and times: whatever is around them, they are read."""

# ruff: noqa: E501, E741 - a table with one kind of line each, in which l is the line's level

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from log_analyzer import skill

LEVELS = ("INFO", "INFO", "WARN", "ERROR", "INFO", "INFO", "INFO", "WARN", "ERROR", "INFO")
COUNTS = {"INFO": 6, "WARN": 2, "ERROR": 2}
LETTER_OF = {"INFO": "I", "WARN": "W", "ERROR": "E"}
SYSLOG_OF = {"INFO": 6, "WARN": 4, "ERROR": 3}
CHINESE = {"INFO": "信息", "WARN": "警告", "ERROR": "错误"}
Line = Callable[[int, str], str]


def clock(i: int) -> str:
    return f"13:0{i}:00"


def iso(i: int) -> str:
    return f"2024-05-02T{clock(i)}"


def rows(line: Line) -> str:
    return "".join(line(i, level) + "\n" for i, level in enumerate(LEVELS))


def obj(**fields: object) -> str:
    return json.dumps(fields)


def cri(i: int, text: str, part: str = "F") -> str:
    return f"{iso(i)}.25Z stderr {part} {text}"


def docker(i: int, text: str) -> str:
    return obj(log=text + "\n", stream="stdout", time=f"{iso(i)}.25Z")


TRACE = ("Traceback (most recent call last):", '  File "rope.py", line 3, in pull', "SlackError: rope 3")
JSON_ROWS = [{"time": f"{iso(i)}Z", "level": level, "msg": f"lift {i}"} for i, level in enumerate(LEVELS)]
EXPORT = "".join(
    f"__CURSOR=s=1;i={i}\n__REALTIME_TIMESTAMP={1714654800000000 + 60000000 * i}\nPRIORITY={SYSLOG_OF[level]}\n"
    f"SYSLOG_IDENTIFIER=crane\nMESSAGE=lift {i}\n\n" for i, level in enumerate(LEVELS)
)  # fmt: skip
# Kind -> the log, and what the first record says beside its level.
LOGS: dict[str, tuple[str, dict[str, object]]] = {
    "offset glued to the time": (rows(lambda i, l: f"{iso(i)}-0730 {l} crane: lift {i}"), {"component": "crane"}),
    "offset behind a fraction": (rows(lambda i, l: f"{iso(i)}.125-07:30|{l}|crane|lift {i}"), {"component": "crane"}),
    "offset of two digits": (rows(lambda i, l: f"2024-05-02 {clock(i)}-03 [412] {l}: lift {i}"), {}),
    "Polish month": (rows(lambda i, l: f"2 maja 2024 {clock(i)} {l} crane: lift {i}"), {}),
    "Russian month": (rows(lambda i, l: f"[02/мая/2024 {clock(i)}] {l} crane: lift {i}"), {}),
    "month and two digits": (rows(lambda i, l: f"02-May-24 {clock(i)} {l} crane: lift {i}"), {}),
    "Korean, in the afternoon": (rows(lambda i, l: f"2024년 5월 2일 오후 1:0{i}:00 {l} crane: lift {i}"), {}),
    "Japanese clock": (rows(lambda i, l: f"2024年5月2日 13時0{i}分00秒 {l} crane: lift {i}"), {}),
    "Spanish afternoon": (rows(lambda i, l: f"22/05/2024 01:0{i}:00 p. m. {l} crane: lift {i}"), {"day": "2024-05-22T13:00"}),
    "coloured level": (rows(lambda i, l: f"{iso(i)} \x1b[1;38;5;9m{l}\x1b[m crane: lift {i}"), {"component": "crane"}),
    "coloured lines, escapes written out": (rows(lambda i, l: f"#033[33m{iso(i)} {l} crane: lift {i}#033[0m"), {}),
    "colours without their escape": (rows(lambda i, l: f"{iso(i)} [31m{l}[0m crane: lift {i}"), {}),
    "docker around text": (rows(lambda i, l: docker(i, f"{iso(i)} {l} crane: lift {i}")), {"component": "crane"}),
    "docker around JSON": (rows(lambda i, l: docker(i, obj(lvl=l.lower(), msg=f"lift {i}"))), {"message": "lift 0"}),
    "docker around a level": (rows(lambda i, l: docker(i, f"{l} lift {i}")), {"message": "lift 0"}),
    "runtime, in parts": (rows(lambda i, l: f"{cri(i, f'{l} lift', 'P')}\n{cri(i, f' {i} up')}"), {"message": "lift 0 up"}),
    "runtime, around traces": (rows(lambda i, l: "\n".join(cri(i, text) for text in (f"{l} lift {i}", *(TRACE if l == "ERROR" else ())))), {}),
    "runtime, around klog": (rows(lambda i, l: cri(i, f"{LETTER_OF[l]}0502 {clock(i)}.000123    7 crane.go:8] lift {i}")), {"written": "INFO", "day": "2024-05-02"}),
    "syslog around logfmt": (rows(lambda i, l: f"{iso(i)}+00:00 quay7 crane[412]: level={l.lower()} msg=lift n={i}"), {"component": "crane", "host": "quay7", "pid": "412"}),
    "syslog around a fuller time": (rows(lambda i, l: f"May  2 {clock(i)} quay7 crane[412]: {iso(i)}.5 {l} rope {i}"), {"component": "crane", "host": "quay7", "day": "2024-05-02"}),
    "a prefix before JSON": (rows(lambda i, l: f"{iso(i)}Z crane[412]: {obj(severity=l, message=f'lift {i}')}"), {"pid": "412", "message": "lift 0"}),
    "a service's prefix": (rows(lambda i, l: f"crane-1  | {iso(i)} {l} lift {i}"), {"component": "crane-1"}),
    "a runner's time": (rows(lambda i, l: f"{iso(i)}.1234567Z {obj(ts=iso(i), level=l, msg='x')}"), {"message": "x"}),
    "journal, exported": (EXPORT, {"component": "crane", "message": "lift 0"}),
    "nested level": (rows(lambda i, l: obj(**{"@timestamp": iso(i), "log": {"level": l, "logger": "crane"}, "message": "x"})), {"component": "crane"}),
    "numbers of Monolog": (rows(lambda i, l: obj(datetime=iso(i), level={"INFO": 200, "WARN": 300, "ERROR": 400}[l], message="x")), {}),
    "numbers of java.util.logging": (rows(lambda i, l: obj(time=iso(i), level={"INFO": 800, "WARN": 900, "ERROR": 1000}[l], msg="x")), {}),
    "numbers of OpenTelemetry": (rows(lambda i, l: obj(timeUnixNano=f"{1714654800 + 60 * i}000000000", severityNumber={"INFO": 9, "WARN": 13, "ERROR": 17}[l], body={"stringValue": "x"})), {"message": "x"}),
    "compact events": (rows(lambda i, l: obj(**{"@t": iso(i), "@mt": "lift {Id}", "Id": i, **({} if l == "INFO" else {"@l": l.title()})})), {"message": "lift 0"}),
    "one array": (json.dumps(JSON_ROWS), {"message": "lift 0"}),
    "printed objects": ("\n".join(json.dumps(row, indent=2) for row in JSON_ROWS), {"message": "lift 0"}),
    "a list in an object": (json.dumps({"Records": JSON_ROWS}, indent=1), {"message": "lift 0"}),
    "a head of names": ("Time;Severity;Logger;Message\n" + rows(lambda i, l: f'{iso(i)};{l};crane;"lift; {i}"'), {"component": "crane", "message": "lift; 0"}),
    "a row of two lines": ("time,level,message\n" + rows(lambda i, l: f'{iso(i)},{l},"lift\n{i}"'), {"message": "lift\n0"}),
    "statements with times": (rows(lambda i, l: f"{iso(i)} [412] {l}: asks" + ("\nSELECT 1\nWHERE at > '2019-01-01 10:00:00'" if l == "ERROR" else "")), {"odd": True}),
    "listings with times": (rows(lambda i, l: f"{iso(i)} {l} crane: lists" + ("\n-rw-r--r-- 1 a a 7 May  1 10:00:00 x\n  end" if l == "ERROR" else "")), {}),
    "zero bytes within": (rows(lambda i, l: "\0" * (90 if i == 5 else 0) + f"{iso(i)} {l} crane: lift {i}"), {}),
    "marks within": (rows(lambda i, l: ("\ufeff" if i == 5 else "\u200e") + f"{iso(i)} {l} crane: lift {i}"), {}),
    "a priority behind the time": (rows(lambda i, l: f"{iso(i)} <{SYSLOG_OF[l]}> crane: lift {i}"), {"written": "INFO"}),
    "counted octets": (rows(lambda i, l: f"5{i} <{SYSLOG_OF[l] + 8}>1 {iso(i)}Z quay7 crane 7 - - lift {i}"), {"host": "quay7"}),
    "kernel, decoded": (rows(lambda i, l: f"kern  :{ {'INFO': 'info', 'WARN': 'warn', 'ERROR': 'err'}[l]:<6}: [Thu May  2 {clock(i)} 2024] crane: lift {i}"), {}),
    "offset before a colon": (rows(lambda i, l: f"{iso(i)}.250-0730: {l} crane: lift {i}"), {"component": "crane"}),
    "Russian month, a mark after the year": (rows(lambda i, l: f"2 мая 2024 г. {clock(i)} {l} crane: lift {i}"), {}),
    "Hungarian order": (rows(lambda i, l: f"2024. máj. 2. {clock(i)} {l} crane: lift {i}"), {}),
    "a date without marks": (rows(lambda i, l: f"02May2024 {clock(i)} {l} crane: lift {i}"), {}),
    "day of the year": (rows(lambda i, l: f"2024-123T{clock(i)} {l} crane: lift {i}"), {}),
    "two lines a record": (rows(lambda i, l: f"May 2, 2024 1:0{i}:00 PM net.Crane lift\n{l}: rope {i}"), {"component": "net.Crane.lift", "message": "rope 0"}),
    "a time above its line": (rows(lambda i, l: f"Thu May  2 {clock(i)} 2024\n{l}: rope {i}"), {"message": "rope 0"}),
    "a switch's severity": (rows(lambda i, l: f"May  2 {clock(i)} quay7 {i + 40}: *May  2 {clock(i)}.250: %ROPE-{SYSLOG_OF[l]}-SLACK: lift {i}"), {"written": "INFO", "host": "quay7", "day": ""}),
    "keys in another language": (rows(lambda i, l: obj(zeit=f"{iso(i)}Z", stufe=l, text=f"hebt {i}")), {"message": "hebt 0"}),
    "keys of no known name": (rows(lambda i, l: obj(w=f"{iso(i)}Z", importance=l, what=f"lift {i} is done")), {"message": "lift 0 is done"}),
    "a head in another language": ("Zeitstempel;Stufe;Meldung\n" + rows(lambda i, l: f"{iso(i)};{l};hebt nun {i}"), {"message": "hebt nun 0"}),
    "the journal's own lines": ("-- Logs begin at Thu 2024-05-02 --\n" + rows(lambda i, l: f"{iso(i)}+0000 quay7 crane[412]: level={l} msg=lift n={i}"), {"component": "crane"}),
    "streams of Loki": (json.dumps({"status": "success", "data": {"resultType": "streams", "result": [{"stream": {"app": "crane"}, "values": [[f"{1714654800 + 60 * i}000000000", f"level={l} msg=lift n={i}"] for i, l in enumerate(LEVELS)]}]}}), {"message": "lift"}),
    "a channel before its level": (rows(lambda i, l: f"[{iso(i)}.250+00:00] crane.{l}: lift {i}"), {"component": "crane"}),
    "Chinese levels": (rows(lambda i, l: f"{iso(i)} [{CHINESE[l]}] crane: lift {i}"), {"written": "信息"}),
}  # fmt: skip

_READ = """
import json, sys
sys.path.insert(0, sys.argv[1])
from loglib import corpus, coverage, levels, records, source
for path in sys.argv[2:]:
    sources = source.open_sources([path])
    read = coverage.Coverage()
    found = list(records.read_records(sources, corpus.load_layouts(sources), read))
    first = found[0]
    print(json.dumps({
        "levels": [record.level and levels.canonical(record.level) for record in found],
        "times": [record.epoch for record in found], "time": first.time, "written": first.level, "component": first.component,
        "host": first.host, "pid": first.pid, "message": first.message, "odd": bool(read.odd), "unread": read.unread}))
"""


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the skill reads in each log, all in one process: starting one takes longer than reading ten lines."""
    folder = tmp_path_factory.mktemp("formats")
    paths = []
    for number, (text, _) in enumerate(LOGS.values()):
        paths.append(folder / f"{number}.log")
        paths[-1].write_text(text)
    command = [sys.executable, "-S", "-E", "-c", _READ, str(skill.SCRIPTS), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return dict(zip(LOGS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("kind", LOGS)
def test_an_odd_log_is_read(kind: str, readings: dict[str, dict[str, Any]]) -> None:
    found, expected = readings[kind], dict(LOGS[kind][1])
    assert tuple(found["levels"]) == LEVELS
    assert found["times"][-1] - found["times"][0] == 540
    day = expected.pop("day", "2024-05-02T13:00" if "klog" not in kind else "")
    assert found["time"].startswith(str(day))
    assert (found["odd"], found["unread"]) == (expected.pop("odd", False), 0)
    assert {name: found[name] for name in expected} == expected


def web(i: int) -> int:
    return 503 if i % 2 else 200


IIS = "#Software: x\n#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes time-taken\n"
STANDARD = ("client", "method", "path", "status", "bytes", "duration")
WEB: dict[str, str] = {
    "load balancer": rows(lambda i, _: f'http {iso(i)}.5Z app/quay/7 192.0.2.7:4{i} 10.0.0.1:80 0.0 5 0.0 {web(i)} {web(i)} 100 77 "GET /berth HTTP/1.1" "-" - -'),
    "service proxy": rows(lambda i, _: f'[{iso(i)}.5Z] "GET /berth HTTP/2" {web(i)} UF 0 77 5 4 "192.0.2.7" "probe" "id" "quay" "10.0.0.1:80"'),
    "caching proxy": rows(lambda i, _: f"{1714654800 + 60 * i}.123      5 192.0.2.7 TCP_MISS/{web(i)} 77 GET /berth - HIER_DIRECT/10.0.0.1 text/html"),
    "caching proxy, a clock to be read": rows(lambda i, _: f"02/May/2024:{clock(i)} +0000      5 192.0.2.7 TCP_MISS/{web(i)} 77 GET /berth - HIER_DIRECT/10.0.0.1 text/html"),
    "HTTP balancer": rows(lambda i, _: f'May  2 {clock(i)} lb haproxy[7]: 192.0.2.7:5 [02/May/2024:{clock(i)}.5] in quay/s1 1/0/1/2/5 {web(i)} 77 - - ---- 1/1/1/1/0 0/0 "GET /berth HTTP/1.1"'),
    "web server with durations": rows(lambda i, _: f'192.0.2.7 - - [02/May/2024:{clock(i)} +0000] "GET /berth HTTP/1.1" {web(i)} 77 "-" "probe" rt=5'),
    "fields named in a head": IIS + rows(lambda i, _: f"2024-05-02 {clock(i)} 192.0.2.7 GET /berth {web(i)} 77 5"),
    "JSON": rows(lambda i, _: obj(ts=iso(i), level="info", request={"remote_ip": "192.0.2.7", "method": "GET", "uri": "/berth"}, status=web(i), size=77, duration=5)),
    "docker around a web server": rows(lambda i, _: docker(i, f'192.0.2.7 - - [02/May/2024:{clock(i)} +0000] "GET /berth HTTP/1.1" {web(i)} 77 "-" "probe" 5ms')),
}  # fmt: skip


@pytest.mark.parametrize("kind", WEB)
def test_requests_have_the_same_fields_in_every_web_log(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(WEB[kind])
    health = skill.summary(log)
    assert (health["health"], health["health_reasons"][0]) == ("critical", "5 of 10 records (50.0%) answered 5xx")
    assert skill.query(log, "--field", "status") == [["200", 5], ["503", 5]]
    first = skill.records(log)[0]
    assert {name: first[name] for name in STANDARD} == dict(
        zip(STANDARD, ("192.0.2.7", "GET", "/berth", "200", "77", "5"), strict=True)
    )


@pytest.mark.parametrize("request_", ["", "-", r"\x16\x03\x01", "/", r"GET /\"x\" HTTP/1.1", "A" * 3000])
def test_a_request_that_is_none_keeps_its_status(request_: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    good = '192.0.2.7 - - [02/May/2024:13:00:00 +0000] "GET /berth HTTP/1.1" 200 77 "-" "-"\n'
    log.write_text(good * 9 + f'192.0.2.7 - - [02/May/2024:13:09:00 +0000] "{request_}" 400 0 "-" "-"\n')
    assert skill.query(log, "--field", "status") == [["200", 9], ["400", 1]]


def test_quotes_within_quoted_values_end_no_value(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(rows(lambda i, l: f'{iso(i)} {l} crane: said note="a \\"slack\\" rope" n={i}'))
    assert skill.query(log, "--field", "note") == [['a "slack" rope', 10]]
    log.write_text(
        rows(lambda i, l: f'<14>1 {iso(i)}Z quay7 crane 7 - [a@1 note="a \\"slack\\" rope" key="[x\\] y"] lift')
    )
    assert skill.query(log, "--field", "note") == [['a "slack" rope', 10]]
    assert skill.query(log, "--field", "key") == [["[x] y", 10]]


ENCODINGS = {
    "cp1252": "Größe – señor naïve", "cp850": "Büro Größe", "cp1251": "Обработка завершена", "koi8_r": "Обработка завершена",
    "gb18030": "处理批次完成", "big5": "批次處理完成", "cp949": "배치 처리 완료", "cp932": "処理が終了しました", "euc_jp": "処理が終了しました",
}  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_that_is_not_utf8_is_inferred_and_named(encoding: str, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    plain = "2024-05-01 10:00:00 INFO crane: starts\n" * 3000
    log.write_bytes((plain + rows(lambda i, l: f"{iso(i)} {l} crane: {ENCODINGS[encoding]} {i}")).encode(encoding))
    assert skill.query(log, "--grep", ENCODINGS[encoding], "--count") == 10
    assert f"Not UTF-8: decoded as {encoding}." in skill.said("summary", str(log), "--budget", "64k")


def test_a_request_in_the_message_of_another_layout_has_the_standard_fields(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(rows(lambda i, l: f'INFO:     192.0.2.7:5{i} - "GET /berth HTTP/1.1" {web(i)} OK'))
    assert skill.query(log, "--field", "status") == [["200", 5], ["503", 5]]
    assert skill.query(log, "--field", "client") == [["192.0.2.7", 10]]
    assert skill.summary(log)["health_reasons"][0] == "5 of 10 records (50.0%) answered 5xx"


def test_the_kernels_audit_has_a_time(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(
        rows(lambda i, l: f"type=SYSCALL msg=audit({1714654800 + 60 * i}.250:{i}): arch=c000003e success=yes exit=0")
    )
    assert skill.query(log, "--span") == 540


def test_slow_queries_are_a_record_each(tmp_path: Path) -> None:
    log = tmp_path / "slow.log"
    log.write_text("/usr/sbin/mysqld, Version: 8\n" + "".join(
        f"# Time: {iso(i)}Z\n# User@Host: ann[ann] @ quay7 []\n# Query_time: 1.{i}  Lock_time: 0.1\nSET timestamp=1;\nSELECT {i}\nFROM t;\n"
        for i in range(10)
    ))  # fmt: skip
    assert skill.query(log, "--count") == 10
    assert skill.query(log, "--span") == 540
    assert skill.records(log)[0]["message"] == "SELECT 0 FROM t;"


@pytest.mark.parametrize("date", ["02/xyz/2024", "2 xyz 2024 q.", "2024. xyz. 2.", "2xyz2024"])
def test_a_date_that_is_not_understood_is_not_replaced_by_the_files(date: str, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(rows(lambda i, l: f"{date} {clock(i)} {l} crane: lift {i}"))
    found = skill.summary(log)
    assert (found["coverage"]["undated"], found["time"]["first"]) == (10, None)
    assert "The date of 10 records is not understood" in skill.run_ok("analyze.py", "query", str(log))


def test_what_is_nested_deeply_is_read_as_text(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(
        rows(lambda i, l: obj(time=iso(i), level=l, msg="x")) + '{"a":' * 100_000 + "\n" + "[" * 100_000 + "\n"
    )
    assert skill.query(log, "--level", "ERROR", "--count") == 2


def zoned(tmp_path: Path) -> str:
    log = tmp_path / "a.log"
    log.write_text(rows(lambda i, l: f"{iso(i)}-0730 {l} crane: lift {i}"))
    return str(log)


def test_a_clock_time_is_on_the_logs_day_as_the_log_writes_it(tmp_path: Path) -> None:
    log = zoned(tmp_path)
    around = skill.summary(log, "--around", "13:04")["around"]
    assert (around["records_before"], around["records_after"]) == (4, 6)
    for since in ("13:04", "2024-05-02T13:04:00", "2024-05-02T13:04:00-07:30"):
        assert skill.query(log, "--since", since, "--count") == 6


@pytest.mark.parametrize(
    "arguments",
    [("summary", "--around", "15:24"), ("summary", "--since", "2024-06-01"), ("query", "--until", "2024-05-01"),
     ("query", "--since", "15:24")],
)  # fmt: skip
def test_a_moment_outside_of_the_log_is_an_error_that_names_its_span(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    verb, *option = arguments
    done = skill.run("analyze.py", verb, zoned(tmp_path), *option)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "outside of this log, which spans 2024-05-02 13:00:00 to 2024-05-02 13:09:00" in done.stderr.decode()


def test_a_clock_time_that_two_days_have_needs_its_date(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"2024-05-0{day}T{hour}:00:00 INFO lift\n" for day in (1, 2) for hour in (10, 11, 12)))
    done = skill.run("analyze.py", "summary", str(log), "--around", "11:00")
    assert done.returncode == 2
    assert "2 days of this log have that time" in done.stderr.decode()
    assert skill.summary(log, "--around", "2024-05-02 11:00")["around"]["records_before"] == 4
