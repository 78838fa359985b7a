"""Files beside the answer: the chart, the table of templates, JSON."""

from __future__ import annotations

import csv
import json
from typing import Any, TextIO

from loglib import trends
from loglib.corpus import Corpus
from loglib.options import UsageError
from loglib.query import Answer


def write_files(corpus: Corpus, summary: dict[str, object], chart: str | None, table: str | None) -> list[str]:
    """Write what was asked for and name what was written.

    Raises:
        UsageError: a path that cannot be written.
    """
    created = []
    if chart:
        from loglib.chart import render_chart

        with _create(chart, "--chart") as stream:
            stream.write(render_chart(summary))
        created.append(chart)
    if table:
        with _create(table, "--csv") as stream:
            _write_templates(corpus, stream)
        created.append(table)
    return created


def write_answer(answer: Answer, about: str, chart: str | None, table: str | None) -> list[str]:
    """Write a query's answer as a chart and as a table, and name what was written.

    Raises:
        UsageError: a path that cannot be written, or a chart of an answer without a time and without groups.
    """
    created = []
    if chart:
        from loglib.bars import render_answer_chart

        text = render_answer_chart(answer, about)
        with _create(chart, "--chart") as stream:
            stream.write(text)
        created.append(chart)
    if table:
        with _create(table, "--save") as stream:
            _write_answer(answer, stream)
        created.append(table)
    return created


def _write_answer(answer: Answer, stream: TextIO) -> None:
    writer = csv.writer(stream)
    if isinstance(answer.value, list):
        rows = answer.value if answer.columns else [[value] for value in answer.value]
        writer.writerow(answer.columns or ("line" if answer.verb == "worded" else "value",))
        writer.writerows(rows)
    else:
        writer.writerow((answer.verb,))
        writer.writerow((answer.value,))


def plain(answer: Answer) -> dict[str, object]:
    """A query's answer as values for JSON."""
    found: dict[str, object] = {"answer": answer.value, "records": answer.records, "first": answer.first}
    if answer.columns:
        found["columns"] = list(answer.columns)
    if answer.total:
        found["total"] = answer.total
    if answer.unit:
        found["unit"] = answer.unit
    if answer.notes:
        found["notes"] = list(answer.notes)
    return found


def print_json(value: Any, stream: TextIO) -> None:
    """One JSON document, readable."""
    json.dump(value, stream, indent=2, ensure_ascii=False)
    stream.write("\n")


def _create(path: str, option: str) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(
            f"{option} {path}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from None


def _write_templates(corpus: Corpus, stream: TextIO) -> None:
    writer = csv.writer(stream)
    writer.writerow(("count", "level", "component", "first_line", "last_line", "template"))
    by_count = sorted(trends.lives(corpus), key=lambda life: (-life.count, life.template))
    for life in by_count:
        writer.writerow(
            (
                life.count,
                corpus.level_names.names[corpus.level[life.first]] or "",
                corpus.components.names[corpus.component[life.first]] or "",
                corpus.where(life.first),
                corpus.where(life.last),
                corpus.templates.texts[life.template],
            )
        )
