#!/usr/bin/env python3
"""Answers questions about logs: `summary` for everything at a glance, `query` for one figure or list."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from loglib import options


def main(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code is 0, or 2 for wrong use."""
    parser = options.Parser(prog="analyze.py", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="{summary,query}", parser_class=options.Parser)
    _summary_options(verbs.add_parser("summary", help="health, problems, bursts, counts; Markdown or JSON"))
    _query_options(verbs.add_parser("query", help="one figure or list: filter, take a value, count, rank, add up"))
    args = parser.parse_args(arguments)
    if args.verb is None:
        raise options.UsageError("name a verb: analyze.py summary FILE, or analyze.py query FILE")
    return _summary(args) if args.verb == "summary" else _query(args)


def _summary_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="log files; - is standard input")
    parser.add_argument("--chart", metavar="PATH.svg", help="write time lines of all records and of problems")
    parser.add_argument("--csv", metavar="PATH", help="write every template with count, level and first line")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    parser.add_argument(
        "--budget",
        metavar="BYTES",
        default="4k",
        help="limit the output to this size, such as 16k (default 4k); evidence comes first",
    )
    parser.add_argument("--around", metavar="TIME", help="compare the messages before and after this time")
    options.add_filters(parser)


def _summary(args: argparse.Namespace) -> int:
    from loglib import corpus, export, markdown, records, source, summary

    sources = source.open_sources(args.files)
    budget = options.parse_size("--budget", args.budget)
    keep = options.record_filter(args)
    layouts = corpus.load_layouts(sources, options.layout_pattern(args))
    around = None
    if args.around:
        around = options.moment_within("--around", args.around, records.read_records(sources, layouts))
    log = corpus.load_corpus(sources, layouts, keep, options.progress(args.progress, "read"))
    if not len(log):
        options.check_span(args, records.read_records(sources, layouts))
    found = summary.summarise(log, around, [source.name for source in sources])
    created = export.write_files(log, found, args.chart, args.csv)
    if args.json:
        export.print_json({**found, "evidence": summary.evidence_lines(log)}, sys.stdout)
    else:
        sys.stdout.write(markdown.render_summary(found, log.evidence, created, budget))
    return 0


class _Take(argparse.Action):
    """Keeps --field, --pattern and --time in the order in which they were given."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        namespace.takes = [*namespace.takes, ((option or "").lstrip("-"), str(values))]


def _query_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(takes=[], verb_asked=None)
    parser.add_argument("files", metavar="FILE", nargs="+", help="log files; - is standard input")
    parser.add_argument(
        "--field", metavar="NAME", action=_Take, help="take level, component, host, pid, …, or NAME=… in the text"
    )
    parser.add_argument(
        "--pattern", metavar="PATTERN", action=_Take, help="take each match of this regular expression, or its groups"
    )
    parser.add_argument(
        "--time", metavar="UNIT", action=_Take, help="take the time by second, minute, hour, day, … or %%H:%%M"
    )
    parser.add_argument(
        "--by", metavar="NAME", action="append", default=[], help="group the answer by these fields: NAME[,NAME]"
    )
    parser.add_argument("--missing", metavar="VALUE", help="the value of a line in which nothing is found")
    parser.add_argument(
        "--where", metavar="NAME=VALUE", action="append", default=[],
        help="only lines whose field compares so: = != > >= < <= ~ (contains); 5xx stands for a class",
    )  # fmt: skip
    parser.add_argument(
        "--p", metavar="N", action="append", default=[], help="percentiles of the value, such as 95 or 50,95"
    )
    verbs = parser.add_mutually_exclusive_group()
    for name, text in (
        ("count", "count lines or, of a value taken, each value (the default)"),
        ("distinct", "how many different values"),
        ("list", "each different value once, or the lines themselves"),
        ("sum", "add the values up"),
        ("max", "the largest value"),
        ("min", "the smallest value"),
        ("mean", "the mean value"),
        ("ratio", "the share of the lines that pass the filters, in per cent"),
        ("span", "seconds between the first and the last line"),
    ):
        verbs.add_argument(f"--{name}", dest="verb_asked", action="store_const", const=name, help=text)
    parser.add_argument("--top", metavar="N", type=int, help="only the N most frequent values, or the first N lines")
    parser.add_argument("--last", metavar="N", type=int, help="only the last N lines or rows")
    parser.add_argument("--chart", metavar="PATH.svg", help="write a chart of the answer, over time or over groups")
    parser.add_argument("--save", metavar="PATH.csv", help="write the answer as a CSV table")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    options.add_filters(parser)


def _query(args: argparse.Namespace) -> int:
    from loglib import asking, corpus, coverage, export, query_text, records, source

    sources = source.open_sources(args.files)
    read = coverage.Coverage()
    layouts = corpus.load_layouts(sources, options.layout_pattern(args))
    answer = asking.ask(args, sources, layouts, read)
    if not answer.records:
        options.check_span(args, records.read_records(sources, layouts))
    about = asking.about(args)
    created = export.write_answer(answer, about, args.chart, args.save)
    if args.json:
        export.print_json({**export.plain(answer), "coverage": read.as_plain()}, sys.stdout)
    else:
        sys.stdout.write(query_text.render_answer(answer, about, created))
        sys.stdout.write("\n" + " ".join(filter(None, (read.sentence(), read.warning()))) + "\n")
    return 0


if __name__ == "__main__":
    options.run(main)
