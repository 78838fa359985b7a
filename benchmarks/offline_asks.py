"""Scores of the offline model on users' questions about logs: the table in offline_answers.md.

    python benchmarks/offline_asks.py --asks FOLDER --loghub FOLDER [--results RESULTS.json]

The folder `--asks` contains `score.py` and `asks.json`, `--loghub` the LogHub-2k logs; neither belongs to the project.
`--results` reads saved results of `score.py --json` from one or more files, instead of asking again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOGS = HERE.parent / "notebooks" / "logs"
Result = dict[str, Any]
COLUMNS = ("right", "partial, said", "declined", "wrong and silent", "error")
REASONS: dict[str, str] = {}
"""Why a question is still answered wrongly, by the id of its conversation."""


def is_declined(result: Result) -> bool:
    """True for a request that cannot be met."""
    return str(result["category"]).startswith("cannot")


GROUPS: tuple[tuple[str, Callable[[Result], bool]], ...] = (
    ("questions on LogHub, two wordings each", lambda r: r["logs"] == "loghub"),
    ("questions, chains, charts, files on our own logs", lambda r: r["logs"] == "own" and not is_declined(r)),
    ("cannot be met", is_declined),
    ("all", bool),
)


def row(name: str, results: Sequence[Result]) -> str:
    """A row of the table."""
    verdicts = Counter(result["verdict"] for result in results)
    declined = sum(is_declined(result) and result["verdict"] == "declined-honest" for result in results)
    right = verdicts["exact"] + declined
    counts = [right, verdicts["partial-honest"], verdicts["declined-honest"] - declined]
    counts += [verdicts["wrong-silent"], verdicts["error"]]
    share = f"{100 * right / max(len(results), 1):.0f} %"
    silent = f"{100 * verdicts['wrong-silent'] / max(len(results), 1):.1f} %"
    cells = [str(count) for count in counts]
    cells[0], cells[3] = f"{counts[0]} ({share})", f"{counts[3]} ({silent})"
    return f"| {name} | {len(results)} | {' | '.join(cells)} |"


def report(results: Sequence[Result]) -> str:
    """The content of offline_answers.md."""
    lines = [
        "# What the offline model answers",
        "",
        "Made by `python benchmarks/offline_asks.py`; `score.py` judges.",
        "",
    ]
    lines += [f"| | turns | {' | '.join(COLUMNS)} |", f"|{' --- |' * (len(COLUMNS) + 2)}"]
    lines += [row(name, [result for result in results if fits(result)]) for name, fits in GROUPS]
    silent = [result for result in results if result["verdict"] == "wrong-silent"]
    lines += ["", "## Wrong without a word", ""]
    lines += [f"- `{r['id']}.{r['place']}`: {REASONS.get(r['id'], 'not looked into yet')}." for r in silent] or [
        "None."
    ]
    other = [r for r in results if r["verdict"] not in ("exact", "wrong-silent") and not is_declined(r)]
    lines += ["", "## Not answered, or in part, and said so", ""]
    lines += [f"- `{r['id']}.{r['place']}`: {r['verdict']}." for r in other] or ["None."]
    return "\n".join(lines) + "\n"


def ask(asks: Path, loghub: Path) -> list[Result]:
    """Run score.py over all asks."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "results.json"
        command = [sys.executable, str(asks / "score.py"), "--asks", str(asks / "asks.json"), "--loghub", str(loghub)]
        subprocess.run([*command, "--logs", str(LOGS), "--json", str(kept)], check=True)
        found: list[Result] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Ask, or read saved results, and write the table."""
    parser = argparse.ArgumentParser(description="Score the offline model's answers to questions about logs.")
    parser.add_argument("--asks", type=Path, help="folder with score.py and asks.json")
    parser.add_argument("--loghub", type=Path, help="folder with <System>/<System>_2k.log")
    parser.add_argument("--results", type=Path, nargs="*", default=[], help="saved results of score.py --json")
    args = parser.parse_args()
    if not args.results and not (args.asks and args.loghub):
        parser.error("give --asks and --loghub, or --results")
    kept = [result for path in args.results for result in json.loads(path.read_text(encoding="utf-8"))]
    text = report(kept or ask(args.asks, args.loghub))
    (HERE / "offline_answers.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
