"""Separating native skills from folders and other names in the values of `skills`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from conjure_magic.backends.native.base import MARK, SkillMark, is_native
from conjure_magic.backends.native.tool import not_native
from conjure_magic.errors import NotNativeError, UsageError
from conjure_magic.remedies import Remedy, option


@dataclass(frozen=True, slots=True)
class Variable:
    """A native skill by the name of its variable, which is looked up on each use."""

    name: str

    def look_up(self, namespace: Mapping[str, Any]) -> object:
        """Return the variable's current value. Raises UsageError if it is gone, or no longer a native skill."""
        remedy = Remedy("Define it again, or choose others with {0}.", option("skills"))
        if self.name not in namespace:
            raise UsageError(f"the variable {self.name!r}, which was chosen as a skill, is gone", remedy=remedy)
        value = namespace[self.name]
        if not is_native(value):
            raise NotNativeError(not_native(self.name, value), remedy=remedy)
        return value


def split_skills(
    given: Iterable[object], namespace: Mapping[str, Any], bundled: Mapping[str, object]
) -> tuple[tuple[object, ...], tuple[str, ...]]:
    """Separate the given values into (native skills, folders and names of others).

    A name means the first of these: a variable with a native skill, a bundled native skill, a skill folder.
    Raises UsageError for an object that is not a native skill.
    """
    native: list[object] = []
    others: list[str] = []
    for value in given:
        if isinstance(value, str):
            found = _named(value, namespace, bundled)
            if found is None:
                others.append(value)
            elif found not in native:
                native.append(found)
        elif isinstance(value, Path):
            others.append(str(value))
        elif isinstance(value, Variable) or is_native(value):
            native.append(value)
        else:
            raise NotNativeError(not_native(getattr(value, "__name__", "") or repr(value)[:60], value))
    return tuple(native), tuple(others)


def spoken_name(value: object) -> str:
    """Return the name of a native skill for the user: of its variable, its own, or of its class or function."""
    name = getattr(value, "name", "")
    return name if isinstance(name, str) and name else getattr(value, "__name__", "") or type(value).__name__


def about(value: object, namespace: Mapping[str, Any]) -> str:
    """Return the first line of a native skill's description, or why it is not a native skill."""
    if isinstance(value, Variable):
        try:
            value = value.look_up(namespace)
        except UsageError as error:
            return str(error)
    marked = getattr(value, MARK, None)
    told = marked.description if isinstance(marked, SkillMark) else getattr(value, "description", "")
    text = told if isinstance(told, str) and told else inspect.getdoc(value) or ""
    return text.strip().partition("\n")[0]


def meant_as_python(name: str, namespace: Mapping[str, Any], bundled: Mapping[str, object]) -> str:
    """Explain why an unknown name is not a native skill, or suggest one; empty if there is nothing to say."""
    value = namespace.get(name)
    if callable(value) and not is_native(value):
        return not_native(name, value)
    known = python_skills(namespace, bundled)
    typed = {alias.lower(): key for key, value in known.items() for alias in (key, spoken_name(value))}
    near = get_close_matches(name.lower(), typed, 1)
    return f"unknown skill {name!r}; did you mean {typed[near[0]]}, which is a skill in Python?" if near else ""


def python_skills(namespace: Mapping[str, Any], bundled: Mapping[str, object]) -> dict[str, object]:
    """Return the values for `skills` with the backend native: bundled skills, and variables."""
    own = {name: value for name, value in list(namespace.items()) if name[:1] != "_" and is_native(value)}
    return {**bundled, **own}


def _named(text: str, namespace: Mapping[str, Any], bundled: Mapping[str, object]) -> object | None:
    if text in namespace and is_native(namespace[text]):
        return Variable(text)
    return bundled.get(text)
