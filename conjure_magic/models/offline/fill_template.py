"""A template filled from what a request names: the command, what is missing, what was used."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from conjure_magic.models.offline.conversation import Surroundings
from conjure_magic.models.offline.mentions import Mentions
from conjure_magic.models.offline.template import Fixed, Option, Positional, Template, Value
from conjure_magic.models.offline.vocabulary import FORMATS, SEARCHES, SYNONYMS
from conjure_magic.skills.ranking import stem, stems

USUAL_NUMBER = "10"
"""How many, where "the most frequent" are asked for and no number is named."""


@dataclass(frozen=True)
class Material:
    """What a command may be filled with."""

    mentions: Mentions
    inputs: tuple[str, ...]
    """Paths to read, from the request or, where it names none, from before; made absolute."""
    urls: tuple[str, ...]
    skill_directory: str
    spelling: str = ""
    """The skill's own text: tells how it spells a level."""


@dataclass
class Filled:
    """A command ready to run, or what it lacks."""

    command: str = ""
    missing: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Mentions that went in."""
    asked: int = 0
    """How many of its options the request asks for."""
    unasked: float = 0.0
    """Those that it does not ask for and are in anyway: a flag counts 1, a file to write 0.1."""


def quoted_path(path: str) -> str:
    """A path as a shell word: `*` and `?` still match files, a leading `~/` is the home, nothing else acts."""
    home, rest = ("~/", path[2:]) if path.startswith("~/") else ("", path)
    pieces = re.split(r"([*?]+)", rest)
    word = "".join(piece if index % 2 else shlex.quote(piece) if piece else "" for index, piece in enumerate(pieces))
    return home + word if home or not word.startswith("-") else f"./{word}"


def absolute(path: str, surroundings: Surroundings, made: Iterable[str] = ()) -> str:
    """A path of the request as commands find it: in the input folder, or in the workspace if it was made there."""
    if path.startswith(("/", "~/")) or not surroundings.input_folder:
        return path
    if posixpath.normpath(path) in {posixpath.normpath(name) for name in made}:
        return path
    return posixpath.normpath(posixpath.join(surroundings.input_folder, path)) + ("/" if path.endswith("/") else "")


def asks_for(words: Iterable[str], mentions: Mentions) -> bool:
    """True if the request holds one of the words, or one that means the same."""
    return any(stem(word) in mentions.stems or _means(word, mentions.stems | mentions.words) for word in words)


def _means(word: str, wanted: frozenset[str]) -> bool:
    return any(other in wanted or stem(other) in wanted for other in SYNONYMS.get(word, ()))


def fill(template: Template, material: Material, *, plain: bool = False) -> Filled:
    """The template's command with every value that the material has; `plain` leaves out all that can be."""
    return _Filling(material, plain).run(template)


class _Filling:
    """One template being filled; each number, file and output name goes in once."""

    def __init__(self, material: Material, plain: bool) -> None:
        self.material = material
        self.plain = plain
        self.filled = Filled()
        self._inputs = list(material.inputs)
        self._outputs = list(material.mentions.outputs)
        self._numbers = list(material.mentions.numbers)
        self._quoted = list(material.mentions.quoted)
        self._positionals = 0

    def run(self, template: Template) -> Filled:
        slots = [part for part in template.parts if isinstance(part, Positional) and part.value.kind == "input"]
        self._positionals = len(slots)
        options = {id(part): self._option(part) for part in template.parts if isinstance(part, Option)}
        words = []
        for part in template.parts:
            match part:
                case Fixed(text, is_skill_path):
                    words.append(self._skill_path(text) if is_skill_path else text)
                case Positional():
                    words.append(self._positional(part))
                case Option():
                    words.append(options[id(part)])
        self.filled.command = " ".join(word for word in words if word)
        return self.filled

    def _skill_path(self, text: str) -> str:
        return shlex.quote(posixpath.normpath(f"{self.material.skill_directory}/{text}"))

    def _positional(self, part: Positional) -> str:
        value = self._find(part.value)
        if value is None and part.value.kind == "text" and not part.optional and self._inputs:
            value = quoted_path(self._one_input())
        if value is None and part.value.kind == "output" and not part.optional:
            return part.value.raw if part.value.is_example else f"output.{part.value.extension or 'txt'}"
        if value is None and not part.optional:
            self.filled.missing.append(part.value.raw.strip("\"'<>{}"))
            return part.value.raw
        return value or ""

    def _option(self, option: Option) -> str:
        """The option as it goes in; empty if it is left out."""
        words = re.findall(r"[a-z]+", option.name.lower())
        asked = asks_for(words, self.material.mentions)
        refused = _refuses(words, self.material.mentions)
        if option.value is None:
            wanted = asked if option.optional else not self.plain or asked
            weight = 1.0 if FORMATS & set(words) else 0.1
            return self._count(option.name, asked, weight) if wanted and not refused else ""
        if refused or (self.plain and not asked):
            return ""
        value = self._option_value(option, option.value, asked)
        if value is None:
            return ""
        named = option.value.kind == "word" and bool(set(stems(option.value.raw)) & self.material.mentions.stems)
        given = asked or named or not (option.value.is_example or option.value.kind == "output")
        return self._count(f"{option.name}{option.separator}{value}", given, 0.1)

    def _count(self, text: str, asked: bool, weight: float) -> str:
        if asked:
            self.filled.asked += 1
        else:
            self.filled.unasked += weight
        return text

    def _option_value(self, option: Option, value: Value, asked: bool) -> str | None:
        """The value of an option; None to leave the option out."""
        if value.kind == "output":
            if option.optional and not asked and not self._output(value, take=False):
                return None
            named = self._output(value, take=True)
            if named is not None:
                return named
            return value.raw if value.is_example else shlex.quote(self._default_name(option, value))
        if value.kind == "text" and option.optional and not asked:
            return None
        found = self._find(value, needs_word=option.optional or value.is_example)
        if found is None and value.kind == "text" and not value.is_example and (asked or not option.optional):
            found = self._named(option)
        if found is None and not option.optional and value.is_example:
            self.filled.unasked += self._strangeness(value)
            if value.kind == "text" and self._strangeness(value):
                self.filled.missing.append(option.name.lstrip("-"))
            return value.raw
        if found is None and not option.optional and value.kind == "number" and asked:
            return USUAL_NUMBER
        if found is None and not option.optional and value.kind == "text":
            self.filled.unasked += 1.5  # the command without what it is to look for is another one
        return found

    def _named(self, option: Option) -> str | None:
        """What the request calls by the option's name: "column b" for `--column NAME`."""
        words = re.findall(r"[a-z]+", option.name.lower()) + sorted(option.value.words if option.value else ())
        named = (self.material.mentions.named.get(word) for word in words)
        given = (text for text in named if text is not None and text.lower() not in words)
        return next((self._take(text) for text in given if text not in self.filled.used), None)

    def _strangeness(self, value: Value) -> float:
        """How far an author's own value is from what is asked: their pattern, their level."""
        mentions = self.material.mentions
        if value.kind == "text":
            return 0.0 if mentions.stems & set(stems(value.raw)) else 1.5
        return 0.4 if value.kind == "level" and not mentions.topics else 0.0

    def _default_name(self, option: Option, value: Value) -> str:
        stem_ = option.name.strip("-").replace("-", "_")
        return f"{'table' if stem_ == value.extension else stem_}.{value.extension or 'txt'}"

    def _find(self, value: Value, *, needs_word: bool = False) -> str | None:
        """The value's text, shell-quoted; None if the material has none."""
        match value.kind:
            case "input":
                return self._input(value)
            case "output":
                return self._output(value, take=True)
            case "url":
                return self._take(self.material.urls[0]) if self.material.urls else None
            case "number":
                return self._number(value, needs_word)
            case "level":
                return self._level(value)
            case "time":
                return self._time(value)
            case "text":
                return self._text(value)
            case _:
                return None

    def _take(self, text: str) -> str:
        self.filled.used.add(text)
        return shlex.quote(text)

    def _one_input(self) -> str:
        path = self._inputs.pop(0)
        self.filled.used.add(path)
        return path

    def _input(self, value: Value) -> str | None:
        if not self._inputs or not _suits(self._inputs, value):
            return None
        every = value.many or self._positionals == 1
        taken = self._inputs if every else self._inputs[:1]
        self._inputs = self._inputs[len(taken) :]
        self.filled.used.update(taken)
        return " ".join(quoted_path(path) for path in taken)

    def _output(self, value: Value, *, take: bool) -> str | None:
        """A name of the request to write to: of the value's extension, or the only one there is."""
        fitting = [p for p in self._outputs if not value.extension or p.lower().endswith(f".{value.extension}")]
        if not fitting:
            return None
        if take:
            self._outputs.remove(fitting[0])
            self.filled.used.add(fitting[0])
        return quoted_path(fitting[0])

    def _number(self, value: Value, needs_word: bool) -> str | None:
        keys = {key for word in value.words for key in (word, *SYNONYMS.get(word, ()))}
        keys |= {stem(key) for key in keys}
        near = [number for number in self._numbers if number.near & keys]
        chosen = near[:1] or ([] if needs_word else self._numbers[:1])
        if not chosen:
            return None
        self._numbers.remove(chosen[0])
        return self._take(chosen[0].text)

    def _level(self, value: Value) -> str | None:
        mentions = self.material.mentions
        levels = mentions.levels or (mentions.topics if value.is_example else ())
        if not levels:
            return None
        spelled = levels[0]
        if spelled in ("WARN", "WARNING"):
            known = re.findall(r"\bWARN(?:ING)?\b", self.material.spelling)
            spelled = known[0] if known else spelled
        self.filled.used.add(levels[0])
        if not value.is_example:
            return spelled
        own = value.raw.strip("\"'")
        return (spelled.lower() if own.islower() else spelled) + ("+" if own.endswith("+") else "")

    def _time(self, value: Value) -> str | None:
        keys = {key for word in value.words for key in (word, *SYNONYMS.get(word, ()))}
        times = (time for time in self.material.mentions.times if time.text not in self.filled.used)
        fitting = [time.text for time in times if time.before in keys]
        return self._take(fitting[0]) if fitting else None

    def _text(self, value: Value) -> str | None:
        sought = self.material.mentions.sought if value.words & SEARCHES else ()
        given = [text for text in (*self._quoted, *sought) if text not in self.filled.used]
        if not given:
            return None
        self._quoted = [text for text in self._quoted if text != given[0]]
        return self._take(given[0])


def _suits(paths: list[str], value: Value) -> bool:
    """True unless a placeholder such as IMAGE.png wants files of another kind than all of these."""
    if value.is_example or not value.extension:
        return True
    endings = {path.lower().rpartition(".")[2] for path in paths}
    return bool({ending for ending in endings if ending.startswith(value.extension)}) or any(
        "*" in path for path in paths
    )


def _refuses(words: list[str], mentions: Mentions) -> bool:
    """True for "without a chart", "no csv"."""
    return any(stem(word) in mentions.refused or _means(word, mentions.refused) for word in words)
