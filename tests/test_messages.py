"""Messages as values, and the repairs that keep a history valid whatever happened to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.history import STOPPED, extend, repair, settle, unfinished
from conjure_magic.messages import (
    Block,
    Message,
    OtherBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    Usage,
    parse_block,
)

IDS = st.sampled_from(["a", "b", "c", "d"])
NAMES = st.sampled_from(["view", "bash_tool", "gone"])
TEXTS = st.builds(TextBlock, st.text(min_size=1, max_size=8))
CALLS = st.builds(ToolUseBlock, IDS, NAMES, st.fixed_dictionaries({"path": st.text(max_size=4)}))
RESULTS = st.builds(ToolResultBlock, IDS, st.text(max_size=8), st.booleans())
SERVER_CALLS = st.builds(
    lambda id_: OtherBlock({"type": "server_tool_use", "id": id_, "name": "code_execution", "input": {}}), IDS
)
SERVER_RESULTS = st.builds(
    lambda id_: OtherBlock({"type": "code_execution_tool_result", "tool_use_id": id_, "content": {}}), IDS
)
BROKEN = st.sampled_from(
    [
        OtherBlock({"type": "tool_use", "id": "a", "name": "view"}),
        OtherBlock({"type": "tool_result", "content": "to nothing"}),
        OtherBlock({"type": "server_tool_use", "id": ["not", "text"]}),
        OtherBlock({"type": "image", "source": {}}),
        OtherBlock({"type": "redacted_thinking", "data": "x"}),
    ]
)
THOUGHTS = st.builds(ThinkingBlock, st.text(max_size=4), st.just({"signature": "s"}))
BLOCKS = st.one_of(TEXTS, CALLS, RESULTS, SERVER_CALLS, SERVER_RESULTS, THOUGHTS, BROKEN)
MESSAGES = st.builds(Message, st.sampled_from(["user", "assistant"]), st.lists(BLOCKS, max_size=4).map(tuple))
HISTORIES = st.lists(MESSAGES, max_size=8)
OFFERED = st.frozensets(NAMES)


def faults(messages: Sequence[Message]) -> list[str]:
    """What the Messages API would refuse about the tool calls of a history, in words."""
    found, used = [], set[str]()
    server = [b for message in messages for b in message.content if isinstance(b, OtherBlock)]
    called, answered = {b.own_id for b in server if b.is_call}, {b.answered_id for b in server if b.is_result}
    if called != answered:
        found.append(f"server calls {called} and results {answered} differ")
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        if message.role == "user" and any(not isinstance(block, ToolResultBlock) for block in message.content):
            found += [f"message {index} is no place for more than results: {waiting} wait"] if waiting else []
        for block in (block for block in message.content if isinstance(block, OtherBlock)):
            waiting |= {block.own_id} if block.is_call else set()
            waiting -= {block.answered_id} if block.is_result else set()
        if not message.content:
            found.append(f"message {index} is empty")
        if message.role == "user" and message.tool_uses:
            found.append(f"a call in user message {index}")
        before = messages[index - 1].tool_uses if index and messages[index - 1].role == "assistant" else ()
        results = [b.tool_use_id for b in message.content if isinstance(b, ToolResultBlock)]
        if message.role == "assistant":
            ids = [call.id for call in message.tool_uses]
            if results or len(ids) != len(set(ids)) or used & set(ids):
                found.append(f"assistant message {index} holds results, or an id twice")
            used |= set(ids)
            if ids and (index + 1 == len(messages) or messages[index + 1].role != "user"):
                found.append(f"calls of message {index} have no answer")
        elif sorted(results) != sorted(call.id for call in before):
            found.append(f"message {index} answers {results}, not what was called")
        elif any(not isinstance(b, ToolResultBlock) for b in message.content[: len(results)]):
            found.append(f"message {index} has something before its results")
        found += [
            f"a broken block in {index}"
            for b in message.content
            if isinstance(b, OtherBlock) and b.type in ("tool_use", "tool_result")
        ]
    return found


@given(HISTORIES)
def test_a_repaired_history_is_valid(messages: list[Message]) -> None:
    assert faults(repair(messages)) == []


@given(HISTORIES)
def test_repairing_twice_changes_nothing_more(messages: list[Message]) -> None:
    once = repair(messages)
    twice = repair(once)
    assert len(once) == len(twice)
    assert all(one is two for one, two in zip(once, twice, strict=True))


@given(HISTORIES)
def test_repair_loses_no_text_and_no_result_that_answers_its_call(messages: list[Message]) -> None:
    after = repair(messages)
    texts = [b.text for m in messages for b in m.content if isinstance(b, TextBlock)]
    kept = [b.text for m in after for b in m.content if isinstance(b, TextBlock)]
    remaining = iter(kept)
    assert all(any(text == other for other in remaining) for text in texts)


@given(HISTORIES, OFFERED)
def test_a_settled_history_is_valid_holds_no_thinking_and_only_offered_tools(
    messages: list[Message], offered: frozenset[str]
) -> None:
    after = settle(messages, offered)
    assert faults(after) == []
    said = [block for message in after if message.role == "assistant" for block in message.content]
    assert not any(isinstance(block, ThinkingBlock) or block.type == "redacted_thinking" for block in said)
    assert {call.name for message in after for call in message.tool_uses} <= offered


@given(HISTORIES, OFFERED)
def test_settling_is_the_same_bytes_each_time_and_settles_for_good(
    messages: list[Message], offered: frozenset[str]
) -> None:
    once = settle(messages, offered)
    assert [m.encoded for m in settle(messages, offered)] == [m.encoded for m in once]
    assert [m.encoded for m in settle(once, offered)] == [m.encoded for m in once]


@given(HISTORIES, st.lists(TEXTS, max_size=2))
def test_extending_a_valid_history_keeps_it_valid_and_appends_the_blocks(
    messages: list[Message], blocks: list[Block]
) -> None:
    before = repair(messages)
    after = extend(before, blocks)
    assert faults(after) == []
    before_blocks = [block for message in before for block in message.content]
    assert [block for message in after for block in message.content] == [*before_blocks, *blocks]
    assert not blocks or after[-1].role == "user"


def test_a_valid_history_comes_back_as_the_same_objects() -> None:
    messages = [
        Message.user("hello"),
        Message.assistant("two calls", ToolUseBlock("a", "view", {}), ToolUseBlock("b", "view", {})),
        Message.user(ToolResultBlock("b", "second first"), ToolResultBlock("a", "then first"), "and a remark"),
        Message.assistant(
            OtherBlock({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
            OtherBlock({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
            "done",
        ),
    ]
    assert all(one is two for one, two in zip(repair(messages), messages, strict=True))


def test_an_open_call_is_answered_with_the_reason() -> None:
    messages = repair([Message.user("go"), Message.assistant(ToolUseBlock("a", "view", {}))], "because")
    assert messages[-1] == Message.user(ToolResultBlock("a", "because", is_error=True))


def test_only_the_calls_left_open_get_the_reason() -> None:
    calls = Message.assistant(ToolUseBlock("a", "view", {}), ToolUseBlock("b", "view", {}))
    after = repair([calls, Message.user("next", ToolResultBlock("b", "mine"))])
    assert after[1].content == (
        ToolResultBlock("b", "mine"),
        ToolResultBlock("a", STOPPED, is_error=True),
        TextBlock("next"),
    )


def test_of_two_results_for_a_call_the_first_stays() -> None:
    call = Message.assistant(ToolUseBlock("a", "view", {}))
    after = repair([call, Message.user(ToolResultBlock("a", "first"), ToolResultBlock("a", "second"))])
    assert after[1] == Message.user(ToolResultBlock("a", "first"))


def test_a_real_result_survives_an_empty_message_before_it() -> None:
    call = Message.assistant(ToolUseBlock("a", "view", {}))
    after = repair([call, Message("assistant", ()), Message.user(ToolResultBlock("a", "real"))])
    assert after == (call, Message.user(ToolResultBlock("a", "real")))


def test_the_second_call_of_an_id_becomes_text() -> None:
    call = ToolUseBlock("a", "view", {"path": "x"})
    answer = Message.user(ToolResultBlock("a", "ok"))
    after = repair([Message.assistant(call), answer, Message.assistant(call), answer])
    assert [m.role for m in after] == ["assistant", "user", "assistant"]
    assert after[2].text == '[called view: {"path": "x"}]'


@pytest.mark.parametrize("type_", ["server_tool_use", "mcp_tool_use"])
def test_a_hosted_call_without_its_result_becomes_text(type_: str) -> None:
    open_call = OtherBlock({"type": type_, "id": "s", "name": "web_search", "input": {}})
    assert repair([Message.assistant("I search.", open_call)])[0].text == (
        "I search.[web_search was stopped before it answered]"
    )


def test_a_hosted_result_without_its_call_becomes_text() -> None:
    result = OtherBlock({"type": "web_search_tool_result", "tool_use_id": "s", "content": "found"})
    assert repair([Message.assistant(result)])[0].text.startswith("[web_search_tool_result: ")


def test_settling_keeps_rounds_of_offered_tools_as_they_are() -> None:
    call = Message.assistant("look", ToolUseBlock("a", "view", {}))
    answer = Message.user(ToolResultBlock("a", "seen"))
    after = settle([call, answer], frozenset({"view"}))
    assert after[0] is call
    assert after[1] is answer


def test_settling_turns_a_round_with_any_other_tool_into_text() -> None:
    calls = Message.assistant(
        ThinkingBlock("hm", {"signature": "s"}),
        ToolUseBlock("a", "view", {"path": "x"}),
        ToolUseBlock("b", "gone", {"n": 1}),
    )
    answers = Message.user(ToolResultBlock("a", "seen"), ToolResultBlock("b", "broke", is_error=True), "go on")
    first, second = settle([calls, answers], frozenset({"view"}))
    assert [b.text for b in first.content if isinstance(b, TextBlock)] == [
        '[called view: {"path": "x"}]',
        '[called gone: {"n": 1}]',
    ]
    assert [b.text for b in second.content if isinstance(b, TextBlock)] == [
        "[result: seen]",
        "[the call failed: broke]",
        "go on",
    ]


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WIRES = st.dictionaries(
    st.sampled_from(
        ["type", "text", "thinking", "id", "name", "input", "tool_use_id", "content", "is_error", "signature", "odd"]
    ),
    st.sampled_from(["text", "thinking", "tool_use", "tool_result", "x", ""]) | JSON_VALUES,
)


@given(WIRES)
def test_any_wire_block_is_echoed_as_it_came(wire: dict[str, Any]) -> None:
    block = parse_block(wire)
    echoed = block.to_dict()
    if isinstance(block, ToolResultBlock):  # false is written by leaving it out, and empty content is the default
        wire = {"content": "", **wire}
        echoed = {**echoed, **({"is_error": wire["is_error"]} if "is_error" in wire else {})}
    assert echoed == wire


@given(HISTORIES)
def test_a_message_survives_its_wire_form(messages: list[Message]) -> None:
    for message in messages:
        again = Message.from_dict(json.loads(message.encoded))
        assert again.encoded == message.encoded


def test_a_string_as_content_is_one_text_block() -> None:
    assert Message.from_dict({"role": "user", "content": "hi"}) == Message.user("hi")


def test_what_stays_of_a_cut_message_is_its_text() -> None:
    content: list[Block] = [ThinkingBlock("hm"), TextBlock("so far"), TextBlock(" "), ToolUseBlock("a", "view", {})]
    assert unfinished(content) == (TextBlock("so far"),)


def test_usage_adds_up_and_unknown_counts_stay_unknown() -> None:
    total = Usage(10, 5) + Usage(1, None, cache_read_input_tokens=4)
    assert total == Usage(11, 5, None, 4)
    assert total.prompt_tokens == 15
    assert Usage().prompt_tokens is None
    assert Usage.from_dict({"input_tokens": 3, "output_tokens": "many", "else": 1}) == Usage(3)
