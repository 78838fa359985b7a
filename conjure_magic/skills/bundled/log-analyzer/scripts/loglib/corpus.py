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

ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])")
SERVER_ERROR = re.compile(r'" 5\d\d ')
NO_TIME = math.nan


class Names:
    """Numbers for names: 0 is "none", the others count from 1 in order of appearance."""

    def __init__(self) -> None:
        self.number: dict[str | None, int] = {None: 0}

    @property
    def names(self) -> list[str | None]:
        """The names by number."""
        return list(self.number)


@dataclass
class Corpus:
    """All records of a log.

    Columns have one entry a record; levels, components, hosts and files are numbers into their `Names`,
    `template` is a number into `templates.texts`, `epoch` is NaN where there is no time;
    `traces` holds, for a template, the last further line of its first record that has any: a stack trace's cause;
    `failed` is filled for web access logs only (1: answered 5xx).
    """

    layouts: list[Layout]
    line: array[int] = field(default_factory=lambda: array("I"))
    epoch: array[float] = field(default_factory=lambda: array("d"))
    level: array[int] = field(default_factory=lambda: array("I"))
    component: array[int] = field(default_factory=lambda: array("I"))
    host: array[int] = field(default_factory=lambda: array("I"))
    file: array[int] = field(default_factory=lambda: array("I"))
    template: array[int] = field(default_factory=lambda: array("I"))
    level_names: Names = field(default_factory=Names)
    components: Names = field(default_factory=Names)
    hosts: Names = field(default_factory=Names)
    files: Names = field(default_factory=Names)
    failed: bytearray = field(default_factory=bytearray)
    addresses: dict[str, int] = field(default_factory=dict)
    traces: dict[int, str] = field(default_factory=dict)
    lines: int = 0
    unparsed: int = 0
    unparsed_lines: list[str] = field(default_factory=list)
    templates: Templates = field(default_factory=lambda: Templates([], []))

    def __len__(self) -> int:
        return len(self.line)

    def where(self, row: int) -> str:
        """The place of a record, as "file:line" or, with one file, "line"."""
        number = str(self.line[row])
        names = self.files.names
        return number if len(names) <= 2 else f"{names[self.file[row]]}:{number}"

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
    addresses = corpus.addresses
    traces: dict[int, str] = {}
    web = corpus.layouts[0].kind == "access"
    level, component = corpus.level_names.number, corpus.components.number
    host, file = corpus.hosts.number, corpus.files.number
    groups = corpus.template  # group numbers until the templates are known
    # Bound once: this loop runs for every line.
    add, find = miner.add_request if web else miner.add, ADDRESS.findall
    add_group, add_line, add_epoch = groups.append, corpus.line.append, corpus.epoch.append
    add_level, add_component = corpus.level.append, corpus.component.append
    add_host, add_file = corpus.host.append, corpus.file.append
    for number, record in enumerate(records):
        if tick is not None and not number & 0x3FFF:
            tick(number)
        if keep is not None and not keep(record):
            continue
        message = record.message
        group = add(message)
        add_group(group)
        add_line(record.line)
        add_epoch(NO_TIME if record.epoch is None else record.epoch)
        add_level(level.setdefault(record.level, len(level)))
        add_component(component.setdefault(record.component, len(component)))
        add_host(host.setdefault(record.host, len(host)))
        add_file(file.setdefault(record.file, len(file)))
        if web:
            corpus.failed.append(SERVER_ERROR.search(message) is not None)
        if record.more:
            corpus.lines += len(record.more)
            if group not in traces:
                traces[group] = next((line for line in reversed(record.more) if line.strip()), "")
        corpus.lines += 1
        if not record.parsed:
            _note_unparsed(corpus, record)
        if "." in message and len(addresses) < 100_000:
            for address in find(message):
                addresses[address] = addresses.get(address, 0) + 1
    corpus.templates = miner.finish()
    for group in sorted(traces, reverse=True):
        corpus.traces[corpus.templates.of_group[group]] = traces[group].strip()
    corpus.template = array("I", map(corpus.templates.of_group.__getitem__, groups))


def _note_unparsed(corpus: Corpus, record: Record) -> None:
    corpus.unparsed += 1
    if len(corpus.unparsed_lines) < 5:
        corpus.unparsed_lines.append(f"{record.file}:{record.line}")
