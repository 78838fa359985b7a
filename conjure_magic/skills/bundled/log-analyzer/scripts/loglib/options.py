"""What the command lines share: one-line errors, filters, times, progress."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from loglib import levels
from loglib.counted import counted
from loglib.records import Record
from loglib.timetext import read_time


class UsageError(Exception):
    """Wrong usage; the message is one line that says what to do."""


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
    """A test of one record for the given filters, None if there are none."""
    return both(both(level_test(args.level), grep_test(args.grep)), span_test(args))


def both(
    one: Callable[[Record], bool] | None, other: Callable[[Record], bool] | None
) -> Callable[[Record], bool] | None:
    """A test that both tests pass; None if there is none."""
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
        UsageError: it is not one.
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
        UsageError: it is not one, or names no group that a layout has.
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
    """The test of --since and --until; times without a zone are compared with times as the log writes them."""
    if not args.since and not args.until:
        return None
    since, until = _bound("--since", args.since), _bound("--until", args.until)

    def inside(record: Record) -> bool:
        if record.epoch is None:
            return False
        if since is not None and record.epoch < since(record):
            return False
        return until is None or record.epoch < until(record)

    return inside


def _bound(option: str, text: str | None) -> Callable[[Record], float] | None:
    """A limit for a record: a bare clock time means that time on the record's own day."""
    if not text:
        return None
    moment = parse_time(option, text)
    if _is_clock(text):
        return lambda record: _day_of(record) + moment % 86400 - zone_offset(record.time)
    if _has_zone(text):
        return lambda _: moment
    return lambda record: moment - zone_offset(record.time)


def _day_of(record: Record) -> float:
    """The beginning of a record's day, as the log writes it."""
    written = (record.epoch or 0.0) + zone_offset(record.time)
    return written - written % 86400


def _is_clock(text: str) -> bool:
    return ":" in text and not any(mark in text for mark in "-/T") and len(text) <= 8


def _has_zone(text: str) -> bool:
    return re.search(r":\d\d(?:\.\d+)?\s?(?:Z|[+-]\d\d:?\d\d)\Z", text) is not None


def zone_offset(iso: str | None) -> float:
    """Seconds to add to a time's epoch so that it is shown as the log writes it."""
    if not iso or len(iso) < 25 or iso[-6] not in "+-" or iso[-3] != ":":
        return 0.0
    sign = -1 if iso[-6] == "-" else 1
    return sign * (int(iso[-5:-3]) * 3600.0 + int(iso[-2:]) * 60.0)


def check_span(args: argparse.Namespace, records: Iterable[Record]) -> None:
    """Called where the filters leave nothing.

    Raises:
        UsageError: --since or --until lies outside of the log, whose span is named.
    """
    if not args.since and not args.until:
        return
    first, last = _span_of(records)
    for option, text, near, is_outside in (
        ("--since", args.since, last, last.__lt__),
        ("--until", args.until, first, first.__ge__),
    ):
        moment = parse_time(option, text) if text else 0.0
        if text and is_outside(near - near % 86400 + moment % 86400 if _is_clock(text) else moment):
            raise UsageError(f"{option} {text}: outside of this log, which spans {_shown(first)} to {_shown(last)}")


def _span_of(records: Iterable[Record]) -> tuple[float, float]:
    times = [record.epoch + zone_offset(record.time) for record in records if record.epoch is not None]
    if not times:
        raise UsageError("--since, --until and --around need times, and no line of this log has one")
    return min(times), max(times)


def _shown(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def moment_within(option: str, text: str, records: Iterable[Record]) -> float:
    """Epoch seconds of a moment within a log; a bare clock time is on the log's day.

    Raises:
        UsageError: it is no time, is outside of the log, or a clock time that several of the log's days have.
    """
    moment = parse_time(option, text)
    kept = [(record.epoch, zone_offset(record.time)) for record in records if record.epoch is not None]
    if not kept:
        raise UsageError(f"{option} {text}: no line of this log has a time")
    offset = 0.0 if _has_zone(text) else kept[0][1]
    first, last = min(epoch for epoch, _ in kept) + offset, max(epoch for epoch, _ in kept) + offset
    if _is_clock(text):
        days = range(int(first // 86400), int(last // 86400) + 1)
        times = [day * 86400 + moment % 86400 for day in days]
        inside = [time for time in times if first <= time <= last]
        if len(inside) > 1:
            raise UsageError(
                f"{option} {text}: {len(inside)} days of this log have that time ({_shown(first)} to {_shown(last)}): "
                "give the date, too"
            )
        moment = inside[0] if inside else times[0]
    if not first <= moment <= last:
        raise UsageError(f"{option} {text}: outside of this log, which spans {_shown(first)} to {_shown(last)}")
    return moment - offset


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
            print(f"{verb} {counted(count, 'record')}, {elapsed:.0f} s", file=sys.stderr)

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
