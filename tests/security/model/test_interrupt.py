"""An interrupt that arrives while text is rendered ends the turn, whatever text the model chose."""

from __future__ import annotations

import json

import pytest
from kernel_kit import Kernel

TEXTS = {
    "paths in a command": "[{'type': 'tool_use', 'name': 'bash_tool', 'input': {'command': 'true ' + ',/a' * 12_000}}]",
    "titles of a picture": "[{'type': 'tool_use', 'name': 'create_file',"
    " 'input': {'path': 'a.svg', 'file_text': '<svg>' + '<title ' * 9_000}}]",
    "sequences on stdout": "[{'type': 'tool_use', 'name': 'bash_tool',"
    " 'input': {'command': 'head -c 2000000 /dev/zero | tr \"\\\\0\" \"\\\\235\"'}}]",
    "brackets": "[{'type': 'text', 'text': '[' * 60_000}]",
    "brackets in words": "[{'type': 'text', 'text': '[a ' * 9_000}]",
    "a long table": "[{'type': 'text', 'text': '|a|b|\\n|-|-|\\n' + '|1|2|\\n' * 30_000}]",
    "a wide table": "[{'type': 'text', 'text': '|a' * 3_000 + '\\n' + '|-' * 3_000 + '\\n' + '|b\\n' * 3_000}]",
    "quotes in quotes": "[{'type': 'text', 'text': '>' * 29_000}]",
}
WATCH = """
import os, signal, sys, time
%load_ext conjure_magic

def m(request):
    return {"content": content if len(request.messages) < 2 else [{"type": "text", "text": "done"}]}

def interrupt_in_renderer(frame, event, argument):
    file = frame.f_code.co_filename
    if event == "call" and "conjure_magic/render/" in file and frame.f_globals is not frame.f_locals and is_long(frame):
        sys.setprofile(None)
        seen["place"], seen["cpu"], seen["time"] = frame.f_code.co_qualname, time.process_time(), time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

def is_long(frame):
    code = frame.f_code
    return any(len(repr(frame.f_locals[name])) > 5_000 for name in code.co_varnames[: code.co_argcount])

def step():
    began = time.process_time()
    for number in range(1_000_000):
        pass
    return (time.process_time() - began) / 1_000_000
"""
RUN = """
content, seen = CONTENT, {}
sys.setprofile(interrupt_in_renderer)
try:
    get_ipython().run_cell_magic("conjure", "--backend local --fresh --yes --model m", "go")
finally:
    sys.setprofile(None)
    seen["cpu"], seen["time"] = time.process_time() - seen["cpu"], time.monotonic() - seen["time"]
"""
REPORT = "import json; print(json.dumps({**seen, 'steps': seen['cpu'] / min(step() for _ in range(5))}))"
MOST_STEPS = 40_000_000
"""What may be done after the interrupt, in steps of an empty loop: two seconds where a million take 50 ms."""


@pytest.fixture(scope="module")
def watched(kernel: Kernel) -> Kernel:
    kernel.run(WATCH)
    return kernel


@pytest.mark.parametrize("text", TEXTS)
def test_a_turn_can_be_interrupted_while_hostile_text_is_rendered(watched: Kernel, text: str) -> None:
    """The interrupt arrives in the renderer that was given the text. What is counted is work, not time."""
    cell = watched.run(RUN.replace("CONTENT", TEXTS[text]), timeout=120)
    assert cell.reply is not None
    assert cell.reply.get("ename") == "KeyboardInterrupt", cell.outputs
    report = json.loads(watched.run(REPORT).text())
    print(report)
    assert report["steps"] < MOST_STEPS, report
    assert "42" in watched.run("print(6 * 7)").text()
