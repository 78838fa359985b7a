"""A docstring as a tool's description: the text, and what it says about each parameter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Params|Returns?|Yields?|Raises|Examples?|Notes?|See Also|Warns|Attributes):?\s*$",
    re.IGNORECASE,
)
_OF_PARAMETERS = frozenset({"args", "arguments", "parameters", "params"})
_KEPT = frozenset({"example", "examples", "note", "notes", "return", "returns"})
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+)\s*(?::.*)?$")
_REST = re.compile(r"^:param\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_REST_OTHER = re.compile(r"^:(?:type|returns?|rtype|raises?)\b")


def read_docstring(function: object) -> tuple[str, dict[str, str]]:
    """The description and, by name, what is said about parameters; Google, NumPy and reST styles.

    What it returns and its examples stay in the description, since they help a model; what it raises does not.
    """
    lines = (inspect.getdoc(function) or "").split("\n")
    text: list[str] = []
    parameters: dict[str, str] = {}
    for title, body in _sections(lines):
        if title in _OF_PARAMETERS:
            parameters |= _parameters(body)
        elif not title:
            plain, found = _rest(body)
            text += plain
            parameters |= found
        elif title in _KEPT:
            text += [f"{title.capitalize()}:", *body]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(text)).strip(), parameters


def _sections(lines: list[str]) -> Iterable[tuple[str, list[str]]]:
    """(title in small letters, lines): the first without a title."""
    title, body = "", list[str]()
    for index, line in enumerate(lines):
        match = _SECTION.match(line)
        underlined = index + 1 < len(lines) and re.match(r"^-{3,}\s*$", lines[index + 1]) is not None
        if match and (line.rstrip().endswith(":") or underlined):
            yield title, body
            title, body = match[1].lower(), []
        elif not re.match(r"^-{3,}\s*$", line):
            body.append(line)
    yield title, body


def _parameters(body: list[str]) -> dict[str, str]:
    """Names and descriptions: `name: text` (Google), or `name : type` with the text indented below (NumPy)."""
    filled = [line for line in body if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    numpy = margin == 0
    found: dict[str, list[str]] = {}
    name = ""
    for line in filled:
        outer = len(line) - len(line.lstrip()) == margin
        match = (_NUMPY if numpy else _GOOGLE).match(line.strip()) if outer else None
        if match:
            name = match[1]
            found[name] = [] if numpy else [match[2]]
        elif name:
            found[name].append(line.strip())
    return {name: " ".join(filter(None, words)) for name, words in found.items()}


def _rest(body: list[str]) -> tuple[list[str], dict[str, str]]:
    """The lines without reST fields, and the parameters that those describe."""
    plain: list[str] = []
    found: dict[str, str] = {}
    name: str | None = None
    for line in body:
        match = _REST.match(line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif _REST_OTHER.match(line):
            name = ""
        elif name is not None and line.startswith((" ", "\t")):
            if name:
                found[name] += " " + line.strip()
        else:
            name = None
            plain.append(line)
    return plain, found
