"""Scores and speed of the log-analyzer skill, as one page of tables beside this file.

    python benchmarks/log_analyzer_scores.py [--data FOLDER] [--lines 1000000] [--offline MODULE:FUNCTION]

Scores are measured where the LogHub-2k folder is there; speed on logs that the test suite makes up.
drain3 and polars are measured in the same run where they are installed (`pip install .[bench]`).
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests")]

import log_analyzer_formats as formats  # noqa: E402
import log_analyzer_measurements as measurements  # noqa: E402
import log_analyzer_questions as questions  # noqa: E402
import log_analyzer_speed as speed  # noqa: E402
from log_analyzer import large_systems, odd_logs, odd_systems  # noqa: E402

SCRIPTS = ROOT / "conjure_magic/skills/bundled/log-analyzer/scripts"
TABLE = ROOT / "benchmarks/log_analyzer.md"
# How each labelled file writes its time: columns of the label file, and their format. Only the labels need this.
TIMES = {
    "Apache": ("Time", "%a %b %d %H:%M:%S %Y"),
    "HDFS": ("Date Time", "%y%m%d %H%M%S"),
    "Hadoop": ("Date Time", "%Y-%m-%d %H:%M:%S,%f"),
    "Linux": ("Month Date Time", "%b %d %H:%M:%S"),
    "OpenSSH": ("Date Day Time", "%b %d %H:%M:%S"),
    "OpenStack": ("Date Time", "%Y-%m-%d %H:%M:%S.%f"),
    "Spark": ("Date Time", "%y/%m/%d %H:%M:%S"),
    "Zookeeper": ("Date Time", "%Y-%m-%d %H:%M:%S,%f"),
}


def grouping_accuracy(found: Sequence[object], truth: Sequence[object]) -> float:
    """Part of the lines whose group holds exactly the lines of their true group."""
    by_found: dict[object, set[int]] = defaultdict(set)
    by_truth: dict[object, set[int]] = defaultdict(set)
    for line, (one, other) in enumerate(zip(found, truth, strict=True)):
        by_found[one].add(line)
        by_truth[other].add(line)
    right = sum(len(lines) for lines in by_found.values() if by_truth[truth[min(lines)]] == lines)
    return right / len(truth)


def parse(path: Path) -> list[dict[str, str | None]]:
    """The records of a log, by the skill's own command line."""
    run = subprocess.run([sys.executable, str(SCRIPTS / "parse_logs.py"), str(path)],
                         capture_output=True, check=True)  # fmt: skip
    return [json.loads(line) for line in run.stdout.decode().split("\n") if line]


@dataclass(frozen=True)
class Score:
    """Parts of the lines that are grouped, and whose level and time are read, rightly."""

    grouping: float
    level: float
    time: float


def score_skill(data: Path, system: str) -> Score:
    """The skill's score on a labelled system, from its raw lines."""
    labels = _labels(data, system)
    expected = json.loads((data / "expected" / f"{system}.json").read_text())
    records = parse(data / system / f"{system}_2k.log")
    levels = sum(
        record["level_written"] == (row["Level"] if expected["level_column"] else None)
        for record, row in zip(records, labels, strict=True)
    )
    times = sum(_same_time(record, row, system) for record, row in zip(records, labels, strict=True))
    grouping = grouping_accuracy([record["template_id"] for record in records], [row["EventId"] for row in labels])
    return Score(grouping, levels / len(labels), times / len(labels))


def _labels(data: Path, system: str) -> list[dict[str, str]]:
    with open(data / system / f"{system}_2k.log_structured.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def score_system(data: Path, system: str) -> list[object]:
    """One row: system, grouping of the skill and of drain3, level and time."""
    score, labels = score_skill(data, system), _labels(data, system)
    truth = [row["EventId"] for row in labels]
    raw = (data / system / f"{system}_2k.log").read_text().splitlines()
    by_drain = (_drain(raw, truth), _drain([row["Content"] for row in labels], truth))
    return [system, f"{score.grouping:.4f}", *by_drain, f"{score.level:.2%}", f"{score.time:.2%}"]


def _same_time(record: dict[str, str | None], row: dict[str, str], system: str) -> bool:
    columns, layout = TIMES[system]
    text = " ".join(row[column] for column in columns.split())
    if "%Y" not in layout and "%y" not in layout:
        # A time without a year: any year is right; 2000 has a 29 February.
        text, layout = f"2000 {text}", f"%Y {layout}"
    iso = datetime.strptime(text, layout).isoformat()
    found = record["timestamp"] or ""
    return found[4:] == iso[4:] if iso.startswith("2000") else found == iso


def _drain(lines: Sequence[str], truth: Sequence[str]) -> str:
    if importlib.util.find_spec("drain3") is None:
        return "not installed"
    miner = speed.drain_miner()
    return f"{grouping_accuracy([miner.add_log_message(line)['cluster_id'] for line in lines], truth):.4f}"


def score_odd(log: odd_logs.OddLog, folder: Path) -> list[object]:
    """One row for a made-up system: grouping, level, time."""
    lines = log.lines()
    path = folder / f"{log.name}.log"
    path.write_text("".join(line.text + "\n" for line in lines))
    records = parse(path)
    accuracy = grouping_accuracy([record["template_id"] for record in records], [line.template for line in lines])
    canonical = {"V": "TRACE", "D": "DEBUG", "I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL",
                 "WARNING": "WARN", "INFORMATION": "INFO", "VERBOSE": "TRACE", "SEVERE": "ERROR"}  # fmt: skip
    levels = sum(
        record["level"] == (canonical.get(line.level.upper(), line.level.upper()) if line.level else None)
        for record, line in zip(records, lines, strict=True)
    )
    cut = 0 if log.year else 5
    times = sum((record["timestamp"] or "")[cut:] == line.time for record, line in zip(records, lines, strict=True))
    return [log.name, f"{accuracy:.4f}", f"{levels / len(lines):.2%}", f"{times / len(lines):.2%}"]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *[[str(cell).replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(rows: Sequence[Sequence[object]], column: int) -> str:
    values = [float(str(row[column])) for row in rows if str(row[column])[:1].isdigit()]
    return f"{sum(values) / len(values):.4f}" if values else "–"


def _load(name: str | None) -> questions.Offline | None:
    if not name:
        return None
    module, _, function = name.partition(":")
    found: questions.Offline = getattr(importlib.import_module(module), function)
    return found


def pages(data: Path, lines: int, offline: questions.Offline | None) -> list[str]:
    """The parts of the page."""
    written = (
        f"Python {platform.python_version()}, {platform.machine()}; by `python benchmarks/log_analyzer_scores.py`."
    )
    parts = ["# log-analyzer: scores and speed", written, measurements.section(data.parent)]
    if data.is_dir():
        rows = [score_system(data, system) for system in TIMES]
        rows.append(["**mean**", *[_mean(rows, column) for column in (1, 2, 3)], "", ""])
        head = ("system", "grouping, raw lines", "drain3, raw lines", "drain3, message given", "level", "time")
        parts += ["## LogHub-2k, the eight systems at hand", table(head, rows)]
        outcomes = questions.ask_all(data, offline)
        exact = sum(outcome.exact for outcome in outcomes)
        alone = {None: "not asked", True: "yes", False: "no"}
        asked = [(o.id, f"`{o.command}`", "yes" if o.exact else "**no**", alone[o.offline]) for o in outcomes]
        head = ("question", "query", "exact", "offline model alone")
        parts += [f"## Questions: {exact} of {len(outcomes)} exact", table(head, asked)]
    else:
        parts.append(f"No scores: {data} is not there.")
    if (data.parent / "formats").is_dir():
        parts += formats.page(data.parent / "formats", table)
    with tempfile.TemporaryDirectory() as folder:
        odd = [score_odd(log, Path(folder)) for log in odd_systems.ALL + large_systems.ALL]
        odd.append(["**mean**", _mean(odd, 1), "", ""])
        parts += ["## Made-up systems", table(("system", "grouping, raw lines", "level", "time"), odd)]
        parts += ["## Speed and memory", *speed.measure(Path(folder), lines, table)]
    return parts


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/loghub")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the speed log (1000000)")
    parser.add_argument(
        "--offline", metavar="MODULE:FUNCTION", help="called with a question and a log's path; its answer"
    )
    args = parser.parse_args()
    text = "\n\n".join(pages(args.data, args.lines, _load(args.offline))) + "\n"
    TABLE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
