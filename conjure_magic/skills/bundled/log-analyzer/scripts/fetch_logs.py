#!/usr/bin/env python3
"""Fetches log records over HTTP or HTTPS and prints them as JSON or as lines."""

from __future__ import annotations

from collections.abc import Sequence

from loglib import options


def main(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code is 0, 1 when the server cannot answer, 2 for wrong use."""
    parser = options.Parser(prog="fetch_logs.py", description=__doc__)
    parser.add_argument("url", metavar="URL", help="http:// or https:// address of the log")
    parser.add_argument("--limit", metavar="N", type=int, default=100, help="how many records to ask for (100)")
    parser.add_argument("--level", metavar="L", help="which level to ask for, such as ERROR")
    parser.add_argument("--lines", action="store_true", help="print one record a line instead of pretty JSON")
    parser.add_argument("--output", metavar="PATH", help="write to this file instead of standard output")
    parser.add_argument("--timeout", metavar="S", type=float, default=30.0, help="seconds for the whole answer (30)")
    parser.add_argument(
        "--max-bytes", metavar="N", type=int, default=50_000_000, help="largest answer taken (50000000)"
    )
    args = parser.parse_args(arguments)
    for name, value in (("--limit", args.limit), ("--timeout", args.timeout), ("--max-bytes", args.max_bytes)):
        if value <= 0:
            raise options.UsageError(f"{name} {value}: give a number above 0")

    from loglib import fetch

    return fetch.run(args)


if __name__ == "__main__":
    options.run(main)
