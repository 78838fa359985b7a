"""Files at Anthropic: sent, listed, fetched to disk within limits, deleted; and every refusal as its own error."""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conjure_magic.api.files as module
from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.api.files import FilesClient, HostedFile
from conjure_magic.api.resource_client import safe_name
from conjure_magic.cancel import Cancel
from conjure_magic.errors import (
    ApiError,
    AuthenticationError,
    BackendError,
    CancelledError,
    DownloadError,
    FileExpiredError,
    HostedNotFoundError,
    ProtocolError,
    RateLimitError,
    StreamCutError,
    UploadError,
    UsageError,
)
from conjure_magic.events import Notice
from conjure_magic.testing.stub import Reply, StubServer

MB = 1 << 20


def test_a_file_is_sent_as_it_is(stub: StubServer, files: FilesClient, tmp_path: Path) -> None:
    content = os.urandom(3 * MB)
    path = tmp_path / 'shop\'s "log" é.csv'
    path.write_bytes(content)
    sent = files.upload(path, expires_in=timedelta(hours=2))
    assert isinstance(sent, HostedFile)
    assert stub.hosted.files[sent.id].content == content
    assert (sent.filename, sent.mime_type, sent.size_bytes) == ("shop's _log_ é.csv", "text/csv", len(content))
    assert not sent.downloadable
    assert sent.expires_at is not None
    assert timedelta(hours=1) < sent.expires_at - sent.created_at <= timedelta(hours=2)
    assert files.get(sent.id) == sent


def test_content_is_sent_under_a_name_and_only_its_last_part(stub: StubServer, files: FilesClient) -> None:
    assert files.upload(b"", "../../etc/passwd").filename == "passwd"
    assert stub.requests[0].headers["content-type"].startswith("multipart/form-data")
    with pytest.raises(UsageError, match="needs a file name"):
        files.upload(b"x")


def test_a_slip_is_said_before_anything_is_sent(stub: StubServer, files: FilesClient, tmp_path: Path) -> None:
    for path, words in [(tmp_path, "is a folder"), (tmp_path / "none.txt", "is not there")]:
        with pytest.raises(UsageError, match=words):
            files.upload(path)
    for lasts in (timedelta(minutes=59), timedelta(days=91)):
        with pytest.raises(UsageError, match="90 days"):
            files.upload(b"x", "x", expires_in=lasts)
    for odd in ("", "..", "a/b", "x?y", "a\nb"):
        with pytest.raises(UsageError, match="no file id"):
            files.get(odd)
    assert stub.requests == []


def test_what_is_too_large_is_not_sent(
    stub: StubServer, files: FilesClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_UPLOAD", 10)
    with pytest.raises(UploadError, match="has 11 bytes; an upload may have 10"):
        files.upload(b"x" * 11, "x.txt")
    assert stub.requests == []


def test_all_pages_are_read_and_no_more_than_needed(stub: StubServer, files: FilesClient) -> None:
    made = [stub.hosted.add_file(f"{n}.txt", b"") for n in range(205)]
    found = files.list()
    assert next(found).id == made[-1].id
    assert len(stub.requests) == 1
    assert [file.id for file in found] == [file.id for file in reversed(made[:-1])]
    assert len(stub.requests) == 3


def test_files_are_asked_for_by_their_ids_a_hundred_at_once(stub: StubServer, files: FilesClient) -> None:
    ids = [stub.hosted.add_file("x", b"").id for _ in range(150)]
    assert {file.id for file in files.list([*ids, "file_gone"])} == set(ids)
    assert len(stub.requests) == 2
    assert list(files.list([])) == []


def test_a_list_that_never_ends_is_given_up(there: Credentials) -> None:
    def again(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [], "next_page": "page_7"})

    client = FilesClient(there, client=httpx.Client(transport=httpx.MockTransport(again)))
    with pytest.raises(ProtocolError, match="again and again"):
        list(client.list())


@pytest.mark.parametrize("wire", [[], {}, {"data": 1}, {"data": [{}]}, {"data": [{"id": "x"}], "next_page": None}])
def test_what_is_no_list_of_files_is_said(there: Credentials, wire: object) -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=wire)))
    with pytest.raises(ProtocolError):
        list(FilesClient(there, client=client).list())


# ---- downloads


def test_a_download_comes_whole_under_its_own_safe_name(stub: StubServer, files: FilesClient, tmp_path: Path) -> None:
    content = os.urandom(3 * MB)
    made = stub.hosted.add_file("../../evil/.report.xlsx", content)
    path = files.download(made.id, tmp_path)
    assert path == tmp_path / "report.xlsx"
    assert path.read_bytes() == content
    assert files.read(made.id) == content
    assert os.listdir(tmp_path) == ["report.xlsx"]


def test_a_download_is_never_held_in_memory(there: Credentials, tmp_path: Path) -> None:
    def large(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b"x" * 64_000 for _ in range(1_000)))

    client = FilesClient(there, client=httpx.Client(transport=httpx.MockTransport(large)))
    tracemalloc.start()
    try:
        client.download("file_1", tmp_path / "large.bin")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "large.bin").stat().st_size == 64_000_000
    assert peak < 4 * MB


def test_nothing_is_overwritten(stub: StubServer, files: FilesClient, tmp_path: Path) -> None:
    made = stub.hosted.add_file("a.txt", b"new")
    mine = tmp_path / "a.txt"
    mine.write_text("mine")
    for target in (tmp_path, mine):
        with pytest.raises(FileExistsError):
            files.download(made.id, target)
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(FileExistsError):
        files.download(made.id, link)
    assert mine.read_text() == "mine"
    assert not (tmp_path / "elsewhere.txt").exists()


def test_a_download_stops_at_its_limit_and_leaves_nothing(stub: StubServer, files: FilesClient, tmp_path: Path) -> None:
    made = stub.hosted.add_file("a.bin", b"x" * MB)
    assert len(files.read(made.id, limit=MB)) == MB
    with pytest.raises(DownloadError, match="larger than 1,000 bytes"):
        files.download(made.id, tmp_path / "a.bin", limit=1_000)
    with pytest.raises(DownloadError):
        files.read(made.id, limit=MB - 1)
    assert os.listdir(tmp_path) == []
    assert files.get(made.id).size_bytes == MB  # the connection is fine


def test_a_limit_holds_where_no_length_is_told(there: Credentials, tmp_path: Path) -> None:
    taken: list[int] = []

    def endless(request: httpx.Request) -> httpx.Response:
        def body() -> object:
            while True:
                taken.append(1)
                yield b"x" * 1_000

        return httpx.Response(200, content=body())

    client = FilesClient(there, client=httpx.Client(transport=httpx.MockTransport(endless)))
    with pytest.raises(DownloadError):
        client.download("file_1", tmp_path / "x", limit=10_000)
    assert len(taken) < 100
    assert os.listdir(tmp_path) == []


def test_a_connection_that_is_lost_leaves_no_half_of_a_file(
    stub: StubServer, files: FilesClient, tmp_path: Path
) -> None:
    made = stub.hosted.add_file("a.bin", b"x")
    stub.fault(f"/v1/files/{made.id}/content", Reply(body="x" * 1_000, cut_after=500))
    with pytest.raises(StreamCutError):
        files.download(made.id, tmp_path / "a.bin")
    assert os.listdir(tmp_path) == []


# ---- refusals and faults


def test_each_refusal_has_its_class(stub: StubServer, files: FilesClient) -> None:
    sent = files.upload(b"a", "a.txt")
    with pytest.raises(DownloadError, match="not downloadable") as refused:
        files.read(sent.id)
    assert (refused.value.status, refused.value.error_code) == (400, "file_not_downloadable")
    assert refused.value.request_id in str(refused.value)
    assert isinstance(refused.value, BackendError)
    assert isinstance(refused.value, ApiError)
    stub.hosted.expire_file(sent.id)
    with pytest.raises(FileExpiredError, match="expired"):
        files.get(sent.id)
    for call in (files.get, files.read, files.delete):
        with pytest.raises(HostedNotFoundError, match="file_gone"):
            call("file_gone")
    stub.fault("/v1/files", Reply.fault(413, message="Request too large"))
    with pytest.raises(UploadError, match="too large"):
        files.upload(b"a", "a.txt")


def test_a_deleted_file_is_gone(stub: StubServer, files: FilesClient) -> None:
    made = stub.hosted.add_file("a.txt", b"a")
    files.delete(made.id)
    assert list(files.list()) == []
    with pytest.raises(HostedNotFoundError):
        files.delete(made.id)


def test_a_busy_server_is_asked_again_with_the_whole_content(
    stub: StubServer, there: Credentials, tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(MB))
    waits: list[Notice] = []
    stub.fault("/v1/files", Reply.fault(529), Reply(drop=True))
    with FilesClient(there, patience=Patience(retries=2, backoff=0.001), notify=waits.append) as files:
        sent = files.upload(path)
    assert stub.hosted.files[sent.id].content == path.read_bytes()
    assert len(waits) == 2


def test_what_no_try_mends_is_raised_at_once(stub: StubServer, files: FilesClient, there: Credentials) -> None:
    stub.fault("/v1/files", *[Reply.fault(429)] * 3)
    with pytest.raises(RateLimitError):
        next(files.list())
    with pytest.raises(AuthenticationError) as refused:
        next(FilesClient(Credentials(stub.url, "x-api-key", Key("sk-other-secret"), "anthropic")).list())
    assert "sk-other-secret" not in str(refused.value)
    stub.fault("/v1/files", Reply.fault(400, message="echo sk-hosted-secret"))
    with pytest.raises(ApiError) as echoed:
        next(files.list())
    assert "sk-hosted-secret" not in str(echoed.value) + echoed.value.said


@contextmanager
def stopping_once_asked(stub: StubServer, cancel: Cancel) -> Iterator[None]:
    """Set `cancel` a moment after the stub has the next request: whoever sent it is blocked by then."""
    known = len(stub.requests)

    def work() -> None:
        while len(stub.requests) == known:
            time.sleep(0.01)
        time.sleep(0.2)
        cancel.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("reply", [Reply(silent=True), Reply(body="x" * 1_000, stall_after=100)])
def test_stopping_wakes_a_blocked_read(stub: StubServer, files: FilesClient, tmp_path: Path, reply: Reply) -> None:
    made = stub.hosted.add_file("a.bin", b"x")
    stub.fault("/v1/files", reply)
    cancel = Cancel()
    with stopping_once_asked(stub, cancel), pytest.raises(CancelledError):
        files.download(made.id, tmp_path / "a.bin", cancel=cancel)
    assert os.listdir(tmp_path) == []
    assert files.read(made.id) == b"x"
    with pytest.raises(CancelledError):
        files.upload(b"x", "x", cancel=cancel)


def test_stopping_wakes_a_blocked_upload(stub: StubServer, files: FilesClient) -> None:
    stub.fault("/v1/files", Reply(silent=True))
    cancel = Cancel()
    with stopping_once_asked(stub, cancel), pytest.raises(CancelledError):
        files.upload(b"x" * MB, "x", cancel=cancel)


# ---- whom it speaks to


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (Credentials(), "need a key: set ANTHROPIC_API_KEY"),
        (Credentials("http://localhost:11434", dialect="compatible"), "names http://localhost:11434"),
        (Credentials("http://u:pw@host", "x-api-key", Key("k"), "anthropic"), "must not hold a password"),
        (Credentials(mode="x-api-key", key=Key("two\nlines")), "not allowed in an HTTP header"),
    ],
)
def test_where_there_is_no_anthropic_it_says_what_to_do(there: Credentials, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FilesClient(there)


def test_without_credentials_the_environment_is_asked(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-hosted-secret")
    with pytest.raises(UsageError, match=stub.url):
        FilesClient()
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    with FilesClient() as files:
        assert "sk-hosted" not in repr(files)


# ---- names


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("report.xlsx", "report.xlsx"),
        ("../../.ssh/authorized_keys", "authorized_keys"),
        ("C:\\Windows\\evil.dll", "evil.dll"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        ("a\x00b\n.txt", "a_b_.txt"),
        ("nul.txt", "_nul.txt"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
        ("é" * 200, "é" * 100),
        ("gpj.\u202eexe", "gpj._exe"),
        ("a. ", "a"),
    ],
)
def test_a_name_is_never_a_path(told: str, name: str) -> None:
    assert safe_name(told) == name


@given(st.text(st.characters(codec=None)))
def test_any_name_can_be_written(told: str) -> None:
    name = safe_name(told)
    assert name == os.path.basename(name)
    assert name not in ("", ".", "..")
    assert len(os.fsencode(name)) <= 200
    assert safe_name(name) == name
