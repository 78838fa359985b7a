"""`{{name}}` in a request: a kernel variable, or an attribute or item of one. Nothing is called."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from conjure_magic.errors import UsageError
from conjure_magic.magics.variables import as_text, look_up

_BRACES = re.compile(r"(\\?)\{\{\s{0,40}+(([^\W\d]\w{0,200}+)([^{}\n]{0,200}?))\s{0,40}\}\}")
_STEP = re.compile(r"""\.([^\W\d]\w*)|\[(-?\d{1,18})\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]""")
"""`.attribute`, `[0]`, `['key']` or `["key"]`."""

AS_TYPED = r"to send the braces as typed, write \{{"


def fill(text: str, namespace: Mapping[str, Any]) -> str:
    """The request with each `{{name}}` replaced by the value of the kernel variable; `\\{{` escapes the braces.

    Attributes and items may follow the name: `{{result.text}}`, `{{rows[0]}}`, `{{table['city']}}`. Other braces stay
    as they are. Long values and DataFrames are shortened, with a note that says so. Raises UsageError for an unknown
    name, attribute or item, and for what would have to be called.
    """

    def value(match: re.Match[str]) -> str:
        escape, expression, name, rest = match.groups()
        if escape:
            return match[0][1:]
        steps = list(_STEP.finditer(rest))
        if "".join(step[0] for step in steps) == rest:
            return _shown(expression, _value(name, steps, namespace))
        if name in namespace and rest.lstrip()[:1] in (".", "[", "("):
            raise UsageError(
                f"{{{{{expression}}}}} is more than a variable, its attributes and items: assign it to a variable; "
                f"{AS_TYPED}"
            )
        return match[0]

    return _BRACES.sub(value, text)


def _value(name: str, steps: list[re.Match[str]], namespace: Mapping[str, Any]) -> Any:
    """The value at the end of the path. Raises UsageError, which names the step that failed."""
    try:
        value, path = look_up(name, namespace), name
    except UsageError as error:
        raise UsageError(f"{error}; {AS_TYPED}") from None
    for step in steps:
        value, path = _next(value, path, step), path + step[0]
    if inspect.isroutine(value):
        raise UsageError(f"{path} is a function, and nothing is called in a request: assign its result to a variable")
    return value


def _next(value: Any, path: str, step: re.Match[str]) -> Any:
    """The attribute or item that one step names."""
    attribute, index, *keys = step.groups()
    try:
        if attribute is not None:
            return getattr(value, attribute)
        return value[int(index) if index is not None else next(key for key in keys if key is not None)]
    except Exception as error:  # foreign properties and `__getitem__` may raise anything
        kind = type(value).__name__
        if isinstance(error, AttributeError | LookupError | TypeError):
            what = f"attribute {attribute!r}" if attribute is not None else f"item {step[0]}"
            keyed = isinstance(value, Mapping) and attribute in value
            hint = f"; did you mean {path}[{attribute!r}]?" if keyed else ""
            raise UsageError(f"{path} ({kind}) has no {what}{hint}; {AS_TYPED}") from None
        raise UsageError(f"cannot read {path}{step[0]}: {type(error).__name__}: {error}") from None


def _shown(name: str, value: Any) -> str:
    """A value as text. Raises UsageError, which names the variable, if its conversion fails."""
    try:
        return as_text(value)
    except Exception as error:  # a foreign repr may raise anything
        raise UsageError(f"cannot convert the variable {name!r} to text: {type(error).__name__}: {error}") from None
