"""A reading resolved against lines and fields: what is said of words and fields that went into nothing."""

from __future__ import annotations

from conjure_magic.models.offline.reading import read_request
from conjure_magic.models.offline.resolve import Resolved, resolve
from conjure_magic.models.offline.sampling import Sample

LINES = Sample(("2026-11-21 13:10:00 ERROR shop.cart: no route to host", "2026-11-21 13:11:00 INFO shop.cart: done"))
FIELDS = ("time", "level", "component", "message")


def resolved(request: str) -> Resolved:
    (reading,) = read_request(request)
    return resolve(reading, LINES, FIELDS)


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
