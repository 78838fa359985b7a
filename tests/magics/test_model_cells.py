"""Cells with a real model behind them: what is shown of context, cost, faults and the next request."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from kernel_kit import Kernel

from conjure_magic.testing.stub import Reply, StubServer

KEY = "sk-ant-test-0123456789abcdefghij"
LONG = Reply.fault(400, message="prompt is too long: 1200000 tokens > 1000000 maximum")


@pytest.fixture(scope="module")
def stub() -> Iterator[StubServer]:
    with StubServer(key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def other() -> Iterator[StubServer]:
    with StubServer(compatible=True) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(stub: StubServer, other: StubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environ = {**os.environ, "GATE": KEY, "CONJURE_BACKEND": "local"}
    kernel = Kernel(folder=tmp_path_factory.mktemp("kernel"), env=environ)
    gate = {"model": "claude-opus-5-5", "base_url": stub.url, "key_variable": "GATE", "dialect": "anthropic"}
    small = {"model": "qwen3", "base_url": other.url}
    kernel.run("%load_ext conjure_magic")
    kernel.run(f"%config ConjureMagics.models = {{'gate': {gate}, 'small': {small}, 'plain': 'claude-opus-5-5'}}")
    yield kernel
    kernel.close()


@pytest.fixture(autouse=True)
def fresh_conversation(stub: StubServer, kernel: Kernel) -> None:
    stub.reset()
    kernel.run("%conjure use --model gate --session main")
    kernel.run("%conjure reset")


def test_without_a_key_a_claude_model_says_both_ways_out(kernel: Kernel) -> None:
    for cell in ("%conjure use --model claude-opus-5-5", "%%conjure --model plain --session keyless\nHi."):
        shown = kernel.run(cell).text()
        assert shown.startswith("UsageError: claude-opus-5-5 needs a key")
        assert "%conjure key" in shown
        assert "--model offline" in shown


def test_a_cell_and_the_state_show_tokens_cost_and_how_full_the_context_is(kernel: Kernel, stub: StubServer) -> None:
    stub.reply("Hello.")
    assert "$0.00" in kernel.run("%%conjure\nHi.").text()
    shown = kernel.run("%conjure").text()
    assert "tokens of 1,000,000 (0%)" in shown
    assert "cost" in shown


def test_a_wait_for_another_try_is_shown_in_the_cell(kernel: Kernel, stub: StubServer) -> None:
    stub.reply(Reply.fault(529), "Here.")
    shown = kernel.run("%%conjure\nHi.").text()
    assert "Trying again in" in shown
    assert "Here." in shown


def test_a_fault_keeps_the_text_so_far_and_the_next_cell_continues(kernel: Kernel, stub: StubServer) -> None:
    stub.reply(Reply(["It began so well"], error_after=5))
    cell = kernel.run("%%conjure\nHi.")
    assert "It began so well" in cell.text()
    [error] = [output for output in cell.outputs if output["output_type"] == "error"]
    assert (error["ename"], len(error["traceback"])) == ("ModelUnavailableError", 1), "one line, no traceback of ours"
    stub.reply("Back.")
    assert "Back." in kernel.run("%%conjure\nGo on.").text()
    assert [request.error for request in stub.messages] == ["", ""]


def test_a_summary_is_told_and_the_next_request_is_shown_with_the_whole_beside_it(
    kernel: Kernel, stub: StubServer
) -> None:
    stub.reply("The first answer.")
    kernel.run("%%conjure\nThe first request.")
    assert "without the summary" not in kernel.run("%conjure show request").text()
    stub.reply(LONG, "They greeted each other.", "On.")
    assert "a summary of" in kernel.run("%%conjure\nThe second request.").text()
    shown = kernel.run("%conjure show request").text()
    body, _, whole = shown.partition("conversation without the summary")
    assert "They greeted each other." in body
    assert '"display": "summarized"' in body, "as it goes over the wire"
    for text in ("The first request.", "The first answer.", "The second request."):
        assert text in whole
    stub.reply(LONG)
    refused = kernel.run("%%conjure --no-compact\nThe third.").text()
    assert "--no-compact" in refused
    stub.reply("Alive.")
    assert "Alive." in kernel.run("%%conjure\nThe fourth.").text()


def test_a_server_that_counts_nothing_costs_an_unknown_amount(kernel: Kernel, other: StubServer) -> None:
    kernel.run("%%conjure --model small --session small\nHi.")
    shown = kernel.run("%conjure").text()
    assert "cost unknown" in " ".join(shown.split())
    assert "(estimated)" in shown
    assert "ConjureMagics.prices" in kernel.run("%%conjure --max-cost 1\nHi.").text()
    assert not {"authorization", "x-api-key"} & set(other.requests[0].headers), "no key for another server"


def test_thinking_is_folded_and_the_output_holds_the_messages_without_the_key(kernel: Kernel, stub: StubServer) -> None:
    stub.reply([{"type": "thinking", "thinking": "Hm, a greeting."}, "Hello."])
    outputs = kernel.run("%%conjure\nHi.").outputs
    html = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert html.index("<details>") < html.index("Hm, a greeting.") < html.index("Hello.")
    text = json.dumps(outputs)
    assert "Hm, a greeting." in text
    assert KEY not in text


def test_a_refused_request_can_be_tried_with_another_model_for_once(
    kernel: Kernel, stub: StubServer, other: StubServer
) -> None:
    stub.reply("Hello.", Reply(("I cannot",), stop_reason="refusal"), "Back again.")
    kernel.run("%%conjure\nHi.")
    assert "%conjure retry --model" in kernel.run("%%conjure\nSomething odd.").text()
    other.reply("Done by another.")
    assert "Done by another." in kernel.run("%conjure retry --model small").text()
    sent = json.dumps((other.messages[-1].body or {})["messages"])
    assert "Something odd." in sent
    assert "I cannot" not in sent
    assert "Back again." in kernel.run("%%conjure\nAnd now?").text()
    assert (stub.messages[-1].body or {})["model"] == "claude-opus-5-5"
