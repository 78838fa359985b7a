"""A turn's events folded into what happened, in order."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from conjure_magic.artifacts import Artifact, Change
from conjure_magic.events import (
    ApprovalAnswered,
    ApprovalAsked,
    BlockFinished,
    Called,
    FileCreated,
    MessageFinished,
    Noted,
    Notice,
    RoundStarted,
    Said,
    TextDelta,
    ThinkingDelta,
    Thought,
    ToolFinished,
    ToolOutput,
    ToolProgress,
    ToolResult,
    ToolStarted,
)
from conjure_magic.messages import Message, TextBlock, ToolUseBlock
from conjure_magic.turn_record import TAIL, TurnRecord


def record(*bodies: Any) -> TurnRecord:
    made = TurnRecord()
    for body in bodies:
        made.add(body)
    return made


def started(id_: str = "t1") -> ToolStarted:
    return ToolStarted(ToolUseBlock(id_, "bash_tool", {"command": "ls"}), "local")


def created(name: str, change: Change = "new", call: str = "t1") -> FileCreated:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return FileCreated(Artifact(name, "text/plain", 1, digest, "local", call, change, Path(name), name))


def test_pieces_of_one_text_become_one_item() -> None:
    assert record(TextDelta("a"), TextDelta("b"), TextDelta("c")).items == [Said("abc")]


def test_order_is_the_order_of_events() -> None:
    made = record(
        ThinkingDelta("hm"),
        TextDelta("first"),
        BlockFinished(TextBlock("first")),
        started(),
        ToolFinished("t1", ToolResult("out"), 0.5),
        Notice("careful", "warning"),
        TextDelta("last"),
    )
    kinds = [type(item) for item in made.items]
    assert kinds == [Thought, Said, Called, Noted, Said]


def test_a_finished_block_separates_texts() -> None:
    made = record(TextDelta("one"), BlockFinished(TextBlock("one")), TextDelta("two"))
    assert made.items == [Said("one"), Said("two")]


def test_a_finished_message_separates_texts() -> None:
    made = record(TextDelta("one"), MessageFinished(Message.assistant("one"), "end_turn"), TextDelta("two"))
    assert made.items == [Said("one"), Said("two")]


def test_a_look_in_between_changes_nothing() -> None:
    """A display looks at any time; the text that is being said keeps growing in its item."""
    made = TurnRecord()
    for index, letter in enumerate("abcdef"):
        made.add(TextDelta(letter))
        assert made.items == [Said("abcdef"[: index + 1])]


def test_thinking_after_text_is_an_item_of_its_own() -> None:
    made = record(TextDelta("a"), ThinkingDelta("b"), TextDelta("c"))
    assert made.items == [Said("a"), Thought("b"), Said("c")]


def test_a_running_call_keeps_the_newest_of_what_it_prints() -> None:
    made = record(started(), *(ToolOutput("t1", f"line {i}\n") for i in range(2000)))
    (item,) = made.items
    assert isinstance(item, Called)
    assert len(item.output) == TAIL
    assert item.output.endswith("line 1999\n")


def test_a_result_takes_the_place_of_what_was_printed() -> None:
    made = record(started(), ToolOutput("t1", "x"), ToolProgress("t1", 1, 2), ToolFinished("t1", ToolResult("y"), 0.5))
    (item,) = made.items
    assert isinstance(item, Called)
    assert (item.output, item.progress, item.seconds) == ("", None, 0.5)
    assert item.result == ToolResult("y")


def test_a_question_stands_until_it_is_answered() -> None:
    made = record(started(), ApprovalAsked("t1", "local", "rm -r x"))
    (asked,) = made.items
    made.add(ApprovalAnswered("t1", allowed=False, by="you", reason="no"))
    (answered,) = made.items
    assert isinstance(asked, Called)
    assert isinstance(answered, Called)
    assert asked.asked == "rm -r x"
    assert answered.asked == ""
    assert answered.approval == ApprovalAnswered("t1", allowed=False, by="you", reason="no")


def test_an_event_goes_to_its_own_call() -> None:
    made = record(started("t1"), started("t2"), ToolOutput("t1", "one"), ToolFinished("t2", ToolResult("two"), 1))
    first, second = made.items
    assert isinstance(first, Called)
    assert isinstance(second, Called)
    assert (first.output, first.result) == ("one", None)
    assert second.result == ToolResult("two")


def test_a_call_that_is_used_again_is_the_newest_of_that_id() -> None:
    made = record(started(), ToolFinished("t1", ToolResult("old"), 1), started(), ToolOutput("t1", "new"))
    first, second = made.items
    assert isinstance(first, Called)
    assert isinstance(second, Called)
    assert (first.output, second.output) == ("", "new")


def test_an_event_of_an_unknown_call_breaks_nothing() -> None:
    made = record(ToolOutput("?", "x"), ToolFinished("?", ToolResult("x"), 1), created("a", call="?"), RoundStarted())
    assert made.items == []
    assert [file.name for file in made.files] == ["a"]


def test_a_file_stands_once_in_its_newest_state_and_a_new_one_stays_new() -> None:
    made = record(started(), created("a"), created("b", "changed"), started("t2"), created("a", "changed", "t2"))
    assert [(file.name, file.change, file.tool_use_id) for file in made.files] == [
        ("b", "changed", "t1"),
        ("a", "new", "t2"),
    ]


def test_a_call_counts_a_file_once() -> None:
    made = record(started(), created("a"), created("a", "changed"), created("b"))
    (item,) = made.items
    assert isinstance(item, Called)
    assert [file.name for file in item.files] == ["a", "b"]
