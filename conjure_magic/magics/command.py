"""A command of `%conjure`, declared once: its words and options, its help, what Tab offers, and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from conjure_magic.errors import UsageError
from conjure_magic.magics.options import Argument, Parser, following, suggest
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
    """What a command may use of the magics."""

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
        """The last traceback of the kernel as plain text; empty if there is none."""


Run = Callable[[Any, argparse.Namespace], Bundle | None]
"""What a command does: a `CommandContext` and the options in, what to display out; None if it displays by itself."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or several under a first word: `%conjure docker`, `%conjure docker build`."""

    name: str
    """As typed after `%conjure`: "undo", "docker build"; empty for `%conjure` alone."""
    about: str
    """What it does, for the list of commands."""
    run: Run | None = None
    """None where one of `commands` has to follow."""
    arguments: tuple[Argument, ...] | Callable[[], tuple[Argument, ...]] = ()
    """Its options; a function where they depend on which backends there are."""
    commands: tuple[Command, ...] = ()
    """Those that may follow its name."""
    details: str = ""
    """More about it, for its own help."""
    fallback: str = ""
    """Which of `commands` is meant where none is typed."""

    refusal: str = ""
    """What is said of any word after it, without repeating it: it may be a secret."""

    @property
    def declared(self) -> tuple[Argument, ...]:
        """Its options as they are now."""
        return self.arguments() if callable(self.arguments) else self.arguments

    @property
    def line(self) -> str:
        """How a line with it begins: "%conjure undo"."""
        return f"%conjure {self.name}".rstrip()

    @property
    def word(self) -> str:
        """The last word of its name."""
        return self.name.rpartition(" ")[2]

    @property
    def parser(self) -> Parser:
        """Reads its options."""
        about = " ".join(filter(None, (f"{self.about[:1].upper()}{self.about[1:]}.", self.details)))
        return Parser(self.line, about, self.declared)

    @property
    def usage(self) -> str:
        """How it is typed, with its options: "%conjure undo [N]"."""
        words = [argument.usage for argument in self.declared]
        if self.commands:
            choice = "|".join(command.word for command in self.commands)
            words.append(choice if self.run is None and not self.fallback else f"[{choice}]")
        return " ".join([self.line, *words])

    @property
    def help(self) -> str:
        """Its own help: usage, what it does, each option, and the commands that may follow."""
        text = self.parser.format_help().strip()
        if self.commands:
            text += "\n\ncommands:\n" + "\n".join(f"  {c.usage}\n      {c.about}" for c in self.commands)
        return text

    def find(self, word: str) -> Command | None:
        """The one of its commands with this word."""
        return next((command for command in self.commands if command.word == word), None)

    def resolve(self, words: Sequence[str]) -> tuple[Command, Sequence[str]]:
        """The command that a line means, and the words that are left for it.

        Raises UsageError for a word that none of its commands has.
        """
        if not self.commands or not words or words[0].startswith("-"):
            return self, words
        found = self.find(words[0])
        if found is None:
            raise UsageError(f"{self.line} has no {words[0]!r}{suggest(words[0], [c.word for c in self.commands])}")
        return found.resolve(words[1:])

    def execute(self, context: CommandContext, words: Sequence[str]) -> Bundle | None:
        """Do what a line says, or print the help it asks for. Raises UsageError for a slip."""
        command, rest = self.resolve(words)
        if not HELP.isdisjoint(rest):
            say(command.help)
            return None
        command = command.find(command.fallback) or command
        if command.refusal and rest:
            raise UsageError(command.refusal)
        if command.run is None:
            raise UsageError(f"{command.line} wants one of: {', '.join(c.name for c in command.commands)}")
        return command.run(context, command.parser.read_words(rest))

    def offers(self, context: CommandContext, before: Sequence[str]) -> list[str]:
        """What Tab offers after these words."""
        if before and (found := self.find(before[0])) is not None:
            return found.offers(context, before[1:])
        own = following(self.declared, context, before)
        return [*(command.word for command in self.commands if not before), *own]

    def every(self) -> Iterator[Command]:
        """It and all that may follow it."""
        yield self
        for command in self.commands:
            yield from command.every()
