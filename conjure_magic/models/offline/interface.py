"""The options that a script accepts, and what each of them is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    is_known: bool = True
    """False if the options are only those that documented commands show."""

    def option(self, role: str) -> HelpOption | None:
        """The option for a purpose; None if there is none."""
        return next((option for option in self.options if role in option.roles), None)

    def named(self, name: str) -> HelpOption | None:
        """The option of this name."""
        return next((option for option in self.options if option.name == name), None)

    def refused(self, command: str) -> list[str]:
        """The long options in a command that the script is known not to have."""
        given = re.findall(r"(?<!\S)--[A-Za-z][\w-]*", command) if self.is_known else []
        return [name for name in given if name != "--help" and self.named(name) is None]

    @property
    def answers_questions(self) -> bool:
        """True for a script that can be asked about any data: it filters, takes a value and works something out."""
        kinds = [{"search", "where", "level"}, {"field", "pattern", "time"}, {"count", "mean", "sum", "distinct"}]
        return all(any(self.option(role) for role in kind) for kind in kinds)


def documented_interfaces(commands: Iterable[DocumentedCommand], programs: Iterable[str]) -> dict[str, Interface]:
    """What is known of each program's options before its script is read: those of its documented commands."""
    every = list(commands)
    found = {}
    for program in programs:
        own = " ".join(each.text for each in every if each.text.startswith(f"{program} "))
        names = dict.fromkeys(re.findall(r"(?<!\S)--?[A-Za-z][\w-]*", own))
        found[program] = Interface(program, tuple(HelpOption(name) for name in names), is_known=False)
    return found


def read_help(program: str, text: str) -> Interface:
    """The interface in what `--help` printed."""
    return Interface(program, tuple(_options(text.splitlines())))


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
