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
    args = parser.parse_args(arguments)
    if args.verb is None:
        raise options.UsageError("name a verb: analyze.py summary FILE, or analyze.py query FILE")
    return _summary(args)


def _summary_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="log files; - is standard input")
    parser.add_argument("--chart", metavar="PATH.svg", help="write time lines of all records and of problems")
    parser.add_argument("--csv", metavar="PATH", help="write every template with count, level and first line")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    parser.add_argument("--around", metavar="TIME", help="compare the messages before and after this time")
    options.add_filters(parser)


def _summary(args: argparse.Namespace) -> int:
    from loglib import corpus, export, markdown, source, summary

    sources = source.open_sources(args.files)
    around = options.parse_time("--around", args.around) if args.around else None
    keep = options.record_filter(args)
    layouts = corpus.load_layouts(sources)
    log = corpus.load_corpus(sources, layouts, keep, options.progress(args.progress, "read"))
    found = summary.summarise(log, around)
    created = export.write_files(log, found, args.chart, args.csv)
    if args.json:
        export.print_json(found, sys.stdout)
    else:
        sys.stdout.write(markdown.render_summary(found, created))
    return 0


if __name__ == "__main__":
    options.run(main)
