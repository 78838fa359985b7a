"""Definition of a skill in Python: the class `NativeSkill`, and the mark that `@skill` sets on a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

CALLBACKS = ("execute", "read", "write", "modify")
MARK = "__conjure_skill__"
"""The attribute that `@skill` sets on a function."""


@dataclass(frozen=True, slots=True)
class SkillMark:
    """The arguments of `@skill`; empty means the function's own name or docstring."""

    name: str = ""
    description: str = ""


class NativeSkill:
    """A skill that runs in this Python process, with up to four callbacks.

    Subclass it, or create one directly: `NativeSkill(name="…", description="…", execute=function)`. Each callback that
    is implemented and allowed becomes a tool (`<name>_execute`, …). It declares as parameters those of these values
    that it needs:

    - `execute(command, context)` runs a command in a syntax of your own; describe it in the docstring.
    - `read(path, context, offset, limit)` returns the content at a path, from line `offset`.
    - `write(path, content, context)` stores content at a path.
    - `modify(path, old, new, context)` replaces a part of it.

    Methods with `@skill` also become tools (`<name>_<method>`), with the arguments that they declare. Callbacks may
    be `async`. See `conjure_magic.backends.native.results` for return values; raise `ToolError` with a message for the
    model.

    Attributes:
        name: prefix of the tools' names; by default derived from the class name.
        description: what the skill does and when to use it; by default the docstring.
        allowed_tools: the callbacks and methods that the model may call; None allows all.
    """

    name: str = ""
    description: str = ""
    allowed_tools: Iterable[str] | str | None = None

    def __init__(
        self,
        name: str = "",
        description: str = "",
        allowed_tools: Iterable[str] | str | None = None,
        *,
        execute: Callable[..., Any] | None = None,
        read: Callable[..., Any] | None = None,
        write: Callable[..., Any] | None = None,
        modify: Callable[..., Any] | None = None,
    ) -> None:
        given: dict[str, object] = {
            "name": name or None,
            "description": description or None,
            "allowed_tools": allowed_tools,
        }
        given |= {"execute": execute, "read": read, "write": write, "modify": modify}
        for attribute, value in given.items():
            if value is not None:
                setattr(self, attribute, value)

    def __repr__(self) -> str:
        return f"<NativeSkill {self.name or type(self).__name__!r}>"


def is_native(value: object) -> bool:
    """True for a native skill: a NativeSkill (class or object) or a function with `@skill`."""
    if isinstance(value, type):
        return issubclass(value, NativeSkill)
    return isinstance(value, NativeSkill) or isinstance(getattr(value, MARK, None), SkillMark)
