"""What a skill in Python is: the class `NativeSkill`, and the mark that `@skill` leaves on a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

CALLBACKS = ("execute", "read", "write", "modify")
MARK = "__conjure_skill__"
"""The attribute that `@skill` leaves on a function."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What `@skill` was told; empty means: as the function says."""

    name: str = ""
    description: str = ""


class NativeSkill:
    """A skill that runs in this Python process, on any of four callbacks.

    Subclass it, or build one in place: `NativeSkill(name="…", description="…", execute=function)`. Each callback
    becomes a tool (`<name>_execute`, …) if it is there and allowed, and gets those of these values whose names it
    declares as parameters:

    - `execute(command, context)` runs a command in words of your own; say in its docstring which there are.
    - `read(path, context, offset, limit)` returns what the skill knows by that path, from line `offset` on.
    - `write(path, content, context)` keeps a content under a path.
    - `modify(path, old, new, context)` replaces a piece of it.

    Methods marked with `@skill` become tools too (`<name>_<method>`), with arguments as they declare. Callbacks may
    be `async`. For what they may return see `conjure_magic.backends.native.results`; `ToolError` is what the model
    should read.

    Attributes:
        name: begins the tools' names; by default the class's own name.
        description: what the skill does and when to use it; by default the docstring.
        allowed_tools: which callbacks and methods the model may call; None allows all.
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
    """True for what the backend native can offer: a NativeSkill (class or object) or a function under `@skill`."""
    if isinstance(value, type):
        return issubclass(value, NativeSkill)
    return isinstance(value, NativeSkill) or isinstance(getattr(value, MARK, None), Marked)
