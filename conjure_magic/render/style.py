"""Inline styles that untrusted notebooks keep, for light and dark themes.

Text colour is inherited, greys are translucent, dimmed text uses opacity; no theme variables, which sanitizers remove.
Overlong words break where `overflow-wrap` is kept; elsewhere their box scrolls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from conjure_magic.render.text import escape

MONO_FONT = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px"
SOFT = "opacity:.75"
LINE = "1px solid rgba(127,127,127,.5)"
HAIRLINE = "1px solid rgba(127,127,127,.3)"
RAIL = "2px solid rgba(127,127,127,.5)"
FILL = "background:rgba(127,127,127,.08)"
CODE = "font-size:12px;background:rgba(127,127,127,.12);padding:1px 4px"
ALERT = "background:rgba(220,60,50,.16);border-radius:3px;padding:0 4px"
WARN = "background:rgba(200,150,0,.18);border-radius:3px;padding:0 4px"
BREAK = "overflow-wrap:anywhere"
PAGE = f"font-family:system-ui,sans-serif;font-size:14px;line-height:1.55;max-width:860px;{BREAK}"
SMALL = f"font-size:12px;{SOFT}"
CELL = f"padding:3px 10px;border-bottom:{HAIRLINE};text-align:left;vertical-align:top"

NO_MATH = "mathjax_ignore tex2jax_ignore"
"""Classes that MathJax 3 and 2 skip: "$5 and $6" is not a formula, and `\\href` could contain a script."""

FOLD_LINES = 14
"""Lines above which a box scrolls."""


def span(html: str, style: str) -> str:
    """Inline HTML with a style."""
    return f'<span style="{style}">{html}</span>'


def page(html: str) -> str:
    """The outermost element of every output, without blank lines.

    Exporters write this HTML into Markdown, where a blank line would end it: the rest, such as an image's address in
    a tool's output, would be interpreted as Markdown.
    """
    html = re.sub(r"\n(?=[ \t]*\n)", "&#10;", html)
    return f'<div class="{NO_MATH}" style="{PAGE}">{html}</div>'


def bar(share: float) -> str:
    """A progress bar; `share` is from 0 to 1."""
    look = "display:inline-block;height:8px;border-radius:4px"
    percent = round(share * 100)
    told = f'role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" aria-label="progress"'
    return (
        f'<span {told} style="{look};width:100px;background:rgba(127,127,127,.25);overflow:hidden">'
        f'<span style="{look};width:{percent}px;background:rgba(60,120,220,.75);vertical-align:top"></span></span>'
    )


def box(text: str, strong: tuple[int, int] = (0, 0)) -> str:
    """A block of preformatted text, which is escaped here; it scrolls if it is long.

    Args:
        text: the text.
        strong: start and end of a part that is set in bold.
    """
    lines = text.count("\n") + len(text) // 110
    scroll = ' tabindex="0"' if lines > FOLD_LINES else ""
    height = ";max-height:18em;overflow:auto" if scroll else ";overflow:auto"
    style = f"margin:6px 0;padding:8px 10px;{FILL};border-radius:4px;white-space:pre-wrap;font-size:12px{height}"
    return f'<pre style="{style}"{scroll}>{_with_strong(text, *strong)}</pre>'


def _with_strong(text: str, start: int, end: int) -> str:
    bold = f"<b>{escape(text[start:end])}</b>" if end > start else ""
    return escape(text[:start]) + bold + escape(text[end:])


def table(rows: str, extra: str) -> str:
    """A table of HTML rows. If it is too wide it scrolls, also by keyboard, and does not break words."""
    look = f"border-collapse:collapse;table-layout:auto;margin:0;overflow-wrap:normal;{extra}"
    return f'<div style="overflow:auto;margin:6px 0" tabindex="0"><table style="{look}">\n{rows}</table></div>'


def heads(names: Iterable[str]) -> str:
    """The header row of a table; the names are escaped here."""
    cells = (f'<th scope="col" style="{CELL};font-weight:600">{escape(name)}</th>' for name in names)
    return f"<tr>{''.join(cells)}</tr>\n"
