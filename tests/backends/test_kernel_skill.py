"""The skill `kernel` in a real kernel: variables, approval, code with figures, other threads, secrets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from kernel_kit import Cell, Kernel
from processes import wait_until

TESTS = str(Path(__file__).parent.parent)
SETUP = f'''
import sys; sys.path.insert(0, {TESTS!r})
%load_ext conjure_magic
from fakes import ScriptedModel, use
from conjure_magic import Session, skill, NativeSkill

def calls(name, **given):
    """A model that calls one tool and then says what came of it."""
    return ScriptedModel([use("t1", name, **given)], ["Done."])
'''


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    kernel.run(SETUP)
    return kernel


@pytest.fixture(autouse=True)
def fresh_conversation(loaded: Kernel) -> None:
    loaded.run("%reload_ext conjure_magic")


def call(kernel: Kernel, tool: str, answers: tuple[str, ...] = (), options: str = "", /, **given: Any) -> Cell:
    """A cell whose model calls a tool once; the result of the turn is `result`."""
    kernel.run(f"m = calls({tool!r}, **{given!r})")
    return kernel.run(f"%%conjure --backend native --model m -o result {options}\ngo", answers)


def read(kernel: Kernel) -> str:
    """What the model read of the last call."""
    return str(eval(kernel.run("result.tool_calls[0].result.text").text()))


def test_variables_are_listed_with_type_and_shape(loaded: Kernel) -> None:
    loaded.run("import pandas as pd, numpy as np\ndf = pd.DataFrame({'a': [1, 2]}); arr = np.zeros((3, 4))")
    loaded.run("from math import sqrt\nfrom collections import Counter\nfrom typing import Literal\ndef mine(): pass")
    loaded.run("words = ['x', 'y']; count = 7; my_api_key = 'sk-abcdef-123456'")
    call(loaded, "kernel_variables")
    lines = read(loaded).split("\n")
    assert "df: DataFrame, 2 × 1" in lines
    assert "arr: ndarray, 3 × 4, float64" in lines
    assert "words: list, length 2" in lines
    assert "count: int" in lines
    assert "my_api_key: str, length 16" in lines
    assert "sk-abcdef" not in read(loaded)
    names = {line.partition(":")[0] for line in lines}
    assert "mine" in names
    assert not names & {"sqrt", "Counter", "Literal", "In", "Out", "exit", "get_ipython", "pd", "np", "_"}


def test_one_is_looked_at_without_asking(loaded: Kernel) -> None:
    loaded.run("import pandas as pd\ndf = pd.DataFrame({'a': range(100), 'auth_token': ['tok-123456-x'] * 100})")
    loaded.run("from conjure_magic.messages import ToolUseBlock")
    loaded.run("m = ScriptedModel([ToolUseBlock('t1', 'kernel_look', {'name': 'df'})], ['Done.'])")
    loaded.run("%%conjure --backend native --model m -o result\ngo")
    text = read(loaded)
    assert text.startswith("df: DataFrame, 100 × 2\ncolumns: a (int64)")
    assert "tok-123456" not in text
    loaded.run("m = ScriptedModel([ToolUseBlock('t1', 'kernel_look', {'name': 'nope'})], ['Done.'])")
    loaded.run("%%conjure --model m -o result\ngo")
    assert "there is no variable 'nope'; available:" in read(loaded)


def test_secrets_are_hidden_by_the_look_of_their_names_and_masked_by_value(loaded: Kernel) -> None:
    loaded.run("from conjure_magic.messages import ToolUseBlock")
    loaded.run(
        "password = 'correct-horse'; conf = {'db': {'api_key': 'k-999-888-777'}, 'host': 'correct-horse.example'}"
    )
    for name in ("password", "conf"):
        loaded.run(f"m = ScriptedModel([ToolUseBlock('t1', 'kernel_look', {{'name': {name!r}}})], ['Done.'])")
        loaded.run("%%conjure --backend native --model m -o result\ngo")
        assert "correct-horse" not in read(loaded)
        assert "k-999" not in read(loaded)
        assert "hidden" in read(loaded)
    call(loaded, "kernel_run", ("y",), code="print(conf, password[:7])\n'x' + password")
    assert "k-999" not in read(loaded)
    assert "correct-horse" not in read(loaded)


def test_code_runs_only_after_it_was_allowed(loaded: Kernel) -> None:
    loaded.run("made = None")
    refused = call(loaded, "kernel_run", ("n rather look at df",), code="made = 1")
    assert "Run this in your kernel?" in refused.prompts[0]
    assert "made = 1" in refused.prompts[0]
    assert "was not allowed and did not run. rather look at df" in read(loaded)
    assert loaded.run("print(made)").text() == "None\n"
    call(loaded, "kernel_run", (), code="made = 1")
    assert "There is no one to ask" in read(loaded)
    call(loaded, "kernel_run", ("y",), code="made = 2; made + 1")
    assert read(loaded) == "3"
    assert loaded.run("print(made)").text() == "2\n"


def test_always_holds_for_the_session(loaded: Kernel) -> None:
    call(loaded, "kernel_run", ("a",), code="1")
    cell = call(loaded, "kernel_run", (), code="2")
    assert read(loaded) == "2"
    assert "you, for this session" in cell.text("text/html")


def test_figures_and_displayed_objects_come_back(loaded: Kernel) -> None:
    pytest.importorskip("matplotlib")
    code = (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nprint('before')\ndisplay({'shown': 1})\n"
        "plt.plot([1, 2])\nprint('after')\n[7] * 2"
    )
    cell = call(loaded, "kernel_run", (), "--yes", code=code)
    text = read(loaded)
    places = [text.index(part) for part in ("before", "{'shown': 1}", "after", "[7, 7]", "saved as figure.png")]
    assert places == sorted(places)
    assert loaded.run("result.files['figure.png'].read()[:4]").text() == "b'\\x89PNG'"
    assert "figure.png" in cell.text("text/html")
    shown = [o for o in cell.outputs if o["output_type"] in ("stream", "execute_result", "error")]
    assert shown == [], "what the code shows belongs to its call, not to the cell"


def test_an_exception_in_code_is_one_line_and_the_cell_continues(loaded: Kernel) -> None:
    cell = call(loaded, "kernel_run", (), "--yes", code="print('so far')\nundefined_name")
    assert read(loaded) == "so far\nNameError: name 'undefined_name' is not defined"
    assert "Traceback</summary>" in cell.text("text/html")
    assert cell.reply is not None
    assert cell.reply["status"] == "ok"
    call(loaded, "kernel_run", (), "--yes", code="def broken(:")
    assert "SyntaxError" in read(loaded)
    assert loaded.run("1/0").reply["ename"] == "ZeroDivisionError", "the kernel's own tracebacks are back"  # type: ignore[index]


def test_code_can_neither_end_the_kernel_nor_wait_for_its_loop(loaded: Kernel) -> None:
    call(loaded, "kernel_run", (), "--yes", code="exit()")
    assert "this would end the user's kernel, so it was ignored" in read(loaded)
    call(loaded, "kernel_run", (), "--yes", code="import asyncio\nawait asyncio.sleep(0)")
    assert "top-level `await` is not available here" in read(loaded)
    assert loaded.run("import asyncio; await asyncio.sleep(0, 'alive')").text() == "'alive'"


def test_an_interrupt_stops_running_code_that_was_asked_for_and_keeps_what_it_printed(loaded: Kernel) -> None:
    code = (  # as the kernel's manager does it, from the outside
        "import os, signal, threading, time\nprint('begun')\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\nwhile True: time.sleep(0.01)"
    )
    loaded.run(f"m = calls('kernel_run', code={code!r})")
    cell = loaded.run("%%conjure --backend native --model m -o result\ngo", ("y",))
    assert cell.reply is not None
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "begun" in read(loaded)
    assert "interrupted" in read(loaded)


def test_a_turn_of_another_thread_is_queued_to_the_main_thread(loaded: Kernel) -> None:
    """As a panel's turn is: it waits while a cell runs, says so, and then runs where the person's code runs."""
    loaded.run(
        "import threading, time\n"
        "from conjure_magic.approval import approve_all\n"
        "from conjure_magic.magics.kernel import ShellHost\n"
        "panel = Session('native', model=calls('kernel_run', code='import threading\\n"
        "where = threading.current_thread() is threading.main_thread()\\nwhere'),\n"
        "                name='panel', host=ShellHost(get_ipython()), approver=approve_all)\n"
        "turn = threading.Thread(target=panel.chat, args=('go',)); turn.start()\n"
        "turn.join(0.5); waited = turn.is_alive()"
    )
    loaded.run("pass")
    end = time.monotonic() + 30
    while loaded.run("turn.is_alive()").text() == "True" and time.monotonic() < end:
        time.sleep(0.05)
    assert loaded.run("waited, where").text() == "(True, True)"
    assert loaded.run("panel.turns[0].tool_calls[0].result.text").text() == "'True'"
    assert "as soon as no cell is running there" in loaded.run("panel.turns[0].items").text()


def test_a_queued_call_can_be_stopped_before_it_began(loaded: Kernel) -> None:
    loaded.run(
        "import threading, time\n"
        "from conjure_magic.approval import approve_all\n"
        "from conjure_magic.magics.kernel import ShellHost\n"
        "never = Session('native', model=calls('kernel_run', code='ran_after_all = 1'),\n"
        "                name='never', host=ShellHost(get_ipython()), approver=approve_all)\n"
        "turn = threading.Thread(target=never.chat, args=('go',)); turn.start()\n"
        "time.sleep(0.5); never.stop(); turn.join(20); ended = not turn.is_alive()"
    )
    assert loaded.run("ended, never.turns[0].stop_reason").text() == "(True, 'stopped')"
    assert loaded.run("'ran_after_all' in dir()").text() == "False"


def test_stop_ends_queued_code_that_runs_already(loaded: Kernel) -> None:
    loaded.run(
        "import threading, time\n"
        "from conjure_magic.approval import approve_all\n"
        "from conjure_magic.magics.kernel import ShellHost\n"
        "long = Session('native', model=calls('kernel_run', code='import time, pathlib\\n"
        'pathlib.Path("runs").touch()\\nwhile True: time.sleep(0.01)\'),\n'
        "               name='long', host=ShellHost(get_ipython()), approver=approve_all)\n"
        "turn = threading.Thread(target=long.chat, args=('go',)); turn.start()\n"
        "def stop():\n"
        "    while not pathlib.Path('runs').exists(): time.sleep(0.01)\n"
        "    long.stop()\n"
        "import pathlib; threading.Thread(target=stop).start()"
    )
    wait_until((loaded.folder / "runs").exists)  # it runs between cells: the next one has to come after it
    assert loaded.run("turn.join(20); long.turns[0].stop_reason", timeout=60).text() == "'stopped'"


def test_skills_by_the_names_of_variables(loaded: Kernel) -> None:
    """Defined in one cell, used in the next; redefined, it is replaced; a plain function says what to do."""
    loaded.run("@skill\ndef area(w: int, h: int) -> int:\n    '''The area.'''\n    return w * h")
    loaded.run("m = calls('area', w=6, h=7)")
    loaded.run("%%conjure --backend native --skills area --model m -o result\ngo")
    assert read(loaded) == "42"
    loaded.run("@skill\ndef area(w: int, h: int) -> str:\n    '''The area.'''\n    return f'{w}x{h}'")
    loaded.run("m = calls('area', w=6, h=7)")
    loaded.run("%%conjure --model m -o result\ngo")
    assert read(loaded) == "6x7"
    loaded.run("def plain(): pass")
    cell = loaded.run("%%conjure --backend native --skills plain\ngo")
    assert "put @skill above it" in str(cell.outputs)
    cell = loaded.run("%%conjure --session other --backend local --skills area\ngo")
    assert "Choose --backend native" in str(cell.outputs)


def test_the_offline_model_lists_variables_without_a_key(loaded: Kernel) -> None:
    loaded.run("some_variable = 3")
    cell = loaded.run("%%conjure --backend native --model offline -o result\nList the variables in my kernel")
    assert "some_variable: int" in cell.text("text/html")


def test_the_offline_model_answers_about_a_frame_without_a_key(loaded: Kernel) -> None:
    loaded.run("import pandas as pd\nwaits = pd.DataFrame({'endpoint': ['/a', '/b', '/a'], 'duration': [1, 9, 4]})")
    options = "--backend native --model offline --with waits -o result"
    text = loaded.run(f"%%conjure {options}\nmean of duration by endpoint").text("text/html")
    assert "frames_figure" in text
    assert text.index("/b") < text.rindex("2.5")
    assert "3 rows and 2 columns" in loaded.run(f"%%conjure {options}\nsummarise waits").text("text/html")
    missing = loaded.run(f"%%conjure {options}\nmean of latency by endpoint").text("text/html")
    assert "waits has no column latency; its columns are endpoint, duration" in missing


def test_an_async_skill_works_in_a_cell(loaded: Kernel) -> None:
    loaded.run("import asyncio\n@skill\nasync def later(n: int) -> int:\n    await asyncio.sleep(0)\n    return n + 1")
    loaded.run("m = calls('later', n=1)")
    loaded.run("%%conjure --backend native --skills later --model m -o result\ngo")
    assert read(loaded) == "2"


def test_a_signal_after_the_call_harms_nothing(loaded: Kernel) -> None:
    """A timeout that strikes as a function ends leaves no stray KeyboardInterrupt in the next cell."""
    loaded.run("import time\n@skill\ndef nap() -> str:\n    time.sleep(0.2)\n    return 'ok'")
    for seconds in ("0.19", "0.2", "0.21"):
        loaded.run("m = calls('nap')")
        loaded.run(f"%%conjure --backend native --skills nap --model m --timeout {seconds} -o result\ngo")
        assert loaded.run("sum(range(1000))").text() == "499500"
