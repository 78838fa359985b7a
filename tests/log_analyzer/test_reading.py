"""Files as they are: compressed, rotated, piped, damaged, with traces; and the same result however they lie."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import subprocess
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from log_analyzer import odd_systems, skill

LINES = [line.text for line in odd_systems.BRACES.lines(600)]
TEXT = "\n".join(LINES) + "\n"


def groups(path: Path | str, stdin: bytes = b"") -> Counter[str]:
    """How many records each template has."""
    return Counter(record["template"] for record in skill.records(path, stdin=stdin))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    path = tmp_path_factory.mktemp("plain") / "a.log"
    path.write_text(TEXT)
    return groups(path)


def shuffled() -> str:
    lines = list(LINES)
    random.Random(3).shuffle(lines)
    return "\n".join(lines) + "\n"


VARIANTS = {
    "CRLF": TEXT.replace("\n", "\r\n").encode(),
    "no last newline": TEXT.rstrip("\n").encode(),
    "shuffled": shuffled().encode(),
    "byte-order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "gzip": gzip.compress(TEXT.encode()),
    "bzip2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_groups_and_counts_do_not_depend_on_how_the_file_lies(name: str, tmp_path: Path, plain: Counter[str]) -> None:
    (tmp_path / "a.log").write_bytes(VARIANTS[name])
    assert groups(tmp_path / "a.log") == plain


def test_standard_input_is_read_like_a_file(plain: Counter[str]) -> None:
    assert groups("-", stdin=TEXT.encode()) == plain
    assert groups("-", stdin=gzip.compress(TEXT.encode())) == plain


def test_a_rotated_set_is_read_oldest_first_in_any_order_given(tmp_path: Path) -> None:
    parts = [LINES[:200], LINES[200:400], LINES[400:]]
    (tmp_path / "a.log.2.gz").write_bytes(gzip.compress("\n".join(parts[0]).encode()))
    (tmp_path / "a.log.1").write_text("\n".join(parts[1]))
    (tmp_path / "a.log").write_text("\n".join(parts[2]))
    names = [str(tmp_path / name) for name in ("a.log", "a.log.1", "a.log.2.gz")]
    found = skill.records(names[0], *names[1:])
    assert [record["timestamp"] for record in found] == sorted(record["timestamp"] for record in found)
    assert [Path(found[i]["file"]).name for i in (0, 200, 400)] == ["a.log.2.gz", "a.log.1", "a.log"]
    assert found[200]["line"] == 1


def test_damaged_bytes_are_kept_as_marks_and_lose_no_line(tmp_path: Path) -> None:
    raw = [line.encode() for line in LINES]
    raw[5] += b" \xff\xfe\x80 end"
    (tmp_path / "a.log").write_bytes(b"\n".join(raw))
    found = skill.records(tmp_path / "a.log")
    assert len(found) == len(LINES)
    assert found[5]["message"].endswith("\ufffd\ufffd\ufffd end")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n\n", "三号吊车 起吊\n".encode() * 9], ids=["empty", "blank", "other words"]
)
def test_nothing_to_judge_by_is_unknown_and_never_ok(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(content)
    found = skill.summary(tmp_path / "a.log", "--chart", str(tmp_path / "a.svg"))
    assert (found["health"], len(found["health_reasons"])) == ("unknown", 1)
    assert found["levels"] == []
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert "a.log: unknown" in skill.run_ok("analyze.py", "summary", str(tmp_path / "a.log"))


def test_an_ok_names_the_check_that_was_made(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one line\n")
    found = skill.summary(tmp_path / "a.log")
    assert (found["health"], "by the wording of 1 record" in found["health_reasons"][0]) == ("ok", True)


def packed_zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deck/a.log", "\n".join(LINES[:300]))
        archive.writestr("deck/b.log.gz", gzip.compress("\n".join(LINES[300:]).encode()))
        archive.writestr("deck/crane.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    return held.getvalue()


def packed_tar() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, part in (("a.log", LINES[:300]), ("b.log", LINES[300:])):
            data = "\n".join(part).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


ENCODED = {
    "zip": packed_zip,
    "tar.gz": packed_tar,
    "UTF-16 without a mark": lambda: TEXT.encode("utf-16-le"),
    "UTF-16, the other way round": lambda: TEXT.encode("utf-16-be"),
    "UTF-32 without a mark": lambda: TEXT.encode("utf-32-le"),
    "UTF-16 in gzip": lambda: gzip.compress(TEXT.encode("utf-16")),
    "zeros in front": lambda: b"\0" * 5000 + TEXT.encode(),
    "carriage returns alone": lambda: TEXT.replace("\n", "\r").encode(),
    "two gzip files in one": lambda: gzip.compress(TEXT[:999].encode()) + gzip.compress(TEXT[999:].encode()),
}


@pytest.mark.parametrize("name", ENCODED)
def test_however_it_is_packed_or_encoded_the_log_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(ENCODED[name]())
    done = skill.run("analyze.py", "query", str(tmp_path / "a.log"), "--field", "level", "--json")
    assert dict(json.loads(done.stdout)["answer"]) == Counter(line.level for line in odd_systems.BRACES.lines(600))
    assert done.stderr.decode().count("is a PNG image") == (name == "zip")


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd command")
def test_zstd_is_read_where_it_is_installed(tmp_path: Path, plain: Counter[str]) -> None:
    packed = subprocess.run(["zstd", "-q"], input=TEXT.encode(), capture_output=True, check=True).stdout
    (tmp_path / "a.log.zst").write_bytes(packed)
    assert groups(tmp_path / "a.log.zst") == plain


UNREADABLE = {
    "bytes at random": (random.Random(5).randbytes(4000), "binary"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(90), "7z"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(90), "lz4"),
    "compress": (b"\x1f\x9d\x90" + bytes(90), "compress"),
    "a journal": (b"LPKSHHRH" + bytes(90), "journalctl"),
    "a database": (b"SQLite format 3\0" + bytes(90), "SQLite"),
    "an encrypted file": (b"Salted__" + random.Random(5).randbytes(90), "encrypted"),
    "a broken zstd": (b"\x28\xb5\x2f\xfd" + bytes(90), "zstd"),
    "a broken zip": (b"PK\x03\x04" + bytes(90), "damaged"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused_by_name(name: str, tmp_path: Path) -> None:
    content, word = UNREADABLE[name]
    (tmp_path / "a.log").write_bytes(content)
    done = skill.run("analyze.py", "summary", str(tmp_path / "a.log"))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert word in done.stderr.decode()


def test_a_level_that_never_varies_is_not_believed_against_the_words(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "".join(
            f"2024-05-01 13:05:{10 + i} INFO crane: lift {i} {'failed' if i % 4 == 0 else 'done'}\n" for i in range(40)
        )
    )
    found = skill.summary(tmp_path / "a.log")
    assert (found["health"], found["problem_basis"]) == ("critical", "wording")


@pytest.mark.parametrize("level", ["", "INFO "])
@pytest.mark.parametrize(
    ("text", "health"),
    [("worker failed to pack batch 77: disk full", "degraded"), ("batch 77 packed with 0 errors", "ok"),
     ("set the connection timeout to 30 s", "ok")],
)  # fmt: skip
def test_one_failure_that_no_level_tells_of_is_no_ok(text: str, health: str, level: str, tmp_path: Path) -> None:
    lines = [
        f"2024-05-01 13:{i // 60:02d}:{i % 60:02d} {level}worker packed batch {i} of the queue" for i in range(200)
    ]
    lines[77] = f"2024-05-01 13:01:17 {level}{text}"
    (tmp_path / "a.log").write_text("\n".join(lines))
    found = skill.summary(tmp_path / "a.log")
    assert found["health"] == health
    if health != "ok":
        assert found["health_reasons"] == ["1 of 200 records (0.5%) worded as failures (inferred)"]


@pytest.mark.parametrize(
    ("failed", "passed"),
    [({"Action": "fail"}, {"Action": "pass"}), ({"outcome": "failed"}, {"outcome": "passed"}),
     ({"success": False}, {"success": True}), ({"errorCode": "AccessDenied"}, {}),
     ({"error": {"kind": "Timeout"}}, {"error": None})],
    ids=["go test", "outcome", "success", "code", "object"],
)  # fmt: skip
def test_named_fields_without_a_level_tell_by_their_outcome(
    failed: dict[str, object], passed: dict[str, object], tmp_path: Path
) -> None:
    rows = [
        {"Time": f"2024-05-01T13:05:{10 + i}Z", "Test": f"lift {i}", **(failed if i < 2 else passed)} for i in range(10)
    ]
    (tmp_path / "a.log").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert skill.query(tmp_path / "a.log", "--level", "ERROR+", "--count") == 2
    assert skill.summary(tmp_path / "a.log")["health"] == "critical"
    (tmp_path / "a.log").write_text("".join(json.dumps(row) + "\n" for row in rows[2:]))
    assert skill.summary(tmp_path / "a.log")["health"] == ("ok" if any(passed.values()) else "unknown")


def test_all_commands_tell_how_much_was_read_and_take_a_layout(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"2024-05-01 13:05:{10 + i} INFO crane: lift {i}\nload {i}\n" for i in range(40)))
    for arguments in (("analyze.py", "summary"), ("analyze.py", "query"), ("parse_logs.py",)):
        script, *verb = arguments
        done = skill.run(script, *verb, str(log))
        assert b"Only 50.0% of the lines are read by a rule" in done.stdout + done.stderr
        done = skill.run(script, *verb, str(log), "--layout", r"(?P<ts>2024-\S+ \S+) (?P<level>\w+) |load")
        assert (done.returncode, b"Only" in done.stdout + done.stderr) == (0, False)


PYTHON_TRACE = """Traceback (most recent call last):
  File "/srv/crane.py", line 7, in lift
    rope.pull()
ValueError: rope is slack

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/crane.py", line 9, in <module>
CraneError: cannot lift"""
JAVA_TRACE = """net.example.CraneException: rope is slack
\tat net.example.Crane.lift(Crane.java:7)
\tat net.example.Main.main(Main.java:9)
Caused by: java.lang.IllegalStateException: slack
\t... 2 more"""


@pytest.mark.parametrize("trace", [PYTHON_TRACE, JAVA_TRACE], ids=["python", "java"])
def test_a_stack_trace_belongs_to_the_line_before_it(trace: str, tmp_path: Path) -> None:
    lines = []
    for i in range(20):
        lines.append(f"2024-05-01 13:05:{10 + i} ERROR crane: lift {i} failed\n{trace}")
        lines.append(f"2024-05-01 13:05:{10 + i} INFO crane: next is {i}")
    (tmp_path / "a.log").write_text("\n".join(lines))
    found = skill.records(tmp_path / "a.log")
    assert [record["level"] for record in found] == ["ERROR", "INFO"] * 20
    assert found[0]["message"] == f"lift 0 failed\n{trace}"
    assert found[1]["line"] == 2 + len(trace.splitlines())
    assert {record["template"] for record in found} == {"lift <*> failed", "next is <*>"}
    described = skill.run_ok("parse_logs.py", str(tmp_path / "a.log"), "--describe")
    assert '"share": 1.0' in described
    assert skill.summary(tmp_path / "a.log")["problems"][0]["trace_ends"] == trace.splitlines()[-1].strip()


def test_a_trace_in_a_log_without_times_belongs_to_the_line_before_it(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"lift {i} failed\n{PYTHON_TRACE.splitlines()[1]}\n" for i in range(20)))
    found = skill.records(tmp_path / "a.log")
    assert len(found) == 20
    assert found[3]["message"].startswith("lift 3 failed\n  File")


def test_lines_before_the_first_record_are_kept_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("~~ harbour log ~~\n" + TEXT)
    found = skill.records(tmp_path / "a.log")
    assert (found[0]["parsed"], found[0]["message"]) == (False, "~~ harbour log ~~")
    assert skill.summary(tmp_path / "a.log")["unparsed"] == 1


def test_csv_holds_the_same_records_as_json_lines(tmp_path: Path) -> None:
    import csv
    import io

    (tmp_path / "a.log").write_text('2024-05-01 13:05:10 WARN crane: said "a, b"\n  and more\n' * 9)
    rows = list(csv.DictReader(io.StringIO(skill.run_ok("parse_logs.py", str(tmp_path / "a.log"), "--format", "csv"))))
    found = skill.records(tmp_path / "a.log")
    assert [row["message"] for row in rows] == [record["message"] for record in found]
    assert [int(row["line"]) for row in rows] == [record["line"] for record in found]


def test_a_time_without_a_year_is_never_after_the_files_own(tmp_path: Path) -> None:
    import os

    log = tmp_path / "a.log"
    log.write_text("".join(f"Dec 31 23:59:{i} quay7 crane[1]: took {i} ms\nJan  1 00:00:{i} quay7 crane[1]: end {i}\n"
                           for i in range(10, 40)))  # fmt: skip
    os.utime(log, (1704110400, 1704110400))  # 1 January 2024
    years = {record["timestamp"][:7] for record in skill.records(log)}
    assert years == {"2023-12", "2024-01"}


def test_of_a_damaged_archive_the_whole_part_is_read(tmp_path: Path) -> None:
    """As of a file that is still being compressed."""
    packed = gzip.compress("".join(f"2024-05-01 10:00:00 INFO took {i * 7919} ms\n" for i in range(5000)).encode())
    (tmp_path / "a.log.gz").write_bytes(packed[: len(packed) // 2])
    done = skill.run("analyze.py", "query", str(tmp_path / "a.log.gz"), "--level", "INFO", "--json")
    answer = json.loads(done.stdout)["answer"]
    assert done.returncode == 0
    assert 1000 < answer < 4000
    assert done.stderr.decode().startswith(f"note: {tmp_path / 'a.log.gz'} is damaged after line {answer}")
    assert done.stderr.count(b"\n") == 1


def test_a_line_of_megabytes_is_a_line(tmp_path: Path) -> None:
    """No search may take the square of a line's length."""
    log = tmp_path / "a.log"
    log.write_text("2024-05-01 10:00:00 INFO " + "x1 " * 1_500_000 + "\n2024-05-01 10:00:01 INFO end\n")
    assert skill.query(log, "--span") == 1
    assert skill.summary(log)["records"] == 2
