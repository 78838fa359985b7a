"""Behind TLS: private authorities, untrusted certificates, proxies, and stopping."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError, ModelUnavailableError
from conjure_magic.events import MessageFinished, Notice
from conjure_magic.messages import Message
from conjure_magic.models.base import Request
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.testing.stub import Reply, StubServer

OPUS = "claude-opus-5-5"
REQUEST = Request(OPUS, "", (), (Message.user("Hi."),), max_tokens=1_000)


class TlsFront:
    """Speaks TLS on a port of its own, and passes everything on to a plain one."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._target, self._context = port, context
        self._ready = threading.Event()
        self._greetings: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> TlsFront:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda *_: None)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            self.url = f"https://localhost:{listener.getsockname()[1]}"
            self._ready.set()
            self._loop.add_reader(listener, self._accept, listener)
            await self._stop.wait()
            self._loop.remove_reader(listener)
        await asyncio.gather(*self._greetings)  # one that is cut would not let go of its socket
        await asyncio.sleep(0)  # nor would one whose task had not begun
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        """Serve one connection, known from its first moment: `asyncio.start_server` loses those of its last."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = listener.accept()
            _keep(self._greetings, self._loop.create_task(self._greet(connection)))

    async def _greet(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with contextlib.suppress(OSError):  # a handshake that a client breaks off is its own affair
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=5
            )
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            _keep(self._tasks, self._loop.create_task(self._pass_on(reader, writer)))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(outer)
            await asyncio.gather(_copy(reader, outer), _copy(inner, writer))
        finally:
            for end in ends:
                end.transport.abort()


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def front(stub: StubServer, authority: trustme.CA) -> Iterator[TlsFront]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with TlsFront(int(stub.url.rpartition(":")[2]), context) as server:
        yield server


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def model(url: str) -> MessagesModel:
    patience = Patience(retries=2, backoff=0.001, connect=30, idle=60)
    return MessagesModel(OPUS, Credentials(url, "x-api-key", Key("sk-test"), "anthropic"), patience=patience)


def test_an_authority_of_ones_own_is_named_by_the_usual_variable(front: TlsFront, trusted: None) -> None:
    asked = model(front.url)
    for _ in range(2):
        assert isinstance(list(asked.stream(REQUEST, Cancel()))[-1], MessageFinished)
    asked.close()


def test_an_untrusted_certificate_is_reported_at_once_with_what_to_do(front: TlsFront) -> None:
    events = []
    with pytest.raises(ModelUnavailableError, match=r"not trusted here.*SSL_CERT_FILE"):
        events.extend(model(front.url).stream(REQUEST, Cancel()))
    assert not [event for event in events if isinstance(event, Notice)], "no other try would change it"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reply", [Reply(silent=True), Reply(("a" * 50,), stall_after=700)], ids=["headers", "body"])
def test_a_stop_wakes_a_read_that_is_blocked_within_tls(
    front: TlsFront, stub: StubServer, trusted: None, reply: Reply
) -> None:
    asked = model(front.url)
    asked.limits(Cancel())  # else they are asked for beside the first answer
    list(asked.stream(REQUEST, Cancel()))  # on a used connection, of which httpx tells nothing new
    stub.reply(reply)
    cancel, before = Cancel(), len(stub.messages)

    def stop() -> None:
        while len(stub.messages) == before:
            threading.Event().wait(0.01)
        cancel.set()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(CancelledError):
        list(asked.stream(REQUEST, cancel))
    assert isinstance(list(asked.stream(REQUEST, Cancel()))[-1], MessageFinished)
    asked.close()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SSL_CERT_FILE", "/nowhere/authority.pem", "SSL_CERT_FILE"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE"),
        ("HTTPS_PROXY", "http://user:hunter2@[::bad", "usable address"),
        ("HTTPS_PROXY", "http://127.0.0.1:9", "proxy that the environment names"),
    ],
)
def test_an_environment_that_cannot_be_used_is_one_typed_error(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ModelUnavailableError, match=said) as caught:
        list(model("https://model.invalid").stream(REQUEST, Cancel()))
    assert "hunter2" not in str(caught.value)
