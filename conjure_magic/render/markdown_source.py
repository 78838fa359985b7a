"""Markdown that stays safe where raw HTML and remote images are not off: a model's, written anew; our own, escaped.

Fresh Markdown is trusted in a notebook, so nothing in it may act by itself (a remote picture, a tag).
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
"""Where a formula could begin or end in text that is escaped."""
_STARTS_BLOCK = re.compile(r"^([ \t]*)(?:([-+=#:])|(\d+)([.)]))", re.MULTILINE)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape_inline(text: str) -> str:
    """The text so that Markdown shows it letter by letter, in the midst of a line.

    What MathJax would take for a formula after the Markdown was read ("$5 and $6") stands in an element of its
    own, where it looks for none: escaping does not keep it away.
    """
    text = _SPECIAL.sub(r"\\\g<0>", text).translate(_ENTITIES)
    return _MATH.sub(r"<span>\g<0></span>", text)


def escape_markdown(text: str) -> str:
    """The text so that Markdown shows it letter by letter; line ends stay."""
    return _STARTS_BLOCK.sub(_start_escaped, escape_inline(text))


def _start_escaped(match: re.Match[str]) -> str:
    blanks, sign, digits, point = match.groups()
    return f"{blanks}\\{sign}" if sign else f"{blanks}{digits}\\{point}"


def code_span(text: str) -> str:
    """The text as inline code of Markdown, whatever backticks it holds."""
    text = " ".join(text.split("\n")).strip() or " "
    run = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{run}{pad}{text}{pad}{run}"


def code_block(text: str, info: str = "") -> str:
    """The text as a fenced block of Markdown that nothing in it can end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    word = re.sub(r"[^\w+-].*", "", info, flags=re.DOTALL)[:20]
    return f"{fence}{word}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def render_markdown_source(text: str) -> str:
    """A model's Markdown, written anew so that nothing in it acts where raw HTML is not off."""
    tree = parse(text)
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
    # Only code still has bare pipes: those of text are escaped.
    return re.sub(r"(?<!\\)\|", r"\\|", _source_inlines(node).replace("\n", " "))


def _source_inlines(node: SyntaxTreeNode) -> str:
    # A piece of text can only begin a block where it begins a line.
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
        # Everything else that could end the address is percent-encoded in it already.
        address = href.replace("&", "&amp;")
        inner = f"[{inner or escape_markdown(href)}](<{address}>)"
    return f"{inner} ({escape_markdown(spelled)})" if spelled else inner
