"""A query's answer as Markdown: the answer in one line, then the rows with the place of each."""

from __future__ import annotations

from loglib.counted import counted
from loglib.markdown import cell, code, code_cell, raw_table
from loglib.query import Answer

_ROWS = 50
_TIMES = 100  # rows of a series: a day of hours, four of a week


def render_answer(answer: Answer, about: str, created: list[str] | None = None) -> str:
    """Markdown for a person; `about` says in words what was asked of which lines."""
    parts = [_body(answer, about)]
    parts += [f"Note: {note}." for note in answer.notes if answer.verb != "worded"]
    if created:
        parts.append("Created: " + ", ".join(map(code, created)))
    return "\n\n".join(parts) + "\n"


def _body(answer: Answer, about: str) -> str:
    value = answer.value
    if isinstance(value, list) and answer.columns:
        return _tabled(answer, value, about)
    if isinstance(value, list):
        return _listed(answer, value, about)
    if answer.verb == "ratio":
        return f"**{value}%** — {answer.records:,} of {counted(answer.total, 'line')}: {about}."
    places = ", ".join(f"{name} {_short(place)}" for name, place in answer.first.items())
    return f"**{_figure(value, answer.unit)}** — {about}{f' ({places})' if places else ''}."


def _figure(value: object, unit: str) -> str:
    if value is None:
        return "–"
    text = f"{value:,}" if isinstance(value, int) else cell(value)
    return text + ("%" if unit == "%" else f" {unit}" if unit else "")


def _tabled(answer: Answer, rows: list[list[object]], about: str) -> str:
    if not rows:
        return f"Nothing found — {about}."
    limit = _TIMES if answer.series else _ROWS
    shown = [[*(code_cell(str(name)) for name in row[: answer.keys]), *map(_cell, row[answer.keys :]),
              cell(_short(_place(answer, row)))] for row in rows[:limit]]  # fmt: skip
    head = _heads(answer)
    rest = f"\n\n{counted(len(rows) - limit, 'row')} left out; --json or --save PATH.csv gives them all."
    return (
        f"**{_headline(answer, rows)}** — {about}.\n\n"
        + raw_table((*head, "First line"), shown)
        + (rest if len(rows) > limit else "")
    )


def _place(answer: Answer, row: list[object]) -> str:
    return answer.first.get(" ".join(map(str, row[: answer.keys])), "")


def _heads(answer: Answer) -> list[str]:
    if answer.verb == "count" and answer.keys == 1 and len(answer.columns) == 2:
        return ["Value", "Count"]
    return [name.capitalize() if i >= answer.keys else name for i, name in enumerate(answer.columns)]


def _cell(value: object) -> object:
    return "–" if value is None else cell(value)


def _headline(answer: Answer, rows: list[list[object]]) -> str:
    """The first rows; of a series its total and its peak; how many rows there are where not all are here."""

    def told(row: list[object]) -> str:
        name = ", ".join(cell(part) for part in row[: answer.keys])
        figures = ", ".join(_figure(value, answer.unit if i == 0 else "") for i, value in enumerate(row[answer.keys :]))
        if answer.verb == "ratio":
            figures = f"{_figure(row[-3], '%')} ({row[-2]} of {row[-1]})"
        return f"{name}: {figures}"

    if answer.series and answer.columns[0] != "percentile":
        return _peak(answer, rows, told)
    missing = max(answer.total, len(rows)) - 3
    more = f" and {missing} more" if missing > 0 and len(rows) >= 3 else ""
    if len(rows) < 3 and answer.total > len(rows):
        more = f" (of {answer.total})"
    return ", ".join(map(told, rows[:3])) + more


def _peak(answer: Answer, rows: list[list[object]], told: object) -> str:
    figures = [(row[answer.keys], i) for i, row in enumerate(rows)]
    numbers = [(value, -i) for value, i in figures if isinstance(value, (int, float))]
    assert callable(told)
    if not numbers:
        return f"no figure in {len(rows)} rows"
    best = rows[-(min(numbers) if answer.verb == "min" else max(numbers))[1]]
    word = "lowest" if answer.verb == "min" else "most" if answer.verb in ("count", "distinct") else "highest"
    cut = (
        f", {len(rows)} of {answer.total} rows" if answer.total > len(rows) else f", {len(rows)} rows in order of time"
    )
    return f"{word} {told(best)}{cut if len(rows) > 1 else ''}"


def _listed(answer: Answer, values: list[str], about: str) -> str:
    if answer.verb == "worded":
        head = f"**No levels**: {answer.notes[0]}."
    elif not values:
        return f"Nothing found — {about}."
    else:
        cut = max(answer.total, len(values)) > len(values)
        head = f"**{len(values):,}{f' of {answer.total:,}' if cut else ''}** — {about}."
    lines = [
        f"- {code(value.split(chr(10))[0], 400)} ({_short(answer.first.get(value, ''))})" for value in values[:_ROWS]
    ]
    rest = f"\n\n{len(values) - _ROWS} more are left out; --json or --save PATH.csv gives them all."
    return head + ("\n\n" + "\n".join(lines) if lines else "") + (rest if len(values) > _ROWS else "")


def _short(place: str) -> str:
    return "line " + place.rsplit(":", 1)[-1] if place else ""
