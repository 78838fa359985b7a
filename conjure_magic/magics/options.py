"""What may be typed after `%%conjure` and `%conjure`: parsing, completion, and errors that say what is possible."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from conjure_magic.backends import backend_names, option_fields
from conjure_magic.errors import UsageError
from conjure_magic.settings import split_list

if TYPE_CHECKING:
    from conjure_magic.magics.command import CommandContext

Values = Callable[["CommandContext"], Iterable[str]]
"""What Tab offers for an argument."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option, or a word without one, of a cell or a command."""

    names: tuple[str, ...]
    """"-o", "--output"; or the name of a positional argument."""
    help: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else `argparse` is told: metavar, type, action, …"""
    values: Values | None = None
    """What Tab offers for it; None: paths, as IPython offers them by itself."""
    example: str = ""
    """Of a positional argument that must be there: one, for the message where it is missing."""

    @property
    def is_option(self) -> bool:
        """True for `--name`."""
        return self.names[-1].startswith("-")

    @property
    def takes_value(self) -> bool:
        """True unless it is a switch."""
        return self.more.get("action") != "store_true"

    @property
    def usage(self) -> str:
        """As it stands in a line of usage: "[--into DIR]", "PATH", "[N]"."""
        shown = str(self.more.get("metavar", self.names[0]))
        if self.is_option:
            return f"[{self.names[-1]} {shown}]" if self.takes_value else f"[{self.names[-1]}]"
        if self.more.get("nargs") == "*":
            shown += "…"
        return shown if self.example else f"[{shown}]"


def argument(*names: str, help: str, values: Values | None = None, example: str = "", **more: Any) -> Argument:  # noqa: A002 - as argparse calls it
    """An `Argument`; what is not its own goes to `argparse`."""
    if not names[-1].startswith("-"):
        more.setdefault("nargs", "?")
    return Argument(names, help, more, values, example)


HELP_OPTION = argument("-h", "--help", help="show this", action="store_true")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UsageErrors with a suggestion; it never prints or exits."""

    def __init__(self, prog: str, about: str, arguments: Sequence[Argument]) -> None:
        super().__init__(prog=prog, add_help=False, description=about)
        self._declared = (*arguments, HELP_OPTION)
        for declared in self._declared:
            self.add_argument(*declared.names, help=declared.help, **declared.more)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with argparse's message, and how to see what is possible."""
        shown = "%conjure help cell" if self.prog.startswith("%%") else f"{self.prog} --help"
        raise UsageError(f"{self.prog}: {message}. {shown} shows the options.")

    def read(self, line: str) -> argparse.Namespace:
        """The options of a line typed by a person. Raises UsageError."""
        return self.read_words(split_words(line, self.prog))

    def read_words(self, words: Sequence[str]) -> argparse.Namespace:
        """The options in these words. Raises UsageError."""
        found, rest = self.parse_known_args(words)
        for word in rest:
            known = [option for action in self._actions for option in action.option_strings]
            if word.startswith("-"):
                raise UsageError(f"{self.prog} has no option {word}{suggest(word, known)}")
            hint = "; the request goes into the lines below it" if self.prog.startswith("%%") else ""
            raise UsageError(f"{self.prog} does not expect {word!r}{hint}")
        for declared in self._declared:
            if declared.example and not getattr(found, declared.names[0]):
                wanted = declared.more.get("metavar", declared.names[0])
                raise UsageError(f"{self.prog} wants {_a(wanted)} {wanted}, such as {declared.example}")
        return found


def _a(word: str) -> str:
    return "an" if word[:1] in "AEIOU" else "a"


def split_words(line: str, prog: str) -> list[str]:
    """The words of a line, as a shell would see them. Raises UsageError for a quote that is not closed."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{prog}: {error}: is a quote missing?") from None


def following(arguments: Sequence[Argument], context: CommandContext, before: Sequence[str]) -> list[str]:
    """What Tab offers after these words of a line: the values of an option just typed, else what is not there yet."""
    typed = _option_of(before)
    for declared in arguments:
        if declared.is_option and declared.takes_value and typed in declared.names:
            return list(declared.values(context)) if declared.values is not None else []
    words = [word for declared in arguments if not declared.is_option for word in _values(declared, context)]
    options = [name for declared in (*arguments, HELP_OPTION) for name in declared.names if name.startswith("--")]
    return [word for word in (*words, *options) if word not in before]


def _values(declared: Argument, context: CommandContext) -> Iterable[str]:
    return declared.values(context) if declared.values is not None else ()


def _option_of(before: Sequence[str]) -> str:
    """The option that a word after these would be a value of: after `--skills`, `--skills=`, `--skills a,`."""
    if not before:
        return ""
    last = before[-1]
    if last.startswith("-"):
        return last.partition("=")[0] if "=" not in last or last.endswith(("=", ",")) else ""
    return before[-2] if last.endswith(",") and len(before) > 1 else ""


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


# ---- what Tab offers


def session_names(context: CommandContext) -> list[str]:
    """The sessions of this kernel."""
    return sorted(context.sessions.by_name)


def _skill_names(context: CommandContext) -> list[str]:
    session = context.sessions.current
    return [*(skill.name for skill in session.skills.list()), *session.skill_spellings]


def _model_names(context: CommandContext) -> list[str]:
    return ["offline", *map(str, context.settings.models)]


def _variables(context: CommandContext) -> list[str]:
    return sorted(name for name in context.sessions.namespace() if not name.startswith("_"))


# ---- declarations

MODEL_ONCE = argument("--model", help="ask another model, this once", metavar="NAME")
YES = argument("--yes", help="let commands run without asking", action="store_true")


def choice_arguments() -> tuple[Argument, ...]:
    """The options that say who answers, and with which backends and skills; those of the backends come last."""
    return (
        argument(
            "--backend",
            metavar="B,…",
            action="append",
            help=f"where tools run: {', '.join(backend_names())}",
            values=lambda _: backend_names(),
        ),
        argument(
            "--skills",
            metavar="S,…",
            action="append",
            help="skill folders, .skill packages, names of skills, or variables: Python skills; for anthropic: xlsx, "
            "pdf, docx, pptx, xlsx@VERSION, custom:ID, anthropic:PATH",
            values=_skill_names,
        ),
        argument(
            "--model",
            metavar="M",
            help="offline, a model's id, a name in ConjureMagics.models, or a variable that holds a callable",
            values=_model_names,
        ),
        *_backend_arguments(),
    )


def _backend_arguments() -> list[Argument]:
    """The backends' own options, but for one that is called as an option of the cell is: that one stays the cell's."""
    own = {name for declared in CELL for name in declared.names} | {"--backend", "--skills", "--model", "--help"}
    found = map(_backend_argument, option_fields().items())
    return [declared for declared in found if own.isdisjoint(declared.names)]


def _backend_argument(option: tuple[str, Field[Any]]) -> Argument:
    """A backend's own option."""
    name, declared = option
    flag, about = f"--{name.replace('_', '-')}", {"dest": f"backend_{name}", "help": declared.metadata["help"]}
    if isinstance(declared.default, bool):
        return argument(flag, action="store_true", default=None, **about)
    return argument(flag, metavar=declared.metadata["metavar"], type=type(declared.default), **about)


def typed_options(options: argparse.Namespace) -> dict[str, object] | None:
    """The backends' own options that were typed, by name; None if none was."""
    typed = {name: getattr(options, f"backend_{name}", None) for name in option_fields()}
    return {name: value for name, value in typed.items() if value is not None} or None


CELL = (
    argument(
        "--session",
        metavar="NAME",
        help="the conversation to go on with, or to begin; it stays current",
        values=session_names,
    ),
    argument(
        "--with",
        dest="variables",
        metavar="VAR,…",
        action="append",
        help="kernel variables to send along",
        values=_variables,
    ),
    argument(
        "--attach", metavar="PATH,…", action="append", help="files to send along; uploaded for the backend anthropic"
    ),
    argument("--workspace", metavar="PATH", help="work in this folder, as it is"),
    argument("--input", metavar="PATH", help="the folder that relative paths in the request mean"),
    argument("-o", "--output", metavar="VAR", help="bind the result to this variable"),
    argument(
        "--yes",
        action="store_true",
        help="answer every question of this cell with yes: commands, files that are written, files of your home folder "
        "that are read, Python in your kernel, addresses that log-fetcher fetches, uploads",
    ),
    argument("--fresh", action="store_true", help="forget the conversation first"),
    argument("--max-rounds", metavar="N", type=_positive(int), help="model requests that this cell may take"),
    argument("--max-cost", metavar="USD", type=_positive(float), help="US dollars that this cell may cost"),
    argument(
        "--no-compact", action="store_true", help="refuse, rather than summarise, a conversation that grew too long"
    ),
    argument("--timeout", metavar="S", type=_positive(float), help="seconds that this cell may take"),
)
"""The options of `%%conjure` beside the choice."""


def cell_arguments() -> tuple[Argument, ...]:
    """The options of `%%conjure`."""
    return *choice_arguments(), *CELL


def cell_parser() -> Parser:
    """Reads the options of `%%conjure`."""
    return Parser("%%conjure", "Ask a model; it answers with the help of skills.", cell_arguments())
