"""Created files: a card each, with what it is, a Download, where it is saved, and the thing itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from conjure_magic.artifacts import Artifact
from conjure_magic.characters import exact
from conjure_magic.phrases import counted, file_size, shortened
from conjure_magic.render import style
from conjure_magic.render.markdown_source import code_block, code_span, escape_inline, escape_markdown
from conjure_magic.render.previews import Grid, Look, look_at
from conjure_magic.render.text import escape, one_line

CARDS = 24
"""Files that get a card; the rest are listed."""
LISTED = 200
"""Files that are listed after the cards; the rest are counted."""
PAGE_WIDTH = 440
"""Pixels of the picture of a page, which is to be recognised rather than read."""
OWN_OUTPUT = ("image/png", "image/jpeg")
"""Pictures that every front end and exporter can show as an output of their own."""


@dataclass(frozen=True, slots=True)
class Card:
    """A file with what was seen of it, and how it may be reached from the output."""

    artifact: Artifact
    look: Look
    travels: bool
    """True if its bytes travel inside the output."""
    apart: bool
    """True if its picture is an output of its own."""

    @property
    def name(self) -> str:
        """The path in the workspace, fit to be shown."""
        return one_line(self.artifact.name, 200)

    @property
    def told(self) -> str:
        """What it is, its size, whether it is new."""
        return f"{one_line(self.look.words, 80)} · {file_size(self.artifact.size)} · {self.artifact.change}"

    @property
    def saved(self) -> str:
        """Where it is, in words; empty if it is elsewhere still."""
        if self.is_elsewhere:
            return ""
        place = self.artifact.shown_path or (str(self.artifact.path) if self.artifact.path else "")
        return f"saved as {one_line(place, 400)}" if place else ""

    @property
    def is_elsewhere(self) -> bool:
        """True for a file that is not on this machine, and was not fetched."""
        return self.artifact.path is None and bool(self.look.problem)

    @property
    def alt(self) -> str:
        """What stands for the picture where it cannot be seen."""
        return one_line(self.look.text, 200) or f"Picture {self.name}"


def cards(files: Iterable[Artifact], file_bytes: int, cell_bytes: int, *, apart: bool) -> list[Card]:
    """The files as cards, the first `CARDS` of them looked at; bytes travel until the cell's limit is reached.

    A picture that is shown and can be downloaded travels twice, and counts twice.
    """
    out, left = [], cell_bytes
    for index, artifact in enumerate(files):
        if index >= CARDS:
            out.append(Card(artifact, Look("other", artifact.media_type), travels=False, apart=False))
            continue
        look = look_at(artifact, file_bytes)
        cost = artifact.size * (2 if look.kind in ("picture", "svg") else 1)
        travels = look.data is not None and cost <= left
        left -= cost if travels else 0
        if len(look.page) > left:
            look = replace(look, page=b"")
        left -= len(look.page)
        own = apart and travels and look.kind == "picture" and artifact.media_type in OWN_OUTPUT
        out.append(Card(artifact, look, travels, own))
    return out


def render_cards(found: list[Card]) -> str:
    """The cards as HTML, and a short list of what is too many for cards."""
    html = "\n".join(_card(card) for card in found[:CARDS])
    rest = found[CARDS:]
    if not rest:
        return html
    lines = "".join(f"<li>{escape(f'{_line(card)}')}</li>" for card in rest[:LISTED])
    more = f"<li>and {counted(len(rest) - LISTED, 'more file')}</li>" if len(rest) > LISTED else ""
    return f'{html}\n<div>{counted(len(rest), "more file")}</div><ul style="{style.SMALL}">{lines}{more}</ul>'


def _line(card: Card) -> str:
    return f"{card.name} ({file_size(card.artifact.size)}, {card.artifact.change}) {card.saved}".rstrip()


def _card(card: Card) -> str:
    told = escape(card.told)
    if card.artifact.change == "changed":
        told = told.removesuffix("changed") + "<b>changed</b>"
    head = (
        f'<b dir="auto" style="{style.MONO_FONT}">{escape(card.name)}</b> {style.span(told, style.SOFT)} '
        f'<span style="margin-left:auto">{_download(card)}</span>'
    )
    bar = f"display:flex;flex-wrap:wrap;gap:0 8px;align-items:baseline;padding:6px 10px;border-bottom:{style.HAIRLINE}"
    saved = f'<div style="padding:3px 10px;{style.SMALL}">{escape(card.saved)}</div>' if card.saved else ""
    frame = f"border:{style.LINE};border-radius:6px;margin:10px 0;overflow:hidden"
    inside = "\n".join(filter(None, (f'<div style="{bar}">{head}</div>', _view(card), saved)))
    return f'<div style="{frame}">{inside}</div>'


def _download(card: Card) -> str:
    """The link: with the bytes inside, or relative to the notebook, or none where neither can work."""
    basename = card.artifact.name.rsplit("/", 1)[-1]
    name = escape(re.sub(r"[\x00-\x1f\x7f]", "_", exact(basename)))
    if card.travels and card.look.data is not None:
        data = base64.b64encode(card.look.data).decode("ascii")
        # One type for all: the browser is to save it, never to interpret it.
        return f'<a download="{name}" href="data:application/octet-stream;base64,{data}">Download</a>'
    path = card.artifact.shown_path
    if (
        card.look.problem == "no longer there"
        or card.is_elsewhere
        or not path
        or path.startswith("/")
        or ".." in path.split("/")
    ):
        return ""
    return f'<a download="{name}" href="{escape(quote(path.encode("utf-8", "surrogateescape")))}">Download</a>'


def _view(card: Card) -> str:
    look = card.look
    padded = "padding:4px 10px"
    if look.problem:
        return f'<div style="{padded}">{escape(look.problem)}</div>'
    if card.apart:
        return f'<div style="{padded};{style.SMALL}">shown below</div>'
    if look.kind in ("picture", "svg"):
        return _picture(card) if card.travels else f'<div style="{padded}">too large to be shown here</div>'
    if look.kind == "pages" and look.page:
        sheet = f"max-width:{PAGE_WIDTH}px;margin:8px 10px;border:{style.HAIRLINE}"
        return f'<div style="{sheet}">{_img("image/png", look.page, f"First page of {card.name}")}</div>'
    if look.kind in ("table", "workbook"):
        return "\n".join(filter(None, (*map(_grid, look.grids), _more(look.more))))
    if look.kind == "text" and look.text.strip():
        return f'<div style="padding:0 10px">{style.box(exact(look.text))}</div>\n{_more(look.more)}'
    return ""


def _more(words: str) -> str:
    return f'<div style="padding:3px 10px;{style.SMALL}">{escape(words)}</div>' if words else ""


def _picture(card: Card) -> str:
    return _img(card.artifact.media_type, card.look.data or b"", card.alt)


def _img(media_type: str, data: bytes, alt: str) -> str:
    """A picture as `<img>`, in which no script of an SVG runs; on white, as charts expect, and never enlarged."""
    source = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    picture = "display:block;max-width:100%;background:#fff"
    return f'<div style="max-width:640px"><img alt="{escape(alt)}" style="{picture}" src="{source}"></div>'


def _grid(grid: Grid) -> str:
    title = f'<div style="padding:4px 10px"><b>{escape(exact(grid.title))}</b></div>' if grid.title else ""
    if not grid.rows:
        return title
    header, *rows = grid.rows
    body = "\n".join(
        "<tr>" + "".join(f'<td style="{style.CELL}">{escape(exact(value))}</td>' for value in row) + "</tr>"
        for row in rows
    )
    table = style.table(style.heads(map(exact, header)) + body, "width:100%;font-size:12px")
    return "\n".join(filter(None, (title, table, _more(grid.more))))


def render_cards_markdown(found: list[Card]) -> str:
    """The files as Markdown: name, what it is, where it is saved, the beginning of a text or table."""
    parts = [_card_markdown(card) for card in found[:CARDS]]
    rest = [f"- {escape_inline(_line(card))}" for card in found[CARDS : CARDS + LISTED]]
    if len(found) > CARDS + LISTED:
        rest.append(f"- and {counted(len(found) - CARDS - LISTED, 'more file')}")
    return "\n\n".join([*parts, *(["\n".join(rest)] if rest else [])])


def _card_markdown(card: Card) -> str:
    lines = [f"**{escape_inline(card.name)}** {escape_inline(card.told)}"]
    look = card.look
    if look.problem:
        lines.append(escape_markdown(look.problem))
    elif look.kind == "svg" and look.text:
        lines.append(escape_markdown(one_line(look.text, 200)))
    elif look.kind in ("table", "workbook"):
        for grid in look.grids:
            title = f"**{escape_markdown(one_line(grid.title, 200))}**" if grid.title else ""
            lines += [title, _table_markdown(grid.rows), escape_markdown(grid.more)]
        lines.append(escape_markdown(look.more))
    elif look.kind == "text" and look.text.strip():
        lines += [code_block(shortened(exact(look.text), 1_000)), escape_markdown(look.more)]
    lines.append(f"saved as {code_span(card.saved.removeprefix('saved as '))}" if card.saved else "")
    return "\n\n".join(line for line in lines if line)


def _table_markdown(rows: tuple[tuple[str, ...], ...]) -> str:
    if not rows:
        return ""
    width = max(len(row) for row in rows)

    def line(row: tuple[str, ...]) -> str:
        padded = (*row, *[""] * (width - len(row)))
        return "| " + " | ".join(escape_markdown(one_line(value, 80)) for value in padded) + " |"

    header, *rest = rows
    return "\n".join([line(header), "|" + "---|" * width, *map(line, rest)])


def render_cards_text(found: list[Card]) -> str:
    """The files as lines of plain text."""
    lines = [f"{card.name}: {card.told}; {card.look.problem or card.saved}" for card in found[: CARDS + LISTED]]
    more = len(found) - len(lines)
    return "\n".join([*lines, *([f"and {counted(more, 'more file')}"] if more > 0 else [])])


def picture_bundle(card: Card) -> dict[str, Any]:
    """A picture as an output of its own: its bytes, and its name for where it cannot be seen."""
    data = base64.b64encode(card.look.data or b"").decode("ascii")
    return {card.artifact.media_type: data, "text/plain": f"{card.alt} ({card.told}; {card.saved})"}
