"""The bundled native skill `kernel`: lists the user's variables, and runs Python code with them.

Variables with names like keys or tokens are listed without their values, and these values are masked in everything
that the skill returns.
"""

from __future__ import annotations

import os
import pprint
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from conjure_magic.approval import ApprovalGate
from conjure_magic.backends.bundled_native.main_thread import run_in_main
from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.host import CodeResult, Host
from conjure_magic.backends.native.results import shortened
from conjure_magic.backends.native.skill import skill
from conjure_magic.errors import ToolError
from conjure_magic.events import ToolOutput, ToolResult
from conjure_magic.executors.output_cleaning import visible
from conjure_magic.phrases import counted
from conjure_magic.secrets import SHORTEST, known_secrets, masked, names_secret, worth_hiding

LISTED = 300
"""Maximum number of variables that are listed."""
SHOWN = 6_000
"""Characters of a value that are shown."""
ROWS = 10
DEPTH = 6
"""Levels of lists and dicts that are searched for secrets."""
MOST_ITEMS = 20_000
LATER = "Python that the model runs in your kernel"
HIDDEN = "[hidden: its name looks like a secret]"
IMAGES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg", "image/gif": ".gif"}


class Kernel(NativeSkill):
    """The user's own Python kernel."""

    name = "kernel"
    description = "The user's Python kernel: its variables, and running Python in it."

    def __init__(self) -> None:
        super().__init__()
        self._gate = ApprovalGate()

    @skill
    def variables(self, context: SkillContext) -> str:
        """List the variables in the user's kernel: name, type, and shape or length of each."""
        found = dict(own_variables(host_of(context)))
        lines = [f"{name}: {describe(value)}" for name, value in list(found.items())[:LISTED]]
        if len(found) > LISTED:
            lines.append(f"[{counted(len(found) - LISTED, 'more variable')}, not listed]")
        return "\n".join(lines) or "There are no variables."

    @skill
    def look(self, name: str, context: SkillContext) -> ToolResult:
        """Show one variable in the user's kernel: its type, shape and value, shortened if it is long.

        Args:
            name: the variable's name, such as "df".
        """
        host = host_of(context)
        namespace = dict(own_variables(host))
        if name not in namespace:
            raise ToolError(f"there is no variable {name!r}; available: {', '.join(namespace) or 'none'}")
        value = namespace[name]
        shown = HIDDEN if names_secret(name) else preview(value)
        return shortened(masked(f"{name}: {describe(value)}\n{shown}", secrets_in(host)), context)

    @skill
    def run(self, code: str, context: SkillContext) -> ToolResult:
        """Run Python in the user's kernel, after asking, and return what it prints and displays.

        The code can read and change the user's variables. As in a cell, the value of a last line that is an expression
        is displayed. Figures are saved as files in the workspace.

        Args:
            code: the Python code.
        """
        host = host_of(context)
        refusal = self._gate.refusal(context.question(code, "Run this in your kernel?", LATER), context.turn)
        if refusal is not None:
            return refusal
        ran = run_in_main(host, code, context)
        result = _told(ran, host, context)
        if context.cancel.is_set:  # the turn answers the call with the output so far
            context.turn.emit(ToolOutput(context.tool_use_id, visible(result.text) + "\n"))
            context.cancel.raise_if_set()
        return result


def host_of(context: SkillContext) -> Host:
    if context.host is None:
        raise ToolError("there is no kernel: this session belongs to a plain script")
    return context.host


# ---- output of code


def _told(ran: CodeResult, host: Host, context: SkillContext) -> ToolResult:
    """Return the output of code as a result: printed and displayed text in order, images as files."""
    parts = [shown.text if shown.data is None else _displayed(shown.data, context) for shown in ran.shown]
    parts += [ran.error] if ran.error else []
    hidden = secrets_in(host)
    text = "\n".join(part.rstrip("\n") for part in parts if part.strip())
    result = shortened(masked(text, hidden) or "[no output]", context)
    details = masked(ran.traceback, hidden)
    status = ran.error.partition(":")[0] if ran.error else ""
    return ToolResult(result.content, bool(ran.error), status, output_path=result.output_path, details=details)


def _displayed(data: Mapping[str, Any], context: SkillContext) -> str:
    for media_type, suffix in IMAGES.items():
        if media_type in data:
            path = context.save(f"figure{suffix}", data[media_type])
            return f"[an image, saved as {path.name} in the workspace]"
    plain = data.get("text/plain") or data.get("text/markdown") or data.get("text/html") or ""
    return str(plain)


# ---- the user's variables


def own_variables(host: Host) -> Iterator[tuple[str, Any]]:
    """Yield the user's variables, without IPython's own and without imported names."""
    for name, value in sorted(list(host.namespace.items())):  # noqa: C414 - a copy, as other threads may add some
        if not name.startswith("_") and name not in host.hidden and not _is_imported(value):
            yield name, value


def _is_imported(value: Any) -> bool:
    """True for modules, and for classes and functions that were not defined in this kernel."""
    if isinstance(value, ModuleType) or type(value).__module__ == "typing":
        return True
    code = isinstance(value, type | FunctionType | BuiltinFunctionType) or hasattr(type(value), "cache_info")
    return code and getattr(value, "__module__", "__main__") != "__main__"


def describe(value: Any) -> str:
    """Return the type and the shape or length, never the value."""
    kind = type(value).__name__
    shape = _safely(lambda: value.shape)
    if isinstance(shape, tuple):
        size = " × ".join(f"{n:,}" if isinstance(n, int) else str(n) for n in shape) or "a scalar"
        dtype = _safely(lambda: value.dtype)
        return f"{kind}, {size}{f', {dtype}' if dtype is not None and not callable(dtype) else ''}"
    if isinstance(value, str | bytes | bytearray | list | tuple | dict | set | frozenset | range):
        return f"{kind}, length {len(value):,}"
    return kind


def preview(value: Any) -> str:
    """Return the value as text, shortened, with entries hidden whose names look like secrets."""
    if isinstance(getattr(value, "shape", None), tuple) and hasattr(value, "head"):
        types = _safely(lambda: ", ".join(f"{c} ({t})" for c, t in zip(value.columns, value.dtypes, strict=True)))
        head = _head(value)
        text = f"columns: {types}\n{head}" if types else str(head)
    elif isinstance(value, str):
        text = value
    else:
        text = pprint.pformat(_without_secrets(value), width=100)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n[{counted(len(text) - SHOWN, 'more character')}]"


def _head(frame: Any) -> Any:
    """Return the first rows, without columns whose names look like secrets."""
    head = frame.head(ROWS)
    hidden = [name for name in _safely(lambda: list(frame.columns)) or () if names_secret(name)]
    return head[[name for name in head.columns if name not in hidden]] if hidden else head


def secrets_in(host: Host) -> tuple[str, ...]:
    """Return the values that no result may show: of variables, entries and attributes whose names look like secrets."""
    found = [*known_secrets(os.environ), *_secret_values(dict(os.environ)), *_secret_values(dict(own_variables(host)))]
    return tuple(dict.fromkeys(value for value in found if len(value) >= SHORTEST))


def _secret_values(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the strings whose names look like secrets, also in dicts, lists and attributes."""
    pending: list[tuple[Any, str, int]] = [(data, "", 0)]
    for _ in range(MOST_ITEMS):
        if not pending:
            return
        value, name, depth = pending.pop()
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            if name and worth_hiding(value, name):
                yield value
        elif depth < DEPTH:
            pending += [(item, str(key) if names_secret(key) else name, depth + 1) for key, item in _parts(value)]


def _parts(value: Any) -> list[tuple[Any, Any]]:
    """Return the parts of a value with their names."""
    if isinstance(value, dict):
        return _some(value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return [("", item) for item in _some(value)]
    if isinstance(value, type) or callable(value):
        return []
    return _some(_safely(lambda: vars(value).items()) or ())


def _some(items: Iterable[Any]) -> list[Any]:
    return list(items)[:MOST_ITEMS]


def _without_secrets(value: Any, depth: int = 0) -> Any:
    if depth >= DEPTH:
        return value
    if type(value) is dict:
        return {k: HIDDEN if names_secret(k) else _without_secrets(v, depth + 1) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_without_secrets(item, depth + 1) for item in value)
    return value


def _safely(ask: Any) -> Any:
    """Call a function on a value of the user's; None if that raises."""
    try:
        return ask()
    except Exception:
        return None
