"""What a script's own `--help` says: its options, and what each of them is for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from conjure_magic.models.offline.documents import DocumentedCommand

ROLES: dict[str, frozenset[str]] = {
    "count": frozenset({"count", "counts"}),
    "distinct": frozenset({"distinct", "unique", "cardinality", "nunique"}),
    "list": frozenset({"list", "lines", "show", "print"}),
    "sum": frozenset({"sum", "total"}),
    "max": frozenset({"max", "maximum", "largest"}),
    "min": frozenset({"min", "minimum", "smallest"}),
    "mean": frozenset({"mean", "average", "avg"}),
    "percentile": frozenset({"p", "percentile", "percentiles", "quantile"}),
    "ratio": frozenset({"ratio", "share", "percent", "rate"}),
    "span": frozenset({"span", "duration"}),
    "top": frozenset({"top", "limit", "head", "first", "n", "max-rows", "number"}),
    "last": frozenset({"last", "tail"}),
    "field": frozenset({"field", "column", "col", "key", "of"}),
    "group": frozenset({"by", "group", "group-by", "per"}),
    "time": frozenset({"time", "bucket", "every", "interval", "freq"}),
    "missing": frozenset({"missing", "fill"}),
    "where": frozenset({"where", "having"}),
    "search": frozenset(
        {
            "grep",
            "search",
            "filter",
            "match",
            "contains",
            "containing",
            "query",
            "text",
            "word",
            "keyword",
            "pattern",
            "regex",
        }
    ),
    "level": frozenset({"level", "severity", "min-level"}),
    "since": frozenset({"since", "from", "start", "after"}),
    "until": frozenset({"until", "to", "end", "before"}),
    "chart": frozenset({"chart", "plot", "graph", "figure", "svg"}),
    "save": frozenset({"save", "csv", "output", "out", "o", "export", "write"}),
    "json": frozenset({"json"}),
    "format": frozenset({"format"}),
}
"""What options of these names are for."""
HELPED = re.compile(r"^== help: (.*)$", re.MULTILINE)
SAMPLED = re.compile(r"^== (?:fields|lines)$", re.MULTILINE)
"""Where the help ends in the output of a command that prints lines of a file as well."""
_OPTION = re.compile(
    r"^ {1,8}((?:-{1,2}[\w-]+(?:[ =][^\s,]+(?: \S+)*?)?, )*-{1,2}[A-Za-z][\w-]*)(?:[ "
    r"=](\{[^}]*\}|\[?[A-Z][\w.=|+-]*\]?(?: \[[^\]]*\])?|<[^>]+>))?(?:\s{2,}(\S.*))?$"
)


@dataclass(frozen=True)
class HelpOption:
    """An option that the script accepts."""

    name: str
    metavar: str = ""
    about: str = ""
    choices: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """What it is for, by its name and what is said about it."""
        bare = self.name.lstrip("-").lower()
        found = [role for role, names in ROLES.items() if bare in names]
        if "search" in found and self.metavar and re.search(r"\btakes? each|\bvalue of each", self.about):
            return ("pattern",)
        return tuple(found)


@dataclass(frozen=True)
class Interface:
    """A script's options, by name."""

    program: str
    """The words of the command that was asked for help: script and subcommand."""
    options: tuple[HelpOption, ...] = ()
    text: str = field(default="", repr=False)

    def option(self, role: str) -> HelpOption | None:
        """The option for a purpose; None if there is none."""
        return next((option for option in self.options if role in option.roles), None)

    def named(self, name: str) -> HelpOption | None:
        """The option of this name."""
        return next((option for option in self.options if option.name == name), None)

    @property
    def answers_questions(self) -> bool:
        """True for a script that can be asked about any data: it filters, takes a value and works something out."""
        kinds = [{"search", "where", "level"}, {"field", "pattern", "time"}, {"count", "mean", "sum", "distinct"}]
        return all(any(self.option(role) for role in kind) for kind in kinds)


def help_command(programs: Iterable[tuple[str, str, str]]) -> str:
    """The shell command that asks scripts for help, if they know how to give it.

    Args:
        programs: for each its words, its script's path, and the command without options.
    """
    asked = [
        f"if grep -qE -e 'argparse|--help|click|typer|docopt' -- {script}; then "
        f"echo {shlex.quote(f'== help: {words}')}; {command} --help; fi"
        for words, script, command in programs
    ]
    return "; ".join(asked)


def documented_interfaces(commands: Iterable[DocumentedCommand], programs: Iterable[str]) -> dict[str, Interface]:
    """What is known of each program's options before its help is read: those of its documented commands."""
    every = list(commands)
    found = {}
    for program in programs:
        own = " ".join(each.text for each in every if each.text.startswith(f"{program} "))
        names = dict.fromkeys(re.findall(r"(?<!\S)--?[A-Za-z][\w-]*", own))
        found[program] = Interface(program, tuple(HelpOption(name) for name in names))
    return found


def read_interfaces(output: str) -> dict[str, Interface]:
    """The interfaces in what such a command printed, by the words of each program."""
    found: dict[str, Interface] = {}
    output = SAMPLED.split(output, maxsplit=1)[0]
    heads = list(HELPED.finditer(output))
    for index, head in enumerate(heads):
        end = heads[index + 1].start() if index + 1 < len(heads) else len(output)
        text = output[head.end() : end]
        found[head[1].strip()] = Interface(head[1].strip(), tuple(_options(text.splitlines())), text)
    return found


def _options(lines: Sequence[str]) -> list[HelpOption]:
    found: list[HelpOption] = []
    for line in lines:
        match = _OPTION.match(line)
        if match is not None:
            names = [part.split()[0].split("=")[0] for part in match[1].split(", ")]
            name = max(names, key=len)
            metavar = match[2] or ""
            choices = tuple(metavar.strip("{}").split(",")) if metavar.startswith("{") else ()
            found.append(HelpOption(name, metavar, (match[3] or "").strip(), choices))
        elif found and re.match(r" {10,}\S", line):
            last = found[-1]
            found[-1] = HelpOption(last.name, last.metavar, f"{last.about} {line.strip()}".strip(), last.choices)
    return found
