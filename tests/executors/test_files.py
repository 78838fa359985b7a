"""Between saying where a path leads and opening it, anything may be swapped: here it is, at that very moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from conjure_magic.errors import ToolError
from conjure_magic.executors import files
from conjure_magic.safe_open import FILE
from conjure_magic.workspace import Folders


@dataclass(frozen=True)
class Swapping(Folders):
    """Folders in which something changes as soon as a path was resolved."""

    swap: Callable[[], object] = lambda: None

    def resolve(self, path: str, *, write: bool = False) -> Path:
        real = Folders.resolve(self, path, write=write)
        self.swap()
        return real


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve()
    for name in ("work/inside/deep", "input", "outside/deep"):
        (root / name).mkdir(parents=True)
    for name in ("work/inside", "work/inside/deep", "outside", "outside/deep"):
        (root / name / "file").write_text(name.partition("/")[0])
    return root


def swap_folder(root: Path) -> None:
    if not (root / "work/inside").is_symlink():
        (root / "work/inside").rename(root / "work/was")
        (root / "work/inside").symlink_to(root / "outside")


def swap_file(root: Path) -> None:
    (root / "work/inside/file").unlink()
    (root / "work/inside/file").symlink_to(root / "outside/file")


def swap_pipe(root: Path) -> None:
    (root / "work/inside/file").unlink()
    os.mkfifo(root / "work/inside/file")


Use = Callable[[Folders], object]
USES: dict[str, Use] = {
    "read": lambda folders: files.read_file(folders, "inside/file"),
    "read deep": lambda folders: files.read_file(folders, "inside/deep/file"),
    "write": lambda folders: files.write_file(folders, "inside/file", b"changed"),
    "write new": lambda folders: files.write_file(folders, "inside/new", b"changed"),
    "write new deep": lambda folders: files.write_file(folders, "inside/newer/new", b"changed"),
    "list": lambda folders: files.list_folder(folders, "inside"),
    "list deep": lambda folders: files.list_folder(folders, "inside/deep"),
}


def outside(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in (root / "outside").rglob("*") if path.is_file()}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_folder_that_becomes_a_link_is_not_followed(root: Path, use: Use) -> None:
    before = outside(root)
    folders = Swapping(root / "work", root / "input", swap=lambda: swap_folder(root))
    try:
        found = use(folders)
    except ToolError:
        found = None
    assert found is None
    assert outside(root) == before


@pytest.mark.parametrize("swap", [swap_file, swap_pipe])
@pytest.mark.parametrize("use", [USES["read"], USES["write"]], ids=["read", "write"])
def test_a_file_that_becomes_something_else_is_refused(root: Path, use: Use, swap: Callable[[Path], None]) -> None:
    before = outside(root)
    folders = Swapping(root / "work", root / "input", swap=lambda: swap(root))
    with pytest.raises(ToolError):
        use(folders)
    assert outside(root) == before


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY])
def test_the_last_step_by_itself_follows_no_link(root: Path, flags: int) -> None:
    """Also one that was planted after the file had been looked at."""
    swap_file(root)
    with pytest.raises(OSError, match="symbolic"):
        os.close(os.open(root / "work/inside/file", flags | FILE))


def test_an_error_of_the_system_is_reported(root: Path) -> None:
    """A name too long, a full disk: in its own words."""
    with pytest.raises(ToolError, match="File name too long"):
        files.write_file(Folders(root / "work", root / "input"), "x" * 300, b"x")
