"""Documented commands, filled from what a prompt names."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjure_magic.models.offline.conversation import Surroundings
from conjure_magic.models.offline.fill_template import Filled, Material, absolute, fill, quoted_path
from conjure_magic.models.offline.mentions import read_mentions
from conjure_magic.models.offline.template import parse_template


def filled(command: str, prompt: str, *, plain: bool = False, spelling: str = "") -> Filled:
    mentions = read_mentions(prompt)
    template = parse_template(command)
    assert template is not None
    inputs = tuple(f"/in/{path}" for path in mentions.inputs)
    return fill(template, Material(mentions, inputs, mentions.urls, "/skills/my skill", spelling), plain=plain)


USAGE = "python scripts/analyze.py summary FILE… [--chart PATH.svg] [--csv PATH] [--top N] [--level L] [--json]"
SCRIPT = "python '/skills/my skill/scripts/analyze.py' summary"


@pytest.mark.parametrize(
    ("prompt", "arguments"),
    [
        ("Analyse a.log", "/in/a.log"),
        ("Analyse a.log and b.log", "/in/a.log /in/b.log"),
        ("Analyse 'a b.log'", "'/in/a b.log'"),
        ("Analyse logs/*.log", "/in/logs/*.log"),
        ("Analyse a.log with a chart", "/in/a.log --chart chart.svg"),
        ("Plot a.log", "/in/a.log --chart chart.svg"),
        ("Analyse a.log, chart in out/e.svg", "/in/a.log --chart out/e.svg"),
        ("Analyse a.log and save a table as top.csv", "/in/a.log --csv top.csv"),
        ("Analyse a.log as JSON without a chart", "/in/a.log --json"),
        ("the top 5 messages of a.log", "/in/a.log --top 5"),
        ("a.log, 5 apples", "/in/a.log"),
        ("only errors in a.log", "/in/a.log --level ERROR"),
    ],
)
def test_optional_parts_go_in_only_where_the_prompt_asks(prompt: str, arguments: str) -> None:
    assert filled(USAGE, prompt).command == f"{SCRIPT} {arguments}"


@pytest.mark.parametrize(
    ("command", "prompt", "expected"),
    [
        ("wc -l {file}", "lines of a.txt", "wc -l /in/a.txt"),
        ("wc -l <input file>", "lines of a.txt", "wc -l /in/a.txt"),
        ("grep -c PATTERN FILE", "lines with 'a b' in a.txt", "grep -c 'a b' /in/a.txt"),
        ("plot FILE --column NAME", "plot column b of a.csv", "plot /in/a.csv --column b"),
        ("plot FILE --column NAME", "plot the column named total-2 of a.csv", "plot /in/a.csv --column total-2"),
        ("plot FILE [--title TITLE]", "plot a.csv, title: Sales", "plot /in/a.csv --title Sales"),
        ("plot FILE [--title TITLE]", "plot a.csv with the title of the year", "plot /in/a.csv"),
        ("sort FILE > sorted.txt && cat sorted.txt", "sort a.txt", "sort /in/a.txt > sorted.txt && cat sorted.txt"),
        ('ping "$URL" -n $COUNT', "ping http://h/ 3 times", "ping http://h/ -n 3"),
        ("ls ${FILE} $HOME", "list a.txt", "ls /in/a.txt $HOME"),
        ("compress path/to/image.png --quality 80", "compress pics/cat.png", "compress /in/pics/cat.png --quality 80"),
        ("draw FILE IMAGE.png", "draw a.csv", "draw /in/a.csv output.png"),
        ("draw CHART.png", "draw it", "draw output.png"),
        ("sort FILE > sorted.txt", "sort a.txt into b.txt", "sort /in/a.txt > b.txt"),
        ("grep -c PATTERN FILE", "lines containing timeout; in a.txt", "grep -c timeout /in/a.txt"),
        ("x --limit=N <url>", "the first 20 of http://h/a?b&c", "x --limit=20 'http://h/a?b&c'"),
        ("x URL --limit N", "fetch http://h/", "x http://h/"),
        ("x FILE [FILE ...]", "join a.txt b.txt c.txt", "x /in/a.txt /in/b.txt /in/c.txt"),
        ("x --json FILE", "show a.log", "x --json /in/a.log"),
        ("x --input FILE --output OUT.png", "shrink a.png", "x --input /in/a.png --output output.png"),
        ("x in.csv out.json", "convert a.csv to b.json", "x /in/a.csv b.json"),
        ("x app.log --top 10", "the top 3 of b.log", "x /in/b.log --top 3"),
        ("x app.log --top 10", "look at b.log", "x /in/b.log --top 10"),
        ("x FILE --level error", "only warnings in a.log", "x /in/a.log --level warning"),
        (
            "x FILE --since TIME --until TIME",
            "a.log between 10:00 and 10:30",
            "x /in/a.log --since 10:00 --until 10:30",
        ),
        ("cat FILE | sort > out.txt", "sort a.txt", "cat /in/a.txt | sort > out.txt"),
        ("cat < FILE > OUT.txt", "copy a.txt to b.txt", "cat < /in/a.txt > b.txt"),
        ("awk '{print $1}' FILE", "a.log", "awk '{print $1}' /in/a.log"),
        ("x FILE --around TIME --since TIME", "a.log before and after 13:24", "x /in/a.log --around 13:24"),
        ("x FILE --top N", "the most frequent of a.log", "x /in/a.log --top 10"),
        (
            "x FILE --level ERROR+ --by hour",
            "when were the warnings in a.log",
            "x /in/a.log --level WARNING+ --by hour",
        ),
        ("x FILE --grep 'own words'", "a.log with 'mine' in it", "x /in/a.log --grep mine"),
        ("x FILE OUT.json", "convert a.csv", "x /in/a.csv output.json"),
        ("curl -X POST URL", "post to http://h/", "curl -X POST http://h/"),
        ("x AMOUNT FROM_UNIT TO_UNIT", "5 'km' as 'miles'", "x 5 km miles"),
    ],
)
def test_placeholders_of_every_form_are_filled(command: str, prompt: str, expected: str) -> None:
    result = filled(command, prompt)
    assert (result.command, result.missing) == (expected, [])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python scripts/a.py FILE", "python '/skills/my skill/scripts/a.py' /in/a.log"),
        ("python a.py FILE", "python '/skills/my skill/a.py' /in/a.log"),
        ("python -u scripts/a.py FILE", "python -u '/skills/my skill/scripts/a.py' /in/a.log"),
        ("python -c 'import a/b' FILE", "python -c 'import a/b' /in/a.log"),
        ("A=b/c uv run a.py FILE", "A=b/c uv run '/skills/my skill/a.py' /in/a.log"),
        ("./run.sh FILE", "'/skills/my skill/run.sh' /in/a.log"),
        ("uv run scripts/a.py FILE", "uv run '/skills/my skill/scripts/a.py' /in/a.log"),
        ("python {baseDir}/scripts/a.py FILE", "python '/skills/my skill/scripts/a.py' /in/a.log"),
        ("python $SKILL_DIR/scripts/a.py FILE", "python '/skills/my skill/scripts/a.py' /in/a.log"),
        ("x FILE assets/list.txt", "x /in/a.log '/skills/my skill/assets/list.txt'"),
        ("python -m json.tool FILE", "python -m json.tool /in/a.log"),
        ("python /opt/a.py FILE", "python /opt/a.py /in/a.log"),
    ],
)
def test_a_skills_own_paths_become_absolute(command: str, expected: str) -> None:
    assert filled(command, "a.log").command == expected


def test_what_is_missing_is_named() -> None:
    assert filled("x FILE <url> N", "nothing here").missing == ["FILE", "url", "N"]


def test_plain_leaves_out_what_can_be() -> None:
    command = "x FILE --chart c.svg --depth 3 --fast [--json]"
    assert filled(command, "a.log", plain=True).command == "x /in/a.log"
    assert filled(command, "a.log with a chart", plain=True).command == "x /in/a.log --chart c.svg"


def test_a_level_is_spelled_as_the_skill_spells_it() -> None:
    usage = "x FILE [--level L]"
    assert filled(usage, "only warnings of a.log", spelling="levels: INFO, WARN").command == "x /in/a.log --level WARN"
    assert filled(usage, "only warnings of a.log", spelling="levels: WARNING").command == "x /in/a.log --level WARNING"


@pytest.mark.parametrize("command", ["echo 'it", 'x "FILE', "x FILE \\"])
def test_a_command_whose_quotes_do_not_add_up_is_left_alone(command: str) -> None:
    assert parse_template(command) is None


@pytest.mark.parametrize(
    "command", ["test [ -f x ] && echo 'a  b'", "ls a[0-9].txt", "echo $(date) `id` ${HOME}", "a=1 b --c=d -e -- f"]
)
def test_what_stands_for_nothing_stays_as_it_is_written(command: str) -> None:
    template = parse_template(command)
    assert template is not None
    assert fill(template, Material(read_mentions(""), (), (), "/s")).command == command


# ---- paths in a shell


@given(st.text(min_size=1, max_size=20).filter(lambda name: "\0" not in name))
def test_any_path_is_one_word_and_nothing_else_to_the_shell(name: str) -> None:
    """But for `*` and `?`, which stand for files, and `~/`, the home."""
    word = quoted_path(f"/in/{name}")
    assert shlex.split(word) == [f"/in/{name}"]


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/a/*.log", "/a/*.log"),
        ("/a b/c?.log", "'/a b/c'?.log"),
        ("~/x y", "~/'x y'"),
        ("-rf", "./-rf"),
        ("$(id).log", "'$(id).log'"),
    ],
)
def test_only_what_a_person_means_acts_in_the_shell(path: str, word: str) -> None:
    assert quoted_path(path) == word


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("logs/a.log", "/in/logs/a.log"),
        ("./a.log", "/in/a.log"),
        ("../a.log", "/a.log"),
        ("logs/", "/in/logs/"),
        ("/abs/a.log", "/abs/a.log"),
        ("~/a.log", "~/a.log"),
        ("made.csv", "made.csv"),
        ("./made.csv", "./made.csv"),
    ],
)
def test_relative_paths_mean_the_input_folder_but_for_files_that_were_made(path: str, expected: str) -> None:
    assert absolute(path, Surroundings("/ws", "/in"), ["made.csv"]) == expected


def test_without_an_input_folder_paths_stay_as_they_are() -> None:
    assert absolute("a.log", Surroundings("/ws", "")) == "a.log"


HOSTILE = st.text(alphabet="ab/.*?~-$`;&|<>(){}[]!#'\"\\ \nlog", min_size=1, max_size=15).map(
    lambda name: f"{name}.log"
)


@given(st.lists(HOSTILE, max_size=3))
def test_a_filled_command_runs_one_program_with_one_word_a_file(names: list[str]) -> None:
    """Whatever a prompt calls its files, they stay arguments of the documented script."""
    template = parse_template("python scripts/a.py FILE…")
    assert template is not None
    inputs = tuple(f"/in/{name}" for name in names)
    command = fill(template, Material(read_mentions(""), inputs, (), "/s")).command
    if names:
        assert shlex.split(command) == ["python", "/s/scripts/a.py", *inputs]


@given(st.text(alphabet="python scripts/a.pyFILEN[]<>{}…-=\"'| \\$URL.", max_size=60), st.text(max_size=40))
def test_any_command_and_prompt_are_read(command: str, prompt: str) -> None:
    template = parse_template(command)
    if template is not None:
        mentions = read_mentions(prompt)
        fill(template, Material(mentions, mentions.inputs, mentions.urls, "/s"))
