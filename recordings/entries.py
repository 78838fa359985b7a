"""The recorded logs, read back as entries that can be counted."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ACCESS = re.compile(r'\[(?P<time>[^]]+)\] "\w+ (?P<path>\S+) [^"]*" (?P<status>\d{3}) .* rt=(?P<rt>\S+)')
NGINX = re.compile(r"(?P<time>\d{4}/\S+ \S+) \[(?P<level>\w+)\] \S+ \*\d+ (?P<text>.*?), client:")
SHOP = re.compile(r"(?P<time>\d{4}-\S+ \S+) (?P<level>[A-Z]+) (?P<logger>[\w.]+) (?P<text>.*)")

NGINX_KINDS = {
    "upstream timed out": "upstream timed out",
    "Connection refused": "upstream refused the connection",
    "prematurely closed": "upstream closed too early",
    "reset by peer": "upstream closed too early",
    "Broken pipe": "upstream closed too early",
    "limiting requests": "client over its rate limit",
    "forbidden by rule": "access forbidden",
    "too large body": "request body too large",
}
CALLERS_SLIP = "quantity is not a number"
SHOP_KINDS = {
    "no connection within": "no free connection",
    "OperationalError": "database is locked",
    "ValueError": CALLERS_SLIP,
}


@dataclass(frozen=True)
class Entry:
    """One record of a log: its position, time and content."""

    line: int
    time: datetime
    level: str
    logger: str
    text: str
    seconds: float = 0.0
    kind: str = ""


def read_access(path: Path) -> Iterator[Entry]:
    """Entries of nginx's access log: level is the status, text the path, seconds the duration of the request."""
    for number, match in _matches(path, ACCESS):
        time = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
        yield Entry(number, time, match["status"], "nginx", match["path"], float(match["rt"]))


def read_nginx(path: Path) -> Iterator[Entry]:
    """Entries of nginx's error log."""
    for number, match in _matches(path, NGINX):
        time = datetime.strptime(match["time"] + "+0000", "%Y/%m/%d %H:%M:%S%z")
        kind = _kind(match["text"], NGINX_KINDS)
        yield Entry(number, time, match["level"], "nginx", match["text"], kind=kind)


def read_shop(path: Path) -> Iterator[Entry]:
    """Entries of the shop's log; the lines of a traceback are part of the text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [(number, match) for number, line in enumerate(lines) if (match := SHOP.match(line))]
    ends = [number for number, _ in starts[1:]] + [len(lines)]
    for (number, match), end in zip(starts, ends, strict=True):
        time = datetime.strptime(match["time"] + "+0000", "%Y-%m-%d %H:%M:%S,%f%z")
        text = "\n".join([match["text"], *lines[number + 1 : end]])
        kind = _kind(text, SHOP_KINDS)
        yield Entry(number + 1, time, match["level"], match["logger"], text, kind=kind)


def read_worker(path: Path) -> Iterator[Entry]:
    """Entries of the worker's JSON lines: logger is the job, seconds how long it held the lock."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        record = json.loads(line)
        time = datetime.fromisoformat(record["time"])
        seconds = record.get("lock_ms", 0) / 1000
        yield Entry(number, time, record["level"], record["job"], record["message"], seconds)


def _matches(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = pattern.search(line)
        if match is None:
            raise ValueError(f"{path.name}:{number} is not understood: {line}")
        yield number, match


def _kind(text: str, kinds: dict[str, str]) -> str:
    return next((kind for mark, kind in kinds.items() if mark in text), "other")
