"""Markdown that is safe even where raw HTML and remote images are enabled: a model's is rewritten, our text escaped.

A notebook trusts the Markdown of new outputs, so nothing in it may take effect by itself (a remote image, a tag).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conjure_magic.characters import clean, exact
from conjure_magic.render.markdown import link_target, parse, picture_words, words

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_SPECIAL = re.compile(r"[\\`*_\[\]|~$]")
_MATH = re.compile(r"\\\$|\\\\(?=\(|\\\[|begin\b)")
"""Places in escaped text where a formula could begin or end."""
_STARTS_BLOCK = re.compile(r"^([ \t]*)(?:([-+=#:])|(\d+)([.)]))", re.MULTILINE)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape_inline(text: str) -> str:
    """Escape text for use within a line of Markdown, so that it is shown literally.

    Text that MathJax would later take for a formula ("$5 and $6") is split by elements, since escaping does not
    prevent that.
    """
    text = _SPECIAL.sub(r"\\\g<0>", text).translate(_ENTITIES)
    return _MATH.sub(r"<span>\g<0></span>", text)


def escape_markdown(text: str) -> str:
    """Escape text so that Markdown shows it literally; line ends stay."""
    return _STARTS_BLOCK.sub(_start_escaped, escape_inline(text))


def _start_escaped(match: re.Match[str]) -> str:
    blanks, sign, digits, point = match.groups()
    return f"{blanks}\\{sign}" if sign else f"{blanks}{digits}\\{point}"


def code_span(text: str) -> str:
    """The text as inline code in Markdown; it may contain backticks."""
    text = " ".join(text.split("\n")).strip() or " "
    run = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{run}{pad}{text}{pad}{run}"


def code_block(text: str, info: str = "") -> str:
    """The text as a fenced code block in Markdown, which its content cannot end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    word = re.sub(r"[^\w+-].*", "", info, flags=re.DOTALL)[:20]
    return f"{fence}{word}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def render_markdown_source(text: str, formatted: bool = True) -> str:
    """A model's Markdown, rewritten so that it is safe where raw HTML is enabled; see `render_markdown`."""
    tree = parse(text) if formatted else None
    if tree is None:
        return code_block(exact(text))
    return _source_blocks(tree)


def _source_blocks(node: SyntaxTreeNode, tight: bool = False) -> str:
    return ("\n" if tight else "\n\n").join(part for part in map(_source_block, node.children) if part)


def _source_block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            return _source_inlines(node)
        case "heading":
            return "#" * min(int(node.tag[1:]) + 2, 6) + " " + _source_inlines(node).replace("\n", " ")
        case "bullet_list" | "ordered_list":
            return _source_list(node)
        case "blockquote":
            return _indented(_source_blocks(node), "> ", "> ")
        case "fence" | "code_block":
            return code_block(exact(node.content.removesuffix("\n")), node.info)
        case "hr":
            return "---"
        case "table":
            return _source_table(node)
    return _source_inlines(node)


def _indented(text: str, first: str, others: str) -> str:
    head, *rest = text.split("\n")
    return "\n".join([first + head, *(f"{others}{line}".rstrip() for line in rest)])


def _source_list(node: SyntaxTreeNode) -> str:
    tight = all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")
    items = []
    for item in node.children:
        mark = f"{item.info}{item.markup} " if node.type == "ordered_list" else f"{item.markup} "
        items.append(_indented(_source_blocks(item, tight), mark, " " * len(mark)))
    return ("\n" if tight else "\n\n").join(items)


def _source_table(node: SyntaxTreeNode) -> str:
    lines: list[str] = []
    for part in node.children:
        for row in part.children:
            lines.append("| " + " | ".join(_table_cell(cell) for cell in row.children) + " |")
            if part.type == "thead":
                lines.append("|" + "".join(f"{_ruler(cell)}|" for cell in row.children))
    return "\n".join(lines)


def _ruler(node: SyntaxTreeNode) -> str:
    return "---:" if "right" in str(node.attrs.get("style", "")) else "---"


def _table_cell(node: SyntaxTreeNode) -> str:
    # Only code still contains unescaped pipes.
    return re.sub(r"(?<!\\)\|", r"\\|", _source_inlines(node).replace("\n", " "))


def _source_inlines(node: SyntaxTreeNode) -> str:
    # Text can start a block only at the start of a line.
    return _STARTS_BLOCK.sub(_start_escaped, _source_inner(node))


def _source_inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text":
            return escape_inline(words(node))
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "\\\n"
        case "code_inline":
            return code_span(exact(node.content))
        case "strong" | "em" | "s":
            mark = {"strong": "**", "em": "*", "s": "~~"}[node.type]
            return f"{mark}{_source_inner(node)}{mark}"
        case "link":
            return _source_link(node)
        case "image":
            return escape_markdown(clean(picture_words(node)))
        case "inline":
            return _source_inner(node)
    return escape_markdown(clean(node.content or ""))


def _source_inner(node: SyntaxTreeNode) -> str:
    return "".join(_source_inline(child) for child in node.children)


def _source_link(node: SyntaxTreeNode) -> str:
    href, spelled, followed = link_target(node)
    inner = _source_inner(node)
    if followed:
        # All other characters that could end the address are already percent-encoded.
        address = href.replace("&", "&amp;")
        inner = f"[{inner or escape_markdown(href)}](<{address}>)"
    return f"{inner} ({escape_markdown(spelled)})" if spelled else inner
