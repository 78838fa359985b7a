"""The offline model in whole turns: real skills, real commands on the local backend; and request by request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic import skill
from conjure_magic.approval import ApprovalRequest, Decision, approve_all
from conjure_magic.backends.native import SkillContext
from conjure_magic.cancel import Cancel
from conjure_magic.errors import CancelledError
from conjure_magic.events import BlockFinished, MessageFinished, TextDelta, TurnResult
from conjure_magic.messages import Message, TextBlock, ToolResultBlock, ToolUseBlock, Usage
from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.models.offline import OfflineModel
from conjure_magic.models.offline.choose import best_fit
from conjure_magic.models.offline.sampling import is_sampling
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.skills.skill import Skill, load_skill
from conjure_magic.tools import definitions

TOOLS = definitions(timeout=60)

COMMANDS = Path(__file__).parent.parent / "data" / "skills" / "commands"
BUNDLED = Path(__file__).parents[2] / "conjure_magic" / "skills" / "bundled"
LABEL = "Answered by the offline model: rules, not a language model."


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "tale.txt").write_text("the cat and the dog and the horse\n")
    (tmp_path / "texts" / "two words.txt").write_text("quiet quiet night\n")
    (tmp_path / "sales.csv").write_text("month,amount\nMay,3\nJune,4\n")
    with Session("local", [str(COMMANDS)], model="offline", approver=approve_all) as opened:
        yield opened


def commands(result: TurnResult) -> list[str]:
    """What was run for the answer, without looking at files."""
    every = [str(called.call.input["command"]) for called in result.tool_calls if called.call.name == "bash_tool"]
    return [command for command in every if not is_sampling(command)]


def paragraphs(result: TurnResult) -> str:
    """The answer without its last line, which labels it."""
    text, _, label = result.text.rpartition("\n\n")
    assert label.startswith(f"*{LABEL}")
    assert label.endswith("*")
    body, _, ran = text.rpartition("\n\n")
    return body if ran.startswith("Ran `") else text


# ---- whole turns


def test_it_reads_the_skill_runs_its_command_and_answers_from_the_output(session: Session) -> None:
    result = session.chat("Which words are most frequent in texts/tale.txt? Only the top 2.")
    assert [called.call.name for called in result.tool_calls] == ["view", "view", "bash_tool"]
    assert result.tool_calls[0].call.input["path"] == str((COMMANDS / "word-count" / "SKILL.md").resolve())
    script = COMMANDS.resolve() / "word-count" / "scripts" / "count.py"
    assert result.tool_calls[1].call.input["path"] == str(script)
    assert commands(result) == [f"python {script} {Path.cwd()}/texts/tale.txt --top 2"]
    assert paragraphs(result) == "```text\n3 the\n2 and\n```"
    assert (result.stop_reason, result.cost, result.usage) == ("end_turn", 0.0, Usage())


def test_several_files_and_names_with_blanks_are_each_one_argument(session: Session) -> None:
    result = session.chat("Count the words of texts/tale.txt and 'texts/two words.txt' as JSON, the top 1")
    assert paragraphs(result) == '```json\n{"the": 3}\n```'
    assert commands(result)[0].endswith("--top 1 --json")


def test_a_glob_stands_for_its_files(session: Session) -> None:
    result = session.chat("Count words containing 'qu' in texts/*.txt")
    assert paragraphs(result) == "```text\n2 quiet\n```"


def test_another_documented_command_is_chosen_where_its_words_fit(session: Session) -> None:
    result = session.chat("List the longest words of texts/tale.txt")
    assert "longest.py" in commands(result)[0]
    assert paragraphs(result).startswith("```text\nhorse\n")


def test_markdown_stays_markdown_and_files_land_in_the_workspace(session: Session) -> None:
    result = session.chat("Summarise the table sales.csv as a report")
    assert paragraphs(result).startswith("# Report\n\n| column | rows |")
    assert sorted(file.name for file in result.files) == ["chart.svg", "report.md"]
    assert "pip install" not in commands(result)[0]


def test_names_for_created_files_are_taken_from_the_prompt(session: Session) -> None:
    result = session.chat("Report on the table sales.csv and save the report as out/june.md, without a chart")
    assert [file.name for file in result.files] == []
    assert "exit 1" in result.tool_calls[-1].result.status  # type: ignore[union-attr]  # there is no folder out/
    result = session.chat("Report on the table sales.csv and save the report as june.md, without a chart")
    assert [file.name for file in result.files] == ["june.md"]


def test_a_follow_up_continues_with_the_same_skill_and_file(session: Session) -> None:
    session.chat("Count the words of texts/tale.txt, the top 1")
    result = session.chat("and the top 2 in the same file?")
    assert commands(result)[0].endswith("texts/tale.txt --top 2")
    assert [m.role for m in session.messages[-6:]] == ["user", "assistant", "user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("words", ["continue", "Please go on.", "Carry on!", "try again", "resume, please"])
def test_a_request_that_was_cut_short_is_gone_on_with(session: Session, words: str) -> None:
    cut = session.chat(
        "Which words are most frequent in texts/tale.txt? Only the top 2.", limits=session.limits(max_rounds=1)
    )
    assert (cut.stop_reason, commands(cut)) == ("max_rounds", [])
    again = session.chat(words, limits=session.limits(max_rounds=1))
    assert (again.stop_reason, commands(again)) == ("max_rounds", [])
    assert "--top 2" in commands(session.chat(words))[0]


def test_what_is_finished_is_done_again_only_on_request(session: Session) -> None:
    first = session.chat("Which words are most frequent in texts/tale.txt?")
    assert commands(session.chat("Continue.")) == []
    second = session.chat("Which words are most frequent in texts/tale.txt?")
    assert commands(session.chat("Once more, please")) == commands(second) == commands(first)


def test_there_is_nothing_to_go_on_with_at_first(session: Session) -> None:
    assert commands(session.chat("continue")) == []


def test_a_file_made_before_is_found_in_the_workspace(session: Session) -> None:
    session.chat("Report on the table sales.csv and save the report as june.txt")
    made = session.chat("Count words: which are most frequent in sales.csv?")
    assert f"{Path.cwd()}/sales.csv" in commands(made)[0]


def test_inline_commands_and_quoted_values_work(session: Session) -> None:
    result = session.chat("Convert an amount of 5 from 'mile' to 'km', in metric units")
    assert paragraphs(result) == "```text\n8.047 km\n```"


def test_nothing_runs_where_no_skill_fits_and_the_skills_are_listed(session: Session) -> None:
    result = session.chat("Write me a poem about the sea")
    assert commands(result) == []
    for name in ("word-count", "csv-report", "unit-converter", "log-analyzer"):
        assert f"**{name}**" in result.text
    assert "None of the skills fits" in result.text


def offered(text: str) -> list[str]:
    """The requests that an answer offers."""
    _, _, listed = text.partition("Requests that would work here:\n\n")
    return [line.removeprefix("- ").replace("\\", "") for line in listed.split("\n\n")[0].splitlines()]


LOG = "".join(f"2024-05-01 10:0{n}:00 {'ERROR' if n % 2 else 'INFO'} shop.web: request {n}\n" for n in range(8))


@pytest.mark.parametrize(("name", "text"), [("shop.log", LOG), ("sales.csv", "month,amount\nMay,3\nJune,4\n")])
def test_where_nothing_fits_each_of_five_offered_requests_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    with Session("local", model="offline", approver=approve_all) as session:
        requests = offered(session.chat("What is the capital of Australia?").text)
        assert len(requests) == 5
        for request in requests:
            answered = session.chat(request)
            assert len(commands(answered)) == 1
            assert answered.tool_calls[-1].result.status == ""  # type: ignore[union-attr]
            assert "Not done" not in answered.text
            assert "cannot" not in answered.text.partition("\n")[0]


def test_in_an_empty_folder_it_says_that_there_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Session("local", model="offline", approver=approve_all) as session:
        text = session.chat("What is the capital of Australia?").text
        assert "There are no files in the folder: put one there, and name it in the request." in text
        assert not offered(text)


README_REQUEST = "Count the lines per level in logs/shop.log, and draw errors per minute."


def answers_as_the_readme_says(session: Session, folder: Path) -> None:
    root = Path(__file__).parents[2]
    assert (root / "README.md").read_text(encoding="utf-8").count(README_REQUEST) == 2
    (folder / "logs").mkdir()
    (folder / "logs" / "shop.log").write_bytes((root / "notebooks" / "logs" / "shop.log").read_bytes())
    result = session.chat(README_REQUEST)
    assert "| `INFO` | 1,153 |" in result.text
    assert "| `2026-11-21 13:24` | 74 |" in result.text
    assert [Path(file.name).suffix for file in result.files] == [".svg"]
    assert result.files[0].name in result.text


def test_the_readmes_example_gives_levels_minutes_and_a_chart(session: Session, tmp_path: Path) -> None:
    answers_as_the_readme_says(session, tmp_path)


@pytest.mark.docker
def test_the_readmes_example_gives_the_same_in_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker_image: str
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)  # of root's tests, the container runs as another user
    settings = Settings(docker_image=docker_image)
    with Session("docker", model="offline", settings=settings) as session:
        answers_as_the_readme_says(session, tmp_path)


@pytest.mark.parametrize("request_", ["Count the lines per level in shop.log", "errors per minute in shop.log, as csv"])
def test_each_question_asks_once_and_for_a_command_that_answers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: str
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"2026-11-21 13:1{i % 4}:00,000 {['INFO', 'ERROR'][i % 3 == 0]} web order {i} done" for i in range(30)]
    (tmp_path / "shop.log").write_text("\n".join(lines) + "\n")
    asked: list[ApprovalRequest] = []

    def approver(request: ApprovalRequest, _cancel: Cancel) -> Decision:
        asked.append(request)
        return Decision("once")

    with Session("local", model="offline", approver=approver) as opened:
        assert "ERROR" in opened.chat(request_).text
        assert "**20 lines at INFO**" in opened.chat("How many INFO lines are there?").text
    script = (BUNDLED / "log-analyzer" / "scripts" / "analyze.py").resolve()
    assert [request.text.partition(" --")[0] for request in asked] == [f"python {script} query {tmp_path}/shop.log"] * 2


def test_where_the_value_stands_in_the_lines_is_looked_up_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = (f"2026-11-21 13:10:00 INFO web login of user {name} from 10.0.0.1\n" for name in ("ann", "bob", "eve"))
    (tmp_path / "a.log").write_text("".join(lines))
    with Session("local", model="offline", approver=approve_all) as opened:
        result = opened.chat("Which users are there in a.log?")
        assert "`ann`" in result.text
        assert [called.call.name for called in result.tool_calls][-2:] == ["bash_tool", "bash_tool"]
        assert len(commands(result)) == 1


def test_a_missing_value_is_named_with_the_command_that_would_have_run(session: Session) -> None:
    result = session.chat("Count the words, the top 3")
    assert commands(result) == []
    assert "needs `FILE…`, which your request does not name" in result.text
    assert "```bash\npython word-count/scripts/count.py FILE… --top 3\n```" in result.text


def test_a_skill_without_a_command_is_said(session: Session) -> None:
    result = session.chat("Give me advice on naming a boat")
    assert "**talk-only** fits, but its SKILL.md documents no command" in result.text


def test_a_failure_is_tried_once_more_more_simply(session: Session, tmp_path: Path) -> None:
    (tmp_path / "machine.dat").write_text("x")
    result = session.chat("Inspect the fussy recording machine.dat")
    assert [c.rpartition("machine.dat")[2] for c in commands(result)] == [" --depth 3", ""]
    assert "inspected plainly" in result.text
    assert "My first try, `python fussy/scripts/fussy.py machine.dat --depth 3`, failed." in result.text


def test_a_file_that_is_not_there_is_not_tried_again(session: Session) -> None:
    result = session.chat("Which words are most frequent in texts/nowhere.txt?")
    assert len(commands(result)) == 1
    assert "That did not work" in result.text
    assert "ended with exit code 1" in result.text
    assert "FileNotFoundError" in result.text


def test_a_refused_command_ends_the_turn_honestly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: ApprovalRequest, cancel: Cancel) -> Decision:
        return Decision("no", reason="Not on *my* machine.")

    monkeypatch.chdir(tmp_path)
    with Session("local", [str(COMMANDS)], model="offline", approver=refuse) as session:
        result = session.chat("Which words are most frequent in a.txt?")
    assert [called.call.name for called in result.tool_calls] == ["view", "view", "bash_tool"]
    assert "I stopped, because this command was not allowed to run." in result.text
    assert r"Not on \*my\* machine." in result.text


def test_what_was_not_used_is_said(session: Session) -> None:
    result = session.chat("Count words of texts/tale.txt as 'haiku' with https://example.org/x, 17 apples")
    assert result.text.startswith("Not used of your request: `https://example.org/x`, `17`, `haiku` and `apples`.")


def test_a_hostile_file_name_is_an_argument_and_runs_nothing(session: Session, tmp_path: Path) -> None:
    name = "a; touch pwned; $(touch pwned) `touch pwned`.txt"
    (tmp_path / name).write_text("one two two\n")
    result = session.chat(f'Which words are most frequent in "{name}"?')
    assert "2 two" in result.text
    assert [path.name for path in Path.cwd().rglob("pwned")] == []
    assert [file.name for file in result.files] == []


def test_the_bundled_log_analyzer_answers_with_chart_and_table(session: Session, tmp_path: Path) -> None:
    lines = [f"2024-05-01 10:00:{s:02} {'ERROR' if s > 40 else 'INFO'} shop.pool: request {s} ended" for s in range(60)]
    (tmp_path / "shop.log").write_text("\n".join(lines) + "\n")
    result = session.chat("Analyse shop.log: what went wrong, and when?")
    assert result.tool_calls[-1].result.status == ""  # type: ignore[union-attr]
    assert {Path(file.name).suffix for file in result.files} == {".svg", ".csv"}
    assert "ERROR" in paragraphs(result)
    again = session.chat("How many lines are there per level in the same file?")
    assert f"{tmp_path}/shop.log" in commands(again)[0]


def test_attached_variables_are_files_to_work_on(session: Session) -> None:
    folder = session.workspace.root / "attached-variables"
    folder.mkdir()
    (folder / "df.csv").write_text("a,b\n1,2\n")
    attached = '<variable name="df" type="DataFrame" file="attached-variables/df.csv">\na,b\n</variable>'
    result = session.chat("Summarise this table as a report", extra_text=[attached])
    assert "report.py attached-variables/df.csv" in commands(result)[0]
    assert "| a | 1 |" in result.text


# ---- request by request


def request(
    *messages: Message | str,
    skills: Sequence[Skill] = (),
    tools: Sequence[ToolDefinition] = TOOLS,
    system: str = "",
) -> Request:
    text = f"<workspace>/ws</workspace>\n<input_folder>/in</input_folder>\n{system}\n{render_catalogue(skills)}"
    history = tuple(Message.user(m) if isinstance(m, str) else m for m in messages)
    return Request("offline", text, tuple(tools), history, max_tokens=1_000)


def answer(asked: Request, cancel: Cancel | None = None) -> MessageFinished:
    events = list(OfflineModel().stream(asked, cancel or Cancel()))
    assert isinstance(events[-1], MessageFinished)
    deltas = "".join(event.text for event in events if isinstance(event, TextDelta))
    blocks = [event.block for event in events if isinstance(event, BlockFinished)]
    assert deltas == events[-1].message.text
    assert tuple(blocks) == events[-1].message.content
    return events[-1]


def word_count() -> Skill:
    return load_skill(COMMANDS / "word-count")


def reading(asked: Request) -> Request:
    """The same request after the skill was read, whose scripts do not tell of their options."""
    (call,) = answer(asked).message.tool_uses
    result = ToolResultBlock(call.id, Path(str(call.input["path"])).read_text(encoding="utf-8"))
    return scripts_read(after(asked, Message.assistant(call), Message.user(result)))


def after(asked: Request, *messages: Message) -> Request:
    """The request with more of its conversation."""
    return Request(asked.model, asked.system, asked.tools, (*asked.messages, *messages), max_tokens=1_000)


def scripts_read(asked: Request, source: str = "print(1)") -> Request:
    """The request after scripts were read."""
    found = answer(asked).message
    call = found.tool_uses[0] if found.tool_uses else None
    if call is None or not re.search(r"^(?:cat -- )?/\S+/scripts/\S+\Z", str(*call.input.values())):
        return asked
    return scripts_read(after(asked, found, Message.user(ToolResultBlock(call.id, source))), source)


def test_the_same_request_gives_the_same_events() -> None:
    asked = request("Count words of a.txt", skills=[word_count()])
    assert list(OfflineModel().stream(asked, Cancel())) == list(OfflineModel().stream(asked, Cancel()))


def test_text_streams_in_pieces_of_a_few_words() -> None:
    deltas = [
        e.text for e in OfflineModel().stream(request("Count words of a.txt"), Cancel()) if isinstance(e, TextDelta)
    ]
    assert len(deltas) > 3
    assert all(len(text) < 60 for text in deltas)


def test_it_says_which_tool_it_wants_and_then_ends_its_turn() -> None:
    asked = request("Count words of a.txt", skills=[word_count()])
    first = answer(asked)
    assert (first.stop_reason, first.model) == ("tool_use", "offline")
    (call,) = answer(reading(asked)).message.tool_uses
    assert call.name == "bash_tool"
    assert call.id == "toolu_offline_3"
    done = Message.user(ToolResultBlock(call.id, "3 the"))
    last = answer(
        Request(
            "offline",
            asked.system,
            asked.tools,
            (*reading(asked).messages, Message.assistant(call), done),
            max_tokens=1_000,
        )
    )
    assert (last.stop_reason, last.message.tool_uses) == ("end_turn", ())


@pytest.mark.parametrize("after", range(4))
def test_it_stops_wherever_it_is(after: int) -> None:
    cancel = Cancel()
    events = OfflineModel().stream(request("Count words of a.txt", skills=[word_count()]), cancel)
    for _ in range(after):
        next(events)
    cancel.set()
    with pytest.raises(CancelledError):
        next(events)


def test_without_view_it_reads_with_a_command() -> None:
    tools = [tool for tool in TOOLS if tool.name == "bash_tool"]
    asked = request("Count words of a.txt", skills=[word_count()], tools=tools)
    (call,) = answer(asked).message.tool_uses
    assert call.input == {"command": f"cat -- {word_count().location}"}
    body = word_count().location.read_text(encoding="utf-8")
    read = scripts_read(after(asked, Message.assistant(call), Message.user(ToolResultBlock(call.id, body))))
    (call,) = answer(read).message.tool_uses
    assert "count.py /in/a.txt" in str(call.input["command"])


def test_without_a_shell_it_says_what_it_would_have_run() -> None:
    tools = [tool for tool in TOOLS if tool.name == "view"]
    text = answer(reading(request("Count words of a.txt", skills=[word_count()], tools=tools))).message.text
    assert "`bash_tool` is not available" in text
    assert "python word-count/scripts/count.py a.txt" in text


def test_without_skills_it_says_so() -> None:
    assert "no skills are loaded" in answer(request("Analyse a.log")).message.text


def test_an_unreadable_skill_is_said() -> None:
    asked = request("Count words of a.txt", skills=[word_count()])
    (call,) = answer(asked).message.tool_uses
    failed = Message.user(ToolResultBlock(call.id, "no such file", is_error=True))
    text = answer(
        Request(
            "offline", asked.system, asked.tools, (*asked.messages, Message.assistant(call), failed), max_tokens=1_000
        )
    ).message.text
    assert "could not read the SKILL.md of **word-count**" in text


def test_an_interrupted_command_is_not_run_again() -> None:
    asked = reading(request("Count words of a.txt", skills=[word_count()]))
    (call,) = answer(asked).message.tool_uses
    cut = Message.user(ToolResultBlock(call.id, "1 the\n[timed out after 120 s and was killed]", is_error=True))
    last = answer(
        Request("offline", asked.system, asked.tools, (*asked.messages, Message.assistant(call), cut), max_tokens=1_000)
    )
    assert last.message.tool_uses == ()
    assert "ended with timed out after 120 s" in last.message.text


def test_a_second_failure_is_the_last(tmp_path: Path) -> None:
    skill = load_skill(COMMANDS / "fussy")
    asked = reading(request("Inspect the fussy recording a.dat", skills=[skill]))
    history, tried = list(asked.messages), []
    while calls := (
        last := answer(Request("offline", asked.system, asked.tools, tuple(history), max_tokens=1_000))
    ).message.tool_uses:
        tried.append(calls[0].input["command"])
        failed = ToolResultBlock(calls[0].id, "usage: none of yours\n[exit code 2]", is_error=True)
        history += [last.message, Message.user(failed)]
        assert len(tried) < 5
    assert len(tried) == 2
    assert "It tried twice and has no other way." in last.message.text


def test_an_answer_that_repeats_output_keeps_fences_closed_and_says_what_it_left_out() -> None:
    asked = reading(request("Count words of a.txt", skills=[word_count()]))
    (call,) = answer(asked).message.tool_uses

    def answered(output: str) -> str:
        done = Message.user(ToolResultBlock(call.id, output))
        return answer(
            Request(
                "offline", asked.system, asked.tools, (*asked.messages, Message.assistant(call), done), max_tokens=1_000
            )
        ).message.text

    assert answered("```\nx\n````\n```\n*label*").startswith("`````text\n```\nx\n````\n```\n*label*\n`````\n")
    assert answered("# Title\n\n```\nopen").startswith("````text\n# Title")
    assert "(Shortened: 40 of 500 lines" in answered("\n".join(map(str, range(500))))
    assert answered("[no output]").startswith("The command printed nothing.")
    assert answered("-" * 32_000).count("`") == 8
    assert "exit code" not in answered("fine")


# ---- which command


DOCUMENTED = """\
Show a log as a whole.

```sh
python scripts/log.py summary FILE --chart errors.svg
python scripts/log.py summary FILE --json
```

Count lines that hold a text, or by level.

```sh
python scripts/log.py query FILE --grep "PATTERN" --count
python scripts/log.py query FILE --level ERROR --count
```

| Question | Command |
| --- | --- |
| The clients with most refusals | `python scripts/log.py query FILE --pattern 'client (\\d+)' --top 3` |

Fetch a log from an address.

```sh
python scripts/fetch.py URL --limit N
```

Convert a log into records for a spreadsheet.

```sh
python scripts/records.py FILE --format csv
```
"""


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Look at a.log", "log.py summary /in/a.log --chart errors.svg"),
        ("What is in a.log?", "log.py summary /in/a.log --chart errors.svg"),
        ("Show a.log as JSON", "log.py summary /in/a.log --json"),
        ("Plot a.log as out.svg", "log.py summary /in/a.log --chart out.svg"),
        ("How many lines of a.log hold 'out of memory'?", "log.py query /in/a.log --grep 'out of memory' --count"),
        ("Count the warnings in a.log", "log.py query /in/a.log --level WARNING --count"),
        (
            "Count lines containing timeout in a.log, only errors",
            "query /in/a.log --grep timeout --count --level ERROR",
        ),
        ("Fetch http://h/x, the first 7", "fetch.py http://h/x --limit 7"),
        ("Convert a.log into CSV", "records.py /in/a.log --format csv"),
    ],
)
def test_of_many_documented_commands_the_one_that_fits_is_run(prompt: str, expected: str) -> None:
    skill = word_count()
    call = ToolUseBlock("toolu_offline_1", "view", {"path": str(skill.location)})
    history = (Message.user(prompt), Message.assistant(call), Message.user(ToolResultBlock(call.id, DOCUMENTED)))
    (run,) = answer(scripts_read(request(*history, skills=[skill]))).message.tool_uses
    assert str(run.input["command"]).endswith(expected)


# ---- native tools


FETCH = ToolDefinition(
    "log_fetcher_execute",
    "Fetches logs from a server. Commands: `fetch URL [--limit N] [--level L]`, limit 100 by default.",
    {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
)
WEATHER = ToolDefinition(
    "forecast",
    "The weather forecast of a city.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "name of the city"},
            "days": {"type": "integer", "default": 3},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "detailed": {"type": "boolean"},
            "files": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city"],
    },
)


def test_a_native_tool_is_called_with_its_documented_command() -> None:
    asked = request("Fetch logs from http://127.0.0.1:80/logs, limit 20, only errors", tools=[*TOOLS, FETCH])
    (call,) = answer(asked).message.tool_uses
    assert call.name == "log_fetcher_execute"
    assert call.input == {"command": "fetch http://127.0.0.1:80/logs --limit 20 --level ERROR"}
    done = Message.user(ToolResultBlock(call.id, '[{"level": "ERROR"}]'))
    text = answer(
        Request(
            "offline", asked.system, asked.tools, (*asked.messages, Message.assistant(call), done), max_tokens=1_000
        )
    ).message.text
    assert text.startswith('```json\n[{"level": "ERROR"}]\n```')
    assert f"*{LABEL} It called `log_fetcher_execute`" in text


def test_a_typed_tools_arguments_come_from_names_types_and_choices() -> None:
    asked = request("A detailed weather forecast for 'Oslo' for 5 days in celsius from a.txt", tools=[WEATHER])
    (call,) = answer(asked).message.tool_uses
    assert call.input == {"city": "Oslo", "days": 5, "unit": "celsius", "detailed": True, "files": ["/in/a.txt"]}


def test_a_tool_that_lacks_an_argument_is_not_called() -> None:
    last = answer(request("What is the weather forecast?", tools=[WEATHER]))
    assert last.message.tool_uses == ()
    assert "lacks its `city`" in last.message.text


RUN = ToolDefinition(
    "kernel_run",
    "Run Python in the person's kernel, after asking.",
    {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
)
LOOK = ToolDefinition("kernel_variables", "List the variables in the person's kernel.", {"type": "object"})


@pytest.mark.parametrize("prompt", ["Run `1+1` in the kernel", "Execute `1+1`", "Please evaluate '1+1' there."])
def test_quoted_code_is_run_where_the_request_wants_it_run(prompt: str) -> None:
    (call,) = answer(request(prompt, tools=[LOOK, RUN])).message.tool_uses
    assert (call.name, call.input) == ("kernel_run", {"code": "1+1"})


@pytest.mark.parametrize("prompt", ['Which variables hold "1+1" in the kernel?', "What is Python in the kernel: `x`?"])
def test_quoted_text_is_not_run_because_it_is_quoted(prompt: str) -> None:
    calls = answer(request(prompt, tools=[LOOK, RUN])).message.tool_uses
    assert "kernel_run" not in [call.name for call in calls]


def test_a_failed_tool_is_told_and_not_called_again() -> None:
    asked = request("Fetch logs from http://127.0.0.1:80/logs", tools=[FETCH])
    (call,) = answer(asked).message.tool_uses
    failed = Message.user(ToolResultBlock(call.id, "API returned 503", is_error=True))
    last = answer(
        Request(
            "offline", asked.system, asked.tools, (*asked.messages, Message.assistant(call), failed), max_tokens=1_000
        )
    )
    assert last.message.tool_uses == ()
    assert "API returned 503" in last.message.text


def test_the_better_fitting_of_skills_and_tools_is_taken() -> None:
    both = [*TOOLS, WEATHER]
    assert (
        answer(request("Count words of a.txt", skills=[word_count()], tools=both)).message.tool_uses[0].name == "view"
    )
    asked = request("Forecast of the weather in 'Oslo'", skills=[word_count()], tools=both)
    assert answer(asked).message.tool_uses[0].name == "forecast"


# ---- anything at all


BLOCKS = st.one_of(
    st.builds(
        TextBlock, st.sampled_from(["Count words of a.txt", "and again?", "[result: x]", ""]) | st.text(max_size=20)
    ),
    st.builds(
        ToolUseBlock,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["view", "bash_tool", "gone"]),
        st.just({"path": "/x"}),
    ),
    st.builds(ToolResultBlock, st.sampled_from(["a", "b"]), st.text(max_size=20), st.booleans()),
)
MESSAGES = st.builds(Message, st.sampled_from(["user", "assistant"]), st.lists(BLOCKS, max_size=3).map(tuple))


@given(st.lists(MESSAGES, min_size=1, max_size=5), st.booleans())
def test_any_history_gets_an_answer_that_is_valid(history: list[Message], native: bool) -> None:
    skills = [word_count()]
    tools = [*TOOLS, FETCH, WEATHER] if native else TOOLS
    finished = answer(request(*history, skills=skills, tools=tools))
    assert finished.message.text.strip() or finished.message.tool_uses
    for call in finished.message.tool_uses:
        assert call.name in {tool.name for tool in tools}
        assert call.id not in {use.id for message in history for use in message.tool_uses}
    assert finished.message.tool_uses or LABEL in finished.message.text


@given(st.text(max_size=120), st.text(max_size=80))
def test_any_skill_text_and_prompt_get_an_answer(body: str, prompt: str) -> None:
    skill = word_count()
    call = ToolUseBlock("toolu_offline_1", "view", {"path": str(skill.location)})
    text = f"---\nname: word-count\n---\n```bash\n{body}\n```\nand `{body}`"
    history = (Message.user(f"words {prompt}"), Message.assistant(call), Message.user(ToolResultBlock(call.id, text)))
    said = answer(request(*history, skills=[skill])).message
    assert said.text.strip() or said.tool_uses


def test_it_costs_nothing_and_says_its_name() -> None:
    model = OfflineModel()
    assert (model.name, model.cost(Usage(10, 10)), repr(model)) == ("offline", 0.0, "OfflineModel()")
    assert os.environ.get("ANTHROPIC_API_KEY") is None


def test_a_file_that_a_tool_made_is_found_after_the_hands_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetched with `native` in one cell, analysed with `local` in the next: the fetch is settled text by then."""
    monkeypatch.chdir(tmp_path)

    @skill
    def export(context: SkillContext) -> Path:
        """Export the tale as text."""
        return context.save("export.txt", "the cat and the dog and the bird\n")

    with Session("native", [export], model="offline", approver=approve_all) as session:
        assert [file.name for file in session.chat("Export the tale").files] == ["export.txt"]
        session.use(backend="local", skills=[COMMANDS])
        result = session.chat("Which words are most frequent in export.txt? Only the top 1.")
        assert paragraphs(result) == "```text\n3 the\n```"


def test_neither_an_addresss_scheme_nor_how_often_says_what_it_is_about() -> None:
    skills = [("ping", "Pings a web address."), ("logs", "Reads web logs, counts times, and fetches an HTTP address.")]
    assert best_fit("Ping the web address http://127.0.0.1:9/x 3 times", skills) == 0
