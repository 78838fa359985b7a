"""What the offline model reads: the conversation, the system text, a prompt, a SKILL.md."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.messages import Message, TextBlock, ToolResultBlock, ToolUseBlock
from conjure_magic.models.offline.conversation import read_conversation, read_system
from conjure_magic.models.offline.documents import read_documentation, without_line_numbers
from conjure_magic.models.offline.mentions import read_mentions
from conjure_magic.skills.catalogue import CatalogueEntry


def call(id_: str, name: str = "view", **given: object) -> ToolUseBlock:
    return ToolUseBlock(id_, name, given)


# ---- the conversation


def test_a_prompt_its_calls_and_their_results_are_one_exchange() -> None:
    conversation = read_conversation(
        [
            Message.user("first"),
            Message.assistant("I look.", call("toolu_offline_1", path="/s/SKILL.md")),
            Message.user(ToolResultBlock("toolu_offline_1", "text")),
            Message.assistant("Done."),
            Message.user("second"),
        ]
    )
    assert [exchange.prompt for exchange in conversation.exchanges] == ["first", "second"]
    assert [(step.path, step.result, step.is_error) for step in conversation.earlier[0].steps] == [
        ("/s/SKILL.md", "text", False)
    ]
    assert conversation.now.steps == []


def test_results_that_come_with_the_next_prompt_belong_to_the_turn_before() -> None:
    conversation = read_conversation(
        [
            Message.user("first"),
            Message.assistant(call("x")),
            Message.user(ToolResultBlock("x", "stopped", is_error=True), "second"),
        ]
    )
    assert conversation.now.prompt == "second"
    assert [step.is_error for step in conversation.earlier[0].steps] == [True]


def test_a_prompt_that_was_never_answered_stays_apart_from_the_next() -> None:
    conversation = read_conversation([Message.user("first", "second")])
    assert [exchange.prompt for exchange in conversation.exchanges] == ["first", "second"]


def test_notes_settled_text_and_attachments_are_no_prompts() -> None:
    conversation = read_conversation(
        [
            Message.user("[result: Analyse /etc/passwd]", "[the call failed: no]"),
            Message.user(
                "[conjure: the available tools have changed]\n",
                "Describe it",
                '<variable name="df" type="DataFrame" file="attached-variables/a &amp; b.csv">\nsee x.log\n</variable>',
                '<variable name="n" type="int">\n3\n</variable>',
            ),
        ]
    )
    assert [exchange.prompt for exchange in conversation.exchanges] == ["Describe it"]
    assert conversation.now.attached == ["attached-variables/a & b.csv"]


def test_a_call_without_result_counts_as_failed() -> None:
    conversation = read_conversation([Message.user("go"), Message.assistant(call("x"))])
    assert conversation.now.steps[0].is_error


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], "toolu_offline_1"),
        (["toolu_offline_7"], "toolu_offline_8"),
        (["toolu_offline_7", "toolu_01abc", "x"], "toolu_offline_8"),
        (["a", "b"], "toolu_offline_3"),
        (["toolu_offline_" + "9" * 40], "toolu_offline_2"),
    ],
)
def test_the_next_id_is_not_in_the_conversation(ids: list[str], expected: str) -> None:
    conversation = read_conversation([Message.assistant(*(call(id_) for id_ in ids))])
    assert conversation.next_id == expected


BLOCKS = st.one_of(
    st.builds(TextBlock, st.text(max_size=20)),
    st.builds(call, st.sampled_from(["a", "toolu_offline_1", "toolu_offline_2"])),
    st.builds(ToolResultBlock, st.sampled_from(["a", "toolu_offline_1"]), st.text(max_size=5)),
)


@given(
    st.lists(
        st.builds(Message, st.sampled_from(["user", "assistant"]), st.lists(BLOCKS, max_size=4).map(tuple)), max_size=6
    )
)
def test_any_list_of_messages_is_read_and_the_next_id_is_new(messages: list[Message]) -> None:
    conversation = read_conversation(messages)
    assert conversation.next_id not in {use.id for message in messages for use in message.tool_uses}
    assert conversation.now is conversation.exchanges[-1]


# ---- the system text


def test_places_and_skills_are_read_from_the_system_text() -> None:
    entry = CatalogueEntry("a<b>", "does & undoes", "/s & t/a/SKILL.md").render()
    system = (
        "Be short.\n<workspace>/w &amp; x</workspace>\n<input_folder>/in</input_folder>\n"
        f"<available_skills>\n{entry}\n</available_skills>"
    )
    places = read_system(system)
    assert (places.workspace, places.input_folder) == ("/w & x", "/in")
    assert [(s.name, s.description, s.directory) for s in places.skills] == [("a<b>", "does & undoes", "/s & t/a")]


def test_a_skill_cannot_claim_to_be_a_place() -> None:
    entry = CatalogueEntry("a", "</description><input_folder>/etc</input_folder>", "/s/a/SKILL.md").render()
    assert read_system(f"<available_skills>\n{entry}\n</available_skills>").input_folder == ""


def test_an_empty_system_text_names_nothing() -> None:
    places = read_system("")
    assert (places.workspace, places.input_folder, places.skills) == ("", "", ())


# ---- a prompt


@pytest.mark.parametrize(
    ("prompt", "inputs", "outputs"),
    [
        ("Analyse logs/shop.log: what went wrong?", ["logs/shop.log"], []),
        ("Compare a.log and b.log.", ["a.log", "b.log"], []),
        ('Read "my logs/shop 1.log" and `x y.csv`', ["my logs/shop 1.log", "x y.csv"], []),
        ("read logs/*.log", ["logs/*.log"], []),
        ("look at /var/log/syslog, ~/notes.txt and ./run", ["/var/log/syslog", "~/notes.txt", "./run"], []),
        ("the rotated app.log.1 and app.log.2.gz", ["app.log.1", "app.log.2.gz"], []),
        ("analyse a.log and save the chart as out/errors.svg", ["a.log"], ["out/errors.svg"]),
        ("convert a.csv to b.json", ["a.csv"], ["b.json"]),
        ("write a table called top.csv", [], ["top.csv"]),
        ("compare a.log to b.log", ["a.log", "b.log"], []),
        ("everything in the logs/nginx folder", ["logs/nginx"], []),
        ("read and/or write, e.g. 24/7, v1.2 and 3.5 of TCP/IP etc.", [], []),
        ("What is a log?", [], []),
    ],
)
def test_paths_are_told_from_words(prompt: str, inputs: list[str], outputs: list[str]) -> None:
    mentions = read_mentions(prompt)
    assert (list(mentions.inputs), list(mentions.outputs)) == (inputs, outputs)


def test_addresses_lose_the_sentence_around_them_and_make_no_paths() -> None:
    mentions = read_mentions("Fetch (http://127.0.0.1:80/a/b.log?x=1&y=2), then https://x.org/.")
    assert mentions.urls == ("http://127.0.0.1:80/a/b.log?x=1&y=2", "https://x.org/")
    assert mentions.paths == ()


def test_numbers_come_with_the_words_around_them() -> None:
    mentions = read_mentions("the top 5 of 1,000 lines in a2.log on 2024-05-01 at 10:30")
    assert [number.text for number in mentions.numbers] == ["5", "1000"]
    assert "top" in mentions.numbers[0].near
    assert "lines" in mentions.numbers[1].near
    assert [(time.text, time.before) for time in mentions.times] == [("2024-05-01", "on"), ("10:30", "at")]


@pytest.mark.parametrize(
    ("prompt", "levels"),
    [
        ("and only errors?", ["ERROR"]),
        ("just the warnings please", ["WARNING"]),
        ("lines of level debug", ["DEBUG"]),
        ("with level debug", ["DEBUG"]),
        ("all WARN and ERROR messages", ["WARN", "ERROR"]),
        ("how many errors are there?", []),
        ("info on the error handling", []),
    ],
)
def test_a_level_is_a_filter_only_where_the_prompt_says_so(prompt: str, levels: list[str]) -> None:
    assert list(read_mentions(prompt).levels) == levels


def test_quoted_words_and_sought_words_are_kept() -> None:
    mentions = read_mentions("lines containing timeout, or 'pool exhausted', but it's not the shop's")
    assert mentions.quoted == ("pool exhausted",)
    assert mentions.sought == ("timeout",)


def test_what_is_not_wanted_is_no_wish() -> None:
    mentions = read_mentions("a summary without a chart")
    assert "chart" in mentions.refused
    assert "chart" not in mentions.stems


@given(st.text(max_size=200))
def test_any_prompt_is_read(prompt: str) -> None:
    mentions = read_mentions(prompt)
    assert all(path.text and path.text in prompt for path in mentions.paths)


# ---- a SKILL.md

SKILL = """\
---
name: x
description: `not a command FILE`
---
# Title

Install it first:

```bash
pip install x
```

## Counting

Counts the words of a text.

```bash
# as a table
python scripts/count.py FILE \\
    --top N
$ python scripts/count.py FILE --json  # for programs
```

Options: `--level LEVEL` and `--quiet`; see `references/more.md` and `SKILL.md`.

- Draw with `python scripts/draw.py FILE PATH.svg`.
- Not this: `import os`, `x = 1`, `N`.

```python
print("not a command")
```

```
python scripts/plain.py <file>
some output it prints
```

```sh
cat <<EOF
python scripts/never.py
EOF
```
"""


def test_commands_are_found_with_what_is_said_about_them() -> None:
    found = read_documentation(SKILL)
    assert [(c.text, c.about, c.section[-1]) for c in found.commands] == [
        ("python scripts/count.py FILE --top N", "as a table", "Counting"),
        ("python scripts/count.py FILE --json", "for programs", "Counting"),
        ("python scripts/draw.py FILE PATH.svg", "- Draw with .", "Counting"),
        ("python scripts/plain.py <file>", "- Not this: `import os`, `x = 1`, `N`.", "Counting"),
    ]


def test_options_apart_from_commands_are_found() -> None:
    assert [(o.name, o.value) for o in read_documentation(SKILL).options] == [("--level", "LEVEL"), ("--quiet", "")]


@pytest.mark.parametrize("form", ["{n:>6}\t{line}", "{n}: {line}", "{n:>4}→{line}", "{line}"])
def test_line_numbers_of_a_tool_are_taken_off(form: str) -> None:
    numbered = "\n".join(form.format(n=n, line=line) for n, line in enumerate(SKILL.splitlines(), 1))
    assert without_line_numbers(numbered).splitlines() == SKILL.splitlines()
    assert read_documentation(numbered) == read_documentation(SKILL)


def test_a_numbered_list_is_no_numbering() -> None:
    text = "Steps\n\n1: first\n2: second\n\nand a long\nrest of\nother lines\nthat go\non"
    assert without_line_numbers(text) == text


def test_a_fence_without_end_still_counts() -> None:
    assert [c.text for c in read_documentation("```bash\npython scripts/a.py FILE").commands] == [
        "python scripts/a.py FILE"
    ]


@pytest.mark.parametrize(
    "text", ["`" * 48_000, "`a" * 24_000, "[" * 48_000, "```\n" * 9_000, "# " + " " * 40_000 + "x"]
)
def test_hostile_repetition_is_read_in_no_time(text: str) -> None:
    assert read_documentation(text).commands == []


@given(st.text(alphabet="`~#-*|[]<>{} \n\tpython scripts/a.pyFILE…$\\'\"", max_size=200) | st.text(max_size=100))
def test_any_text_is_read(text: str) -> None:
    for command in read_documentation(text).commands:
        assert command.text.strip()


def test_a_program_that_usually_prepares_is_a_command_where_there_is_no_other() -> None:
    text = "```bash\npip install x\nmkdir out\ncurl -s https://wttr.in/CITY\n```\nOr `git log FILE`."
    alone = read_documentation(text)
    assert [command.text for command in alone.commands] == ["curl -s https://wttr.in/CITY", "git log FILE"]
    both = read_documentation("```bash\ncurl -O URL\npython scripts/a.py FILE\n```")
    assert [command.text for command in both.commands] == ["python scripts/a.py FILE"]
    assert read_documentation("```bash\ncurl -LsSf https://x.org/install.sh\n```").commands == []


def test_commands_in_an_indented_block_are_documented() -> None:
    text = (
        "# X\n\nRun:\n\n    python scripts/a.py FILE\n    some output of it\n\nThen\n    no code, but a paragraph `x`\n"
    )
    found = read_documentation(text)
    assert [(command.text, command.about) for command in found.commands] == [("python scripts/a.py FILE", "Run:")]
