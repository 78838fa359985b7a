"""The command line of a query: its options, the question they make, and what is said where it has no answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from loglib import levels, options, query, records
from loglib.corpus import SERVER_ERROR
from loglib.counted import counted
from loglib.coverage import Coverage
from loglib.failures import is_problem
from loglib.layout import Layout
from loglib.options import UsageError
from loglib.query import Answer, Question
from loglib.records import Record
from loglib.source import Source
from loglib.takes import CLOCKS, Part, field_names, part
from loglib.tallies import NUMERIC, where
from loglib.where import conditions

_WORDED = 20  # lines worded as failures that stand in for those of a level


def ask(args: argparse.Namespace, sources: Sequence[Source], layouts: Sequence[Layout], coverage: Coverage) -> Answer:
    """The answer to what was asked for; what was read is noted in `coverage`.

    Raises:
        UsageError: options that do not go together, or a field that no line has.
    """
    check(args)
    question = asked(args, layouts)
    meets, fields = conditions(args.where, layouts)
    keep = options.both(options.both(options.level_test(args.level), options.grep_test(args.grep)), meets)
    fields += [part for part in (*question.keys, *question.values) if part.kind == "field"]

    def read(noted: Coverage | None = None) -> Iterable[Record]:
        return records.read_records(sources, layouts, noted)

    seen = query.Seen()
    found = seen.reading(options.ticking(read(coverage), args.progress), options.span_test(args), keep)
    try:
        answer = query.answer(question, found, seen)
    except UsageError:
        _check_fields(fields, read, layouts)
        raise
    if not seen.passed and args.level and not _has_levels(read()):
        return _without_levels(args, read(), layouts)
    _check_fields(fields, read, layouts)
    return answer


def check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range and options without effect."""
    for name in ("top", "last"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: give a number, 1 or more")
    if args.verb_asked == "ratio" and not (args.level or args.grep or args.where or _values_of(args)):
        raise UsageError(
            "--ratio needs a filter, whose share of all lines is the answer: "
            "add --level, --grep or --where, or --field NAME"
        )


def _values_of(args: argparse.Namespace) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in args.takes if kind != "time"]


def asked(args: argparse.Namespace, layouts: Sequence[Layout]) -> Question:
    """The question that the options make."""
    verb = _verb(args)
    parts = [part(kind, text, layouts) for kind, text in args.takes]
    by = [_group(name.strip(), layouts) for text in args.by for name in text.split(",") if name.strip()]
    times = [part for part in parts if part.kind == "time"]
    others = [part for part in parts if part.kind != "time"]
    grouping = bool(by) or verb == "ratio" or (verb in (*NUMERIC, "distinct") and bool(others))
    question = Question(verb, shares=_shares(args.p), top=args.top, last=args.last, missing=args.missing)
    if not grouping:
        return replace(question, values=tuple(parts), joined=True)
    keys = [*times, *by]
    keys.sort(key=lambda part: part.kind != "time")
    return replace(question, values=tuple(others), keys=tuple(keys))


def _verb(args: argparse.Namespace) -> str:
    if args.p:
        if args.verb_asked:
            raise UsageError(f"--p and --{args.verb_asked} are two answers: ask for one at a time")
        return "p"
    if args.verb_asked is None and args.last is not None and not args.takes and not args.by:
        return "list"
    verb: str = args.verb_asked or "count"
    return verb


def _group(name: str, layouts: Sequence[Layout]) -> Part:
    return part("time", name, layouts) if name in CLOCKS else part("field", name, layouts)


def _shares(texts: Sequence[str]) -> tuple[float, ...]:
    shares = []
    for text in ",".join(texts).split(",") if texts else ():
        try:
            share = float(text.strip().lstrip("pP"))
        except ValueError:
            share = -1.0
        if not 0 <= share <= 100:
            raise UsageError(f"--p {text}: give percentiles from 0 to 100, such as 95 or 50,95,99")
        shares.append(share)
    return tuple(shares)


def _check_fields(fields: Sequence[Part], read: Callable[[], Iterable[Record]], layouts: Sequence[Layout]) -> None:
    """Refuse a field that no line has: or "nothing found" would look like a fact."""
    unseen = [field for field in fields if not field.found]
    for field in unseen:
        if any(field(record) for record in read()):
            continue
        names = field_names(read(), layouts)
        known = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
        raise UsageError(f"no line has a field {field.name}; there are: {known or 'none, use --pattern'}")


def _has_levels(found: Iterable[Record]) -> bool:
    return any(record.level is not None and levels.canonical(record.level) for record in found)


def _without_levels(args: argparse.Namespace, found: Iterable[Record], layouts: Sequence[Layout]) -> Answer:
    """The answer where a level is asked for and no line has one: the lines worded as failures, called that."""
    inside = options.both(options.span_test(args), options.grep_test(args.grep))
    web = layouts[0].kind == "access"
    kept: list[str] = []
    first: dict[str, str] = {}
    total = 0
    for record in found:
        failed = SERVER_ERROR.search(record.message) is not None if web else is_problem(record.message)
        if not failed or (inside is not None and not inside(record)):
            continue
        total += 1
        if len(kept) < (args.top or _WORDED):
            kept.append("\n".join((record.raw, *record.more)))
            first.setdefault(kept[-1], where(record))
    told = "answered with status 5xx" if web else "worded as failures (inferred)"
    note = (
        f"this log has no level column, so --level {args.level} cannot tell; {counted(total, 'line')} {told}"
        + (": they are listed here" if total else "")
        + ("" if web else "; find others with --grep")
    )
    return Answer("worded", kept, total, first, total=total, notes=(note,))


def about(args: argparse.Namespace) -> str:
    """In words: what a query took from which lines."""
    verb = _verb(args)
    if verb == "p":
        verb = "percentile " + ", ".join(f"{share:g}" for share in _shares(args.p))
    what = {"count": "lines", "list": "lines", "ratio": "share of the lines"}.get(verb, verb)
    taken = args.takes if verb not in (*NUMERIC, "ratio", args.p and verb) else _values_of(args) or args.takes
    if taken:
        named = " and ".join(f"{kind} {text}" for kind, text in taken)
        told = {
            "count": "lines for each",
            "distinct": "different values of",
            "list": "values of",
            "ratio": what + " for each",
        }
        what = f"{told.get(verb, verb + ' of')} {named}"
    elif verb == "span":
        what = "seconds between the first and the last line"
    if taken != args.takes:
        what += "".join(f" by {text}" for kind, text in args.takes if kind == "time")
    if args.by:
        what += f" by {', '.join(args.by)}"
    limits = [f"--{name} {getattr(args, name)}" for name in ("level", "grep", "since", "until") if getattr(args, name)]
    limits += [f"--where {text}" for text in args.where]
    return (what + (f", with {' '.join(limits)}" if limits else "")).replace("`", "'")
