"""Answers from what a script printed as JSON: the figure first, then the table in its natural order."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conjure_magic.models.offline import answer as say
from conjure_magic.models.offline.compose import PAGE, Composed, unit_for
from conjure_magic.models.offline.reading.value import NUMERIC, Ask
from conjure_magic.models.offline.resolved import Resolved
from conjure_magic.models.offline.sampling import Sample

TABLE_ROWS = 60
"""Rows of a table that are shown."""
_MOMENT = re.compile(
    r"\d{4}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d:\d\d|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d|"
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?: \d{4})?|"
    r"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d\d[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d|^\d{6} "
    r"\d{6}\b|\d\d-\d\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d"
)


@dataclass(frozen=True)
class Result:
    """An answer as the script gave it."""

    answer: Any
    records: int | None
    first: dict[str, str]
    notes: tuple[str, ...] = ()
    """What the script says of its answer, such as how much of a file it could read."""

    @property
    def rows(self) -> list[tuple[tuple[str, ...], float]]:
        """(names, number) of an answer of several parts."""
        rows = self.answer if isinstance(self.answer, list) else []
        numbered = (row for row in rows if isinstance(row, list) and len(row) > 1 and isinstance(row[-1], int | float))
        return [(tuple(_text(cell) for cell in row[:-1]), row[-1]) for row in numbered]


def read_result(output: str) -> Result | None:
    """The answer in a script's JSON; None for other output."""
    start = output.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(output[start:]) if start >= 0 else (None, 0)
    except ValueError:
        return None
    if not isinstance(found, dict) or "answer" not in found:
        return None
    first = found.get("first")
    records = found.get("records")
    coverage = found.get("coverage")
    told = [*_list(found.get("notes")), coverage.get("warning") if isinstance(coverage, dict) else None]
    return Result(
        found["answer"],
        records if isinstance(records, int) else None,
        first if isinstance(first, dict) else {},
        tuple(str(note) for note in told if note),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def render(found: Resolved, composed: Composed, result: Result, paths: Sequence[str], sample: Sample) -> str:
    """The answer to one reading as Markdown."""
    reading = found.reading
    scope = _scope(found, paths)
    lines = _lines_named(found)
    if undone := _undone_option(composed, result):
        return f"I cannot answer this as it was asked: {say.plain(undone)}.{_instead(result)}"
    match reading.ask:
        case Ask.LINES:
            body = _listing(found, result, lines, scope)
        case Ask.FIRST | Ask.LAST:
            body = _moment(found, result, lines, scope)
        case Ask.SPAN:
            body = f"**{number(result.answer)} seconds** from the first to the last of the {lines}{scope}."
        case Ask.DISTINCT if not isinstance(result.answer, list):
            what = (
                f"different {say.plain(found.take.label)}" if found.take is not None else f"different {reading.unit}s"
            )
            body = f"**{number(result.answer)} {what}**{_of(found, lines)}{scope}."
        case Ask.RATIO if not isinstance(result.answer, list):
            body = f"**{number(result.answer)} %** of the lines{scope} are {lines}."
        case _ if reading.ask in NUMERIC and not isinstance(result.answer, list):
            body = (
                f"**{number(result.answer)}{_measure(found)}** is the {_numeric_name(found)}{_of(found, lines)}{scope}."
            )
        case Ask.COUNT if not isinstance(result.answer, list):
            body = f"**{number(result.answer)} {lines}**{scope}."
        case _ if not isinstance(result.answer, list):
            return f"I cannot answer this: the script gave {say.code(str(result.answer))} where a table was expected."
        case _:
            body = _table(found, result, lines, scope, sample)
    if result.notes:
        body += f"\n\nThe script notes: {'; '.join(map(say.plain, result.notes))}."
    return "\n\n".join(part for part in (body, _made(found, composed, lines, sample)) if part)


def _undone_option(composed: Composed, result: Result) -> str:
    """What the script says about an option that it could not follow; empty if it followed all."""
    options = {word for word in composed.command.split() if word.startswith("--")}
    notes = (note for note in result.notes if re.search(r"\b(?:cannot|can not|could not)\b", note))
    return next((note for note in notes if options & set(re.findall(r"--[a-z][\w-]*", note))), "")


def _instead(result: Result) -> str:
    """What the script printed instead of an answer."""
    texts = [_text(row) for row in _list(result.answer)][:PAGE]
    return (
        "\n\n" + "\n".join(f"- {say.code(_first_line(text))}{_where(result, text)}" for text in texts) if texts else ""
    )


# ---- words for what was counted


def _lines_named(found: Resolved) -> str:
    """What the lines are: "lines at ERROR or worse with `slow query`"."""
    reading = found.reading
    words = ["lines"]
    single = reading.ask is Ask.BREAKDOWN and reading.value == ("level",) and len(reading.levels) > 1
    if reading.levels and not single:
        words.append(f"at {' or '.join(reading.levels)}{' or worse' if reading.or_worse else ''}")
    if reading.weight:
        words.append(f"(a line with {say.code(reading.weight)} counts N)")
    if found.text:
        words.append(f"with {found.text}")
    if found.where:
        words.append("with " + " and ".join(say.code(condition) for condition in found.where))
    return " ".join(words)


def _of(found: Resolved, lines: str) -> str:
    return f", of the {lines}" if lines != "lines" else ""


def _scope(found: Resolved, paths: Sequence[str]) -> str:
    reading = found.reading
    names = " and ".join(say.code(posixpath.basename(path)) for path in paths[:3]) + (
        f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    )
    text = f" in {names}" if names else ""
    if reading.until == "+":
        return f"{text}, at {reading.since}"
    text += f", from {reading.since}" if reading.since else ""
    return text + (f", before {reading.until}" if reading.until else "")


def _measure(found: Resolved) -> str:
    """The unit of a number, where the place that it was taken from tells it."""
    take = found.take
    if take is None:
        return ""
    if re.search(r"(?:_|\b)ms$|\(\?=(?:\\s\*)?ms", take.field or take.pattern):
        return " ms"
    if re.search(r"\(\?=(?:\\s\*)?(?:s|secs?|seconds)\\b", take.pattern):
        return " s"
    return ""


def _numeric_name(found: Resolved) -> str:
    reading = found.reading
    names = {Ask.MAX: "largest", Ask.MIN: "smallest", Ask.MEAN: "mean", Ask.SUM: "sum of"}
    label = say.code(found.take.label) if found.take is not None and found.take.label else "value"
    if reading.ask is Ask.PERCENTILE:
        return (
            f"{reading.percentiles[0]}th percentile of {label}"
            if reading.percentiles != ("50",)
            else f"median of {label}"
        )
    return f"{names[reading.ask]} {label}"


def number(value: Any) -> str:
    """A number as people write it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return say.plain(str(value))
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0")


def _text(cell: Any) -> str:
    if isinstance(cell, list):
        return " ".join(map(str, cell))
    return "(none)" if cell is None else str(cell)


# ---- tables and lists


def _table(found: Resolved, result: Result, lines: str, scope: str, sample: Sample) -> str:
    reading = found.reading
    rows = result.rows
    ranked = reading.ask is Ask.RANK
    if reading.ask is Ask.COMPARE:
        wanted = {name.lower() for name in reading.names}
        rows = [row for row in rows if row[0][0].lower() in wanted]
        missing = [name for name in reading.names if name.lower() not in {row[0][0].lower() for row in rows}]
        rows += [((name,), 0) for name in missing]
    if reading.ask is Ask.BREAKDOWN and reading.value == ("level",) and len(reading.levels) > 1:
        rows = [row for row in rows if _level(row[0][0]) in reading.levels]
    if ranked:
        rows = sorted((row for row in rows if row[1]), key=lambda row: row[1], reverse=not reading.least)
    if not rows:
        return f"No {lines}{scope} {'have a value for ' + say.code(found.take.label) if found.take else 'were found'}."
    heads = _heads(found, len(rows[0][0]), sample)
    measure = (
        "lines" if reading.ask not in NUMERIC and reading.ask not in (Ask.RATIO, Ask.DISTINCT) else str(reading.ask)
    )
    headline = _headline(found, rows, lines, scope, heads, measure)
    shown = _page(found, rows)
    table = [f"| {' | '.join((*heads, measure))} |", f"|{' --- |' * (len(heads) + 1)}"]
    table += [f"| {' | '.join(_cell(name) for name in names)} | {number(value)} |" for names, value in shown]
    left = len(rows) - len(shown)
    more = f"\n\n{left} more are not shown." if left > 0 and not (ranked and reading.limit == 1) else ""
    if ranked and reading.limit == 1 and len(shown) == 1:
        return headline
    return f"{headline}\n\n" + "\n".join(table) + more


def _page(found: Resolved, rows: list[Any]) -> list[Any]:
    reading = found.reading
    limit = reading.limit or (PAGE if reading.ask is Ask.RANK else TABLE_ROWS)
    if reading.ask is Ask.RANK and not reading.skip and 0 < limit < len(rows):
        tied = [row for row in rows[limit : limit + 20] if row[1] == rows[limit - 1][1]]
        return rows[:limit] if not tied or limit > 1 else rows[: limit + len(tied)]
    return rows[reading.skip : reading.skip + limit]


def _headline(found: Resolved, rows: list[Any], lines: str, scope: str, heads: Sequence[str], measure: str) -> str:
    reading = found.reading
    if reading.ask in (Ask.RANK, Ask.COMPARE) or (len(rows) <= 4 and not reading.unit):
        limit, more = reading.limit or 3, ""
        shown = rows[reading.skip : reading.skip + limit] if reading.ask is Ask.RANK else rows
        if reading.ask is Ask.RANK and limit == 1:
            tied = [row for row in rows if row[1] == rows[0][1]]
            shown = tied if len(tied) <= 3 else tied[:1]
            more = f" and {len(tied) - 1} others with as many" if len(tied) > 3 else ""
        unit = f" {measure}" if len(shown) == 1 else ""
        parts = ", ".join(f"{say.plain(', '.join(names))}: {number(value)}{unit}" for names, value in shown[:10])
        what = f"{_numeric_name(found)}, " if reading.ask in NUMERIC else ""
        kind = f" ({what}{lines}{scope}, by {' and '.join(heads)})"
        return f"**{parts}**{more}{kind}"
    total = sum(value for _, value in rows)
    if reading.ask is Ask.VALUES:
        return f"**{len(rows)} different {say.plain(heads[0])}**{_of(found, lines)}{scope}:"
    span = f", {say.plain(rows[0][0][0])} to {say.plain(rows[-1][0][0])}" if reading.unit and len(rows) > 1 else ""
    if reading.ask in NUMERIC:
        name = _numeric_name(found)
        return f"{name[:1].upper()}{name[1:]} per {' and '.join(heads)}{_of(found, lines)}{scope}{span}:"
    if measure != "lines":
        return f"{measure.capitalize()} per {' and '.join(heads)}{_of(found, lines)}{scope}{span}:"
    return f"**{number(total)} {lines}**{scope}{span}, per {' and '.join(heads)}:"


def _heads(found: Resolved, width: int, sample: Sample) -> list[str]:
    reading = found.reading
    heads = [unit_for(reading, sample)] if reading.unit else []
    heads += [say.plain(found.take.label)] if found.take is not None and reading.ask not in NUMERIC else []
    heads += list(found.groups)
    return (heads + ["value"] * width)[:width]


def _level(name: str) -> str:
    low = name.upper()
    return {"WARNING": "WARN", "ERR": "ERROR", "W": "WARN", "E": "ERROR", "I": "INFO", "D": "DEBUG", "F": "FATAL"}.get(
        low, low
    )


def _cell(text: str) -> str:
    return say.code(text).replace("|", "\\|")


def _listing(found: Resolved, result: Result, lines: str, scope: str) -> str:
    reading = found.reading
    texts = [_text(row) for row in result.answer] if isinstance(result.answer, list) else []
    texts = texts[reading.skip :] if not reading.from_end else texts[: len(texts) - reading.skip]
    shown = texts[: reading.limit or TABLE_ROWS]
    which = ""
    if reading.limit:
        which = f"the {'last' if reading.from_end else 'next' if reading.skip else 'first'} "
    if not shown:
        return f"No {'more ' if reading.skip else ''}{lines}{scope}."
    total = f" of {result.records:,}" if result.records and result.records > len(shown) else ""
    head = f"**{len(shown)}{total} {lines}**{scope}{', ' + which.strip() if which else ''}:"
    items = [f"- {say.code(_first_line(text))}{_where(result, text)}" for text in shown]
    return head + "\n\n" + "\n".join(items)


def _first_line(text: str) -> str:
    line = text.split("\n")[0]
    return line if len(line) <= 400 else f"{line[:400]} …"


def _where(result: Result, text: str) -> str:
    place = str(result.first.get(text, ""))
    line = place.rpartition(":")[2]
    return f" (line {line})" if line.isdigit() else ""


def _moment(found: Resolved, result: Result, lines: str, scope: str) -> str:
    which = "first" if found.reading.ask is Ask.FIRST else "last"
    texts = [_text(row) for row in result.answer] if isinstance(result.answer, list) else []
    if not texts:
        return f"There are no {lines}{scope}."
    moment = _MOMENT.search(texts[0])
    singular = lines.replace("lines", "line", 1)
    head = (
        f"**{say.plain(moment[0])}** is the time of the {which} {singular}{scope}:"
        if moment
        else f"The {which} {singular}{scope}:"
    )
    return f"{head}\n\n- {say.code(_first_line(texts[0]))}{_where(result, texts[0])}"


def _made(found: Resolved, composed: Composed, lines: str, sample: Sample) -> str:
    """The files that were written, by name."""
    said = []
    for save, name in composed.made:
        per = (
            f" per {unit_for(found.reading, sample)}"
            if found.reading.unit
            else f" per {say.plain(' and '.join(found.groups) or found.take.label)}"
            if found.take
            else ""
        )
        what = f"{_numeric_name(found)}, {lines}" if found.reading.ask in NUMERIC else lines
        kind = "The chart" if save.kind == "chart" else "The table" if save.kind == "csv" else "The file"
        said.append(f"{kind} ({what}{per}) is {say.code(name)}.")
    return " ".join(said)
