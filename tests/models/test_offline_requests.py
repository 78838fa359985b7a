"""Requests in many wordings and what they mean: the reading of each has the parts that its block names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conjure_magic.models.offline.reading import Ask, Reading, read_request
from conjure_magic.models.offline.readings import read_in_turn, without_skill_names
from conjure_magic.skills.ranking import stem

REQUESTS = Path(__file__).parent.parent / "data" / "requests" / "paraphrases.txt"
LINES = frozenset({"requests", "responses", "sind"})
"""Words of the requests that say "lines", or in German nothing."""


def blocks() -> list[tuple[str, str]]:
    """(parts, request) of the file."""
    found, parts = [], ""
    for line in REQUESTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            parts = line[1:].strip()
        elif line.strip() and not line.startswith("#"):
            found.append((parts, line))
    return found


def stems(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(stem(word.lower()) for word in words)


def parts_of(reading: Reading) -> dict[str, object]:
    """The reading as a block writes it."""
    found: dict[str, object] = {"ask": reading.ask.name, "levels": set(reading.levels), "quoted": reading.quoted}
    found |= {"names": set(reading.names), "codes": reading.codes, "unit": reading.unit, "groups": reading.groups}
    found |= {"since": reading.since, "until": reading.until, "end": reading.from_end, "least": reading.least}
    found["value"] = stems(tuple(word for word in reading.value if word not in ("log", "severity")))
    found["topic"] = set(stems(tuple(word for word in reading.topic if word not in LINES)))
    found["saves"] = tuple(save.kind for save in reading.saves)
    found["limit"] = reading.limit
    return found


def expected(parts: str) -> dict[str, object]:
    given = dict(part.partition("=")[::2] for part in parts.split())
    words = {name: tuple(word.replace("~", " ") for word in value.split(",")) for name, value in given.items()}
    wanted: dict[str, object] = {"ask": given["ask"], "unit": given.get("unit", "")}
    wanted |= {name: words.get(name, ()) for name in ("quoted", "codes", "groups", "saves")}
    wanted |= {"levels": set(words.get("levels", ())), "names": set(words.get("names", ()))}
    wanted |= {"since": given.get("since", ""), "until": given.get("until", "")}
    wanted |= {"end": "end" in given, "least": "least" in given, "value": stems(words.get("value", ()))}
    wanted["topic"] = set(stems(words.get("topic", ())))
    if "limit" in given:
        wanted["limit"] = int(given["limit"])
    return wanted


@pytest.mark.parametrize(("parts", "request_"), blocks())
def test_every_wording_is_read_as_what_it_means(parts: str, request_: str) -> None:
    readings = read_request(request_)
    if "unknown" in parts:
        assert all(reading.unknown or reading.ask is Ask.NONE for reading in readings)
        return
    (reading,) = readings
    found, wanted = parts_of(reading), expected(parts)
    assert {name: found[name] for name in wanted} == wanted
    assert not reading.unknown
    assert reading.files


def test_there_are_two_hundred_wordings_at_least() -> None:
    assert len({request for _, request in blocks()}) >= 200


# ---- follow-ups


def turns(*requests: str) -> Reading:
    """The reading of the last of these requests."""
    last: tuple[Reading, ...] = ()
    for request in requests:
        last = read_in_turn(request, last)
    return last[-1]


@pytest.mark.parametrize(
    ("requests", "wanted"),
    [
        (
            ("errors per hour in a.log", "and per minute?"),
            {"unit": "minute", "levels": ("ERROR",), "files": ("a.log",)},
        ),
        (("errors per hour in a.log", "same for b.log"), {"unit": "hour", "levels": ("ERROR",), "files": ("b.log",)}),
        (("lines per component in a.log", "only errors"), {"value": ("component",), "levels": ("ERROR",)}),
        (("lines per component in a.log", "just the warnings please"), {"value": ("component",), "levels": ("WARN",)}),
        (("How many errors are in a.log?", "and warnings?"), {"ask": Ask.COUNT, "levels": ("WARN",)}),
        (("How many errors are in a.log?", "by component"), {"ask": Ask.BREAKDOWN, "value": ("component",)}),
        (("How many errors are in a.log?", "which hour was the worst?"), {"ask": Ask.RANK, "unit": "hour"}),
        (("errors per hour in a.log", "since 12:00"), {"unit": "hour", "since": "12:00"}),
        (("errors in a.log before 12:00?", "and after?"), {"since": "12:00", "until": ""}),
        (("top 5 components in a.log", "the next ten"), {"skip": 5, "limit": 10, "ask": Ask.RANK}),
        (("Show the first 5 errors of a.log", "the next 5"), {"skip": 5, "limit": 5, "ask": Ask.LINES}),
        (("Show the first 5 errors of a.log", "and the last 2"), {"limit": 2, "from_end": True, "levels": ("ERROR",)}),
        (("max duration in a.log", "and the average?"), {"ask": Ask.MEAN, "value": ("duration",)}),
        (("average duration in a.log", "per endpoint"), {"ask": Ask.MEAN, "groups": ("endpoint",)}),
        (("How many 404s are in a.log?", "from which clients?"), {"codes": ("404",), "value": ("clients",)}),
        (("How many warnings did a.b write in x.log?", "same for a.c"), {"names": ("a.c",), "levels": ("WARN",)}),
        (("How many errors are in a.log?", "what share is that?"), {"ask": Ask.RATIO, "levels": ("ERROR",)}),
    ],
)
def test_a_follow_up_is_the_last_reading_changed(requests: tuple[str, ...], wanted: dict[str, object]) -> None:
    reading = turns(*requests)
    assert {name: getattr(reading, name) for name in wanted} == wanted


@pytest.mark.parametrize(("words", "kind"), [("as csv", "csv"), ("draw that", "chart"), ("now as a chart", "chart")])
def test_a_follow_up_writes_the_last_answer_to_a_file(words: str, kind: str) -> None:
    reading = turns("errors per minute in a.log", words)
    assert [save.kind for save in reading.saves] == [kind]
    assert (reading.unit, reading.levels) == ("minute", ("ERROR",))


def test_a_whole_question_only_takes_the_file_from_before() -> None:
    reading = turns("errors per minute in a.log", "How many warnings did web.cart write?")
    assert (reading.ask, reading.levels, reading.names, reading.unit) == (Ask.COUNT, ("WARN",), ("web.cart",), "")
    assert reading.files == ("a.log",)


@pytest.mark.parametrize(
    "request_",
    [
        "draw a bar chart of the warnings per hour",
        "404s per page",
        "median took_ms of slow jobs",
        "95th percentile of took_ms per job",
        "how many different users are there",
        "is the disk full?",
    ],
)
def test_a_request_that_stands_by_itself_takes_no_filter_over(request_: str) -> None:
    (alone,) = read_request(request_)
    assert turns("How many errors mention 'oven' in a.log?", request_) == replace(alone, files=("a.log",))


def test_what_is_taken_over_without_a_word_for_it_is_marked() -> None:
    assert turns("errors per hour in a.log", "which hour was the worst?").kept
    assert not turns("errors per hour in a.log", "and which hour was the worst?").kept
    assert not turns("lines per hour in a.log", "which hour was the worst?").kept


@pytest.mark.parametrize(("first", "then", "least"), [("most", "and the least?", True), ("fewest", "the most?", False)])
def test_the_other_end_of_a_ranking(first: str, then: str, least: bool) -> None:
    reading = turns(f"which component wrote the {first} lines in a.log?", then)
    assert (reading.ask, reading.value, reading.topic, reading.least) == (Ask.RANK, ("component",), (), least)


@pytest.mark.parametrize("request_", ["lines of sshd after 05:00", "jobs slower than 500 ms"])
def test_lines_that_are_only_named_are_shown(request_: str) -> None:
    assert turns("how many different hosts are in a.log", request_).ask is Ask.LINES


def test_a_drawer_is_not_drawn() -> None:
    (reading,) = read_request("how many times did the drawer jam in a.log?")
    assert reading.saves == ()


# ---- several parts, and what is printed


def test_two_requests_are_two_readings_with_one_file() -> None:
    first, second = read_request("Count the lines per level in logs/x.log, and draw errors per minute.")
    assert (first.ask, first.value, first.files) == (Ask.BREAKDOWN, ("level",), ("logs/x.log",))
    assert (second.unit, second.levels, second.files) == ("minute", ("ERROR",), ("logs/x.log",))
    assert second.chart is not None


def test_which_of_them_speaks_of_the_lines_before() -> None:
    _, second = read_request("How many errors are in x.log, and which component had the most of them?")
    assert (second.ask, second.value, second.levels) == (Ask.RANK, ("component",), ("ERROR",))


def test_a_reading_prints_what_it_took_from_the_request() -> None:
    (reading,) = read_request("top 3 hosts with 'no route' in x.log after 12:00, as csv")
    assert str(reading) == (
        "asks for       rank\n"
        "with the text  no route\n"
        "of the value   hosts\n"
        "since          12:00\n"
        "limit          3\n"
        "in             x.log\n"
        "written to     csv"
    )


def test_a_misspelt_word_is_read_as_the_known_one_and_said() -> None:
    (reading,) = read_request("how many erors in x.log")
    assert reading.levels == ("ERROR",)
    assert ("erors", "errors") in reading.corrected


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("Analyse app.log with log-analyzer", "Analyse app.log "),
        ("Analyse app.log using the log-analyzer skill", "Analyse app.log "),
        ("With log-analyzer, count the errors in app.log", ", count the errors in app.log"),
        ("Count the lines of log-analyzer.log", "Count the lines of log-analyzer.log"),
        ("Use the report skill on app.log", " on app.log"),
        ("Count lines that contain report in app.log", "Count lines that contain report in app.log"),
    ],
)
def test_the_name_of_a_skill_is_no_part_of_what_is_asked(prompt: str, left: str) -> None:
    assert without_skill_names(prompt, ["log-analyzer", "report"]) == left


@pytest.mark.parametrize("prompt", ["", " \n", "use log-analyzer", "with the log-analyzer skill"])
@pytest.mark.parametrize("before", ["", "errors per minute in app.log"])
def test_a_request_without_a_word_of_its_own_is_read_as_one_that_asks_nothing(prompt: str, before: str) -> None:
    assert [reading.ask for reading in read_request(without_skill_names(prompt, ["log-analyzer"]))] == [Ask.NONE]
    last = read_in_turn(before, ())
    (reading,) = read_in_turn(without_skill_names(prompt, ["log-analyzer"]), last)
    assert reading.ask is Ask.NONE or reading.files == last[0].files
