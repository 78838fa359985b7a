"""Lines put together where one record is written over several, or several on one, before anything is learnt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from loglib import tables
from loglib.clean import clean

# The number of the first line, the text to read, the raw text.
Block = tuple[int, str, str]
_HEAD = 60
_MAX_LINES = 5_000  # of one block; a longer one is read line by line
_MAX_TEXT = 4_000_000
_WRAPPERS = (
    "Records", "records", "events", "logEvents", "logs", "entries", "items", "hits", "value", "data", "results", "rows",
    "resourceLogs", "scopeLogs", "logRecords",
)  # fmt: skip
_WRAPPED = re.compile(rf'\s*\{{\s*"(?:{"|".join(_WRAPPERS)})"\s*:\s*\[')
_OWN = frozenset(["message", "msg", "level", "severity", "time", "timestamp", "@timestamp", "ts"])
_BETWEEN = re.compile(r"[\s,\[\]}]*")
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_MEMBER = re.compile(r'\s+"[^"]*"\s*:')
_CRI = re.compile(r"(\d{4}-\d\d-\d\dT\S+ (stdout|stderr) )([FP])((?::\S+)? )(.*)", re.DOTALL)
_ENTRY = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*=")
_VERBOSE = re.compile(r"(?:\w{3} )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{2,5})?) \[s=\w")
_SLOW_TIME = re.compile(r"# Time:\s+(?:(\d{4}-\S+)|(\d\d)(\d\d)(\d\d)\s+(\d{1,2}:\d\d:\d\d))")
_SLOW_USER = re.compile(r"# User@Host:\s*(\S*?)\[[^\]]*\] @\s*(\S*) ?\[([^\]]*)\]")
_SLOW_FIGURE = re.compile(r"(\w+): +(\S+)")
_SLOW_HEAD = re.compile(r"\S*mysqld\S*, Version: |Tcp port: |Time\s+Id\s+Command")


def gather(lines: Iterable[str]) -> Iterator[Block]:
    """The lines of a file as blocks, each of which a layout can read."""
    found = iter(lines)
    head = list(islice(found, _HEAD))
    return _shape([text for line in head if (text := clean(line)).strip()])(chain(head, found))


def is_plain(lines: Iterable[str]) -> bool:
    """Whether each line of a file is a block."""
    return _shape([text for line in islice(lines, _HEAD) if (text := clean(line)).strip()]) is _plain


def _shape(head: list[str]) -> Callable[[Iterable[str]], Iterator[Block]]:
    if not head:
        return _plain
    first = head[0]
    if first.lstrip().startswith(("{", "[")) and _is_stream(head):
        return _json_stream
    if sum(1 for line in head if _MEMBER.match(line)) >= 0.4 * len(head) and any(line.strip() == "{" for line in head):
        return _json_stream
    if first.startswith(("__CURSOR=", "__REALTIME_TIMESTAMP=")):
        return _journal_export
    if _VERBOSE.match(first):
        return _journal_verbose
    if any(_SLOW_USER.match(line) for line in head) and any(line.startswith("# Query_time:") for line in head):
        return _slow_queries
    if sum(1 for line in head if _CRI.match(line)) > 0.8 * len(head):
        return _cri
    if any(line.count('"') % 2 for line in head) and tables.head_of(first)[0]:
        return _quoted
    return _docker if _is_docker(head) else _plain


def _plain(lines: Iterable[str]) -> Iterator[Block]:
    for number, line in enumerate(lines, start=1):
        # Most lines have nothing to take off: asked here, since this runs for every line.
        if "\x1b" in line or "[0m" in line or "[m" in line or "\0" in line or not line.isascii():
            yield number, clean(line), line
        else:
            yield number, line, line


def _is_stream(head: list[str]) -> bool:
    """Whether JSON stands in another way than one object a line."""
    first = head[0].strip()
    if _WRAPPED.match(" ".join(head[:4])):
        return True
    if first.startswith("["):
        return re.match(r"\[\s*\{", "".join(head[:2]).strip()) is not None
    if first == "{":
        return True
    try:
        value, end = json.JSONDecoder().raw_decode(first)
    except (ValueError, RecursionError):
        return len(head) > 1 and _MEMBER.match(head[1]) is not None
    return first[end:].lstrip().startswith("{") or (isinstance(value, dict) and _elements(value) is not None)


def _json_stream(lines: Iterable[str]) -> Iterator[Block]:
    """Each object of a stream, an array, or a list in an object, however it is broken into lines."""
    held: list[str] = []
    start = depth = size = 0
    for number, line in enumerate(lines, start=1):
        text = clean(line)
        if not held:
            start, depth, size = number, 0, 0
        held.append(text)
        size += len(text)
        for mark in _NESTING.findall(text):
            depth += 1 if mark in "{[" else -1 if mark in "}]" else 0
        if len(held) <= 4 and (wrapped := _WRAPPED.match("\n".join(held))):
            held = ["\n".join(held)[wrapped.end() :]]
            depth -= 2
        if len(held) == 1 and _BETWEEN.fullmatch(held[0]):
            held = []
        elif depth <= 0 or held[0].lstrip().startswith("["):
            rest = yield from _objects("\n".join(held), start)
            held = [rest] if rest else []
            depth = sum(1 if m in "{[" else -1 for m in _NESTING.findall(rest) if m in "{}[]") if rest else 0
        elif len(held) > _MAX_LINES or size > _MAX_TEXT:
            yield from ((start + place, part, part) for place, part in enumerate(held))
            held = []
    yield from ((start + place, part, part) for place, part in enumerate(held))


def _objects(text: str, number: int) -> Generator[Block, None, str]:
    """The objects in a text; returns what is left of it, an object that has only begun."""
    decode = json.JSONDecoder().raw_decode
    place = 0
    while True:
        blank = _BETWEEN.match(text, place)
        place = blank.end() if blank else place
        if place >= len(text):
            return ""
        if text[place] != "{":
            if text[place] != '"':  # else what follows a list in its object
                yield number, text[place:], text[place:]
            return ""
        try:
            value, end = decode(text, place)
        except (ValueError, RecursionError):
            # Begun and not ended, or no JSON at all: then its braces are even.
            if _depth(text[place:]) > 0:
                return text[place:]
            yield number, text[place:], text[place:]
            return ""
        elements = _elements(value)
        if elements is None:
            yield number, text[place:end], text[place:end]
        else:
            for element in elements:
                written = json.dumps(element, ensure_ascii=False)
                yield number, written, written
        place = end


def _depth(text: str) -> int:
    return sum(1 if mark in "{[" else -1 for mark in _NESTING.findall(text) if mark in "{}[]")


def _elements(value: dict[str, Any], depth: int = 0) -> list[dict[str, Any]] | None:
    """The records in an object that only wraps a list of them, None where it is a record itself."""
    if depth > 4 or not _OWN.isdisjoint(value):
        return None
    for key in _WRAPPERS:
        inner = value.get(key)
        if isinstance(inner, dict) and isinstance(inner.get(key), list):
            inner = inner[key]
        if isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            found: list[dict[str, Any]] = []
            for one in inner:
                one = one["_source"] if isinstance(one.get("_source"), dict) else one
                found += _elements(one, depth + 1) or [one]
            resource = value.get("resource")
            return [{**one, "resource": resource} for one in found] if isinstance(resource, dict) else found
    return None


def _quoted(lines: Iterable[str]) -> Iterator[Block]:
    """The rows of a CSV file: a line break between quotes ends no row."""
    held: list[str] = []
    start, odd = 1, False
    for number, line in enumerate(lines, start=1):
        if not held:
            start, odd = number, False
        held.append(line)
        odd ^= line.count('"') % 2 == 1
        if not odd:
            raw = "\n".join(held)
            yield start, clean(raw), raw
            held = []
        elif len(held) > _MAX_LINES:
            yield from ((start + place, clean(part), part) for place, part in enumerate(held))
            held = []
    yield from ((start + place, clean(part), part) for place, part in enumerate(held))


def _cri(lines: Iterable[str]) -> Iterator[Block]:
    """A container runtime's lines: what it broke into parts (`P`) is put together up to the last part (`F`)."""
    parts: dict[str, tuple[int, str, str]] = {}
    for number, text, line in _plain(lines):
        match = _CRI.match(text)
        if match is None:
            yield number, text, line
            continue
        held = parts.pop(match[2], None)
        if held is not None:
            number, text, line = held[0], held[1] + match[5], f"{held[2]}\n{line}"
        if match[3] == "P" and len(text) < _MAX_TEXT:
            parts[match[2]] = (number, text if held else f"{match[1]}F{match[4]}{match[5]}", line)
        else:
            yield number, text, line
    yield from sorted(parts.values())


def _is_docker(head: list[str]) -> bool:
    logs = [_docker_log(line) for line in head[:20]]
    return all(log is not None for log in logs) and any((log or "").endswith("\n") for log in logs)


def _docker_log(text: str) -> str | None:
    try:
        value = json.loads(text) if text.startswith('{"log"') else None
    except (ValueError, RecursionError):
        return None
    log = value.get("log") if isinstance(value, dict) else None
    return log if isinstance(log, str) else None


def _docker(lines: Iterable[str]) -> Iterator[Block]:
    """Docker's JSON lines: a log text that does not end its line goes on in the next."""
    held: tuple[int, str, str] | None = None
    for number, text, line in _plain(lines):
        log = None if held is None and '\\n", ' in text else _docker_log(text)
        if held is not None and log is not None:
            joined = held[1] + log
            number, line = held[0], f"{held[2]}\n{line}"
            held = None
            value = {**json.loads(text), "log": joined}
            if not joined.endswith("\n") and len(joined) < _MAX_TEXT:
                held = (number, joined, line)
                continue
            text = json.dumps(value, ensure_ascii=False)
        elif log is not None and not log.endswith("\n"):
            held = (number, log, line)
            continue
        yield number, text, line
    if held is not None:
        yield held[0], held[2].rpartition("\n")[2], held[2]


def _journal_export(lines: Iterable[str]) -> Iterator[Block]:
    """Entries of `journalctl -o export`: a field a line, a blank line between entries."""
    fields: dict[str, str] = {}
    raw: list[str] = []
    start, key = 1, ""
    for number, text, line in _plain(lines):
        if not text.strip():
            if fields:
                yield start, json.dumps(fields, ensure_ascii=False), "\n".join(raw)
            fields, raw, key = {}, [], ""
            continue
        if not raw:
            start = number
        raw.append(line)
        if _ENTRY.match(text):
            key = ""
            name, _, value = text.partition("=")
            fields[name] = value
        elif key:
            fields[key] = f"{fields[key]}\n{text}" if fields[key] else _without_size(line)
        else:
            key = text.strip()  # its value follows, with its size in eight bytes before it
            fields[key] = ""
    if fields:
        yield start, json.dumps(fields, ensure_ascii=False), "\n".join(raw)


def _without_size(line: str) -> str:
    return clean(line[8:])


def _journal_verbose(lines: Iterable[str]) -> Iterator[Block]:
    """Entries of `journalctl -o verbose`: a line with the time, then an indented field a line."""
    fields: dict[str, str] = {}
    raw: list[str] = []
    start = 1
    for number, text, line in _plain(lines):
        head = _VERBOSE.match(text)
        if head:
            if fields:
                yield start, json.dumps(fields, ensure_ascii=False), "\n".join(raw)
            fields, raw, start = {"time": head[1]}, [line], number
        elif fields:
            raw.append(line)
            name, mark, value = text.strip().partition("=")
            if mark:
                fields[name] = value
        else:
            yield number, text, line
    if fields:
        yield start, json.dumps(fields, ensure_ascii=False), "\n".join(raw)


def _slow_queries(lines: Iterable[str]) -> Iterator[Block]:
    """A database's slow queries: comment lines with figures, then the statement, are one record."""
    raw: list[str] = []
    start, when = 1, ""
    asked = False  # whether the statement has begun
    for number, text, line in _plain(lines):
        if _SLOW_HEAD.match(text):
            continue
        begins = text.startswith("# Time:") or (asked and text.startswith("# User@Host:"))
        if begins and raw:
            yield _slow_query(start, raw, when)
            raw = []
        if not raw:
            start, asked = number, False
        time = _SLOW_TIME.match(text)
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
        user = _SLOW_USER.match(line)
        if user:
            fields |= {"user": user[1], "client": user[2] or user[3]}
        elif line.startswith("# ") and not line.startswith("# Time:"):
            fields |= {name.lower(): value for name, value in _SLOW_FIGURE.findall(line)}
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
