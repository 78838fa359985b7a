"""The three measurements of the log-analyzer as one table, at the head of the page that log_analyzer_scores.py writes.

    python benchmarks/log_analyzer_measurements.py [--data FOLDER]

FOLDER contains the shared data sets `formats`, `logdx` and `loghub`; the table says which sets are missing.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
ANALYZE = ROOT / "conjure_magic/skills/bundled/log-analyzer/scripts/analyze.py"
PAGE = HERE / "log_analyzer.md"
TITLE = "## The three measurements"
_BUDGETS = (4096, 16384)
Row = tuple[str, str, str, str]


def formats_row(data: Path) -> Row:
    """The number of small unusual files with only right values."""
    name, goal = "odd formats: files that give every right value", "all"
    if not data.is_dir() or importlib.util.find_spec("log_analyzer_formats") is None:
        return name, "-", "not measured", goal
    outcomes = importlib.import_module("log_analyzer_formats").score(data)
    wrong = {outcome.row.file for outcome in outcomes if outcome.wrong}
    files = {outcome.row.file for outcome in outcomes}
    return name, "0", f"{len(files) - len(wrong)} of {len(files)}", goal


def evidence_rows(data: Path) -> list[Row]:
    """The share of the evidence of failed builds that the summary keeps, for two sizes of it."""
    before, goals = {4096: ".195 / .246", 16384: "-"}, {4096: "≥ .90 / ≥ .90", 16384: "≥ .95 / ≥ .95"}
    shares = _evidence(data) if (data / "score.py").is_file() else {}
    return [
        (f"evidence of failed builds, needed / critical, at {size:,} bytes", before[size],
         shares.get(size, "not measured"), goals[size])
        for size in _BUDGETS
    ]  # fmt: skip


def _evidence(data: Path) -> dict[int, str]:
    """The scores of the data set's own script, with a process for each log."""
    command = f"{sys.executable} {ANALYZE} summary {{log}} --budget {{budget}}"
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder, "found.json")
        sizes = [word for size in _BUDGETS for word in ("--max-bytes", str(size))]
        arguments = [str(data / "score.py"), "--command", command, *sizes, "--json", str(found)]
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        measured = json.loads(found.read_text(encoding="utf-8"))
    shares = {}
    for size, results in zip(_BUDGETS, measured.values(), strict=True):
        means = [statistics.fmean(result[key] for result in results) for key in ("needed", "critical")]
        shares[size] = " / ".join(f"{mean:.3f}".lstrip("0") for mean in means)
    return shares


def grouping_row(data: Path) -> Row:
    """The mean grouping accuracy over the eight available systems."""
    name, goal = "grouping of LogHub-2k, mean of eight systems", "≥ 0.99"
    if not data.is_dir():
        return name, "0.998", "not measured", goal
    import log_analyzer_scores as scores  # imports this file

    found = [scores.score_skill(data, system).grouping for system in scores.TIMES]
    return name, "0.998", f"{statistics.fmean(found):.4f}", goal


def section(data: Path) -> str:
    """The table with its title."""
    rows = [formats_row(data / "formats"), *evidence_rows(data / "logdx"), grouping_row(data / "loghub")]
    lines: list[Sequence[str]] = [("measurement, on the shared data", "before", "now", "goal"), ("---",) * 4, *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    note = "Held-back cases and systems, and LogHub-2.0, are measured elsewhere. `before` is at commit 3f01341."
    return f"{TITLE}\n\n{table}\n\n{note}"


def main() -> None:
    """Measure, print, and replace the table in the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    text = section(parser.parse_args().data)
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")
    kept = [part for part in parts if not part.startswith(TITLE.removeprefix("## "))]
    page = "\n## ".join([kept[0], text.removeprefix("## ") + "\n", *kept[1:]])
    PAGE.write_text(page, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
