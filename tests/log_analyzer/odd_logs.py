"""How made-up systems write their lines: kinds of values, heads of lines, and the drawing of both.

In a message, `{kind}` is a value of that kind; everything else is wording. Lines are drawn with a fixed seed.
"""

# ruff: noqa: E501 - a table with one kind of value a line

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Head = Callable[[random.Random, datetime, str, str], tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """One line and what is true of it: `time` is ISO without a year where the log writes none."""

    text: str
    template: int
    level: str | None
    time: str
    message: str


@dataclass(frozen=True)
class OddLog:
    """A system: its messages as (weight, level, component, text) and how its lines begin."""

    name: str
    has_level: bool
    head: Head
    messages: tuple[tuple[int, str, str, str], ...]
    year: bool = True
    seconds: float = 3.0

    def lines(self, count: int = 2000, seed: int = 7) -> list[Line]:
        """`count` lines in time order."""
        random_ = random.Random(f"{self.name}{seed}")
        return list(self._draw(random_, count))

    def _draw(self, rng: random.Random, count: int) -> Iterator[Line]:
        now = datetime(2023, 11, 4, 8, 5, 3, 41_000)
        weights = [message[0] for message in self.messages]
        for _ in range(count):
            now += timedelta(seconds=round(rng.expovariate(1 / self.seconds), 3))
            number = rng.choices(range(len(self.messages)), weights)[0]
            _, level, component, text = self.messages[number]
            message = fill(rng, text)
            head, iso = self.head(rng, now, level, component)
            written = level if self.has_level else None
            yield Line(head + message, number, written, iso if self.year else iso[5:], message)


def fill(rng: random.Random, text: str) -> str:
    """The text with every `{kind}` replaced by a value of that kind."""
    return re.sub(r"\{(\w+)\}", lambda match: KINDS[match[1]](rng), text)


def _words(rng: random.Random, words: str) -> str:
    return rng.choice(words.split())


USERS = "anouk bela chidi dario emeka freya goran hana ilse jorge kenji lucia mirek nadia omar priya quentin rosa"
PROGRAMS = "kettle.app loomd tallyho.app kestrel.bin burrow.app gannet-helper.bin"
PHRASES = ("Blue Heron", "Night Shift", "Dock Seven", "main", "Harbour Pilot Assist", "tide table")
KINDS: dict[str, Callable[[random.Random], str]] = {
    "int": lambda r: str(r.randrange(1, 99999)),
    "small": lambda r: str(r.randrange(0, 9)),
    "neg": lambda r: str(r.randrange(-500, 500)),
    "dec": lambda r: f"{r.uniform(0, 99):.{r.randrange(1, 4)}f}",
    "pct": lambda r: f"{r.randrange(0, 101)}%",
    "hex": lambda r: f"0x{r.getrandbits(32):08x}",
    "short_hex": lambda r: f"{r.getrandbits(28):x}",
    "uuid": lambda r: "-".join(f"{r.getrandbits(4 * n):0{n}x}" for n in (8, 4, 4, 4, 12)),
    "ip": lambda r: ".".join(str(r.randrange(1, 255)) for _ in range(4)),
    "port": lambda r: f"{KINDS['ip'](r)}:{r.randrange(1024, 65535)}",
    "host": lambda r: f"{_words(r, 'quay mole jetty wharf')}{r.randrange(1, 40)}.{_words(r, 'north south')}.example.net",
    "site": lambda r: (
        f"{_words(r, 'maps mail cdn news static img api')}.{_words(r, 'gull tern plover curlew knot')}"
        f".example.{_words(r, 'com net org')}:{_words(r, '80 443 8080')}"
    ),
    "user": lambda r: _words(r, USERS),
    "path": lambda r: "/" + "/".join(_words(r, "srv var data spool cargo bay old log new tmp") for _ in range(r.randrange(2, 5))),
    "file": lambda r: f"{_words(r, 'manifest ledger roster berth tide')}.{_words(r, 'xml cfg dat')}",
    "winpath": lambda r: "C:\\" + "\\".join(_words(r, "Cargo Winch System Stage Temp Bay") for _ in range(r.randrange(2, 5))),
    "class": lambda r: f"net.example.{_words(r, 'dock crane tide pilot')}.{_words(r, 'Winch Buoy Lamp Rope')}{_words(r, 'Task Loader View Event')}",
    "object": lambda r: f"{_words(r, 'Winch Lamp Rope')}Record{{{r.getrandbits(28):x} u{r.randrange(2)} {KINDS['class'](r)} t{r.randrange(99)}}}",
    "flag": lambda r: _words(r, "true false"),
    "phrase": lambda r: r.choice(PHRASES),
    "program": lambda r: _words(r, PROGRAMS),
    "size": lambda r: f"{r.uniform(0, 900):.1f} {_words(r, 'B KB MB GB')}",
    "span": lambda r: r.choice(("<1 sec", f"{r.randrange(60):02d}:{r.randrange(60):02d}", f"{r.randrange(9):02d}:{r.randrange(60):02d}:{r.randrange(60):02d}")),
    "node": lambda r: f"B{r.randrange(40):02d}-C{r.randrange(2)}-K{r.randrange(16)}-{_words(r, 'P S')}:Q{r.randrange(20):02d}-V{r.randrange(12):02d}",
    "device": lambda r: f"{_words(r, 'eth wlan disk tty')}{r.randrange(8)}",
    "version": lambda r: f"{r.randrange(9)}.{r.randrange(20)}.{r.randrange(9999)}",
    "list": lambda r: " ".join(f"slot-{r.randrange(500)}" for _ in range(r.randrange(1, 9))),
    "commas": lambda r: ", ".join(str(r.randrange(500)) for _ in range(r.randrange(1, 7))),
    "date": lambda r: f"{_words(r, 'Mon Tue Wed')} {_words(r, 'Jan Mar Oct')} {r.randrange(1, 28):2d} {r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d} 2023",
    "action": lambda r: "net.example.cue." + _words(r, "CURTAIN_RISE CURTAIN_FALL HOUSE_LIGHTS"),
    "daemon": lambda r: _words(r, "tided lampd windd moord"),
    "team": lambda r: _words(r, "north south"),
    "quiet_user": lambda r: _words(r, "anouk bela chidi"),
    "b64": lambda r: "".join(r.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") for _ in range(22)) + "==",
    "pair": lambda r: f"{r.randrange(40)}/{r.randrange(40)}",
    "fans": lambda r: " ".join(r.choice((str(r.randrange(3000, 4000)), "****")) if r.random() < 0.1 else str(r.randrange(3000, 4000)) for _ in range(5)),
    "onoff": lambda r: f"( {_words(r, 'on off')} {_words(r, 'on on off')} )",
    "bytes": lambda r: " ".join(f"{r.getrandbits(8):02x}" for _ in range(8)),
    "nested": lambda r: f"Crate{{{r.getrandbits(20):x} id={r.randrange(99)} Lid{{open={_words(r, 'true false')} Hinge{{{r.getrandbits(16):x}}}}}}}",
    "maybe_object": lambda r: r.choice(("null", f"Source{{{r.randrange(9999)}}}")),
    "stacks": lambda r: " ".join(f"@0x{r.getrandbits(40):x}" for _ in range(r.randrange(3, 8))),
    "title": lambda r: r.choice(("Fog ahead", "Ebb", "Spring tide at noon", "Gale: stay in", "Calm sea", "Ice on deck 4")),
    "mail_id": lambda r: "".join(r.choice("ABCDEF0123456789") for _ in range(10)),
    "sendmail_id": lambda r: "jA" + "".join(r.choice("ABCDEFGHIJKLMNOPQRSTUVabcdefghij0123456789") for _ in range(6)) + f"{r.randrange(999999):06d}",
    "mac": lambda r: ":".join(f"{r.getrandbits(8):02x}" for _ in range(6)),
    "query": lambda r: f"/{_words(r, 'berth crane')}/{r.randrange(99)}?since={r.randrange(9999)}&by={_words(r, USERS)}",
}  # fmt: skip


def _iso(now: datetime, keep: str = "microseconds") -> str:
    text = now.isoformat(timespec="microseconds")
    return text if keep == "microseconds" and now.microsecond else text[:19]


def pipes_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    clock = f"{now.hour}:{now.minute}:{now.second}:{now.microsecond // 1000}"
    return f"{component}|{now:%Y%m%d}|{clock}|{7000 + len(component)}|", _iso(now)


def racks_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    mark = "." if rng.random() < 0.9 else _words(rng, "HEAT DOOR MILL")
    return f"{mark} {now:%Y.%m.%d_%H.%M.%S}.{now.microsecond:06d} {KINDS['node'](rng)} BAKE {component} {level} ", _iso(
        now
    )


def brackets_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    program = _words(rng, PROGRAMS) + rng.choice(("", "", " (old)"))
    return f"({now:%m/%d %H:%M:%S}) {program} => ", _iso(now, "s")


def columns_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    return f"{now:%Y-%m-%d %H.%M.%S}; {level.capitalize():<14}{component:<9}", _iso(now, "s")


def states_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    epoch = int(now.replace(tzinfo=UTC).timestamp())
    return f"{component} oven-{rng.randrange(200)} {epoch} {rng.randrange(100, 99999)} {rng.randrange(2)} ", _iso(
        now, "s"
    )


def threads_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    first = rng.randrange(900, 30000)
    clock = f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} {now:%d-%m-%Y}"
    return f"{clock} {first} {first + rng.randrange(40)} {level} {component}: ", _iso(now)


def desk_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    sub = f" ({component}.{rng.randrange(999)})" if rng.random() < 0.05 else ""
    host = _words(rng, "lectern lectern lectern gallery-10-105")
    return f"{now:%b} {now.day:2d} {now:%H:%M:%S} {host} {component}[{rng.randrange(1, 30000)}]{sub}: ", _iso(now, "s")


def cluster_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    node = f"{_words(rng, 'fern moss reed')}{rng.randrange(900)}"
    epoch = int(now.replace(tzinfo=UTC).timestamp()) + 5 * 3600
    number = f"[{rng.randrange(30000)}]" if component != "valve" else ""
    return f"{now:%Y/%m/%d} {epoch} <{now:%b} {now.day} {now:%H:%M:%S}> house:{node} {component}{number}: ", _iso(
        now, "s"
    )


def american_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    clock = f"{now.month}/{now.day}/{now.year} {now.hour % 12 or 12}:{now:%M:%S} {now:%p}"
    return f"{clock};{level};{component};", _iso(now, "s")


def glued_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    return f"{level[0]}{now:%m%d %H:%M:%S.%f} {rng.randrange(1, 99999):7d} {component}.go:{rng.randrange(900)}] ", _iso(
        now
    )


def braces_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    return (
        f"<{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}> {{{level}}} (pool {rng.randrange(4)}, lane {rng.randrange(9)}) {component} >> ",
        _iso(now),
    )


def late_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    return f"{level.lower():<8} {component} [{now:%d/%b/%Y:%H:%M:%S} +0000] ", _iso(now, "s") + "+00:00"


def uptime_head(rng: random.Random, now: datetime, level: str, component: str) -> tuple[str, str]:
    since = (now - datetime(2023, 11, 4, 8)).total_seconds()
    return f"[{since:12.6f}] ", f"PT{since:.6f}".rstrip("0").rstrip(".") + "S"
