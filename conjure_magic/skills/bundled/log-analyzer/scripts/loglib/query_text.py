"""A query's answer as Markdown: the answer in one line, then the rows with the place of each."""

from __future__ import annotations

from loglib.markdown import cell, code, code_cell, raw_table
from loglib.query import Answer

_ROWS = 50


def render_answer(answer: Answer, about: str) -> str:
    """Markdown for a person; `about` says in words what was asked of which lines."""
    value = answer.value
    if isinstance(value, list) and answer.verb == "list":
        return _listed(answer, value, about)
    if isinstance(value, list):
        return _ranked(answer, value, about)
    places = (
        ", ".join(f"{name} {_short(place)}" for name, place in answer.first.items())
        if answer.verb != "distinct"
        else ""
    )
    return (
        f"**{value:,}** — {about}{f' ({places})' if places else ''}.\n"
        if isinstance(value, int)
        else (f"**{value}** — {about}{f' ({places})' if places else ''}.\n")
    )


def _ranked(answer: Answer, pairs: list[list[object]], about: str) -> str:
    if not pairs:
        return f"Nothing found — {about}.\n"
    head = ", ".join(f"{cell(name)}: {count}" for name, count in pairs[:3])
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    rows = [
        (code_cell(str(name)), count, cell(_short(answer.first.get(str(name), "")))) for name, count in pairs[:_ROWS]
    ]
    rest = (
        f"\n\n{len(pairs) - _ROWS} further values are left out; --json prints them all." if len(pairs) > _ROWS else ""
    )
    return f"**{head}{more}** — {about}.\n\n" + raw_table(("Value", "Count", "First line"), rows) + rest + "\n"


def _listed(answer: Answer, values: list[str], about: str) -> str:
    if not values:
        return f"Nothing found — {about}.\n"
    lines = [
        f"- {code(value.splitlines()[0], 400)} ({_short(answer.first.get(value, ''))})" for value in values[:_ROWS]
    ]
    rest = f"\n\n{len(values) - _ROWS} more are left out; --json prints them all." if len(values) > _ROWS else ""
    return f"**{len(values)}** — {about}.\n\n" + "\n".join(lines) + rest + "\n"


def _short(place: str) -> str:
    return "line " + place.rsplit(":", 1)[-1] if place else ""
