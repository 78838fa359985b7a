"""JSON that is not one object a line: printed objects, arrays, records in a list of an object."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

from loglib.clean import clean
from loglib.plainblocks import MAX_LINES, MAX_TEXT, Block

_WRAPPERS = (
    "Records", "records", "events", "logEvents", "logs", "entries", "items", "hits", "value", "data", "results", "rows",
    "resourceLogs", "scopeLogs", "logRecords", "result",
)  # fmt: skip
_WRAPPED = re.compile(rf'\s*\{{\s*"(?:{"|".join(_WRAPPERS)})"\s*:\s*\[')
_OWN = frozenset(["message", "msg", "level", "severity", "time", "timestamp", "@timestamp", "ts"])
_BETWEEN = re.compile(r"[\s,\[\]}]*")
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_MEMBER = re.compile(r'\s+"[^"]*"\s*:')


def is_json_stream(head: Sequence[str]) -> bool:
    """Whether a file that begins with these lines is JSON in another form than one object a line."""
    if head[0].lstrip().startswith(("{", "[")) and _is_stream(head):
        return True
    members = sum(1 for line in head if _MEMBER.match(line))
    return members >= 0.4 * len(head) and any(line.strip() == "{" for line in head)


def _is_stream(head: Sequence[str]) -> bool:
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


def json_stream(lines: Iterable[str]) -> Iterator[Block]:
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
        elif len(held) > MAX_LINES or size > MAX_TEXT:
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
        if isinstance(inner, dict):
            inner = inner.get(key) if isinstance(inner.get(key), list) else _elements(inner, depth + 1)
        if isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            found: list[dict[str, Any]] = []
            for one in inner:
                one = one["_source"] if isinstance(one.get("_source"), dict) else one
                found += _streamed(one) or _elements(one, depth + 1) or [one]
            resource = value.get("resource")
            return [{**one, "resource": resource} for one in found] if isinstance(resource, dict) else found
    return None


def _streamed(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of a stream of Loki: its labels, and pairs of a time and a line."""
    labels, pairs = value.get("stream"), value.get("values")
    if not isinstance(labels, dict) or not isinstance(pairs, list):
        return []
    whole = [pair for pair in pairs if isinstance(pair, list) and len(pair) > 1]
    return [{**labels, "timestamp": pair[0], "line": pair[1]} for pair in whole]
