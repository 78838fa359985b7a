"""The shipped logs, and logs recorded just now, agree with each other and with the truth beside them.

Everything is read here by patterns of its own, not by those of the recorder.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "notebooks" / "logs"
LOGS = ("access.log", "error.log", "shop.log", "worker.jsonl")
HANG_S = 90

SHOP_START = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ shop", re.MULTILINE)

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed here")


@dataclass(frozen=True)
class Recording:
    """A folder of logs and the truth about them."""

    folder: Path
    truth: dict[str, Any]

    def lines(self, name: str) -> list[str]:
        return (self.folder / name).read_text(encoding="utf-8").splitlines()

    def statuses(self) -> Counter[str]:
        return Counter(re.findall(r'" (\d{3}) \d+ "-"', "\n".join(self.lines("access.log"))))

    def shop_records(self) -> list[str]:
        """The records of shop.log, each with its traceback."""
        text = (self.folder / "shop.log").read_text(encoding="utf-8")
        starts = [match.start() for match in SHOP_START.finditer(text)]
        return [text[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True)]

    def window(self) -> tuple[datetime, datetime]:
        """Begin (in the whole seconds of nginx) and end of the incident, its aftermath included."""
        incident = self.truth["incident"]
        end = datetime.fromisoformat(incident["ended"]) + timedelta(seconds=incident["aftermath_s"])
        return datetime.fromisoformat(incident["started"]).replace(microsecond=0), end


def open_recording(folder: Path) -> Recording:
    return Recording(folder, json.loads((folder / "incident.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def shipped() -> Recording:
    return open_recording(SHIPPED)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Eight seconds of story, recorded now with the real programs."""
    folder = tmp_path_factory.mktemp("recording") / "logs"
    options = ["--out", str(folder), "--seconds", "8", "--rate", "12"]
    command = [sys.executable, "-m", "recordings", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S)
    assert (done.returncode, done.stderr) == (0, "")
    return open_recording(folder)


@pytest.fixture(params=["shipped", pytest.param("fresh", marks=needs_nginx)])
def recording(request: pytest.FixtureRequest) -> Recording:
    found: Recording = request.getfixturevalue(request.param)
    return found


def shop_time(record: str) -> datetime:
    return datetime.strptime(record[:23], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC)


def access_time(line: str) -> datetime:
    return datetime.strptime(line.split("[")[1].split("]")[0], "%d/%b/%Y:%H:%M:%S %z")


def test_every_request_sent_is_one_line_of_the_access_log(recording: Recording) -> None:
    assert len(recording.lines("access.log")) == recording.truth["clients"]["sent"]


def test_the_access_log_has_the_statuses_that_the_clients_saw(recording: Recording) -> None:
    """A client may give up while its answer is on the way: at most that many lines tell otherwise."""
    seen = Counter(recording.truth["clients"]["by_outcome"])
    gave_up = seen.pop("gave up", 0)
    logged = recording.statuses()
    not_waited_for = logged.pop("499", 0)
    assert all(status.isdigit() for status in seen)
    assert not seen - logged
    assert not_waited_for + (logged - seen).total() == gave_up


def test_the_shop_log_has_the_levels_that_the_shop_counted_while_it_wrote(recording: Recording) -> None:
    levels = Counter(record.split(" ", 3)[2] for record in recording.shop_records())
    assert levels == Counter(recording.truth["shop"]["levels"])


def test_the_shop_log_has_the_errors_of_each_logger(recording: Recording) -> None:
    serious = (r.split(" ", 4) for r in recording.shop_records())
    loggers = Counter(fields[3] for fields in serious if fields[2] in ("ERROR", "CRITICAL"))
    assert loggers == Counter(recording.truth["shop"]["errors_by_logger"])


def test_nginx_explains_each_refusal_of_its_own_in_the_error_log(recording: Recording) -> None:
    """Two logs written by nginx, and the kinds in the truth, tell the same story."""
    text = "\n".join(recording.lines("error.log"))
    kinds = recording.truth["nginx_errors"]["by_kind"]
    statuses = recording.statuses()
    counted = {
        "upstream timed out": (text.count("upstream timed out"), statuses["504"]),
        "client over its rate limit": (text.count("limiting requests"), statuses["429"]),
        "access forbidden": (text.count("access forbidden by rule"), statuses["403"]),
        "request body too large": (text.count("too large body"), statuses["413"]),
    }
    for kind, (explained, refused) in counted.items():
        assert explained == refused == kinds.get(kind, 0), kind
    refused = text.count("Connection refused)")
    # How a connection to a shop that ends looks depends on how far the request had come.
    cut_off = len(re.findall(r"prematurely closed connection|reset by peer\)|Broken pipe\)", text))
    assert refused + cut_off == statuses["502"] > 0
    assert refused == kinds.get("upstream refused the connection", 0)
    assert cut_off == kinds.get("upstream closed too early", 0)
    assert "other" not in kinds


def test_every_failed_request_has_its_traceback(recording: Recording) -> None:
    failed = [record for record in recording.shop_records() if record.splitlines()[0].endswith(" failed")]
    assert failed
    for record in failed:
        first, second, *_, last = record.splitlines()
        assert " ERROR " in first
        assert second == "Traceback (most recent call last):"
        assert re.match(r"(ValueError|sqlite3\.OperationalError): ", last)


def test_the_kinds_of_errors_are_those_in_the_shop_log(recording: Recording) -> None:
    records = recording.shop_records()
    marks = {
        "no free connection": "refused: no connection within",
        "database is locked": "sqlite3.OperationalError: database is locked",
        "quantity is not a number": "ValueError: invalid literal for int()",
    }
    counted = {kind: sum(mark in record for record in records) for kind, mark in marks.items()}
    assert {kind: n for kind, n in counted.items() if n} == recording.truth["shop_errors"]["by_kind"]


def test_the_incident_begins_and_ends_where_the_worker_says_so(recording: Recording) -> None:
    lines = recording.lines("worker.jsonl")
    begin, end = (json.loads(lines[n - 1]) for n in recording.truth["incident"]["evidence"]["lines"])
    assert (begin["message"], begin["time"]) == ("full rebuild started", recording.truth["incident"]["started"])
    assert (end["message"], end["time"]) == ("full rebuild cancelled", recording.truth["incident"]["ended"])


def test_the_pool_runs_dry_only_in_the_incident(recording: Recording) -> None:
    begin, end = recording.window()
    dry = [shop_time(r) for r in recording.shop_records() if "refused: no connection" in r]
    assert dry
    assert all(begin <= moment <= end for moment in dry)


def test_errors_outside_the_incident_are_the_callers_own(recording: Recording) -> None:
    begin, end = recording.window()
    errors = [record for record in recording.shop_records() if record.split(" ", 3)[2] == "ERROR"]
    outside = [record for record in errors if not begin <= shop_time(record) <= end]
    assert outside
    assert all("invalid literal for int() with base 10: 'two'" in record for record in outside)
    assert len(errors) - len(outside) == recording.truth["shop_errors"]["in_incident"]


def test_requests_fail_in_the_incident(recording: Recording) -> None:
    """Both counts of 5xx answers are right, and nine of ten lie in the window."""
    begin, end = recording.window()
    failed = [access_time(line) for line in recording.lines("access.log") if re.search(r'" 5\d\d \d+ "-"', line)]
    inside = [moment for moment in failed if begin <= moment <= end]
    facts = recording.truth["access"]
    assert (len(failed), len(inside)) == (facts["failed_5xx"], facts["failed_5xx_in_incident"])
    assert len(inside) > 0.9 * len(failed)


def test_a_minute_has_as_many_failures_as_the_truth_says(recording: Recording) -> None:
    failed = (line for line in recording.lines("access.log") if re.search(r'" 5\d\d \d+ "-"', line))
    by_minute = Counter(access_time(line).strftime("%H:%M") for line in failed)
    assert by_minute == recording.truth["access"]["failed_5xx_by_minute"]


def test_sizes_are_those_of_the_files(recording: Recording) -> None:
    for name in LOGS:
        content = (recording.folder / name).read_bytes()
        facts = {"bytes": len(content), "lines": content.count(b"\n")}
        assert facts == recording.truth["logs"][name]


def test_source_files_are_shown_where_a_deployment_has_them(recording: Recording) -> None:
    """No traceback tells where this repository or its Python lies."""
    files = set(re.findall(r'File "([^"]+)"', "\n".join(recording.lines("shop.log"))))
    assert files
    assert all(re.fullmatch(r"/srv/shop/\w+\.py", file) for file in files)


def test_nothing_names_the_machine(recording: Recording) -> None:
    names = ["/home/", "/root", "/Users/", "/tmp", "/work", ".pyenv", "site-packages", str(ROOT)]
    host = socket.gethostname()
    names += [host] if len(host) > 4 and host != "localhost" else []
    for path in recording.folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not [name for name in names if name in text], path.name


def test_only_loopback_addresses_appear(recording: Recording) -> None:
    for name in LOGS:
        addresses = set(re.findall(r"\b(?:\d{1,3}\.){3}\d{1,3}\b", "\n".join(recording.lines(name))))
        assert all(address.startswith("127.0.0.") for address in addresses), name


def test_the_shipped_logs_are_some_thousand_lines_and_under_a_megabyte(shipped: Recording) -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_000_000
    assert 3_000 <= sum(len(shipped.lines(name)) for name in LOGS) <= 6_000


def test_the_shipped_incident_stands_out_from_quiet_minutes(shipped: Recording) -> None:
    """Each whole minute within the incident has more failures than all minutes without it together."""
    begin, end = shipped.window()
    failures = Counter(shipped.truth["access"]["failed_5xx_by_minute"])
    touched = {(begin + timedelta(seconds=s)).strftime("%H:%M") for s in range(int((end - begin).total_seconds()) + 1)}
    whole = sorted(touched)[1:-1]
    quiet = sum(count for minute, count in failures.items() if minute not in touched)
    assert whole
    assert min(failures[minute] for minute in whole) > quiet


def test_the_shipped_truth_includes_that_the_restart_did_not_help(shipped: Recording) -> None:
    facts = shipped.truth["shop_errors"]
    assert facts["in_incident_before_restart"] + facts["in_incident_after_restart"] == facts["in_incident"]
    assert facts["in_incident_after_restart"] > 10


def test_lines_named_in_the_truth_hold_what_it_says(shipped: Recording) -> None:
    lines = shipped.lines("shop.log")
    facts = shipped.truth["shop_errors"]
    assert all(" CRITICAL shop.pool pool dry for " in lines[n - 1] for n in facts["critical_lines"])
    assert all(" POST /cart/u60 failed" in lines[n - 1] for n in facts["unrelated_lines"])
    for which in ("first", "last"):
        named = lines[facts[which]["line"] - 1]
        assert " ERROR " in named
        assert shop_time(named) == datetime.fromisoformat(facts[which]["time"])
    slowest = shipped.truth["access"]["slowest"]
    assert f"rt={slowest['seconds']:.3f} " in shipped.lines("access.log")[slowest["line"] - 1]


def test_the_readme_tells_the_minutes_as_they_were(shipped: Recording) -> None:
    rows = re.findall(
        r"^\| (\d\d:\d\d) \| (\d+) \| (\d+) \|", (SHIPPED / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    facts = shipped.truth["access"]
    assert {minute: int(requests) for minute, requests, _ in rows} == facts["requests_by_minute"]
    assert {minute: int(failed) for minute, _, failed in rows if failed != "0"} == facts["failed_5xx_by_minute"]


def test_a_story_draws_the_same_requests_again() -> None:
    assert drawn(seed=7) == drawn(seed=7)
    assert drawn(seed=7) != drawn(seed=8)


def drawn(seed: int) -> str:
    """All requests of a minute, drawn by an interpreter of its own (so that no hash seed is shared)."""
    code = (
        "from recordings.story import Story; from recordings.traffic import draw_calls;"
        f"print(*draw_calls(Story(60.0, 3.0, {seed})), sep='\\n')"
    )
    command = [sys.executable, "-c", code]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=True).stdout
    assert len(listing.splitlines()) > 100
    return listing


@needs_nginx
def test_a_terminated_recording_leaves_no_process_and_no_half_written_logs(tmp_path: Path) -> None:
    out = tmp_path / "logs"
    command = [sys.executable, "-m", "recordings", "--out", str(out), "--seconds", "50"]
    with subprocess.Popen(command, cwd=ROOT) as recorder:
        children = wait_for_children(recorder.pid, 3)
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(HANG_S) == 143
    assert not [pid for pid in children if is_running(pid)]
    assert not out.exists()


def wait_for_children(parent: int, expected: int) -> list[int]:
    """The process ids of a process's children, once there are as many as expected."""
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline:
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        rows = (line.split() for line in table.stdout.splitlines())
        children = [int(pid) for pid, ppid in rows if int(ppid) == parent]
        if len(children) >= expected:
            return children
        time.sleep(0.1)
    raise AssertionError("the recording did not start its processes")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
