"""The cost of loading the extension, compared with one that imports httpx: python benchmarks/load_ext.py

Each load runs in a new kernel, alternating. It prints the medians of the duration of `%load_ext` and of the growth
of the kernel's resident memory. Figures are ratios within one run.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from jupyter_client.manager import start_new_kernel

BOUND_TIME, BOUND_MEMORY = 0.2, 2.0
ROUNDS = 7
OTHER = "import httpx\n\ndef load_ipython_extension(shell):\n    pass\n"
MEASURE = """
import gc, time
gc.collect()
def resident():
    return int(open('/proc/self/statm').read().split()[1]) * 4096
before, start = resident(), time.perf_counter()
get_ipython().run_line_magic('load_ext', {name!r})
print(time.perf_counter() - start, resident() - before)
"""


def load(name: str, folder: Path) -> tuple[float, float]:
    """Seconds, and MiB of resident memory, that `%load_ext` takes in a fresh kernel."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # The first load writes the bytecode of both, as after an installation, and is not counted.
    env |= {"PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    manager, client = start_new_kernel(env=env, extra_arguments=["--log-level=ERROR"])
    printed: list[str] = []
    try:
        client.execute_interactive("1")  # the first cell of a kernel pays for the kernel itself
        hook = lambda message: printed.append(message["content"].get("text", ""))  # noqa: E731
        client.execute_interactive(MEASURE.format(name=name), output_hook=hook)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    seconds, grown = "".join(printed).split()
    return float(seconds), float(grown) / 2**20


def main() -> int:
    """Print the table; 1 if a bound does not hold."""
    found: dict[str, list[tuple[float, float]]] = {"conjure_magic": [], "other_extension": []}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "other_extension.py").write_text(OTHER, encoding="utf-8")
        for number in range(ROUNDS + 1):
            for name, rows in found.items():
                figures = load(name, Path(folder))
                if number:
                    rows.append(figures)
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    print("| %load_ext | ms | MiB |\n|---|---|---|")
    for name, (seconds, grown) in medians.items():
        print(f"| {name} | {seconds * 1000:.1f} | {grown:+.2f} |")
    ratio = medians["conjure_magic"][0] / medians["other_extension"][0]
    memory = medians["conjure_magic"][1]
    print(f"\ntime ratio {ratio:.3f} (bound {BOUND_TIME}), memory {memory:+.2f} MiB (bound +{BOUND_MEMORY})")
    return int(ratio > BOUND_TIME or memory > BOUND_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
