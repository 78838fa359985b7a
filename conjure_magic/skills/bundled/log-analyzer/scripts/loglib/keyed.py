"""Time, level, component and message from records whose fields carry names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache

from loglib import clock, levels
from loglib.clean import clean

Fields = Mapping[str, object]
# Names of keys in small letters, the likeliest first; `a.b` is key b in an object under key a.
ROLES: dict[str, tuple[str, ...]] = {
    "time": (
        "@timestamp", "timestamp", "time", "ts", "@t", "datetime", "t", "eventtime", "event_time",
        "__realtime_timestamp",
        "_source_realtime_timestamp", "timeunixnano", "observedtimeunixnano", "timemillis", "asctime", "created_at",
        "createdat", "time_local", "time_iso8601", "isotime", "logged_at", "log_time", "logtime", "receivetimestamp",
        "requestreceivedtimestamp", "eventtimestamp", "timegenerated", "start_time", "starttime", "startutc",
        "startlocal",
        "published", "syslog_timestamp", "epoch", "millis", "instant.epochsecond", "timestamp.seconds", "date",
        "date and time", "date time", "date/time", "datum und uhrzeit", "timecreated", "event time", "log time",
        "logged", "time stamp",
    ),
    "level": (
        "severitytext", "severity_text", "level_name", "levelname", "loglevel", "log_level", "log.level", "level",
        "@level", "@l", "lvl", "severity", "severity_label", "sev", "level.name", "levelstr", "log_severity", "l", "s",
        "priority", "syslog_severity", "syslog.severity", "severitynumber", "severity_number", "levelno", "level_no",
        "level_value", "level.value", "leveldisplayname", "eventlevel", "@severity", "verbosity", "logger.level",
        "status",
    ),
    "message": (
        "@m", "message", "msg", "@message", "@mt", "short_message", "event.original", "textpayload", "body", "text",
        "log", "line", "event", "logmessage", "log_message", "messagetemplate", "renderedmessage", "description",
        "full_message", "summary", "eventname", "error.message", "err.msg", "error", "errormessage",
    ),
    "component": (
        "component", "logger", "logger_name", "loggername", "log.logger", "channel", "c", "category", "sourcecontext",
        "properties.sourcecontext", "name", "module", "@module", "service", "service.name", "app", "application",
        "appname", "app_name", "syslog_identifier", "_systemd_unit", "_comm", "target", "caller", "source", "program",
        "tag", "ident", "unit", "scope.name", "eventsource", "subsystem", "process.name", "class",
        "kubernetes.container_name",
    ),
    "host": (
        "host", "hostname", "_hostname", "host.name", "host.hostname", "node", "server", "instance", "machine",
        "machinename", "properties.machinename", "computer", "computername", "s-computername", "kubernetes.pod_name",
    ),
    "pid": (
        "pid", "_pid", "process.pid", "process_id", "processid", "procid", "thread", "tid", "threadid",
        "thread_name", "threadname", "process.thread.id",
    ),
    "client": (
        "client", "client_ip", "clientip", "remote_addr", "remote_ip", "remoteip", "c-ip", "clienthost", "clientaddr",
        "source.ip", "client.ip", "client.address", "request.remote_ip", "request.client_ip", "httprequest.remoteip",
        "remote_host", "remotehost", "sourceipaddress", "downstream_remote_address", "ip",
    ),
    "method": (
        "method", "request_method", "http.method", "cs-method", "http.request.method", "request.method",
        "requestmethod",
        "httprequest.requestmethod", "http_method", "verb", "cs_method",
    ),
    "path": (
        "path", "uri", "url", "request_uri", "requesturi", "cs-uri-stem", "url.path", "request.uri", "url.original",
        "request.url", "http.url", "http.target", "requestpath", "httprequest.requesturl", "http.path", "cs_uri_stem",
        "req.url",
    ),
    "request": ("request", "request_line", "requestline", "http_request", "http.request", "req"),
    "status": (
        "status", "status_code", "statuscode", "sc-status", "http.status_code", "http.response.status_code",
        "response.status", "response_code", "responsecode", "elb_status_code", "httprequest.status",
        "downstreamstatus",
        "http_status", "httpstatus", "res.statuscode", "http.status", "response_status", "code", "sc_status",
    ),
    "bytes": (
        "bytes", "size", "bytes_sent", "body_bytes_sent", "sc-bytes", "response_size", "response_length", "length",
        "http.response.body.bytes", "httprequest.responsesize", "downstreamcontentsize", "bytessent", "sent_bytes",
    ),
    "duration": (
        "duration", "request_time", "time-taken", "latency", "elapsed", "took", "response_time", "responsetime",
        "duration_ms", "durationms", "elapsed_ms", "latency_ms", "event.duration", "httprequest.latency",
        "request.duration",
        "elapsedmilliseconds", "query_time",
    ),
}  # fmt: skip
_TAIL = ("time", "level", "message", "component", "host")  # roles that a key has under any other key, too
_ASKED = frozenset(["method", "path", "request"])
_REQUEST = re.compile(r"([A-Z][A-Z_-]{1,19}) (\S+)")
_WEB = ("client", "method", "path", "status", "bytes", "duration")
_STYLES = [*clock.STYLES, clock.EPOCH]
_BOXES = frozenset(
    ["stringValue", "intValue", "doubleValue", "boolValue", "$date", "$numberLong", "$oid", "$numberInt"]
)
_HOLE = re.compile(r"\{[@$]?(\w+)(?:[,:][^{}]*)?\}")
_MAX_DEPTH = 6
_MAX_KEYS = 400
Parts = tuple[str | None, float | None, str | None, str | None, str | None, str | None, str]
Plan = dict[str, tuple[str, ...]]
Scales = Mapping[str, Mapping[int, str]]


def flatten(fields: Fields) -> Fields:
    """The same fields with those of inner objects under dotted names; boxed values are taken out of their box."""
    for value in fields.values():
        if isinstance(value, (dict, list)):
            flat: dict[str, object] = {}
            _flatten(fields, "", flat, 0)
            return flat
    return fields


def _flatten(fields: Fields, prefix: str, flat: dict[str, object], depth: int) -> None:
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(one, dict) and "key" in one for one in value):
            value = {str(one["key"]): one.get("value") for one in value}
        if isinstance(value, dict) and value and depth < _MAX_DEPTH and len(flat) < _MAX_KEYS:
            box = next(iter(value)) if len(value) == 1 else ""
            if box in _BOXES:
                inner = value[box]
                flat[name] = inner["$numberLong"] if isinstance(inner, dict) and "$numberLong" in inner else inner
            else:
                _flatten(value, f"{name}.", flat, depth + 1)
        else:
            flat[name] = value


def plan_of(keys: Iterable[str]) -> Plan:
    """For each role the keys that may have it, the likeliest first."""
    ranked: dict[str, list[tuple[int, str]]] = {role: [] for role in ROLES}
    for key in keys:
        lowered = key.lower()
        tail = lowered.rpartition(".")[2]
        for role, names in ROLES.items():
            if lowered in names:
                ranked[role].append((names.index(lowered), key))
            elif tail != lowered and role in _TAIL and tail in names and tail not in ("name", "status", "date"):
                ranked[role].append((100 * lowered.count(".") + names.index(tail), key))
    return {role: tuple(key for _, key in sorted(found)) for role, found in ranked.items() if found}


def scales_of(sample: Sequence[Fields]) -> dict[str, dict[int, str]]:
    """For each key that may be a level as a number, the scale that its numbers are of."""
    seen: dict[str, set[int]] = {}
    for fields in sample:
        for key in plan_of(fields).get("level", ()):
            number = _number(fields[key])
            if number is not None:
                seen.setdefault(key, set()).add(number)
    return {key: levels.scale(key, numbers) for key, numbers in seen.items()}


def is_web(fields: Fields) -> bool:
    """Whether named fields are those of a request: a status, and a method or a path."""
    plan = plan_of(fields)
    status = _status(fields, plan)
    return status is not None and not _ASKED.isdisjoint(plan)


class Reader:
    """Takes the parts of a record out of its named fields, and adds the standard names of a request's fields."""

    def __init__(self, newest: datetime, scales: Scales) -> None:
        self._scales = scales
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._moment = lru_cache(maxsize=20_000)(lambda text: read_time(text, newest))

    def __call__(self, fields: Fields, line: str) -> tuple[Parts, Fields]:
        """The parts, and the fields with the standard names added."""
        keys = tuple(fields)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) > 2000:
                self._plans.clear()
            plan = self._plans[keys] = plan_of(keys)
        when = self._when(fields, plan)
        status = None if _ASKED.isdisjoint(plan) else _status(fields, plan)
        if status is not None:
            fields = _with_standard_names(fields, plan, status)
        return (
            when.iso if when else None,
            when.epoch if when else None,
            self._level(fields, plan),
            _text(_first(fields, plan.get("component", ()))),
            _text(_first(fields, plan.get("host", ()))),
            _text(_first(fields, plan.get("pid", ()))),
            _message(fields, plan, line, web=status is not None),
        ), fields

    def _when(self, fields: Fields, plan: Plan) -> clock.Moment | None:
        for key in plan.get("time", ()):
            value = fields[key]
            if value is None or value == "" or isinstance(value, (dict, list, bool)):
                continue
            text = str(value)
            if ":" in text and len(text) < 13 and "date" in fields and key != "date":
                text = f"{fields['date']} {text}"
            found = self._moment(text)
            if found is not None:
                return found
        return None

    def _level(self, fields: Fields, plan: Plan) -> str | None:
        written = None
        for key in plan.get("level", ()):
            value = fields[key]
            number = _number(value)
            if number is not None:
                name = self._scales[key].get(number) if key in self._scales else levels.scale(key, {number}).get(number)
            else:
                name = levels.canonical(value.strip()) if isinstance(value, str) else None
                if (
                    name is None
                    and written is None
                    and isinstance(value, str)
                    and key.lower() not in ("status", "l", "s")
                ):
                    written = value or None
            if name is not None:
                return name
        if written is None and "@t" in fields and "@l" not in fields and ("@m" in fields or "@mt" in fields):
            return "INFO"  # compact log events leave the usual level out
        return written


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) < 7 and value.lstrip("-").isdecimal():
        return int(value)
    return None


def _status(fields: Fields, plan: Plan) -> str | None:
    for key in plan.get("status", ()):
        number = _number(fields[key])
        if number is not None and 100 <= number <= 599:
            return str(number)
    return None


def _with_standard_names(fields: Fields, plan: Plan, status: str) -> Fields:
    added = dict(fields)
    for role in _WEB:
        value = status if role == "status" else _first(fields, plan.get(role, ()))
        if role not in added and value is not None:
            added[role] = value
    request = _REQUEST.match(str(_first(fields, plan.get("request", ())) or ""))
    if request:
        added.setdefault("method", request[1])
        added.setdefault("path", request[2])
    return added


def _message(fields: Fields, plan: Plan, line: str, *, web: bool) -> str:
    message = _first(fields, plan.get("message", ()))
    if message is None:
        if web:
            path = fields.get("path", "-")
            return f'"{fields.get("method", "-")} {path}" {fields["status"]}'
        return line
    text = clean(str(message))
    if "{" in text and ("@mt" in fields or "MessageTemplate" in fields) and "@m" not in fields:
        text = _HOLE.sub(lambda hole: str(fields.get(hole[1], hole[0])), text)
    return text


@lru_cache(maxsize=1)
def _remembered() -> list[clock.Style]:
    return []


def read_time(text: str, newest: datetime) -> clock.Moment | None:
    """The time that a whole text is, None where it is none."""
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


def _first(fields: Fields, keys: Sequence[str]) -> object:
    for key in keys:
        value = fields[key]
        if value is not None and value != "" and not isinstance(value, (dict, list)):
            return value
    return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def loads(text: str) -> dict[str, object] | None:
    """The fields of a JSON object, flattened; None where the text is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    flat = flatten(value)
    return flat if isinstance(flat, dict) else dict(flat)


Keyed = Callable[[Fields, str], tuple[Parts, Fields]]
