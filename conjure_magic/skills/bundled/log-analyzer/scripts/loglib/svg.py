"""The parts of an SVG chart: the document, a panel of bars, a text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, LEFT, RIGHT, TOP = 860, 62, 18, 58
PANEL = 130
GAP = 56
_ROLE = 'role="img" aria-labelledby="title description"'
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'


def escaped(value: object) -> str:
    """A text for SVG: what XML forbids becomes U+FFFD, marks are written as entities."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in str(value)))


def document(title: str, description: str, body: Sequence[str], height: int = 420) -> str:
    """An SVG document; it reads on light and on dark grounds and says in words what it shows."""
    size = f'width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size} {_ROLE} {_FONT}>',
            f'<title id="title">{escaped(title)}</title>',
            f'<desc id="description">{escaped(description)}</desc>',
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="28" font-size="15" font-weight="600" fill="#1f2328">{escaped(title)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


def panel(top: int, label: str, values: Sequence[float], colour: str, names: Sequence[str] | None = None) -> list[str]:
    """Bars from left to right, with the largest value at the axis; `names` says what each bar stands for."""
    most = max(values) if values else 0
    width = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    bottom = top + PANEL
    parts = [text(LEFT, top - 8, f"{label} (most in one step: {most:,})", weight="600")]
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * PANEL
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>')
        parts.append(text(LEFT - 8, int(y) + 4, _mark(most, share), anchor="end"))
    for place, value in enumerate(values):
        if value > 0:
            height = max(value / most * PANEL, 1.0)
            told = f"<title>{escaped(names[place])}: {value:,}</title></rect>" if names else "</rect>"
            parts.append(
                f'<rect x="{LEFT + place * width:.1f}" y="{bottom - height:.1f}" width="{max(width - 0.8, 0.6):.1f}" '
                f'height="{height:.1f}" fill="{colour}">{told}'
            )
    return parts


def _mark(most: float, share: float) -> str:
    if share == 0.5 and most <= 1:
        return ""
    return f"{most * share:,.0f}" if most >= 10 or isinstance(most, int) else f"{most * share:,.3g}"


def text(x: float, y: float, value: object, anchor: str = "start", weight: str = "400") -> str:
    """A line of text."""
    style = f'text-anchor="{anchor}" font-weight="{weight}" fill="#424a53"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escaped(value)}</text>'
