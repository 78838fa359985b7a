"""The summary as Markdown that leads with what matters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loglib.counted import counted
from loglib.evidence import Evidence

_ROWS = 8
_REST = 260  # bytes kept for a word on what was left out
_MARKS = re.compile(r"[\\`*\[\]<>~|&]|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word marks nothing
Plain = Mapping[str, Any]


def render_summary(summary: Plain, evidence: Evidence, created: Sequence[str] = (), budget: int = 4096) -> str:
    """A headline, the evidence, then the counts, in at most `budget` bytes; `created` names files written beside it.

    Where a runner says that a build failed, the evidence may take all room; else half of it, and tables the rest.
    """
    head = [_headline(summary), summary["coverage"]["warning"], _facts(summary), summary["read"]]
    tables = [_problems(summary), _bursts(summary), _levels(summary)]
    tables += [_fields(summary["fields"])]
    tables += _requests(summary["requests"])
    tables += [_names("Components", summary["components"]), _names("Hosts", summary["hosts"])]
    tables += [_templates(summary), _changes(summary), _around(summary), _clock(summary)]
    tables += [_names("Addresses in messages", summary["top_addresses"])]
    parts = _fitting([part for part in head if part], budget - size(_files(created)) - _REST)
    left = budget - sum(map(size, (*parts, _files(created)))) - _REST
    shown = _evidence(summary, evidence, left if evidence.verdicts else left // 2)
    parts += [shown] if shown else []
    parts += _within([part for part in tables if part], left - size(shown))
    parts += [_files(created)] if created else []
    return "\n\n".join(parts) + "\n"


def size(text: str) -> int:
    """The bytes of a part, the break before it included."""
    return len(text.encode()) + 2 if text else 0


def _fitting(parts: Sequence[str], budget: int) -> list[str]:
    """As many of the parts as fit, the first one whatever it needs, cut if must be."""
    kept = [parts[0].encode()[: max(budget, 200)].decode(errors="ignore")]
    for part in parts[1:]:
        if sum(map(size, kept)) + size(part) <= budget:
            kept.append(part)
    return kept


def _evidence(summary: Plain, evidence: Evidence, budget: int) -> str:
    """The lines that tell what went wrong, as they are written, in the order of the log."""
    several = len(summary["files"]) > 1
    room = budget - 120
    lines = evidence.pick(room, len(_short(summary["files"][0])) + 1 if several else 0)
    if not lines:
        return ""
    written = [
        f"{_short(line.file)}:{line.number}: {line.text}" if several else f"{line.number}: {line.text}"
        for line in lines
    ]
    fence = "`" * max(3, _longer_than_any("\n".join(written)))
    return (
        f"## Evidence ({counted(len(lines), 'line')} as written)\n\n{fence}text\n" + "\n".join(written) + f"\n{fence}"
    )


def _within(tables: Sequence[str], budget: int) -> list[str]:
    """The tables that fit, rows cut from the one that does not, and a word on what was left out."""
    kept: list[str] = []
    left_out: list[str] = []
    for part in tables:
        room = budget - sum(map(size, kept))
        if size(part) <= room:
            kept.append(part)
            continue
        title = part.split("\n")[0].lstrip("# ")
        lines = part.split("\n")
        while len(lines) > 6 and size("\n".join(lines)) > room:
            lines.pop()
        if size("\n".join(lines)) <= room and len(lines) < part.count("\n") + 1 and len(lines) > 6:
            kept.append("\n".join(lines))
            title += f" ({part.count(chr(10)) + 1 - len(lines)} rows)"
        left_out.append(title[:40])
    if left_out:
        kept.append(f"Left out to fit: {', '.join(left_out)}. More with --budget 16k; all with --json.")
        while size(kept[-1]) > _REST - 10:
            left_out.pop()
            kept[-1] = f"Left out to fit: {', '.join(left_out)} and more. More with --budget 16k; all with --json."
    return kept


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cells are escaped."""
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell(value) for value in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def cell(value: object) -> str:
    """A value as plain text on one line, in a table cell or outside of one: nothing in it is Markdown."""
    text = "" if value is None else str(value)
    text = "".join(c if c.isprintable() else "\ufffd" for c in text.replace("\n", " ").replace("\t", " "))
    return _MARKS.sub(r"\\\g<0>", text)


def code(text: str, limit: int = 160) -> str:
    """Log text as inline code, cut to `limit` characters."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    short = "".join(c if c.isprintable() else "\ufffd" for c in short)
    if not short.strip():
        return f"`{short or ' '}`"
    fence = "`" * _longer_than_any(short)
    return f"{fence} {short} {fence}" if len(fence) > 1 else f"`{short}`"


def _longer_than_any(text: str) -> int:
    """How many backticks open code that no run of them in the text can close."""
    return 1 + max(map(len, re.findall("`+", text)), default=0)


def code_cell(text: str, limit: int = 120) -> str:
    """Inline code inside a table: a pipe would end the cell there."""
    return code(text, limit).replace("|", "\\|")


def _headline(summary: Plain) -> str:
    name = ", ".join(cell(_short(file)) for file in summary["files"][:3]) or "the log"
    more = f" and {len(summary['files']) - 3} more" if len(summary["files"]) > 3 else ""
    return f"**{name}{more}: {summary['health']}** — {'; '.join(map(cell, summary['health_reasons']))}."


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _facts(summary: Plain) -> str:
    time = summary["time"]
    facts = [f"{counted(summary['lines'], 'line')}, {counted(summary['records'], 'record')}"]
    if time["first"]:
        facts.append(f"{time['first']} to {time['last']}")
    first = summary["format"][0]
    how = (
        f"time {code(first['time'])}"
        if first["time"]
        else "named fields"
        if first["kind"] in ("json", "logfmt", "table")
        else "no time"
    )
    facts.append(f"format {first['kind']} ({how}; fits {first['share']:.1%} of a sample)")
    return " · ".join(facts)


def _problems(summary: Plain) -> str:
    if not summary["problems"]:
        return ""
    basis = {"level": "", "status": ", by HTTP status", "wording": ", inferred from wording"}[summary["problem_basis"]]
    rows = [
        (p["count"], cell(p["level"]), _message(p), cell(p["first"]), cell(", ".join(p["evidence"][:3])))
        for p in summary["problems"][:_ROWS]
    ]
    return f"## What goes wrong{basis}\n\n" + raw_table(("Count", "Level", "Message", "First", "Lines"), rows)


def _message(problem: Plain) -> str:
    trace = f", ending {code_cell(problem['trace_ends'])}" if problem["trace_ends"] else ""
    return code_cell(problem["template"]) + trace


def raw_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells are already Markdown; empty columns are left out."""
    kept = list(rows)
    used = [i for i in range(len(head)) if any(row[i] not in (None, "") for row in kept)]
    lines = [" | ".join(head[i] for i in used), " | ".join("---" for _ in used)]
    lines += [" | ".join("" if row[i] is None else str(row[i]) for i in used) for row in kept]
    return "\n".join(f"| {line} |" for line in lines)


def _bursts(summary: Plain) -> str:
    step = _span(summary["series"]["bucket_seconds"]) if summary["series"] else ""
    lines = [
        f"- {b['from']} to {b['to']}: **{b['count']} {b['kind']}** (usual {b['usual_per_bucket']:g} in {step}), "
        f"mostly {code(b['template'], 100)} ({b['template_count']}, from line {cell(b['evidence'][0])})"
        for b in summary["bursts"]
    ]
    return "## Bursts\n\n" + "\n".join(lines) if lines else ""


def _requests(requests: Plain | None) -> list[str]:
    """Two tables: requests per endpoint and over time, with the share of each status class and latency."""
    if not requests:
        return []
    classes = list(requests["all"]["shares"])
    unit = f" ({requests['unit']})" if requests["unit"] else ""
    head = ["Requests", *(f"{name} %" for name in classes), f"Median{unit}", f"p95{unit}"]

    def row(group: Plain) -> list[object]:
        return [group["count"], *(group["shares"].get(name, 0) for name in classes), group["median"], group["p95"]]

    everything = ["all", *row(requests["all"])]
    per = [everything, *([code_cell(group["name"]), *row(group)] for group in requests["endpoints"])]
    parts = ["## Requests per endpoint\n\n" + raw_table(["Endpoint", *head], per)]
    times = [[group["name"], *row(group)] for group in requests["over_time"]]
    return [*parts, "## Requests over time\n\n" + raw_table(["From", *head], times)] if times else parts


def _levels(summary: Plain) -> str:
    if not summary["levels"]:
        return "No level column: nothing here is read as a level from the words of a message."
    rows = [(level["written"], level["count"]) for level in summary["levels"]]
    return "## Lines per level\n\n" + table(("Level", "Lines"), rows)


def _names(title: str, names: Sequence[Plain]) -> str:
    if len(names) < 2:
        return ""
    return f"## {title}\n\n" + table(("Name", "Lines"), [(n["name"], n["count"]) for n in names[:_ROWS]])


def _fields(fields: Sequence[Plain]) -> str:
    """What the named fields of records are, and how many of the records are failures by level or status."""
    rows = [(code_cell(field["field"], 60), field["records"], _values(field)) for field in fields[:_ROWS]]
    if not rows:
        return ""
    return "## Fields by value\n\n" + raw_table(("Field", "Records", "Values: records (of them failed)"), rows)


def _values(field: Plain) -> str:
    shown = field["values"]
    parts = [
        f"{code_cell(value['value'], 40)}: {value['count']}" + (f" ({value['failed']})" if value["failed"] else "")
        for value in shown
    ]
    more = field["distinct"] - len(shown)
    return ", ".join(parts) + (f" and {more} more" if more else "")


def _templates(summary: Plain) -> str:
    rows = [(t["count"], code_cell(t["template"])) for t in summary["templates"][:_ROWS]]
    title = f"## Most frequent messages (of {counted(summary['template_count'], 'template')})"
    return title + "\n\n" + raw_table(("Count", "Template"), rows) if rows else ""


def _changes(summary: Plain) -> str:
    lines = [
        f"- new: {code(life['template'], 100)} ({life['count']}), first at {life['at']}, "
        f"line {cell(life['evidence'][0])}"
        for life in summary["first_seen"]
    ]
    lines += [
        f"- vanished: {code(life['template'], 100)} ({life['count']}), last at {life['at']}, "
        f"line {cell(life['evidence'][0])}"
        for life in summary["vanished"]
    ]
    return "## What changed on the way\n\n" + "\n".join(lines) if lines else ""


def _around(summary: Plain) -> str:
    around = summary["around"]
    if not around:
        return ""
    rows = [(c["before"], c["after"], code_cell(c["template"])) for c in around["changes"]]
    return f"## Before and after {around['time']}\n\n" + raw_table(("Before", "After", "Template"), rows)


def _clock(summary: Plain) -> str:
    lines = [
        f"- gap of {_span(step['seconds'])} before {step['at']} (line {cell(step['evidence'][0])})"
        for step in summary["gaps"]
    ]
    lines += [
        f"- clock back by {_span(-step['seconds'])} at line {cell(step['evidence'][0])}"
        for step in summary["clock_jumps"][:3]
    ]
    back = summary["time"]["steps_back"]
    if back > 3:
        lines.append(f"- {back} records in all are earlier than the one before")
    return "## Gaps and clock\n\n" + "\n".join(lines) if lines else ""


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:g} s"


def _files(created: Sequence[str]) -> str:
    return "Created: " + ", ".join(map(code, created)) if created else ""
