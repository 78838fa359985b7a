"""Options of `%%conjure` and `%conjure`: declarations, parsing, completion, and errors with suggestions."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field
from typing import Any, NoReturn, Protocol

from conjure_magic.backends import backend_names, option_fields
from conjure_magic.errors import UsageError
from conjure_magic.settings import split_list


class Names(Protocol):
    """The names that Tab completion offers; `Sessions` knows them."""

    def session_names(self) -> list[str]:
        """The sessions of this kernel."""
        ...

    def skill_names(self) -> list[str]:
        """The skills of the current session."""
        ...

    def model_names(self) -> list[str]:
        """The offline model, and the models named in the settings."""
        ...

    def variable_names(self) -> list[str]:
        """The user's variables."""
        ...


Values = Callable[[Names], Iterable[str]]
"""Completions for an argument."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option or positional argument of `%%conjure` or of a command."""

    names: tuple[str, ...]
    """"-o", "--output"; or the name of a positional argument."""
    help: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further keyword arguments for `argparse`: metavar, type, action, …"""
    values: Values | None = None
    """Completions; None: paths, which IPython completes by itself."""
    example: str = ""
    """For a required positional argument: an example for the message if it is missing."""

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
        """As written in a usage line: "[--into DIR]", "PATH", "[N]"."""
        shown = str(self.more.get("metavar", self.names[0]))
        if self.is_option:
            return f"[{self.names[-1]} {shown}]" if self.takes_value else f"[{self.names[-1]}]"
        if self.more.get("nargs") == "*":
            shown += "…"
        return shown if self.example else f"[{shown}]"


def argument(*names: str, help: str, values: Values | None = None, example: str = "", **more: Any) -> Argument:  # noqa: A002 - as argparse calls it
    """Create an `Argument`; further keyword arguments are passed to `argparse`."""
    if not names[-1].startswith("-"):
        more.setdefault("nargs", "?")
    return Argument(names, help, more, values, example)


HELP_OPTION = argument("-h", "--help", help="show this help", action="store_true")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError with a suggestion, and never prints or exits."""

    def __init__(self, prog: str, about: str, arguments: Sequence[Argument]) -> None:
        super().__init__(prog=prog, add_help=False, description=about)
        self._declared = (*arguments, HELP_OPTION)
        for declared in self._declared:
            self.add_argument(*declared.names, help=declared.help, **declared.more)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with argparse's message and the command that shows the options."""
        shown = "%conjure help cell" if self.prog.startswith("%%") else f"{self.prog} --help"
        raise UsageError(f"{self.prog}: {message}. {shown} shows the options.")

    def read(self, line: str) -> argparse.Namespace:
        """Parse a line as typed. Raises UsageError."""
        return self.read_words(split_words(line, self.prog))

    def read_words(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse these words. Raises UsageError."""
        found, rest = self.parse_known_args(words)
        for word in rest:
            known = [option for action in self._actions for option in action.option_strings]
            if word.startswith("-"):
                raise UsageError(f"{self.prog} has no option {word}{suggest(word, known)}")
            hint = "; write the request on the lines below" if self.prog.startswith("%%") else ""
            raise UsageError(f"{self.prog} does not expect {word!r}{hint}")
        for declared in self._declared:
            if declared.example and not getattr(found, declared.names[0]):
                wanted = declared.more.get("metavar", declared.names[0])
                raise UsageError(f"{self.prog} needs {_a(wanted)} {wanted}, such as {declared.example}")
        return found


def _a(word: str) -> str:
    return "an" if word[:1] in "AEIOU" else "a"


_WINDOWS_PATH = re.compile(r"(?<![^\s=,])(?:[A-Za-z]:\\|\\\\(?=\w))[^\s'\"]*")
"""`C:\\folder` or `\\\\server\\share`, outside quotes."""


def split_words(line: str, prog: str) -> list[str]:
    """Split a line as a shell would, but keep the backslashes of Windows paths.

    Raises UsageError for a quote that is not closed.
    """
    try:
        return shlex.split(_WINDOWS_PATH.sub(lambda found: found[0].replace("\\", "\\\\"), line))
    except ValueError as error:
        raise UsageError(f"{prog}: {error}: is a quote missing?") from None


def following(arguments: Sequence[Argument], names: Names, before: Sequence[str]) -> list[str]:
    """Completions after these words: the values of an option just typed, else the options not used yet."""
    typed = _option_of(before)
    for declared in arguments:
        if declared.is_option and declared.takes_value and typed in declared.names:
            return list(declared.values(names)) if declared.values is not None else []
    words = [word for declared in arguments if not declared.is_option for word in _values(declared, names)]
    options = [o for declared in (*arguments, HELP_OPTION) for o in declared.names if o.startswith("--")]
    return [word for word in (*words, *options) if word not in before]


def _values(declared: Argument, names: Names) -> Iterable[str]:
    return declared.values(names) if declared.values is not None else ()


def _option_of(before: Sequence[str]) -> str:
    """The option whose value the next word would be: after `--skills`, `--skills=`, `--skills a,`."""
    if not before:
        return ""
    last = before[-1]
    if last.startswith("-"):
        return last.partition("=")[0] if "=" not in last or last.endswith(("=", ",")) else ""
    return before[-2] if last.endswith(",") and len(before) > 1 else ""


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or `; choose from X, Y, …` if nothing is similar; empty if nothing is known."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; choose from {', '.join(names)}" if names else ""


def flatten(values: Sequence[str] | None) -> list[str] | None:
    """Values of a list option, separated by commas or given repeatedly; None if the option was not given."""
    return None if values is None else [part for value in values for part in split_list(value)]


def _positive(kind: type[int] | type[float]) -> Any:
    def read(text: str) -> int | float:
        with contextlib.suppress(ValueError):
            value = kind(text)
            if 0 < value < float("inf"):
                return value
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"expected {what} above 0, not {text!r}")

    return read


# ---- declarations


def known_sessions(names: Names) -> list[str]:
    """Completions for the name of a session."""
    return names.session_names()


MODEL_ONCE = argument("--model", help="use another model, this time only", metavar="NAME")
YES = argument("--yes", help="let commands run without asking", action="store_true")


def choice_arguments() -> tuple[Argument, ...]:
    """The options that choose backends, skills and model, followed by the backends' own options."""
    return (
        argument(
            "--backend",
            metavar="B,…",
            action="append",
            help=f"backends that run tools: {', '.join(backend_names())}",
            values=lambda _: backend_names(),
        ),
        argument(
            "--skills",
            metavar="S,…",
            action="append",
            help="skill folders, .skill packages, names of skills, or variables that contain Python skills; for the "
            "anthropic backend also xlsx, pdf, docx, pptx, xlsx@VERSION, custom:ID and anthropic:PATH",
            values=lambda names: names.skill_names(),
        ),
        argument(
            "--model",
            metavar="M",
            help="offline, a model ID, a name in ConjureMagics.models, or a variable that contains a callable",
            values=lambda names: names.model_names(),
        ),
        *_backend_arguments(),
    )


def _backend_arguments() -> list[Argument]:
    """The backends' own options, except those whose names are taken by options of the cell."""
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
    """The backends' own options that were given, by name; None if there are none."""
    typed = {name: getattr(options, f"backend_{name}", None) for name in option_fields()}
    return {name: value for name, value in typed.items() if value is not None} or None


CELL = (
    argument(
        "--session",
        metavar="NAME",
        help="session to continue, or to create if new; it becomes the current one",
        values=known_sessions,
    ),
    argument(
        "--with",
        dest="variables",
        metavar="VAR,…",
        action="append",
        help="kernel variables to send with the request",
        values=lambda names: names.variable_names(),
    ),
    argument(
        "--attach",
        metavar="PATH,…",
        action="append",
        help="files to send with the request; uploaded for the anthropic backend",
    ),
    argument("--workspace", metavar="PATH", help="work directly in this folder"),
    argument("--input", metavar="PATH", help="folder that relative paths in the request refer to"),
    argument("-o", "--output", metavar="VAR", help="assign the result to this variable"),
    argument(
        "--yes",
        action="store_true",
        help="answer yes to every question of this cell: running commands, writing files, reading files in your home "
        "folder, running Python in your kernel, fetching addresses with log-fetcher, uploading files",
    ),
    argument("--fresh", action="store_true", help="forget the conversation first"),
    argument("--max-rounds", metavar="N", type=_positive(int), help="maximum number of model requests"),
    argument("--max-cost", metavar="USD", type=_positive(float), help="maximum cost in US dollars"),
    argument("--no-compact", action="store_true", help="fail, rather than summarise, if the conversation is too long"),
    argument("--timeout", metavar="S", type=_positive(float), help="maximum duration in seconds"),
)
"""The options of `%%conjure` in addition to `choice_arguments`."""


def cell_arguments() -> tuple[Argument, ...]:
    """The options of `%%conjure`."""
    return *choice_arguments(), *CELL


def cell_parser() -> Parser:
    """The parser of `%%conjure`'s options."""
    return Parser("%%conjure", "Ask a model, which answers with the help of skills.", cell_arguments())
