"""The reader of each kind of layout: a function from a line to the parts of its record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from loglib import keyed, levels, objects, structured, tables, web
from loglib.layout import Layout, TimeReader

_WANTED = ("ts", "frac", "tail", "level", "component", "host", "pid", "message")
_NO_FIELDS: Mapping[str, object] = {}
# Time, epoch, level, component, host, pid, message, fields.
Found = tuple[str | None, float | None, str | None, str | None, str | None, str | None, str, Mapping[str, object]]
Parser = Callable[[str], Found | None]
HEAD: Found = (None, None, None, None, None, None, "", {})  # a line that names columns and is no record


def parser(layout: Layout, newest: datetime) -> Parser:
    """A function from a line to what it says, None where the line does not fit; `HEAD` for a head's line."""
    if layout.kind in _KINDS:
        return _KINDS[layout.kind](layout, newest)
    return _text_parser(layout, newest)


def _text_parser(layout: Layout, newest: datetime) -> Parser:
    # A group that the layout lacks reads as the last group, which never takes part in a match.
    regex = re.compile(f"(?:{layout.pattern})(\\Z(?!))?", re.DOTALL)
    match_line = regex.match
    none = regex.groups
    read = TimeReader(layout.style, newest) if layout.style else None
    groups = regex.groupindex
    wanted = [groups.get(name, none) for name in _WANTED]
    hinted = layout.style is not None and not layout.style.has_year
    wanted.append((groups.get("day") or groups.get("epoch") or none) if hinted else none)
    by_priority, by_letter = layout.level_rule == "priority", layout.level_rule == "letter"
    undated = layout.undated
    data = groups.get("data")
    requests = layout.requests

    def parse(line: str) -> Found | None:
        match = match_line(line)
        if match is None:
            return None
        ts, frac, tail, level, component, host, pid, message, hint = match.group(*wanted)
        iso: str | None = None
        epoch: float | None = None
        if read is not None and ts is not None:
            moment = read(ts, frac, tail, hint or "")
            if moment is None:
                return None
            if not undated:
                iso, epoch = moment
        if by_priority:
            priority = match["pri"]
            level = levels.SYSLOG_SEVERITY[int(priority) % 8] if priority else None
        elif by_letter and level is not None:
            level = levels.canonical(level) or level
        fields = structured.parameters(match[data]) if data else web.told(message) if requests else _NO_FIELDS
        return iso, epoch, level, component, host, pid, message, fields

    return parse


def _access_parser(layout: Layout, newest: datetime) -> Parser:
    match_line = re.compile(layout.pattern, re.DOTALL).match
    read = TimeReader(layout.style, newest) if layout.style else None
    whole = "(?P<message>" in layout.pattern
    last = "tail" if "(?P<tail>" in layout.pattern else None

    def parse(line: str) -> Found | None:
        match = match_line(line)
        if match is None:
            return None
        moment = None
        if read is not None:
            moment = read(match["ts"], match["frac"], match[last] if last else None, "")
            if moment is None:
                return None
        fields = web.fields_of(match)
        message = match["message"] if whole else web.message_of(fields)
        return *(moment or (None, None)), None, None, None, None, message, fields

    return parse


def _json_parser(layout: Layout, newest: datetime) -> Parser:
    read, loads = keyed.Reader(newest, layout.scales, layout.roles), objects.loads

    def parse(line: str) -> Found | None:
        if not line.lstrip().startswith("{"):
            return None
        value = loads(line)
        if value is None:
            return None
        parts, fields = read(value, line)
        return *parts, fields

    return parse


def _logfmt_parser(layout: Layout, newest: datetime) -> Parser:
    read = keyed.Reader(newest, layout.scales, layout.roles)

    def parse(line: str) -> Found | None:
        value = structured.logfmt(line)
        if len(value) < 3:
            return None
        parts, fields = read(value, line)
        return *parts, fields

    return parse


def _table_parser(layout: Layout, newest: datetime) -> Parser:
    read, cells = keyed.Reader(newest, layout.scales, layout.roles), tables.reader(layout)

    def parse(line: str) -> Found | None:
        value = cells(line)
        if value is None:
            return None
        if not value:
            return HEAD
        parts, fields = read(value, line)
        return *parts, fields

    return parse


_KINDS: dict[str, Callable[[Layout, datetime], Parser]] = {
    "access": _access_parser, "json": _json_parser, "logfmt": _logfmt_parser, "table": _table_parser,
}  # fmt: skip
