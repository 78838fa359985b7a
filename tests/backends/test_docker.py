"""A whole turn in a container: the same skills and tools as on this machine, no questions, files on this side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conjure_magic.errors import BackendUnavailableError, UsageError
from conjure_magic.events import Called, Noted, TurnResult
from conjure_magic.session import Session
from conjure_magic.settings import Settings

LOG = "".join(
    f"2026-01-02 03:{n // 60:02}:{n % 60:02} {'ERROR' if n % 10 == 0 else 'INFO'} worker: job {n}\n" for n in range(300)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o755)  # pytest's own are private, and a root kernel's commands are somebody else
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text(LOG)
    return tmp_path


@pytest.fixture
def session(folder: Path, docker_image: str) -> Iterator[Session]:
    settings = Settings(docker_image=docker_image)
    with Session("docker", model="offline", skills=["log-analyzer"], settings=settings) as session:
        yield session


def calls(result: TurnResult) -> list[Called]:
    return [item for item in result.items if isinstance(item, Called)]


@pytest.mark.docker
def test_a_real_log_is_analysed_inside(session: Session, folder: Path) -> None:
    result = session.chat("Analyse app.log: what went wrong?")
    assert "30" in result.text
    made = {file.name: file for file in result.files}
    assert {"errors.svg", "top.csv"} <= set(made)
    assert made["top.csv"].path == folder / "conjure-files/main/top.csv"
    assert made["top.csv"].shown_path == "conjure-files/main/top.csv"
    assert made["top.csv"].read() == (folder / "conjure-files/main/top.csv").read_bytes()


@pytest.mark.docker
def test_what_the_model_reads_speaks_of_the_inside(session: Session, folder: Path) -> None:
    """No path of this machine in the system text, the commands or what they print."""
    result = session.chat("Analyse app.log: what went wrong?")
    system = session.system_prompt()
    assert "<workspace>/workspace</workspace>" in system
    assert "<input_folder>/input</input_folder>" in system
    assert "/skills/log-analyzer" in system
    everything = system + "".join(f"{call.call.input} {call.result}" for call in calls(result))
    assert "/input/app.log" in everything
    assert str(folder) not in everything.replace(f"path={folder}", "")


@pytest.mark.docker
def test_nothing_is_asked(session: Session) -> None:
    """The session has no approver: on this machine, such a command would be refused."""
    result = session.chat("Analyse app.log: what went wrong?")
    assert all(call.result is not None and not call.result.is_error for call in calls(result))


def notices(result: TurnResult) -> list[str]:
    return [item.text for item in result.items if isinstance(item, Noted)]


def test_it_does_not_work_in_a_home_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands could change all of it, and a root kernel would give it away; no engine is asked."""
    monkeypatch.setenv("HOME", str(folder))
    settings = Settings(docker_engine="unix:///nowhere/docker.sock")
    with (
        Session("docker", model="offline", workspace=".", settings=settings) as session,
        pytest.raises(UsageError, match="it is your home directory, and commands could change all of it"),
    ):
        session.chat("Analyse app.log: what went wrong?")


@pytest.mark.docker
@pytest.mark.parametrize("named", [False, True])
def test_a_home_directory_is_seen_only_when_it_is_named(
    folder: Path, docker_image: str, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """The cell says it, once, and so does what the model is told."""
    monkeypatch.setenv("HOME", str(folder))
    options: dict[str, Any] = {"input": folder} if named else {}
    with Session("docker", model="offline", settings=Settings(docker_image=docker_image), **options) as session:
        system = session.system_prompt()
        first, second = session.chat("Hello."), session.chat("Hello again.")
    told = [text for text in notices(first) if "cannot see the input folder" in text]
    assert (len(told), "<input_folder>" in system) == (0 if named else 1, named)
    assert all("your home directory" in text and str(folder) in text for text in told)
    assert not [text for text in notices(second) if "cannot see the input folder" in text]


def test_no_engine_ends_the_turn_before_it_begins(folder: Path) -> None:
    """Clear words, and nothing runs on this machine in its place."""
    settings = Settings(docker_engine="unix:///no/such/engine")
    with Session("docker", model="offline", settings=settings) as session:
        with pytest.raises(BackendUnavailableError, match="no engine answers at unix:///no/such/engine: start Docker"):
            session.chat("Analyse app.log.")
        assert session.turns == []


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only a root kernel's commands are somebody else")
def test_an_input_folder_that_commands_may_not_read_is_said(session: Session, folder: Path) -> None:
    folder.chmod(0o700)
    told = notices(session.chat("Hello."))
    assert any("cannot read" in text and "chmod" in text for text in told), told
