"""An interrupt is heard while text is rendered, however the model chose it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from kernel_kit import Kernel

TEXTS = {
    "paths in a command": "[{'type': 'tool_use', 'name': 'bash_tool', 'input': {'command': 'true ' + ',/a' * 12_000}}]",
    "brackets": "[{'type': 'text', 'text': '[' * 60_000}]",
    "a table": "[{'type': 'text', 'text': '|a|b|\\n|-|-|\\n' + '|1|2|\\n' * 30_000}]",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_turn_with_hostile_text_can_be_interrupted(text: str, tmp_path: Path) -> None:
    """The kernel answers two seconds after the interrupt, and runs the next cell."""
    kernel = Kernel(folder=tmp_path)
    try:
        kernel.run("%load_ext conjure_magic")
        kernel.run(f"def m(request): return {{'content': {TEXTS[text]}}}")
        running = kernel.start("print('begun')\nget_ipython().run_cell_magic('conjure', '--yes --model m', 'go')")
        end = time.monotonic() + 60
        while "begun" not in running[1].text() and time.monotonic() < end:
            msg = kernel.kc.get_iopub_msg(timeout=10)
            kernel._show(msg["msg_type"], msg["content"], running[1])
        time.sleep(0.3)  # into the turn; if it is over already, so much the better
        kernel.km.interrupt_kernel()
        kernel.finish(*running, timeout=6)
        assert "42" in kernel.run("print(6 * 7)", timeout=6).text()
    finally:
        kernel.close()
