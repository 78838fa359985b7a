"""YAML as front matter needs it: every scalar stays the text that was written, and nothing can blow up.

The parser's events are read, not its loader: no tag makes an object, `1.0` and `on` stay as they are, depth
and alias expansion are bounded, and deep nesting cannot exhaust the C stack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 16
"""Collections inside collections."""
MAX_WEIGHT = 4_000
"""Values in all, long texts counted once per 64 characters, and what aliases repeat counted each time."""


class YamlTextError(ValueError):
    """The text is not YAML, or larger than front matter may be; the message is one line."""


@dataclass(slots=True)
class _Open:
    """A collection that is being filled."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    before: int
    """Weight when it began."""
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Builds a value from parser events, and counts."""

    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    weight: int = 0
    root: Any = None
    documents: int = 0

    def begin(self) -> None:
        self.documents += 1
        if self.documents > 1:
            raise YamlTextError("more than one YAML document")

    def weigh(self, weight: int) -> None:
        self.weight += weight
        if self.weight > MAX_WEIGHT:
            raise YamlTextError("more values than front matter may have, aliases included")

    def open(self, value: dict[str, Any] | list[Any], anchor: str | None) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise YamlTextError(f"nested deeper than {MAX_DEPTH}")
        self.stack.append(_Open(value, anchor, self.weight))
        self.weigh(1)

    def close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.value, self.weight - done.before)
        self.add(done.value)

    def scalar(self, text: str, anchor: str | None) -> None:
        weight = 1 + len(text) // 64
        self.weigh(weight)
        if anchor:
            self.anchors[anchor] = (text, weight)
        self.add(text)

    def alias(self, anchor: str | None) -> None:
        if anchor is None or anchor not in self.anchors:
            raise YamlTextError(f"alias *{anchor} has no finished anchor")
        value, weight = self.anchors[anchor]
        self.weigh(weight)
        self.add(value)

    def add(self, value: Any) -> None:
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        into, key = top.value, top.key
        if isinstance(into, list):
            into.append(value)
        elif key is None:
            if not isinstance(value, str):
                raise YamlTextError("a key must be text")
            top.key = value
        else:
            if key in into:
                self.duplicates.append(key)
            into[key] = value
            top.key = None


def parse_yaml_text(text: str) -> tuple[Any, list[str]]:
    """Return the value of YAML text, with every scalar as a string, and the duplicate keys.

    Raises YamlTextError.
    """
    import yaml  # only once a skill is parsed: loading the extension stays light

    builder = _Builder()
    parser = _parser(yaml)(text)
    next_event, scalar_event = parser.get_event, yaml.ScalarEvent  # most events are scalars
    try:
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is scalar_event:
                builder.scalar(event.value, event.anchor)
            elif kind is yaml.MappingStartEvent:
                builder.open({}, event.anchor)
            elif kind is yaml.SequenceStartEvent:
                builder.open([], event.anchor)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                builder.close()
            elif kind is yaml.AliasEvent:
                builder.alias(event.anchor)
            elif kind is yaml.DocumentStartEvent:
                builder.begin()
    except yaml.YAMLError as error:
        raise YamlTextError(_one_line(error)) from None
    finally:
        parser.dispose()
    return builder.root, builder.duplicates


def _parser(yaml: Any) -> Any:
    """The class that parses YAML into events: LibYAML's parser, without a loader, if PyYAML was built with it."""
    return yaml.cyaml.CParser if yaml.__with_libyaml__ else yaml.SafeLoader


def features(text: str) -> tuple[str, ...]:
    """What YAML text uses beyond block maps, block lists and scalars, in words: what strict readers refuse.

    Raises YamlTextError.
    """
    import yaml

    found: dict[str, None] = {}
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if getattr(event, "flow_style", False):
                found["flow lists and maps ([…], {…})"] = None
            if isinstance(event, yaml.AliasEvent):
                found["aliases (*…)"] = None
            elif getattr(event, "anchor", None):
                found["anchors (&…)"] = None
            if getattr(event, "tag", None):
                found["tags (!…)"] = None
    except yaml.YAMLError as error:
        raise YamlTextError(_one_line(error)) from None
    return tuple(found)


def _one_line(error: Exception) -> str:
    """A YAML error in one line, with the line number it names."""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    return f"{problem}, line {mark.line + 2}" if mark is not None else str(problem)
