"""What the command lines share: one-line errors, filters, times, progress."""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NoReturn

from loglib import levels
from loglib.keyed import read_time
from loglib.records import Record


class UsageError(Exception):
    """Wrong use; the text is one line that says what to do."""


class Parser(argparse.ArgumentParser):
    """An argument parser that answers wrong use with one line and exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def run(main: Callable[[Sequence[str]], int]) -> None:
    """Run a command line: wrong use and unreadable files end in one line and exit 2, a closed pipe in silence."""
    from loglib.source import SourceError

    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except (UsageError, SourceError) as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The filters that every reading command takes."""
    parser.add_argument("--since", metavar="TIME", help="from this time on, such as 2024-05-01T12:00 or 12:00")
    parser.add_argument("--until", metavar="TIME", help="up to this time, itself left out")
    parser.add_argument(
        "--level", metavar="L", help="only these levels: WARN, ERROR,FATAL, or WARN+ for WARN and worse"
    )
    parser.add_argument("--grep", metavar="PATTERN", help="only lines in which this regular expression is found")
    parser.add_argument(
        "--layout", metavar="PATTERN", help="read lines by this regular expression instead of learning one"
    )
    parser.add_argument("--progress", action="store_true", help="report progress on stderr even if it is no terminal")


def record_filter(args: argparse.Namespace) -> Callable[[Record], bool] | None:
    """A test of one record for the given filters, None where there are none."""
    return both(both(level_test(args.level), grep_test(args.grep)), span_test(args))


def both(
    one: Callable[[Record], bool] | None, other: Callable[[Record], bool] | None
) -> Callable[[Record], bool] | None:
    """A test that both tests pass; None where there is none."""
    if one is None or other is None:
        return one or other
    return lambda record: one(record) and other(record)


def level_test(text: str | None) -> Callable[[Record], bool] | None:
    """The test of --level.

    Raises:
        UsageError: a word that is no level.
    """
    if not text:
        return None
    wanted: set[str] = set()
    for part in text.split(","):
        name = levels.canonical(part.strip().rstrip("+"))
        if name is None:
            raise UsageError(
                f"--level {part}: not a level; use one of {', '.join(levels.ORDER)}, or WARN+ for WARN and worse"
            )
        wanted.update(levels.ORDER[levels.RANK[name] :] if part.strip().endswith("+") else (name,))
    return lambda record: record.level is not None and levels.canonical(record.level) in wanted


def grep_test(text: str | None) -> Callable[[Record], bool] | None:
    """The test of --grep, over all lines of a record."""
    if not text:
        return None
    search = compile_pattern("--grep", text).search
    return lambda record: search(record.raw) is not None or any(search(line) for line in record.more)


def compile_pattern(option: str, text: str) -> re.Pattern[str]:
    """The regular expression of an option.

    Raises:
        UsageError: it is none.
    """

    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(
            f"{option} {text}: not a regular expression ({error}); escape ( ) [ ] . * + ? with \\"
        ) from None


def layout_pattern(args: argparse.Namespace) -> re.Pattern[str] | None:
    """The pattern of --layout, None where a layout is to be learnt.

    Raises:
        UsageError: it is none, or names no group that a layout has.
    """
    if not args.layout:
        return None
    pattern = compile_pattern("--layout", args.layout)
    if not set(pattern.groupindex) & {"ts", "level", "component", "host", "pid", "message"}:
        raise UsageError(
            f"--layout {args.layout}: names no column; write (?P<ts>…), and level, component, host, pid or message"
        )
    return pattern


def span_test(args: argparse.Namespace) -> Callable[[Record], bool] | None:
    """The test of --since and --until."""
    if not args.since and not args.until:
        return None
    since, until = _bound("--since", args.since), _bound("--until", args.until)

    def inside(record: Record) -> bool:
        if record.epoch is None:
            return False
        low = since(record.epoch) if since else -math.inf
        high = until(record.epoch) if until else math.inf
        return low <= record.epoch < high

    return inside


def _bound(option: str, text: str | None) -> Callable[[float], float] | None:
    """A limit as a function of a record's time: a bare clock time means that time on the record's own day."""
    if not text:
        return None
    moment = parse_time(option, text)
    if ":" in text and not any(mark in text for mark in "-/T") and len(text) <= 8:
        return lambda epoch: epoch - epoch % 86400 + moment % 86400
    return lambda _: moment


def parse_time(option: str, text: str) -> float:
    """Epoch seconds of a time given on the command line.

    Raises:
        UsageError: it is no time.
    """
    if len(text) == 10 and text[4] == "-":
        text += " 00:00:00"
    if text.count(":") == 1:
        text += ":00"
    moment = read_time(text, datetime.now())
    if moment is None:
        raise UsageError(f"{option} {text}: not a time; write it like 2024-05-01T12:00:00, 2024-05-01 or 12:00")
    return moment.epoch


def parse_size(option: str, text: str) -> int:
    """Bytes from a size such as 4096, 16k or 1M.

    Raises:
        UsageError: it is no size, or too small for a headline.
    """
    match = re.fullmatch(r"(\d{1,9})\s?([kKmM]?)[bB]?", text.strip())
    size = int(match[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[match[2].lower()] if match else 0
    if size < 500:
        raise UsageError(f"{option} {text}: give a number of bytes, 500 or more, such as 4096 or 16k")
    return size


def progress(asked: bool, verb: str) -> Callable[[int], None] | None:
    """A ticker on stderr that speaks after two seconds, only for a terminal or when asked."""
    if not asked and not sys.stderr.isatty():
        return None
    began = time.monotonic()
    spoken = [0.0]

    def tick(count: int) -> None:
        elapsed = time.monotonic() - began
        if elapsed - spoken[0] > (2.0 if not asked else 0.5):
            spoken[0] = elapsed
            print(f"{verb} {count:,} records, {elapsed:.0f} s", file=sys.stderr)

    return tick


def ticking(records: Iterable[Record], asked: bool) -> Iterable[Record]:
    """The same records, with progress on stderr where it is wanted."""
    tick = progress(asked, "read")
    return records if tick is None else _ticking(records, tick)


def _ticking(records: Iterable[Record], tick: Callable[[int], None]) -> Iterator[Record]:
    for number, record in enumerate(records):
        if not number & 0x3FFF:
            tick(number)
        yield record
