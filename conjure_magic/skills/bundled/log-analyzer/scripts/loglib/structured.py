"""Formats that name their fields or follow a written standard: JSON lines, logfmt, web access, syslog 5424."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from loglib import clock, keyed, objects, tables, web
from loglib.layout import Layout, time_source
from loglib.masks import VALUE

_ISO = next(style for style in clock.STYLES if style.name == "Ymd H:M:S")
# RFC 5424, section 6: <PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
SYSLOG = (
    r"(?:\d{1,6} )?<(?P<pri>\d{1,3})>\d{1,2} (?:"
    + time_source(_ISO)
    + r"|-) (?P<host>\S+) (?P<component>\S+) (?P<pid>\S+) (?P<msgid>\S+) "
    + r'(?P<data>-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*"|\\.)*\])+) ?\ufeff?(?P<message>.*)'
)
LOGFMT_PAIR = re.compile(r'([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_LOGFMT = re.compile(rf"(?:{LOGFMT_PAIR.pattern}\s*){{3,}}\Z")


_AUDIT = re.compile(r"msg=audit\((\d+\.\d+):\d+\)")  # the kernel's audit: seconds and a serial number
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PARAMETER = re.compile(r' ([^\s="\]]+)="((?:[^"\\]|\\.)*)"')
_REQUEST = re.compile(r'"([A-Z]+) ([^" ?#]*)[^"]*" (\d{3})')


def request_template(message: str) -> str | None:
    """A web request as its template: method, path with its variable parts open, status."""
    match = _REQUEST.match(message)
    if match is None:
        return None
    parts = [VALUE if len(part) > 24 or any(map(str.isdigit, part)) else part for part in match[2].split("/")]
    return f"{match[1]} {'/'.join(parts)} {match[3]}"


def detect(lines: Sequence[str]) -> Layout | None:
    """The named-field or standard layout of most of the lines, None if there is none."""
    probe = lines[:: max(len(lines) // 300, 1)][:400]
    for layout in (
        Layout("json", level_rule="field"),
        Layout("logfmt", level_rule="field"),
        Layout("text", SYSLOG, _ISO, level_rule="priority", columns=("msgid", "data")),
        *web.LAYOUTS,
    ):
        fits = matcher(layout)
        if sum(1 for line in probe if fits(line)) > 0.5 * len(probe):
            return _with_scales(layout, probe)
    return None


def _with_scales(layout: Layout, probe: Sequence[str]) -> Layout:
    read = {"json": objects.loads, "logfmt": logfmt}.get(layout.kind)
    if read is None:
        return layout
    return with_fields(layout, [fields for line in probe if (fields := read(line))])


def with_fields(layout: Layout, sample: Sequence[objects.Fields]) -> Layout:
    """The layout with what its fields are: scales of levels, and whether they tell of requests."""
    requests = sum(map(keyed.is_web, sample)) > 0.5 * len(sample)
    return replace(layout, scales=keyed.scales_of(sample), roles=keyed.roles_by_value(sample), requests=requests)


def matcher(layout: Layout) -> Callable[[str], bool]:
    """A function that tells whether a line is of the layout."""
    if layout.kind == "json":
        return _is_json
    if layout.kind == "logfmt":
        return lambda line: _LOGFMT.match(line.strip()) is not None
    if layout.kind == "table":
        read = tables.reader(layout)
        return lambda line: read(line) is not None
    regex = re.compile(layout.pattern)
    return lambda line: regex.match(line) is not None


def _is_json(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def logfmt(line: str) -> dict[str, object]:
    """The fields of a line of `key=value` pairs."""
    fields: dict[str, object] = {key: unquoted(value) for key, value in LOGFMT_PAIR.findall(line)}
    if "msg=audit(" in line:
        audited = _AUDIT.search(line)
        if audited:
            fields["time"] = audited[1]
    return fields


def unquoted(value: str) -> str:
    """A value without its quotes and their escapes."""
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except (ValueError, RecursionError):
        return _ESCAPED.sub(r"\1", value[1:-1] if value.endswith('"') else value[1:])


def parameters(data: str) -> dict[str, object]:
    """The parameters in the structured data of RFC 5424, their escapes undone."""
    return {name: _ESCAPED.sub(r"\1", value) for name, value in _PARAMETER.findall(data)}
