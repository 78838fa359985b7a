"""The decorator `@skill`, which makes a typed function a tool."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from conjure_magic.backends.native.base import MARK, Marked
from conjure_magic.backends.native.tool import function_tool
from conjure_magic.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


@overload
def skill(function: F) -> F: ...
@overload
def skill(*, name: str = "", description: str = "") -> Callable[[F], F]: ...


def skill(function: F | None = None, *, name: str = "", description: str = "") -> F | Callable[[F], F]:
    """Make a typed function (sync or async) a tool: its signature and docstring tell the model how to call it.

    It stays the function that it was. A parameter named `context` gets the turn's `SkillContext`, and is not told
    to the model. Types: str, int, float, bool, Literal, Optional and other unions, list, tuple, set, dict, Enum,
    Path, dataclasses and pydantic models.

    Args:
        function: what to decorate.
        name: the tool's name, if not the function's.
        description: what the model reads, if not the docstring.

    Raises UsageError for what cannot be a tool.
    """

    def mark(given: F) -> F:
        function = getattr(given, "__func__", given) if isinstance(given, staticmethod | classmethod) else given
        if inspect.isclass(function) or not callable(function):
            raise UsageError("@skill goes above a function; a class of callbacks is a NativeSkill")
        try:
            setattr(function, MARK, Marked(name, description))
        except AttributeError:  # a builtin, or a method of an object
            own = getattr(function, "__name__", repr(function))
            raise UsageError(f"{own} cannot be marked; write a function that calls it, with @skill above") from None
        in_class = "." in getattr(function, "__qualname__", "").rpartition("<locals>.")[2]
        function_tool(function, in_class=in_class and not isinstance(given, staticmethod))
        return given

    return mark if function is None else mark(function)
