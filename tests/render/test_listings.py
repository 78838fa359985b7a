"""Small state: titles, labelled values, tables."""

from __future__ import annotations

from hostile import read_html

from conjure_magic.render import Table, render_rows, render_state


def test_a_state_has_its_parts_in_order_in_every_type() -> None:
    bundle = render_state(
        "Title", [("label", "value"), ("count", 1234)], [Table(("name",), [("cell",)], "Things")], "note"
    )
    for text in (read_html(bundle["text/html"])[1], bundle["text/markdown"], bundle["text/plain"]):
        places = [text.find(part) for part in ("Title", "label", "value", "1,234", "Things", "name", "cell", "note")]
        assert -1 not in places
        assert places == sorted(places)


def test_headers_say_what_they_head() -> None:
    elements, _ = read_html(render_state("", [("label", 1)], [Table(("name",), [("cell",)])])["text/html"])
    assert [given["scope"] for tag, given in elements if tag == "th"] == ["row", "col"]


def test_an_empty_table_says_so() -> None:
    for text in render_state(tables=[Table(("name",), [], empty="no session yet")]).values():
        assert "no session yet" in text


def test_a_table_of_plain_text_is_aligned() -> None:
    text = render_rows([("a", 1), ("long name", 2)], ("name", "n"))["text/plain"]
    assert text == "  name       n\n  a          1\n  long name  2"


def test_a_long_cell_is_cut_in_plain_text_alone() -> None:
    bundle = render_rows([("word " * 50, "/path" * 30)], ("about", "folder"))
    assert "word " * 50 in bundle["text/html"]
    assert "/path" * 30 in bundle["text/plain"]
    header, row = bundle["text/plain"].split("\n")
    assert row.index("/path") == header.index("folder") < 70


def test_a_row_stays_one_row_whatever_its_cells_hold() -> None:
    bundle = render_rows([("a\nb|c", None)], ("name", "n"))
    assert bundle["text/markdown"].split("\n")[2] == "| a b\\|c |  |"
    assert "a b|c" in bundle["text/plain"]
