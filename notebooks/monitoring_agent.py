"""A monitoring agent over several backends: Python in this process fetches logs, a skill's scripts analyse them, and
Anthropic's document skills write the report.

    python monitoring_agent.py http://127.0.0.1:8000/api/logs --limit 500
    python monitoring_agent.py http://127.0.0.1:8000/api/logs --report reports
    python monitoring_agent.py --ask "Fetch ERROR logs from http://127.0.0.1:8000/api/logs" --backend native

Without a key the offline model answers: rules, not a language model, and no report, which needs Anthropic's container.
`monitoring-agent.ipynb` has the same in cells. Commands run without asking here, as in any unattended program.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from conjure_magic import Artifact, ConjureError, Event, NativeSkill, Session, SkillRegistry, ToolError, approve_all
from conjure_magic.events import ToolFinished, ToolStarted
from conjure_magic.settings import Settings

log = logging.getLogger("monitoring_agent")
REPORT = """Create an incident report spreadsheet, report.xlsx, with three sheets:
1. Executive Summary, with key metrics
2. Error Details, with the errors broken down
3. Recommendations, with action items

Analysis data:
"""


class LogFetcher(NativeSkill):
    """Fetch logs from the URL of the monitoring API. Fast, in this process."""

    name = "log-fetcher"
    allowed_tools = ("execute",)

    def execute(self, command, context):
        """Commands: `fetch URL [--limit N] [--level LEVEL]`"""
        parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
        parser.add_argument("url")
        parser.add_argument("--limit", type=int, default=100)
        parser.add_argument("--level")
        verb, _, rest = command.partition(" ")
        try:
            wanted, surplus = parser.parse_known_args(shlex.split(rest))
        except (argparse.ArgumentError, SystemExit, ValueError):
            verb = ""
        if verb != "fetch" or surplus:
            raise ToolError("Use: fetch URL [--limit N] [--level LEVEL]")
        query = {"limit": wanted.limit, **({"level": wanted.level} if wanted.level else {})}
        try:
            response = httpx.get(wanted.url, params=query, timeout=30)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolError(f"cannot fetch logs: {error}") from None
        if response.status_code != 200:
            raise ToolError(f"API returned {response.status_code}")
        entries = response.json()["logs"]
        path = context.save("logs.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries))
        return f"{len(entries)} entries, saved as {path.name}\n{json.dumps(entries[-3:], indent=2)}"


@dataclass(frozen=True)
class Analysis:
    """The result of an analysis."""

    logs: str
    """The entries, one JSON object per line."""
    text: str
    backends: tuple[str, ...]
    report_files: tuple[Artifact, ...] = ()
    """Their contents are downloaded on first use, for example by `download_files`."""


def analyze(url: str, limit: int = 100, *, generate_report: bool = False, executor: str = "") -> Analysis:
    """Fetch in this process, analyse with scripts, and have a report written, with a session for each step.

    Args:
        url: URL of the logs; `limit` is added as a query parameter.
        limit: maximum number of entries.
        generate_report: whether to create a spreadsheet, which needs a key.
        executor: where the scripts run, "local" or "docker"; by default as the environment says.
    """
    with ExitStack() as stack:
        fetching = stack.enter_context(start_session("native", [LogFetcher]))
        fetched = fetching.chat(f"Fetch logs from {url}, limit {limit}")
        if not fetched.files:
            raise ToolError(fetched.text)
        logs = fetched.files[-1]
        # The workspace of the first session is the input folder of the second.
        folder = fetching.workspace.root
        analysing = stack.enter_context(start_session(executor or default_executor(), ["log-analyzer"], input=folder))
        answer = analysing.chat(f"Analyse {logs.name}: what went wrong, and when?")
        report_files: tuple[Artifact, ...] = ()
        if generate_report:
            reporting = stack.enter_context(start_session("anthropic", ["xlsx"]))
            report_files = reporting.chat(REPORT + answer.text).files
        return Analysis(logs.read().decode(), answer.text, answer.backends, report_files)


def diagnose_and_report(url: str, limit: int = 500, *, executor: str = "docker") -> dict[str, Any]:
    """Fetch, analyse in an isolated container and report; return a short summary with the service's health."""
    found = analyze(url, limit, generate_report=True, executor=executor)
    health = re.search(r"\b(ok|degraded|critical)\b", found.text)
    return {
        "logs_fetched": len(found.logs.splitlines()),
        "health_status": health[1] if health else "unknown",
        "report_files": [file.name for file in found.report_files],
    }


def start_session(backend: str, skills: Any = (), **more: Any) -> Session:
    """A session whose tool calls are logged, on any backend."""
    session = Session(backend, skills, name=f"agent-{backend.replace(',', '-')}", approver=approve_all, **more)
    session.subscribe(report, events=(ToolStarted, ToolFinished))
    return session


def chat(message: str, backend: str, skills: Any = ()) -> str:
    """Ask one question, on the given backend."""
    with start_session(backend, skills) as session:
        return session.chat(message).text


def default_executor() -> str:
    """The backend for scripts: CONJURE_BACKEND, or by CONJURE_PROFILE (dev, test: this machine; prod: a container)."""
    return Settings().chosen_backend


def download_files(files: Sequence[Artifact], folder: str | Path) -> list[Path]:
    """Save files to a folder, replacing older ones with the same name."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [Path(folder) / Path(file.name).name for file in files]
    for file, path in zip(files, paths, strict=True):
        path.write_bytes(file.read())
    return paths


def report(event: Event) -> None:
    """Log tool calls; forward events to your own telemetry here."""
    match event.body:
        case ToolStarted(call=call, backend=backend):
            log.info("%s runs %s", backend, call.name)
        case ToolFinished(result=result, seconds=seconds):
            log.info("%s after %.2f s", "failed" if result.is_error else "done", seconds)


def main() -> int:
    """Run the command line; returns 1 on failure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="address of the monitoring API")
    parser.add_argument("--limit", type=int, default=100, help="entries to fetch (100)")
    parser.add_argument("--report", metavar="DIR", help="write a report of the analysis into this folder; needs a key")
    parser.add_argument("--ask", metavar="TEXT", help="ask one backend this, instead of an analysis")
    parser.add_argument("--backend", default="native", help="for --ask: native, local, or both")
    parser.add_argument("--skills", metavar="DIR", action="append", default=[], help="for --ask: folders of skills")
    options = parser.parse_args()
    if not (options.url or options.ask):
        parser.error("name the address of the monitoring API, or --ask something")
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    try:
        if options.ask:
            registry = SkillRegistry(options.skills)
            log.info("skills: %s", ", ".join(skill.name for skill in registry.list()))
            python = [LogFetcher] if "native" in options.backend else []
            print(chat(options.ask, options.backend, [*python, *registry.list()]))
        else:
            found = analyze(options.url, options.limit, generate_report=options.report is not None)
            print(f"{len(found.logs.splitlines())} entries, analysed by {', '.join(found.backends)}\n\n{found.text}")
            for path in download_files(found.report_files, options.report or "."):
                print(f"\nreport: {path}")
    except ConjureError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
