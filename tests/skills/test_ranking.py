"""Which text fits a request."""

from __future__ import annotations

import pytest

from conjure_magic.skills.ranking import rank, stem, stems


@pytest.mark.parametrize(
    "family",
    [
        "analyse analyze analysis analyses analyser analyzing analysed",
        "error errors",
        "convert converts converted converting converter",
        "plot plotted plotting",
        "summary summaries",
        "fetch fetches fetched fetcher",
        "parse parser parsing parsed",
    ],
)
def test_forms_of_a_word_meet(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


def test_words_without_meaning_are_left_out() -> None:
    assert stems("What is in the log-file of camelCase?") == ["log", "fil", "camel", "cas"]


def test_a_rare_word_weighs_more_than_a_common_one_and_a_title_doubles_it() -> None:
    documents = [("a", "logs and errors"), ("b", "logs and charts"), ("errors", "logs")]
    scores = rank("charts", documents)
    assert scores[1] > 0 == scores[0] == scores[2]
    everywhere, rare = rank("logs", documents)[1], rank("charts", documents)[1]
    assert rare > everywhere
    in_title, in_text = rank("errors", documents)[2], rank("errors", documents)[0]
    assert in_title == 2 * in_text


def test_words_of_any_file_count_less() -> None:
    documents = [("a", "lines"), ("b", "levels")]
    one, two = rank("lines levels", documents)
    assert two > one


def test_nothing_shared_is_nothing() -> None:
    assert rank("the and of", [("a", "the log")]) == [0]
    assert rank("anything", []) == []
