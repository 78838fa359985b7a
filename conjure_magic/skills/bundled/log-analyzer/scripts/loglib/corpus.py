"""A whole log as columns: one compact row for each record, templates learnt on the way."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from loglib import levels
from loglib.coverage import Coverage
from loglib.evidence import Evidence
from loglib.gatherer import Gatherer
from loglib.layout import Layout
from loglib.learn import given, learn
from loglib.options import zone_offset
from loglib.records import Record, read_records
from loglib.requests import Requests
from loglib.sample import sample_texts
from loglib.source import Source
from loglib.templates import TemplateMiner, Templates
from loglib.values import Values

ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])")
_ANSWERED = re.compile(r'" ([1-5])\d\d(?= |$)')
SERVER_ERROR = re.compile(r'" 5\d\d(?= |$)')
ANSWERED, SERVER_FAILED = 1, 2
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
    `worded` tells whether a record's wording is that of a failure;
    `zone` are the seconds that were added to all of `epoch`, so that it is as the log writes its times;
    `status` is that of web requests: 0 no status, 1 answered, 2 answered 5xx.
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
    status: bytearray = field(default_factory=bytearray)
    worded: bytearray = field(default_factory=bytearray)
    zone: float = 0.0
    requests: Requests | None = None
    values: Values = field(default_factory=Values)
    evidence: Evidence = field(default_factory=Evidence)
    coverage: Coverage = field(default_factory=Coverage)
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
        """Severity rank for each level number, -1 if there is none."""
        found = [levels.canonical(name) if name else None for name in self.level_names.names]
        return [levels.RANK[name] if name else -1 for name in found]


def load_layouts(sources: Sequence[Source], pattern: re.Pattern[str] | None = None) -> list[Layout]:
    """The layouts learnt from a sample over all sources, or the one given as a pattern with named groups."""
    sample = sample_texts(sources)
    return [given(pattern, sample)] if pattern else learn(sample)


def load_corpus(
    sources: Sequence[Source],
    layouts: list[Layout],
    keep: Callable[[Record], bool] | None = None,
    tick: Callable[[int], None] | None = None,
) -> Corpus:
    """Read everything once; `keep` filters records, `tick` hears the number of records so far."""
    corpus = Corpus(layouts)
    _fill(corpus, read_records(sources, layouts, corpus.coverage), keep, tick)
    return corpus


def _fill(
    corpus: Corpus,
    records: Iterable[Record],
    keep: Callable[[Record], bool] | None,
    tick: Callable[[int], None] | None,
) -> None:
    # A level may turn out to be the same everywhere and tell nothing, so wording is judged in any log.
    miner, gatherer = TemplateMiner(worded=True), Gatherer()
    addresses = corpus.addresses
    traces: dict[int, str] = {}
    web = corpus.layouts[0].kind == "access"
    zones: set[float] = set()
    requests = corpus.requests = Requests(corpus.layouts)
    level, component = corpus.level_names.number, corpus.components.number
    host, file = corpus.hosts.number, corpus.files.number
    groups = corpus.template  # group numbers until the templates are known
    # Bound once: this loop runs for every line.
    add, find = miner.add_request if web else miner.add, ADDRESS.findall
    gather, add_values = gatherer.add, corpus.values.add
    add_group, add_line, add_epoch = groups.append, corpus.line.append, corpus.epoch.append
    add_level, add_component = corpus.level.append, corpus.component.append
    add_host, add_file, add_status = corpus.host.append, corpus.file.append, corpus.status.append
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
        fields = record.fields
        told = fields.get("status")
        status = _status(str(told)) if told is not None else _told_status(message) if '" ' in message else 0
        add_status(status)
        if web or (told is not None and status):
            requests.add(record)
        if fields and not web:
            add_values(fields, record.level, failed=status == SERVER_FAILED)
        gather(record, None if miner.coarse else group, failed=status == SERVER_FAILED)
        if not number & 0xFF and record.time:
            zones.add(zone_offset(record.time))
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
    _finish(corpus, miner, gatherer, traces, zones)


def _finish(
    corpus: Corpus, miner: TemplateMiner, gatherer: Gatherer, traces: dict[int, str], zones: set[float]
) -> None:
    """Add what is known only when all records are read: templates and evidence; show times as the log writes them."""
    groups = corpus.template
    templates = corpus.templates = miner.finish()
    for group in sorted(traces, reverse=True):
        corpus.traces[templates.of_group[group]] = traces[group].strip()
    if len(zones) == 1 and zones != {0.0}:
        corpus.zone = zones.pop()
        corpus.epoch = array("d", [epoch + corpus.zone for epoch in corpus.epoch])
    corpus.evidence = gatherer.finish()
    corpus.evidence.by_template(templates.of_group)
    corpus.worded = bytearray(map(templates.worded.__getitem__, groups))
    corpus.template = array("I", map(templates.of_group.__getitem__, groups))


def _status(status: str) -> int:
    if len(status) != 3 or not status.isdecimal():
        return 0
    return SERVER_FAILED if status[0] == "5" else ANSWERED


def _told_status(message: str) -> int:
    answered = _ANSWERED.search(message)
    return 0 if answered is None else SERVER_FAILED if answered[1] == "5" else ANSWERED


def _note_unparsed(corpus: Corpus, record: Record) -> None:
    corpus.unparsed += 1
    if len(corpus.unparsed_lines) < 5:
        corpus.unparsed_lines.append(f"{record.file}:{record.line}")
