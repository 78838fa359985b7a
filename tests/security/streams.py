"""What a cell writes to a terminal, and the characters that a terminal obeys."""

from __future__ import annotations

from kernel_kit import Kernel

OBEYED = {chr(code) for code in (*range(9), *range(11, 13), *range(14, 32), *range(127, 160))}


def streams(kernel: Kernel, code: str) -> str:
    """What a cell wrote to its streams, and its errors as they are shown and as they are named."""
    cell = kernel.run(code)
    errors = [str(part) for o in cell.outputs for part in (*o.get("traceback", ()), o.get("evalue", ""))]
    return "".join([cell.text(), *errors])
