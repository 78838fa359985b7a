"""Entries of the systemd journal as `journalctl` exports them, several lines each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from loglib.clean import clean
from loglib.plainblocks import Block, plain

_ENTRY = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*=")
_VERBOSE = re.compile(r"(?:\w{3} )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{2,5})?) \[s=\w")
_MARK = re.compile(r"-- (?:Logs begin|Journal begins|Reboot|Boot [0-9a-f]{32}|No entries)")
Gather = Callable[[Iterable[str]], Iterator[Block]]


def journal_reader(head: Sequence[str]) -> Gather | None:
    """What reads a file that begins with these lines, None where it is no journal's export."""
    if head[0].startswith(("__CURSOR=", "__REALTIME_TIMESTAMP=")):
        return _export
    if _VERBOSE.match(head[0]):
        return _verbose
    return _short if any(map(_MARK.match, head)) else None


def _short(lines: Iterable[str]) -> Iterator[Block]:
    """A line each, without what `journalctl` itself says between them."""
    return (block for block in plain(lines) if not _MARK.match(block[1]))


def _export(lines: Iterable[str]) -> Iterator[Block]:
    """Entries of `journalctl -o export`: a field a line, a blank line between entries."""
    fields: dict[str, str] = {}
    raw: list[str] = []
    start, key = 1, ""
    for number, text, line in plain(lines):
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


def _verbose(lines: Iterable[str]) -> Iterator[Block]:
    """Entries of `journalctl -o verbose`: a line with the time, then an indented field a line."""
    fields: dict[str, str] = {}
    raw: list[str] = []
    start = 1
    for number, text, line in plain(lines):
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
