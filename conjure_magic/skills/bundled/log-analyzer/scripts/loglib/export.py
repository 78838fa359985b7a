"""Files beside the answer: the chart, the table of templates, JSON."""

from __future__ import annotations

import csv
import json
from typing import Any, TextIO

from loglib import trends
from loglib.corpus import Corpus
from loglib.options import UsageError


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
