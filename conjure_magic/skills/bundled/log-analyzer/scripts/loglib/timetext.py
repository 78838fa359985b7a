"""The time that a whole text is, in any of the ways of writing one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache, lru_cache

from loglib import clock

_STYLES = [*clock.STYLES, clock.EPOCH]


@lru_cache(maxsize=1)
def _remembered() -> list[clock.Style]:
    return []


def read_time(text: str, newest: datetime) -> clock.Moment | None:
    """The time that a whole text is, None if it is not one."""
    text = text.strip().strip("[]\"'")
    if len(text) >= 19 and text[4] == "-" and text[10] in "T ":
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            epoch = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            return clock.Moment(moment.isoformat(), epoch)
    last = _remembered()  # the style that read the last time is tried first
    for style in (*last, *_STYLES):
        match = _compiled(style.pattern).fullmatch(text)
        if match:
            settled = clock.settle_order(style, [match.groupdict()])
            found = clock.reader(settled, newest)(match.groupdict())
            if found is not None:
                last[:] = [style]
                return found
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
