"""The agent of notebooks/monitoring_agent.py as a program: hands that change in mid-conversation, chosen as it runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
AGENT = NOTEBOOKS / "monitoring_agent.py"
LINE = re.compile(r"(\d{4}-\S+ \S+) ([A-Z]+) (\S+) (.*)")
ENTRIES = [
    dict(zip(("timestamp", "level", "logger", "message"), match.groups(), strict=True))
    for line in (NOTEBOOKS / "logs" / "shop.log").read_text(encoding="utf-8").splitlines()
    if (match := LINE.match(line))
]


class LogApi(BaseHTTPRequestHandler):
    """Serves the shop's log under /api/logs, and 503 anywhere else."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        level, limit = query.get("level", [""])[0], int(query["limit"][0])
        found = [entry for entry in ENTRIES if level in ("", entry["level"])][-limit:]
        body = json.dumps({"logs": found}).encode()
        self.send_response(200 if self.path.startswith("/api/logs") else 503)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), LogApi) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The agent run in a folder of its own, without a key."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CONJURE_", "ANTHROPIC_"))}
    env = {**clean, "HOME": str(folder), "CONJURE_MODEL": "offline", **environment}
    return subprocess.run(
        [sys.executable, str(AGENT), *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )


def test_it_fetches_in_the_process_and_analyses_with_scripts(api: str, tmp_path: Path) -> None:
    done = run(tmp_path, f"{api}/api/logs", "--limit", "300")
    assert done.returncode == 0, done.stderr
    first, _, answer = done.stdout.partition("\n\n")
    assert first == "300 entries, analysed by local"
    errors = sum(entry["level"] == "ERROR" for entry in ENTRIES[-300:])
    assert re.search(rf"\b{errors}\b[^\n]*ERROR|ERROR[^\n]*\b{errors}\b", answer), "the figure is that of the log"
    assert "rules, not a language model" in answer
    assert "native runs log-fetcher_execute" in done.stderr
    assert "local runs bash_tool" in done.stderr
    assert "failed" not in done.stderr


@pytest.mark.parametrize(("profile", "said"), [("test", "analysed by local"), ("dev", "analysed by local")])
def test_a_profile_chooses_where_the_scripts_run(api: str, tmp_path: Path, profile: str, said: str) -> None:
    assert said in run(tmp_path, f"{api}/api/logs", "--limit", "50", CONJURE_PROFILE=profile).stdout


def test_the_backend_of_the_environment_goes_before_the_profile(api: str, tmp_path: Path) -> None:
    done = run(tmp_path, f"{api}/api/logs", CONJURE_PROFILE="prod", CONJURE_BACKEND="locl")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "unknown backend 'locl'; did you mean local?")


def test_a_backend_is_chosen_for_each_question(api: str, tmp_path: Path) -> None:
    done = run(tmp_path, "--ask", f"Fetch ERROR logs from {api}/api/logs, limit 2", "--backend", "native")
    assert "2 entries, saved as logs.jsonl" in done.stdout, done.stderr
    assert done.stdout.count('"level": "ERROR"') == 2
    skills = Path(__file__).parent / "data" / "skills" / "commands"
    (tmp_path / "tale.txt").write_text("the cat and the dog and the bird")
    words = ("Which words are most frequent in tale.txt?", "--backend", "local", "--skills", str(skills))
    done = run(tmp_path, "--ask", *words)
    assert "3 the" in done.stdout, done.stderr
    assert "word-count" in done.stderr, "the registry lists what it found"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{api}/nothing",), "API returned 503"),
        (("http://127.0.0.1:9/logs",), "cannot fetch logs"),
        (("--ask", "x", "--skills", "nowhere"), "'nowhere' does not exist"),
        (("--ask", "x", "--backend", "nativ"), "did you mean native?"),
    ],
)
def test_what_fails_is_said_without_a_traceback(api: str, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = run(tmp_path, *(word.format(api=api) for word in words))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
