"""The bundled native skill `log-fetcher`: log entries from an HTTP address, as JSON."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conjure_magic.api.addresses import names_network
from conjure_magic.api.fetch import FetchRules, checked_url, fetch
from conjure_magic.approval import ApprovalGate
from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.results import shortened
from conjure_magic.errors import ToolError
from conjure_magic.events import ToolResult
from conjure_magic.phrases import counted

USAGE = "Use: fetch URL [--limit N] [--level LEVEL]"
LIMIT = 100
"""Default number of entries."""
MOST_PARTS = 500_000
"""Lists and objects in an answer that is read as JSON: millions of empty ones would stop the kernel for long."""
LISTS = ("logs", "records", "items", "entries", "events", "results", "data", "lines")
"""Names under which servers put the list of entries."""


@dataclass(frozen=True, slots=True)
class FetchCommand:
    """A parsed `fetch` command."""

    url: str
    limit: int = LIMIT
    level: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The query parameters for the server."""
        return {"limit": str(self.limit), **({"level": self.level} if self.level else {})}


class LogFetcher(NativeSkill):
    """Fetches logs from the HTTP or HTTPS address (URL) of a monitoring API, fast and in this process."""

    name = "log-fetcher"
    description = (
        "Fetch or download logs from the HTTP or HTTPS address (URL) of a monitoring API, as JSON; "
        "fast, in this process."
    )
    allowed_tools = ("execute",)

    def __init__(self) -> None:
        super().__init__()
        self._gate = ApprovalGate()
        self._named: list[str] = []
        """The user's requests in which a fetch was made."""

    def execute(self, command: str, context: SkillContext) -> ToolResult:
        """Commands: `fetch URL [--limit N] [--level LEVEL]`

        Both options are sent to the server as query parameters; the default limit is 100. The response is also saved
        as a file in the workspace, which is named in the first line.

        Args:
            command: `fetch URL [--limit N] [--level LEVEL]`
        """
        wanted = parse(command)
        refusal = self._refusal(wanted, context)
        if refusal is not None:
            return refusal
        rules = FetchRules(private=tuple(context.settings.fetch_private))
        answer = fetch(wanted.url, rules, context.cancel, query=wanted.query)
        if answer.status != 200:
            raise ToolError(f"API returned {answer.status}")
        answer_text = answer.content.decode("utf-8", "replace")
        found = read_entries(answer_text, wanted.limit)
        path = context.save(f"{_stem(wanted.url)}{found.suffix}", found.lines)
        result = shortened(found.pretty, context, path)
        summary = counted(found.count, "entry")
        return ToolResult(f"[{summary}, saved as {path.name} in the workspace]\n{result.text}", summary=summary)

    def _refusal(self, wanted: FetchCommand, context: SkillContext) -> ToolResult | None:
        """None if the host may be asked: a GET can carry anything that the model has read out of the kernel.

        A host is known where the user's requests or a setting name it; of others, each is asked about.
        """
        url = checked_url(wanted.url).copy_merge_params(wanted.query)
        if context.turn.prompt not in self._named:
            self._named.append(context.turn.prompt)
        settings = context.settings
        known = url.host in [host.lower() for host in settings.fetch_hosts]
        if known or names_network(url.host, settings.fetch_private) or _is_named(url.host, self._named):
            return None
        later = f"address at {url.host} that {self.name} fetches"
        question = f"Send this request to {url.host}?"
        return self._gate.refusal(context.question(f"GET {url}", question, later), context.turn, url.host)


def _is_named(host: str, requests: Iterable[str]) -> bool:
    """True if one of the requests has the host as a whole, not as a part of another name."""
    whole = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", re.IGNORECASE)
    return any(whole.search(request) for request in requests)


def parse(command: str) -> FetchCommand:
    """Parse a command. Raises ToolError with the usage."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ToolError(f"{error}. {USAGE}") from None
    if len(words) < 2 or words[0] != "fetch":
        raise ToolError(USAGE)
    found = FetchCommand(words[1])
    rest = [part for word in words[2:] for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(rest) % 2:
        raise ToolError(f"{rest[-1]} has no value. {USAGE}")
    for option, value in zip(rest[::2], rest[1::2], strict=True):
        if option == "--limit" and value.isascii() and value.isdigit() and 0 < int(value[:10]) <= 1_000_000:
            found = FetchCommand(found.url, int(value), found.level)
        elif option == "--limit":
            raise ToolError(f"--limit expects a whole number from 1 to 1000000, not {value}. {USAGE}")
        elif option == "--level":
            found = FetchCommand(found.url, found.limit, value)
        else:
            raise ToolError(f"unknown option {option}. {USAGE}")
    return found


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries that a server sent, at most as many as requested."""

    pretty: str
    """Text for the model."""
    lines: str
    """Content of the file: one entry per line, which log tools can read."""
    suffix: str
    count: int


def read_entries(text: str, limit: int) -> Entries:
    """Read entries from JSON (a list, or an object with a list), from JSON lines, or from the lines of plain text."""
    value = _read(text)
    if value is None:
        lines = text.splitlines()[:limit]
        return Entries("\n".join(lines), _lines(lines), ".log", len(lines))
    value, entries = _limited(value, limit)
    rows = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    return Entries(json.dumps(value, indent=2, ensure_ascii=False), _lines(rows), ".jsonl", len(rows))


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _read(text: str) -> Any:
    """JSON, or JSON lines as a list; None for other text. Raises ToolError for too many parts."""
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ToolError(f"the answer has more than {MOST_PARTS:,} lists and objects; ask for fewer entries")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict | list):
        return value
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
    return rows if rows and all(isinstance(row, dict) for row in rows) else None


def _limited(value: Any, limit: int) -> tuple[Any, list[Any]]:
    """Return the value cut to `limit` entries, whatever the server sent, and these entries."""
    if isinstance(value, list):
        return value[:limit], value[:limit]
    for key in LISTS:
        if isinstance(value.get(key), list):
            entries = value[key][:limit]
            return {**value, key: entries}, entries
    return value, [value]


def _stem(url: str) -> str:
    """Return the name of the file: the last part of the address."""
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return last.rpartition(".")[0] or last or "logs"
