"""Checks of an executor's file operations: what they must do, and what they must refuse."""

from __future__ import annotations

import os
import socket
from collections import Counter
from pathlib import Path

from conjure_magic.errors import PathNotAllowedError, ToolError
from conjure_magic.testing.executor_fixture import Place, raises, wait_until

HOSTILE_NAMES = (
    "a b",
    "-rf",
    "ü—😀",
    "new\nline",
    "quote'\"",
    "$(touch pwned)",
    "`id`",
    "semi;colon",
    "star*",
    "back\\slash",
    "\u202etxt.exe",
    "%2e%2e",
    "...",
    "con.txt ",
    "<b>&amp;",
)

SWAPPER = """
import ctypes, sys
libc, names = ctypes.CDLL(None), [name.encode() for name in sys.argv[1:]]
open("swapping", "w").close()
while True:
    try:  # atomically, if the system supports it: neither name is ever missing
        libc.renameat2(-100, names[0], -100, names[1], 2)
    except AttributeError:
        libc.renamex_np(*names, 2)
"""


class FileChecks:
    """Reading, writing, listing."""

    def test_what_is_written_is_read(self, place: Place) -> None:
        assert place.executor.write("a.txt", b"hello\n") is False
        assert place.executor.read("a.txt") == b"hello\n"
        assert (place.workspace / "a.txt").read_bytes() == b"hello\n"

    def test_commands_and_tools_see_the_same_files(self, place: Place) -> None:
        place.executor.write("a.txt", b"hello")
        assert place.text("cat a.txt; printf bye > b.txt") == "hello"
        assert place.executor.read("b.txt") == b"bye"

    def test_any_bytes(self, place: Place) -> None:
        content = bytes(range(256)) * 1000
        place.executor.write("a.bin", content)
        assert place.executor.read("a.bin") == content

    def test_empty_file(self, place: Place) -> None:
        place.executor.write("empty", b"")
        assert place.executor.read("empty") == b""

    def test_absolute_paths_are_those_of_commands(self, place: Place) -> None:
        path = f"{place.executor.paths.workspace}/deep/a.txt"
        place.executor.write(path, b"x")
        assert place.text(f"cat '{path}'") == "x"
        assert place.executor.read(path) == b"x"

    def test_folders_above_are_made(self, place: Place) -> None:
        place.executor.write("one/two/three/a.txt", b"x")
        assert (place.workspace / "one/two/three/a.txt").read_bytes() == b"x"

    def test_writing_again_replaces(self, place: Place) -> None:
        place.executor.write("a.txt", b"a long content")
        assert place.executor.write("a.txt", b"short") is True
        assert place.executor.read("a.txt") == b"short"

    def test_writing_again_keeps_the_mode(self, place: Place) -> None:
        place.executor.write("run.sh", b"#!/bin/sh\necho one\n")
        place.text("chmod 755 run.sh")
        place.executor.write("run.sh", b"#!/bin/sh\necho two\n")
        assert place.text("./run.sh") == "two\n"

    def test_new_files_are_not_executable(self, place: Place) -> None:
        place.executor.write("plain.sh", b"#!/bin/sh\n")
        assert place.run("./plain.sh").exit_code == 126

    def test_hostile_names(self, place: Place) -> None:
        for number, name in enumerate(HOSTILE_NAMES):
            place.executor.write(f"odd/{name}", str(number).encode())
        for number, name in enumerate(HOSTILE_NAMES):
            assert place.executor.read(f"odd/{name}") == str(number).encode()
        assert sorted(os.listdir(place.workspace / "odd")) == sorted(HOSTILE_NAMES)
        assert not (place.workspace / "pwned").exists()

    def test_input_folder_is_read(self, place: Place) -> None:
        assert place.executor.read(f"{place.executor.paths.input}/given.txt").strip() == b"given"

    def test_input_folder_is_not_written(self, place: Place) -> None:
        for name in ("given.txt", "new.txt"):
            with raises(PathNotAllowedError, "cannot be written"):
                place.executor.write(f"{place.executor.paths.input}/{name}", b"x")
        assert (place.input / "given.txt").read_text().strip() == "given"
        assert not (place.input / "new.txt").exists()

    def test_missing_file(self, place: Place) -> None:
        with raises(ToolError, "nothing-here"):
            place.executor.read("nothing-here")

    def test_folder_is_no_file(self, place: Place) -> None:
        place.text("mkdir folder")
        with raises(ToolError, "folder"):
            place.executor.read("folder")
        with raises(ToolError, "folder"):
            place.executor.write("folder", b"x")
        with raises(ToolError, "folder"):
            place.executor.write("new/", b"x")

    def test_file_is_no_folder(self, place: Place) -> None:
        place.executor.write("file", b"x")
        with raises(ToolError):
            place.executor.write("file/below", b"x")
        with raises(ToolError):
            place.executor.read("file/below")

    def test_huge_file_is_not_read(self, place: Place) -> None:
        """A sparse file: reading it would fill the memory."""
        place.text("truncate -s 1T huge 2>/dev/null || dd if=/dev/zero of=huge bs=1 count=1 seek=1099511627775")
        with raises(ToolError, "too large"):
            place.executor.read("huge")

    def test_names_that_no_system_takes(self, place: Place) -> None:
        for name in ("", "a\0b", "x" * 5000, "\ud800", "a/" * 3000):
            with raises(ToolError):
                place.executor.read(name)
            with raises(ToolError):
                place.executor.write(name, b"x")

    def test_listing(self, place: Place) -> None:
        place.text("mkdir -p a/b/c; echo x > a/b/c/deep; printf 123 > a/f; ln -s a link; mkdir .git; touch .git/x")
        found = {entry.name: entry.size for entry in place.executor.entries(".") or ()}
        assert {"a": None, "a/b": None, "a/f": 3, ".git": None}.items() <= found.items()
        assert not {"a/b/c", "a/b/c/deep", ".git/x", "link/f"} & set(found)

    def test_listing_of_the_input_folder(self, place: Place) -> None:
        names = [entry.name for entry in place.executor.entries(str(place.executor.paths.input)) or ()]
        assert "given.txt" in names

    def test_listing_of_a_file_is_none(self, place: Place) -> None:
        place.executor.write("a.txt", b"x")
        assert place.executor.entries("a.txt") is None

    def test_listing_of_many(self, place: Place) -> None:
        place.text("mkdir many && cd many && touch $(seq 3000)")
        assert 100 <= len(place.executor.entries("many") or ()) <= 1000


class ConfinementChecks:
    """No path, link, device or race gives access outside the folders."""

    def refused(self, place: Place, path: str) -> None:
        """Neither read nor written nor listed."""
        with raises(ToolError):
            place.executor.read(path)
        with raises(ToolError):
            place.executor.write(path, b"changed")
        assert (place.outside / "secret.txt").read_text() == "outside"

    def test_absolute_paths_outside(self, place: Place) -> None:
        self.refused(place, str(place.outside / "secret.txt"))
        self.refused(place, "/etc/passwd")
        with raises(PathNotAllowedError):
            place.executor.entries("/etc")

    def test_dots(self, place: Place) -> None:
        up = os.path.relpath(place.outside / "secret.txt", place.workspace)
        self.refused(place, up)
        self.refused(place, f"deep/../{up}")
        with raises(PathNotAllowedError):
            place.executor.entries("/".join([".."] * 30))

    def test_link_to_a_file_outside(self, place: Place) -> None:
        (place.workspace / "link").symlink_to(place.outside / "secret.txt")
        self.refused(place, "link")

    def test_link_to_a_folder_outside(self, place: Place) -> None:
        (place.workspace / "link").symlink_to(place.outside)
        self.refused(place, "link/secret.txt")
        with raises(ToolError):
            place.executor.write("link/new.txt", b"x")
        with raises(ToolError):
            place.executor.entries("link")
        assert os.listdir(place.outside) == ["secret.txt"]

    def test_dangling_link_outside(self, place: Place) -> None:
        """Writing must not create the file that the link points to."""
        (place.workspace / "link").symlink_to(place.outside / "new.txt")
        with raises(ToolError):
            place.executor.write("link", b"x")
        assert os.listdir(place.outside) == ["secret.txt"]

    def test_links_that_go_round(self, place: Place) -> None:
        (place.workspace / "one").symlink_to("two")
        (place.workspace / "two").symlink_to("one")
        with raises(ToolError):
            place.executor.read("one")
        with raises(ToolError):
            place.executor.write("one", b"x")

    def test_link_inside_is_followed(self, place: Place) -> None:
        place.text("mkdir real && printf x > real/a.txt && ln -s real/a.txt file && ln -s real folder")
        assert place.executor.read("file") == b"x"
        assert place.executor.read("folder/a.txt") == b"x"
        place.executor.write("folder/a.txt", b"y")
        assert (place.workspace / "real/a.txt").read_bytes() == b"y"

    def test_link_from_the_workspace_to_the_input(self, place: Place) -> None:
        """Reading through it is allowed, since the input folder may be read; writing is not."""
        (place.workspace / "link").symlink_to(f"{place.executor.paths.input}/given.txt")
        assert place.executor.read("link").strip() == b"given"
        with raises(PathNotAllowedError):
            place.executor.write("link", b"x")

    def test_pipe_is_refused_at_once(self, place: Place) -> None:
        """Opening one waits for its other end forever."""
        os.mkfifo(place.workspace / "pipe")
        with raises(ToolError, "not a regular file"):
            place.executor.read("pipe")
        with raises(ToolError, "not a regular file"):
            place.executor.write("pipe", b"x")

    def test_device_is_refused(self, place: Place) -> None:
        (place.workspace / "zero").symlink_to("/dev/zero")
        self.refused(place, "zero")
        self.refused(place, "/dev/zero")

    def test_socket_is_refused(self, place: Place) -> None:
        here = Path.cwd()
        os.chdir(place.workspace)  # its address may be short only
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind("socket")
        finally:
            os.chdir(here)
        with raises(ToolError):
            place.executor.read("socket")

    def test_process_folder_is_refused(self, place: Place) -> None:
        self.refused(place, "/proc/self/environ")
        self.refused(place, "/dev/fd/0")

    def test_racing_swapper_of_folders(self, place: Place) -> None:
        """A command swaps a folder for a link to the outside, again and again, while files in it are used."""
        place.text("mkdir inside && printf inside > inside/secret.txt")
        (place.workspace / "way-out").symlink_to(place.outside)
        self.race(place, "inside", "inside/secret.txt")

    def test_racing_swapper_of_files(self, place: Place) -> None:
        """The same for the file itself."""
        place.text("printf inside > inside.txt")
        (place.workspace / "way-out").symlink_to(place.outside / "secret.txt")
        self.race(place, "inside.txt", "inside.txt")

    def race(self, place: Place, swapped: str, path: str) -> None:
        place.executor.write("swap.py", SWAPPER.encode())
        place.run(f"python swap.py {swapped} way-out >/dev/null 2>&1 &")
        wait_until((place.workspace / "swapping").exists)
        seen = Counter(self.attempt(place, path) for _ in range(3_000))
        assert b"outside" not in seen
        assert min(seen[b"inside"], seen[b""]) > 0, "the swapper was not in time, or nothing else was"
        assert (place.outside / "secret.txt").read_text() == "outside"
        assert os.listdir(place.outside) == ["secret.txt"]

    def attempt(self, place: Place, path: str) -> bytes:
        """What a read finds was written before it."""
        try:
            place.executor.write(path, b"inside")
            return place.executor.read(path)
        except ToolError:
            return b""
