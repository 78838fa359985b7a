"""The summary's time lines as SVG: all records above, problems below, with titles and alternative text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loglib.counted import counted
from loglib.svg import GAP, LEFT, PANEL, RIGHT, TOP, WIDTH, document, panel, text


def render_chart(summary: Mapping[str, Any]) -> str:
    """An SVG document; it reads on light and on dark grounds and says in words what it shows."""
    series = summary["series"]
    name = ", ".join(str(file).rsplit("/", 1)[-1] for file in summary["files"][:2])
    title = f"{name}: records and problems over time"
    if not series:
        return document(
            title, "The log has no times, so there is no time line.", [text(LEFT, 90, "No times in this log.")]
        )
    peak = max(range(len(series["errors"])), key=lambda i: series["errors"][i])
    described = (
        f"{counted(sum(series['all']), 'record')} and {counted(sum(series['errors']), 'problem')} "
        f"from {summary['time']['first']} to {summary['time']['last']}, "
        f"in steps of {series['bucket_seconds']:g} seconds. Most problems in one step: {series['errors'][peak]}."
    )
    panels = panel(TOP, "Records", series["all"], "#2f6fab")
    panels += panel(TOP + PANEL + GAP, "Problems", series["errors"], "#c0392b")
    axis = TOP + 2 * PANEL + GAP + 20
    panels.append(text(LEFT, axis, summary["time"]["first"]))
    panels.append(text(WIDTH - RIGHT, axis, summary["time"]["last"], anchor="end"))
    panels.append(text(LEFT, axis + 22, f"one bar: {series['bucket_seconds']:g} s"))
    return document(title, described, panels)
