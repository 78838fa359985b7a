"""A documented command taken apart: what is fixed, what stands for a value, what may be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conjure_magic.models.offline.mentions import is_path
from conjure_magic.models.offline.vocabulary import (
    EXTENSIONS,
    INTERPRETERS,
    KINDS,
    LEVELS,
    NOT_PLACEHOLDERS,
    SEARCHES,
    SHELL_VARIABLES,
    WRITTEN,
    Kind,
)

_DIRECTORY = re.compile(
    r"^[\"']?(?:\$\{?(?:CLAUDE_)?SKILL_DIR(?:ECTORY)?\}?|\{(?:base|skill)_?-?[dD]ir(?:ectory)?\}|"
    r"<(?:base|skill)[ _-]?dir(?:ectory)?>|(?:/path/to|path/to)/(?:the[_-])?(?:this[_-])?skill)/"
)
SEPARATORS = frozenset({"|", "||", "&&", ";", "&"})
"""Words behind which another program begins."""
OPERATORS = SEPARATORS | {">", ">>", "<"}
ELLIPSES = ("…", "...")
_RESOURCE = re.compile(r"^(?:\./)?(?:scripts|references|assets|templates|examples|bin|tools|lib)/")
_SCRIPT = re.compile(r"\.(?:py|sh|js|mjs|ts|rb|pl|R|bash|php|jl)$")


@dataclass(frozen=True)
class Fixed:
    """Text that stays as it is written; a path of the skill's own is made absolute."""

    text: str
    is_skill_path: bool = False


@dataclass(frozen=True)
class Value:
    """What is to be filled in."""

    raw: str
    """As documented: FILE, PATH.svg, <url>, app.log."""
    kind: Kind
    words: frozenset[str]
    """What it and its option are called."""
    many: bool = False
    is_example: bool = False
    """A concrete value of the author's, which may stay."""
    extension: str = ""


@dataclass(frozen=True)
class Option:
    """An option, with the value that it takes if it takes one."""

    name: str
    value: Value | None = None
    optional: bool = False
    """Written in brackets."""
    separator: str = " "


@dataclass(frozen=True)
class Positional:
    """A value without an option."""

    value: Value
    optional: bool = False


Part = Fixed | Option | Positional


@dataclass(frozen=True)
class Template:
    """A documented command's parts, in order."""

    parts: tuple[Part, ...]

    @property
    def options(self) -> tuple[Option, ...]:
        """Its options."""
        return tuple(part for part in self.parts if isinstance(part, Option))

    @property
    def values(self) -> tuple[Value, ...]:
        """Everything that is to be filled in."""
        found = (part.value for part in self.parts if not isinstance(part, Fixed))
        return tuple(value for value in found if value is not None)

    @property
    def program(self) -> str:
        """What runs, without options and values: tells whether two commands are the same program."""
        return " ".join(part.text for part in self.parts if isinstance(part, Fixed))


def parse_template(command: str) -> Template | None:
    """The parts of a documented command; None if its quotes or brackets do not add up."""
    tokens = list(_tokens(command))
    if None in tokens:
        return None
    parts = list(_parts([token for token in tokens if token is not None]))
    return Template(tuple(_keep_own_files(_with_input(parts))))


def _with_input(parts: list[Part]) -> list[Part]:
    """An image that is all that a command names is read, not written: `compress IMAGE.png`."""
    positionals = [part for part in parts if isinstance(part, Positional)]
    if any(part.value.kind in ("input", "url", "text") for part in positionals):
        return parts
    read = next((part for part in positionals if part.value.kind == "output" and not part.value.words & WRITTEN), None)
    if read is None or read.value.is_example:
        return parts
    return [Positional(replace(read.value, kind="input"), read.optional) if part is read else part for part in parts]


def _keep_own_files(parts: list[Part]) -> Iterator[Part]:
    """A file of the author's that one part writes and a later one reads keeps its name in both."""
    values = [part.value for part in parts if isinstance(part, Positional) and part.value.is_example]
    files = [(value.kind, value.raw) for value in values]
    own = {raw for kind, raw in files if kind == "output"} & {raw for kind, raw in files if kind == "input"}
    for part in parts:
        yield Fixed(part.value.raw) if isinstance(part, Positional) and part.value.raw in own else part


def _tokens(command: str, *, optional: bool = False) -> Iterator[tuple[str, bool] | None]:
    """The words of a command as written, quotes kept, with whether each stands in brackets; None where that fails."""
    index = 0
    while index < len(command):
        if command[index].isspace():
            index += 1
            continue
        end = _end_of_group(command, index) if re.match(r"\[\S", command[index : index + 2]) else 0
        inside = command[index + 1 : end - 1] if end else ""
        if end and _is_usage(inside):
            yield from _tokens(inside.replace("|", " "), optional=True)
            index = end
            continue
        end = _end_of_word(command, index)
        if not end:
            yield None
            return
        yield command[index:end], optional
        index = end


def _end_of_group(command: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`; 0 if none does."""
    depth = 0
    for index in range(start, len(command)):
        depth += {"[": 1, "]": -1}.get(command[index], 0)
        if not depth:
            return index + 1
    return 0


_WORD = re.compile(r"(?:\"[^\"]*\"|'[^']*'|<\w[\w .|/-]*>|\{\w[\w .|/-]*\}|\\.|[^\s\"'\\])+")


def _end_of_word(command: str, start: int) -> int:
    """The position after the word at `start`, quoted blanks inside; 0 if a quote in it is not closed."""
    word = _WORD.match(command, start)
    end = word.end() if word is not None else start
    return end if end == len(command) or command[end].isspace() else 0


def named_option(name: str, value: str) -> Option:
    """An option that is documented by itself; one whose name tells that it takes a value takes one."""
    words = _words(name)
    kind = kind_of(words)
    if not value and (kind in ("level", "time", "number") or words & SEARCHES):
        return Option(
            name, Value(name.lstrip("-").upper(), kind if kind in ("level", "time", "number") else "text", words)
        )
    return Option(name, _value(value, name) if value else None)


def _is_usage(group: str) -> bool:
    """True for what brackets mark as optional; false for a shell test or a character class."""
    words = group.split()
    return bool(words) and (re.match(r"--?\w", words[0]) is not None or _is_placeholder(words[0].rstrip(".…")))


def _parts(tokens: list[tuple[str, bool]]) -> Iterator[Part]:
    index, interpreter, seen_program = 0, False, False
    rest = [text for text, _ in tokens]
    while index < len(tokens):
        text, optional = tokens[index]
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        index += 1
        if text in (">", ">>", "<") and following is not None:
            yield Fixed(text)
            yield Positional(_value(following[0], "--output" if text != "<" else "--input"))
            index += 1
        elif text in SEPARATORS:
            yield Fixed(text)
            interpreter = seen_program = False
        elif interpreter and text in ("-m", "-c") and following is not None:
            yield Fixed(f"{text} {following[0]}")
            index += 1
            interpreter, seen_program = False, True
        elif interpreter and (text.startswith("-") or text == "run"):
            yield Fixed(text)
        elif interpreter:
            yield _program(text)
            interpreter, seen_program = False, True
        elif not seen_program and text.rpartition("/")[2] in INTERPRETERS:
            interpreter = True
            yield Fixed(text)
        elif not seen_program and re.match(r"\w+=", text):
            yield Fixed(text)
        elif not seen_program and not text.startswith("-"):
            seen_program = True
            yield _program(text)
        elif text.startswith("-") and len(text) > 1 and not text[1:2].isdigit():
            option, taken = _option(text, optional, following, [*rest[: index - 1], *rest[index + 1 :]])
            index += taken
            yield option
        else:
            repeated = following is not None and following[0] in ELLIPSES
            index += repeated
            yield _positional(text, optional, many=repeated)


def _program(text: str) -> Fixed:
    """The script or program at the head of a command."""
    inside = _DIRECTORY.sub("", text).strip("\"'")
    if inside != text.strip("\"'"):
        return Fixed(inside, is_skill_path=True)
    relative = not text.startswith(("/", "~", "$"))
    return Fixed(text, is_skill_path=relative and ("/" in text or _SCRIPT.search(text) is not None))


def _option(text: str, optional: bool, following: tuple[str, bool] | None, others: list[str]) -> tuple[Option, int]:
    """An option, and how many tokens after it are its value."""
    name, equals, value = text.partition("=")
    if equals:
        return Option(name, _value(value, name), optional, "="), 0
    if following is None or following[0].startswith("-") or following[1] != optional:
        return Option(name, None, optional), 0
    raw = following[0]
    if raw in OPERATORS or (not optional and _is_the_only_input(raw, name, others)):
        return Option(name, None, optional), 0
    return Option(name, _value(raw, name), optional), 1


_FILE_OPTIONS = frozenset({"file", "input", "path", "in", "out", "output", "f", "i", "o"})


def _is_the_only_input(raw: str, option: str, others: list[str]) -> bool:
    """True for the FILE of `--json FILE`, which is the command's input and not the option's value."""
    if not _is_placeholder(raw) or kind_of(_words(raw)) != "input" or _extension(raw):
        return False
    if _words(option) & _FILE_OPTIONS:
        return False
    return not any(_is_placeholder(token) and kind_of(_words(token)) == "input" for token in others)


def _positional(text: str, optional: bool, *, many: bool) -> Part:
    bare = text.strip("\"'")
    if _DIRECTORY.match(text):
        return Fixed(_DIRECTORY.sub("", text).strip("\"'"), is_skill_path=True)
    if bare in ELLIPSES or bare.strip("<>{}").lower() in ("options", "args"):
        return Fixed("")
    if _is_placeholder(text):
        return Positional(_value(text, "", many=many), optional)
    if _RESOURCE.match(bare):
        return Fixed(bare, is_skill_path=True)
    if re.match(r"https?://", bare) or is_path(bare):
        return Positional(_value(text, "", many=many), optional)
    return Fixed(text)


def _is_placeholder(token: str) -> bool:
    """True for FILE, N, PATH.svg, FILE…, <file>, {file}, "KEY", path/to/file.log."""
    bare = token.strip("\"'").rstrip("…").removesuffix("...")
    if re.fullmatch(r"<[^<>]+>|\{\w[\w -]*\}|(?:/?path/to/|your[-_])\S+", bare):
        return True
    variable = re.fullmatch(r"\$(?:([A-Z][A-Z0-9_]*)|\{([A-Z][A-Z0-9_]*)\})", bare)
    if variable is not None:
        return (variable[1] or variable[2]) not in SHELL_VARIABLES
    capitals = re.fullmatch(r"[A-Z][A-Z0-9_-]*(\.[a-z0-9]{1,6})?", bare)
    return capitals is not None and bare not in NOT_PLACEHOLDERS and bare.lower() not in LEVELS


def _value(raw: str, option: str, *, many: bool = False) -> Value:
    bare = raw.strip("\"'")
    many = many or bare.endswith(ELLIPSES)
    words = _words(bare) if _is_placeholder(raw) else frozenset[str]()
    kind: Kind | None
    if re.match(r"https?://", bare):
        kind = "url"
    elif not _is_placeholder(raw):
        kind = _example_kind(raw, bare, option)
    else:
        kind = _placeholder_kind(words, option, _extension(bare))
    return Value(
        raw,
        kind or "text",
        words | _words(option),
        many or (bool(words & {"files", "paths", "logs"}) and not option),
        is_example=not _is_placeholder(raw),
        extension=_extension(bare) or _extension_of(option),
    )


def _example_kind(raw: str, bare: str, option: str) -> Kind:
    """What an author's own value stands for."""
    by_option = kind_of(_words(option)) if option else None
    if is_path(bare):
        if not option:
            return "output" if re.match(r"(?:out|result)", bare) else "input"
        return "input" if by_option == "input" and _words(option) & _FILE_OPTIONS else "output"
    if re.fullmatch(r"\d+(?:\.\d+)?", bare):
        return "number"
    if by_option in ("level", "time", "url"):
        return by_option
    return "text" if raw.startswith(("'", '"')) else "word"


def _placeholder_kind(words: frozenset[str], option: str, extension: str) -> Kind | None:
    """What a placeholder stands for: its own name decides, unless the option's says that a path is written."""
    own, by_option = kind_of(words), kind_of(_words(option)) if option else None
    reads = bool(_words(option) & {"file", "input", "in", "i", "f", "from", "source"})
    if own == "input" and option and not reads:
        return "output" if by_option in ("output", "input") or extension else own
    if own in (None, "number") and by_option is not None:
        return "output" if by_option == "input" and not reads else by_option
    if own == "text" or own is None:
        return "output" if extension and option else "input" if extension else by_option
    return own


def _words(name: str) -> frozenset[str]:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip("\"'<>{}[]…"))
    parts = [part for part in re.split(r"[^A-Za-z]+", text.lower()) if part]
    return frozenset(part for part in parts if part not in ("your", "the", "to", "a", "an"))


def kind_of(words: frozenset[str]) -> Kind | None:
    """What a value or option of these names stands for; None if they do not tell."""
    return next((kind for kind, names in KINDS if words & names), None)


def _extension(raw: str) -> str:
    suffix = raw.strip("\"'<>{}…").rpartition(".")[2].lower()
    return suffix if suffix in EXTENSIONS and "." in raw else ""


def _extension_of(option: str) -> str:
    """The extension that an option's name promises: csv for --csv."""
    return next((word for word in sorted(_words(option)) if word in EXTENSIONS - {"log", "out", "db"}), "")
