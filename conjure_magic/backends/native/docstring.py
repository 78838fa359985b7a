"""A docstring as a tool's description: the text, and the descriptions of the parameters.

Imported when the first tool is created, like `arguments`.
"""

from __future__ import annotations

import inspect
from typing import Any

from griffe import Docstring, DocstringSection, DocstringSectionKind, parse_auto

QUIET = {"warnings": False}  # of types that stand in the signature
OPTIONS: Any = {
    "google": {**QUIET, "returns_multiple_items": False, "returns_named_value": False},
    "numpy": QUIET,
    "sphinx": QUIET,
}


def read_docstring(function: object) -> tuple[str, dict[str, str]]:
    """Return the description and the descriptions of parameters by name; Google, NumPy and reST styles.

    The sections on return values, examples and notes are kept in the description, since they help the model; the
    section on exceptions is not.
    """
    text: list[str] = []
    parameters: dict[str, str] = {}
    for section in parse_auto(Docstring(inspect.getdoc(function) or ""), per_style_options=OPTIONS):
        if section.kind is DocstringSectionKind.parameters:
            parameters |= {item.name.lstrip("*"): " ".join(item.description.split()) for item in section.value}
        elif said := _kept(section):
            text.append(said)
    return "\n\n".join(text).strip(), parameters


def _kept(section: DocstringSection) -> str:
    """Return the section as text for the model; empty if it is not for the model."""
    match section.kind:
        case DocstringSectionKind.text:
            return str(section.value)
        case DocstringSectionKind.returns | DocstringSectionKind.yields:
            said = [": ".join(map(str, filter(None, (item.annotation, item.description)))) for item in section.value]
            return _indented(section.kind.value.capitalize(), "\n".join(said))
        case DocstringSectionKind.examples:
            return _indented("Examples", "\n\n".join(words for _, words in section.value))
        case DocstringSectionKind.admonition:
            return _indented(section.title or section.value.kind.capitalize(), section.value.description)
    return ""


def _indented(title: str, text: str) -> str:
    return "\n    ".join((f"{title}:", *text.strip().splitlines()))
