"""The facts about a recording, in numbers: `incident.json`, for checking an analysis of the logs.

What the actors saw themselves (the clients' tally, the shop's count of its own records, the times at
which the script acted) stands next to what is counted in the written files.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recordings.entries import CALLERS_SLIP, Entry, read_access, read_nginx, read_shop, read_worker
from recordings.story import Story

LOGS = ("access.log", "error.log", "shop.log", "worker.jsonl")
# Requests that were waiting when the rebuild was cancelled still end within these seconds.
AFTERMATH = timedelta(seconds=5)
CAUSE = (
    "A full rebuild of the search index holds the database's exclusive lock for seconds at a time, "
    "so queries wait, all connections of the shop's pool stay in use, and requests find none."
)


def now() -> datetime:
    """The time in UTC, in the format of the logs."""
    return datetime.now(UTC)


@dataclass
class Happened:
    """The actions of the recorder and the reports of its processes, filled in while the story runs."""

    started: datetime
    tallies: list[dict[str, dict[str, int]]]
    rebuild_started: datetime | None = None
    shop_stopped: datetime | None = None
    shop_started: datetime | None = None
    rebuild_cancelled: datetime | None = None
    ended: datetime | None = None
    clients: Counter[str] = field(default_factory=Counter)


def incident(folder: Path, story: Story, happened: Happened) -> dict[str, Any]:
    """The content of `incident.json` for the logs in `folder`."""
    access = list(read_access(folder / "access.log"))
    nginx = list(read_nginx(folder / "error.log"))
    shop = list(read_shop(folder / "shop.log"))
    worker = list(read_worker(folder / "worker.jsonl"))
    begin = next(entry for entry in worker if entry.text == "full rebuild started")
    end = next(entry for entry in worker if entry.text == "full rebuild cancelled")
    # nginx writes whole seconds: the second in which the incident begins belongs to it entirely.
    window = (begin.time.replace(microsecond=0), end.time + AFTERMATH)
    return {
        "story": _script(story, happened),
        "incident": {
            "cause": CAUSE,
            "started": _iso(begin.time),
            "ended": _iso(end.time),
            "aftermath_s": AFTERMATH.total_seconds(),
            "evidence": {"file": "worker.jsonl", "lines": [begin.line, end.line]},
        },
        "clients": {"sent": happened.clients.total(), "by_outcome": _sorted(happened.clients)},
        "shop": {name: _sorted(_merged(happened.tallies, name)) for name in happened.tallies[0]},
        "logs": {name: _size(folder / name) for name in LOGS},
        "access": _access_facts(access, window),
        "nginx_errors": _kinds([entry for entry in nginx if entry.level == "error"], window),
        "shop_errors": _shop_facts(shop, window, happened),
        "worker": _worker_facts(worker),
    }


def _script(story: Story, happened: Happened) -> dict[str, Any]:
    return {
        "seconds": story.seconds,
        "rate": story.rate,
        "seed": story.seed,
        "started": _iso(happened.started),
        "rebuild_started": _iso(happened.rebuild_started),
        "shop_stopped": _iso(happened.shop_stopped),
        "shop_started": _iso(happened.shop_started),
        "rebuild_cancelled": _iso(happened.rebuild_cancelled),
        "ended": _iso(happened.ended),
    }


def _size(path: Path) -> dict[str, int]:
    content = path.read_bytes()
    return {"bytes": len(content), "lines": content.count(b"\n")}


def _access_facts(entries: list[Entry], window: tuple[datetime, datetime]) -> dict[str, Any]:
    failed = [entry for entry in entries if entry.level.startswith("5")]
    inside = [entry for entry in entries if _within(entry, window)]
    outside = [entry for entry in entries if not _within(entry, window)]
    slowest = max(entries, key=lambda entry: entry.seconds)
    return {
        "by_status": _sorted(Counter(entry.level for entry in entries)),
        "requests_in_incident": len(inside),
        "failed_5xx": len(failed),
        "failed_5xx_in_incident": sum(_within(entry, window) for entry in failed),
        "failed_5xx_by_minute": _by_minute(failed),
        "requests_by_minute": _by_minute(entries),
        "median_s_in_incident": _median(inside),
        "median_s_outside": _median(outside),
        "slowest": {"line": slowest.line, "seconds": slowest.seconds},
    }


def _shop_facts(entries: list[Entry], window: tuple[datetime, datetime], happened: Happened) -> dict[str, Any]:
    errors = [entry for entry in entries if entry.level == "ERROR"]
    critical = [entry for entry in entries if entry.level == "CRITICAL"]
    inside = [entry for entry in errors if _within(entry, window)]
    restarted = happened.shop_started or happened.started
    return {
        **_kinds(errors, window),
        "by_minute": _by_minute(errors),
        "first": {"line": inside[0].line, "time": _iso(inside[0].time)},
        "last": {"line": inside[-1].line, "time": _iso(inside[-1].time)},
        "critical_lines": [entry.line for entry in critical],
        "unrelated_lines": [e.line for e in errors if e.kind == CALLERS_SLIP],
        "in_incident_before_restart": sum(entry.time < restarted for entry in inside),
        "in_incident_after_restart": sum(entry.time >= restarted for entry in inside),
        "orders_paid": sum("paid:" in entry.text for entry in entries),
        "payments_declined": sum("payment declined" in entry.text for entry in entries),
        "slow_queries": sum("slow query" in entry.text for entry in entries),
    }


def _worker_facts(entries: list[Entry]) -> dict[str, Any]:
    locks = [entry for entry in entries if entry.text == "long lock"]
    return {
        "by_level": _sorted(Counter(entry.level for entry in entries)),
        "long_locks": len(locks),
        "longest_lock_s": max((entry.seconds for entry in locks), default=0.0),
        "mail_runs_failed": sum(entry.text == "run failed" for entry in entries),
    }


def _kinds(entries: list[Entry], window: tuple[datetime, datetime]) -> dict[str, Any]:
    return {
        "total": len(entries),
        "in_incident": sum(_within(entry, window) for entry in entries),
        "by_kind": _sorted(Counter(entry.kind for entry in entries)),
    }


def _within(entry: Entry, window: tuple[datetime, datetime]) -> bool:
    return window[0] <= entry.time <= window[1]


def _by_minute(entries: Iterable[Entry]) -> dict[str, int]:
    return _sorted(Counter(entry.time.strftime("%H:%M") for entry in entries))


def _median(entries: list[Entry]) -> float:
    return sorted(entry.seconds for entry in entries)[len(entries) // 2]


def _merged(tallies: list[dict[str, dict[str, int]]], name: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for tally in tallies:
        total.update(tally[name])
    return total


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
