"""The summary of a log as plain values: what a person should know first, with line numbers as evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from loglib import health, levels, trends
from loglib.corpus import Corpus
from loglib.moments import iso

TOP = 10
_EVIDENCE = 5
_EVIDENCE_BYTES = 64_000
Plain = dict[str, object]


def summarise(corpus: Corpus, around: float | None = None, sources: Sequence[str] = ()) -> Plain:
    """Everything that `analyze.py summary --json` prints; `sources` names the files of an empty log."""
    bad, basis = health.bad_rows(corpus)
    series = trends.series(corpus, bad)
    bursts = trends.bursts(corpus, series, bad) if series else []
    error_bursts = sum(1 for burst in bursts if burst.kind == "errors")
    state = _with_verdicts(corpus, health.judge(corpus, bad, basis, error_bursts))
    gaps, jumps, steps_back = trends.steps(corpus)
    lives = trends.lives(corpus)
    return {
        "health": state.state,
        "health_rule": health.RULE,
        "health_reasons": list(state.reasons),
        "problem_basis": state.basis,
        "files": [name for name in corpus.files.names if name] or list(sources),
        "lines": corpus.lines,
        "records": len(corpus),
        "coverage": corpus.coverage.as_plain(),
        "read": corpus.coverage.sentence(),
        "unparsed": corpus.unparsed,
        "unparsed_evidence": corpus.unparsed_lines,
        "format": [layout.describe() for layout in corpus.layouts],
        "time": _time(corpus, steps_back),
        "levels": _levels(corpus),
        "components": _names(corpus.component, corpus.components.names),
        "hosts": _names(corpus.host, corpus.hosts.names),
        "fields": corpus.values.as_plain(len(corpus)),
        "templates": [_template(corpus, number) for number in _order(corpus)],
        "template_count": len(corpus.templates.texts),
        "problems": _problems(corpus, bad),
        "bursts": [_burst(corpus, burst) for burst in bursts],
        "series": _series(series),
        "first_seen": [_life(corpus, life, life.first) for life in trends.appeared(lives)],
        "vanished": [_life(corpus, life, life.last) for life in trends.vanished(lives)],
        "requests": corpus.requests.as_plain() if corpus.requests else None,
        "around": _around(corpus, around),
        "gaps": [_step(corpus, step) for step in gaps],
        "clock_jumps": [_step(corpus, step) for step in jumps],
        "top_addresses": _top(Counter(corpus.addresses)),
    }


def _with_verdicts(corpus: Corpus, state: health.Health) -> health.Health:
    """A step of a build that failed is critical, however few lines tell of it."""
    verdicts = corpus.evidence.verdicts
    if not verdicts or state.basis == "level":
        return state
    file, number = verdicts[-1]
    place = f"line {number}" if len(corpus.files.names) <= 2 else f"{file}:{number}"
    count = f"{len(verdicts)} steps" if len(verdicts) > 1 else "a step"
    reasons = [f"{count} of a build failed by the runner's own verdict (last: {place})"]
    if state.bad:
        reasons += state.reasons
    return replace(state, state="critical", reasons=tuple(reasons))


def evidence_lines(corpus: Corpus) -> list[Plain]:
    """The lines of evidence, as many as a large budget takes."""
    return [
        {"file": line.file, "line": line.number, "text": line.text} for line in corpus.evidence.pick(_EVIDENCE_BYTES)
    ]


def _time(corpus: Corpus, steps_back: int) -> Plain:
    times = [value for value in corpus.epoch if value == value]
    if not times:
        return {"records_with_time": 0, "first": None, "last": None, "steps_back": 0}
    return {
        "records_with_time": len(times),
        "first": iso(min(times)),
        "last": iso(max(times)),
        "seconds": round(max(times) - min(times), 3),
        "steps_back": steps_back,
    }


def _levels(corpus: Corpus) -> list[Plain]:
    counts = Counter(corpus.level)
    rows = []
    for number, count in counts.items():
        written = corpus.level_names.names[number]
        if written is not None:
            rows.append((levels.canonical(written), written, count))
    rows.sort(key=lambda row: -levels.RANK.get(row[0] or "", -1))
    return [{"level": name, "written": written, "count": count} for name, written, count in rows]


def _names(column: Sequence[int], names: Sequence[str | None]) -> list[Plain]:
    counts = Counter(column)
    named = Counter({name: counts[number] for number, name in enumerate(names) if name is not None})
    return _top(named)


def _top(counts: Counter[str]) -> list[Plain]:
    best = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
    return [{"name": name, "count": count} for name, count in best]


def _order(corpus: Corpus) -> range:
    return range(len(corpus.templates.texts))


def _evidence(corpus: Corpus, rows: Sequence[int]) -> list[str]:
    return [corpus.where(row) for row in rows[:_EVIDENCE]]


def _template(corpus: Corpus, number: int) -> Plain:
    return {
        "id": number + 1,
        "template": corpus.templates.texts[number],
        "count": corpus.templates.counts[number],
    }


def _problems(corpus: Corpus, bad: Sequence[bool]) -> list[Plain]:
    """Templates of the bad records, most frequent first, with level, first and last place."""
    rows: dict[int, list[int]] = {}
    for row, is_bad in enumerate(bad):
        if is_bad:
            rows.setdefault(corpus.template[row], []).append(row)
    best = sorted(rows.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:TOP]
    return [
        {
            "template": corpus.templates.texts[number],
            "id": number + 1,
            "count": len(members),
            "level": corpus.level_names.names[corpus.level[members[0]]],
            "component": corpus.components.names[corpus.component[members[0]]],
            "first": _when(corpus, members[0]),
            "last": _when(corpus, members[-1]),
            "trace_ends": corpus.traces.get(number),
            "evidence": _evidence(corpus, members),
        }
        for number, members in best
    ]


def _when(corpus: Corpus, row: int) -> str | None:
    value = corpus.epoch[row]
    return iso(value) if value == value else None


def _burst(corpus: Corpus, burst: trends.Burst) -> Plain:
    return {
        "kind": burst.kind,
        "from": iso(burst.start),
        "to": iso(burst.end),
        "count": burst.count,
        "usual_per_bucket": round(burst.usual, 2),
        "template": corpus.templates.texts[burst.template],
        "template_count": burst.template_count,
        "evidence": [corpus.where(burst.first_row)],
    }


def _series(series: trends.Series | None) -> Plain | None:
    if series is None:
        return None
    return {"from": iso(series.start), "bucket_seconds": series.width, "all": series.all, "errors": series.bad}


def _life(corpus: Corpus, life: trends.Life, row: int) -> Plain:
    return {
        "template": corpus.templates.texts[life.template],
        "count": life.count,
        "at": _when(corpus, row),
        "evidence": [corpus.where(row)],
    }


def _step(corpus: Corpus, step: trends.Step) -> Plain:
    return {"seconds": step.seconds, "at": _when(corpus, step.row), "evidence": [corpus.where(step.row)]}


def _around(corpus: Corpus, moment: float | None) -> Plain | None:
    """Template counts before and after a time, those that changed most first."""
    if moment is None:
        return None
    moment += corpus.zone
    before: Counter[int] = Counter()
    after: Counter[int] = Counter()
    for row, value in enumerate(corpus.epoch):
        if value == value:
            (before if value < moment else after)[corpus.template[row]] += 1
    all_before, all_after = sum(before.values()) or 1, sum(after.values()) or 1

    def change(number: int) -> float:
        return abs(after[number] / all_after - before[number] / all_before)

    changed = sorted(before | after, key=lambda number: (-change(number), number))[:TOP]
    texts = corpus.templates.texts
    return {
        "time": iso(moment),
        "records_before": sum(before.values()),
        "records_after": sum(after.values()),
        "changes": [{"template": texts[n], "before": before[n], "after": after[n]} for n in changed],
    }
