"""The field that people mean by a word."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.resolved import code_list
from conjure_magic.models.offline.sampling import Sample
from conjure_magic.models.offline.slots import json_fields

MOST_FIELDS = 20
"""Fields that a refusal lists."""
FAST = frozenset(
    ["rt", "duration", "elapsed", "latency", "time", "took", "response_time", "request_time", "ms", "cost", "took_ms"]
)
"""Names of fields that hold durations."""
GENERAL = frozenset(
    [
        "name",
        "names",
        "id",
        "ids",
        "value",
        "values",
        "number",
        "numbers",
        "code",
        "codes",
        "word",
        "words",
        "type",
        "types",
        "kind",
        "kinds",
    ]
)
"""Words that say little about which field is meant."""
_SYNONYMS = {
    "component": lexicon.SOURCES,
    "level": frozenset({"level", "levels", "severity", "severities"}),
    "host": frozenset({"host", "hosts", "machine", "machines", "hostname"}),
    "pid": frozenset({"pid", "pids", "process", "processes"}),
    "client": frozenset({"client", "clients", "address", "addresses", "ip", "ips", "visitor", "visitors", "caller"}),
    "status": frozenset({"status", "statuses", "code", "codes", "response"}),
    "path": frozenset({"path", "paths", "url", "urls", "page", "pages", "resource", "uri"}),
    "endpoint": frozenset({"endpoint", "endpoints", "route", "routes"}),
    "user": frozenset({"user", "users", "username", "usernames", "account", "who"}),
    "method": frozenset({"method", "methods", "verb", "verbs"}),
    "bytes": frozenset({"bytes", "size"}),
    "message": frozenset({"message", "messages"}),
}
"""Words that people use for fields of these names."""
PEOPLE = frozenset(["visitors", "clients", "users", "callers", "customers", "accounts"])
"""Words for who did something: many lines may be of one of them."""


def no_field(name: str, fields: Sequence[str]) -> str:
    """That the log lacks a field, and which fields it has."""
    listed = f"; its fields are {code_list(fields[:MOST_FIELDS])}" if fields else ""
    return f"this log has no field `{name}`{listed}"


def field_for(words: Sequence[str], fields: Sequence[str], sample: Sample) -> str:
    """The field of the file that these words name; empty if none does."""
    known = [*fields, *dict.fromkeys(name for line in sample.lines[:40] for name in json_fields(line))]
    known = list(dict.fromkeys(known))
    lowered = [word.lower() for word in words]
    joined = {"_".join(lowered), "".join(lowered), "-".join(lowered), lowered[-1], singular(lowered[-1])}
    if len(lowered) > 1:
        short = "".join(word[0] for word in lowered[:-1]) + singular(lowered[-1])
        found = next((name for name in [*known, *keys_of(sample)] if name.lower() == short), "")
        if found:
            return found
    exact = [name for name in known if name.lower() in joined]
    exact += [
        name for name in known if any(name.lower() in (word, singular(word)) for word in lowered) and name not in exact
    ]
    if exact:
        return exact[0]
    for name in known:
        words_for = _SYNONYMS.get(name.lower(), frozenset())
        if (lowered[-1] in words_for and lowered[-1] not in GENERAL) or any(
            word in words_for and word not in GENERAL for word in lowered
        ):
            return name
    parts = [
        name
        for name in known
        if any(
            part and part == singular(word)
            for part in re.split(r"[._-]", name.lower())
            for word in lowered
            if word not in GENERAL
        )
    ]
    return parts[0] if len(parts) == 1 else ""


def keys_of(sample: Sample) -> list[str]:
    """The keys of name=value in the lines."""
    return list(dict.fromkeys(key for line in sample.lines for key in re.findall(r"(?<![\w.])([A-Za-z_]\w*)=", line)))


def field_with(names: Sequence[str], lines: Sequence[str], fields: Sequence[str]) -> str:
    """The field whose values these names are."""
    for line in lines:
        for name, value in json_fields(line).items():
            if str(value) in names:
                return name
    return next((name for name in ("component", "host", "client", "status", "path") if name in fields), "")


def singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def duration_field(fields: Sequence[str], sample: Sample) -> str:
    found = [name for name in fields if name.lower() in FAST - {"time"}]
    return found[0] if len(found) == 1 else ""
