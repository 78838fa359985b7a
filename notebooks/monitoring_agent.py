"""A monitoring agent over several backends: Python in this process fetches logs, a skill's scripts analyse them.

    python monitoring_agent.py http://127.0.0.1:8000/api/logs --limit 500
    python monitoring_agent.py --ask "Fetch ERROR logs from http://127.0.0.1:8000/api/logs" --backend native

Without a key the offline model answers: rules, not a language model. `native-skills.ipynb` has the same in cells.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from dataclasses import dataclass

import httpx

from conjure_magic import ConjureError, Event, NativeSkill, Session, SkillRegistry, ToolError
from conjure_magic.approval import allow
from conjure_magic.events import ToolFinished, ToolStarted

log = logging.getLogger("monitoring_agent")


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
            raise ToolError(f"no logs came: {error}") from None
        if response.status_code != 200:
            raise ToolError(f"API returned {response.status_code}")
        entries = response.json()["logs"]
        path = context.save("logs.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries))
        return f"{len(entries)} entries, saved as {path.name}\n{json.dumps(entries[-3:], indent=2)}"


@dataclass(frozen=True)
class Analysis:
    """What became of a request to look into the logs."""

    logs: str
    text: str
    backends: tuple[str, ...]


def analyze(url: str, limit: int = 100) -> Analysis:
    """Fetch in this process, then analyse with scripts: one conversation whose hands change on the way.

    Where the scripts run is what the environment says: CONJURE_BACKEND, or else CONJURE_PROFILE (dev and test: this
    machine; prod: a container).
    """
    with Session("native", [LogFetcher], name="agent", approver=allow) as session:
        session.subscribe(report, events=(ToolStarted, ToolFinished))
        fetched = session.chat(f"Fetch logs from {url}, limit {limit}")
        if not fetched.files:
            raise ToolError(fetched.text)
        logs = fetched.files[0]
        session.use(backend=session.settings.chosen_backend, skills=["log-analyzer"])
        answer = session.chat(f"Analyse {logs.name}: what went wrong, and when?")
        return Analysis(logs.read().decode(), answer.text, answer.backends)


def chat(message: str, backend: str, skills: object) -> str:
    """Ask once, on a backend that is chosen when this is called."""
    with Session(backend, skills, name=f"ask-{backend.replace(',', '-')}", approver=allow) as session:
        session.subscribe(report, events=(ToolStarted, ToolFinished))
        return session.chat(message).text


def report(event: Event) -> None:
    """Tell a log what runs: the place to hand events on to your own telemetry."""
    match event.body:
        case ToolStarted(call=call, backend=backend):
            log.info("%s runs %s", backend, call.name)
        case ToolFinished(result=result, seconds=seconds):
            log.info("%s after %.2f s", "failed" if result.is_error else "done", seconds)


def main() -> int:
    """Do what the command line says; 1 if it failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="address of the monitoring API")
    parser.add_argument("--limit", type=int, default=100, help="entries to fetch (100)")
    parser.add_argument("--ask", metavar="TEXT", help="ask this of one backend, in the place of an analysis")
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
            found = analyze(options.url, options.limit)
            print(f"{len(found.logs.splitlines())} entries, analysed by {', '.join(found.backends)}\n\n{found.text}")
    except ConjureError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
