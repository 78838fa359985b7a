"""The decorator `@skill`, which turns a typed function into a tool."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from conjure_magic.backends.native.base import MARK, SkillMark
from conjure_magic.backends.native.tool import function_tool
from conjure_magic.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


@overload
def skill(function: F) -> F: ...
@overload
def skill(*, name: str = "", description: str = "") -> Callable[[F], F]: ...


def skill(function: F | None = None, *, name: str = "", description: str = "") -> F | Callable[[F], F]:
    """Turn a typed function (sync or async) into a tool, described to the model by its signature and docstring.

    The function itself is unchanged. A parameter named `context` receives the turn's `SkillContext` and is hidden from
    the model. Types: str, int, float, bool, Literal, Optional and other unions, list, tuple, set, dict, Enum, Path,
    dataclasses and pydantic models.

    Args:
        function: the function to decorate.
        name: the tool's name; by default the function's.
        description: the description for the model; by default the docstring.

    Raises UsageError for a function that cannot be a tool.
    """

    def mark(given: F) -> F:
        function = getattr(given, "__func__", given) if isinstance(given, staticmethod | classmethod) else given
        if inspect.isclass(function) or not callable(function):
            raise UsageError("@skill goes above a function; for a class, use NativeSkill")
        try:
            setattr(function, MARK, SkillMark(name, description))
        except AttributeError:  # a builtin, or a method of an object
            own = getattr(function, "__name__", repr(function))
            raise UsageError(f"@skill cannot be used on {own}; put it above a function that calls {own}") from None
        in_class = "." in getattr(function, "__qualname__", "").rpartition("<locals>.")[2]
        function_tool(function, in_class=in_class and not isinstance(given, staticmethod))
        return given

    return mark if function is None else mark(function)
