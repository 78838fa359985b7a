#!/usr/bin/env python3
"""Turns log lines into records: JSON lines or CSV with time, level, component, host, pid, message and template."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from loglib import options


def main(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code is 0, or 2 for wrong use."""
    parser = options.Parser(prog="parse_logs.py", description=__doc__)
    parser.add_argument("files", metavar="FILE", nargs="+", help="log files; - is standard input")
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="what to print (jsonl)")
    parser.add_argument("--limit", metavar="N", type=int, help="print at most N records")
    parser.add_argument("--describe", action="store_true", help="print how the log is read, and nothing else")
    options.add_filters(parser)
    args = parser.parse_args(arguments)
    if args.limit is not None and args.limit < 1:
        raise options.UsageError(f"--limit {args.limit}: give a number of records, 1 or more")
    return _parse(args)


def _parse(args: argparse.Namespace) -> int:
    from loglib import corpus, coverage, emit, export, records, source, web

    sources = source.open_sources(args.files)
    layouts = corpus.load_layouts(sources, options.layout_pattern(args))
    if args.describe:
        export.print_json([layout.describe() for layout in layouts], sys.stdout)
        return 0
    read = coverage.Coverage()
    found = filter(options.record_filter(args), records.read_records(sources, layouts, read))
    names = web.FIELDS if any(layout.requests for layout in layouts) else ()
    rows = emit.CsvRows(names) if args.format == "csv" else emit.JsonLines(names)
    emit.write_records(
        options.ticking(found, args.progress), rows, sys.stdout, args.limit, web=layouts[0].kind == "access"
    )
    if read.warning() or sys.stderr.isatty():
        print("note:", read.sentence(), read.warning(), file=sys.stderr)
    return 0


if __name__ == "__main__":
    options.run(main)
