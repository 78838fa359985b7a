"""A model's Markdown as HTML.

CommonMark with tables and strikethrough. Raw HTML is shown as text, and an image as its description and address. Only
http, https and mailto addresses become links, and the address is spelled out unless the link's text is the address.
The HTML is written from the syntax tree, so only elements named here can occur.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from conjure_magic.characters import clean, exact
from conjure_magic.render import style
from conjure_magic.render.text import escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

PARSED = 120_000
"""Maximum characters of a text that is parsed; a longer one is shown without formatting."""
MARKED = 30_000
"""Maximum Markdown characters in a text that is parsed: each takes far longer to parse than a letter."""
LINES = 8_000
"""Maximum lines of a text that is parsed."""
CELLS = 5_000
"""Maximum cells that a text's tables could have: the parser fills up each row to the width of its table."""
SEARCHED = 3_000_000
"""Maximum characters that the parser may search for the ends of links: each bracket searches its whole paragraph."""

_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"\x00-\x1f\x7f]+", re.IGNORECASE)
_MARK = re.compile(r"[*_\[\]!`<&\\#~|>]")
_BLANK = re.compile(r"\n[ \t>]*\n")
_PLAIN = {"text", "code_inline", "softbreak", "hardbreak"}


@cache
def _parser() -> MarkdownIt:
    # Imported here: the library takes longer to import than all of the extension.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def parse(text: str) -> SyntaxTreeNode | None:
    """The syntax tree of a Markdown text; None if parsing it would take too long, or it is nested too deeply."""
    text = clean(text)  # first, since replacements can make it longer
    if effort(text) > 1:
        return None
    from markdown_it.tree import SyntaxTreeNode

    try:
        return SyntaxTreeNode(_parser().parse(text))
    except RecursionError:
        return None


def effort(text: str) -> float:
    """What parsing a text can take, as a share of what is allowed for one text: above 1, it is not parsed."""
    shares = len(text) / PARSED, len(_MARK.findall(text)) / MARKED, text.count("\n") / LINES
    if max(shares) > 1 or not ("[" in text or "|" in text):
        return max(shares)
    searched = cells = 0
    # Summed up: many small tables or lists of brackets take as long as a large one.
    for paragraph in _BLANK.split(text):
        searched += paragraph.count("[") * len(paragraph)
        lines = paragraph.split("\n")
        width = max(line.count("|") for line in lines)
        cells += (width + 1) * len(lines) if width else 0
    return max(*shares, searched / SEARCHED, cells / CELLS)


def words(node: SyntaxTreeNode) -> str:
    """The content of a text node, cleaned again: entities can produce control characters and line ends."""
    return clean(node.content).replace("\n", " ")


def plain(node: SyntaxTreeNode) -> str:
    """The text of an inline node, without formatting."""
    if node.type in _PLAIN:
        return node.content or " "
    if node.type == "image":
        return picture_words(node)
    return "".join(plain(child) for child in node.children)


def picture_words(node: SyntaxTreeNode) -> str:
    """The text shown instead of an image: its description and address."""
    shown = "".join(plain(child) for child in node.children)
    return f"{shown} (picture: {clean(str(node.attrs.get('src', '')))[:500]})".strip()


def link_target(node: SyntaxTreeNode) -> tuple[str, str, bool]:
    """A link's address, the address to spell out after its text (or ""), and whether it may be a hyperlink."""
    href = clean(str(node.attrs.get("href", "")))
    followed = _LINK.fullmatch(href) is not None
    shown = plain(node).strip()
    same = shown in (href, href.removeprefix("mailto:")) or href == f"{shown}/"
    return href, "" if same else href[:500], followed


def render_markdown(text: str, formatted: bool = True) -> str:
    """A model's Markdown as HTML without scripts, remote resources, or links that hide their address.

    With `formatted=False`, or if parsing it would take too long, the text as it is.
    """
    tree = parse(text) if formatted else None
    if tree is None:
        return style.box(exact(text))
    return _blocks(tree)


def _blocks(node: SyntaxTreeNode) -> str:
    return "\n".join(_block(child) for child in node.children)


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            inner = _inlines(node)
            return inner if node.hidden else f'<div style="margin:8px 0">{inner}</div>'
        case "heading":
            level = min(int(node.tag[1:]) + 2, 6)
            size = {3: 17, 4: 15}.get(level, 14)
            inner = style.span(_inlines(node), f"font-size:{size}px;font-weight:600")
            return f'<h{level} style="margin:14px 0 4px;line-height:1.3">{inner}</h{level}>'
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            rail = f"margin:8px 0;padding:0 12px;border-left:{style.RAIL}"
            return f'<blockquote style="{rail}">{_blocks(node)}</blockquote>'
        case "fence" | "code_block":
            return style.box(exact(node.content.removesuffix("\n")))
        case "hr":
            return f'<div style="margin:12px 0;border-top:{style.LINE}"></div>'
        case "table":
            return _table(node)
    return _inlines(node)


def _list(node: SyntaxTreeNode) -> str:
    start = node.attrs.get("start", 1)
    number = f' start="{int(start)}"' if node.type == "ordered_list" and start != 1 else ""
    tag = "ol" if node.type == "ordered_list" else "ul"
    items = "".join(f"<li>{_blocks(item)}</li>\n" for item in node.children)
    return f'<{tag}{number} style="margin:8px 0;padding-left:26px">\n{items}</{tag}>'


def _table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    body = "\n".join(f"<tr>{''.join(_cell(cell) for cell in row.children)}</tr>" for row in rows)
    return style.table(body, "font-size:13px")


def _cell(node: SyntaxTreeNode) -> str:
    right = ";text-align:right" if "right" in str(node.attrs.get("style", "")) else ""
    if node.type == "th":
        return f'<th scope="col" style="{style.CELL};font-weight:600{right}">{_inlines(node)}</th>'
    return f'<td style="{style.CELL}{right}">{_inlines(node)}</td>'


_INLINE_TAGS = {"strong": "strong", "em": "em"}


def _inlines(node: SyntaxTreeNode) -> str:
    return "".join(_inline(child) for child in node.children)


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text":
            return escape(words(node))
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "<br>\n"
        case "code_inline":
            return f'<code style="{style.CODE}">{escape(exact(node.content))}</code>'
        case "strong" | "em":
            tag = _INLINE_TAGS[node.type]
            return f"<{tag}>{_inlines(node)}</{tag}>"
        case "s":
            return style.span(_inlines(node), "text-decoration:line-through")
        case "link":
            return _link(node)
        case "image":
            return escape(clean(picture_words(node)))
        case "inline":
            return _inlines(node)
    return escape(clean(node.content or ""))


def _link(node: SyntaxTreeNode) -> str:
    href, spelled, followed = link_target(node)
    inner = _inlines(node)
    if followed:
        inner = f'<a href="{escape(href)}" rel="noopener noreferrer" target="_blank">{inner or escape(href)}</a>'
    return f"{inner} ({escape(spelled)})" if spelled else inner
