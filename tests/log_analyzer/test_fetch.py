"""fetch_logs.py against a real server on loopback."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from log_analyzer import skill

RECORDS = [
    {"time": f"2024-05-01T13:05:{i:02d}Z", "level": ("ERROR", "INFO")[i % 2], "message": f"tåg {i}"} for i in range(20)
]


class Logs(BaseHTTPRequestHandler):
    """Answers like services do: a list, a list inside an object, JSON lines, text, and every kind of trouble."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        found = [row for row in RECORDS if query.get("level", [row["level"]]) == [row["level"]]]
        found = found[: int(query["limit"][0])]
        if parts.path == "/slow":
            time.sleep(3)
        elif parts.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"x")
                time.sleep(0.1)
            return
        elif parts.path == "/gone":
            self.send_error(404)
            return
        bodies = {
            "/list": json.dumps(found),
            "/object": json.dumps({"total": 20, "logs": found, "asked": query}),
            "/lines": "\n".join(map(json.dumps, found)),
            "/text": "\n".join(f"line {i}" for i in range(500)),
            "/large": "x" * 2_000_000,
        }
        body = bodies.get(parts.path, "").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the reader gave up, as some of these tests make it
            super().handle()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Logs) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/list", "/lines"])
def test_records_come_as_pretty_json(path: str, server: str) -> None:
    text = skill.run_ok("fetch_logs.py", server + path, "--limit", "3")
    assert json.loads(text) == RECORDS[:3]
    assert text.startswith("[\n  {\n")
    assert "tåg 0" in text


def test_limit_and_level_travel_as_query_parameters(server: str) -> None:
    asked = json.loads(
        skill.run_ok("fetch_logs.py", f"{server}/object?app=crane&limit=9", "--limit", "2", "--level", "ERROR")
    )
    assert asked["asked"] == {"app": ["crane"], "limit": ["2"], "level": ["ERROR"]}
    assert [row["level"] for row in asked["logs"]] == ["ERROR", "ERROR"]
    default = json.loads(skill.run_ok("fetch_logs.py", f"{server}/object"))
    assert default["asked"] == {"limit": ["100"]}


def test_lines_can_be_written_to_a_file_and_analysed(server: str, tmp_path: Path) -> None:
    target = tmp_path / "fetched.log"
    said = skill.run_ok("fetch_logs.py", f"{server}/object", "--lines", "--output", str(target))
    assert said == f"20 lines written to {target}\n"
    assert skill.query(target, "--field", "level") == [["ERROR", 10], ["INFO", 10]]


def test_plain_text_stays_text_within_the_limit(server: str) -> None:
    assert skill.run_ok("fetch_logs.py", f"{server}/text", "--limit", "2") == "line 0\nline 1\n"


TROUBLE = [
    (("/gone",), "answered 404 Not Found"),
    (("/slow", "--timeout", "0.5"), "did not answer within 0.5 s"),
    (("/drip", "--timeout", "0.5"), "did not answer within 0.5 s"),
    (("/large", "--max-bytes", "100000"), "larger than 100000 bytes"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), TROUBLE, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_trouble_with_the_server_is_one_line(arguments: tuple[str, ...], message: str, server: str) -> None:
    done = skill.start("fetch_logs.py", server + arguments[0], *arguments[1:])
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert message in done.stderr.decode()


@pytest.mark.parametrize(
    "arguments", [("ftp://a/b",), ("no address",), ("http://",), ("http://127.0.0.1/", "--limit", "0"), ()]
)
def test_wrong_use_is_one_line_and_exit_code_two(arguments: tuple[str, ...]) -> None:
    done = skill.start("fetch_logs.py", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_an_error_does_not_repeat_what_a_query_may_keep_secret() -> None:
    done = skill.start("fetch_logs.py", "http://127.0.0.1:9/logs?token=s3cret")
    assert done.returncode == 1
    assert b"s3cret" not in done.stderr
