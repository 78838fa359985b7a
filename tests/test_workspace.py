"""Where files live, which may be touched, and what changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conjure_magic import workspace as module
from conjure_magic.artifacts import Artifact, Artifacts, media_type
from conjure_magic.errors import PathNotAllowedError, UsageError
from conjure_magic.workspace import Folders, Workspace


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, without a notebook."""
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return folder


# ---- opening


def test_a_session_has_a_folder_of_its_own(project: Path) -> None:
    workspace = Workspace.open("main")
    assert workspace.root == project / "conjure-files/main"
    assert workspace.input == workspace.base == project
    assert (workspace.in_place, workspace.notice) == (False, "")
    assert (workspace.root / ".gitignore").read_text() == "*\n"
    workspace.close()


def test_the_folder_is_next_to_the_notebook(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the kernel stands: Jupyter Server names the notebook."""
    (tmp_path / "books").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "books/my analysis.ipynb"))
    workspace = Workspace.open("main")
    assert workspace.root == tmp_path / "books/conjure-files/my-analysis-main"
    assert workspace.input == project
    assert workspace.shown(workspace.root / "a/b.txt") == "conjure-files/my-analysis-main/a/b.txt"
    workspace.close()


def test_a_notebook_named_by_its_own_name_is_in_the_current_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "book.ipynb")
    workspace = Workspace.open("main")
    assert workspace.root == project / "conjure-files/book-main"
    workspace.close()


def test_a_console_is_no_notebook(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "1234-some-session-id")
    workspace = Workspace.open("main")
    assert workspace.root == project / "conjure-files/main"
    workspace.close()


@pytest.mark.parametrize("name", ["../../up", "a/b", "..", "", "ü b", "-rf", "a\nb"])
def test_odd_session_names_stay_in_their_place(project: Path, name: str) -> None:
    workspace = Workspace.open(name)
    assert workspace.root.parent == project / "conjure-files"
    workspace.close()


def test_a_second_kernel_gets_another_folder_and_a_notice(project: Path) -> None:
    first, second = Workspace.open("main"), Workspace.open("main")
    assert second.root == project / "conjure-files/main-2"
    assert "another kernel uses main" in second.notice
    assert first.notice == ""
    first.close()
    third = Workspace.open("main")
    assert third.root == first.root
    for workspace in (second, third):
        workspace.close()


def test_a_kernel_that_was_killed_leaves_its_folder_free(project: Path) -> None:
    code = (
        "import os; from conjure_magic.workspace import Workspace; w = Workspace.open('main'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project, check=False)
    workspace = Workspace.open("main")
    assert workspace.root == project / "conjure-files/main"
    workspace.close()


def test_closing_twice_does_not_close_a_reused_descriptor(project: Path) -> None:
    """A descriptor's number is given to the next file that is opened."""
    workspace = Workspace.open("main")
    workspace.close()
    with (project / "other").open("w") as other:
        workspace.close()
        other.write("still open")
    assert (project / "other").read_text() == "still open"


def test_the_persons_own_folder(project: Path) -> None:
    workspace = Workspace.open("main", folder=".", input="..")
    assert (workspace.root, workspace.input, workspace.in_place) == (project, project.parent, True)
    assert list(project.iterdir()) == []
    workspace.close()


def test_folders_that_are_not_there(project: Path) -> None:
    (project / "file").write_text("")
    for options in ({"folder": "nowhere"}, {"input": "nowhere"}, {"folder": "file"}):
        with pytest.raises(UsageError, match="does not exist or is not a folder"):
            Workspace.open("main", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["conjure-files", "conjure-files/main"])
def test_a_link_in_the_folders_place_is_not_followed(project: Path, tmp_path: Path, name: str) -> None:
    """A command that worked in the project itself may have left it: all behind it would be the next one's to write."""
    (tmp_path / "outside").mkdir()
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match=f"{name} is a link.*workspace=PATH"):
        Workspace.open("main")
    assert not any((tmp_path / "outside").iterdir())


def test_where_no_folder_can_be_made_the_option_is_named(project: Path) -> None:
    (project / "conjure-files").write_text("in the way")
    with pytest.raises(UsageError, match="workspace=PATH"):
        Workspace.open("main")


# ---- confinement


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    root = tmp_path.resolve()
    for name in ("work", "input", "skill", "outside", "work-2"):
        (root / name).mkdir()
    return Folders(root / "work", root / "input", {"one": root / "skill"})


def test_relative_paths_start_in_the_workspace(folders: Folders) -> None:
    assert folders.resolve("a/../b.txt", write=True) == folders.workspace / "b.txt"
    assert folders.resolve(".") == folders.workspace


def test_what_may_be_read_and_written(folders: Folders) -> None:
    for folder in (folders.workspace, folders.input, folders.skills["one"]):
        assert folders.resolve(str(folder / "x")) == folder / "x"
    for folder in (folders.input, folders.skills["one"]):
        with pytest.raises(PathNotAllowedError, match="cannot be written"):
            folders.resolve(str(folder / "x"), write=True)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside/x", "../work-2/x", "../work/../outside", "/", "..", ""])
def test_what_may_not_be_read(folders: Folders, path: str) -> None:
    """A folder whose name begins like the workspace's is another folder."""
    with pytest.raises(PathNotAllowedError):
        folders.resolve(path)


def test_links_are_resolved_first(folders: Folders) -> None:
    (folders.workspace / "in").symlink_to(folders.input)
    (folders.workspace / "out").symlink_to(folders.workspace.parent / "outside")
    (folders.workspace / "loop").symlink_to("loop")
    assert folders.resolve("in/x") == folders.input / "x"
    with pytest.raises(PathNotAllowedError):
        folders.resolve("in/x", write=True)
    with pytest.raises(PathNotAllowedError):
        folders.resolve("out/x")


def test_roots_that_are_links_themselves(folders: Folders) -> None:
    link = folders.workspace.parent / "link"
    link.symlink_to(folders.workspace)
    assert Folders(link, folders.input).resolve("a", write=True) == folders.workspace / "a"


# ---- what changed


@pytest.fixture
def place(project: Path) -> Workspace:
    return Workspace.open("main", folder=project)


def changes(place: Workspace, before: object) -> list[tuple[str, str]]:
    found = place.changed(before, backend="local", tool_use_id="t1")  # type: ignore[arg-type]
    return [(artifact.name, artifact.change) for artifact in found]


def test_new_and_changed_files(place: Workspace) -> None:
    (place.root / "old.txt").write_text("1")
    (place.root / "same.txt").write_text("1")
    before = place.snapshot()
    (place.root / "old.txt").write_text("22")
    (place.root / "deep/er").mkdir(parents=True)
    (place.root / "deep/er/new.csv").write_text("a,b\n")
    assert changes(place, before) == [("deep/er/new.csv", "new"), ("old.txt", "changed")]


def test_an_artifact_describes_its_file(place: Workspace) -> None:
    before = place.snapshot()
    (place.root / "new.csv").write_text("a,b\n")
    (artifact,) = place.changed(before, backend="local", tool_use_id="t1")
    assert artifact == Artifact(
        "new.csv",
        "text/csv",
        4,
        hashlib.sha256(b"a,b\n").hexdigest(),
        "local",
        "t1",
        "new",
        place.root / "new.csv",
        "new.csv",
    )
    assert "path" not in artifact.to_dict()


def test_same_size_and_time_is_still_seen(place: Workspace) -> None:
    """A program may set a file's time back; it cannot set its change time."""
    file = place.root / "a.txt"
    file.write_text("1")
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    before = place.snapshot()
    file.write_text("2")
    os.utime(file, ns=times)
    assert changes(place, before) == [("a.txt", "changed")]


def test_deleted_files_are_not_reported(place: Workspace) -> None:
    (place.root / "a.txt").write_text("1")
    before = place.snapshot()
    (place.root / "a.txt").unlink()
    assert changes(place, before) == []


def test_what_is_no_business_of_a_persons(place: Workspace) -> None:
    """Version control, caches, the whole output of commands."""
    for name in (".git", "node_modules", "__pycache__", "sub/.venv", "command-output"):
        (place.root / name).mkdir(parents=True)
        (place.root / name / "file").write_text("x")
    (place.root / "sub/command-output").mkdir()
    (place.root / "sub/command-output/mine.txt").write_text("x")
    assert list(place.snapshot()) == ["sub/command-output/mine.txt"]


def test_links_and_pipes_are_no_files(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("x")
    (place.root / "folder-link").symlink_to(tmp_path / "outside")
    (place.root / "file-link").symlink_to(tmp_path / "outside/secret.txt")
    os.mkfifo(place.root / "pipe")
    assert place.snapshot() == {}


def test_hostile_names_are_only_names(place: Workspace) -> None:
    before = place.snapshot()
    names = ["a b", "-rf", "<img src=x>", "ü😀", "new\nline", "\u202egnp"]
    for name in names:
        (place.root / name).write_text("x")
    assert {name for name, _ in changes(place, before)} == set(names)


def test_a_file_that_vanishes_meanwhile(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between listing and reading: left out, and the others are reported."""
    before = place.snapshot()
    for name in ("a", "b"):
        (place.root / name).write_text("x")
    real = Workspace.snapshot

    def snapshot(self: Workspace) -> object:
        found = real(self)
        (self.root / "a").unlink()
        return found

    monkeypatch.setattr(Workspace, "snapshot", snapshot)
    assert changes(place, before) == [("b", "new")]


def test_a_snapshot_is_bounded(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 10)
    for number in range(30):
        (place.root / f"{number}").write_text("")
    assert len(place.snapshot()) == 10


def test_a_huge_file_is_reported_without_its_hash(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HASHED", 10)
    before = place.snapshot()
    (place.root / "huge").write_bytes(b"x" * 11)
    (artifact,) = place.changed(before, backend="local", tool_use_id="t1")
    assert (artifact.size, artifact.sha256) == (11, "")


# ---- artifacts


def artifact(name: str, path: Path | None = None, elsewhere: Path | None = None) -> Artifact:
    return Artifact(name, "text/plain", 1, "", "b", "t", "new", path, fetch=(lambda: elsewhere) if elsewhere else None)


def test_an_artifact_is_read_from_disk_or_fetched(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"here")
    assert artifact("a", tmp_path / "a").read() == b"here"
    with artifact("a", tmp_path / "a").open() as file:
        assert file.read() == b"here"
    (tmp_path / "b").write_bytes(b"there")
    assert artifact("a", None, tmp_path / "b").read() == b"there"
    with artifact("a", None, tmp_path / "b").open() as file:
        assert file.read() == b"there"
    with pytest.raises(FileNotFoundError, match="not on this machine"):
        artifact("a").read()


def test_a_path_without_a_suffix_is_a_folder_for_a_file_with_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"here")
    source = artifact("sub/a.txt", tmp_path / "a.txt")
    assert source.save(tmp_path / "missing_dir") == tmp_path / "missing_dir/a.txt"
    assert source.save(f"{tmp_path}/v1.2/") == tmp_path / "v1.2/a.txt"
    assert source.save(tmp_path / "b.md") == tmp_path / "b.md"


def test_saving_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"here")
    (tmp_path / "folder").mkdir()
    source = artifact("sub/a", tmp_path / "a")
    assert source.save(tmp_path / "folder") == tmp_path / "folder/a"
    assert source.save(tmp_path / "new/deep/b").read_bytes() == b"here"
    with pytest.raises(FileExistsError):
        source.save(tmp_path / "folder")


def test_files_are_found_by_path_or_basename() -> None:
    files = Artifacts([artifact("x/a.txt"), artifact("b.txt"), artifact("y/a.txt")])
    assert files["x/a.txt"] is files[0]
    assert files["a.txt"] is files[2]
    assert len(files) == 3
    with pytest.raises(KeyError, match=r"no file 'c.txt'; files: x/a.txt, b.txt, y/a.txt"):
        files["c.txt"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "text/csv"),
        ("A.SVG", "image/svg+xml"),
        ("b.md", "text/markdown"),
        ("c.log", "text/plain"),
        ("d.tsv", "text/tab-separated-values"),
        ("e.jsonl", "application/x-ndjson"),
        ("f", "application/octet-stream"),
    ],
)
def test_media_types(name: str, kind: str) -> None:
    assert media_type(name) == kind
