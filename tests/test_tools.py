"""The four tools over a real executor: what a model reads, what it is taught, what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import use

from conjure_magic.cancel import Cancel
from conjure_magic.errors import PathNotAllowedError, ToolError
from conjure_magic.events import ToolOutput, ToolResult
from conjure_magic.executors.base import ExecResult
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.tools import LINE_CHARACTERS, VIEW_LINES, command_result, definitions, run_tool
from conjure_magic.workspace import Folders


class Hands:
    """An executor in folders of its own, and a way to call a tool of it."""

    def __init__(self, root: Path) -> None:
        self.workspace, self.input = root / "workspace", root / "input"
        self.workspace.mkdir()
        self.input.mkdir()
        self.executor = LocalExecutor(Folders(self.workspace, self.input))
        self.printed: list[ToolOutput] = []

    def __call__(self, tool: str, /, *, cancel: Cancel | None = None, timeout: float = 30, **given: Any) -> ToolResult:
        self.printed = []
        given = {"timeout": given.pop("limit"), **given} if "limit" in given else given
        running = run_tool(self.executor, use("t1", tool, **given), cancel=cancel or Cancel(), timeout=timeout)
        while True:
            try:
                self.printed.append(next(running))
            except StopIteration as stop:
                result: ToolResult = stop.value
                return result


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    hands = Hands(tmp_path.resolve())
    yield hands
    hands.executor.close()


# ---- bash_tool


def test_output_is_shown_as_it_comes_and_returned_whole(hands: Hands) -> None:
    result = hands("bash_tool", command="echo one; echo two >&2")
    assert result == ToolResult("one\ntwo", summary="2 lines")
    assert {(o.tool_use_id, o.stream) for o in hands.printed} == {("t1", "stdout"), ("t1", "stderr")}


def test_a_failing_command_is_an_error_with_its_output(hands: Hands) -> None:
    result = hands("bash_tool", command="echo before; exit 2")
    assert result == ToolResult("before\n[exit code 2]", is_error=True, status="exit 2", summary="1 line")


def test_silence_is_said(hands: Hands) -> None:
    assert hands("bash_tool", command="true") == ToolResult("[no output]", summary="no output")
    assert hands("bash_tool", command="false").content == "[exit code 1]"


def test_a_timeout_keeps_what_was_printed(hands: Hands) -> None:
    result = hands("bash_tool", command="echo before; sleep 30", limit=0.2)
    assert result.status == "timed out after 0.2 s"
    assert result.is_error
    assert result.text.startswith("before\n[timed out after 0.2 s and was killed")


def test_the_default_timeout_is_the_backends(hands: Hands) -> None:
    assert hands("bash_tool", command="sleep 30", timeout=0.2).status == "timed out after 0.2 s"


@pytest.mark.parametrize("limit", [0, -1, 100_000, float("nan")])
def test_timeouts_out_of_range(hands: Hands, limit: float) -> None:
    with pytest.raises(ToolError, match="timeout must be more than 0"):
        hands("bash_tool", command="true", limit=limit)


def test_an_interrupt_keeps_what_was_printed(hands: Hands) -> None:
    cancel = Cancel()
    running = run_tool(
        hands.executor, use("t1", "bash_tool", command="echo before; sleep 30"), cancel=cancel, timeout=60
    )
    assert next(running).text == "before\n"
    cancel.set("interrupted")
    with pytest.raises(StopIteration) as stop:
        next(running)
    result = stop.value.value
    assert result.status == "stopped"
    assert result.text.startswith("before\n[stopped")


def test_a_killed_command_says_so(hands: Hands) -> None:
    result = hands("bash_tool", command="echo before; kill -9 $$")
    assert (result.status, result.text.splitlines()[0]) == ("killed", "before")
    assert "memory" in result.text


def test_much_output_names_the_file_that_has_it_all(hands: Hands) -> None:
    result = hands("bash_tool", command="seq 100000")
    path = hands.workspace / "command-output/0001.txt"
    assert f"the complete output is in {path}]" in result.text
    assert result.output_path == str(path)
    assert result.summary == "588,895 bytes"
    assert path.read_text().splitlines()[-1] == "100000"
    assert hands("bash_tool", command=f"sed -n 50000p '{path}'").text == "50000"


def test_background_processes_are_reported(hands: Hands) -> None:
    result = hands("bash_tool", command="sleep 60 & echo on")
    assert result.text == "on\n[1 process still running in the background]"
    assert result.summary == "1 line, 1 still running"


def test_a_container_has_paths_of_its_own() -> None:
    """The model reads the path inside; the person is told the one outside."""
    outside = Path("/home/me/files/command-output/0003.txt")
    result = ExecResult(0, "a", "", "a", 1.0, total_bytes=9_000, omitted_bytes=8_000, output_path=outside)
    shown = command_result(result, 10, "/workspace", lambda path: f"files/{path.name}")
    assert "8,000 of 9,000 bytes are omitted above; the complete output is in /workspace/command-output/0003.txt" in (
        shown.text
    )
    assert shown.output_path == "files/0003.txt"


# ---- view


def test_a_file_is_shown_with_numbers(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("one\ntwo\n\nfour")
    assert hands("view", path="a.txt") == ToolResult(
        "     1\tone\n     2\ttwo\n     3\t\n     4\tfour", summary="4 lines"
    )


def test_a_range_is_shown_with_its_place(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 101)))
    result = hands("view", path="a.txt", view_range=[98, -1])
    assert result.text == "    98\tline 98\n    99\tline 99\n   100\tline 100\n[lines 98 to 100 of 100]"
    assert hands("view", path="a.txt", view_range=[100, 200]).summary == "1 line"


@pytest.mark.parametrize("view_range", [[0, 3], [5, 4], [11, 12], [-3, -1]])
def test_a_range_outside_of_the_file(hands: Hands, view_range: list[int]) -> None:
    (hands.workspace / "a.txt").write_text("x\n" * 10)
    with pytest.raises(ToolError, match="which has 10 lines"):
        hands("view", path="a.txt", view_range=view_range)


def test_a_long_file_is_cut_and_says_how_to_continue(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("".join(f"{n}\n" for n in range(1, 5001)))
    lines = hands("view", path="a.txt").text.splitlines()
    assert len(lines) == VIEW_LINES + 1
    assert lines[-1] == f"[lines 1 to {VIEW_LINES} of 5,000]"


def test_a_long_line_is_cut(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("x" * (LINE_CHARACTERS + 500) + "\nend\n")
    assert "x [… 500 more characters]\n     2\tend" in hands("view", path="a.txt").text


def test_wide_files_are_bounded(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text(("x" * 1900 + "\n") * 500)
    assert len(hands("view", path="a.txt").text) < 60_000


def test_lines_are_counted_as_grep_does(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("one\x0cstill one\u2028still one\r\ntwo\n")
    shown = hands("view", path="a.txt").text.splitlines()
    assert [line.split("\t")[0].strip() for line in hands("view", path="a.txt").text.split("\n")] == ["1", "2"]
    assert shown[-1] == "     2\ttwo"


def test_empty_file(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("")
    assert hands("view", path="a.txt").text == "     1\t"


def test_what_misleads_is_made_visible(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("a\x1b[31m\u202eb")
    assert hands("view", path="a.txt").text == "     1\ta\u241b[31m⟨U+202E⟩b"


def test_other_encodings_are_shown_as_far_as_they_go(hands: Hands) -> None:
    (hands.workspace / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    (hands.workspace / "bom.txt").write_bytes("\ufeffGrüße".encode())
    assert hands("view", path="latin.txt").text == "     1\tGr\ufffd\ufffde"
    assert hands("view", path="bom.txt").text == "     1\tGrüße"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(10), "PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(10), "JPEG image"),
        (b"%PDF-1.7 ...", "PDF document"),
        (b"\x7fELF" + bytes(100), "binary file"),
    ],
)
def test_binary_files_are_refused_by_what_they_are(hands: Hands, content: bytes, kind: str) -> None:
    (hands.workspace / "a").write_bytes(content)
    with pytest.raises(ToolError, match=f"a is a {kind}"):
        hands("view", path="a")


def test_a_folder_is_listed(hands: Hands) -> None:
    hands("create_file", path="b/c/d.txt", file_text="123")
    hands("create_file", path="a.txt", file_text="12345")
    result = hands("view", path=".")
    assert result.text == ".:\na.txt  (5 bytes)\nb/\nb/c/"
    assert result.summary == "3 entries"
    assert hands("view", path="b/c").summary == "1 entry"


def test_an_empty_folder(hands: Hands) -> None:
    assert hands("view", path=str(hands.input)).text == f"{hands.input}:\n[the folder is empty]"


def test_hostile_names_are_listed_on_one_line_each(hands: Hands) -> None:
    for name in ("two\nlines", "\x1b[31mred", "\u202egnp.exe"):
        (hands.workspace / name).write_text("")
    os.close(os.open(os.fsencode(hands.workspace) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    lines = hands("view", path=".").text.splitlines()
    assert len(lines) == 5
    assert {line.split("  ")[0] for line in lines[1:]} == {"two␊lines", "\u241b[31mred", "⟨U+202E⟩gnp.exe", "\ufffd"}


def test_a_range_of_a_folder(hands: Hands) -> None:
    with pytest.raises(ToolError, match="is a folder"):
        hands("view", path=".", view_range=[1, 2])


def test_view_outside_is_refused(hands: Hands) -> None:
    with pytest.raises(PathNotAllowedError, match="cannot be read"):
        hands("view", path="/etc/passwd")


# ---- create_file


def test_files_are_created_with_folders_above(hands: Hands) -> None:
    result = hands("create_file", path="deep/er/a.txt", file_text="x = 1\nü\n")
    assert result == ToolResult("Created deep/er/a.txt (9 bytes).", summary="2 lines")
    assert (hands.workspace / "deep/er/a.txt").read_bytes() == "x = 1\nü\n".encode()


def test_replacing_is_said(hands: Hands) -> None:
    hands("create_file", path="a.txt", file_text="long content")
    assert hands("create_file", path="a.txt", file_text="x").text == "Replaced a.txt (1 bytes)."
    assert (hands.workspace / "a.txt").read_text() == "x"


def test_lone_surrogates_do_not_break_a_file(hands: Hands) -> None:
    hands("create_file", path="a.txt", file_text="a\ud800b")
    assert (hands.workspace / "a.txt").read_bytes() == b"a?b"


# ---- str_replace


def test_one_piece_is_replaced(hands: Hands) -> None:
    (hands.workspace / "a.py").write_text("def f():\n    return 1\n\nprint(f())\n")
    result = hands("str_replace", path="a.py", old_str="return 1", new_str="return 2")
    assert (hands.workspace / "a.py").read_text() == "def f():\n    return 2\n\nprint(f())\n"
    assert "     2\t    return 2" in result.text
    assert result.summary == "1 replacement"


def test_text_that_is_there_more_than_once(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("x\ny\nx\n")
    with pytest.raises(ToolError, match=r"2 times in a.txt \(lines 1, 3\)"):
        hands("str_replace", path="a.txt", old_str="x", new_str="z")
    assert (hands.workspace / "a.txt").read_text() == "x\ny\nx\n"


def test_overlapping_matches_count(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("aaa")
    with pytest.raises(ToolError, match="occurs 2 times"):
        hands("str_replace", path="a.txt", old_str="aa", new_str="b")


def test_text_that_is_not_there(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("hello\n")
    with pytest.raises(ToolError, match="must match exactly"):
        hands("str_replace", path="a.txt", old_str="Hello", new_str="x")


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("hello", "hello")])
def test_replacements_that_mean_nothing(hands: Hands, old: str, new: str) -> None:
    (hands.workspace / "a.txt").write_text("hello\n")
    with pytest.raises(ToolError, match=r"empty|nothing to change"):
        hands("str_replace", path="a.txt", old_str=old, new_str=new)


def test_dos_line_ends_are_kept(hands: Hands) -> None:
    """The view does not show them, so the model writes plain ones."""
    (hands.workspace / "a.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    hands("str_replace", path="a.txt", old_str="one\ntwo", new_str="1\n2")
    assert (hands.workspace / "a.txt").read_bytes() == b"1\r\n2\r\nthree\r\n"


def test_deleting(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_text("only")
    hands("str_replace", path="a.txt", old_str="only", new_str="")
    assert (hands.workspace / "a.txt").read_bytes() == b""


def test_bytes_that_are_not_utf8_are_left_alone(hands: Hands) -> None:
    (hands.workspace / "a.txt").write_bytes(b"\xff x")
    with pytest.raises(ToolError, match="not UTF-8"):
        hands("str_replace", path="a.txt", old_str="x", new_str="y")


def test_input_files_are_not_changed(hands: Hands) -> None:
    (hands.input / "a.txt").write_text("x")
    with pytest.raises(PathNotAllowedError, match="cannot be written"):
        hands("str_replace", path=str(hands.input / "a.txt"), old_str="x", new_str="y")
    assert (hands.input / "a.txt").read_text() == "x"


# ---- arguments


@pytest.mark.parametrize(
    ("tool", "given", "taught"),
    [
        ("bash_tool", {}, "command is missing"),
        ("bash_tool", {"cmd": "ls"}, "command is missing; unknown argument 'cmd'"),
        ("bash_tool", {"comand": "ls"}, r"did you mean command\?"),
        ("bash_tool", {"command": ["ls"]}, r"command must be a string, not \['ls'\]"),
        ("bash_tool", {"command": "ls", "limit": "5"}, "timeout must be a number, not '5'"),
        ("bash_tool", {"command": "ls", "limit": True}, "timeout must be a number"),
        ("view", {"path": "a", "view_range": "1-2"}, r"view_range must be two whole numbers such as \[1, 50\]"),
        ("view", {"path": "a", "view_range": [1]}, "two whole numbers"),
        ("view", {"path": None}, "path must be a string, not None"),
        ("create_file", {"path": "a", "content": "x"}, "file_text is missing"),
        ("str_replace", {"path": "a", "old_str": "x"}, "new_str is missing"),
        ("create_file", {"path": "a", "file_text": 5}, r"It takes: path \(string\), file_text \(string\)\."),
    ],
)
def test_wrong_arguments_teach(hands: Hands, tool: str, given: dict[str, Any], taught: str) -> None:
    with pytest.raises(ToolError, match=taught):
        hands(tool, **given)
    assert list(hands.workspace.iterdir()) == []


def test_an_unknown_tool(hands: Hands) -> None:
    with pytest.raises(ToolError, match="bash_tool, create_file, str_replace, view"):
        hands("python", code="1")


def test_definitions_are_objects_with_described_arguments() -> None:
    """As the Messages API asks: type object, each property described, nothing else allowed."""
    for definition in definitions(timeout=60):
        schema = definition.to_dict()["input_schema"]
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
        assert all(value["description"] for value in schema["properties"].values())
        assert len(definition.description) > 80
