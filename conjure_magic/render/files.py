"""Created files: each gets a card with its type, a download link, its path, and a preview."""

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
from conjure_magic.render.previews import GONE, Preview, TablePreview, preview_file
from conjure_magic.render.safe_markdown import code_block, code_span, escape_inline, escape_markdown
from conjure_magic.render.text import escape, one_line

CARDS = 24
"""Files that get a card; the rest are listed."""
LISTED = 200
"""Files that are listed after the cards; the rest are counted."""
PAGE_WIDTH = 440
"""Width in pixels of the image of a page, which is meant to be recognised rather than read."""
OWN_OUTPUT = ("image/png", "image/jpeg")
"""Images that every front end and exporter can show as a separate output."""


@dataclass(frozen=True, slots=True)
class Card:
    """A file with its preview, and how the output refers to it."""

    artifact: Artifact
    preview: Preview
    is_embedded: bool
    """True if its bytes are embedded in the output."""
    apart: bool
    """True if its image is a separate output."""

    @property
    def name(self) -> str:
        """The path in the workspace, safe to display."""
        return one_line(self.artifact.name, 200)

    @property
    def summary(self) -> str:
        """Its type, its size, and whether it is new."""
        return f"{one_line(self.preview.words, 80)} · {file_size(self.artifact.size)} · {self.artifact.change}"

    @property
    def saved(self) -> str:
        """Where it is saved, as text; empty if it is not on this machine."""
        if self.is_elsewhere:
            return ""
        place = self.artifact.shown_path or (str(self.artifact.path) if self.artifact.path else "")
        return f"saved as {one_line(place, 400)}" if place else ""

    @property
    def is_elsewhere(self) -> bool:
        """True for a file that is not on this machine and was not downloaded."""
        return self.artifact.path is None and bool(self.preview.problem)

    @property
    def alt(self) -> str:
        """The alternative text of an image."""
        return one_line(self.preview.text, 200) or f"Image {self.name}"


def cards(files: Iterable[Artifact], file_bytes: int, cell_bytes: int, *, apart: bool) -> list[Card]:
    """The files as cards, the first `CARDS` with a preview; they are embedded until the cell's limit is reached.

    An image that is both shown and downloadable is embedded twice, and counts twice.
    """
    out, left = [], cell_bytes
    for index, artifact in enumerate(files):
        if index >= CARDS:
            out.append(Card(artifact, Preview("other", artifact.media_type), is_embedded=False, apart=False))
            continue
        preview = preview_file(artifact, file_bytes)
        cost = artifact.size * (2 if preview.kind in ("picture", "svg") else 1)
        is_embedded = preview.data is not None and cost <= left
        left -= cost if is_embedded else 0
        if len(preview.page) > left:
            preview = replace(preview, page=b"")
        left -= len(preview.page)
        own = apart and is_embedded and preview.kind == "picture" and artifact.media_type in OWN_OUTPUT
        out.append(Card(artifact, preview, is_embedded, own))
    return out


def render_cards(found: list[Card]) -> str:
    """The cards as HTML, followed by a list of the remaining files."""
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
    summary = escape(card.summary)
    if card.artifact.change == "changed":
        summary = summary.removesuffix("changed") + "<b>changed</b>"
    head = (
        f'<b dir="auto" style="{style.MONO_FONT}">{escape(card.name)}</b> {style.span(summary, style.SOFT)} '
        f'<span style="margin-left:auto">{_download(card)}</span>'
    )
    bar = f"display:flex;flex-wrap:wrap;gap:0 8px;align-items:baseline;padding:6px 10px;border-bottom:{style.HAIRLINE}"
    saved = f'<div style="padding:3px 10px;{style.SMALL}">{escape(card.saved)}</div>' if card.saved else ""
    frame = f"border:{style.LINE};border-radius:6px;margin:10px 0;overflow:hidden"
    inside = "\n".join(filter(None, (f'<div style="{bar}">{head}</div>', _view(card), saved)))
    return f'<div style="{frame}">{inside}</div>'


def _download(card: Card) -> str:
    """The download link: a data URL, or relative to the notebook; empty if neither is possible."""
    basename = card.artifact.name.rsplit("/", 1)[-1]
    name = escape(re.sub(r"[\x00-\x1f\x7f]", "_", exact(basename)))
    if card.is_embedded and card.preview.data is not None:
        data = base64.b64encode(card.preview.data).decode("ascii")
        # One type for all: the browser must save the file, never interpret it.
        return f'<a download="{name}" href="data:application/octet-stream;base64,{data}">Download</a>'
    path = card.artifact.shown_path
    if card.preview.problem == GONE or card.is_elsewhere or not path or path.startswith("/") or ".." in path.split("/"):
        return ""
    return f'<a download="{name}" href="{escape(quote(path.encode("utf-8", "surrogateescape")))}">Download</a>'


def _view(card: Card) -> str:
    preview = card.preview
    padded = "padding:4px 10px"
    if preview.problem:
        return f'<div style="{padded}">{escape(preview.problem)}</div>'
    if card.apart:
        return f'<div style="{padded};{style.SMALL}">shown below</div>'
    if preview.kind in ("picture", "svg"):
        return _picture(card) if card.is_embedded else f'<div style="{padded}">too large to be shown here</div>'
    if preview.kind == "pages" and preview.page:
        sheet = f"max-width:{PAGE_WIDTH}px;margin:8px 10px;border:{style.HAIRLINE}"
        return f'<div style="{sheet}">{_img("image/png", preview.page, f"First page of {card.name}")}</div>'
    if preview.kind in ("table", "workbook"):
        return "\n".join(filter(None, (*map(_grid, preview.tables), _more(preview.more))))
    if preview.kind == "text" and preview.text.strip():
        return f'<div style="padding:0 10px">{style.box(exact(preview.text))}</div>\n{_more(preview.more)}'
    return ""


def _more(words: str) -> str:
    return f'<div style="padding:3px 10px;{style.SMALL}">{escape(words)}</div>' if words else ""


def _picture(card: Card) -> str:
    return _img(card.artifact.media_type, card.preview.data or b"", card.alt)


def _img(media_type: str, data: bytes, alt: str) -> str:
    """An image as `<img>`, where scripts of an SVG do not run; on white, as charts expect, and never enlarged."""
    source = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    picture = "display:block;max-width:100%;background:#fff"
    return f'<div style="max-width:640px"><img alt="{escape(alt)}" style="{picture}" src="{source}"></div>'


def _grid(grid: TablePreview) -> str:
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
    """The files as Markdown: name, type, path, and the start of a text or table."""
    parts = [_card_markdown(card) for card in found[:CARDS]]
    rest = [f"- {escape_inline(_line(card))}" for card in found[CARDS : CARDS + LISTED]]
    if len(found) > CARDS + LISTED:
        rest.append(f"- and {counted(len(found) - CARDS - LISTED, 'more file')}")
    return "\n\n".join([*parts, *(["\n".join(rest)] if rest else [])])


def _card_markdown(card: Card) -> str:
    lines = [f"**{escape_inline(card.name)}** {escape_inline(card.summary)}"]
    preview = card.preview
    if preview.problem:
        lines.append(escape_markdown(preview.problem))
    elif preview.kind == "svg" and preview.text:
        lines.append(escape_markdown(one_line(preview.text, 200)))
    elif preview.kind in ("table", "workbook"):
        for grid in preview.tables:
            title = f"**{escape_markdown(one_line(grid.title, 200))}**" if grid.title else ""
            lines += [title, _table_markdown(grid.rows), escape_markdown(grid.more)]
        lines.append(escape_markdown(preview.more))
    elif preview.kind == "text" and preview.text.strip():
        lines += [code_block(shortened(exact(preview.text), 1_000)), escape_markdown(preview.more)]
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
    lines = [f"{card.name}: {card.summary}; {card.preview.problem or card.saved}" for card in found[: CARDS + LISTED]]
    more = len(found) - len(lines)
    return "\n".join([*lines, *([f"and {counted(more, 'more file')}"] if more > 0 else [])])


def picture_bundle(card: Card) -> dict[str, Any]:
    """An image as a separate output: its bytes, and its name as plain text."""
    data = base64.b64encode(card.preview.data or b"").decode("ascii")
    return {card.artifact.media_type: data, "text/plain": f"{card.alt} ({card.summary}; {card.saved})"}
