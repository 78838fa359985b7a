"""What a request names: files to read, files to write, addresses, numbers, levels, times, quoted words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from conjure_magic.models.offline.vocabulary import EXTENSIONS, LEVELS, PICTURES
from conjure_magic.skills.ranking import STOP_WORDS, stems

_URL = re.compile(r"\bhttps?://[^\s<>\"'`]+", re.IGNORECASE)
_QUOTED = re.compile(
    r"\"([^\"\n]{1,300})\"|`([^`\n]{1,300})`|(?<![\w'])'([^'\n]{1,300})'(?!\w)|“([^”\n]{1,300})”|«([^»\n]{1,300})»"
)
_NUMBER = re.compile(r"(?<![\w./:-])(\d[\d,_]*(?:\.\d+)?)(?![\w/:-]|\.\d)")
_TIME = re.compile(r"(?<![\w./-])(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\d{1,2}:\d\d(?::\d\d)?)(?![\w/])")
_WRITES = re.compile(
    r"(?:\b(?:(?:sav|writ|stor|export|put|draw|creat|mak|produc|plot)\w*|chart|graph|csv|table|output|result|report)\b"
    r"[^.!?\n]{0,40}\s(?:to|as|into|called|named)|\b(?:sav|writ|stor|export|put)\w*\b[^.!?\n]{0,40}\sin|"
    r"\b(?:called|named|into|output(?: file)?:?))\s+(?:the\s+file\s+)?\Z",
    re.IGNORECASE,
)
_LEVEL = "|".join(LEVELS)
_LEVEL_CUES = (
    re.compile(rf"\b(?:only|just|level|severity|solely)\s+(?:the\s+|of\s+|is\s+)?({_LEVEL})s?\b", re.IGNORECASE),
    re.compile(rf"\b({_LEVEL})s?\s+(?:only|alone|level|severity|lines|entries|records|messages)\b", re.IGNORECASE),
    re.compile(rf"\b({_LEVEL.upper()})S?\b"),
)
_SOUGHT = re.compile(
    r"\b(?:containing|contains?|matching|mentioning|search(?:ing)? for|grep(?: for)?|look(?:ing)? for|"
    r"(?:pattern|word|term|phrase|keyword))\s+(?:the\s+(?:word|term|phrase)\s+)?(?![\"'`“«])(\S+)",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\b(?:without|no|not|skip|omit)\s+(?:an?\s+|the\s+|any\s+)?([^\W\d_]+)", re.IGNORECASE)
_NAMED = re.compile(r"(?=\b([^\W\d_]+)(?:\s*[:=]\s*|\s)(?:(?:called|named)\s)?([\w.-]*\w))")
_EDGES = ".,;:!?()[]{}<>\"'`“”«»…"


@dataclass(frozen=True)
class PathMention:
    """A path as the request has it."""

    text: str
    is_output: bool


@dataclass(frozen=True)
class NumberMention:
    """A number, with the stems of the words around it."""

    text: str
    near: frozenset[str]


@dataclass(frozen=True)
class TimeMention:
    """A date or a time of day, with the word before it."""

    text: str
    before: str


@dataclass(frozen=True)
class Mentions:
    """Everything that a text names."""

    paths: tuple[PathMention, ...] = ()
    urls: tuple[str, ...] = ()
    numbers: tuple[NumberMention, ...] = ()
    levels: tuple[str, ...] = ()
    """Levels that the text asks to filter by, in capitals."""
    topics: tuple[str, ...] = ()
    """Levels that it merely speaks of."""
    times: tuple[TimeMention, ...] = ()
    quoted: tuple[str, ...] = ()
    """Quoted words that are no paths."""
    sought: tuple[str, ...] = ()
    """Words that the text wants looked for, unquoted: "lines containing timeout"."""
    stems: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    """Every word as it stands, in small letters."""
    refused: frozenset[str] = frozenset()
    """Stems of what the text does not want: "without a chart"."""
    named: Mapping[str, str] = field(default_factory=dict)
    """A word, in small letters -> the word after it, where that says something: "column b", "title: Sales"."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Paths to read."""
        return tuple(path.text for path in self.paths if not path.is_output)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Paths to write."""
        return tuple(path.text for path in self.paths if path.is_output)


def read_mentions(text: str) -> Mentions:
    """What the text names, each thing once, in order."""
    urls = tuple(dict.fromkeys(url.rstrip(_EDGES) for url in _URL.findall(text)))
    rest = _URL.sub(_blank, text)
    paths: dict[str, PathMention] = {}
    quoted: dict[str, None] = {}
    for match in _QUOTED.finditer(rest):
        value = next(group for group in match.groups() if group)
        if is_path(value.strip(), quoted=True):
            path = value.strip()
            paths.setdefault(path, PathMention(path, _is_output(rest[: match.start()], path)))
        else:
            quoted[value] = None
    whole, rest = rest, _QUOTED.sub(_blank, rest)
    for path in _bare_paths(rest):
        paths.setdefault(path.text, path)
        rest = rest.replace(path.text, " " * len(path.text))
    times = tuple(_times(rest))
    rest = _TIME.sub(_blank, rest)
    numbers = tuple(_numbers(rest))
    refused = frozenset(stems(" ".join(_REFUSED.findall(rest))))
    words = frozenset(re.findall(r"[^\W\d_]+", rest.lower()))
    singular = {word.removesuffix("s") for word in words}
    levels = tuple(_levels(rest))
    return Mentions(
        tuple(paths.values()),
        urls,
        numbers,
        levels,
        tuple(level for word, level in LEVELS.items() if word in words | singular and level not in levels),
        times,
        tuple(quoted),
        tuple(dict.fromkeys(match[1].rstrip(_EDGES) for match in _SOUGHT.finditer(whole))),
        frozenset(stems(text)) - refused,
        words,
        refused,
        dict(_named(whole)),
    )


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Each word with the word that it names, the first of each last, so that it counts."""
    pairs = [(match[1].lower(), match[2]) for match in _NAMED.finditer(text)]
    yield from (pair for pair in reversed(pairs) if pair[1].lower() not in STOP_WORDS and not is_path(pair[1]))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def is_path(token: str, *, quoted: bool = False) -> bool:
    """True for what a person means as a path: an extension that files have, or a beginning that only paths have."""
    name = token.rpartition("/")[2]
    parts = name.lower().split(".")
    if len(parts) > 1 and parts[-1] and (parts[-1] in EXTENSIONS or "log" in parts[1:]) and parts != ["", parts[-1]]:
        return True
    if token.startswith(("./", "../", "/", "~/")) and len(token.strip("./~")) > 0:
        return True
    return "/" in token and (token.endswith("/") or "*" in token or (quoted and " " not in token))


def _bare_paths(text: str) -> Iterator[PathMention]:
    words = [(match.start(), match[0]) for match in re.finditer(r"\S+", text)]
    for index, (start, word) in enumerate(words):
        token = word.lstrip(_EDGES.replace(".", "")).rstrip(_EDGES)
        after = words[index + 1][1].strip(_EDGES).lower() if index + 1 < len(words) else ""
        folder = after in ("folder", "directory", "dir") and "/" in token
        if token and (is_path(token) or folder):
            yield PathMention(token, _is_output(text[:start], token))


def _is_output(before: str, path: str) -> bool:
    """True if the words before a path say that it is to be written."""
    near = before[-120:]
    if _WRITES.search(near) is not None:
        return True
    if path.rpartition(".")[2].lower() in PICTURES and re.search(r"\bin\s+\Z", near):
        return True
    converts = re.search(r"\b(?:to|into|as)\s+\Z", near) is not None and "compar" not in near.lower()
    return converts and any(is_path(word.strip(_EDGES)) for word in near.split())


def _numbers(text: str) -> Iterator[NumberMention]:
    for match in _NUMBER.finditer(text):
        before = re.findall(r"[^\W\d_]+", text[: match.start()][-40:])[-2:]
        after = re.findall(r"[^\W\d_]+", text[match.end() :][:30])[:1]
        near = frozenset(word.lower() for word in (*before, *after)) | frozenset(stems(" ".join((*before, *after))))
        yield NumberMention(match[1].rstrip(",_").replace(",", "").replace("_", ""), near)


def _times(text: str) -> Iterator[TimeMention]:
    for match in _TIME.finditer(text):
        before = re.findall(r"[^\W\d_]+", text[: match.start()][-30:])
        yield TimeMention(match[1].replace(" ", "T"), before[-1].lower() if before else "")


def _levels(text: str) -> Iterator[str]:
    found = [(match.start(1), LEVELS[match[1].lower()]) for cue in _LEVEL_CUES for match in cue.finditer(text)]
    yield from dict.fromkeys(level for _, level in sorted(found))
