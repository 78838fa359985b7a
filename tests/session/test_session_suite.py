"""One suite over every backend and the mixes of three: the same prompts, the same shape of result."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosted_kit import KEY, call, session

from conjure_magic import skill
from conjure_magic.approval import approve_all
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.settings import Settings
from conjure_magic.testing.session_suite import SessionPlace, SessionSuite
from conjure_magic.testing.stub import StubServer, bash


@skill
def make_file(name: str, content: str, context: SkillContext) -> str:
    """Make a file in the workspace."""
    (context.workspace / name).write_text(content)
    return "done"


def _native(name: str, content: str) -> list[dict[str, Any]]:
    return [call("make_file", name=name, content=content)]


def _shell(name: str, content: str) -> list[dict[str, Any]]:
    return [call("bash_tool", command=f"printf '%s\\n' '{content.strip()}' > \"$OUTPUT_DIR/{name}\"; echo done")]


def _hosted(name: str, content: str) -> list[dict[str, Any]]:
    return bash(f"make {name}", "done\n", files={name: content.encode()})


WORK = {"native": _native, "local": _shell, "docker": _shell, "anthropic": _hosted}


@contextlib.contextmanager
def _place(names: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[SessionPlace]:
    monkeypatch.chdir(folder)
    backends = names.split(",")

    def work(name: str, content: str) -> list[dict[str, Any]]:
        parts = [WORK[b](f"{b}-{name}" if len(backends) > 1 else name, content) for b in sorted(backends)]
        return [block for part in parts for block in part]

    options: dict[str, Any] = {"skills": [make_file]} if "native" in backends else {}
    with StubServer(key=KEY) as stub:
        opened = session(stub, names, approver=approve_all, settings=Settings(**settings), **options)
        with opened:
            yield SessionPlace(opened, stub, work)


class OverLocal(SessionSuite):
    """Those that need nothing."""

    names = ""

    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionPlace]:
        with _place(self.names, tmp_path, monkeypatch) as place:
            yield place


class TestNative(OverLocal):
    """Functions in the kernel."""

    names = "native"


class TestLocal(OverLocal):
    """Host processes."""

    names = "local"


class TestHosted(OverLocal):
    """Anthropic's container, as the stub has it."""

    names = "anthropic"


class TestMixedWithLocal(OverLocal):
    """Three in one turn."""

    names = "native,local,anthropic"


class OverDocker(SessionSuite):
    """Those with a real container."""

    names = ""

    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker_image: str) -> Iterator[SessionPlace]:
        with _place(self.names, tmp_path, monkeypatch, docker_image=docker_image) as place:
            yield place


@pytest.mark.docker
class TestDocker(OverDocker):
    """A container of one's own."""

    names = "docker"


@pytest.mark.docker
class TestMixedWithDocker(OverDocker):
    """Three in one turn."""

    names = "native,docker,anthropic"
