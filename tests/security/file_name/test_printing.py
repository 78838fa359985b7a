"""File names that drive a terminal where they are printed."""

from __future__ import annotations

from kernel_kit import Kernel
from security.streams import OBEYED, streams


def test_hostile_file_names_drive_no_terminal(kernel: Kernel) -> None:
    kernel.run("%load_ext conjure_magic")
    kernel.run(r"""def m(request):
        if request.messages[-1].content[0].type == "tool_result":
            return "done"
        given = {"path": "a\x1b]0;title\x07b.txt", "file_text": "x"}
        return {"content": [{"type": "tool_use", "id": "t1", "name": "create_file", "input": given}]}""")
    kernel.run("%%conjure --yes --model m\nwrite")
    shown = streams(kernel, "%conjure files --save saved")
    assert "a␛]0;title␇b.txt" in shown
    assert not OBEYED & set(shown)
