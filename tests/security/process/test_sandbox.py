"""A hostile command in the sandbox, or one that still runs in the background: it writes in the workspace alone.

And what it leaves there is kept away from the person's own tools, as far as these can be told.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from security.gates import Turn, drain

from conjure_magic.approval import Decision
from conjure_magic.backends.shell import ShellBackend
from conjure_magic.errors import ContainerError, PathNotAllowedError, ToolError, UsageError, WorkspaceError
from conjure_magic.events import Notice
from conjure_magic.executors.docker.folders import ContainerFolders, check_folders
from conjure_magic.executors.files import list_folder, read_file, write_file
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.magics.variables import VARIABLES_DIR, variable_texts
from conjure_magic.messages import ToolUseBlock
from conjure_magic.workspace import Folders, Workspace


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A session's own folder in a project."""
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.open("main")
    yield workspace
    workspace.close()


SWAP = """
import os, random, sys, time
folder, target = sys.argv[1:]
os.chdir(os.path.dirname(folder))
name = os.path.basename(folder)
while True:
    try:
        os.rename(name, "kept")
    except OSError:
        pass
    try:
        os.symlink(target, name)
        time.sleep(random.random() / 2000)
        os.unlink(name)
    except OSError:
        pass
    try:
        os.rename("kept", name)
    except OSError:  # what is attacked has made it again
        os.system("rm -rf kept")
    time.sleep(random.random() / 2000)
"""
"""What a background process of a command does: it swaps a folder for a link and back, as fast as it can."""


@contextlib.contextmanager
def swapping(folder: Path, target: Path) -> Iterator[None]:
    """Such a process, until the block ends."""
    process = subprocess.Popen([sys.executable, "-S", "-E", "-c", SWAP, str(folder), str(target)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def send_along(place: Workspace, outside: Path, go_on: Callable[[int], bool]) -> Counter[str]:
    """Send a variable over and over while its folder is swapped; what became of it, counted."""
    outside.mkdir()
    (place.root / VARIABLES_DIR).mkdir()
    seen: Counter[str] = Counter()
    with swapping(place.root / VARIABLES_DIR, outside):
        while go_on(seen.total()):
            try:
                variable_texts(["x"], {"x": b"stolen"}, place.root)
                seen["written"] += 1
            except UsageError:
                seen["refused"] += 1
            assert list(outside.iterdir()) == []
    return seen


def test_variables_sent_along_stay_in_the_workspace_while_their_folder_is_swapped(
    place: Workspace, tmp_path: Path
) -> None:
    send_along(place, tmp_path / "outside", lambda done: done < 100)


@pytest.mark.soak
def test_variables_sent_along_stay_in_the_workspace_for_a_minute_of_swaps(place: Workspace, tmp_path: Path) -> None:
    end = time.monotonic() + 60
    seen = send_along(place, tmp_path / "outside", lambda done: time.monotonic() < end)
    print(dict(seen))
    assert seen["written"] > 100


def test_a_link_in_the_place_of_the_folder_is_replaced(place: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.root / VARIABLES_DIR).symlink_to(outside)
    variable_texts(["x"], {"x": b"data"}, place.root)
    assert list(outside.iterdir()) == []
    assert (place.root / VARIABLES_DIR / "x.bin").read_bytes() == b"data"


def test_the_lock_lies_where_no_sandboxed_command_reaches_it(place: Workspace) -> None:
    """Removed or replaced from inside, it would lock the session out, or let a second kernel in."""
    (place.root / ".conjure-lock").mkdir()
    (place.root / ".conjure-lock/x").mkdir()
    second = Workspace.open("main")
    assert second.root.name == "main-2", "still locked"
    second.close()
    place.close()
    third = Workspace.open("main")
    assert third.root == place.root
    third.close()


def test_a_lock_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conjure-files/.main.lock/x").mkdir(parents=True)
    with pytest.raises(WorkspaceError, match=r"\.main\.lock cannot be opened .*; remove it"):
        Workspace.open("main")


def test_pytest_in_the_project_collects_nothing_that_a_command_left(place: Workspace, tmp_path: Path) -> None:
    for name in ("conftest.py", "test_planted.py", "sub/conftest.py", "sub/test_more.py"):
        (place.root / name).parent.mkdir(exist_ok=True)
        (place.root / name).write_text(f"open({str(tmp_path / 'PWNED')!r}, 'a')\ndef test_planted(): pass\n")
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    for more in ((), ("--doctest-modules",)):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert "1 passed" in done.stdout
        assert not (tmp_path / "PWNED").exists()


def test_git_in_the_project_looks_at_nothing_that_a_command_left(place: Workspace, tmp_path: Path) -> None:
    (place.root / ".gitignore").unlink()
    (place.root / "planted.py").write_text("x")
    git = ["git", "-c", "safe.directory=*"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    done = subprocess.run([*git, "status", "--short"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "conjure-files" not in done.stdout


@pytest.mark.parametrize(
    "path", [".git/config", ".git", "a/.git/hooks/post-checkout", ".GIT/config", "x/../.git/config"]
)
@pytest.mark.parametrize("kind", [Folders, ContainerFolders])
def test_no_file_tool_writes_what_git_would_run(kind: Any, path: str, place: Workspace, tmp_path: Path) -> None:
    folders = kind(place.root, tmp_path)
    with pytest.raises(PathNotAllowedError, match=r"change nothing in \.git"):
        write_file(folders, path, b"[core]\nfsmonitor = touch PWNED\n")
    assert not list(place.root.glob("**/.git"))
    (place.root / ".git").mkdir()
    (place.root / "g").symlink_to(".git")
    with pytest.raises(ToolError):
        write_file(folders, "g/config", b"x")
    assert not list((place.root / ".git").iterdir())


def test_what_changed_in_folders_that_are_not_listed_is_told_in_one_line(place: Workspace) -> None:
    (place.root / "old/.git").mkdir(parents=True)
    time.sleep(0.1)  # more than the clocks may differ
    backend = ShellBackend("docker", LocalExecutor(Folders(place.root, place.root)), contained=True, timeout=60)
    turn = Turn(place, Decision("no"))
    backend.contribute(turn)
    commands = [
        "mkdir .git sub; echo x > .git/config; mkdir sub/__pycache__; echo x > sub/__pycache__/a.pyc; touch b",
        "ls",
    ]
    try:
        for number, command in enumerate(commands):
            drain(backend.run(ToolUseBlock(f"t{number}", "bash_tool", {"command": command}), turn), turn)
    finally:
        backend.close()
    told = [body.text for body in turn.emitted if isinstance(body, Notice)]
    assert len(told) == 1
    assert ".git (2 entries), sub/__pycache__ (2 entries)" in told[0]
    assert "old/" not in told[0]


@pytest.mark.parametrize("swap", ["skill", "parent"])
def test_a_skill_folder_that_a_command_swapped_for_a_link_leads_nowhere(tmp_path: Path, swap: str) -> None:
    """With `--workspace .` the project's skills lie in the workspace, where commands may write."""
    (tmp_path / "project/skills/tool").mkdir(parents=True)
    (tmp_path / "home/tool").mkdir(parents=True)
    (tmp_path / "home/tool/secret").write_text("secret")
    project = tmp_path / "project"
    folders = ContainerFolders(project, tmp_path, {"tool": project / "skills/tool"})
    where = project / ("skills/tool" if swap == "skill" else "skills")
    where.rename(project / "kept")
    where.symlink_to(tmp_path / ("home/tool" if swap == "skill" else "home"))
    assert "/skills/tool" not in [mount.target for mount in folders.mounts]
    for read in (read_file, list_folder):
        with pytest.raises(ToolError):
            read(folders, "/skills/tool/secret" if read is read_file else "/skills/tool")
    with pytest.raises(ToolError):
        read_file(Folders(project, tmp_path / "project", {"tool": project / "skills/tool"}), str(where / "secret"))


def test_an_input_folder_that_a_command_swapped_for_a_link_is_not_mounted(tmp_path: Path) -> None:
    (tmp_path / "project/data").mkdir(parents=True)
    folders = ContainerFolders(tmp_path / "project", tmp_path / "project/data")
    check_folders(folders.mounts)
    (tmp_path / "project/data").rmdir()
    (tmp_path / "project/data").symlink_to("/etc")
    with pytest.raises(ContainerError, match="no longer leads to the same place"):
        check_folders(folders.mounts)
    with pytest.raises(ToolError):
        read_file(folders, "/input/passwd")


@pytest.mark.parametrize("session", ["größe", "日本語", "a b/c", "-x", "", "…", "x" * 300, "ÄÖ..", ".."])
def test_a_container_has_a_name_that_the_engine_takes(session: str) -> None:
    from conjure_magic.executors.docker.container import container_name

    name = container_name(session)
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}", name)
    assert container_name(session) != name
