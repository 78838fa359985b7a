"""Values as escaped HTML, Markdown and plain text. No state; the Markdown library is imported when first needed."""

from conjure_magic.render.tables import Table, render_artifact, render_rows, render_state
from conjure_magic.render.turn import VENDOR_TYPE, Limits, render_footer, render_pictures, render_turn

__all__ = [
    "VENDOR_TYPE",
    "Limits",
    "Table",
    "render_artifact",
    "render_footer",
    "render_pictures",
    "render_rows",
    "render_state",
    "render_turn",
]
