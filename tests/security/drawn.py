"""What of a log or its name is drawn in an answer as something else than code or plain text."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token


def texts(tokens: list[Token], *, inside: str = "") -> list[tuple[str, str]]:
    """(what it stands in, text) of everything that is drawn, except for code."""
    found: list[tuple[str, str]] = []
    depth = []
    for token in tokens:
        if token.children:
            found += texts(token.children)
        elif token.nesting == 1:
            depth.append(token.type)
        elif token.nesting == -1:
            depth.pop()
        elif token.type not in ("code_inline", "fence", "code_block"):
            found.append((" ".join([*depth, token.type]), token.content))
    return found


def broken_out(answer: str) -> list[tuple[str, str]]:
    """What of the log is drawn as something else than code or plain text."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(answer)
    return [(where, text) for where, text in texts(tokens) if ("OUT" in text or "evil" in text) and drawn(where, text)]


def drawn(where: str, text: str) -> bool:
    """True for a link, a picture and the like, and for bold words other than an answer's own headline."""
    bold = "strong_open" in where and (text.strip() == "OUT" or where.count("strong_open") > 1)
    return bold or bool({"em_open", "link_open", "s_open", "image", "html_inline", "html_block"} & set(where.split()))
