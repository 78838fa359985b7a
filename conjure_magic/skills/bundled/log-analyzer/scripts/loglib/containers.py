"""What container engines write: lines that the runtime or docker broke into parts, put together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from loglib.plainblocks import MAX_TEXT, Block, plain

_CRI = re.compile(r"(\d{4}-\d\d-\d\dT\S+ (stdout|stderr) )([FP])((?::\S+)? )(.*)", re.DOTALL)


def is_cri(head: Sequence[str]) -> bool:
    """Whether most of the lines are a container runtime's."""
    return sum(1 for line in head if _CRI.match(line)) > 0.8 * len(head)


def cri(lines: Iterable[str]) -> Iterator[Block]:
    """A container runtime's lines: what it broke into parts (`P`) is put together up to the last part (`F`)."""
    parts: dict[str, tuple[int, str, str]] = {}
    for number, text, line in plain(lines):
        if not parts and " P" not in text[:70]:
            yield number, text, line  # nearly all lines: whole ones
            continue
        match = _CRI.match(text)
        if match is None:
            yield number, text, line
            continue
        held = parts.pop(match[2], None)
        if held is not None:
            number, text, line = held[0], held[1] + match[5], f"{held[2]}\n{line}"
        if match[3] == "P" and len(text) < MAX_TEXT:
            parts[match[2]] = (number, text if held else f"{match[1]}F{match[4]}{match[5]}", line)
        else:
            yield number, text, line
    yield from sorted(parts.values())


def is_docker(head: Sequence[str]) -> bool:
    """Whether the lines are docker's JSON objects, each around a line of a container."""
    logs = [_docker_log(line) for line in head[:20]]
    return all(log is not None for log in logs) and any((log or "").endswith("\n") for log in logs)


def _docker_log(text: str) -> str | None:
    try:
        value = json.loads(text) if text.startswith('{"log"') else None
    except (ValueError, RecursionError):
        return None
    log = value.get("log") if isinstance(value, dict) else None
    return log if isinstance(log, str) else None


def docker(lines: Iterable[str]) -> Iterator[Block]:
    """Docker's JSON lines: a log text that does not end its line continues in the next."""
    held: tuple[int, str, str] | None = None
    for number, text, line in plain(lines):
        log = None if held is None and '\\n", ' in text else _docker_log(text)
        if held is not None and log is not None:
            joined = held[1] + log
            number, line = held[0], f"{held[2]}\n{line}"
            held = None
            value = {**json.loads(text), "log": joined}
            if not joined.endswith("\n") and len(joined) < MAX_TEXT:
                held = (number, joined, line)
                continue
            text = json.dumps(value, ensure_ascii=False)
        elif log is not None and not log.endswith("\n"):
            held = (number, log, line)
            continue
        yield number, text, line
    if held is not None:
        yield held[0], held[2].rpartition("\n")[2], held[2]
