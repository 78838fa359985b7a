"""CPU time of finding 1,000 skills, relative to reading 2 kB of each file: `python -m benchmarks.skill_discovery`.

The first time, every front matter is parsed. The second time, nothing has changed, so one stat per file is enough.
Each figure is the best of several rounds in one process, with the files in the page cache.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from conjure_magic.skills import SkillRegistry

SKILLS = 1_000
ROUNDS = 15
FIRST_BOUND, SECOND_BOUND = 8.0, 1.0

DESCRIPTION = (
    "Reads the records of kind {n}, checks each against the rules of its year, and reports what is missing, doubled "
    "or out of order, with a table for every month. Use it when somebody asks about records, ledgers or their gaps."
)
BODY = "Run the script on a file and read its report before you answer.\n\n" * 60


def make_skills(root: Path) -> list[Path]:
    """A thousand typical skill folders: about 4 kB each, half of them with more than the two required fields.

    One in four has a description in quotes or folded over several lines.
    """
    files = []
    for n in range(SKILLS):
        folder = root / f"skill-{n:04}"
        (folder / "scripts").mkdir(parents=True)
        text = DESCRIPTION.format(n=n)
        text = f'"{text}"' if n % 8 == 2 else ">-\n  " + text.replace(", ", ",\n  ") if n % 8 == 6 else text
        head = f"name: skill-{n:04}\ndescription: {text}\n"
        if n % 2:
            head += "license: MIT\ncompatibility: Needs Python 3.11.\nmetadata:\n  version: 1.2\n  author: somebody\n"
        file = folder / "SKILL.md"
        file.write_text(f"---\n{head}---\n\n# Skill {n}\n\n{BODY}", encoding="utf-8")
        files.append(file)
    return files


def read_heads(files: list[Path]) -> None:
    """The reference: open each file, read 2 kB, close it."""
    for file in files:
        with open(file, "rb", buffering=0) as stream:
            stream.read(2048)


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of a call, which other programs affect little; without garbage collection."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        call()
        return time.process_time() - start
    finally:
        gc.enable()


def measure(root: Path, files: list[Path]) -> tuple[float, float, float]:
    """The best CPU seconds of the reference, the first and the second discovery."""
    rounds = []
    for _ in range(ROUNDS):
        registries: list[SkillRegistry] = []
        yardstick = seconds(lambda: read_heads(files))
        first = seconds(lambda: registries.append(SkillRegistry([root], user=False, bundled=False)))  # noqa: B023
        second = seconds(registries[0].reload)
        assert len(registries[0].list()) == SKILLS
        rounds.append((yardstick, first, second))
    yardstick, first, second = map(min, zip(*rounds, strict=True))
    return yardstick, first, second


def main() -> int:
    """Print the ratios; the exit code is 1 if one is over its limit."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder))
        files = make_skills(root)
        SkillRegistry([root], user=False, bundled=False)  # imports, and the page cache
        yardstick, first, second = measure(root, files)
    print(f"reading 2 kB of {SKILLS} files: {yardstick * 1e3:.1f} ms")
    for name, took, bound in (("first discovery", first, FIRST_BOUND), ("second discovery", second, SECOND_BOUND)):
        ratio = took / yardstick
        print(
            f"{name}: {took * 1e3:.1f} ms = {ratio:.2f} x (bound {bound:g} x) {'ok' if ratio <= bound else 'TOO SLOW'}"
        )
    return 0 if first / yardstick <= FIRST_BOUND and second / yardstick <= SECOND_BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
