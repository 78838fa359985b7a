"""Commands for a resolved reading, out of the options that a script's own help names and no others."""

from __future__ import annotations

import contextlib
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from conjure_magic.models.offline.documents import Documentation
from conjure_magic.models.offline.fill_template import quoted_path
from conjure_magic.models.offline.interface import Interface
from conjure_magic.models.offline.reading.value import NUMERIC, Ask, Reading, Save
from conjure_magic.models.offline.resolved import Resolved
from conjure_magic.models.offline.sampling import Sample
from conjure_magic.models.offline.template import OPERATORS, Fixed, Option, Positional, parse_template

PAGE = 10
"""Lines shown where the request does not say how many."""
MOST_LISTED = 200
_PLAIN = re.compile(r"[\w./-]+(?: [\w./-]+)?")
"""Words of a program that may stand in a command as they are."""
_ENDINGS = {"chart": "svg", "md": "md", "csv": "csv", "json": "json", "jsonl": "jsonl"}


@dataclass(frozen=True)
class Program:
    """A script of a skill, with its subcommand, as its SKILL.md documents it."""

    words: str
    """As documented: "python scripts/analyze.py query"."""
    command: str
    """As it runs: the script's path in full."""
    script: str
    about: str
    """What is said about its commands."""
    files: tuple[tuple[str, str], ...] = ()
    """Options for files that it writes, with the names that they are documented with."""

    @property
    def subcommand(self) -> str:
        """The word behind the script's path; empty if there is none."""
        return self.command.partition(self.script)[2].strip()


@dataclass(frozen=True)
class Composed:
    """A command, and what it leaves undone."""

    command: str
    made: tuple[tuple[Save, str], ...] = ()
    """The files that it writes."""
    undone: tuple[str, ...] = ()
    """Parts of the request that the script has no option for."""
    as_json: bool = False


def programs(documentation: Documentation, directory: str) -> tuple[Program, ...]:
    """The different scripts and subcommands that a SKILL.md documents."""
    found: dict[str, Program] = {}
    for documented in documentation.commands:
        template = parse_template(documented.text)
        if template is None or any(isinstance(part, Fixed) and part.text in OPERATORS for part in template.parts):
            continue
        fixed: list[Fixed] = []
        for part in template.parts:
            if not isinstance(part, Fixed) or (
                fixed and any(f.is_skill_path for f in fixed) and not re.fullmatch(r"[a-z][\w-]*", part.text)
            ):
                break
            fixed.append(part)
        script = next((part for part in fixed if part.is_skill_path), None)
        if script is None or not all(_PLAIN.fullmatch(part.text) for part in fixed):
            continue
        paths = {
            id(part): shlex.quote(posixpath.normpath(f"{directory}/{part.text}"))
            for part in fixed
            if part.is_skill_path
        }
        words = " ".join(part.text for part in fixed)
        command = " ".join(paths.get(id(part), part.text) for part in fixed)
        about = f"{found[words].about} {documented.about}" if words in found else documented.about
        outputs = {option.name: option.value.raw for option in template.options if _writes(option)}  # type: ignore[union-attr]
        outputs |= dict(found[words].files) if words in found else {}
        found[words] = Program(words, command, paths[id(script)], about.strip(), tuple(outputs.items()))
    return tuple(found.values())


def _writes(option: Option) -> bool:
    """True for an option documented with the name of a file that it writes."""
    value = option.value
    return value is not None and value.kind == "output" and value.is_example and _PLAIN.fullmatch(value.raw) is not None


def takes_files(documentation: Documentation, program: Program) -> bool:
    """True if a command of the program is documented with files to read."""
    for documented in documentation.commands:
        template = parse_template(documented.text)
        if template is not None and template.program.startswith(program.words):
            return any(isinstance(part, Positional) and part.value.kind == "input" for part in template.parts)
    return False


def compose(found: Resolved, program: Program, interface: Interface, paths: Sequence[str], sample: Sample) -> Composed:
    """The command for a resolved reading."""
    return _Composing(found, interface, sample).run(program, paths)


class _Composing:
    """One command in the making."""

    def __init__(self, found: Resolved, interface: Interface, sample: Sample) -> None:
        self.found = found
        self.reading = found.reading
        self.interface = interface
        self.sample = sample
        self.files = dict[str, str]()
        self.words: list[str] = []
        self.undone: list[str] = []
        self.made: list[tuple[Save, str]] = []

    def run(self, program: Program, paths: Sequence[str]) -> Composed:
        files = " ".join(quoted_path(path) for path in paths)
        self.files = dict(program.files)
        self._filters()
        self._value()
        self._answer()
        redirect = self._files()
        as_json = not redirect and self.interface.option("json") is not None and self.reading.ask is not Ask.SUMMARY
        if as_json:
            self._add("json", "", "JSON")
        command = " ".join(part for part in (program.command, files, *self.words) if part) + redirect
        return Composed(command, tuple(self.made), tuple(self.undone), as_json)

    def _add(self, role: str, value: str, said: str) -> bool:
        """Add the option for a purpose; note the part of the request that it stands for where there is none."""
        option = self.interface.option(role)
        if option is None:
            self.undone.append(said)
            return False
        quoted = shlex.quote(value)
        self.words.append(f"{option.name} {quoted}" if value and option.metavar else option.name)
        return True

    def _filters(self) -> None:
        reading, found = self.reading, self.found
        if reading.levels and not (
            reading.ask is Ask.BREAKDOWN and reading.value == ("level",) and len(reading.levels) > 1
        ):
            levels = ",".join(reading.levels) + ("+" if reading.or_worse else "")
            self._add("level", levels, "only " + " and ".join(reading.levels).lower() + "s")
        if found.grep:
            self._add("search", found.grep, f"only lines with {found.text}")
        for condition in found.where:
            self._add("where", condition, condition)
        if reading.since:
            self._add("since", reading.since, f"from {reading.since} on")
        if reading.until:
            until = _after(reading.since) if reading.until == "+" else reading.until
            self._add("until", until, f"until {until}")

    def _value(self) -> None:
        take, reading = self.found.take, self.reading
        if take is not None and take.field:
            self._add("field", take.field, take.label)
        elif take is not None and take.pattern:
            self._add("pattern", take.pattern, take.label)
        if reading.unit:
            self._add("time", unit_for(reading, self.sample), f"per {reading.unit}")
        if self.found.groups:
            self._add("group", ",".join(self.found.groups), "per " + " and ".join(self.found.groups))
        if reading.weight and self._add("missing", "1", reading.weight):
            self._add("sum", "", "the sum")

    def _answer(self) -> None:
        reading = self.reading
        match reading.ask:
            case Ask.LINES:
                self._add("list", "", "the lines")
                count = (reading.limit or PAGE) + reading.skip if reading.limit else MOST_LISTED
                self._add("last" if reading.from_end else "top", str(count), f"{count} lines")
            case Ask.FIRST | Ask.LAST:
                self._add("list", "", "the lines")
                self._add("top" if reading.ask is Ask.FIRST else "last", "1", "one line")
            case Ask.DISTINCT:
                self._add("distinct", "", "how many different")
            case Ask.PERCENTILE:
                self._add("percentile", ",".join(reading.percentiles), "percentile")
            case Ask.SPAN:
                self._add("span", "", "the time span")
            case Ask.RATIO:
                self._add("ratio", "", "the share")
            case Ask.MAX | Ask.MIN | Ask.MEAN | Ask.SUM:
                role = {Ask.MAX: "max", Ask.MIN: "min", Ask.MEAN: "mean", Ask.SUM: "sum"}[reading.ask]
                self._add(role, "", str(reading.ask))
            case Ask.COUNT | Ask.BREAKDOWN | Ask.RANK | Ask.VALUES | Ask.COMPARE if not reading.weight:
                self._add("count", "", "the count")
            case _:
                pass

    def _files(self) -> str:
        """Options for files to write; what the shell has to write is returned as a redirection."""
        redirect = ""
        for save in self.reading.saves or self._usual():
            name = save.path or f"{slug(self.found, self.sample)}.{_ENDINGS.get(save.kind, 'txt')}"
            option = self.interface.option("chart" if save.kind == "chart" else "save")
            if save.kind in ("chart", "csv") and option is not None:
                self.words.append(f"{option.name} {quoted_path(name)}")
            elif save.kind in ("md", "json", "jsonl", "txt") and not redirect:
                if save.kind.startswith("json") and self.interface.option("json") is not None:
                    self._add("json", "", "JSON")
                redirect = f" > {quoted_path(name)} && cat {quoted_path(name)}"
            else:
                self.undone.append(f"a {save.kind} file" if save.kind != "chart" else "a chart")
                continue
            self.made.append((save, name))
        return redirect

    def _usual(self) -> tuple[Save, ...]:
        """The files that belong to a whole analysis: the script's chart and table."""
        if self.reading.ask is not Ask.SUMMARY or not re.search(
            r"\b(?:analy|wrong|investigat|diagnos)", self.reading.text, re.I
        ):
            return ()
        offered = [(kind, self.interface.option(role)) for kind, role in (("chart", "chart"), ("csv", "save"))]
        return tuple(Save(kind, self.files.get(option.name, "")) for kind, option in offered if option is not None)


def convert(found: Resolved, program: Program, interface: Interface, paths: Sequence[str], sample: Sample) -> Composed:
    """The command that writes the records themselves to a file."""
    reading = found.reading
    composing = _Composing(found, interface, sample)
    composing._filters()
    save = next((save for save in reading.saves if save.kind != "chart"), Save("csv"))
    kind = save.kind if save.kind in ("csv", "json", "jsonl") else "csv"
    formats = interface.option("format")
    if formats is not None and (not formats.choices or kind in formats.choices):
        composing.words.append(f"{formats.name} {kind}")
    elif interface.named(f"--{kind}") is not None:
        composing.words.append(f"--{kind}")
    else:
        composing.undone.append(kind.upper())
    name = save.path or f"{_stem(paths)}{'-' + slug(found, sample) if reading.has_subject else ''}.{kind}"
    files = " ".join(quoted_path(path) for path in paths)
    command = " ".join((program.command, files, *composing.words))
    return Composed(
        f"{command} > {quoted_path(name)} && head -n 4 {quoted_path(name)}", ((save, name),), tuple(composing.undone)
    )


def can_convert(interface: Interface, reading: Reading) -> bool:
    """True if a script prints records in the format that is asked for."""
    kinds = [save.kind for save in reading.saves if save.kind != "chart"] or ["csv"]
    formats = interface.option("format")
    return formats is not None and (not formats.choices or kinds[0] in (*formats.choices, "file"))


def can_ask(interface: Interface, reading: Reading) -> bool:
    """True if a script has an option for what is asked."""
    roles: Mapping[Ask, str] = {
        Ask.DISTINCT: "distinct",
        Ask.PERCENTILE: "percentile",
        Ask.SPAN: "span",
        Ask.RATIO: "ratio",
        Ask.MAX: "max",
        Ask.MIN: "min",
        Ask.MEAN: "mean",
        Ask.SUM: "sum",
        Ask.LINES: "list",
        Ask.FIRST: "list",
        Ask.LAST: "list",
    }
    return interface.option(roles.get(reading.ask, "count")) is not None


def unit_for(reading: Reading, sample: Sample) -> str:
    """The unit of time; where the request only says "over time", one that suits the file."""
    if reading.unit != "time":
        return reading.unit
    dates = {match[0] for line in sample.lines for match in [re.search(_DATE, line)] if match is not None}
    return "minute" if len(dates) < 2 else "hour" if len(dates) < 4 else "day"


_DATE = r"\d{4}[-/.]\d\d[-/.]\d\d|\d\d/[A-Z][a-z]{2}/\d{4}|\b[A-Z][a-z]{2} {1,2}\d{1,2}\b|^\d{6}\b|\d\d/\d\d/\d\d"


def _after(moment: str) -> str:
    """The end of the minute, hour or day that a moment names."""
    with contextlib.suppress(ValueError):
        return (date.fromisoformat(moment) + timedelta(days=1)).isoformat()
    day, sign, clock = moment.rpartition("T")
    parts = [int(part) for part in clock.split(":")] if ":" in clock else []
    if len(parts) == 2:
        total = parts[0] * 60 + parts[1] + (60 if parts[1] == 0 and moment.endswith(":00") else 1)
        return f"{day}{sign}{total // 60 % 24:02}:{total % 60:02}" if total < 24 * 60 else f"{day}{sign}23:59:59"
    return moment


def slug(found: Resolved, sample: Sample) -> str:
    """A file name for an answer: errors-per-minute."""
    reading = found.reading
    subject = [f"{level.lower()}s" for level in reading.levels] or [
        *reading.codes,
        *reading.names,
        *reading.topic[:2],
        *reading.quoted[:1],
    ]
    parts = [*(subject or ["lines"])]
    if reading.ask is Ask.SUMMARY:
        parts = ["summary"]
    if reading.ask in NUMERIC:
        parts = [reading.ask.name.lower(), *reading.value[:2]]
    if reading.unit:
        parts += ["per", unit_for(reading, sample)]
    elif found.take is not None and reading.ask not in NUMERIC:
        parts += ["per", found.take.label]
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")[:60] or "answer"


def _stem(paths: Sequence[str]) -> str:
    name = posixpath.basename(paths[0]) if paths else "records"
    return name.partition(".")[0] or "records"
