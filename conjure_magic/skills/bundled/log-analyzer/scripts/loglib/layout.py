"""A learnt line layout: one regular expression with named columns, and the clock that reads its time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from loglib import clock

# Groups that a layout may name; the rest of its columns are c1, c2, …
ROLES = ("ts", "frac", "tail", "level", "component", "host", "pid", "message")
_GROUP = re.compile(r"\(\?P<(?!q>)\w+>")


class Envelope(Protocol):
    """What is wrapped around lines; see `loglib.envelope`."""

    @property
    def name(self) -> str:
        """What it is, for a person."""


@dataclass(frozen=True)
class Layout:
    """How lines of one kind are built.

    Attributes:
        kind: "text", "json", "logfmt", "table" or "access".
        pattern: regular expression of the whole line ("" for json, logfmt and table).
        style: how the time is written, None if there is none.
        share: part of the sample that this layout matched, 0 to 1.
        level_rule: how the level is found ("column", "letter", "priority", "field", "none").
        delimiter: what separates the cells of a table, "#" where its head is a `#Fields:` line.
        envelopes: what is wrapped around such lines, the outermost first.
        scales: for each key that contains a level as a number, the scale's levels.
        roles: for a time, level or message that no key's name tells, the key that has it by its values.
        requests: the lines tell of web requests, so that they have the standard fields of these.
        undated: the lines have a date that is not understood, so their times are none.
    """

    kind: str
    pattern: str = ""
    style: clock.Style | None = None
    share: float = 0.0
    level_rule: str = "none"
    columns: tuple[str, ...] = field(default=())
    delimiter: str = ""
    envelopes: tuple[Envelope, ...] = ()
    scales: Mapping[str, Mapping[int, str]] = field(default_factory=dict, compare=False)
    roles: Mapping[str, str] = field(default_factory=dict, compare=False)
    undated: bool = False
    requests: bool = False

    @property
    def rule(self) -> str:
        """A name for a person: how lines are read by this layout."""
        inside = "".join(f" in {envelope.name}" for envelope in reversed(self.envelopes))
        names = {"json": "named fields (JSON)", "logfmt": "named fields (logfmt)", "table": "a table with a head"}
        if self.kind in names:
            return names[self.kind] + inside
        if self.kind == "access":
            return f"web access{f' ({self.columns[0]})' if self.columns and self.columns[0] else ''}{inside}"
        if not self.columns and self.style is None and self.level_rule == "none":
            return ("text" if inside else "plain text, without a time or columns") + inside
        return f"text ({f'time `{self.style.name}`' if self.style else 'no time'}){inside}"

    def describe(self) -> dict[str, object]:
        """The layout as plain values for JSON."""
        return {
            "kind": self.kind,
            "share": round(self.share, 4),
            "time": self.style.name if self.style else None,
            "time_rule": time_rule(self.style),
            "level_rule": self.level_rule,
            "columns": list(self.columns),
            "envelopes": [envelope.name for envelope in self.envelopes],
            "pattern": self.pattern,
        }


def time_rule(style: clock.Style | None) -> str:
    """In words: where the year, the date and the zone of a time come from."""
    if style is None:
        return "no time"
    if style.name == "epoch":
        return "seconds since 1970, read as UTC"
    if style.name == "uptime":
        return "seconds since start, no date"
    if not style.has_date:
        return "date missing: the file's modification date; zone: as written"
    order = f"; order of day and month: {style.order}" if style.order else ""
    year = "" if style.has_year else "year missing: the latest that is not after the file's modification; "
    return f"{year}zone: as written, none added{order}"


def time_source(style: clock.Style) -> str:
    """The style as a pattern with the groups `ts`, `frac` and `tail` only."""
    core = _GROUP.sub("(?:", style.core)
    if not style.tail:
        return f"(?P<ts>{core})"
    if style.tail.startswith(clock.FRACTION):
        rest = _GROUP.sub("(?:", style.tail[len(clock.FRACTION) :])
        return f"(?P<ts>{core}){clock.FRACTION}(?P<tail>{rest})"
    if "(?P<frac>" in style.tail:
        return f"(?P<ts>{core}){style.tail}"
    return f"(?P<ts>{core})(?P<tail>{_GROUP.sub('(?:', style.tail)})"


class TimeReader:
    """Turns the groups `ts`, `frac`, `tail` into (ISO text, epoch seconds), remembering whole minutes.

    `hint` is another cell of the line that contains the date or the epoch, "" if there is none.
    """

    def __init__(self, style: clock.Style, newest: datetime) -> None:
        self._style = style
        self._newest = newest
        self._regex = re.compile(style.pattern)
        self._core = re.compile(style.core)  # for a style whose fraction may not be missing
        self._by_minute = style.name.endswith(("M:S", "M.S", "HMS", "M-S"))
        self._clock_first = style.name.startswith("H:M:S ")
        self._memo: dict[tuple[str, str | None, str], tuple[str, float, str] | None] = {}

    def __call__(self, ts: str, frac: str | None, tail: str | None, hint: str) -> tuple[str, float] | None:
        if self._clock_first:
            return self._clock_then_date(ts, tail, hint)
        seconds = ""
        if self._by_minute and ts[-2] < "6" and ts[-2].isdigit():
            key = (ts[:-2], tail, hint)
            seconds = ts[-2:]
        else:
            key = (ts, tail, hint)
        try:
            known = self._memo[key]
        except KeyError:
            known = self._memo[key] = self._first(ts[:-2] + "00" if seconds else ts, tail, hint)
        if known is None:
            return None
        iso, epoch, zone = known
        if seconds:
            iso = iso[:-2] + seconds
            epoch += int(seconds)
        if not frac:
            return iso + zone, epoch
        digits = frac[1:7]
        # After a colon stand milliseconds, which need not be padded: 8:5:3:41 is 41 ms.
        digits = (digits.zfill(3) if frac[0] == ":" else digits).ljust(6, "0")
        if digits == "000000":
            return iso + zone, epoch
        if iso.startswith("PT"):
            return f"{iso[:-1]}.{digits.rstrip('0')}S", epoch + int(digits) / 1e6
        return f"{iso}.{digits}{zone}", epoch + int(digits) / 1e6

    def _clock_then_date(self, ts: str, tail: str | None, hint: str) -> tuple[str, float] | None:
        """The same where the clock stands before the date: remembered is the date's midnight."""
        clock_text, _, date = ts.partition(" ")
        key = (date, tail, hint)
        if key not in self._memo:
            self._memo[key] = self._first(f"00:00:00 {date}", tail, hint)
        known = self._memo[key]
        hour, minute, second = clock_text.rstrip(",").split(":")
        second, _, fraction = second.partition(".")
        if known is None or int(hour) > 23 or int(minute) > 59 or int(second) > 59:
            return None
        micro = fraction[:6].ljust(6, "0")
        shown = f"{known[0][:10]}T{hour:0>2}:{minute}:{second}" + (f".{micro}" if int(micro) else "") + known[2]
        return shown, known[1] + int(hour) * 3600 + int(minute) * 60 + int(second) + int(micro) / 1e6

    def _first(self, ts: str, tail: str | None, hint: str) -> tuple[str, float, str] | None:
        if len(self._memo) > 50_000:
            self._memo.clear()
        near = clock.day_of(hint) if hint else None
        read = clock.reader(self._style, near or self._newest, exact=near is not None)
        match = self._regex.fullmatch(ts + (tail or "")) or self._core.match(ts)
        moment = read(match.groupdict()) if match else None
        if moment is None:
            return None
        zone = re.search(r"(?<=:\d\d)[+-]\d\d:\d\d\Z", moment.iso)
        cut = zone.start() if zone else len(moment.iso)
        return moment.iso[:cut], moment.epoch, moment.iso[cut:]
