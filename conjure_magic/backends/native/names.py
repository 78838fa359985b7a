"""Telling native skills from folders and names of others in what was given as `--skills`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conjure_magic.backends.native.base import is_native
from conjure_magic.backends.native.tool import not_native
from conjure_magic.errors import UsageError


@dataclass(frozen=True, slots=True)
class Named:
    """A native skill by the name of its variable: looked up anew whenever it is asked for."""

    name: str

    def look_up(self, namespace: Mapping[str, Any]) -> object:
        """What the variable is now. Raises UsageError if it is gone, or no native skill any more."""
        if self.name not in namespace:
            raise UsageError(f"there is no variable {self.name!r} any more, which --skills named")
        value = namespace[self.name]
        if not is_native(value):
            raise UsageError(not_native(self.name, value))
        return value


def split_skills(
    given: Iterable[object], namespace: Mapping[str, Any], bundled: Mapping[str, object]
) -> tuple[tuple[object, ...], tuple[str, ...]]:
    """(native skills, folders and names of others) in what was given.

    A name means, in this order: a variable that holds a native skill, a bundled native skill, a skill folder's name.
    Raises UsageError for an object that is no native skill, and for a name that only a plain function or class has.
    """
    native: list[object] = []
    others: list[str] = []
    for value in given:
        if isinstance(value, str):
            found = _named(value, namespace, bundled)
            if found is None:
                others.append(value)
            else:
                native.append(found)
        elif isinstance(value, Path):
            others.append(str(value))
        elif isinstance(value, Named) or is_native(value):
            native.append(value)
        else:
            raise UsageError(not_native(getattr(value, "__name__", "") or repr(value)[:60], value))
    return tuple(native), tuple(others)


def meant_as_python(name: str, namespace: Mapping[str, Any]) -> str:
    """Why a name that no skill folder has cannot be a native skill; empty if it is no function or class either."""
    value = namespace.get(name)
    return not_native(name, value) if callable(value) and not is_native(value) else ""


def _named(text: str, namespace: Mapping[str, Any], bundled: Mapping[str, object]) -> object | None:
    if text in namespace and is_native(namespace[text]):
        return Named(text)
    return bundled.get(text)
