"""What is read before a command is composed: scripts, for the options that they accept; reading asks no one."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conjure_magic.models.offline.answer import split_status
from conjure_magic.models.offline.compose import Program
from conjure_magic.models.offline.conversation import HELPS, READS, Step
from conjure_magic.models.offline.documents import without_line_numbers
from conjure_magic.models.offline.interface import HelpOption, Interface, read_help
from conjure_magic.models.offline.script_options import read_declared

MOST_MODULES = 3
"""Modules beside a script that are read for its options."""
_GIVES_HELP = re.compile(r"--help|\b(?:argparse|click|typer|docopt|fire)\b")
"""What stands in a script that knows `--help`."""
_CUT = re.compile(r"^\[lines \d+ to \d+ of [\d,]+\]$", re.MULTILINE)
"""The note of a file that was shown in part only."""


@dataclass(frozen=True)
class Look:
    """A call that reads something."""

    tool: str
    input: Mapping[str, str]


@dataclass(frozen=True)
class Scripts:
    """The scripts of a skill, as far as they were read in the conversation."""

    steps: Sequence[Step]
    offered: frozenset[str]

    def next_look(self, programs: Iterable[Program]) -> Look | None:
        """The next thing to read before one of these runs; None if their options are known."""
        for program in programs:
            found = self._options(program)
            if isinstance(found, Look):
                return found
        return None

    def interfaces(self, programs: Iterable[Program], documented: Mapping[str, Interface]) -> dict[str, Interface]:
        """What each program accepts, by its words: as its script tells, else as it is documented."""
        found = {}
        for program in programs:
            options = self._options(program)
            own = isinstance(options, tuple)
            found[program.words] = Interface(program.words, options) if own else documented[program.words]  # type: ignore[arg-type]
        return found

    def _options(self, program: Program) -> tuple[HelpOption, ...] | Look | None:
        """The options that a script tells of; what is to be read for them; None if it does not tell."""
        path = shlex.split(program.script)[0]
        read = self._step(path)
        if read is None:
            return self._read(path)
        if read.is_error:
            return None
        sources = {"": _text(read)}
        declared = read_declared(sources) if _CUT.search(read.result) is None else None
        while declared is not None and declared.complete and declared.lacking and len(sources) <= MOST_MODULES:
            module = declared.lacking[0]
            beside = posixpath.join(posixpath.dirname(path), module)
            step = self._step(beside)
            if step is None:
                return self._read(beside)
            if step.is_error or _CUT.search(step.result) is not None:
                break
            sources[module] = _text(step)
            declared = read_declared(sources)
        if declared is not None and declared.complete and not declared.lacking:
            return declared.options.get(program.subcommand)
        return self._helped(program) if _GIVES_HELP.search(sources[""]) is not None else None

    def _helped(self, program: Program) -> tuple[HelpOption, ...] | Look | None:
        """The options in a script's help."""
        command = f"{program.command}{HELPS}"
        step = next((step for step in self.steps if step.command == command), None)
        if step is None:
            if "bash_tool" not in self.offered:
                return None
            return Look("bash_tool", {"command": command})
        return None if step.is_error else read_help(program.words, split_status(step.result)[0]).options

    def _step(self, path: str) -> Step | None:
        return next((step for step in reversed(self.steps) if step.reads(path)), None)

    def _read(self, path: str) -> Look:
        if "view" in self.offered:
            return Look("view", {"path": path})
        return Look("bash_tool", {"command": f"{READS}{shlex.quote(path)}"})


def _text(step: Step) -> str:
    return without_line_numbers(step.result)
