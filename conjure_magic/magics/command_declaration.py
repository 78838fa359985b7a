"""A command of `%conjure`, declared once: its name and options, help, completion, and implementation."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from conjure_magic.errors import UsageError
from conjure_magic.magics.options import Argument, Names, Parser, following, suggest
from conjure_magic.printing import say

if TYPE_CHECKING:
    from pathlib import Path

    from conjure_magic.magics.sessions import Sessions
    from conjure_magic.session import Session
    from conjure_magic.session.options import ModelLike
    from conjure_magic.settings import Settings

Bundle = dict[str, Any]
HELP = frozenset({"-h", "--help"})


class CommandContext(Protocol):
    """The parts of the extension that commands use."""

    sessions: Sessions
    settings: Settings

    def run(
        self,
        session: Session,
        prompt: str,
        extra_text: Sequence[str] = (),
        *,
        files: Sequence[str | Path] = (),
        yes: bool = False,
        model: ModelLike | None = None,
    ) -> None:
        """Run a turn and display it."""

    def last_traceback(self) -> str:
        """The kernel's last traceback as plain text; empty if there is none."""


Run = Callable[[Any, argparse.Namespace], Bundle | None]
"""Implementation of a command: takes a `CommandContext` and the options, returns a bundle to display or None."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, possibly with subcommands: `%conjure docker`, `%conjure docker build`."""

    name: str
    """As typed after `%conjure`: "undo", "docker build"; empty for `%conjure` alone."""
    about: str
    """Summary for the list of commands."""
    run: Run | None = None
    """None if a subcommand is required."""
    arguments: tuple[Argument, ...] | Callable[[], tuple[Argument, ...]] = ()
    """Options and positional arguments; a function if they depend on the available backends."""
    commands: tuple[Command, ...] = ()
    """Subcommands."""
    details: str = ""
    """Further text for the command's own help."""
    fallback: str = ""
    """Name of the subcommand that runs if none is typed."""
    refusal: str = ""
    """Error message for any word after the command. It must not repeat the word, which may be a secret."""

    @property
    def declared(self) -> tuple[Argument, ...]:
        """The options and arguments available now."""
        return self.arguments() if callable(self.arguments) else self.arguments

    @property
    def line(self) -> str:
        """The command as typed: "%conjure undo"."""
        return f"%conjure {self.name}".rstrip()

    @property
    def word(self) -> str:
        """The last word of its name."""
        return self.name.rpartition(" ")[2]

    @property
    def parser(self) -> Parser:
        """The parser of its options."""
        about = " ".join(filter(None, (f"{self.about[:1].upper()}{self.about[1:]}.", self.details)))
        return Parser(self.line, about, self.declared)

    @property
    def usage(self) -> str:
        """The usage line: "%conjure undo [N]"."""
        words = [argument.usage for argument in self.declared]
        if self.commands:
            choice = "|".join(command.word for command in self.commands)
            words.append(choice if self.run is None and not self.fallback else f"[{choice}]")
        return " ".join([self.line, *words])

    @property
    def help(self) -> str:
        """The help text: usage, summary, options and subcommands."""
        text = self.parser.format_help().strip()
        if self.commands:
            text += "\n\ncommands:\n" + "\n".join(f"  {c.usage}\n      {c.about}" for c in self.commands)
        return text

    def find(self, word: str) -> Command | None:
        """The subcommand of this name, if any."""
        return next((command for command in self.commands if command.word == word), None)

    def resolve(self, words: Sequence[str]) -> tuple[Command, Sequence[str]]:
        """Return the command that the words select, and the remaining words.

        Raises UsageError if there is no such subcommand.
        """
        if not self.commands or not words or words[0].startswith("-"):
            return self, words
        found = self.find(words[0])
        if found is None:
            hint = suggest(words[0], [command.word for command in self.commands])
            raise UsageError(f"{self.line} has no command {words[0]!r}{hint}")
        return found.resolve(words[1:])

    def execute(self, context: CommandContext, words: Sequence[str]) -> Bundle | None:
        """Run the command that the words select, or print its help. Raises UsageError for invalid input."""
        command, rest = self.resolve(words)
        if not HELP.isdisjoint(rest):
            say(command.help)
            return None
        command = command.find(command.fallback) or command
        if command.refusal and rest:
            raise UsageError(command.refusal)
        if command.run is None:
            raise UsageError(f"{command.line} needs one of: {', '.join(c.word for c in command.commands)}")
        return command.run(context, command.parser.read_words(rest))

    def offers(self, names: Names, before: Sequence[str]) -> list[str]:
        """Completions after these words."""
        if before and (found := self.find(before[0])) is not None:
            return found.offers(names, before[1:])
        own = following(self.declared, names, before)
        return [*(command.word for command in self.commands if not before), *own]

    def every(self) -> Iterator[Command]:
        """The command itself and all commands below it."""
        yield self
        for command in self.commands:
            yield from command.every()
