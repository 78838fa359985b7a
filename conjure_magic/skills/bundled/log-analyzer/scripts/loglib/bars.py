"""A query's answer as an SVG chart: bars over time, a panel a group, or bars over groups."""

from __future__ import annotations

from collections.abc import Sequence

from loglib import svg
from loglib.options import UsageError
from loglib.query import Answer

_PANELS = 6
_GROUPS = 25
_COLOURS = ("#2f6fab", "#c0392b", "#2e8b57", "#8e5ea2", "#b8860b", "#5f6b76")
_ROW = 24
Value = int | float


def render_answer_chart(answer: Answer, about: str) -> str:
    """An SVG document of an answer's rows.

    Raises:
        UsageError: the answer is one figure or a list, which no chart shows.
    """
    rows = answer.value if isinstance(answer.value, list) and answer.columns[answer.keys :] else None
    if rows is None:
        raise UsageError("--chart needs figures over time or over groups: add --time hour, --by NAME or --field NAME")
    if answer.series and answer.columns[0] != "percentile":
        return _over_time(answer, rows, about)
    return _over_groups(answer, rows, about)


def _figures(answer: Answer) -> list[int]:
    """The places of the cells that are drawn: of a ratio the per cent only."""
    places = list(range(answer.keys, len(answer.columns)))
    return places[:1] if answer.verb == "ratio" else places


def _over_time(answer: Answer, rows: Sequence[Sequence[object]], about: str) -> str:
    time = 0
    labels = list(dict.fromkeys(str(row[time]) for row in rows))
    place = {label: i for i, label in enumerate(labels)}
    series: dict[str, list[Value]] = {}
    for row in rows:
        group = ", ".join(map(str, row[1 : answer.keys]))
        for figure in _figures(answer):
            head = answer.columns[figure]
            name = f"{group} {head}".strip() if group and len(_figures(answer)) > 1 else group or head
            series.setdefault(name, [0] * len(labels))[place[str(row[time])]] = _number(row[figure])
    kept = sorted(series, key=lambda name: -sum(series[name]))[:_PANELS]
    left = f" The {len(kept)} largest of {len(series)} groups." if len(series) > len(kept) else ""
    body: list[str] = []
    top = svg.TOP
    for name, colour in zip(kept, _COLOURS, strict=False):
        body += svg.panel(top, name, series[name], colour, labels)
        top += svg.PANEL + svg.GAP
    body += [svg.text(svg.LEFT, top - 30, labels[0] if labels else ""),
             svg.text(svg.WIDTH - svg.RIGHT, top - 30, labels[-1] if labels else "", anchor="end")]  # fmt: skip
    told = [
        f"{name}: highest {max(series[name]):g} at {labels[series[name].index(max(series[name]))]}" for name in kept
    ]
    return svg.document(_title(about), f"{'; '.join(told) or 'No rows'}.{left}", body, top)


def _over_groups(answer: Answer, rows: Sequence[Sequence[object]], about: str) -> str:
    kept = rows[:_GROUPS]
    figure = _figures(answer)[-1]
    values = [_number(row[figure]) for row in kept]
    most = max([*values, 0]) or 1
    body: list[str] = []
    for i, (row, value) in enumerate(zip(kept, values, strict=True)):
        name = ", ".join(map(str, row[: answer.keys]))
        y = svg.TOP + i * _ROW
        width = max(value, 0) / most * (svg.WIDTH - 330)
        shown = name if len(name) <= 36 else name[:35] + "…"
        body.append(svg.text(240, y + 14, shown, anchor="end"))
        body.append(
            f'<rect x="250" y="{y}" width="{max(width, 0.5):.1f}" height="{_ROW - 6}" fill="{_COLOURS[0]}">'
            f"<title>{svg.escaped(f'{name}: {value:g}')}</title></rect>"
        )
        body.append(svg.text(256 + width, y + 14, f"{value:,g}"))
    left = f" The first {len(kept)} of {max(answer.total, len(rows))} rows." if len(rows) > len(kept) else ""
    told = "; ".join(
        f"{', '.join(map(str, row[: answer.keys]))}: {value:g}" for row, value in zip(kept, values, strict=True)
    )
    head = f"{answer.columns[figure]}{f' ({answer.unit})' if answer.unit else ''}"
    return svg.document(
        f"{_title(about)}: {head}", f"{told or 'No rows'}.{left}", body, svg.TOP + len(kept) * _ROW + 20
    )


def _title(about: str) -> str:
    return about[:1].upper() + about[1:] if len(about) <= 100 else about[:99] + "…"


def _number(value: object) -> Value:
    return value if isinstance(value, (int, float)) else 0
