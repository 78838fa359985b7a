"""Time lines as SVG: all records above, problems below, with titles and alternative text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP = 860, 420, 62, 18, 58
_SIZE = f'width="{_WIDTH}" height="{_HEIGHT}"'
_ROLE = 'role="img" aria-labelledby="title description"'
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'
_PANEL = 130
_GAP = 56


def render_chart(summary: Mapping[str, Any]) -> str:
    """An SVG document; it reads on light and on dark grounds and says in words what it shows."""
    series = summary["series"]
    name = ", ".join(str(file).rsplit("/", 1)[-1] for file in summary["files"][:2])
    title = f"{name}: records and problems over time"
    if not series:
        return _document(
            title, "The log has no times, so there is no time line.", [_text(_LEFT, 90, "No times in this log.")]
        )
    peak = max(range(len(series["errors"])), key=lambda i: series["errors"][i])
    described = (
        f"{sum(series['all'])} records and {sum(series['errors'])} problems from {summary['time']['first']} to "
        f"{summary['time']['last']}, in steps of {series['bucket_seconds']:g} seconds. "
        f"Most problems in one step: {series['errors'][peak]}."
    )
    panels = _panel(_TOP, "Records", series["all"], "#2f6fab") + _panel(
        _TOP + _PANEL + _GAP, "Problems", series["errors"], "#c0392b"
    )
    axis = _TOP + 2 * _PANEL + _GAP + 20
    panels.append(_text(_LEFT, axis, summary["time"]["first"]))
    panels.append(_text(_WIDTH - _RIGHT, axis, summary["time"]["last"], anchor="end"))
    panels.append(_text(_LEFT, axis + 22, f"one bar: {series['bucket_seconds']:g} s"))
    return _document(title, described, panels)


def _document(title: str, description: str, body: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_SIZE} {_ROLE} {_FONT}>',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#ffffff"/>',
            f'<text x="{_LEFT}" y="28" font-size="15" font-weight="600" fill="#1f2328">{escape(title)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


def _panel(top: int, label: str, counts: Sequence[int], colour: str) -> list[str]:
    most = max(counts) if counts else 0
    width = (_WIDTH - _LEFT - _RIGHT) / max(len(counts), 1)
    bottom = top + _PANEL
    parts = [_text(_LEFT, top - 8, f"{label} (most in one step: {most:,})", weight="600")]
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * _PANEL
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>')
        parts.append(
            _text(_LEFT - 8, int(y) + 4, f"{most * share:,.0f}" if share != 0.5 or most > 1 else "", anchor="end")
        )
    for place, count in enumerate(counts):
        if count:
            height = max(count / most * _PANEL, 1.0)
            x = _LEFT + place * width
            parts.append(
                f'<rect x="{x:.1f}" y="{bottom - height:.1f}" width="{max(width - 0.8, 0.6):.1f}" '
                f'height="{height:.1f}" fill="{colour}"/>'
            )
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "400") -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" fill="#424a53"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(str(text))}</text>'
