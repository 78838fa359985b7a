"""Calling a tool that is not one of the four: its schema filled from what the request names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conjure_magic.models.base import ToolDefinition
from conjure_magic.models.offline.choose import choose_command
from conjure_magic.models.offline.documents import Documentation, DocumentedCommand
from conjure_magic.models.offline.fill_template import Material
from conjure_magic.models.offline.mentions import Mentions
from conjure_magic.models.offline.template import kind_of
from conjure_magic.models.offline.vocabulary import SYNONYMS, Kind
from conjure_magic.skills.ranking import stem, stems

TO_RUN = frozenset(("run", "runs", "execute", "evaluate", "eval", "exec"))
"""What a request says that wants its quoted text run as code."""
FOUR = frozenset({"view", "bash_tool", "create_file", "str_replace"})
_USAGE = re.compile(r"^\s*([a-z][\w-]*(?:\s+(?:\[[^\]\n]+\]|<[^>\n]+>|--?[\w-]+|[A-Z][A-Z_.…]*))+)", re.MULTILINE)


@dataclass
class Arguments:
    """A tool's input as far as the request gives it."""

    values: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def native_tools(tools: tuple[ToolDefinition, ...]) -> tuple[ToolDefinition, ...]:
    """The tools of native skills: neither the four nor the API's own."""
    return tuple(tool for tool in tools if tool.name not in FOUR and not tool.wire)


def runs_code(tools: tuple[ToolDefinition, ...], mentions: Mentions) -> int | None:
    """Which tool runs the code that a request quotes; None if it quotes none, or wants none run."""
    if not (mentions.quoted and mentions.words & TO_RUN):
        return None
    return next((i for i, tool in enumerate(tools) if "code" in tool.input_schema.get("required", ())), None)


def fill_schema(tool: ToolDefinition, given: Material, prompt: str) -> Arguments:
    """The arguments for a tool: each property by its name, type and description."""
    found = Arguments()
    properties = tool.input_schema.get("properties", {})
    required = tool.input_schema.get("required", ())
    numbers = list(given.mentions.numbers)
    for name, schema in (properties if isinstance(properties, Mapping) else {}).items():
        if not isinstance(schema, Mapping):
            continue
        value = _value(name, schema, given, numbers, found, name in required)
        if value is None and name == "command":
            value = _command(tool, given, prompt, found)
        if value is not None:
            found.values[name] = value
        elif name in required and "default" not in schema:
            found.missing.append(name)
    return found


def _value(
    name: str, schema: Mapping[str, Any], given: Material, numbers: list[Any], found: Arguments, required: bool
) -> Any:
    """One property's value; None if the request does not give it."""
    choices = schema.get("enum")
    if isinstance(choices, list):
        return _choice(choices, given, found)
    words = frozenset(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
    kind: Kind | None = kind_of(words)
    match schema.get("type"):
        case "integer" | "number":
            return _number(words, schema, numbers, found, required)
        case "boolean":
            return True if {stem(word) for word in words} & given.mentions.stems else None
        case "array":
            return list(_taken(given.inputs if kind == "input" else given.urls if kind == "url" else (), found)) or None
        case "string" | None:
            return _string(name, kind, given, found)
    return None


def _choice(choices: list[Any], given: Material, found: Arguments) -> Any:
    """The first of the allowed values that the request names."""
    for choice in choices:
        wanted = set(stems(str(choice)))
        if wanted and wanted <= given.mentions.stems:
            found.used.add(str(choice))
            return choice
    return None


def _number(
    words: frozenset[str], schema: Mapping[str, Any], numbers: list[Any], found: Arguments, required: bool
) -> Any:
    keys = {key for word in words for key in (word, *SYNONYMS.get(word, ()))}
    keys |= {stem(key) for key in keys}
    near = [number for number in numbers if number.near & keys] or (numbers[:1] if required else [])
    if not near:
        return None
    numbers.remove(near[0])
    found.used.add(near[0].text)
    return int(float(near[0].text)) if schema.get("type") == "integer" else float(near[0].text)


def _string(name: str, kind: Kind | None, given: Material, found: Arguments) -> str | None:
    mentions = given.mentions
    if name == "command" or (name == "code" and not mentions.words & TO_RUN):
        return None
    by_kind = {"url": given.urls, "input": given.inputs, "output": mentions.outputs, "level": mentions.levels}
    if kind == "time":
        by_kind["time"] = tuple(time.text for time in mentions.times)
    return next(iter(_taken(by_kind.get(kind or "text", mentions.quoted)[:1], found)), None)


def _taken(values: tuple[str, ...], found: Arguments) -> tuple[str, ...]:
    found.used.update(values)
    return values


def _command(tool: ToolDefinition, given: Material, prompt: str, found: Arguments) -> str | None:
    """The text of a `command` argument, from the usage that the tool's description documents."""
    text = tool.description
    schema = tool.input_schema.get("properties", {}).get("command", {})
    text += "\n" + str(schema.get("description", "")) if isinstance(schema, Mapping) else ""
    usages = [*re.findall(r"`([^`\n]+)`", text), *_USAGE.findall(text)]
    commands = [DocumentedCommand(usage, tool.description) for usage in dict.fromkeys(usages) if " " in usage]
    choice = choose_command(Documentation(commands), given, prompt)
    if choice is None or choice.filled.missing:
        found.missing += choice.filled.missing if choice is not None else []
        return None
    found.used |= choice.filled.used
    return choice.filled.command
