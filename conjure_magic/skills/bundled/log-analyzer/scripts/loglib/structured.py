"""Formats that name their fields or follow a written standard: JSON lines, logfmt, web access, syslog 5424."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from loglib import clock
from loglib.layout import Layout, time_source
from loglib.masks import VALUE

_CLF_TIME = next(style for style in clock.STYLES if style.name == "dbY H:M:S")
_ISO = next(style for style in clock.STYLES if style.name == "Ymd H:M:S")
# Common Log Format and its usual extensions (W3C httpd: host ident user [time] "request" status bytes).
ACCESS = (
    r"(?:(?P<vhost>[\w.-]+:\d+) )?(?P<client>\S+) \S+ (?P<user>\S+(?: [^\[ ]+)*?) \["
    + time_source(_CLF_TIME)
    + r'\] (?P<message>"(?P<method>[A-Z]+) (?P<path>[^" ]*)[^"]*" (?P<status>\d{3}) (?P<bytes>\d+|-).*)'
)
# RFC 5424, section 6: <PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
SYSLOG = (
    r"<(?P<pri>\d{1,3})>\d{1,2} (?:"
    + time_source(_ISO)
    + r"|-) (?P<host>\S+) (?P<component>\S+) (?P<pid>\S+) (?P<msgid>\S+) "
    + r'(?P<data>-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*"|\\.)*\])+) ?\ufeff?(?P<message>.*)'
)
LOGFMT_PAIR = re.compile(r'([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_LOGFMT = re.compile(rf"(?:{LOGFMT_PAIR.pattern}\s*){{3,}}\Z")


_REQUEST = re.compile(r'"([A-Z]+) ([^" ?#]*)[^"]*" (\d{3})')


def request_template(message: str) -> str | None:
    """A web request as its template: method, path with its variable parts open, status."""
    match = _REQUEST.match(message)
    if match is None:
        return None
    parts = [VALUE if len(part) > 24 or any(map(str.isdigit, part)) else part for part in match[2].split("/")]
    return f"{match[1]} {'/'.join(parts)} {match[3]}"


def detect(lines: Sequence[str]) -> Layout | None:
    """The named-field or standard layout of most of the lines, None where there is none."""
    probe = lines[:: max(len(lines) // 300, 1)][:400]
    for layout in (
        Layout("json", level_rule="field"),
        Layout("logfmt", level_rule="field"),
        Layout("access", ACCESS, _CLF_TIME),
        Layout("text", SYSLOG, _ISO, level_rule="priority"),
    ):
        fits = matcher(layout)
        if sum(1 for line in probe if fits(line)) > 0.5 * len(probe):
            return layout
    return None


def matcher(layout: Layout) -> Callable[[str], bool]:
    """A function that tells whether a line is of the layout."""
    if layout.kind == "json":
        return _is_json
    if layout.kind == "logfmt":
        return lambda line: _LOGFMT.match(line.strip()) is not None
    regex = re.compile(layout.pattern)
    return lambda line: regex.match(line) is not None


def _is_json(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
