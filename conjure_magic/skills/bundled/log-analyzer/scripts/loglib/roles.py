"""The names under which fields hold a record's time, level, message, and the parts of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
        "logged", "time stamp", "_time",
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
        "full_message", "summary", "eventname", "error.message", "err.msg", "error", "errormessage", "_raw",
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
        "response.status", "response_code", "responsecode", "responsestatus.code",
        "response.status_code", "elb_status_code", "httprequest.status",
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
    "outcome": (
        "outcome", "result", "action", "conclusion", "verdict", "test_status", "event.outcome", "status", "state",
        "event", "success", "ok", "passed", "succeeded",
    ),
    "error": (
        "error", "err", "exception", "errorcode", "error_code", "error.kind", "error.type", "error.code",
        "error.message", "exception.type", "exception.message", "errormessage", "error_message", "err.message",
    ),
}  # fmt: skip
_TAIL = ("time", "level", "message", "component", "host")  # roles that a key has under any other key, too
Plan = dict[str, tuple[str, ...]]


def plan_of(keys: Iterable[str], known: Mapping[str, str] | None = None) -> Plan:
    """For each role the keys that may have it, the likeliest first; `known` are keys that have one by their values."""
    keys = list(keys)
    ranked: dict[str, list[tuple[int, str]]] = {role: [] for role in ROLES}
    for key in keys:
        lowered = key.lower()
        tail = lowered.rpartition(".")[2]
        for role, names in ROLES.items():
            if lowered in names:
                ranked[role].append((names.index(lowered), key))
            elif tail != lowered and role in _TAIL and tail in names and tail not in ("name", "status", "date"):
                ranked[role].append((100 * lowered.count(".") + names.index(tail), key))
    for role, key in (known or {}).items():
        if key in keys:
            ranked[role].append((-1, key))
    return {role: tuple(key for _, key in sorted(found)) for role, found in ranked.items() if found}
