"""Created files: cards, downloads with equal bytes, limits, bounded previews."""

from __future__ import annotations

import base64
import dataclasses
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hostile import read_html
from render.made import LIMITS, PIXEL, artifact, turn

from conjure_magic.artifacts import Artifact
from conjure_magic.render import render_artifact, render_pictures, render_turn
from conjure_magic.render.files import CARDS, LISTED
from conjure_magic.render.previews import HEAD, preview_file

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><title>Errors &amp; "peaks"</title></svg>'


def links(html: str) -> list[dict[str, str]]:
    return [given for tag, given in read_html(html)[0] if tag == "a"]


def carried(html: str) -> list[bytes]:
    """The bytes of each download that travels inside the page."""
    marker = "base64,"
    return [base64.b64decode(a["href"].split(marker)[1]) for a in links(html) if marker in a["href"]]


def shown(*files: Artifact, **limits: Any) -> str:
    html: str = render_turn(turn(files=files), replace(LIMITS, **limits))["text/html"]
    return html


@pytest.mark.parametrize("data", [b"", bytes(range(256)) * 40, "ümläut\r\n".encode(), PIXEL, SVG])
def test_a_download_has_the_files_own_bytes_and_name(data: bytes, tmp_path: Path) -> None:
    (link,) = links(shown(artifact(tmp_path, "sub/a b.bin", data)))
    assert base64.b64decode(link["href"].removeprefix("data:application/octet-stream;base64,")) == data
    assert link["download"] == "a b.bin"


def test_a_file_above_the_limit_is_linked_relative_to_the_notebook(tmp_path: Path) -> None:
    html = shown(artifact(tmp_path, "ü #1?.bin", b"x" * 1001), file_bytes=1000)
    (link,) = links(html)
    assert unquote(link["href"]) == "made/ü #1?.bin"
    assert "#" not in link["href"]
    assert carried(html) == []


def test_a_file_of_just_the_limit_travels(tmp_path: Path) -> None:
    assert carried(shown(artifact(tmp_path, "a.bin", b"x" * 1000), file_bytes=1000)) == [b"x" * 1000]


def test_the_files_of_a_cell_share_a_limit(tmp_path: Path) -> None:
    files = [artifact(tmp_path, f"{n}.bin", b"x" * 400) for n in range(4)]
    html = shown(*files, cell_bytes=1000)
    assert len(carried(html)) == 2
    assert [link["href"] for link in links(html)[2:]] == ["made/2.bin", "made/3.bin"]


def test_a_picture_counts_twice_since_it_is_shown_and_downloaded(tmp_path: Path) -> None:
    made = artifact(tmp_path, "a.svg", SVG)
    assert "<img" in shown(made, cell_bytes=2 * len(SVG))
    assert "<img" not in shown(made, cell_bytes=2 * len(SVG) - 1)


def test_the_saved_path_stands_in_words(tmp_path: Path) -> None:
    bundle = render_turn(turn(files=(artifact(tmp_path, "a.txt", b"x"),)), LIMITS)
    assert "saved as made/a.txt" in read_html(bundle["text/html"])[1]
    assert "saved as `made/a.txt`" in bundle["text/markdown"]
    assert "saved as made/a.txt" in bundle["text/plain"]


@pytest.mark.parametrize("place", ["/elsewhere/a.txt", "../a.txt", ""])
def test_a_place_that_no_link_of_a_notebook_reaches_gets_words_only(place: str, tmp_path: Path) -> None:
    made = dataclasses.replace(artifact(tmp_path, "a.bin", b"x" * 10), shown_path=place)
    assert links(shown(made, file_bytes=1)) == []


def test_new_and_changed_files_are_distinguished(tmp_path: Path) -> None:
    html = shown(artifact(tmp_path, "a.bin", b"x"), artifact(tmp_path, "b.bin", b"x", "changed"))
    text = read_html(html)[1]
    assert "1 B · new" in text
    assert "1 B · changed" in text
    assert "<b>changed</b>" in html


def test_an_svg_is_shown_through_img_with_its_own_title(tmp_path: Path) -> None:
    html = shown(artifact(tmp_path, "a.svg", SVG))
    (img,) = [given for tag, given in read_html(html)[0] if tag == "img"]
    assert img["alt"] == 'Errors & "peaks"'
    assert img["src"] == "data:image/svg+xml;base64," + base64.b64encode(SVG).decode()
    assert "background:#fff" in img["style"]
    assert "<svg" not in html


def test_a_raster_picture_is_an_output_of_its_own_and_not_shown_twice(tmp_path: Path) -> None:
    result = turn(files=(artifact(tmp_path, "a.png", PIXEL), artifact(tmp_path, "b.svg", SVG)))
    (bundle,) = render_pictures(result, LIMITS)
    assert base64.b64decode(bundle["image/png"]) == PIXEL
    assert "Image a.png" in bundle["text/plain"]
    html = render_turn(result, LIMITS, whole=False)["text/html"]
    assert [given["src"][:14] for tag, given in read_html(html)[0] if tag == "img"] == ["data:image/svg"]
    assert "shown below" in html
    assert "shown below" not in render_turn(result, LIMITS)["text/html"]


def test_what_only_claims_to_be_a_picture_is_not_shown_as_one(tmp_path: Path) -> None:
    result = turn(files=(artifact(tmp_path, "a.png", b"<script>"),))
    assert render_pictures(result, LIMITS) == []
    assert "<img" not in render_turn(result, LIMITS)["text/html"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"h,i\n1,2\n3,4\n5,6\n", "3 rows × 2 columns"),
        ("a.tsv", b"h\ti\n1,5\t2\n", "1 row × 2 columns"),
        ("a.csv", b"h;i;j\n1,5;2;3\n", "1 row × 3 columns"),
        ("a.csv", b"h\n1\n2\n", "2 rows × 1 column"),
        ("a.csv", b'h,i\n"a\nb",2\n', "1 row × 2 columns"),
        ("a.json", b"{}", "JSON"),
        ("a.md", b"# x", "Markdown"),
        ("a.log", b"x", "text"),
        ("a.pdf", b"%PDF", "PDF"),
        ("a.unknown", b"\x00\x01", "application/octet-stream"),
        ("a.unknown", b"words", "text"),
        ("a.svg", SVG, "image"),
    ],
)
def test_a_file_is_described_by_its_type(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    assert preview_file(artifact(tmp_path, name, data), 1000).words == words


def test_a_table_shows_its_first_rows_and_says_what_is_left_out(tmp_path: Path) -> None:
    rows = "\n".join(",".join(f"{row}-{column}" for column in range(20)) for row in range(31))
    elements, text = read_html(shown(artifact(tmp_path, "a.csv", rows.encode())))
    assert [given["scope"] for tag, given in elements if tag == "th"] == ["col"] * 12
    assert "30 rows × 20 columns" in text
    assert "10-11" in text
    assert "11-0" not in text
    assert "0-12" not in text
    assert "the first 10 rows and the first 12 columns" in text


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.md", "a.log"])
def test_a_text_shows_its_beginning_and_says_so(name: str, tmp_path: Path) -> None:
    data = "\n".join(f"line {n}" for n in range(1, 101))
    text = read_html(shown(artifact(tmp_path, name, data.encode())))[1]
    assert "line 20\n" in text
    assert "line 21" not in text
    assert "the beginning of 100 lines" in text


def test_a_short_text_is_shown_whole(tmp_path: Path) -> None:
    text = read_html(shown(artifact(tmp_path, "a.txt", b"one\ntwo\n")))[1]
    assert "one\ntwo" in text
    assert "beginning" not in text


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_of_a_large_file_only_the_beginning_is_read(name: str, tmp_path: Path) -> None:
    """The file is sparse: a gigabyte, were it read."""
    path = tmp_path / name
    path.write_bytes(b"h,i\n" + b"1,\xc3\xa9\n" * HEAD)
    size = 1 << 30
    os.truncate(path, size)
    made = Artifact(name, artifact(tmp_path, f"x{name}", b"").media_type, size, "", "local", "t1", "new", path, name)
    preview = preview_file(made, 512_000)
    assert preview.data is None
    assert preview.more.startswith(("the first 10 rows", "the beginning"))
    if name == "a.csv":
        assert preview.words.startswith("more than ")
        assert preview.tables[0].rows[1] == ("1", "é")


def test_a_file_that_is_gone_or_changed_since_is_not_passed_off_as_the_turns_own(tmp_path: Path) -> None:
    gone, changed = artifact(tmp_path, "gone.txt", b"a"), artifact(tmp_path, "changed.txt", b"a")
    os.unlink(tmp_path / "gone.txt")
    (tmp_path / "changed.txt").write_bytes(b"b")
    html = shown(gone, changed)
    assert carried(html) == []
    assert "no longer exists" in html
    assert "changed since the turn" in html


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_has_become_no_regular_file_is_not_read(kind: str, tmp_path: Path) -> None:
    """A command can swap a file it made; a link to a secret, or a FIFO that blocks."""
    made = artifact(tmp_path, "a.txt", b"secret")
    path = tmp_path / "a.txt"
    path.rename(tmp_path / "b.txt")
    {"link": lambda: path.symlink_to("b.txt"), "fifo": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    assert preview_file(made, 1000).problem == "no longer exists"


def test_too_many_files_for_cards_are_listed_and_then_counted(tmp_path: Path) -> None:
    made = artifact(tmp_path, "a.bin", b"x")
    files = tuple(dataclasses.replace(made, name=f"{n}.bin") for n in range(CARDS + LISTED + 7))
    bundle = render_turn(turn(files=files), LIMITS)
    assert len(links(bundle["text/html"])) == CARDS
    for text in (bundle["text/html"], bundle["text/markdown"], bundle["text/plain"]):
        assert f"\n{CARDS + LISTED - 1}.bin" in re.sub("<li>|- ", "\n", text)
        assert f"{CARDS + LISTED}.bin" not in text
        assert "and 7 more files" in text


def test_one_file_alone_is_its_card(tmp_path: Path) -> None:
    bundle = render_artifact(artifact(tmp_path, "a.csv", b"h,i\n1,2\n"), LIMITS)
    assert set(bundle) == {"text/html", "text/markdown", "text/plain"}
    assert carried(bundle["text/html"]) == [b"h,i\n1,2\n"]
    assert "| h | i |" in bundle["text/markdown"]


# ---- files that are elsewhere


def elsewhere(folder: Path, data: bytes, fetch: Any) -> Artifact:
    made = artifact(folder, "remote.csv", data)
    return dataclasses.replace(made, path=None, sha256="", fetch=fetch)


def test_a_file_that_is_elsewhere_is_fetched_once_it_is_shown(tmp_path: Path) -> None:
    asked: list[int] = []

    def fetch() -> Path:
        asked.append(1)
        return tmp_path / "remote.csv"

    file = elsewhere(tmp_path, b"a,b\n1,2\n", fetch)
    html = shown(file)
    assert carried(html) == [b"a,b\n1,2\n"]
    assert "saved as made/remote.csv" in read_html(html)[1]
    assert asked == [1]


def test_a_large_file_that_is_elsewhere_stays_there(tmp_path: Path) -> None:
    def fetch() -> Path:
        raise AssertionError("it must not be fetched")

    html = shown(elsewhere(tmp_path, b"x" * 1_001, fetch), file_bytes=1_000)
    assert "result.files[…].save(…)" in html
    assert "saved as" not in html
    assert links(html) == []


def test_what_cannot_be_fetched_says_why(tmp_path: Path) -> None:
    def fetch() -> Path:
        raise FileNotFoundError("the file file_1 cannot be fetched: File has expired")

    bundle = render_artifact(elsewhere(tmp_path, b"x", fetch), LIMITS)
    assert all("File has expired" in bundle[kind] for kind in ("text/html", "text/markdown", "text/plain"))
    assert links(bundle["text/html"]) == []
