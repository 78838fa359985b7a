"""Runs the skill's scripts as a person or a model does: as processes, by their command lines."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SKILL = Path(__file__).parents[2] / "conjure_magic/skills/bundled/log-analyzer"
SCRIPTS = SKILL / "scripts"


def run(
    script: str, *arguments: str, stdin: bytes = b"", cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """One run of a script, isolated from the user's site and environment; never raises for its exit code."""
    command = [sys.executable, "-S", "-E", str(SCRIPTS / script), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, check=False, timeout=120)


def run_ok(script: str, *arguments: str, stdin: bytes = b"") -> str:
    """Standard output of a run that must succeed and say nothing on standard error."""
    done = run(script, *arguments, stdin=stdin)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


def records(path: Path | str, *arguments: str, stdin: bytes = b"") -> list[dict[str, Any]]:
    """The records of a log."""
    lines = run_ok("parse_logs.py", str(path), *arguments, stdin=stdin).split("\n")
    return [json.loads(line) for line in lines if line]


def summary(path: Path | str, *arguments: str, stdin: bytes = b"") -> dict[str, Any]:
    """The summary of a log, as JSON."""
    found: dict[str, Any] = json.loads(run_ok("analyze.py", "summary", str(path), "--json", *arguments, stdin=stdin))
    return found


def query(path: Path | str, *arguments: str) -> Any:
    """The answer to a query, asked in this process: a table of queries would spend its time on starting others."""
    return json.loads(said("query", str(path), "--json", *arguments))["answer"]


def said(*arguments: str) -> str:
    """Standard output of analyze.py, run in this process."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert _analyze().main(arguments) == 0
    return output.getvalue()


@functools.cache
def _analyze() -> Any:
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module("analyze")
    finally:
        sys.path.remove(str(SCRIPTS))
