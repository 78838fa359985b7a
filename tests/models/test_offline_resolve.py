"""A reading resolved against lines and fields: what is said of words and fields that went into nothing."""

from __future__ import annotations

import pytest

from conjure_magic.models.offline.reading import Ask, read_request
from conjure_magic.models.offline.resolve import resolve
from conjure_magic.models.offline.resolved import Resolved
from conjure_magic.models.offline.sampling import Sample

LINES = ("2026-11-21 13:10:00 ERROR shop.cart: no route to host", "2026-11-21 13:11:00 INFO shop.cart: done")
FIELDS = ("time", "level", "component", "message")


def resolved(request: str, lines: tuple[str, ...] = LINES, fields: tuple[str, ...] = FIELDS) -> Resolved:
    (reading,) = read_request(request)
    return resolve(reading, Sample(lines), fields)


def test_words_beside_a_quoted_text_are_named_if_they_are_not_used() -> None:
    assert resolved("How many payment lines contain 'no route' in a.log?").assumed == (
        "lines are found by the quoted text only, not by `payment`",
    )
    assert not resolved("How many lines contain 'no route' in a.log?").assumed
    assert not resolved("How many lines have the text 'no route' in a.log?").assumed


def test_a_missing_field_is_named_with_the_fields_that_exist() -> None:
    refused = resolved("mean of duration by endpoint in a.log").refused
    assert "no field" in refused
    assert "`time`, `level`, `component` and `message`" in refused


JOBS = (
    '{"ts": "2025-03-04T00:00:00Z", "level": "info", "took_ms": 10, "job": "a", "user": {"name": "ann"}}',
    '{"ts": "2025-03-04T00:01:00Z", "level": "error", "took_ms": 900, "job": "b", "user": {"name": "bob"}}',
)
JOB_FIELDS = ("level", "took_ms", "user.name", "job")
TILL = (
    "2025-03-03 06:00:00 INFO till sold 1 rolls to ann for 0.45 euros",
    "2025-03-03 06:01:00 INFO till sold 2 rolls to bob for 0.9 euros",
)


def test_a_field_of_an_inner_object_is_named_in_full() -> None:
    found = resolved("how many different users are in jobs.jsonl", JOBS, JOB_FIELDS)
    assert found.take is not None
    assert found.take.field == "user.name"


@pytest.mark.parametrize(("said", "where"), [("500 ms", "took_ms>500"), ("2 seconds", "took_ms>2000")])
def test_what_is_slower_than_a_time_is_compared_in_the_unit_of_the_field(said: str, where: str) -> None:
    found = resolved(f"how many jobs slower than {said} are in jobs.jsonl?", JOBS, JOB_FIELDS)
    assert found.where == (where,)


def test_a_comparison_in_an_unknown_unit_is_said() -> None:
    found = resolved("how many lines with rt > 2 s are in a.log?", ("a rt=3", "a rt=1"), ("rt",))
    assert found.where == ("rt>2",)
    assert "whatever its unit is" in found.assumed[0]


def test_a_duration_is_the_only_field_that_holds_one() -> None:
    found = resolved("average duration in jobs.jsonl", JOBS, JOB_FIELDS)
    assert found.take is not None
    assert found.take.field == "took_ms"


def test_who_did_something_is_no_component() -> None:
    assert "no field `who`" in resolved("who bought the most rolls in a.log?", TILL, ("level", "component")).refused
    found = resolved("who wrote the most lines in a.log?", TILL, ("level", "component"))
    assert found.take is not None
    assert found.take.field == "component"


def test_counting_lines_that_hold_amounts_says_so() -> None:
    found = resolved("what is the total number of euros in a.log?", TILL, ("level", "component"))
    assert found.assumed == ("lines were counted; for the numbers that they hold, ask for the sum of `euros`",)


def test_a_measure_is_not_counted_as_lines() -> None:
    assert "sum of a field" in resolved("how many milliseconds were spent in a.log?", TILL).refused
    (reading,) = read_request("how many bytes were sent in web.log?")
    assert (reading.ask, reading.value) == (Ask.SUM, ("bytes",))


def test_a_name_that_the_request_does_not_say_narrows_nothing() -> None:
    lines = ("1 INFO door customer ann left unhappy", "2 INFO door customer ann left unhappy")
    found = resolved("how many customers left unhappy in a.log?", lines)
    assert "ann" not in found.grep


def test_words_of_different_lines_are_not_called_absent() -> None:
    assert (
        resolved("how many lines of ann bob are in a.log", TILL).refused == "no line contains `ann` and `bob` together"
    )


def test_people_are_counted_once_each() -> None:
    lines = ('10.0.0.1 - - "GET / HTTP/1.1" 200', '10.0.0.2 - - "GET / HTTP/1.1" 200')
    found = resolved("how many visitors are in web.log?", lines, ("client", "path"))
    assert (found.reading.ask, found.take and found.take.field) == (Ask.DISTINCT, "client")
