"""Moments as a person reads them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def iso(epoch: float) -> str:
    """Epoch seconds as written in the log: local times count as UTC throughout."""
    text = datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None).isoformat(sep=" ")
    return text[:-3] if "." in text else text


def bucket_width(span: float, most: int) -> float:
    """A round bucket width that divides `span` seconds into about `most` buckets or fewer."""
    for width in _WIDTHS:
        if span / width <= most:
            return float(width)
    return 86400.0 * math.ceil(span / 86400 / most)
