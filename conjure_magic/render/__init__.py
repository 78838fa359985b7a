"""Rendering of values as escaped HTML, Markdown and plain text, without state."""

from conjure_magic.render.limits import DisplayLimits, display_limits
from conjure_magic.render.listings import Table, render_artifact, render_rows, render_state
from conjure_magic.render.turn import VENDOR_TYPE, render_footer, render_pictures, render_turn

__all__ = [
    "VENDOR_TYPE",
    "DisplayLimits",
    "Table",
    "display_limits",
    "render_artifact",
    "render_footer",
    "render_pictures",
    "render_rows",
    "render_state",
    "render_turn",
]
