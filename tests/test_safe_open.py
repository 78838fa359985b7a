"""A workspace in which everything may be swapped for a link at any moment leads to nothing outside of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import wait_until

from conjure_magic import safe_open
from conjure_magic.artifacts import Artifact
from conjure_magic.errors import ToolError
from conjure_magic.executors import files
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.testing.file_checks import SWAPPER
from conjure_magic.workspace import Folders, Workspace

linux = pytest.mark.skipif(sys.platform != "linux", reason="swaps two names in one step with renameat2")
INSIDE, OUTSIDE = b"inside\n", b"outside\n"


@dataclass(frozen=True)
class Trap:
    """A workspace in which `file` and `folder` are swapped for links to the outside, on and on."""

    workspace: Workspace
    outside: Path
    process: subprocess.Popen[bytes]


def swap(root: Path, *names: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SWAPPER, *names], cwd=root, start_new_session=True)
    wait_until((root / "swapping").exists)
    (root / "swapping").unlink()
    return process


@pytest.fixture(params=["file", "folder"])
def trap(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trap]:
    root, outside = tmp_path.resolve() / "work", tmp_path.resolve() / "outside"
    for folder in (root / "folder", outside, tmp_path / "input"):
        folder.mkdir(parents=True)
    (root / "folder/file").write_bytes(INSIDE)
    (outside / "file").write_bytes(OUTSIDE)
    (outside / "secret").write_bytes(OUTSIDE)
    if request.param == "file":
        (root / "folder/way-out").symlink_to(outside / "file")
        process = swap(root, "folder/file", "folder/way-out")
    else:
        (root / "way-out").symlink_to(outside)
        process = swap(root, "folder", "way-out")
    yield Trap(Workspace(root, tmp_path / "input", root, in_place=True), outside, process)
    process.kill()
    process.wait()


def read(trap: Trap, folders: Folders) -> bytes:
    with contextlib.suppress(ToolError):
        return files.read_file(folders, "folder/file")
    return b""


def write(trap: Trap, folders: Folders) -> bytes:
    with contextlib.suppress(ToolError):
        files.write_file(folders, "folder/file", INSIDE)
        return INSIDE
    return b""


def entries(trap: Trap, folders: Folders) -> bytes:
    with contextlib.suppress(ToolError):
        names = {entry.name for entry in files.list_folder(folders, "folder") or ()}
        return OUTSIDE if "secret" in names else INSIDE
    return b""


def snapshot(trap: Trap, folders: Folders) -> bytes:
    return OUTSIDE if any("secret" in name for name in trap.workspace.snapshot()) else INSIDE


def artifact(trap: Trap) -> Artifact:
    root = trap.workspace.root
    return Artifact("folder/file", "text/plain", 7, "", "docker", "1", "new", root / "folder/file")


def opened(trap: Trap, folders: Folders) -> bytes:
    with contextlib.suppress(OSError):
        return artifact(trap).read()
    return b""


def digest(trap: Trap, folders: Folders) -> bytes:
    found = trap.workspace.changed({}, backend="docker", tool_use_id="1")
    digests = {file.sha256 for file in found}
    return OUTSIDE if hashlib.sha256(OUTSIDE).hexdigest() in digests else INSIDE if digests else b""


Use = Callable[[Trap, Folders], bytes]
USES: dict[str, Use] = {use.__name__: use for use in (read, write, entries, snapshot, opened, digest)}


def race(trap: Trap, kind: type[Folders], attempts: int) -> Counter[bytes]:
    """What this number of attempts found, by each use in turn."""
    folders = kind(trap.workspace.root, trap.workspace.input)
    seen: Counter[bytes] = Counter()
    for name, use in USES.items():
        here = Counter(use(trap, folders) for _ in range(attempts // len(USES)))
        assert OUTSIDE not in here, f"{name} has leaked"
        seen += here
    assert {path.name: path.read_bytes() for path in trap.outside.iterdir()} == {"file": OUTSIDE, "secret": OUTSIDE}
    assert trap.process.poll() is None
    return seen


@linux
@pytest.mark.parametrize("kind", [Folders, ContainerFolders])
def test_a_racing_swapper_gets_nothing_out(trap: Trap, kind: type[Folders]) -> None:
    """Rounds of attempts until some met the file and some a link; a million attempts are made in the soak test."""
    seen = race(trap, kind, 600)
    for _ in range(20):
        if seen[INSIDE] and seen[b""]:
            break
        seen += race(trap, kind, 600)
    assert seen[INSIDE] > 0
    assert seen[b""] > 0, "the swapper was never in time"


@linux
@pytest.mark.soak
@pytest.mark.parametrize("kind", [Folders, ContainerFolders])
def test_a_racing_swapper_gets_nothing_out_for_long(trap: Trap, kind: type[Folders]) -> None:
    assert race(trap, kind, 252_000)[INSIDE] > 0


@linux
@pytest.mark.parametrize("use", [read, opened])
def test_the_race_is_lost_by_code_that_follows_links(trap: Trap, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the protection it wins soon: the race above is one."""
    monkeypatch.setattr(safe_open, "FOLDER", os.O_RDONLY | os.O_DIRECTORY)
    monkeypatch.setattr(safe_open, "FILE", 0)
    monkeypatch.setattr(files, "FILE", 0)
    monkeypatch.setattr(files, "_refuse_odd", lambda *_: None)
    folders = ContainerFolders(trap.workspace.root, trap.workspace.input)
    wait_until(lambda: use(trap, folders) == OUTSIDE)


# ---- without a race


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work/a/b").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(OUTSIDE)
    return tmp_path / "work"


def test_a_file_is_reached_step_by_step(root: Path) -> None:
    (root / "a/b/file").write_bytes(INSIDE)
    with os.fdopen(safe_open.open_file(root, ("a", "b", "file")), "rb") as file:
        assert file.read() == INSIDE


@pytest.mark.parametrize("parts", [("link",), ("out", "secret"), ("a",), ("pipe",), ("none",)])
def test_links_folders_and_pipes_are_no_files(root: Path, parts: tuple[str, ...]) -> None:
    (root / "link").symlink_to("../outside/secret")
    (root / "out").symlink_to("../outside")
    os.mkfifo(root / "pipe")
    with pytest.raises(OSError):
        safe_open.open_file(root, parts)


def test_a_walk_names_links_and_enters_none(root: Path) -> None:
    (root / "a/out").symlink_to("../../outside")
    (root / "a/b/file").touch()
    assert [path for path, _, _ in safe_open.walk(root)] == ["a", "a/b", "a/b/file", "a/out"]
    assert [path for path, _, _ in safe_open.walk(root, lambda path: path != "a/b")] == ["a", "a/b", "a/out"]


def test_a_walk_of_something_very_deep_ends_in_time_and_holds_no_descriptor(root: Path) -> None:
    fd = os.open(root, safe_open.FOLDER)
    for _ in range(3 * safe_open.MAX_DEPTH):
        os.mkdir("d", dir_fd=fd)
        deeper = os.open("d", safe_open.FOLDER, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    try:
        before = len(os.listdir("/dev/fd"))
        assert len([path for path, _, _ in safe_open.walk(root) if path.startswith("d")]) == safe_open.MAX_DEPTH + 1
        assert len(os.listdir("/dev/fd")) == before
    finally:
        # Left behind, it would end a later run: pytest takes its old folders away with a function that recurses.
        subprocess.run(["rm", "-rf", root / "d"], check=True)


def test_created_folders_are_passed_to_the_caller(root: Path) -> None:
    made: list[int] = []
    fd = safe_open.open_folder(root, ("a", "new", "newer"), make=True, made=lambda fd: made.append(os.fstat(fd).st_ino))
    os.close(fd)
    assert made == [(root / "a/new").stat().st_ino, (root / "a/new/newer").stat().st_ino]


def test_an_artifact_replaced_by_a_link_is_not_opened(root: Path) -> None:
    workspace = Workspace(root, root, root, in_place=True)
    (root / "a/b/file").write_bytes(INSIDE)
    (found,) = workspace.changed({}, backend="docker", tool_use_id="1")
    assert found.read() == INSIDE
    (root / "a").rename(root / "was")
    (root / "a").symlink_to("was")
    for use in (found.read, found.open, lambda: found.save(root.parent / "copy")):
        with pytest.raises(OSError):
            use()
    assert not (root.parent / "copy").exists()


def test_a_planted_lock_or_ignore_file_makes_nothing_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of the session before has left links in their places."""
    monkeypatch.chdir(tmp_path)
    Workspace.open("main").close()
    own = tmp_path / "conjure-files"
    planted = [own / ".main.lock", own / ".gitignore", own / "conftest.py", own / "main/.gitignore"]
    for number, path in enumerate(planted):
        path.unlink()
        path.symlink_to(tmp_path / f"made-by-{number}")
    Workspace.open("main").close()
    assert not list(tmp_path.glob("made-by-*"))
    assert not planted[0].is_symlink()
