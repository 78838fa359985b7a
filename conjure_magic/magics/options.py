"""What may be typed after `%%conjure` and `%conjure`: parsing, and errors that say what is possible."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import shlex
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from conjure_magic.backends import backend_names, option_fields
from conjure_magic.errors import UsageError
from conjure_magic.printing import say
from conjure_magic.settings import split_list


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UsageErrors with a suggestion; it never prints or exits."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with argparse's message, and how to see what is possible."""
        shown = "%conjure help cell" if self.prog.startswith("%%") else f"{self.prog} --help"
        raise UsageError(f"{self.prog}: {message}. {shown} shows the options.")

    def read(self, line: str) -> argparse.Namespace:
        """The options of a line typed by a person. Raises UsageError."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"{self.prog}: {error}: is a quote missing?") from None
        found, rest = self.parse_known_args(words)
        for word in rest:
            known = [option for action in self._actions for option in action.option_strings]
            if word.startswith("-"):
                raise UsageError(f"{self.prog} has no option {word}{suggest(word, known)}")
            hint = "; the request goes into the lines below it" if self.prog.startswith("%%") else ""
            raise UsageError(f"{self.prog} does not expect {word!r}{hint}")
        return found

    @property
    def options(self) -> list[str]:
        """The long options, in the order they were declared."""
        return [o for action in self._actions for o in action.option_strings if o.startswith("--")]


def suggest(word: str, known: Iterable[str], what: str = "") -> str:
    """`; did you mean X?`, or else the list of what there is; empty if there is nothing."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; there is {what}{', '.join(names)}" if names else ""


def flatten(values: Sequence[str] | None) -> list[str] | None:
    """A list option's values, given with commas or by repetition; None where it was not given."""
    return None if values is None else [part for value in values for part in split_list(value)]


def _positive(kind: type[int] | type[float]) -> Any:
    def read(text: str) -> int | float:
        with contextlib.suppress(ValueError):
            value = kind(text)
            if 0 < value < float("inf"):
                return value
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"wants {what} above 0, not {text!r}")

    return read


def cell_parser() -> Parser:
    """The options of `%%conjure`."""
    parser = Parser(prog="%%conjure", add_help=False, description="Ask a model; it answers with the help of skills.")
    add_choice(parser)
    parser.add_argument(
        "--session", metavar="NAME", help="the conversation to go on with, or to begin; it stays current"
    )
    parser.add_argument(
        "--with", dest="variables", metavar="VAR,…", action="append", help="kernel variables to send along"
    )
    parser.add_argument(
        "--attach", metavar="PATH,…", action="append", help="files to send along; uploaded for the backend anthropic"
    )
    parser.add_argument("--workspace", metavar="PATH", help="work in this folder, as it is")
    parser.add_argument("--input", metavar="PATH", help="the folder that relative paths in the request mean")
    parser.add_argument("-o", "--output", metavar="VAR", help="bind the result to this variable")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="answer every question of this cell with yes: commands, files that are written, files of your home folder "
        "that are read, Python in your kernel, uploads",
    )
    parser.add_argument("--fresh", action="store_true", help="forget the conversation first")
    parser.add_argument("--max-rounds", metavar="N", type=_positive(int), help="model requests that this cell may take")
    parser.add_argument("--max-cost", metavar="USD", type=_positive(float), help="US dollars that this cell may cost")
    parser.add_argument(
        "--no-compact", action="store_true", help="refuse, rather than summarise, a conversation that grew too long"
    )
    parser.add_argument("--timeout", metavar="S", type=_positive(float), help="seconds that this cell may take")
    add_help(parser)
    return parser


def add_choice(parser: Parser) -> None:
    """The options that say who answers, with which hands and skills."""
    parser.add_argument(
        "--backend", metavar="B,…", action="append", help=f"where tools run: {', '.join(backend_names())}"
    )
    parser.add_argument(
        "--skills",
        metavar="S,…",
        action="append",
        help="skill folders, .skill packages, names of skills, or variables: Python skills; for anthropic: xlsx, pdf, "
        "docx, pptx, xlsx@VERSION, custom:ID, anthropic:PATH",
    )
    parser.add_argument(
        "--model",
        metavar="M",
        help="offline, a model's id, a name in ConjureMagics.models, or a variable that holds a callable",
    )
    for name, field in option_fields().items():
        about = {"dest": f"backend_{name}", "help": field.metadata["help"]}
        if isinstance(field.default, bool):
            parser.add_argument(_flag(name), action="store_true", default=None, **about)
        else:
            kind = type(field.default)
            parser.add_argument(_flag(name), metavar=field.metadata["metavar"], type=kind, **about)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def typed_options(options: argparse.Namespace) -> dict[str, object] | None:
    """The backends' own options that were typed, by name; None if none was."""
    typed = {name: getattr(options, f"backend_{name}", None) for name in option_fields()}
    return {name: value for name, value in typed.items() if value is not None} or None


def add_help(parser: Parser) -> None:
    """`--help`, which is answered by the caller."""
    parser.add_argument("-h", "--help", action="store_true", help="show this")


def command_parser(name: str, about: str) -> Parser:
    """A parser for a command of `%conjure`, with `--help`."""
    parser = Parser(prog=f"%conjure {name}", add_help=False, description=about)
    add_help(parser)
    return parser


def read_words(parser: Parser, words: Sequence[str]) -> argparse.Namespace | None:
    """The options of a command, or None if help was asked for, which is then printed. Raises UsageError."""
    options = parser.read(shlex.join(words))
    if options.help:
        say(parser.format_help().strip())
        return None
    return options
