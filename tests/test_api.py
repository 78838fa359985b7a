"""Keys that stay hidden, credentials and the choice of a model, retries, and reading events."""

from __future__ import annotations

import codecs
import contextlib
import io
import itertools
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from conjure_magic.api import error_translation
from conjure_magic.api.client import Api, Patience
from conjure_magic.api.connection import ConnectionPool
from conjure_magic.api.credentials import ANTHROPIC, Credentials, credentials
from conjure_magic.api.events import read_events
from conjure_magic.cancel import Cancel
from conjure_magic.errors import AuthenticationError, ModelError, ProtocolError, RateLimitError, UsageError
from conjure_magic.events import Notice
from conjure_magic.messages import Message
from conjure_magic.models.base import Request
from conjure_magic.models.choice import choose_model
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.secrets import Key, known_secrets
from conjure_magic.settings import Settings
from conjure_magic.testing.stub import Reply, StubServer

SECRET = "sk-ant-very-secret-0123456789"
OPUS = "claude-opus-5-5"
REQUEST = Request(OPUS, "", (), (Message.user("Hi."),), max_tokens=1_000)
QUICK = Patience(retries=1, backoff=0.001, idle=1.0)

# ---- keys


def test_a_key_shows_itself_to_nobody() -> None:
    key = Key(f" {SECRET}\n")
    shown = [repr(key), str(key), f"{key}", f"{key!r:>20}", repr([key]), repr(Credentials(ANTHROPIC, "bearer", key))]
    assert not [text for text in shown if "secret" in text]
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert key.reveal() == SECRET
    assert key.hide_in(f"bad key {SECRET}!") == "bad key …!"
    assert key == Key(SECRET) != Key("other")


@pytest.mark.parametrize("value", ["", " ", "two\nlines", "sk-\x7f", "schlüssel", "a\u2028b"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(value: str) -> None:
    """httpx would put the whole header value into its error."""
    key = Key(value)
    assert key.problem
    assert not value.strip() or value not in key.problem
    with pytest.raises(UsageError) as caught:
        MessagesModel(OPUS, Credentials(ANTHROPIC, "x-api-key", key))
    assert not value.strip() or value not in str(caught.value)


def buggy(request: httpx.Request) -> httpx.Response:
    """An unexpected fault in a frame that holds the headers."""
    headers = dict(request.headers)
    raise ValueError(len(headers))


STREAM = "list(model.stream(request, Cancel()))"
INTERRUPT = "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n" + STREAM
FAILING: dict[str, tuple[str, list[Reply]]] = {
    "refused key": (STREAM, [Reply.fault(401, message=f"bad key {SECRET}")]),
    "refused": (STREAM, [Reply.fault(400, message="no")]),
    "dropped": (STREAM, [Reply(drop=True)] * 2),
    "silent": (STREAM, [Reply(silent=True)]),
    "cut": (STREAM, [Reply(("a" * 99,), cut_after=1_200)]),
    "stalled": (STREAM, [Reply(("a" * 99,), stall_after=500)]),
    "echoed": (STREAM, [Reply(("x",), error_after=2, error_message=f"your key is {SECRET}")] * 2),
    "interrupted before": (INTERRUPT, [Reply(silent=True)]),
    "interrupted within": (INTERRUPT, [Reply(("a" * 99,), stall_after=500)]),
    "a bug below": ("list(buggy.stream(request, Cancel()))", []),
    "unusable key": ("choose_model('claude-x', Settings())", []),
    "unusable address": ("choose_model('claude-x', Settings(), key=KEY)", []),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("mode", ["Verbose", "Context"])
def test_no_traceback_shows_the_key(name: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbose prints the arguments and variables of every frame."""
    code, replies = FAILING[name]
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET + "\x7f")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://u:{SECRET}@h" if "address" in name else "http://127.0.0.1:1")
    # Without a history: its database would stay open, which Python 3.13 warns of.
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    out = io.StringIO()
    with StubServer(*replies) as stub, redirect_stdout(out):
        there = Credentials(stub.url, "x-api-key", Key(SECRET), "anthropic")
        client = httpx.Client(transport=httpx.MockTransport(buggy))
        shell.user_ns |= {
            "model": MessagesModel(
                OPUS, there, patience=Patience(retries=1, backoff=0.001, idle=30 if "interrupted" in name else 0.6)
            ),
            "buggy": MessagesModel(OPUS, there, client=client),
            "request": REQUEST,
            "KEY": Key(SECRET),
        }
        shell.run_cell("import os, signal, threading\nfrom conjure_magic.cancel import Cancel")
        shell.run_cell("from conjure_magic.models.choice import choose_model")
        shell.run_cell("from conjure_magic.settings import Settings")
        shell.run_line_magic("xmode", mode)
        result = shell.run_cell(code)
    error = result.error_in_exec
    assert error is not None
    assert isinstance(error, KeyboardInterrupt) == ("interrupted" in name)
    assert type(error).__name__ in out.getvalue()
    assert "secret" not in out.getvalue()
    assert "secret" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("read", ["httpx.create_ssl_context", "urllib.request.getproxies"])
def test_an_interrupt_while_the_environment_is_read_for_a_connection_does_not_show_it(
    read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """httpx looks for certificates and proxies there; `%xmode Verbose` prints the variables of these frames."""
    monkeypatch.setenv("SOME_SETTING", SECRET)

    def interrupted() -> None:
        value = os.environ["SOME_SETTING"]
        os.kill(os.getpid(), signal.SIGINT if value else 0)
        time.sleep(0.3)
        raise OSError

    monkeypatch.setattr(read, interrupted)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.user_ns |= {"pool": ConnectionPool(https="ssl" in read, client=None, connect=1.0, idle=1.0)}
    out = io.StringIO()
    with redirect_stdout(out):
        shell.run_line_magic("xmode", "Verbose")
        result = shell.run_cell("pool.take()")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert "_open" in out.getvalue()
    assert "secret" not in out.getvalue()


def test_no_log_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    """Of ours, httpx's or httpcore's, at their most talkative."""
    with caplog.at_level(logging.DEBUG), StubServer(Reply(drop=True), "Hello.") as stub:
        for mode in ("x-api-key", "bearer"):
            list(MessagesModel(OPUS, Credentials(stub.url, mode, Key(SECRET), "anthropic")).stream(REQUEST, Cancel()))
    assert caplog.records
    assert not [record for record in caplog.records if "secret" in record.getMessage() + repr(record.__dict__)]


def test_the_key_goes_nowhere_but_to_the_server_it_is_for() -> None:
    """A redirect is not followed: httpx would take `x-api-key` along."""
    with StubServer() as other, StubServer(Reply(status=307, body="", headers={"location": other.url})) as stub:
        with pytest.raises(ProtocolError, match="redirects"):
            list(
                MessagesModel(OPUS, Credentials(stub.url, "x-api-key", Key(SECRET), "anthropic")).stream(
                    REQUEST, Cancel()
                )
            )
        assert other.requests == []
        assert stub.requests[0].headers["x-api-key"] == SECRET


# ---- credentials and the choice of a model

LOCAL = "http://localhost:11434"
API_KEY = "ANTHROPIC_API_KEY"


@pytest.mark.parametrize(
    ("environ", "key", "expected"),
    [
        ({}, None, Credentials(source=API_KEY)),
        ({"ANTHROPIC_API_KEY": "a"}, None, Credentials(ANTHROPIC, "x-api-key", Key("a"), source=API_KEY)),
        (
            {"ANTHROPIC_AUTH_TOKEN": "t"},
            None,
            Credentials(ANTHROPIC, "bearer", Key("t"), source="ANTHROPIC_AUTH_TOKEN"),
        ),
        (
            {"ANTHROPIC_API_KEY": "a", "ANTHROPIC_AUTH_TOKEN": "t"},
            None,
            Credentials(ANTHROPIC, "x-api-key", Key("a"), source=API_KEY),
        ),
        ({"ANTHROPIC_API_KEY": "a"}, Key("k"), Credentials(ANTHROPIC, "x-api-key", Key("k"), source="by hand")),
        ({"ANTHROPIC_API_KEY": " ", "ANTHROPIC_AUTH_TOKEN": ""}, None, Credentials(source=API_KEY)),
        ({"ANTHROPIC_BASE_URL": f"{LOCAL}/"}, None, Credentials(LOCAL, dialect="compatible", source=API_KEY)),
        ({"ANTHROPIC_BASE_URL": f"{LOCAL}/v1/"}, None, Credentials(LOCAL, dialect="compatible", source=API_KEY)),
        (
            {"ANTHROPIC_BASE_URL": "https://eu.anthropic.com"},
            None,
            Credentials("https://eu.anthropic.com", source=API_KEY),
        ),
        (
            {"ANTHROPIC_BASE_URL": LOCAL, "ANTHROPIC_API_KEY": "a"},
            None,
            Credentials(LOCAL, "both", Key("a"), "compatible", API_KEY),
        ),
        (
            {"ANTHROPIC_BASE_URL": "https://notanthropic.com"},
            None,
            Credentials("https://notanthropic.com", dialect="compatible", source=API_KEY),
        ),
    ],
)
def test_credentials_come_from_the_environment_or_by_hand(
    environ: dict[str, str], key: Key | None, expected: Credentials
) -> None:
    assert credentials(environ, key) == expected


@pytest.mark.parametrize(
    ("name", "environ", "chosen"),
    [
        ("", {}, "offline"),
        ("offline", {"ANTHROPIC_API_KEY": "a"}, "offline"),
        ("offline", {"ANTHROPIC_API_KEY": "\x7f"}, "offline"),
        ("", {"ANTHROPIC_API_KEY": "a"}, OPUS),
        ("", {"ANTHROPIC_BASE_URL": LOCAL}, OPUS),
        ("llama3.2", {"ANTHROPIC_BASE_URL": LOCAL}, "llama3.2"),
        ("claude-sonnet-5-5", {"ANTHROPIC_AUTH_TOKEN": "t"}, "claude-sonnet-5-5"),
    ],
)
def test_the_model_is_the_named_one_else_what_is_configured(name: str, environ: dict[str, str], chosen: str) -> None:
    model = choose_model(name, Settings(default_model=OPUS), environ)
    assert model.name == chosen
    assert (model.credentials is None) == (chosen == "offline")


NAMED = {
    "fast": "claude-haiku-5-5",
    "local": {"model": "qwen3", "base_url": f"{LOCAL}/v1/"},
    "gate": {"model": "opus", "base_url": "https://llm.example", "key_variable": "GATE", "dialect": "anthropic"},
    "proxy": {"model": "gpt", "base_url": "https://llm.example", "key_variable": "GATE"},
    "offline": "claude-haiku-5-5",
}


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("fast", "claude-haiku-5-5", Credentials(ANTHROPIC, "x-api-key", Key("a"), source=API_KEY)),
        ("local", "qwen3", Credentials(LOCAL, dialect="compatible")),
        ("gate", "opus", Credentials("https://llm.example", "x-api-key", Key("g"), source="GATE")),
        ("proxy", "gpt", Credentials("https://llm.example", "both", Key("g"), "compatible", "GATE")),
    ],
)
def test_a_name_of_ones_own_means_a_model_and_its_server_gets_its_own_key_alone(
    name: str, model: str, expected: Credentials
) -> None:
    environ = {"ANTHROPIC_API_KEY": "a", "GATE": "g"}
    chosen = choose_model(name, Settings(default_model=OPUS, models=NAMED), environ)
    assert (chosen.name, chosen.credentials) == (model, expected)
    typed = choose_model(name, Settings(default_model=OPUS, models=NAMED), environ, Key("typed"))
    assert typed.credentials is not None
    assert (typed.credentials.key == Key("typed")) == (name == "fast"), "a typed key is for the configured server"


def test_the_default_may_be_a_name_and_offline_stays_what_it_is() -> None:
    chosen = choose_model("", Settings(default_model="local", models=NAMED), {})
    assert chosen.name == "qwen3"
    assert (
        choose_model("offline", Settings(default_model=OPUS, models=NAMED), {"ANTHROPIC_API_KEY": "a"}).name
        == "offline"
    )


@pytest.mark.parametrize("wrong", [3, "", {}, {"model": 3}, {"base_url": LOCAL}, {"model": "m", "key": "k"}, [], None])
def test_a_name_that_is_set_wrongly_says_what_is_expected(wrong: object) -> None:
    with pytest.raises(UsageError, match=r"'mine' in the setting models has to be"):
        choose_model("mine", Settings(default_model=OPUS, models={"mine": wrong}), {})
    with pytest.raises(UsageError, match="dialect"):
        choose_model("mine", Settings(default_model=OPUS, models={"mine": {"model": "m", "dialect": "openai"}}), {})


def test_words_that_stand_for_no_key_are_no_secrets() -> None:
    """Servers without keys want any: to hide such a word would tear ordinary text apart."""
    for word in ("ollama", "x", "lm-studio", "not-needed", "EMPTY", "sk-1234"):
        assert known_secrets({"ANTHROPIC_API_KEY": word}) == ()
        assert Key(word).hide_in(f"{word} is running") == f"{word} is running"
    named = {"GATE": "gate-secret-0123", "ANTHROPIC_AUTH_TOKEN": SECRET}
    assert known_secrets(named, Key("typed-key-0123"), ["GATE"]) == ("typed-key-0123", SECRET, "gate-secret-0123")


def test_a_model_that_needs_a_key_says_both_ways_out() -> None:
    with pytest.raises(UsageError, match=r"(?s)ANTHROPIC_API_KEY.*key=Key.*model=\"offline\""):
        choose_model("claude-opus-5-5", Settings(default_model=OPUS), {})


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://user:pass@host", "http://host:port"])
def test_an_unusable_address_is_said_and_no_password_shown(url: str) -> None:
    with pytest.raises(UsageError, match="ANTHROPIC_BASE_URL") as caught:
        choose_model("m", Settings(default_model=OPUS), {"ANTHROPIC_BASE_URL": url})
    assert "pass@" not in str(caught.value)


def test_choosing_the_offline_model_loads_no_http() -> None:
    code = (
        "import sys; from conjure_magic.models.choice import choose_model; "
        "from conjure_magic.settings import Settings; "
        "assert choose_model('', Settings(default_model='m'), {}).open().name == 'offline'; "
        "print([name for name in sys.modules if name.startswith('http')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# ---- retries


def test_a_wait_is_asked_for_in_seconds_milliseconds_or_as_a_date() -> None:
    now = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
    date = {
        "date": format_datetime(now, usegmt=True),
        "retry-after": format_datetime(now + timedelta(seconds=9), usegmt=True),
    }
    assert error_translation.retry_after({"retry-after": "7"}) == 7
    assert error_translation.retry_after({"retry-after": "7", "retry-after-ms": "1500"}) == 1.5
    assert error_translation.retry_after(date) == 9
    for odd in ("soon", "-1", "nan", "inf", "", "Mon, 99 Foo"):
        assert error_translation.retry_after({"retry-after": odd}) is None
    assert error_translation.retry_after({}) is None


def test_waits_grow_up_to_a_bound_and_the_server_is_obeyed_up_to_a_cap() -> None:
    patience = Patience(retries=9, backoff=1, retry_after=60)
    plain = ModelError("x")
    waits = [patience.wait(attempt, plain) or 0 for attempt in range(1, 10)]
    assert all(0.75 * 2 ** min(i, 4) <= wait <= 2 ** min(i, 4) for i, wait in enumerate(waits))
    assert patience.wait(10, plain) is None
    assert patience.wait(1, RateLimitError("x", retry_after=60)) == 60
    assert patience.wait(1, RateLimitError("x", retry_after=61)) is None


def test_a_wait_that_is_too_long_is_said() -> None:
    with (
        StubServer(Reply.fault(429, headers={"retry-after": "3600"})) as stub,
        pytest.raises(RateLimitError, match="3600 s"),
    ):
        list(MessagesModel(OPUS, Credentials(stub.url, "x-api-key", Key("k"), "anthropic")).stream(REQUEST, Cancel()))


def test_a_notice_tells_the_wait() -> None:
    with StubServer(Reply.fault(529), "Hello.") as stub:
        model = MessagesModel(OPUS, Credentials(stub.url, "x-api-key", Key("k"), "anthropic"), patience=QUICK)
        first = next(iter(model.stream(REQUEST, Cancel())))
    assert isinstance(first, Notice)
    assert "overloaded_error" in first.text
    assert "(1 of 1)" in first.text


def test_a_plain_get_is_tried_once() -> None:
    with StubServer(key="k") as stub:
        api = Api(Credentials(stub.url, "x-api-key", Key("wrong"), "anthropic"), patience=QUICK)
        with pytest.raises(AuthenticationError):
            api.get("/v1/models", Cancel())
        assert len(stub.requests) == 1
        api.close()
        api.close()


def test_proxies_and_certificates_are_httpx_own_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub plays the proxy: the whole address arrives in the request line."""
    with StubServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("http_proxy", proxy.url)
        model = MessagesModel("m", Credentials("http://model.invalid", dialect="compatible"), patience=QUICK)
        with pytest.raises(ModelError):
            list(model.stream(REQUEST, Cancel()))
        assert "http://model.invalid/v1/messages" in [request.path for request in proxy.requests]


# ---- events


def events(*pieces: bytes) -> list[dict[str, object]]:
    return list(read_events(httpx.Response(200, content=iter(pieces)), 1 << 20))


def test_lines_end_where_the_standard_says() -> None:
    """Not at U+2028 or U+0085, which JSON may hold and httpx's own `iter_lines` splits at."""
    data = {"type": "x", "text": "a\u2028b\u0085c\u2029d\x0be\x1cf"}
    encoded = json.dumps(data, ensure_ascii=False).encode()
    for ending in (b"\n", b"\r\n", b"\r"):
        assert events(b"event: x" + ending + b"data: " + encoded + ending * 2) == [data]


def test_what_is_no_event_is_passed_over() -> None:
    body = (
        b'\xef\xbb\xbf: hello\n\nevent: ping\n\nid: 7\n\ndata: [DONE]\n\nretry: 5\ndata: {}\nnonsense\n\ndata: {"a": 1}'
    )
    assert events(body) == [{"type": "message"}]


def test_data_over_several_lines_is_one_event() -> None:
    assert events(b'event: x\ndata: {"a":\ndata:  1}\n\n') == [{"a": 1, "type": "x"}]


@given(st.lists(st.text(max_size=10)), st.lists(st.integers(0, 400), max_size=9))
def test_text_of_any_kind_comes_through_any_split(texts: list[str], cuts: list[int]) -> None:
    wires = [{"type": "x", "text": text} for text in texts]
    body = b"".join(f"data: {json.dumps(wire, ensure_ascii=False)}\n\n".encode() for wire in wires)
    places = sorted({0, len(body), *(min(cut, len(body)) for cut in cuts)})
    assert events(*[body[a:b] for a, b in itertools.pairwise(places)]) == wires


LINES = [
    "event: a\n",
    "event:b\n",
    "data: {}\n",
    'data: {"type": "t"}\n',
    'data:{"u": "☃\u2028"}\n',
    "data: 1\n",
    "id: 1\n",
]
PARTS = st.lists(
    st.sampled_from([*LINES, ": c\n", "\n", "\n\n", "\r\n", "\r", "\ufeff", "x", "event: a\ndata: {}\n\n"])
)


@settings(max_examples=300)
@given(PARTS, st.lists(st.integers(0, 400), max_size=9))
def test_the_short_way_reads_what_the_standard_says(parts: list[str], cuts: list[int]) -> None:
    """Against httpx-sse alone, which gets the same bytes at once."""
    body = "".join(parts).encode()
    expected: list[dict[str, object]] = []
    whole = httpx.Response(
        200, content=body.removeprefix(codecs.BOM_UTF8), headers={"content-type": "text/event-stream"}
    )
    failing = False
    for event in EventSource(whole).iter_sse():
        try:
            wire = json.loads(event.data) if event.data else None
        except ValueError:
            wire = 0
        if failing := wire is not None and not isinstance(wire, dict):
            break
        expected += [{"type": event.event, **wire}] if wire is not None else []
    places = sorted({0, len(body), *(min(cut, len(body)) for cut in cuts)})
    seen: list[dict[str, object]] = []
    with pytest.raises(ProtocolError) if failing else contextlib.nullcontext():
        pieces = (body[a:b] for a, b in itertools.pairwise(places))
        seen.extend(read_events(httpx.Response(200, content=pieces), 1 << 20))  # what came before an error stays
    assert seen == expected
