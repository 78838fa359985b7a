"""Kernel memory and throughput while a command prints 1 GB (10 GB with --soak).

Runs in a separate process that represents the kernel: the session's executor, and a reader that keeps what a cell
keeps. Memory is the growth of the largest resident size (VmHWM, Linux) during the command; the throughput is
compared with that of a bare pipe (`command | cat > /dev/null`) in the same run.

    python benchmarks/output_memory.py [--soak] [--gigabytes N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conjure_magic.cancel import Cancel
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.workspace import Folders

LIMIT_MIB = 32
KINDS = {
    "log lines": "yes '2024-05-01T12:00:00Z ERROR pool: no connection within 5 s (waiting: 17, ü)' | head -c {size}",
    "one line": "head -c {size} /dev/zero | tr '\\0' x",
    "colours": "yes \"$(printf '\\033[31mred\\033[0m and\\rplain')\" | head -c {size}",
    "binary": "yes \"$(printf '\\377\\001\\302\\200\\033')\" | head -c {size}",
}


def peak_mib() -> float:
    """The largest resident size of this process so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM: this benchmark needs Linux")


def reset_peak() -> None:
    """Reset VmHWM to the current size."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(kind: str, size: int) -> dict[str, object]:
    """Run one kind of output through an executor and return the measurements."""
    command = KINDS[kind].format(size=size)
    with tempfile.TemporaryDirectory() as folder:
        executor = LocalExecutor(Folders(Path(folder).resolve(), Path(folder).resolve()))
        for _ in executor.run("seq 100000", timeout=60, cancel=Cancel()):  # whatever is imported or sized once
            pass
        reset_peak()
        before, started, shown, chunks = peak_mib(), time.perf_counter(), "", 0
        running = executor.run(command, timeout=3600, cancel=Cancel())
        while True:
            try:
                shown, chunks = (shown + next(running).text)[-4_000:], chunks + 1
            except StopIteration as stop:
                result = stop.value
                break
        seconds = time.perf_counter() - started
        after = peak_mib()
        executor.close()
    assert result.total_bytes == size, result.total_bytes
    return {
        "kind": kind,
        "bytes": size,
        "more_mib": round(after - before, 1),
        "mb_per_s": round(size / 1e6 / seconds),
        "chunks": chunks,
    }


def bare_rate(size: int) -> float:
    """MB/s of the same lines through a pipe that discards them."""
    command = KINDS["log lines"].format(size=size)
    started = time.perf_counter()
    subprocess.run(["bash", "-c", f"{command} | cat > /dev/null"], check=True)
    return size / 1e6 / (time.perf_counter() - started)


def main() -> int:
    """Print a table; returns 1 if the memory limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soak", action="store_true", help="10 GB instead of 1 GB for log lines")
    parser.add_argument("--gigabytes", type=float, default=0, help="output size instead of 1 GB")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = int((options.gigabytes or (10 if options.soak else 1)) * 1e9)
    if options.one:
        print(json.dumps(measure(options.one, size)))
        return 0
    rows = []
    for number, kind in enumerate(KINDS):
        amount = size if number == 0 else min(size // 4, 250_000_000)
        command = [sys.executable, __file__, "--one", kind, "--gigabytes", str(amount / 1e9)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print(
            "{kind:>10}: {bytes:>14,} bytes  +{more_mib:>5} MiB  {mb_per_s:>5} MB/s  {chunks:>5} chunks".format(
                **rows[-1]
            )
        )
    print(f"{'bare pipe':>10}: {size:>14,} bytes               {bare_rate(size):>5.0f} MB/s")
    worst = max(float(row["more_mib"]) for row in rows)
    print(f"most: +{worst} MiB; limit: {LIMIT_MIB} MiB")
    return int(worst >= LIMIT_MIB)


if __name__ == "__main__":
    raise SystemExit(main())
