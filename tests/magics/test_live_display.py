"""The live display: in a real kernel, in a terminal, in `jupyter console`; what it sends, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import EVERYTHING, TEXTS, markdown_offences, offences, text_offences
from kernel_kit import Cell, Kernel
from render.made import called

from conjure_magic.events import Called, Item, Said, Thought
from conjure_magic.render import VENDOR_TYPE
from conjure_magic.render.growing import GROWTH, Committed
from conjure_magic.render.live_text import block_cut, last_part, open_fence
from conjure_magic.render.running_turn import LIVE, render_newest

TYPES = {"text/html", "text/markdown", "text/plain", VENDOR_TYPE}
SETUP = f"""
import sys, time, threading, pathlib
sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from render.made import LIMITS, PIXEL, artifact, called, turn
from conjure_magic.events import *
from conjure_magic.magics.live_display import open_display as opened
from conjure_magic.messages import *
from conjure_magic.artifacts import Artifacts

def open_display(shell=None):
    return opened(LIMITS, shell)

STARTED = TurnStarted("turn-3", "turn-2", "Where?", ("local",), "some-model")
CALL = ToolUseBlock("t1", "bash_tool", {{"command": "ls -l"}})

def feed(display, *bodies):
    for number, body in enumerate(bodies):
        display(Event("main", 3, 1, number, time.time(), body))

def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def ready(kernel: Kernel) -> Kernel:
    """The module's kernel with what the cells of these tests use."""
    cell = kernel.run(SETUP)
    assert cell.reply is not None
    assert cell.reply["status"] == "ok", cell.reply
    return kernel


@pytest.fixture
def gate(ready: Kernel) -> Iterator[Path]:
    """A file that a cell waits for (`wait_for("gate")`); gone afterwards."""
    path = ready.folder / "gate"
    yield path
    path.unlink(missing_ok=True)


def html(cell: Cell) -> str:
    return cell.text("text/html")


def watch(kernel: Kernel, code: str, seen: Callable[[Cell], Any], then: Callable[[], Any]) -> Cell:
    """Run a cell; once it shows what `seen` looks for, do `then`; return the finished cell."""
    msg_id, cell = kernel.start(code, allow_stdin=False)
    was_seen, over = threading.Event(), threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            if seen(cell):
                was_seen.set()
                break
        then()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        kernel.finish(msg_id, cell)
    finally:
        over.set()
        looker.join()
    assert was_seen.is_set(), cell.outputs
    return cell


def test_the_final_state_takes_the_place_of_the_live_one(ready: Kernel) -> None:
    cell = ready.run(
        "d = open_display(); feed(d, STARTED, TextDelta('All **good**.'), TurnFinished(turn(Said('All **good**.'))))"
    )
    main, footer = cell.outputs
    assert set(main["data"]) == TYPES
    assert "<strong>good</strong>" in main["data"]["text/html"]
    assert "turn 3" in footer["data"]["text/html"]
    assert "running" not in html(cell) + cell.text()


def test_pictures_follow_as_outputs_of_their_own(ready: Kernel) -> None:
    cell = ready.run(
        "made = artifact(pathlib.Path('.'), 'dot.png', PIXEL)\n"
        "d = open_display(); feed(d, STARTED, TurnFinished(turn(files=(made,))))"
    )
    assert [sorted(output["data"]) for output in cell.outputs[2:]] == [["image/png", "text/plain"]]
    assert "<img" not in html(cell)


def test_text_is_seen_while_it_is_said(ready: Kernel, gate: Path) -> None:
    code = (
        "d = open_display(); feed(d, STARTED, TextDelta('so **far**')); wait_for('gate'); feed(d, TurnFinished(turn()))"
    )
    watch(ready, code, lambda cell: "<strong>far</strong>" in html(cell), gate.touch)


def test_the_output_of_a_running_command_is_seen(ready: Kernel, gate: Path) -> None:
    code = (
        "d = open_display(); feed(d, STARTED, ToolStarted(CALL, 'local'), ToolOutput('t1', 'halfway there\\n'))\n"
        "wait_for('gate'); feed(d, TurnFinished(turn()))"
    )
    watch(ready, code, lambda cell: "halfway there" in html(cell) and "running bash_tool" in html(cell), gate.touch)


def test_an_open_question_is_shown_and_left_to_the_approver(ready: Kernel, gate: Path) -> None:
    code = (
        "d = open_display()\n"
        "feed(d, STARTED, ToolStarted(CALL, 'local'), ApprovalAsked('t1', 'local', 'ls -l; rm x'))\n"
        "wait_for('gate'); feed(d, TurnFinished(turn()))"
    )
    watch(ready, code, lambda cell: "waiting for your answer" in html(cell), gate.touch)


def test_the_time_advances_while_nothing_happens(ready: Kernel, gate: Path) -> None:
    code = "d = open_display(); feed(d, STARTED); wait_for('gate'); feed(d, TurnFinished(turn()))"
    watch(ready, code, lambda cell: re.search(r" [2-9] s · waiting for the model", html(cell)), gate.touch)


def test_a_live_state_says_when_it_was_so_since_a_kernel_that_dies_leaves_it(ready: Kernel, gate: Path) -> None:
    code = (
        "d = open_display(); feed(d, STARTED, ToolStarted(CALL, 'local'))\n"
        "wait_for('gate'); feed(d, TurnFinished(turn()))"
    )

    def is_dated(cell: Cell) -> bool:
        line = re.search(r"running bash_tool · as of <span title=\"([0-9-]+)\">([0-9:]+)</span>", html(cell))
        return line is not None and f"(running, as of {line[1]} {line[2]})" in cell.text()

    watch(ready, code, is_dated, gate.touch)


@pytest.mark.parametrize("end", ["raise ValueError('x')", "raise KeyboardInterrupt", "pass"])
def test_a_turn_that_never_reports_its_end_is_marked_stopped(ready: Kernel, end: str) -> None:
    cell = ready.run(
        "d = open_display()\ntry:\n"
        f"    feed(d, STARTED, TextDelta('so far'), ToolStarted(CALL, 'local')); {end}\n"
        "finally:\n    d.close(); d.close()"
    )
    main, footer = [output["data"] for output in cell.outputs if "data" in output]
    assert "so far" in main["text/html"]
    assert "so far" in main["text/plain"]
    assert "Stopped" in footer["text/html"]


def test_an_interrupt_leaves_a_final_state(ready: Kernel) -> None:
    code = (
        "d = open_display()\ntry:\n    feed(d, STARTED, TextDelta('so far')); time.sleep(600)\nfinally:\n    d.close()"
    )
    process: Any = ready.km.provisioner
    cell = watch(ready, code, lambda cell: "so far" in html(cell), lambda: os.kill(process.pid, signal.SIGINT))
    assert cell.reply is not None
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "Stopped" in html(cell)
    assert "so far" in html(cell)


def test_nothing_ticks_when_it_is_closed(ready: Kernel) -> None:
    ready.run("d = open_display(); feed(d, STARTED, TextDelta('x')); d.close()")
    ready.run("d = open_display(); feed(d, STARTED, TextDelta('x'), TurnFinished(turn())); d.close()")
    assert ready.run("print([t.name for t in threading.enumerate() if 'conjure' in t.name])").text() == "[]\n"


def test_one_that_saw_nothing_shows_nothing(ready: Kernel) -> None:
    assert ready.run("d = open_display(); d.close()").outputs == []


def test_events_after_the_end_change_nothing(ready: Kernel) -> None:
    cell = ready.run(
        "d = open_display(); feed(d, STARTED, TurnFinished(turn(Said('end'))), TextDelta('late')); d.close()"
    )
    assert "late" not in html(cell)


def test_a_turn_that_cannot_be_rendered_still_shows_its_answer(ready: Kernel) -> None:
    """And the error stays in the display: the turn continues."""
    cell = ready.run(
        "import logging; logging.disable()\n"
        "broken = turn(files=(object(),), messages=(Message.user('q'), Message.assistant('the <answer>')))\n"
        "d = open_display(); feed(d, STARTED, TurnFinished(broken)); logging.disable(0); print('went on')"
    )
    assert "the &lt;answer&gt;" in html(cell)
    assert cell.text().endswith("went on\n")


def test_a_redraw_that_keeps_failing_is_reported_once(ready: Kernel) -> None:
    cell = ready.run(
        "d = open_display(); feed(d, STARTED, ToolStarted(CALL, 'local'))\n"
        "for done in range(4):\n"
        "    feed(d, ToolProgress('t1', done, 'many')); time.sleep(0.3)\n"
        "feed(d, TurnFinished(turn())); d.close()"
    )
    assert cell.text().count("could not show a redraw") == 1


def test_a_front_end_that_cannot_be_reached_breaks_no_turn_and_is_reported_briefly(ready: Kernel) -> None:
    """Here the publisher itself fails, as it does when a socket is gone."""
    cell = ready.run(
        "publisher = type(get_ipython().display_pub); publish = publisher.publish\n"
        "def fail(*args, **kwargs): raise OSError('gone')\n"
        "publisher.publish = fail\n"
        "try:\n"
        "    d = open_display()\n"
        "    feed(d, STARTED, *[TextDelta('x')] * 500, TurnFinished(turn())); d.close()\n"
        "finally:\n"
        "    publisher.publish = publish\n"
        "print('went on')"
    )
    assert cell.reply is not None
    assert cell.reply["status"] == "ok"
    assert cell.text().endswith("went on\n")
    assert cell.text().count("\n") < 5


def test_a_turn_in_a_worker_thread_lands_in_the_cell_that_opened_the_display(ready: Kernel) -> None:
    cell = ready.run(
        "d = open_display(); feed(d, STARTED)\n"
        "t = threading.Thread(target=feed, args=(d, TextDelta('x'), TurnFinished(turn(Said('from a worker')))))\n"
        "t.start(); t.join()"
    )
    assert "from a worker" in html(cell)


def test_hostile_text_is_harmless_while_live_and_at_the_end(ready: Kernel, gate: Path) -> None:
    """Every state that was sent is checked, not only the last."""
    sent: list[str] = []

    def seen(cell: Cell) -> bool:
        sent.append(html(cell))
        return "the gate" in sent[-1]

    cell = watch(
        ready,
        "import hostile; T = hostile.TEXTS.values()\n"
        "d = open_display()\n"
        "feed(d, STARTED, *(b for t in T for b in (TextDelta(t), ToolStarted(CALL, t), ToolOutput('t1', t))))\n"
        "feed(d, Notice('the gate')); wait_for('gate')\n"
        "feed(d, TurnFinished(turn(*(Said(t) for t in T), prompt=hostile.EVERYTHING)))",
        seen,
        gate.touch,
    )
    assert [found for shown in {*sent} for found in offences(shown)] == []
    assert [found for output in cell.outputs for found in offences(output["data"]["text/html"])] == []
    assert markdown_offences(cell.text("text/markdown")) == []
    assert text_offences(cell.text()) == []


# ---- who does not follow updates


def test_a_front_end_that_may_ignore_updates_gets_everything_again_and_once(ready: Kernel) -> None:
    cell = ready.run("d = open_display(); feed(d, STARTED, TurnFinished(turn(Said('whole'))))", answers=["unused"])
    *live, final = cell.outputs
    assert [output["data"] for output in live] == [{"text/html": ""}] * 2
    assert set(final["data"]) == TYPES
    assert "whole" in final["data"]["text/plain"]
    assert "turn 3" in final["data"]["text/plain"]


def test_a_front_end_that_names_its_cell_is_updated_in_place(ready: Kernel) -> None:
    """As JupyterLab, Notebook and VS Code do, which also allow prompts."""
    client = ready.kc
    content = {
        "code": "d = open_display(); feed(d, STARTED, TurnFinished(turn()))",
        "silent": False,
        "allow_stdin": True,
    }
    content |= {"store_history": True, "user_expressions": {}, "stop_on_error": True}
    message = client.session.msg("execute_request", content, metadata={"cellId": "some-cell"})
    client.shell_channel.send(message)
    cell = ready.finish(message["header"]["msg_id"], Cell())
    assert set(cell.outputs[0]["data"]) == TYPES


def test_jupyter_console_shows_the_whole_answer(tmp_path: Path) -> None:
    """It ignores updates; seen in the real program."""
    pexpect = pytest.importorskip("pexpect")
    (tmp_path / "turn.py").write_text(
        SETUP + "d = open_display()\nfeed(d, STARTED, TextDelta('x'), TurnFinished(turn(Said('the whole answer'))))\n"
    )
    arguments = ["-m", "jupyter_console", "--simple-prompt"]
    environment = {**os.environ, "TERM": "dumb", "PYTHONWARNINGS": ""}
    console = pexpect.spawn(sys.executable, arguments, cwd=tmp_path, env=environment, encoding="utf-8", timeout=60)
    try:
        console.expect(r"In \[1\]: ")
        console.sendline("exec(open('turn.py').read())")
        console.expect("the whole answer")
        console.expect("session main · turn 3")
        console.expect(r"In \[2\]: ")
        console.sendline("exit")
        console.expect(pexpect.EOF)
    finally:
        console.close(force=True)


TERMINAL = """
from IPython.core.interactiveshell import InteractiveShell
d = open_display(InteractiveShell())
feed(d, STARTED, TextDelta("I look\\x1b[2J"), TextDelta(" first."), ToolStarted(CALL, "local"))
feed(d, ToolOutput("t1", "a line\\x07\\n"), ToolOutput("t1", "x" * 9000), ToolOutput("t1", "never seen"))
feed(d, ToolFinished("t1", ToolResult("", True, "exit 2"), 0.5), Notice("careful", "warning"))
feed(d, *END)
d.close()
"""


@pytest.mark.parametrize("ended", [True, False])
def test_a_terminal_gets_plain_text_as_it_comes(ready: Kernel, ended: bool) -> None:
    end = "END = [TurnFinished(turn(stop_reason='timeout'))]" if ended else "END = []"
    text = ready.run(f"{end}\n{TERMINAL}").text()
    order = ["I look first.", "◌ bash_tool ls -l", "a line", "✗ exit 2 bash_tool ls -l 0.5 s", "⚠ Warning: careful"]
    order.append("■ Timed out" if ended else "■ Stopped before")
    places = [text.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)
    assert text_offences(text) == []
    assert "never seen" not in text


# ---- how much is sent


def redrawn(states: list[list[Item]]) -> int:
    """Bytes of all redraws of the main output over these states of a turn."""
    done = Committed(LIVE)
    return sum(len(done.html) for items in states if done.advance(items))


def final(items: list[Item]) -> int:
    """Bytes of the main output with all of it."""
    done = Committed(LIVE)
    done.advance([*items, called()])
    return len(done.html)


LINEAR = (1 + GROWTH) / GROWTH + 1
"""The sum of a geometric series, over its last member; one more for its uneven beginning."""


def growing(text: str, by: int = 16) -> list[list[Item]]:
    return [[Said(text[:end])] for end in range(by, len(text) + by, by)]


PROSE = "A sentence of some words, `code` and **weight**, to the end of it.\n\n1. one\n2. two\n\n" * 240
CODE = "```python\n" + "    value = compute(limit=3)  # and so on\n" * 500 + "```"
CALLS: list[Item] = [item for n in range(600) for item in (Said(f"Step {n}."), called(f"step {n}", "line\n" * 40))]


@pytest.mark.parametrize("text", [PROSE, CODE, "one long line " * 1400], ids=["prose", "code", "one paragraph"])
def test_redraws_of_an_answer_send_bytes_linear_in_its_length(text: str) -> None:
    for size in (1_000, 5_000, 20_000):
        assert redrawn(growing(text[:size])) < LINEAR * final([Said(text[:size])])


def test_redraws_of_many_tool_calls_send_bytes_linear_in_their_number() -> None:
    """As if each call were redrawn at once: no time passes between them here."""
    for number in (40, 200, 1200):
        states = [CALLS[:end] for end in range(1, number + 1)]
        assert redrawn(states) < LINEAR * final(CALLS[:number])


def test_the_second_output_is_bounded_whatever_came() -> None:
    for items in (CALLS, [Said(PROSE)], [Said(CODE)], [Thought(PROSE)], [called("x" * 10_000, "y" * 100_000)] * 50):
        assert len(render_newest(items)) < 20_000
        running = Called(called("x" * 10_000).call, "local", output="long line " * 10_000)
        assert len(render_newest([*items, running])) < 25_000


def test_what_is_said_is_in_one_of_both_outputs_at_any_time() -> None:
    """In the main output what was drawn, in the second what came since."""
    done = Committed(LIVE)
    for items in growing(PROSE, by=397):
        done.advance(items)
        said = items[0]
        assert isinstance(said, Said)
        shown = done.html + render_newest(items[done.items :], done.said, done.opener)
        assert shown.count("A sentence") == said.text.count("A sentence")


def test_a_running_call_stays_in_the_second_output() -> None:
    done = Committed(LIVE)
    running = Called(called().call, "local", output="now")
    assert done.advance([Said(PROSE), running])
    assert done.items == 1
    assert "now" not in done.html


def test_text_cut_within_a_code_block_continues_as_code() -> None:
    text = "Look:\n\n~~~\n" + "# no heading\n" * 40
    at = block_cut(text, 6)
    opener = open_fence(text[:at])
    assert opener == "~~~"
    rest = render_newest([Said(text + "# the end\n")], at, opener)
    assert "<pre" in rest
    assert "<h3" not in rest
    assert open_fence(text + "~~~\n") == ""
    assert open_fence("```\n~~~\n") == "```"
    assert open_fence("inline ``` fence\n``` not `a fence`\n") == ""


@pytest.mark.parametrize("text", [*TEXTS.values(), EVERYTHING])
def test_a_cut_never_goes_back_nor_past_the_end(text: str) -> None:
    for after in (0, len(text) // 2, len(text)):
        assert after <= block_cut(text, after) <= len(text)
        assert after <= last_part(text, after, "", 40)[0] <= len(text)


TABLE = (
    "Counts:\n\n| name | lines |\n|---|---:|\n" + "".join(f"| part {n} | {n} |\n" for n in range(300)) + "\nAfter.\n"
)


def test_text_is_divided_only_between_blocks() -> None:
    """At any moment no table row is shown as text, and no sentence is broken in two."""
    text = f"One sentence, which goes on for a while. {'More of it. ' * 60}\n\n- first\n- second\n\n{TABLE}"
    done = Committed(LIVE)
    for items in growing(text, by=61):
        done.advance(items)
        said = items[0]
        assert isinstance(said, Said)
        assert said.text[: done.said] == "" or said.text[done.said - 1] == "\n"
        for html in (done.html, render_newest(items[done.items :], done.said, done.opener)):
            assert re.findall(r">[^<]*\|[^<]*<", html) == []
    assert done.said > text.index("Counts")


def test_a_long_open_table_repeats_its_header() -> None:
    newest = render_newest([Said(TABLE[: TABLE.index("After")].rstrip())])
    assert "<table" in newest
    assert "lines</th>" in newest
    assert "part 299" in newest
    assert "part 1<" not in newest


def test_items_of_a_list_are_blocks_and_paragraphs_with_numbers_are_not() -> None:
    assert block_cut("1. one\n2. two\n   more\n", 0) == len("1. one\n")
    assert block_cut("in the year\n2024. It was\n", 0) == 0
    assert block_cut("a\n\nb\n\n", 0) == 3
    assert block_cut("a\n\n    code\n", 0) == 0
