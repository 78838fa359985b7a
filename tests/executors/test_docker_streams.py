"""The engine's streams in whatever pieces they come, the folders under their names inside, and who runs commands."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.errors import BackendError, PathNotAllowedError
from conjure_magic.executors.docker import streams
from conjure_magic.executors.docker.container_user import User, container_user, may_read
from conjure_magic.executors.docker.folders import ContainerFolders, same_folders
from conjure_magic.workspace import too_wide

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=8)


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_frames_are_taken_apart_whatever_pieces_they_come_in(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text for stream, text in frames)
    demux, found, number = streams.Demux(), [], 0
    while data:
        size = cuts[number % len(cuts)]
        found += demux.feed(data[:size])
        data, number = data[size:], number + 1
    for stream in (1, 2):
        assert b"".join(t for s, t in found if s == stream) == b"".join(t for s, t in frames if s == stream)


def answered(answer: bytes) -> bytes:
    """What is left on the connection after an engine's answer to the upgrade."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = threading.Thread(target=lambda: (theirs.recv(4096), theirs.sendall(answer), theirs.shutdown(1)))
        server.start()
        try:
            streams.upgrade(ours, "/v1.41/containers/x/attach")
        finally:
            server.join()
        return ours.recv(100)


@pytest.mark.parametrize("status", [b"101 UPGRADED", b"200 OK"])
def test_the_stream_begins_behind_the_answer(status: bytes) -> None:
    assert answered(b"HTTP/1.1 " + status + b"\r\nUpgrade: tcp\r\n\r\nfirst") == b"first"


def test_a_refusal_is_told_in_the_engines_words() -> None:
    with pytest.raises(BackendError, match="no such container"):
        answered(b"HTTP/1.1 404 Not Found\r\n\r\nno such container: x")


def test_a_connection_that_ends_is_an_error() -> None:
    with pytest.raises(ConnectionResetError):
        answered(b"HTTP/1.1 101")


# ---- folders


@pytest.fixture
def folders(tmp_path: Path) -> ContainerFolders:
    root = tmp_path.resolve()
    for name in ("work/deep", "input", "skill"):
        (root / name).mkdir(parents=True)
    return ContainerFolders(
        root / "work", root / "input", {"a-skill": root / "skill", "../x": root, "gone": root / "g"}
    )


PATHS = {
    "a": "work/a",
    "/workspace/a": "work/a",
    "./deep//../a": "work/a",
    "/input/x": "input/x",
    "../input/x": "input/x",
    "/skills/a-skill/SKILL.md": "skill/SKILL.md",
    "../../../workspace/a": "work/a",
    "/workspace": "work",
}
OUTSIDE = ["/etc/passwd", "/", "..", "/workspace2/a", "/skills", "/skills/gone/x", "/skills/../x/a", "", "a\0b"]


@pytest.mark.parametrize(("path", "here"), PATHS.items())
def test_paths_are_read_as_inside(folders: ContainerFolders, path: str, here: str) -> None:
    assert folders.resolve(path) == folders.workspace.parent / here


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_that_are_nowhere_of_ours_are_refused(folders: ContainerFolders, path: str) -> None:
    with pytest.raises(PathNotAllowedError):
        folders.resolve(path)


def test_a_path_of_this_machine_means_nothing_inside(folders: ContainerFolders) -> None:
    with pytest.raises(PathNotAllowedError) as caught:
        folders.resolve(str(folders.workspace / "a"))
    assert "it is not in /workspace, /input, /skills/a-skill" in str(caught.value)


def test_only_the_workspace_is_written(folders: ContainerFolders) -> None:
    (folders.workspace / "out").symlink_to("/input")
    for path in ("/input/x", "/skills/a-skill/x", "out/x"):
        with pytest.raises(PathNotAllowedError, match=r"cannot be written: it is not in /workspace$"):
            folders.resolve(path, write=True)


def test_links_are_followed_inside(folders: ContainerFolders) -> None:
    (folders.workspace / "abs").symlink_to("/workspace/deep")
    (folders.workspace / "up").symlink_to("../skills/a-skill")
    (folders.workspace / "root").symlink_to("/")
    (folders.workspace / "loop").symlink_to("loop")
    assert folders.resolve("abs/x") == folders.workspace / "deep/x"
    assert folders.resolve("up/SKILL.md") == folders.skills["a-skill"] / "SKILL.md"
    assert folders.resolve("root/input/x") == folders.input / "x"
    for path in ("loop", "root/etc/passwd"):
        with pytest.raises(PathNotAllowedError):
            folders.resolve(path)


def test_skills_that_cannot_be_mounted_are_left_out(folders: ContainerFolders) -> None:
    assert [mount.target for mount in folders.mounts] == ["/workspace", "/input", "/skills/a-skill"]
    assert [mount.writable for mount in folders.mounts] == [True, False, False]


def test_a_folder_of_the_same_name_is_seen_to_be_another(folders: ContainerFolders) -> None:
    before = folders.mounts
    assert same_folders(before, folders.mounts)
    folders.input.rename(folders.input.with_name("away"))
    assert not same_folders(before, folders.mounts)
    folders.input.mkdir()
    assert not same_folders(before, folders.mounts)
    assert before == folders.mounts, "it is the same place, so no container is made again and again for it"


def test_what_must_not_be_mounted_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "people/me"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert "whole machine" in too_wide(Path("/"))
    assert "your home directory" in too_wide(home)
    assert "your home directory" in too_wide(home.parent)
    assert too_wide(home / "project") == ""


# ---- who it is


def test_a_rootless_engines_root_is_the_person(tmp_path: Path) -> None:
    assert container_user(["name=seccomp,profile=default", "name=rootless"], tmp_path) == User(0, 0)


def test_commands_run_as_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(os, "getegid", lambda: 99)
    assert container_user([], tmp_path) == User(1234, 99)
    assert container_user(["name=userns"], tmp_path) == User(1234, 99, unmapped=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder away")
def test_a_root_kernels_commands_are_never_root(tmp_path: Path) -> None:
    assert container_user([], tmp_path) == User(65532, 65532, hand_over=True)
    os.chown(tmp_path, 1000, 0)
    assert container_user([], tmp_path) == User(1000, 65532, hand_over=True), "the workspace's own person"


@pytest.mark.parametrize(("mode", "readable"), [(0o755, True), (0o750, False), (0o704, False)])
def test_a_private_folder_is_seen_to_be_one(tmp_path: Path, mode: int, readable: bool) -> None:
    tmp_path.chmod(mode)
    assert may_read(User(65532, 65532), tmp_path) is readable
    assert may_read(User(tmp_path.stat().st_uid, 65532), tmp_path)
