"""Logs of requests that servers, proxies and load balancers write as text."""

from __future__ import annotations

import re

from loglib import clock
from loglib.layout import Layout, time_source

_CLF_TIME = next(style for style in clock.STYLES if style.name == "dbY H:M:S")
_ISO = next(style for style in clock.STYLES if style.name == "Ymd H:M:S")
FIELDS = ("client", "method", "path", "status", "bytes", "duration")  # under the same names in every web log
_REQUEST = r'"(?P<request>(?:[^"\\]|\\.)*)"'
_STATUS = r"(?P<status>\d{1,3}|-)"
_FIRST_WORDS = re.compile(r"([A-Z][A-Z_-]{1,19}) (\S+)(?: HTTP/[\d.]+)?\s*\Z")
# A request in the message of a line that has another layout, as development servers write it.
_TOLD = re.compile(
    r'"(?P<method>[A-Z]{3,10}) (?P<path>[^\s"]+)(?: HTTP/[\d.]+)?" (?P<status>[1-5]\d\d)(?: (?P<bytes>\d+|-))?(?=\s|$)'
)
_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f]*:[0-9a-f:]+\]?)(?=[:\s])")
_DURATION = re.compile(
    r'(?:(?:request_time|rt|duration|took|time)[=:]"?(\d+(?:\.\d+)?)(?:ms|s)?"?(?=\s|$)|(?<= )(\d+\.\d{3})(?=\s|$)'
    r"|(?<= )(\d+)ms$)"
)


def _clf(style: clock.Style, mark: str = r"\[") -> str:
    """Common Log Format and its usual extensions (W3C httpd: host ident user [time] "request" status bytes)."""
    return (
        rf"(?:(?P<vhost>[\w.-]+:\d+) )?(?P<client>\S+) \S+ (?P<user>\S+(?: [^\[ ]+)*?) {mark}"
        + time_source(style)
        + rf"\] (?P<message>{_REQUEST} {_STATUS} (?P<bytes>\d+|-)(?P<rest>.*))"
    )


# A load balancer: [type] time name client:port target:port three times two statuses received sent "request" …
_BALANCER = (
    r"(?:(?P<type>http|https|h2|grpcs|ws|wss) )?"
    + time_source(_ISO)
    + r" (?P<balancer>\S+) (?P<client>[^\s:]+|\[\S+?\])"
    r":\d+ (?P<target>\S+) (?P<request_seconds>-?[\d.]+) (?P<duration>-?[\d.]+) (?P<response_seconds>-?[\d.]+) "
    rf"{_STATUS} (?P<target_status>\d+|-) (?P<bytes_in>\d+) (?P<bytes>\d+) {_REQUEST}(?P<rest>.*)"
)
# A bucket: owner bucket [time] address requester id operation key "request" status error bytes size total …
_BUCKET = (
    r"(?P<owner>[0-9a-f]{16,}|-) (?P<bucket>\S+) \["
    + time_source(_CLF_TIME)
    + r"\] (?P<client>\S+) (?P<requester>\S+) "
    rf"(?P<request_id>\S+) (?P<operation>[A-Z]\S+) (?P<key>\S+) (?:{_REQUEST}|-) {_STATUS} (?P<error>\S+) "
    r"(?P<bytes>\d+|-) (?P<size>\d+|-) (?P<duration>\d+|-)(?P<rest>.*)"
)
# A proxy in front of services: [time] "request" status flags … received sent milliseconds upstream "address" …
_MESH = (
    r"\[" + time_source(_ISO) + rf"\] {_REQUEST} {_STATUS} (?P<flags>\S+)(?: (?:[^\s\"]+|\"[^\"]*\")){{0,4}}? "
    r"(?P<bytes_in>\d+) (?P<bytes>\d+) (?P<duration>\d+) (?P<upstream>\d+|-)(?: \"(?P<client>[^\"]*)\"(?P<rest>.*))?"
)
# A caching proxy: time milliseconds address result/status bytes method address user …
_CACHE = (
    r"\s+(?P<duration>-?\d+) (?P<client>\S+) (?P<result>[A-Z][A-Z_]+)/(?P<status>\d{3}) "
    r"(?P<bytes>\d+) (?P<method>[A-Z_-]+|-) (?P<path>\S+) (?P<user>\S+)(?: (?P<rest>.*))?"
)
# A balancer for HTTP: address:port [time] frontend backend/server times status bytes …
_FRONT = (
    r"(?P<client>\S+):\d+ \[" + time_source(_CLF_TIME) + r"\] (?P<frontend>\S+) (?P<backend>[^\s/]+)/(?P<server>\S+) "
    rf"-?\d+(?:/-?\d+){{2,4}}/\+?(?P<duration>-?\d+) {_STATUS} \+?(?P<bytes>\d+)(?P<rest> [^\"]*){_REQUEST}.*"
)
# A server under development: method path status milliseconds ms - bytes.
_SHORT = (
    r"(?P<method>GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (?P<path>/\S*) (?P<status>\d{3}|-) (?P<duration>[\d.]+|-)"
    r" ms - (?P<bytes>\d+|-)"
)
# A framework's own: [name] time | status | duration | client | method "path".
_BARS = (
    r"(?:\[\w+\] )?"
    + time_source(_ISO)
    + r" \|\s*(?P<status>\d{3})\s*\|\s*(?P<duration>[\d.]+)\S*\s*\|\s*(?P<client>\S+)\s*\|\s*(?P<method>[A-Z]+)\s+"
    r"\"?(?P<path>[^\s\"]*)\"?.*"
)
LAYOUTS = tuple(
    Layout("access", pattern, style, columns=(name,), requests=True)
    for name, pattern, style in (
        ("", _clf(_CLF_TIME), _CLF_TIME),
        ("", _clf(_ISO), _ISO),
        ("load balancer", _BALANCER, _ISO),
        ("bucket", _BUCKET, _CLF_TIME),
        ("service proxy", _MESH, _ISO),
        ("caching proxy", time_source(clock.EPOCH) + _CACHE, clock.EPOCH),
        ("caching proxy", time_source(_CLF_TIME) + _CACHE, _CLF_TIME),
        ("HTTP balancer", _FRONT, _CLF_TIME),
        ("framework", _BARS, _ISO),
        ("development server", _SHORT, None),
    )
)


def fields_of(match: re.Match[str]) -> dict[str, object]:
    """The fields of a request under their standard names: client, method, path, status, bytes, duration."""
    found: dict[str, object] = {
        name: value
        for name, value in match.groupdict().items()
        if value not in (None, "-") and name not in ("ts", "frac", "tail", "q", "message", "rest")
    }
    request = match.groupdict().get("request")
    words = _FIRST_WORDS.match(request) if request else None
    if words:
        found["method"], found["path"] = words[1], words[2]
    rest = match.groupdict().get("rest")
    if rest and "duration" not in found:
        took = _DURATION.search(rest)
        if took:
            found["duration"] = took[1] or took[2] or took[3]
    return found


def is_request(line: str) -> bool:
    """Whether a line of text describes a request: its method and path in quotes, then its status."""
    return _TOLD.search(line) is not None


def told(message: str) -> dict[str, object]:
    """The standard fields of the request that a message describes, {} if it describes none."""
    match = _TOLD.search(message)
    if match is None:
        return {}
    found: dict[str, object] = {
        name: value for name, value in match.groupdict().items() if value not in (None, "-", "")
    }
    before = _ADDRESS.search(message[: match.start()])
    if before:
        found["client"] = before[1]
    took = _DURATION.search(message[match.end() :])
    if took:
        found["duration"] = took[1] or took[2] or took[3]
    return found


def message_of(fields: dict[str, object]) -> str:
    """A request in the form of the Common Log Format, for a line that has its parts in another order."""
    request = fields.get("request", f"{fields.get('method', '-')} {fields.get('path', '-')}")
    return f'"{request}" {fields.get("status", "-")} {fields.get("bytes", "-")}'
