"""Cells in a real kernel: requests, commands, slips, questions, interrupts."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from kernel_kit import Cell, Kernel

from conjure_magic.magics.commands import COMMANDS
from conjure_magic.skills.discovery import BUNDLED

MODEL = '''
from conjure_magic.messages import Message, TextBlock, ToolUseBlock
from fakes import ScriptedModel, use
from conjure_magic.events import *

def runs(command):
    """A model that runs one command and then says what came of it."""
    def model(request):
        last = request.messages[-1].content[0]
        if last.type == "tool_result":
            return f"It came to: {last.text}"
        call = {"type": "tool_use", "id": f"toolu_{len(request.messages)}", "name": "bash_tool",
                "input": {"command": command}}
        return {"role": "assistant", "content": [call]}
    return model
'''
TESTS = str(Path(__file__).parent.parent)


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    kernel.run(f"import sys; sys.path.insert(0, {TESTS!r})")
    kernel.run("%load_ext conjure_magic")
    kernel.run(MODEL)
    return kernel


@pytest.fixture(autouse=True)
def fresh_conversation(loaded: Kernel) -> None:
    loaded.run("%reload_ext conjure_magic")


def html(cell: Cell) -> str:
    return cell.text("text/html")


def shown(cell: Cell) -> str:
    """Everything a cell shows as text."""
    return cell.text("text/plain")


def is_alive(mark: str) -> bool:
    """True if a process with this word in its command line runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(mark.encode() in path.read_bytes())
        except OSError:
            continue
    return any(found)


def test_loading_is_silent_and_may_be_repeated(loaded: Kernel) -> None:
    for line in ("%load_ext conjure_magic", "%reload_ext conjure_magic"):
        cell = loaded.run(line)
        assert [o for o in cell.outputs if "already loaded" not in str(o)] == []
    loaded.run("%unload_ext conjure_magic")
    assert "not found" in shown(loaded.run("%conjure"))
    assert loaded.run("%load_ext conjure_magic").outputs == []
    assert "Session main" in html(loaded.run("%conjure"))


def test_a_request_runs_a_command_and_the_next_cell_continues(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hello $((40+2))')")
    first = loaded.run("%%conjure --backend local --model m --yes -o result\nsay it")
    assert "hello 42" in html(first)
    assert "local" in html(first)
    second = loaded.run("%%conjure --yes\nagain")
    assert "turn 2" in shown(second) or "turn 2" in html(second)
    assert loaded.run("result.text").text() == "'It came to: hello 42'"
    assert "hello 42" in html(loaded.run("result"))


def test_each_output_has_all_of_its_types(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    cell = loaded.run("%%conjure --model m --yes\nsay it")
    main = next(o["data"] for o in cell.outputs if "application/vnd.conjure+json" in o.get("data", {}))
    assert {"text/html", "text/markdown", "text/plain"} <= set(main)
    data = main["application/vnd.conjure+json"]
    assert [message["role"] for message in data["messages"]] == ["user", "assistant", "user", "assistant"]


def test_created_files_are_shown_and_bound(loaded: Kernel) -> None:
    loaded.run("m = runs('printf \"a,b\\\\n1,2\\\\n\" > table.csv')")
    cell = loaded.run("%%conjure --model m --yes -o result\nmake it")
    assert "table.csv" in html(cell)
    assert "Download" in html(cell)
    assert loaded.run("result.files['table.csv'].read()").text() == "b'a,b\\n1,2\\n'"
    assert "table.csv" in html(loaded.run("%conjure files"))


def test_what_was_deleted_is_told_and_the_rest_is_saved(loaded: Kernel) -> None:
    loaded.run("m = runs('echo 1 > stays.txt; echo 2 > goes.txt')")
    loaded.run("%%conjure --model m --yes -o result\nmake them")
    loaded.run("result.files['goes.txt'].path.unlink()")
    said = shown(loaded.run("%conjure files --save copies"))
    assert "saved copies/stays.txt" in said
    assert "not saved, since it was deleted: goes.txt" in said
    loaded.run("%conjure reset")
    assert "none in this conversation; earlier ones stay in the workspace" in shown(loaded.run("%conjure"))


def test_a_skill_that_other_backends_cannot_use_is_left_out_with_a_notice(loaded: Kernel) -> None:
    loaded.run("m = lambda request: 'done'")
    loaded.run("%%conjure --model m --backend native --skills kernel --yes\nfirst")
    for line in ("--backend local", "--fresh", ""):
        cell = loaded.run(f"%%conjure {line}\nnext")
        assert "done" in shown(cell), line
        assert ("skill kernel is left out" in shown(cell)) == (line == "--backend local")
    assert "done" in shown(loaded.run("%%conjure --backend native\nand back"))
    assert "kernel" in shown(loaded.run("%conjure skills"))
    assert "needs the backend native" in shown(loaded.run("%%conjure --backend local --skills kernel\nasked for"))
    loaded.run("%conjure use --backend anthropic --skills xlsx")
    for backend in ("local", "native", "local"):
        assert "done" in shown(loaded.run(f"%%conjure --backend {backend}\nnext")), backend


@pytest.mark.parametrize("first", ["", "%%conjure --model m --backend native\nbefore"])
def test_a_backend_that_cannot_be_opened_is_not_kept(loaded: Kernel, first: str) -> None:
    loaded.run("m = lambda request: 'done'; import os; os.environ['DOCKER_HOST'] = 'tcp://127.0.0.1:9'")
    if first:
        loaded.run(first)
    failed = loaded.run("%%conjure --model m --backend docker\nfail")
    assert "done" not in shown(failed)
    assert "docker" not in shown(loaded.run("%conjure")).partition("model")[0]
    assert "done" in shown(loaded.run(f"%%conjure {'' if first else '--model m'}\nnext"))
    loaded.run("del os.environ['DOCKER_HOST']")


def test_a_new_session_is_announced_with_the_name_that_may_have_been_meant(loaded: Kernel) -> None:
    loaded.run("%conjure state")
    assert "Session 'mian' is new; did you mean main?" in shown(loaded.run("%conjure session mian"))
    assert "is new" not in shown(loaded.run("%conjure session main"))


def test_files_that_no_remembered_turn_made_are_listed_apart(loaded: Kernel) -> None:
    loaded.run("%conjure session apart")
    loaded.run("m = runs('echo 1 > kept.txt')")
    loaded.run("%%conjure --model m --yes\nmake it")
    assert "Other files in the workspace" not in shown(loaded.run("%conjure files"))
    loaded.run("%conjure reset")
    listed = shown(loaded.run("%conjure files"))
    assert "no files yet" in listed
    assert "kept.txt" in listed.partition("Other files in the workspace")[2]
    loaded.run("%%conjure --model m --yes --workspace .\nmake it")
    assert "Other files in the workspace" not in shown(loaded.run("%conjure files")), "a folder of the person's own"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("%%conjure --bakend local\nx", "did you mean --backend?"),
        ("%%conjure --backend lokal\nx", "did you mean local?"),
        ("%%conjure --model nothing-like-it\nx", "nothing-like-it"),
        ("%%conjure --skills ./nowhere\nx", "does not exist"),
        ("%%conjure --skills log-analyser\nx", "did you mean log-analyzer"),
        ("%%conjure --workspace ./nowhere\nx", "does not exist"),
        ("%%conjure\n{{nope}}", "no variable 'nope'"),
        ("%%conjure --with nope\nx", "no variable 'nope'"),
        ("%%conjure -o 1x\nx", "name of a variable"),
        ("%%conjure\n \n", "empty"),
        ("%conjure unod", "did you mean undo?"),
        ("%conjure undo 3", "cannot undo 3 turns"),
        ("%conjure undo three", "number of turns"),
        ("%conjure retry", "no turn"),
        ("%conjure session", "needs a NAME"),
        ("%conjure show", "needs one of: request, plan"),
        ("%conjure use", "at least one of"),
        ("%conjure help nothing", "no help on 'nothing'"),
        ("%conjure skills 'x", "is a quote missing"),
        ("%%conjure", "the request is empty"),
        ("%%conjure --backend local", "the request is empty"),
        ("%%conjure --session=-x\nx", "must not start with a hyphen"),
        ("%conjure session --model", "has no option --model"),
        ("%conjure --backend local", "%conjure use --backend"),
        ("%conjure Analyse the log", "below a %%conjure line"),
    ],
)
def test_a_slip_is_one_or_two_lines_without_a_traceback(loaded: Kernel, code: str, said: str) -> None:
    cell = loaded.run(code)
    text = shown(cell)
    assert said in text
    assert text.startswith("UsageError: ")
    assert len(text.strip().splitlines()) <= 2
    assert "Traceback" not in str(cell.outputs)
    assert cell.reply is not None
    assert cell.reply["status"] == "error", "so that Run All stops"


def test_a_slip_leaves_nothing_behind(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    loaded.run("%%conjure --model m --yes\nfirst")
    loaded.run("%%conjure --backend nowhere\nsecond")
    assert "turn 2" in str(loaded.run("%%conjure --yes\nthird").outputs)


def test_state_and_listings(loaded: Kernel) -> None:
    assert "log-analyzer" in html(loaded.run("%conjure skills"))
    assert "no changes" in html(loaded.run("%conjure skills --reload"))
    assert "bash_tool" in html(loaded.run("%conjure show request"))
    assert "%conjure undo" in html(loaded.run("%conjure help"))
    assert "max_rounds" in html(loaded.run("%conjure help settings"))
    assert "--timeout" in shown(loaded.run("%%conjure --help\nx"))
    assert "--save" in shown(loaded.run("%conjure files --help"))
    assert "other" in html(loaded.run("%conjure session other"))
    assert "other (current)" in html(loaded.run("%conjure sessions"))


@pytest.mark.parametrize("name", sorted(command.name for command in COMMANDS))
def test_every_command_explains_itself_and_does_nothing(loaded: Kernel, name: str) -> None:
    before = loaded.run("%conjure sessions").text("text/html")
    for line in (f"%conjure {name} --help", f"%conjure {name} -h", f"%conjure help {name}"):
        cell = loaded.run(line)
        assert f"%conjure {name}" in shown(cell)
        assert cell.reply is not None
        assert cell.reply["status"] == "ok"
    assert loaded.run("%conjure sessions").text("text/html") == before


@pytest.mark.parametrize("code", ["%%conjure --help", "%%conjure -h", "%%conjure --help\n", "%%conjure --help\nx"])
def test_a_cell_explains_its_options_with_and_without_a_request(loaded: Kernel, code: str) -> None:
    assert "--timeout S" in shown(loaded.run(code))


def test_a_terminal_that_asks_whether_a_cell_is_complete_may_continue(loaded: Kernel) -> None:
    def complete(code: str) -> str:
        asked = loaded.kc.is_complete(code)
        while (reply := loaded.kc.get_shell_msg(timeout=20))["parent_header"]["msg_id"] != asked:
            pass
        return str(reply["content"]["status"])

    assert complete("%%conjure --backend local") == "incomplete"
    assert complete("%%conjure --backend local\nAnalyse app.log") == "incomplete"
    assert complete("%%conjure --backend local\nAnalyse app.log\n\n") == "complete"


def test_a_question_about_a_file_says_what_a_yes_for_the_session_means(loaded: Kernel) -> None:
    loaded.run("""def m(request):
        if request.messages[-1].content[0].type == "tool_result":
            return "done"
        given = {"path": "a.txt", "file_text": "x"}
        return {"content": [{"type": "tool_use", "id": "t1", "name": "create_file", "input": given}]}""")
    cell = loaded.run("%%conjure --model m --workspace .\nwrite", answers=["a"])
    assert "every later file that local writes in this session" in cell.prompts[0]


def test_a_result_displays_itself_like_its_cell(loaded: Kernel) -> None:
    """With the paths of skills shortened, and by the settings' limits."""
    script = BUNDLED / "log-analyzer/scripts/analyze.py"
    loaded.run(f"m = runs('python {script} --help; head -c 3000 /dev/zero > big.bin')")
    loaded.run("%config ConjureMagics.file_limit = 1000")
    cell = loaded.run("%%conjure --model m --yes -o result\nx")
    again = html(loaded.run("result"))
    loaded.run("%config ConjureMagics.file_limit = 512_000")
    for seen in (html(cell), again):
        assert ">python log-analyzer/scripts/analyze.py --help" in seen
        assert "data:application" not in seen


def test_undo_retry_reset_and_fresh(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    for _ in range(2):
        loaded.run("%%conjure --model m --yes\nsay it")
    assert "removed 1 turn, 1 turn left" in shown(loaded.run("%conjure undo"))
    assert "turn 1" in str(loaded.run("%conjure retry --yes").outputs)
    assert "forgot 1 turn" in shown(loaded.run("%conjure reset"))
    loaded.run("%%conjure --yes\nsay it")
    assert "turn 1" in str(loaded.run("%%conjure --yes --fresh\nsay it").outputs)


def test_settings_reach_new_sessions(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    loaded.run("%config ConjureMagics.max_rounds = 1")
    cell = loaded.run("%%conjure --model m --yes -o result\nx")
    loaded.run("%config ConjureMagics.max_rounds = 50")  # it outlives a reload
    assert "Round limit" in str(cell.outputs)
    assert loaded.run("result.stop_reason").text() == "'max_rounds'"


@pytest.mark.parametrize(
    ("answers", "ran"),
    [
        (["y"], True),
        (["maybe", "yes"], True),
        (["n, not today"], False),
    ],
)
def test_a_command_asks_first_with_the_whole_command(loaded: Kernel, answers: list[str], ran: bool) -> None:
    command = "echo one; echo " + "long " * 200 + "&& touch ran.txt"
    loaded.run(f"m = runs({command!r})")
    folder = loaded.folder / "conjure-files"
    for left in folder.glob("*/ran.txt"):
        left.unlink()
    cell = loaded.run("%%conjure --model m\ndo it", answers=answers)
    quoted = [line[2:] for line in cell.prompts[0].split("\n") if line[:2] in ("│ ", "┆ ")]
    assert "".join(quoted) == command
    assert any(folder.glob("*/ran.txt")) is ran
    if not ran:
        assert "not today" in html(cell)


def test_yes_to_all_asks_once_in_a_session(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    assert len(loaded.run("%%conjure --model m\ndo it", answers=["a"]).prompts) == 1
    assert loaded.run("%%conjure\nagain", answers=["unused"]).prompts == []
    assert len(loaded.run("%%conjure --session other --model m\nanother", answers=["y"]).prompts) == 1


def test_without_anyone_to_ask_it_is_refused_and_says_what_to_pass(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    assert "--yes" in html(loaded.run("%%conjure --model m\ndo it"))


def test_hostile_text_in_a_question_is_made_visible(loaded: Kernel) -> None:
    loaded.run(r"m = runs('echo safe \u202e live')")
    cell = loaded.run("%%conjure --model m\ndo it", answers=["n"])
    assert "\u202e" not in cell.prompts[0]
    assert "‹U+202E›" in cell.prompts[0]


def test_a_command_with_a_terminal_sequence_is_refused_unasked(loaded: Kernel) -> None:
    loaded.run(r"m = runs('echo safe \x1b[2K\r live')")
    cell = loaded.run("%%conjure --model m\ndo it", answers=["y"])
    assert cell.prompts == []
    assert "U+001B" in html(cell)


def interrupted(kernel: Kernel, code: str, *, presses: int = 1, after: str = "", **options: Any) -> Cell:
    """Run a cell and interrupt it once `after` shows in its outputs."""
    running = kernel.start(code, **options)
    cell = running[1]

    def press() -> None:
        end = time.monotonic() + 20
        while after not in str(cell.outputs) and time.monotonic() < end:
            time.sleep(0.02)
        for _ in range(presses):
            # What Jupyter's stop button does: SIGINT to the kernel's process group.
            os.killpg(os.getpgid(kernel.km.provisioner.pid), signal.SIGINT)
            time.sleep(0.15)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        return kernel.finish(*running)
    finally:
        thread.join()


@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupt_stops_the_command_and_all_of_its_descendants(loaded: Kernel, presses: int) -> None:
    mark = f"conjure-test-{presses}-{time.monotonic_ns()}"
    sleeper = f"exec -a {mark} sleep 300"
    command = f"echo begun; (setsid bash -c '{sleeper}' &) ; trap '' TERM; bash -c '{sleeper}'"
    loaded.run(f"m = runs({command!r})")
    cell = interrupted(loaded, "%%conjure --model m --yes -o result\ndo it", presses=presses, after="begun")
    assert cell.reply is not None
    assert cell.reply["ename"] == "KeyboardInterrupt"
    errors = [o for o in cell.outputs if o["output_type"] == "error"]
    assert [len(error["traceback"]) for error in errors] == [1]
    assert "Stopped" in str(cell.outputs)
    assert "begun" in html(cell)
    assert not is_alive(mark)
    assert loaded.run("result.stop_reason").text() == "'interrupted'"
    loaded.run("m2 = runs('echo back')")
    assert "back" in html(loaded.run("%%conjure --model m2 --yes\ngo on"))


def test_a_kernel_started_with_interrupts_ignored_can_still_be_interrupted(tmp_path: Path) -> None:
    """As under `nohup`, or a server in a script's background job; what its commands do on an interrupt is theirs."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        kernel = Kernel(folder=tmp_path)
    finally:
        signal.signal(signal.SIGINT, heard)
    try:
        kernel.run(f"import sys; sys.path.insert(0, {TESTS!r})\n%load_ext conjure_magic\n" + MODEL)
        kernel.run("""m = runs("python -c 'import signal; print(signal.getsignal(2))'; sleep 300")""")
        cell = interrupted(kernel, "%%conjure --model m --yes\ndo it", after="default_int_handler")
        assert cell.reply is not None
        assert cell.reply["ename"] == "KeyboardInterrupt"
        assert "default_int_handler" in html(cell)
    finally:
        kernel.close()


def test_an_interrupt_at_the_question_stops_the_turn(loaded: Kernel) -> None:
    loaded.run("m = runs('echo hi')")
    running = loaded.start("%%conjure --model m\ndo it", allow_stdin=True)
    loaded.kc.get_stdin_msg(timeout=20)
    loaded.km.interrupt_kernel()
    cell = loaded.finish(*running)
    assert cell.reply is not None
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "turn 2" in str(loaded.run("%%conjure --yes\ngo on").outputs)


def test_a_timeout_is_a_marked_result_and_not_an_error(loaded: Kernel) -> None:
    mark = f"conjure-test-{time.monotonic_ns()}"
    loaded.run(f"m = runs('echo begun; exec -a {mark} sleep 300')")
    cell = loaded.run("%%conjure --model m --yes --timeout 1.5 -o result\ndo it")
    assert cell.reply is not None
    assert cell.reply["status"] == "ok"
    assert "Timed out" in str(cell.outputs)
    assert not is_alive(mark)
    assert "begun" in loaded.run("print(result.tool_calls[0].result.text)").text()


def test_a_model_that_fails_is_one_line_and_what_it_said_stays(loaded: Kernel) -> None:
    loaded.run("def broken(request):\n    yield 'It began'\n    raise RuntimeError('boom')")
    cell = loaded.run("%%conjure --model broken\nx")
    [error] = [o for o in cell.outputs if o["output_type"] == "error"]
    assert len(error["traceback"]) == 1
    assert "boom" in error["evalue"]
    assert "It began" in html(cell)
    assert "Failed" in str(cell.outputs)


def test_variables_travel(loaded: Kernel) -> None:
    loaded.run("import pandas; frame = pandas.DataFrame({'level': ['ERROR', 'INFO'], 'n': [2, 3]}); word = 'cart'")
    loaded.run("m = runs('cat attached-variables/frame.csv')")
    cell = loaded.run("%%conjure --model m --yes --with frame -o result\nlook at {{word}}")
    assert "ERROR,2" in html(cell)
    assert loaded.run("result.prompt").text() == "'look at cart'"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%%conjure --ba", "--backend"),
        ("%%conjure --backend lo", "local"),
        ("%%conjure --backend local --fre", "--fresh"),
        ("%conjure un", "undo"),
        ("%conjure skills --re", "--reload"),
        ("%conjure show re", "request"),
        ("%%conjure --skills log-", "log-analyzer"),
    ],
)
def test_options_complete_with_tab(loaded: Kernel, typed: str, offered: str) -> None:
    reply = loaded.kc.complete(typed, len(typed), reply=True, timeout=120)["content"]
    assert offered in reply["matches"]
    start, end = reply["cursor_start"], reply["cursor_end"]
    assert re.match(r"[\w-]*$", typed[start:end])
    assert (typed[:start] + offered).startswith(typed)


def test_the_offline_model_analyses_a_log_and_says_what_it_is(loaded: Kernel) -> None:
    lines = [f"2026-03-01 10:00:{s:02} {'ERROR' if s % 5 == 0 else 'INFO'} shop: request {s}" for s in range(60)]
    (loaded.folder / "app.log").write_text("\n".join(lines), encoding="utf-8")
    cell = loaded.run("%%conjure --model offline --yes -o result\nAnalyse app.log: what went wrong?", timeout=60)
    assert "not a language model" in html(cell)
    assert "12" in html(cell), "the number of errors"
    files = loaded.run("sorted(file.name for file in result.files)").text()
    assert ".svg" in files
    assert ".csv" in files


def test_the_plan_shows_how_a_request_is_read(loaded: Kernel) -> None:
    shown = loaded.run("%conjure show plan errors per minute in app.log").text()
    assert re.search(r"^levels +ERROR$", shown, re.MULTILINE)
    assert re.search(r"^per +minute$", shown, re.MULTILINE)
    assert re.search(r"^in +app.log$", shown, re.MULTILINE)


def test_the_last_traceback_is_explained_on_request(loaded: Kernel) -> None:
    loaded.run("def m(request): return 'I read: ' + request.messages[-1].content[-1].text")
    loaded.run("%conjure use --model m")
    loaded.run("numbers = {}; numbers['missing']")
    cell = loaded.run("%conjure explain")
    assert "KeyError" in html(cell)
    assert "numbers[" in html(cell)
    loaded.run("%conjure explan")
    loaded.run("%%conjure --backnd local\ngo")
    assert "KeyError" in html(loaded.run("%conjure explain")), "a slip is no traceback to explain"


def test_the_offline_model_says_of_a_traceback_what_rules_can(loaded: Kernel) -> None:
    loaded.run("import json\ndef load(text):\n    return json.loads(text)")
    loaded.run("'<b>'; load('{not \"json\"')")
    for backend in ("local", "native"):
        text = loaded.run(f"%conjure use --model offline --backend {backend}\n%conjure explain").text("text/markdown")
        assert "**json.decoder.JSONDecodeError**: Expecting property name" in text
        assert "Your code called it in line 3 of a cell, in load:\n\n```python\nreturn json.loads(text)" in text
        assert "It was raised in line" in text
        assert "a language model could suggest a fix" in text
        assert "fits" not in text, "no tool is tried on the words of a traceback"
    loaded.run("1/0")
    text = loaded.run("%conjure explain").text("text/markdown")
    assert "**ZeroDivisionError**: division by zero" in text
    assert "Python’s description of ZeroDivisionError: Second argument" in text


@pytest.mark.parametrize(("profile", "said"), [("prod", "no engine answers at"), ("dev", "log-analyzer")])
def test_a_profile_chooses_the_backend_where_nothing_else_does(loaded: Kernel, profile: str, said: str) -> None:
    """`prod` means a container, and never falls back to this machine."""
    loaded.run(f"%config ConjureMagics.profile = {profile!r}")
    loaded.run("%config ConjureMagics.docker_engine = 'unix:///no/such/engine'")
    cell = loaded.run("%%conjure --model offline\nWhich skills are there?")
    loaded.run("%config ConjureMagics.profile = 'dev'")
    assert said in str(cell.outputs)


def test_the_order_of_defaults(loaded: Kernel) -> None:
    """The cell, then `%conjure use`, then `%config`; the environment and the profile come after."""
    loaded.run("%config ConjureMagics.backend = 'native'")
    assert "native ·" in str(loaded.run("%%conjure --model offline --session one\nHello.").outputs)
    loaded.run("%conjure use --backend local --session two")
    assert "local ·" in str(loaded.run("%%conjure --model offline\nHello.").outputs)
    assert "native ·" in str(loaded.run("%%conjure --model offline --backend native\nHello.").outputs)
    loaded.run("%config ConjureMagics.backend = ''")


def test_a_session_follows_the_settings_where_no_cell_has_chosen(loaded: Kernel) -> None:
    def backends(line: str = "%conjure") -> str:
        text = loaded.run(line).text()
        return re.findall(r"backends +(.*)", text)[0] if "backends" in text else text

    loaded.run("get_ipython().config.pop('ConjureMagics', None)")  # what other tests' %config left
    loaded.run("%reload_ext conjure_magic\n%conjure use --model offline")
    assert backends() == "local"
    loaded.run("%config ConjureMagics.backend = 'native'")
    assert backends() == "native"
    assert "native ·" in loaded.run("%%conjure\nHello.").text()
    loaded.run("%config ConjureMagics.backend = 'natve'")
    assert "did you mean native?" in str(loaded.run("%%conjure\nHello.").outputs)
    loaded.run("%config ConjureMagics.backend = ''")
    loaded.run("%env CONJURE_BACKEND=native,local")
    assert backends() == "native, local"
    loaded.run("%%conjure --backend local\nHello.")
    loaded.run("%config ConjureMagics.backend = 'native'")
    assert backends() == "local", "what a cell chose stays"
    loaded.run("%conjure use --session other")
    assert backends() == "native"
    loaded.run("%conjure use --backend local\n%config ConjureMagics.backend = ''\n%env CONJURE_BACKEND=native")
    assert backends() == "local", "what use chose stays, for other sessions too"
    assert backends("%conjure use --session third") == "local"
    loaded.run("import os; del os.environ['CONJURE_BACKEND']")


def test_skills_in_python_are_shown_as_skills(loaded: Kernel) -> None:
    loaded.run(
        'from conjure_magic import skill\n@skill\ndef greet(name: str):\n    """Greet <b>somebody</b>.\n\n    More."""'
    )
    loaded.run("%conjure use --backend native --model offline")
    assert "log-fetcher (Python), kernel (Python), frames (Python)\n" in loaded.run("%conjure").text()
    assert re.search(r"kernel +The user's Python kernel", loaded.run("%conjure skills").text())
    loaded.run("%conjure use --backend native,local --skills greet")
    assert "greet (Python), log-analyzer" in loaded.run("%conjure").text()
    shown = loaded.run("%conjure skills")
    assert "greet  Greet <b>somebody</b>." in shown.text()
    assert "More." not in shown.text()
    assert "<b>somebody" not in shown.text("text/html")
    loaded.run("del greet")
    assert "the variable 'greet', which was chosen as a skill, is gone" in loaded.run("%conjure skills").text()
    loaded.run("%conjure use --backend local --skills log-analyzer")
    assert "(Python)" not in loaded.run("%conjure").text()


def test_a_file_shown_by_itself_keeps_to_the_same_limits_as_in_a_turn(loaded: Kernel) -> None:
    loaded.run("import pathlib; from render.made import artifact")
    loaded.run("made = artifact(pathlib.Path('.').resolve(), 'made.txt', b'x' * 5_000)")
    assert "base64," in html(loaded.run("made"))
    for limit in ("file_limit", "cell_limit"):
        loaded.run("%reload_ext conjure_magic")
        loaded.run(f"%config ConjureMagics.{limit} = 1000")
        cell = html(loaded.run("made"))
        assert "made.txt" in cell
        assert "base64," not in cell


MADE_BY_HAND = """
from conjure_magic import Session, refuse_all
def asks(**options):
    with Session("local", model=runs("echo made by hand"), **options) as session:
        return session.chat("do it").tool_calls[0].result.text
"""


def test_a_session_made_by_hand_asks_as_a_cell_does(loaded: Kernel) -> None:
    loaded.run(MADE_BY_HAND)
    cell = loaded.run("asks()", answers=["y"])
    assert "echo made by hand" in cell.prompts[0]
    assert "made by hand" in cell.text()
    assert "not what I want" in loaded.run("asks()", answers=["no, not what I want"]).text()
    refused = loaded.run("asks(approver=refuse_all)", answers=["unused"])
    assert refused.prompts == []
    assert "approver=approve_all" in refused.text()


def test_where_no_one_can_answer_a_session_made_by_hand_says_what_to_pass(loaded: Kernel) -> None:
    loaded.run(MADE_BY_HAND)
    assert "approver=approve_all" in loaded.run("asks()").text()
    loaded.run("%unload_ext conjure_magic")
    gone = loaded.run("asks()", answers=["unused"])
    assert gone.prompts == []
    assert "approver=approve_all" in gone.text()


def test_the_offline_model_answers_each_request_that_it_offers_for_a_frame(loaded: Kernel) -> None:
    """With a shell beside the functions in the kernel, too; the frame stays as it was."""
    loaded.run("import pandas; waits = pandas.DataFrame({'endpoint': ['/a', '/b', '/a'], 'duration': [1.5, 2.0, 4.5]})")
    loaded.run("%conjure use --backend native,local --model offline")
    loaded.run("%%conjure --with waits -o result\nmean of duration by endpoint")
    assert re.search(r"/a.*\b3(?:\.0)?\b", loaded.run("print(result.text)").text())
    loaded.run("%%conjure --with waits -o result\nWhat is the capital of Australia?")
    offered = re.findall(r"^- (.+)$", loaded.run("print(result.text)").text().partition("would work")[2], re.MULTILINE)
    assert len(offered) == 5
    for request in offered:
        loaded.run(f"%%conjure --with waits -o result\n{request}")
        assert (
            loaded.run("[c.result.is_error for c in result.tool_calls if c.call.name.startswith('frames')]").text()
            == "[False]"
        ), request
    assert loaded.run("waits.shape").text() == "(3, 2)"
