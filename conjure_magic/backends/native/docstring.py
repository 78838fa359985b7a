"""A docstring as a tool's description: the text, and what it says about each parameter.

Imported when the first tool is made, as `arguments` is.
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
    """The description and, by name, what is said about parameters; Google, NumPy and reST styles.

    What it returns, examples and notes stay in the description, since they help a model; what it raises does not.
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
    """The section as a model reads it; empty if it is not for a model."""
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
