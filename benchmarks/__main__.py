"""Run the benchmarks one after the other: python -m benchmarks [WORD …]

Words select the scripts whose names contain one of them. Each prints a table and exits with 1 if it exceeds a limit.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(words: list[str]) -> int:
    """Run the selected scripts; returns 1 if one of them failed or exceeded a limit."""
    files = [path for path in HERE.glob("*.py") if not path.name.startswith("_")]
    scripts = sorted(path for path in files if "__main__" in path.read_text(encoding="utf-8"))
    chosen = [path for path in scripts if not words or any(word in path.stem for word in words)]
    failed = []
    for path in chosen:
        print(f"\n## {path.stem}\n", flush=True)
        if subprocess.run([sys.executable, str(path)], check=False).returncode:
            failed.append(path.stem)
    print(f"\n{len(chosen) - len(failed)} of {len(chosen)} hold" + (f"; not: {', '.join(failed)}" if failed else ""))
    return int(bool(failed) or not chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
