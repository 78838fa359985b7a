"""Stand-ins for the monitoring notebook: a log API and, without a key, a server that answers like Anthropic's API.

`serve_logs` serves the log of a small shop as a monitoring API would. `begin` looks for a key. Without one, a
server on this machine answers instead of Anthropic's API. It is *not* a language model: it follows the few steps
in `next_step`, whatever the request says. The tools that it calls are real, and so are their results. The hosted
container is the one part that cannot be real without a key: its report is made from the analysis by `report` below.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from conjure_magic.testing.stub import StubModel, StubServer, bash, workbook

NAME = "stand-in"
"""The model's name in footers."""
LINE = re.compile(r"(\d{4}-\S+ \S+) ([A-Z]+) (\S+) (.*)")
SHEETS = ("Executive Summary", "Error Details", "Recommendations")


# ---- a log API


class LogApi(ThreadingHTTPServer):
    """Serves the entries of a log at `/api/logs`, with `limit` and `level` as query parameters."""

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), _LogRequest)
        names = ("timestamp", "level", "logger", "message")
        found = map(LINE.match, path.read_text(encoding="utf-8").splitlines())
        self.entries = [dict(zip(names, match.groups(), strict=True)) for match in found if match]
        self.url = f"http://127.0.0.1:{self.server_port}/api/logs"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()


class _LogRequest(BaseHTTPRequestHandler):
    server: LogApi

    def do_GET(self) -> None:
        query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        found = [entry for entry in self.server.entries if query.get("level") in (None, entry["level"])]
        body = json.dumps({"logs": found[-int(query.get("limit", 50)) :]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def serve_logs(path: str = "logs/shop.log") -> LogApi:
    """A log API on this machine."""
    return LogApi(Path(path))


# ---- a stand-in for the model


def begin() -> StubServer | None:
    """Print who will answer, and start the stand-in if there is no key. Call this before the extension is loaded."""
    if os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN"):
        print("An API key is set: Anthropic's API answers, and its usage is billed.")
        return None
    server = StubServer(rule=next_step, models={NAME: StubModel(NAME)}).__enter__()
    os.environ |= {
        "ANTHROPIC_API_KEY": "no-key",
        "ANTHROPIC_BASE_URL": server.url,
        "CONJURE_GATEWAY": "anthropic",
        "CONJURE_MODEL": NAME,
    }
    print(
        f"No ANTHROPIC_API_KEY: a stand-in on this machine ({server.url}) answers instead of Anthropic's API.\n"
        "It is not a language model: it follows a few fixed steps. Its hosted container is also a stand-in; the "
        "native, local and docker tools that it calls are real."
    )
    return server


def next_step(request: dict[str, Any]) -> Any:
    """The stand-in's answer to a request: fetch, analyse and report, as far as tools are available; then a summary."""
    tools = {tool["name"] for tool in request.get("tools", ())}
    asked, called, results = _since_the_prompt(request["messages"])
    analysis = next((text for text in [*reversed(results), asked] if "## What goes wrong" in text), "")
    url = re.search(r"https?://[^\s,]+", asked)
    fetched = next((match[1] for text in results if (match := re.search(r"saved as (\S+\.\w+)", text))), "")
    done = "".join(results)
    if url and "log-fetcher_execute" in tools - called:
        limit = re.search(r"limit\D*(\d+)", asked)
        command = f"fetch {url[0]} --limit {limit[1] if limit else 100}"
        return {"type": "tool_use", "name": "log-fetcher_execute", "input": {"command": command}}
    if not analysis and "bash_tool" in tools - called and "log-analyzer" in str(request.get("system")):
        return {"type": "tool_use", "name": "bash_tool", "input": _analysis_command(request, fetched, asked)}
    if "code_execution" in tools and "bash_code_execution" not in called and re.search(r"report|spreadsheet", asked):
        wanted = {"report.xlsx": report(analysis)}
        return [*bash("python make_report.py", "report.xlsx: 3 sheets\n", files=wanted), "The report is report.xlsx."]
    return f"{analysis or done or 'This stand-in has no step for this request.'}"


def _since_the_prompt(messages: list[dict[str, Any]]) -> tuple[str, set[str], list[str]]:
    """The last prompt, the tools called since then, and their results."""
    called: set[str] = set()
    results: list[str] = []
    for message in reversed(messages):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        called |= {block["name"] for block in blocks if block["type"].endswith("tool_use")}
        found = [_text(block.get("content")) for block in blocks if block["type"].endswith("tool_result")]
        results = [*found, *results]
        if message["role"] == "user" and not found:
            return " ".join(block.get("text", "") for block in blocks), called, results
    return "", called, results


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return str(content.get("stdout", ""))
    return "\n".join(str(part.get("text", "")) for part in content or ())  # type: ignore[attr-defined]


def _analysis_command(request: dict[str, Any], fetched: str, asked: str) -> dict[str, str]:
    """The command that the skill `log-analyzer` documents, for the fetched file or the one named in the request."""
    system = request["system"] if isinstance(request["system"], str) else _text(request["system"])
    folder = re.search(r"([^\s<>]+/log-analyzer)/SKILL\.md", system)
    named = re.search(r"[\w./-]+\.(?:jsonl|log)\b", asked)
    file = f'"$OUTPUT_DIR/{fetched}"' if fetched else f'"$INPUT_DIR/{named[0] if named else ""}"'
    script = f"{folder[1] if folder else 'log-analyzer'}/scripts/analyze.py"
    return {"command": f"python3 '{script}' summary {file} --chart errors.svg --csv top.csv"}


def report(analysis: str) -> bytes:
    """A workbook with three sheets, of what an analysis says."""
    headline = re.search(r"\*\*(.+?)\*\* — (.+)", analysis)
    problems = list(_table(analysis, "## What goes wrong"))
    levels = list(_table(analysis, "## Lines per level"))
    summary: list[list[object]] = [["Key", "Value"]]
    if headline:
        summary += [["Health", headline[1].rpartition(": ")[2]], ["Why", headline[2]]]
    summary += [[f"Lines of level {row[0]}", int(row[1])] for row in levels[1:]]
    details = [[*row[:1], *row[1:]] for row in problems] or [["Count", "Level", "Message"]]
    for row in details[1:]:
        row[0] = int(row[0].replace(",", ""))
    actions = [["Priority", "Action"]]
    actions += [
        [str(n), f"Find out why this happened {row[0]} times: {row[2]}"] for n, row in enumerate(details[1:], 1)
    ]
    return workbook(dict(zip(SHEETS, (summary, details, actions), strict=True)))


def _table(analysis: str, title: str) -> Iterator[list[Any]]:
    """The rows of the first Markdown table under a title, its header first."""
    after = analysis.partition(title)[2].partition("\n## ")[0]
    for line in after.splitlines():
        if line.startswith("|") and "---" not in line:
            yield [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
