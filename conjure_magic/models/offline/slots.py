"""Where in lines a value stands: a key, a field of JSON, a place between words; and the pattern that takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conjure_magic.models.offline.sampling import alternatives, stem_of

ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
_KEY = re.compile(r"(?<![\w.@/])([A-Za-z_][\w.-]*?)(\s?=\s?|: ?)(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[^\s,;)\]\"']+)")
_TOKEN = re.compile(r"\S+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?=(?:ms|s|secs?|seconds|kb|mb|bytes)?[\])},;:.]*$)", re.IGNORECASE)
_EDGE = "[](){}<>,;:'\"."


@dataclass(frozen=True)
class Slot:
    """A place for a value in lines of one kind."""

    kind: str
    """field (of JSON), key (name=value), address, number, quoted, word."""
    name: str
    """The field's or key's name; empty for a place between words."""
    pattern: str
    """The regular expression that takes the value; empty for a field."""
    before: tuple[str, ...]
    """Up to three words before it, nearest first, in lower case."""
    after: tuple[str, ...]
    """Up to two words behind it, nearest first."""
    value: str


def json_fields(line: str) -> dict[str, object]:
    """The fields of a line of JSON; empty for other lines."""
    if not line.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        pairs = re.findall(r"\"([\w.-]+)\":\s*(\"[^\"]*\"|-?[\d.]+|true|false|null)", line)
        return {name: value.strip('"') for name, value in pairs}
    return _flat(found) if isinstance(found, dict) else {}


def _flat(found: Mapping[str, object], depth: int = 4) -> dict[str, object]:
    """The fields with those of inner objects: user.name."""
    flat: dict[str, object] = {}
    for name, value in found.items():
        if isinstance(value, dict) and depth:
            flat |= {f"{name}.{inner}": each for inner, each in _flat(value, depth - 1).items()}
        else:
            flat[name] = value
    return flat


def slots(line: str) -> Iterator[Slot]:
    """Every place in a line where a value may stand."""
    fields = json_fields(line)
    if fields:
        for name, value in fields.items():
            yield Slot("field", name, "", (name.lower(),), (), str(value))
        return
    for match in _KEY.finditer(line):
        name, sign, value = match.groups()
        if "/" in value[:1] and sign == ":":
            continue
        numeric = _NUMBER.match(value.strip("\"'[]()")) is not None
        taken = r"(-?\d+(?:\.\d+)?)" if numeric else r"\"?([^\s,;\"\])]+)"
        escaped = re.escape(sign.strip())
        space = r"\s?" if " " in sign else ""
        pattern = rf"(?<![\w.]){re.escape(name)}{space}{escaped}{space}{taken}"
        yield Slot("key", name, pattern, (name.lower(),), (), value.strip("\"'[]()."))
    yield from _placed(line)


def _placed(line: str) -> Iterator[Slot]:
    """Places between words: addresses, numbers, quoted texts, other words with a digit."""
    tokens = list(_TOKEN.finditer(line))
    for index, token in enumerate(tokens):
        text = token[0].strip(_EDGE)
        before = tuple(stripped(tokens[i][0]) for i in range(index - 1, max(-1, index - 4), -1))
        after = tuple(stripped(tokens[i][0]) for i in range(index + 1, min(len(tokens), index + 3)))
        if not text:
            continue
        address = re.search(rf"(?<![\w.-]){ADDRESS}(?![\w-]|\.\w)", token[0])
        if address is not None:
            lead = token[0][: address.start()]
            yield Slot(
                "address",
                "",
                _behind(before, lead) + rf"(?<![\w.-])({ADDRESS})(?![\w-]|\.\w)",
                before,
                after,
                address[0],
            )
        elif _NUMBER.fullmatch(text) or re.fullmatch(r"-?\d+(?:\.\d+)?(?:ms|s)", text):
            unit = re.sub(r"^-?[\d.]+", "", text)
            more = (unit, *after) if unit else after
            yield Slot(
                "number", "", _behind(before, "") + r"\W?(-?\d+(?:\.\d+)?)" + _ahead(unit, after), before, more, text
            )
        elif token[0][:1] in "'\"" and len(text) > 1:
            quote = token[0][0]
            yield Slot("quoted", "", _behind(before, "") + rf"{quote}([^{quote}]+){quote}", before, after, text)
        elif re.fullmatch(r"[\w./:$@-]+", text):
            yield Slot("word", "", _behind(before, "") + r"\W?([\w./:$@-]*\w)", before, after, text)


def stripped(token: str) -> str:
    """A token in lower case, without the signs around it."""
    return token.strip(_EDGE + "=*#").lower()


def _behind(before: Sequence[str], lead: str) -> str:
    """The pattern of what stands before a value: one word, if it is always the same."""
    inside = re.search(r"([A-Za-z_]+)\W*$", lead)
    if inside is not None:
        return rf"{re.escape(lead[inside.start() :])}"
    word = before[0] if before else ""
    if not word:
        return "^" if not before else ""
    if re.search(r"\d", word) or not re.fullmatch(r"[\w().$/-]+", word):
        return r"\s\W?" if lead else ""
    return rf"(?i:\b{re.escape(word)})\W+" if word[:1].isalnum() else ""


def _ahead(unit: str, after: Sequence[str]) -> str:
    """The unit behind a number."""
    if unit:
        return rf"(?={re.escape(unit)}\b)"
    return (
        rf"(?=\s*{re.escape(after[0])}\b)"
        if after and after[0] in ("s", "ms", "seconds", "sec", "secs", "bytes")
        else ""
    )


def holds(line: str, word: str, *, alike: bool = True) -> bool:
    """True if a line holds a word, in any of its forms."""
    parts = alternatives(word) if alike else (stem_of(word),)
    return any(begins(line, part) for part in parts)


def begins(line: str, part: str) -> bool:
    """True if a word of a line begins with this, in any case; a capital inside of a name begins a word too."""
    low = line.lower()
    if len(low) != len(line):
        line = low
    start = low.find(part)
    while start >= 0:
        if start == 0 or not low[start - 1].isalpha() or (line[start].isupper() and line[start - 1].islower()):
            return True
        start = low.find(part, start + 1)
    return False


def words_of(line: str) -> list[str]:
    """The words of a line in lower case, names in their parts: blockMap is block and map."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", line)]
