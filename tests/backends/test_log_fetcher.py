"""The skill `log-fetcher` against a real log server on loopback, and the guard in front of every address."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes import ScriptedModel, use

from conjure_magic import Session, ToolError
from conjure_magic.api.addresses import allowed_addresses
from conjure_magic.api.fetch import FetchRules, fetch
from conjure_magic.approval import approve_all
from conjure_magic.backends.bundled_native.log_fetcher import FetchCommand, parse, read_entries
from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError
from conjure_magic.events import ToolResult
from conjure_magic.settings import Settings

ENTRIES = [
    {
        "timestamp": f"2026-03-01T08:{n // 60:02d}:{n % 60:02d}Z",
        "level": "ERROR" if n % 10 == 0 else "INFO",
        "message": f"order {n} {'failed: no connection left' if n % 10 == 0 else 'placed'}",
    }
    for n in range(600)
]


BOMB = gzip.compress(b"0" * 50_000_000)


class LogApi(BaseHTTPRequestHandler):
    """A monitoring API, and what may be wrong with one."""

    server: LogServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self.server.asked.append((url.path, query, self.headers.get("host", "")))
        answer = getattr(self, "_" + url.path.strip("/").replace("/", "_").partition(".")[0], None)
        if answer is None:
            self._send(404, b"{}")
        else:
            answer(query)

    def _api_logs(self, query: dict[str, str]) -> None:
        rows = [e for e in ENTRIES if query.get("level") in (None, e["level"])]
        self._send(200, json.dumps({"logs": rows[: int(query.get("limit", 50))]}).encode())

    def _api_lines(self, query: dict[str, str]) -> None:
        self._send(200, "".join(json.dumps(entry) + "\n" for entry in ENTRIES).encode())

    def _plain(self, query: dict[str, str]) -> None:
        self._send(200, b"one\ntwo\nthree\n")

    def _down(self, query: dict[str, str]) -> None:
        self._send(503, b"oh no")

    def _large(self, query: dict[str, str]) -> None:
        self._send(200, b"x" * 300_000)

    def _bomb(self, query: dict[str, str]) -> None:
        self._send(200, BOMB, {"content-encoding": "gzip"})

    def _packed(self, query: dict[str, str]) -> None:
        self._send(200, gzip.compress(b'[{"a": 1}]'), {"content-encoding": "gzip"})

    def _odd(self, query: dict[str, str]) -> None:
        self._send(200, b"?", {"content-encoding": "br"})

    def _silent(self, query: dict[str, str]) -> None:
        self.server.held.set()
        self.server.release.wait(60)

    def _drip(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.end_headers()
        self.server.held.set()
        while not self.server.release.wait(0.01):
            try:
                self.wfile.write(b".")
            except OSError:
                return

    def _to(self, query: dict[str, str]) -> None:
        self._send(302, b"", {"location": query["url"]})

    def _round(self, query: dict[str, str]) -> None:
        self._send(307, b"", {"location": "/round"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class LogServer(ThreadingHTTPServer):
    """It remembers what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), LogApi)
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.held, self.release = threading.Event(), threading.Event()

    def url(self, path: str = "/api/logs") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        pass  # a client that went away


@pytest.fixture
def server() -> Iterator[LogServer]:
    server = LogServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


pytestmark = pytest.mark.usefixtures("folder")


HERE = FetchRules(private=("localhost",))


def get(url: str, **options: Any) -> Any:
    rules = options.pop("rules", HERE)
    return fetch(url, rules, options.pop("cancel", None) or Cancel(), **options)


def run(command: str, *private: str) -> tuple[ToolResult, dict[str, bytes]]:
    """The result of a command in a turn, and the files it made."""
    model = ScriptedModel([use("t1", "log-fetcher_execute", command=command)], ["Done."])
    with Session("native", model=model, settings=Settings(fetch_private=list(private))) as session:
        turn = session.chat(command)
        result = turn.tool_calls[0].result
        assert result is not None
        return result, {file.name: file.read() for file in turn.files}


# ---- the skill


def test_it_fetches_pretty_json_and_keeps_the_entries_as_lines(server: LogServer) -> None:
    result, files = run(f"fetch {server.url()} --limit 3 --level ERROR", "localhost")
    first, _, body = result.text.partition("\n")
    wanted = [entry for entry in ENTRIES if entry["level"] == "ERROR"][:3]
    assert first == "[3 entries, saved as logs.jsonl in the workspace]"
    assert body == json.dumps({"logs": wanted}, indent=2)
    assert [json.loads(line) for line in files["logs.jsonl"].splitlines()] == wanted
    assert server.asked[0][1] == {"limit": "3", "level": "ERROR"}


def test_the_limit_is_100_and_holds_whatever_the_server_sends(server: LogServer) -> None:
    result, _ = run(f"fetch {server.url('/api/lines?source=app')}", "localhost")
    assert result.summary == "100 entries"
    assert server.asked[0][1] == {"source": "app", "limit": "100"}


@pytest.mark.parametrize(
    ("path", "said"),
    [("/down", "API returned 503"), ("/nowhere", "API returned 404"), ("/large", "[1 entry, saved as large.log")],
)
def test_the_servers_own_words_are_shown(server: LogServer, path: str, said: str) -> None:
    result, _ = run(f"fetch {server.url(path)}", "localhost")
    assert result.text.startswith(said)
    assert result.is_error == ("API" in said)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "Use: fetch URL [--limit N] [--level LEVEL]"),
        ("get http://x", "Use: fetch URL"),
        ("fetch", "Use: fetch URL"),
        ("fetch http://x --limit", "--limit has no value"),
        ("fetch http://x --limit many", "--limit expects a whole number"),
        ("fetch http://x --limit 0", "--limit expects a whole number"),
        ("fetch http://x --limit 99999999999999", "--limit expects a whole number"),
        ("fetch http://x --since now", "unknown option --since"),
        ("fetch 'http://x", "No closing quotation"),
    ],
)
def test_a_command_that_cannot_be_read_says_how_to_write_it(command: str, said: str) -> None:
    with pytest.raises(ToolError) as error:
        parse(command)
    assert str(error.value).startswith(said)
    assert "Use: fetch URL" in str(error.value)


def test_options_are_read_in_both_spellings() -> None:
    assert parse("fetch http://x --limit=5 --level WARN") == FetchCommand("http://x", 5, "WARN")


def test_every_shape_of_answer_has_its_entries() -> None:
    assert read_entries('[{"a": 1}, 2]', 1).lines == '{"a": 1}\n'
    assert read_entries('{"items": [1, 2, 3], "next": null}', 2).pretty == json.dumps(
        {"items": [1, 2], "next": None}, indent=2
    )
    assert read_entries('{"a": 1}\n{"a": 2}\n', 9).count == 2
    assert read_entries('{"status": "ok"}', 9).count == 1
    assert read_entries("plain\ntext", 1).suffix == ".log"
    assert read_entries("[" * 100_000, 1).suffix == ".log"


def test_the_offline_model_fetches_in_one_turn_and_analyses_in_the_next(server: LogServer) -> None:
    settings = Settings(fetch_private=["localhost"])
    with Session("native,local", model="offline", settings=settings, approver=approve_all) as session:
        first = session.chat(f"Fetch logs from {server.url()}, limit 200")
        assert [file.name for file in first.files] == ["logs.jsonl"]
        second = session.chat("Analyse logs.jsonl: what went wrong?")
        assert "order <*> failed: no connection left" in second.text
        assert "| 20 | ERROR |" in second.text


# ---- the guard


def test_private_addresses_are_refused_and_the_setting_is_named(server: LogServer) -> None:
    result, _ = run(f"fetch {server.url()}")
    assert result.is_error
    assert "leads to 127.0.0.1, which is not public" in result.text
    assert "fetch_private" in result.text
    assert server.asked == []


NOT_PUBLIC = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
    *(
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "192.0.2.1",
        "240.0.0.1",
        "nonsense",
    ),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ToolError, match="not public"):
        allowed_addresses("host", [address], ())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public_is_let_through(address: str) -> None:
    assert allowed_addresses("host", [address, "10.0.0.1"], ()) == [address], "and the private one is left out"


def test_the_setting_opens_only_what_it_names() -> None:
    assert allowed_addresses("h", ["10.1.2.3", "192.168.0.1"], ["10.0.0.0/8"]) == ["10.1.2.3"]
    assert allowed_addresses("h", ["::ffff:127.0.0.1"], ["localhost"]) == ["::ffff:127.0.0.1"]
    assert allowed_addresses("h", ["fe80::1"], ["all"]) == ["fe80::1"]
    with pytest.raises(ToolError, match="not public"):
        allowed_addresses("h", ["169.254.169.254"], ["localhost", "10.0.0.0/8"])
    with pytest.raises(ToolError, match=r"'10\.0\.0\.x', which is no network"):
        allowed_addresses("h", ["8.8.8.8"], ["10.0.0.x"])


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.1", "localhost", "0177.0.0.1"])
def test_other_spellings_of_an_address_lead_to_it(server: LogServer, spelling: str) -> None:
    with pytest.raises(ToolError, match=r"not public|not known|no address"):
        get(f"http://{spelling}:{server.server_port}/plain", rules=FetchRules())
    assert server.asked == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(server: LogServer) -> None:
    """A second answer of the name server cannot lead the connection elsewhere (DNS rebinding)."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    found = get(f"http://logs.example:{server.server_port}/plain", resolve=lambda host, port: answers.pop(0))
    assert found.content == b"one\ntwo\nthree\n"
    assert len(answers) == 1
    assert server.asked[0][2] == f"logs.example:{server.server_port}", "the server is asked in the host's name"


def test_every_redirect_is_checked_again(server: LogServer) -> None:
    assert get(server.url("/to?url=/plain")).content == b"one\ntwo\nthree\n"
    for target in ("http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/"):
        with pytest.raises(ToolError, match="not public"):
            get(server.url(f"/to?url={target}"))
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"):
        with pytest.raises(ToolError, match="begins with http"):
            get(server.url(f"/to?url={target}"))
    answers = {"a.example": ["127.0.0.1"], "b.example": ["10.0.0.9"]}
    to = f"http://a.example:{server.server_port}/to?url=http://b.example/"
    with pytest.raises(ToolError, match=r"b\.example leads to 10\.0\.0\.9"):
        get(to, resolve=lambda host, port: answers[host])
    with pytest.raises(ToolError, match="redirects more than 5 times"):
        get(server.url("/round"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "begins with http"),
        ("/etc/passwd", "begins with http"),
        ("http://", "begins with http"),
        ("http://user:pw@host/", "user name or password"),
        ("http://[::1", "no address"),
        ("http://a b/", "no address"),
    ],
)
def test_only_plain_http_addresses_are_taken(url: str, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        get(url, resolve=lambda host, port: [])


def test_sizes_are_bounded_also_after_unpacking(server: LogServer) -> None:
    rules = FetchRules(private=("localhost",), max_bytes=200_000)
    tracemalloc.start()
    for path in ("/large", "/bomb"):
        with pytest.raises(ToolError, match="larger than 200,000 bytes"):
            get(server.url(path), rules=rules)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000, "it is unpacked step by step"
    assert get(server.url("/packed")).content == b'[{"a": 1}]'
    with pytest.raises(ToolError, match="as br, which was not asked for"):
        get(server.url("/odd"))


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_time_is_bounded_also_for_a_server_that_drips(server: LogServer, path: str) -> None:
    with pytest.raises(ToolError, match=r"did not answer within 0\.3 s"):
        get(server.url(path), rules=FetchRules(private=("localhost",), timeout=0.3))


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_cancel_wakes_it_wherever_it_is_blocked(server: LogServer, path: str) -> None:
    cancel = Cancel()

    def stop() -> None:
        server.held.wait(60)
        cancel.set("stopped")

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(CancelledError):
        get(server.url(path), cancel=cancel, rules=FetchRules(private=("localhost",), timeout=600))


def test_a_look_up_that_hangs_is_left_behind() -> None:
    cancel, looking, release = Cancel(), threading.Event(), threading.Event()

    def hangs(host: str, port: int) -> list[str]:
        looking.set()
        release.wait(60)
        return ["127.0.0.1"]

    threading.Thread(target=lambda: (looking.wait(60), cancel.set()), daemon=True).start()
    with pytest.raises(CancelledError):
        get("http://logs.example/", cancel=cancel, resolve=hangs)
    release.set()


def test_errors_leave_out_the_query_which_may_contain_a_key(server: LogServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(ToolError, match="cannot be reached") as error:
        get(f"http://127.0.0.1:{port}/x?token=hidden-thing")
    assert "hidden-thing" not in str(error.value)

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(ToolError, match=r"nowhere\.example is not known"):
        get("http://nowhere.example/", resolve=unknown)


def test_a_certificate_must_be_the_hosts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to an address, but what is verified is the name."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=logs.example"]
    made += ["-addext", "subjectAltName=DNS:logs.example", "-keyout", str(key), "-out", str(cert)]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    server = LogServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        port = server.server_port
        found = get(f"https://logs.example:{port}/plain", resolve=lambda host, port: ["127.0.0.1"])
        assert found.content == b"one\ntwo\nthree\n"
        with pytest.raises(ToolError, match=r"cannot be reached.*(?i:certificate)"):
            get(f"https://other.example:{port}/plain", resolve=lambda host, port: ["127.0.0.1"])
    finally:
        server.shutdown()
        server.server_close()


def test_no_thread_stays(server: LogServer) -> None:
    get(server.url("/plain"))
    end = time.monotonic() + 30
    while any(t.name == "conjure-fetch" for t in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(t.name == "conjure-fetch" for t in threading.enumerate())
