"""Packages: what is packed and what is left out, both layouts unpacked, and nothing that an enemy writes gets out."""

from __future__ import annotations

import io
import os
import shutil
import stat
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import EXAMPLES

from conjure_magic.errors import SkillError
from conjure_magic.skills import PackageError, SkillRegistry, load_skill, open_package, pack, unpack
from conjure_magic.skills.package_entries import MAX_BYTES, MAX_ENTRIES

HEAD = "---\nname: a\ndescription: does something\n---\nBody.\n"


def make_skill(root: Path, *files: str) -> Path:
    folder = root / "a"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(HEAD)
    return folder


def make_zip(path: Path, entries: Mapping[str, str | bytes] | list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    pairs = list(entries.items()) if isinstance(entries, Mapping) else entries
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of names given twice
        for name, data in pairs:
            archive.writestr(name, data)
    return path


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(path: Path, into: Path) -> str:
    """The code with which a package is refused; nothing of it may stay."""
    into.mkdir(exist_ok=True)
    with pytest.raises(PackageError) as error:
        unpack(path, into)
    assert list(into.iterdir()) == []
    return error.value.code


# ---- packing


def test_a_skill_is_packed_below_one_folder_and_comes_back_the_same(tmp_path: Path) -> None:
    folder = make_skill(tmp_path, "scripts/run.py", "references/deep/er/é.md", "evals.md", "deep/evals/x")
    (folder / "scripts" / "run.py").chmod(0o755)
    package = pack(folder, tmp_path / "out")
    assert package.path == tmp_path / "out" / "a.skill"
    assert package.entries == ("SKILL.md", "deep/evals/x", "evals.md", "references/deep/er/é.md", "scripts/run.py")
    with zipfile.ZipFile(package.path) as archive:
        assert archive.namelist() == [f"a/{name}" for name in package.entries]
    unpacked = unpack(package.path, tmp_path)
    assert unpacked.name == "a"
    assert tree(unpacked) == tree(folder)
    assert load_skill(unpacked).findings == ()
    assert (unpacked / "scripts" / "run.py").stat().st_mode & 0o777 == 0o700
    assert (unpacked / "SKILL.md").stat().st_mode & 0o777 == 0o600
    assert unpacked.parent.stat().st_mode & 0o777 == 0o700


def test_files_that_the_published_packager_leaves_out_are_left_out_and_reported(tmp_path: Path) -> None:
    folder = make_skill(
        tmp_path,
        *("evals/case.json", "node_modules/x/y.js", "scripts/__pycache__/x.pyc", "scripts/loose.pyc", ".DS_Store"),
        *("deep/.DS_Store", ".git/config", ".hidden"),
    )
    package = pack(folder, tmp_path)
    assert package.entries == (".hidden", "SKILL.md")
    assert package.left_out == (
        *(".DS_Store", ".git/", "deep/.DS_Store", "evals/", "node_modules/", "scripts/__pycache__/"),
        "scripts/loose.pyc",
    )


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    first = pack(make_skill(tmp_path, "b", "c"), tmp_path / "out").path.read_bytes()
    os.utime(tmp_path / "a" / "b", (0, 0))
    assert pack(tmp_path / "a" / "SKILL.md", tmp_path / "out").path.read_bytes() == first


def test_a_package_written_into_the_skills_own_folder_does_not_hold_itself(tmp_path: Path) -> None:
    folder = make_skill(tmp_path)
    for _ in range(2):
        assert pack(folder, folder).entries == ("SKILL.md",)
    assert [path.name for path in folder.iterdir() if path.name != "SKILL.md"] == ["a.skill"]


def test_a_skill_that_breaks_rules_is_not_packed_and_all_of_them_are_reported(tmp_path: Path) -> None:
    folder = make_skill(tmp_path)
    (folder / "SKILL.md").write_text("---\nname: B\nversion: 1\n---\n")
    with pytest.raises(SkillError, match=r"/a: .*name-case.*name-mismatch.*missing-description.*unknown-field"):
        pack(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_that_leads_out_is_not_packed(tmp_path: Path, kind: str) -> None:
    folder = make_skill(tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("hush")
    (folder / "link").symlink_to(tmp_path / "secret" / ("file" if kind == "file" else ""))
    with pytest.raises(PackageError, match="points outside"):
        pack(folder, tmp_path)


def test_a_link_inside_is_packed_as_a_file_and_other_things_are_left_out(tmp_path: Path) -> None:
    folder = make_skill(tmp_path, "real/file")
    (folder / "link").symlink_to("real/file")
    (folder / "folder-link").symlink_to("real")
    os.mkfifo(folder / "pipe")
    package = pack(folder, tmp_path)
    assert package.entries == ("SKILL.md", "link", "real/file")
    assert package.left_out == ("folder-link/", "pipe")
    assert (unpack(package.path, tmp_path) / "link").read_text() == "content of real/file"


def test_what_could_not_be_unpacked_is_not_packed(tmp_path: Path) -> None:
    folder = make_skill(tmp_path, "Same", "same")
    if len(list(folder.iterdir())) == 3:  # else this file system ignores case itself
        with pytest.raises(PackageError, match="twice"):
            pack(folder, tmp_path)
    for name in ("back\\slash", "new\nline", "／"):
        folder = make_skill(tmp_path / "other", name)
        with pytest.raises(PackageError):
            pack(folder, tmp_path)
        shutil.rmtree(folder)
    folder = make_skill(tmp_path / "large")
    with (folder / "big").open("wb") as file:
        file.truncate(MAX_BYTES)
    with pytest.raises(PackageError, match="larger than"):
        pack(folder, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".skill" or path.name.startswith(".a")] == []


def test_too_many_files_are_not_packed(tmp_path: Path) -> None:
    folder = make_skill(tmp_path)
    for number in range(MAX_ENTRIES):
        (folder / str(number)).touch()
    with pytest.raises(PackageError, match=r"2,001 files"):
        pack(folder, tmp_path)


# ---- layouts


def test_a_package_with_its_skill_md_at_the_root_is_named_after_the_file(tmp_path: Path) -> None:
    package = make_zip(tmp_path / "a.skill", {"SKILL.md": HEAD, "scripts/run.py": "x", "empty/": ""})
    unpacked = unpack(package, tmp_path)
    assert (unpacked.name, tree(unpacked)) == ("a", {"SKILL.md": HEAD, "scripts/run.py": "x"})
    assert (unpacked / "empty").is_dir()


@pytest.mark.parametrize(("file", "name"), [("..skill", "skill"), ("...skill", "skill"), ("x\\y.skill", "skill")])
def test_a_file_name_that_is_no_folder_name_is_not_taken(tmp_path: Path, file: str, name: str) -> None:
    assert unpack(make_zip(tmp_path / file, {"SKILL.md": HEAD}), tmp_path).name == name


def test_folders_entries_dots_and_what_macos_adds_do_not_matter(tmp_path: Path) -> None:
    entries = {"a/": "", "./a/./SKILL.md": HEAD, "a//b": "x", "__MACOSX/a/._b": "", ".DS_Store": "", "a/.DS_Store": ""}
    unpacked = unpack(make_zip(tmp_path / "x.skill", entries), tmp_path)
    assert (unpacked.name, tree(unpacked)) == ("a", {"SKILL.md": HEAD, "b": "x"})


@pytest.mark.parametrize(
    "entries",
    [{}, {"a/b": ""}, {"a/SKILL.md": HEAD, "b/c": ""}, {"a/SKILL.md": HEAD, "b": ""}, {"a/b/SKILL.md": HEAD}],
)
def test_any_other_layout_is_refused(tmp_path: Path, entries: dict[str, str]) -> None:
    assert refused(make_zip(tmp_path / "x.skill", entries), tmp_path / "out") == "layout"


# ---- what an enemy writes


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/cron.d/x", "//host/x", "../x", "a/../../x", "a/..", "..", "a/../b"),
        *("..\\x", "a\\..\\..\\x", "\\x", "\\\\host\\x"),
        *("C:/x", "c:x", "C:\\x", "a/C:x", "a/new\nline", "a/bell\x07", "a/x\x7f"),
        *("‥/x", "a/‥/‥/x", "․․/x", "a／..／x", "／x", "＼x", "Ｃ：/x"),
        *("a/" * 40 + "x", "x" * 300, "é" * 200, ("x" * 200 + "/") * 6 + "x"),
    ],
)
def test_names_that_lead_anywhere_but_down_are_refused(tmp_path: Path, name: str) -> None:
    package = make_zip(tmp_path / "x.skill", {"a/SKILL.md": HEAD, name: "x"})
    assert refused(package, tmp_path / "out") == "name"


def test_a_package_with_the_backslashes_of_windows_opens(tmp_path: Path) -> None:
    entries = {"a\\SKILL.md": HEAD, "a\\scripts\\": "", "a\\scripts\\run.py": "x"}
    unpacked = unpack(make_zip(tmp_path / "x.skill", entries), tmp_path)
    assert tree(unpacked) == {"SKILL.md": HEAD, "scripts/run.py": "x"}
    twice = make_zip(tmp_path / "twice.skill", {"a/SKILL.md": HEAD, "a\\SKILL.md": HEAD})
    assert refused(twice, tmp_path / "out") == "duplicate"


def test_a_package_may_be_called_zip(tmp_path: Path) -> None:
    package = make_zip(tmp_path / "a.zip", {"a/SKILL.md": HEAD})
    assert [skill.name for skill in SkillRegistry([package], user=False, bundled=False).list()] == ["a"]


def test_a_name_that_ends_early_is_refused(tmp_path: Path) -> None:
    """zipfile ends a name at a zero byte, other tools do not."""
    package = make_zip(tmp_path / "x.skill", {"a/SKILL.md": HEAD, "a/xx.md": "x"})
    package.write_bytes(package.read_bytes().replace(b"a/xx.md", b"a/x\0.md"))
    assert refused(package, tmp_path / "out") == "name"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("x", "x"), ("x", "X"), ("straße", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("ﬁle", "file"), ("K", "k")),
        *(("d/x", "D/y"), ("d", "d/x"), ("d/x", "d"), ("d/", "d"), ("d", "D/x"), ("./x", "x"), ("d//x", "d/x")),
    ],
)
def test_two_spellings_of_one_path_are_refused(tmp_path: Path, first: str, second: str) -> None:
    package = make_zip(tmp_path / "x.skill", [("SKILL.md", HEAD.encode()), (first, b""), (second, b"")])
    assert refused(package, tmp_path / "out") == "duplicate"


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
@pytest.mark.parametrize("name", ["a/SKILL.md", "a/x"])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int, name: str) -> None:
    entries = [("a/SKILL.md", HEAD.encode())] if name == "a/x" else []
    package = make_zip(tmp_path / "x.skill", [*entries, (entry(name, kind | 0o777), b"/etc/passwd")])
    assert refused(package, tmp_path / "out") == "link"


def test_a_link_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    package = make_zip(
        tmp_path / "x.skill",
        [("SKILL.md", HEAD.encode()), (entry("d/", stat.S_IFLNK | 0o777), b"/tmp"), ("d/x", b"")],
    )
    assert refused(package, tmp_path / "out") == "link"


def test_a_file_never_gets_the_setuid_bit(tmp_path: Path) -> None:
    package = make_zip(tmp_path / "x.skill", [("SKILL.md", HEAD.encode()), (entry("x", stat.S_IFREG | 0o6777), b"")])
    assert (unpack(package, tmp_path) / "x").stat().st_mode & 0o7777 == 0o700


def flagged(path: Path, bits: int, method: int | None = None) -> Path:
    """The package with these bits set in the flags of each entry, in both headers."""
    data = bytearray(make_zip(path, {"a/SKILL.md": HEAD}).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = (int.from_bytes(data[at : at + 2], "little") | bits).to_bytes(2, "little")
        if method is not None:
            data[at + 2 : at + 4] = method.to_bytes(2, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("bits", [0x1, 0x41, 0x40, 0x2000])
def test_encrypted_entries_are_refused(tmp_path: Path, bits: int) -> None:
    assert refused(flagged(tmp_path / "x.skill", bits), tmp_path / "out") == "encrypted"


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 99])
def test_other_ways_to_compress_are_refused(tmp_path: Path, method: int) -> None:
    assert refused(flagged(tmp_path / "x.skill", 0, method), tmp_path / "out") == "compression"


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    entries = {f"a/{number}": "" for number in range(MAX_ENTRIES)}
    assert refused(make_zip(tmp_path / "x.skill", {**entries, "a/SKILL.md": HEAD}), tmp_path / "out") == "too-many"


def test_a_directory_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Half a million entries of the central directory that all mean the same few bytes."""
    data = make_zip(tmp_path / "x.skill", {"a/SKILL.md": HEAD}).read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    directory = data[start:end] * 500_000
    tail = bytearray(data[end:])
    tail[12:16] = len(directory).to_bytes(4, "little")
    (tmp_path / "x.skill").write_bytes(data[:start] + directory + tail)
    with pytest.raises(PackageError, match="more than 2,000 entries"):  # not "500,000 entries": they were not counted
        unpack(tmp_path / "x.skill", tmp_path)


def bomb(path: Path, size: int, claim: int | None = None) -> Path:
    """A package of few bytes that unpacks to many, and says so or claims another size."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/SKILL.md", HEAD)
        for name in ("a/x", "a/y"):
            archive.writestr(name, b"\0" * size)
    if claim is not None:
        path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), claim.to_bytes(4, "little")))
    return path


def test_bytes_are_counted_while_they_are_unpacked(tmp_path: Path) -> None:
    size = MAX_BYTES // 2 + 1
    assert refused(bomb(tmp_path / "x.skill", size), tmp_path / "out") == "too-large"
    assert refused(bomb(tmp_path / "x.skill", MAX_BYTES + 1), tmp_path / "out") == "too-large"


@pytest.mark.parametrize("claim", [0, 10, 0xFFFFFFF0])
def test_headers_that_lie_about_sizes_do_not_help(tmp_path: Path, claim: int) -> None:
    assert refused(bomb(tmp_path / "x.skill", MAX_BYTES + 1, claim), tmp_path / "out") in ("too-large", "bad-zip")


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.skill").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refused(tmp_path / "x.skill", tmp_path / "out") == "too-large"


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + bytes(18), HEAD.encode(), bytes(1_000)])
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.skill").write_bytes(data)
    assert refused(tmp_path / "x.skill", tmp_path / "out") in ("bad-zip", "layout")


def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.skill", tmp_path / "x\0.skill"):
        assert refused(path, tmp_path / "out") == "unreadable"


def test_a_wrong_checksum_leaves_nothing(tmp_path: Path) -> None:
    package = make_zip(tmp_path / "x.skill", {"a/SKILL.md": HEAD, "a/x": "good"})
    package.write_bytes(package.read_bytes().replace(b"good", b"evil"))
    assert refused(package, tmp_path / "out") == "bad-zip"


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    package = make_zip(tmp_path / "x.skill", {"SKILL.md": HEAD})
    (tmp_path / "file").touch()
    with pytest.raises(PackageError, match="cannot be unpacked into"):
        unpack(package, tmp_path / "file")


# ---- any archive


PART = st.sampled_from(["a", "A", "b", "..", ".", "", "SKILL.md", "C:", "~", "‥", "ß", "ss", "__MACOSX"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=4
)
PATHS = st.one_of(
    st.lists(PART, max_size=5).map("/".join),
    st.lists(PART, max_size=4).map("\\".join),
    st.sampled_from(["a/SKILL.md", "SKILL.md", "a/b", "/", "a/"]),
)
MODES = st.sampled_from([0, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFIFO, 0o7777])
GOOD = st.tuples(st.sampled_from(["b", "c/d", "c/é/技", "c/", "e f"]), st.sampled_from([0, stat.S_IFREG | 0o755]))
ENTRY = st.tuples(GOOD | GOOD | st.tuples(PATHS, MODES), st.sampled_from([b"", b"x", HEAD.encode(), b"/etc/passwd"]))
ENTRIES = st.lists(ENTRY.map(lambda entry: (*entry[0], entry[1])), max_size=4)
DAMAGE = st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), max_size=3)


def written(entries: list[tuple[str, int, bytes]], damage: list[tuple[int, int]]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, mode, data in entries:
            archive.writestr(entry(name or ".", mode), data)
    data = bytearray(buffer.getvalue())
    for at, value in damage:
        data[at % len(data)] = value
    return bytes(data)


CODES = {"", "name", "duplicate", "link", "encrypted", "compression", "too-many", "too-large", "layout", "bad-zip"}
T = TypeVar("T")


def outcome(call: Callable[[Path, Path], T], path: Path, into: Path) -> tuple[T | None, str]:
    """What a call returns, or the code with which it refuses; zipfile's warnings are not errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(path, into), ""
        except PackageError as error:
            return None, error.code


def everything(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        yield from (Path(root, name) for name in (*folders, *files))


@pytest.mark.parametrize("examples", EXAMPLES)
def test_any_archive_is_unpacked_below_its_fresh_folder_or_refused_without_a_trace(
    tmp_path: Path, examples: int
) -> None:
    """And what is unpacked are plain files and folders that are their owner's alone."""
    package, out = tmp_path / "x.skill", tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    counts = {"unpacked": 0}

    @settings(max_examples=examples)
    @given(ENTRIES, DAMAGE | st.just([]), st.booleans())
    def check(entries: list[tuple[str, int, bytes]], damage: list[tuple[int, int]], has_skill: bool) -> None:
        first = [("SKILL.md", 0, HEAD.encode())] if has_skill else []
        package.write_bytes(written([*first, *entries], damage))
        folder, code = outcome(unpack, package, out)
        assert code in CODES
        if folder is not None:
            counts["unpacked"] += 1
            assert folder.parent.parent == out
            assert (folder / "SKILL.md").is_file() or (folder / "skill.md").is_file()
            for path in everything(folder.parent):
                status = path.lstat()
                assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
                assert not status.st_mode & 0o7077
            shutil.rmtree(folder.parent)
        assert list(everything(tmp_path)) == [tmp_path / "deep", package, out]

    check()
    assert counts["unpacked"] > examples // 20, "most are refused, but not all"


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=5)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_what_was_packed_comes_back_the_same(tmp_path: Path, examples: int) -> None:
    @settings(max_examples=examples)
    @given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=4))
    def check(files: dict[str, bytes]) -> None:
        folder = make_skill(tmp_path)
        for name, data in files.items():
            path = folder / "data" / name
            if name not in (".", ".."):
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
        before = {path.relative_to(folder): path.read_bytes() for path in everything(folder) if path.is_file()}
        package, code = outcome(pack, folder, tmp_path)
        assert code in ("", "name", "duplicate")
        if package is not None:
            back = unpack(package.path, tmp_path)
            kept = {path.relative_to(back): path.read_bytes() for path in everything(back) if path.is_file()}
            assert kept == {path: data for path, data in before.items() if path.as_posix() in package.entries}
            shutil.rmtree(back.parent)
        shutil.rmtree(folder)

    check()


# ---- packages given as paths


def test_a_package_is_unpacked_once_for_each_content(tmp_path: Path, conjure_home: Path) -> None:
    package = make_zip(tmp_path / "a.skill", {"a/SKILL.md": HEAD})
    content = package.read_bytes()
    first = open_package(package)
    assert first.parent.parent == conjure_home / "packages"
    written_at = (first / "SKILL.md").stat().st_ino
    assert open_package(package) == first
    assert (first / "SKILL.md").stat().st_ino == written_at
    make_zip(package, {"a/SKILL.md": HEAD.replace("something", "otherwise")})
    assert open_package(package) != first
    (first / "SKILL.md").unlink()
    package.write_bytes(content)
    assert open_package(package) == first, "and again if it is not whole"
    assert load_skill(first).description == "does something"


def test_kernels_that_unpack_at_once_share_one_folder(tmp_path: Path, conjure_home: Path) -> None:
    package = make_zip(tmp_path / "a.skill", {"a/SKILL.md": HEAD})
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(open_package(package))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(list((conjure_home / "packages").iterdir())) == 1


def test_a_registry_takes_packages_as_paths(tmp_path: Path) -> None:
    package = pack(make_skill(tmp_path, "scripts/run.py"), tmp_path).path
    registry = SkillRegistry([package], user=False, bundled=False)
    skill = registry.get("a")
    assert (skill.scope, registry.findings) == ("given", ())
    assert (skill.directory / "scripts" / "run.py").read_text() == "content of scripts/run.py"


def test_a_refused_package_is_reported_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "x.skill").write_text("no package")
    with pytest.raises(SkillError, match=r"x\.skill"):
        SkillRegistry([tmp_path / "x.skill"], user=False, bundled=False)


def test_a_rewritten_package_is_a_change_and_a_broken_one_keeps_its_last_good_state(tmp_path: Path) -> None:
    package = make_zip(tmp_path / "a.skill", {"a/SKILL.md": HEAD})
    registry = SkillRegistry([package], user=False, bundled=False)
    assert not registry.reload()
    make_zip(package, {"a/SKILL.md": HEAD.replace("something", "otherwise")})
    assert registry.reload().changed == ("a",)
    assert registry.get("a").description == "does otherwise"
    package.write_text("half of it")
    assert registry.reload().broken == ("a",)
    assert registry.get("a").description == "does otherwise"
    assert [finding.code for finding in registry.findings] == ["bad-zip", "kept"]
    make_zip(package, {"a/SKILL.md": HEAD})
    assert registry.reload().changed == ("a",)
    assert registry.findings == ()
    package.unlink()
    assert registry.reload().removed == ("a",)
