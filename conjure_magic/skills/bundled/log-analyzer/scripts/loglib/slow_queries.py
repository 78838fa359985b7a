"""The slow query log of MySQL and MariaDB: comment lines with figures and a statement are one record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from loglib.clean import clean
from loglib.plainblocks import Block, plain

_TIME = re.compile(r"# Time:\s+(?:(\d{4}-\S+)|(\d\d)(\d\d)(\d\d)\s+(\d{1,2}:\d\d:\d\d))")
_USER = re.compile(r"# User@Host:\s*(\S*?)\[[^\]]*\] @\s*(\S*) ?\[([^\]]*)\]")
_FIGURE = re.compile(r"(\w+): +(\S+)")
_HEAD = re.compile(r"\S*mysqld\S*, Version: |Tcp port: |Time\s+Id\s+Command")


def is_slow_log(head: Sequence[str]) -> bool:
    """Whether lines are those of slow queries."""
    return any(_USER.match(line) for line in head) and any(line.startswith("# Query_time:") for line in head)


def slow_queries(lines: Iterable[str]) -> Iterator[Block]:
    """A database's slow queries: comment lines with figures, then the statement, are one record."""
    raw: list[str] = []
    start, when = 1, ""
    asked = False  # whether the statement has begun
    for number, text, line in plain(lines):
        if _HEAD.match(text):
            continue
        begins = text.startswith("# Time:") or (asked and text.startswith("# User@Host:"))
        if begins and raw:
            yield _slow_query(start, raw, when)
            raw = []
        if not raw:
            start, asked = number, False
        time = _TIME.match(text)
        if time:
            when = time[1] or f"20{time[2]}-{time[3]}-{time[4]} {time[5]:0>8}"
        asked = asked or not text.startswith("#")
        raw.append(line)
    if raw:
        yield _slow_query(start, raw, when)


def _slow_query(start: int, raw: list[str], when: str) -> Block:
    fields: dict[str, str] = {"time": when} if when else {}
    statement = []
    for line in map(clean, raw):
        user = _USER.match(line)
        if user:
            fields |= {"user": user[1], "client": user[2] or user[3]}
        elif line.startswith("# ") and not line.startswith("# Time:"):
            fields |= {name.lower(): value for name, value in _FIGURE.findall(line)}
        elif line.lower().startswith("set timestamp="):
            fields["timestamp"] = line[14:].rstrip(";")
        elif not line.startswith("#"):
            statement.append(line.strip())
    if not when and "timestamp" in fields:
        fields["time"] = fields["timestamp"]
    fields.pop("timestamp", None)
    if "query_time" in fields:
        fields["duration"] = fields["query_time"]
    fields["message"] = " ".join(statement)
    return start, json.dumps(fields, ensure_ascii=False), "\n".join(raw)
