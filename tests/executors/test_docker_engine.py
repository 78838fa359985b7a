"""Which engine is meant, and what is said of one that cannot be used."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standard import docker_limits

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendUnavailableError, ContainerError
from conjure_magic.executors.docker import engine
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders

pytest.importorskip("docker")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts engines of a kind: each answers every request, or a number of them, with the same bytes; none: never."""
    servers: list[socketserver.ThreadingUnixStreamServer] = []

    def start(answer: bytes, times: int = 1000) -> str:
        left = [answer] * times

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                if request and not (left and left.pop()):
                    self.rfile.read()
                self.wfile.write(answer)

        path = tmp_path / f"{len(servers)}.sock"
        server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return f"unix://{path}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def version(api: str) -> bytes:
    body = json.dumps({"ApiVersion": api, "MinAPIVersion": "1.12"}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def refusal(host: str = "") -> str:
    with pytest.raises(BackendUnavailableError) as caught:
        engine.connect(host)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No engine and no context of the machine's."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


def test_an_engine_that_answers_is_used(serve: Callable[[bytes], str]) -> None:
    client = engine.connect(serve(version("1.41")))
    assert client.api.api_version == "1.41"
    client.close()


def test_docker_host_names_the_engine(serve: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the CLI; this is how Podman's socket is named too."""
    monkeypatch.setenv("DOCKER_HOST", serve(version("1.43")))
    client = engine.connect()
    assert client.api.api_version == "1.43"
    client.close()


def make_context(config: Path, name: str, host: str) -> None:
    import hashlib

    folder = config / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(meta))


@pytest.mark.parametrize("how", ["named", "current", "environment"])
def test_a_context_names_the_engine(
    serve: Callable[[bytes], str], alone: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    make_context(alone, "mine", serve(version("1.42")))
    (alone / "config.json").write_text('{"currentContext": "mine"}' if how == "current" else "{}")
    if how == "environment":
        monkeypatch.setenv("DOCKER_CONTEXT", "mine")
    client = engine.connect("mine" if how == "named" else "")
    assert client.api.api_version == "1.42"
    client.close()


def test_a_context_that_is_not_there_is_said(alone: Path) -> None:
    (alone / "config.json").write_text('{"currentContext": "gone"}')
    assert "no Docker context 'gone': `docker context ls`" in refusal()


@pytest.mark.parametrize("host", ["", "tcp://127.0.0.1:1"])
def test_certificates_that_are_not_there_are_said(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", "/no/such/folder")
    assert "DOCKER_CERT_PATH" in refusal(host)


@pytest.mark.parametrize("host", ["unix:///no/such/socket", "tcp://127.0.0.1:1"])
def test_no_engine(host: str) -> None:
    assert "start Docker" in refusal(host)


def test_a_socket_without_a_server(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
        assert "start Docker" in refusal(f"unix://{tmp_path}/left")


@pytest.mark.parametrize("host", ["ftp://somewhere", "tcp://", "tcp://a:b"])
def test_an_address_that_is_none(host: str) -> None:
    assert "engine" in refusal(host)


def test_an_engine_that_is_too_old(serve: Callable[[bytes], str]) -> None:
    text = refusal(serve(version("1.30")))
    assert "too old" in text
    assert "1.30" in text
    assert "Docker 19.03" in text


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n"])
def test_something_that_is_no_engine(serve: Callable[[bytes], str], answer: bytes) -> None:
    assert "cannot be used" in refusal(serve(answer))


def test_an_engine_that_does_not_answer(serve: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT", 0.3)
    assert "did not answer" in refusal(serve(b""))


def test_an_engine_that_no_longer_answers(
    serve: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did when the session began; what only asks is not waited for longer than a person would."""
    assert engine.CALL_TIMEOUT <= 10
    monkeypatch.setattr(engine, "CALL_TIMEOUT", 0.3)
    limits = docker_limits(image="some-image", host=serve(version("1.41"), times=2))
    executor = DockerExecutor(ContainerFolders(tmp_path, tmp_path), limits)
    with contextlib.closing(executor), pytest.raises(ContainerError, match="did not answer in time"):
        list(executor.run("true", timeout=60, cancel=Cancel()))


PERSON = """
import os, sys
import docker, docker.context, docker.utils.config
from conjure_magic.executors.docker.engine import connect
from conjure_magic.errors import BackendUnavailableError
os.setgroups([])
os.setuid(65534)
try:
    connect(sys.argv[1])
except BackendUnavailableError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_an_engine_that_the_person_may_not_use(serve: Callable[[bytes], str], tmp_path: Path) -> None:
    host = serve(version("1.41"))
    os.chmod(host.removeprefix("unix://"), 0o600)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o711)
    done = subprocess.run([sys.executable, "-c", PERSON, host], capture_output=True, text=True, timeout=60)
    assert "group docker" in done.stdout, done.stderr


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    assert refusal() == "the docker backend needs a library: pip install 'conjure-magic[docker]'"
