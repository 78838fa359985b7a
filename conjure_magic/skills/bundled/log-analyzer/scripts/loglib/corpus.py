"""A whole log as columns: one compact row for each record, templates learnt on the way."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from loglib import levels
from loglib.layout import Layout
from loglib.learn import learn
from loglib.records import Record, read_records
from loglib.source import Source, sample_lines
from loglib.templates import TemplateMiner, Templates

ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
SERVER_ERROR = re.compile(r'" 5\d\d ')
NO_TIME = math.nan


class Names:
    """Numbers for names: 0 is "none", the others count from 1 in order of appearance."""

    def __init__(self) -> None:
        self.number: dict[str | None, int] = {None: 0}
        self.names: list[str | None] = [None]

    def __call__(self, name: str | None) -> int:
        known = self.number.get(name)
        if known is None:
            known = self.number[name] = len(self.names)
            self.names.append(name)
        return known


@dataclass
class Corpus:
    """All records of a log.

    Columns have one entry a record; levels, components, hosts and files are numbers into their `Names`,
    `group` is a number for `templates.of_group`, `epoch` is NaN where there is no time;
    `failed` is filled for web access logs only (1: answered 5xx).
    """

    layouts: list[Layout]
    line: array[int] = field(default_factory=lambda: array("L"))
    epoch: array[float] = field(default_factory=lambda: array("d"))
    level: array[int] = field(default_factory=lambda: array("B"))
    component: array[int] = field(default_factory=lambda: array("L"))
    host: array[int] = field(default_factory=lambda: array("H"))
    file: array[int] = field(default_factory=lambda: array("H"))
    group: array[int] = field(default_factory=lambda: array("L"))
    level_names: Names = field(default_factory=Names)
    components: Names = field(default_factory=Names)
    hosts: Names = field(default_factory=Names)
    files: Names = field(default_factory=Names)
    failed: bytearray = field(default_factory=bytearray)
    addresses: dict[str, int] = field(default_factory=dict)
    first_record: list[Record] = field(default_factory=list)
    lines: int = 0
    unparsed: int = 0
    unparsed_lines: list[str] = field(default_factory=list)
    templates: Templates = field(default_factory=lambda: Templates([], []))

    def __len__(self) -> int:
        return len(self.line)

    def template_of(self, row: int) -> int:
        """The template number of a record."""
        return self.templates.of_group[self.group[row]]

    def where(self, row: int) -> str:
        """The place of a record, as "file:line" or, with one file, "line"."""
        number = str(self.line[row])
        name = self.files.names[self.file[row]]
        return number if len(self.files.names) <= 2 else f"{name}:{number}"

    def ranks(self) -> list[int]:
        """Severity rank for each level number, -1 where there is none."""
        found = [levels.canonical(name) if name else None for name in self.level_names.names]
        return [levels.RANK[name] if name else -1 for name in found]


def load_layouts(sources: Sequence[Source]) -> list[Layout]:
    """The layouts learnt from a sample over all sources."""
    return learn(sample_lines(sources))


def load_corpus(
    sources: Sequence[Source],
    layouts: list[Layout],
    keep: Callable[[Record], bool] | None = None,
    tick: Callable[[int], None] | None = None,
) -> Corpus:
    """Read everything once; `keep` filters records, `tick` hears the number of records so far."""
    corpus = Corpus(layouts)
    _fill(corpus, read_records(sources, layouts), keep, tick)
    return corpus


def _fill(
    corpus: Corpus,
    records: Iterable[Record],
    keep: Callable[[Record], bool] | None,
    tick: Callable[[int], None] | None,
) -> None:
    miner = TemplateMiner()
    add = miner.add
    known_groups = 0
    addresses = corpus.addresses
    web = corpus.layouts[0].kind == "access"
    for number, record in enumerate(records):
        if keep is not None and not keep(record):
            continue
        if tick is not None and not number & 0x3FFF:
            tick(number)
        group = add(record.message)
        if group >= known_groups:
            corpus.first_record.append(record)
            known_groups += 1
        corpus.group.append(group)
        corpus.line.append(record.line)
        corpus.epoch.append(NO_TIME if record.epoch is None else record.epoch)
        corpus.level.append(min(corpus.level_names(record.level), 255))
        corpus.component.append(corpus.components(record.component))
        corpus.host.append(min(corpus.hosts(record.host), 65535))
        corpus.file.append(corpus.files(record.file))
        if web:
            corpus.failed.append(SERVER_ERROR.search(record.message) is not None)
        corpus.lines += 1 + len(record.more)
        if not record.parsed:
            _note_unparsed(corpus, record)
        if "." in record.message and len(addresses) < 100_000:
            for address in ADDRESS.findall(record.message):
                addresses[address] = addresses.get(address, 0) + 1
    corpus.templates = miner.finish()


def _note_unparsed(corpus: Corpus, record: Record) -> None:
    corpus.unparsed += 1
    if len(corpus.unparsed_lines) < 5:
        corpus.unparsed_lines.append(f"{record.file}:{record.line}")
