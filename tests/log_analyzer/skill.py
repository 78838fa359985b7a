"""Runs the skill's scripts by their command lines: in this process, or as a person does in one of their own."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SKILL = Path(__file__).parents[2] / "conjure_magic/skills/bundled/log-analyzer"
SCRIPTS = SKILL / "scripts"
Done = subprocess.CompletedProcess[bytes]


def start(script: str, *arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> Done:
    """One run of a script in a process of its own, isolated from the user's site and environment."""
    command = [sys.executable, "-S", "-E", str(SCRIPTS / script), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, check=False, timeout=120)


def run(script: str, *arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> Done:
    """The same run in this process: starting one takes longer than reading a few lines. Never raises."""
    main = _script(script).main
    output, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or "."),
        _as_program(script, arguments, stdin),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            _script("loglib.options").run(main)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Done([script, *arguments], code, output.getvalue().encode(), errors.getvalue().encode())


@contextlib.contextmanager
def _as_program(script: str, arguments: tuple[str, ...], stdin: bytes) -> Iterator[None]:
    before = sys.argv, sys.stdin
    sys.argv, sys.stdin = [script, *arguments], io.TextIOWrapper(io.BytesIO(stdin))
    try:
        yield
    finally:
        sys.argv, sys.stdin = before


@functools.cache
def _script(name: str) -> Any:
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module(name.removesuffix(".py"))
    finally:
        sys.path.remove(str(SCRIPTS))


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
    """The answer to a query."""
    return json.loads(run_ok("analyze.py", "query", str(path), *arguments, "--json"))["answer"]


def said(*arguments: str) -> str:
    """Standard output of analyze.py."""
    return run_ok("analyze.py", *arguments)
