"""Listings as MIME bundles: a title, labelled values and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from conjure_magic.artifacts import Artifact
from conjure_magic.characters import exact
from conjure_magic.render import style
from conjure_magic.render.files import cards, render_cards, render_cards_markdown, render_cards_text
from conjure_magic.render.limits import DisplayLimits
from conjure_magic.render.safe_markdown import escape_markdown
from conjure_magic.render.text import escape, one_line

Cell = object
TEXT_CELL = 60
"""Maximum characters of a cell in a plain text table, except in its last column."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a header; `empty` is shown if there are no rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    empty: str = "none"


def render_state(
    title: str = "", values: Iterable[tuple[str, Cell]] = (), tables: Iterable[Table] = (), note: str = ""
) -> dict[str, Any]:
    """A bundle (HTML, Markdown, plain text) of a title, labelled values, tables and a closing note, in that order."""
    pairs = [(exact(label), _text(value)) for label, value in values]
    tables = list(tables)
    html = [f'<div><b style="font-size:15px">{escape(exact(title))}</b></div>'] if title else []
    html += [_pairs_html(pairs)] if pairs else []
    html += [_table_html(table) for table in tables]
    html += [f'<div style="margin-top:8px;{style.SMALL}">{escape(exact(note))}</div>'] if note else []
    markdown = [f"**{escape_markdown(exact(title))}**"] if title else []
    markdown += ["\n".join(f"- {_md(label)}: {_md(value)}" for label, value in pairs)] if pairs else []
    markdown += [_table_markdown(table) for table in tables]
    markdown += [escape_markdown(exact(note))] if note else []
    text = [exact(title)] if title else []
    width = max((len(label) for label, _ in pairs), default=0)
    text += [f"  {label:<{width}}  {value}" for label, value in pairs]
    text += [_table_text(table) for table in tables]
    text += [exact(note)] if note else []
    return {
        "text/html": style.page("\n".join(html)),
        "text/markdown": "\n\n".join(markdown),
        "text/plain": "\n".join(text),
    }


def render_rows(rows: Sequence[Sequence[Cell]], header: Sequence[str], title: str = "") -> dict[str, Any]:
    """A bundle of one table."""
    return render_state(tables=[Table(header, rows, title)])


def render_artifact(artifact: Artifact, limits: DisplayLimits) -> dict[str, Any]:
    """A bundle of one file: its card."""
    found = cards([artifact], limits.file_bytes, limits.cell_bytes, apart=False)
    return {
        "text/html": style.page(render_cards(found)),
        "text/markdown": render_cards_markdown(found),
        "text/plain": render_cards_text(found),
    }


def _text(value: Cell) -> str:
    return exact("" if value is None else f"{value:,}" if type(value) is int else str(value))


def _md(text: str) -> str:
    return escape_markdown(text).replace("\n", " ")


def _pairs_html(pairs: list[tuple[str, str]]) -> str:
    head = f"padding:2px 16px 2px 0;text-align:left;vertical-align:top;white-space:nowrap;font-weight:400;{style.SOFT}"
    # Line breaks matter in a value such as a system prompt.
    body = "".join(
        f'<tr><th scope="row" style="{head}">{escape(label)}</th>'
        f'<td style="padding:2px 0;text-align:left;white-space:pre-wrap">{escape(value)}</td></tr>\n'
        for label, value in pairs
    )
    return f'<table style="border-collapse:collapse;margin:6px 0;font-size:13px">{body}</table>'


def _table_html(table: Table) -> str:
    title = f'<div style="margin-top:10px"><b>{escape(exact(table.title))}</b></div>' if table.title else ""
    if not table.rows:
        return f'{title}<div style="{style.SOFT}">{escape(exact(table.empty))}</div>'
    rows = "\n".join(
        "<tr>" + "".join(f'<td style="{style.CELL}{_right(v)}">{escape(_text(v))}</td>' for v in row) + "</tr>"
        for row in table.rows
    )
    return title + style.table(style.heads(map(exact, table.header)) + rows, "font-size:13px")


def _right(value: Cell) -> str:
    return ";text-align:right" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _table_markdown(table: Table) -> str:
    title = f"**{escape_markdown(exact(table.title))}**\n\n" if table.title else ""
    if not table.rows:
        return title + escape_markdown(exact(table.empty))
    lines = ["| " + " | ".join(_md(exact(h)) for h in table.header) + " |", "|" + "---|" * len(table.header)]
    lines += ["| " + " | ".join(_md(_text(value)) for value in row) + " |" for row in table.rows]
    return title + "\n".join(lines)


def _text_row(row: Sequence[Cell]) -> list[str]:
    """The cells on one line; all but the last are shortened, since a terminal would wrap the row."""
    cells = [_text(value).replace("\n", " ") for value in row]
    return [*(one_line(cell, TEXT_CELL) for cell in cells[:-1]), *cells[-1:]]


def _table_text(table: Table) -> str:
    lines = [exact(table.title)] if table.title else []
    if not table.rows:
        return "\n".join([*lines, f"  {exact(table.empty)}"])
    rows = [[exact(h) for h in table.header], *(_text_row(row) for row in table.rows)]
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(len(table.header))]
    lines += ["  " + "  ".join(f"{v:<{w}}" for v, w in zip(row, widths, strict=False)).rstrip() for row in rows]
    return "\n".join(lines)
