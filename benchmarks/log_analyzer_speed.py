"""CPU seconds and memory of the log-analyzer, drain3 and polars, each in a separate process."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent.parent / "conjure_magic/skills/bundled/log-analyzer/scripts"
_WRAPPED = ("coloured", "in a container runtime's lines", "in docker's JSON")
_MIXED = ("cluster", "threads", "braces", "racks")


def drain_miner() -> Any:
    """A drain3 miner with its default configuration, silent and in memory."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.profiling_enabled = False
    return TemplateMiner(config=config)


def run_drain(path: str) -> None:
    """Typical use of drain3: every line goes into one miner."""
    miner = drain_miner()
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            miner.add_log_message(line.rstrip("\n"))


def run_polars(path: str) -> None:
    """Typical use of polars: lines as a column, time and level by a pattern, counts per level and minute."""
    import polars as pl

    lines = pl.read_csv(path, has_header=False, new_columns=["line"], separator="\x01", quote_char=None)
    found = lines.with_columns(
        pl.col("line").str.extract(r"(\d\d:\d\d):\d\d").alias("minute"),
        pl.col("line").str.extract(r"\b(TRACE|DEBUG|INFO|WARN|ERROR|FATAL|[VDIWE])\b").alias("level"),
        pl.col("line").str.replace_all(r"\d+", "#").alias("template"),
    )
    for column in ("level", "minute", "template"):
        found.group_by(column).len()


def write_log(path: Path, lines: int, name: str) -> None:
    """A generated log with this number of different lines."""
    from log_analyzer import odd_systems  # here, since the measured processes run this file without the tests' path

    log = next(log for log in odd_systems.ALL if log.name == name)
    with open(path, "w", encoding="utf-8") as stream:
        for line in log.lines(lines):
            stream.write(line.text + "\n")


def wrap(path: Path, wrapped: Path, kind: str) -> None:
    """Write a log again with colours, or with the prefixes of a container runtime or docker."""
    with open(path, encoding="utf-8") as plain, open(wrapped, "w", encoding="utf-8") as stream:
        for number, line in enumerate(plain):
            second = f"2024-03-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.123456789Z"
            text = line.rstrip("\n")
            if kind == "coloured":
                stream.write(f"\x1b[33m{text}\x1b[0m\n")
            elif kind == "in a container runtime's lines":
                stream.write(f"{second} stdout F {text}\n")
            else:
                stream.write(json.dumps({"log": line, "stream": "stdout", "time": second}) + "\n")


# A small process starts the measured one, since a child's peak memory begins at the size of its parent.
_LAUNCH = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def usage(command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and peak MB of a command that must succeed."""
    run = subprocess.run([sys.executable, "-c", _LAUNCH, *command], capture_output=True, text=True, check=True)
    code, seconds, peak = run.stdout.split()
    if code != "0":
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {run.stderr[-500:]}")
    return float(seconds), float(peak) / (1024 if sys.platform != "darwin" else 1024 * 1024)


def measure(folder: Path, lines: int, table: Callable[[Sequence[str], Sequence[Sequence[object]]], str]) -> list[str]:
    """Two tables: a large log with each tool, and a small file including start-up."""
    rows: list[list[object]] = []
    for name in _MIXED:
        path = folder / f"speed_{name}.log"
        write_log(path, lines // len(_MIXED), name)
        rows += [_row(name, tool, command, lines // len(_MIXED)) for tool, command in _tools(path)]
    path = folder / f"speed_{_MIXED[0]}.log"
    for kind in _WRAPPED:
        wrapped = folder / "wrapped.log"
        wrap(path, wrapped, kind)
        rows += [
            _row(f"{_MIXED[0]}, {kind}", tool, command, lines // len(_MIXED)) for tool, command in _tools(wrapped)[:2]
        ]
    big = folder / "speed.log"
    write_log(big, lines, _MIXED[0])
    rows += [_row(f"{_MIXED[0]}, {lines:,} lines", tool, command, lines) for tool, command in _tools(big)[:2]]
    small = folder / "small.log"
    write_log(small, 2000, "braces")
    bare, _ = usage([sys.executable, "-c", "pass"])
    started = [[tool, f"{usage(command)[0]:.2f}", f"{bare:.2f}"] for tool, command in _tools(small)[:2]]
    return [
        table(("log", "tool", "lines per CPU second", "CPU seconds", "peak MB"), rows),
        "A file of 2,000 lines, including start-up, compared with the interpreter's own start:",
        table(("tool", "CPU seconds", "bare interpreter"), started),
    ]


def _row(log: str, tool: str, command: Sequence[str], lines: int) -> list[object]:
    seconds, peak = usage(command)
    return [log, tool, f"{lines / seconds:,.0f}", f"{seconds:.2f}", f"{peak:,.0f}"]


def _tools(path: Path) -> list[tuple[str, list[str]]]:
    here = [sys.executable, __file__]
    tools = [
        ("parse_logs.py", [sys.executable, str(SCRIPTS / "parse_logs.py"), str(path)]),
        ("analyze.py summary", [sys.executable, str(SCRIPTS / "analyze.py"), "summary", str(path)]),
    ]
    others = [name for name in ("drain3", "polars") if importlib.util.find_spec(name)]
    lnav = [("lnav", ["lnav", "-n", "-c", ";SELECT log_level, count(*) FROM all_logs GROUP BY log_level", str(path)])]
    tools += lnav if shutil.which("lnav") else []
    return tools + [(name, [*here, name, str(path)]) for name in others]


if __name__ == "__main__":
    {"drain3": run_drain, "polars": run_polars}[sys.argv[1]](sys.argv[2])
