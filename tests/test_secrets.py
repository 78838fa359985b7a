"""The API key is nowhere but in the header it is for: not in outputs, files, tracebacks, children, notebooks."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from kernel_kit import Kernel
from nbclient import NotebookClient

from conjure_magic.testing.stub import Reply, StubServer

KEY = "sk-ant-api03-Zq8" + "x7Kd" * 12
TYPED = "sk-ant-typed-Yw3" + "p9Lm" * 12
OTHER = "gateway-Rt5" + "v2Qn" * 12


@pytest.fixture
def watched(stub: StubServer, tmp_path: Path) -> Iterator[tuple[Kernel, list[Any]]]:
    """A kernel with a key in its environment, and everything it sends."""
    env = {**os.environ, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": stub.url, "GATE": OTHER}
    kernel = Kernel(folder=tmp_path, env=env)
    seen: list[Any] = []
    receive = kernel.kc.get_iopub_msg

    def listen(*args: Any, **options: Any) -> Any:
        message = receive(*args, **options)
        seen.append(message["content"])
        return message

    kernel.kc.get_iopub_msg = listen
    kernel.run("%load_ext conjure_magic")
    kernel.run("%xmode Verbose")
    yield kernel, seen
    kernel.close()


def bash(command: str) -> dict[str, Any]:
    return {"type": "tool_use", "name": "bash_tool", "input": {"command": command}}


def test_a_scan_of_everything_finds_the_key_nowhere(
    watched: tuple[Kernel, list[Any]], stub: StubServer, tmp_path: Path
) -> None:
    kernel, seen = watched
    gate = {"model": "claude-opus-5-5", "base_url": stub.url, "key_variable": "GATE", "dialect": "anthropic"}
    kernel.run(f"%config ConjureMagics.models = {{'gate': {gate}}}")
    parents = "for p in $PPID $(ps -o ppid= -p $PPID); do tr '\\0' '\\n' < /proc/$p/environ; done"
    prints = f"env; {parents}; python -c 'import os; print(dict(os.environ))'; env > all.txt"
    stub.reply([bash(prints), bash(f"echo {KEY[:20]}; printf '{KEY[:9]}'; sleep 0.2; echo '{KEY[9:]}'")], "Looked.")
    kernel.run("%%conjure --backend local --yes -o result\nLook around.")
    stub.reply(Reply.fault(401, message=f"invalid x-api-key: {KEY}"))
    kernel.run("%%conjure\nFail.")
    stub.reply(Reply(["It began"], without_stop=True))
    kernel.run("%%conjure\nBreak off.")
    for line in ("%conjure", "%conjure show request", "%conjure help settings", "%config ConjureMagics", "result"):
        kernel.run(line)
    kernel.run("from conjure_magic import Session; s = Session(); s, s.model, vars(s)")
    stub.reply(Reply.fault(400, message="bad request"))
    kernel.run("s.chat('Traceback, please.')")
    kernel.run("s.subscribe(lambda e: 1 / 0)")
    stub.reply("Fine.")
    kernel.run("s.chat('A subscriber that fails.')")
    kernel.run("%conjure key", answers=[TYPED])
    stub.reply([bash(f"printf '{TYPED[:9]}'; sleep 0.2; echo '{TYPED[9:]}'")], "Echoed.")
    kernel.run("%%conjure --yes\nWith the typed key.")
    stub.reply([bash(f"env; {parents}; printf '{OTHER[:9]}'; sleep 0.2; echo '{OTHER[9:]}'")], "At the gate.")
    kernel.run("%%conjure --yes --model gate\nWith a key of its own.")
    stub.reply(Reply.fault(403, message=f"{OTHER} may not do this"))
    kernel.run("%%conjure\nFail there.")
    for line in ("%conjure", "%conjure help settings", "%config ConjureMagics", "s.use(model='nowhere'); s.chat('x')"):
        kernel.run(line)
    sent = [request.headers.get("x-api-key") for request in stub.messages]
    assert KEY in sent
    assert sent.index(OTHER) == sent.index(TYPED) + 2, "the typed key is the one that is used, the gate has its own"
    assert sent[-2] == OTHER
    text = json.dumps(seen, default=str)
    assert "Looked." in text
    assert "Echoed." in text
    assert "At the gate." in text
    # Our own cells must name the key to try it; what they echo is their input, nothing of ours.
    outputs = json.dumps([m for m in seen if "code" not in m], default=str)
    for secret in (KEY, TYPED, OTHER):
        assert secret not in outputs
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_a_notebook_executed_with_a_key_is_saved_without_it(stub: StubServer, tmp_path: Path) -> None:
    """Prompt, calls, files, a fault with its traceback at its most talkative, all as nbclient writes them down."""
    cells = [
        "%load_ext conjure_magic\n%xmode Verbose",
        "%%conjure --backend local --yes -o result\nLook around.",
        "result.to_dict()",
        "%%conjure\nFail.",
        "from conjure_magic import Session\nSession().chat('Fail too.')",
    ]
    stub.reply([bash("env; tr '\\0' '\\n' < /proc/$PPID/environ; env > all.csv")], "Looked.")
    stub.reply(*[Reply.fault(401, message=f"invalid x-api-key: {KEY}")] * 2)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    env = {**os.environ, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": stub.url}
    client = NotebookClient(notebook, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=env)
    saved = nbformat.writes(notebook)
    (tmp_path / "saved.ipynb").write_text(saved)
    assert "Looked." in saved
    assert saved.count("AuthenticationError") > 2
    assert {request.headers["x-api-key"] for request in stub.messages} == {KEY}
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert base64.b64encode(KEY.encode()).decode()[4:40] not in saved


def test_a_key_typed_on_the_line_is_refused(watched: tuple[Kernel, list[Any]]) -> None:
    kernel, _ = watched
    assert "do not type it into the notebook" in kernel.run("%conjure key sk-ant-oops").text()


def test_without_anybody_to_ask_it_says_where_a_key_goes(watched: tuple[Kernel, list[Any]]) -> None:
    kernel, _ = watched
    assert "ANTHROPIC_API_KEY" in kernel.run("%conjure key").text()


def test_a_file_that_a_command_filled_with_the_key_is_not_shown_and_not_carried(
    watched: tuple[Kernel, list[Any]], stub: StubServer
) -> None:
    """A command of the same user can read the kernel's environment; what it writes must not enter the notebook."""
    kernel, seen = watched
    reads = "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done 2>/dev/null"
    leaks = f"{reads} | grep -a ANTHROPIC_API_KEY > leak.txt; cp leak.txt leak.csv; cat leak.txt"
    stub.reply([bash(leaks)], "Done.")
    kernel.run("%%conjure --backend local --yes\nLeak.")
    text = json.dumps(seen, default=str)
    assert "leak.csv" in text
    assert "contains an API key, so it is not shown" in text
    assert KEY not in text
    assert base64.b64encode(KEY.encode()).decode()[4:40] not in text
