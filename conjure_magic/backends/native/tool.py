"""The tools of a native skill: their definitions for the model, and the functions that they call."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from conjure_magic.backends.native.base import CALLBACKS, MARK, NativeSkill, SkillMark, is_native
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.parameter import Parameter
from conjure_magic.errors import CallbackMissingError, NotNativeError, ToolError, UsageError
from conjure_magic.models.base import ToolDefinition

if TYPE_CHECKING:
    from conjure_magic.backends.native.arguments import ToolArguments

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Valid names of tools in the API."""
CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class NativeTool:
    """A tool of a native skill."""

    definition: ToolDefinition
    function: Callable[..., Any]
    takes: ToolArguments
    context: str = ""
    """The parameter that receives the context; empty if there is none."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults that are not in the signature: a callback's `offset` and `limit`."""

    @property
    def name(self) -> str:
        """The name for the model."""
        return self.definition.name

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the function's keyword arguments for a call's input.

        Raises ToolError, which lists all problems and the expected arguments.
        """
        from conjure_magic.backends.native.arguments import MismatchError  # loaded when the tool was made

        try:
            return {**self.defaults, **self.takes.read(given)}
        except MismatchError as mismatch:
            problems = "\n".join(f"- {problem}" for problem in mismatch.problems)
            raise ToolError(f"{self.name} was not called:\n{problems}\nIts arguments: {self._words()}.") from None

    def call(self, arguments: dict[str, Any], context: SkillContext) -> Any:
        """Call the function and return its value, which may have to be awaited."""
        return self.function(**arguments, **({self.context: context} if self.context else {}))

    def _words(self) -> str:
        schema, required = self.takes.schema, self.takes.schema["required"]
        definitions = schema.get("$defs", {})
        words = [_words(name, part, name in required, definitions) for name, part in schema["properties"].items()]
        return ", ".join(words) or "none"


def tools_of(value: object) -> tuple[NativeTool, ...]:
    """Return the tools of a NativeSkill or of a function with `@skill`.

    Raises UsageError, which says what to do, for anything else, and for an invalid skill.
    """
    if isinstance(value, NativeSkill):
        return tuple(_skill_tools(value))
    if is_native(value) and callable(value) and not isinstance(value, type):
        return (function_tool(value),)
    raise NotNativeError(not_native(getattr(value, "__name__", "") or repr(value)[:60], value))


def not_native(name: str, value: object) -> str:
    """Explain why a value is not a native skill, and how to make it one."""
    if inspect.isfunction(value) or inspect.ismethod(value) or inspect.isbuiltin(value):
        return f"{name} is a plain function: put @skill above it (from conjure_magic import skill)"
    if isinstance(value, type):
        return f"{name} is a class, but not a NativeSkill: write class {name}(NativeSkill)"
    kind = _article(type(value).__name__)
    return f"{name} is {kind}, not a skill; use a NativeSkill or a function with @skill"


def function_tool(function: Callable[..., Any], prefix: str = "", *, in_class: bool = False) -> NativeTool:
    """Return the tool of a function with `@skill`. Raises UsageError if it cannot be a tool.

    `in_class`: the function is in a class body, so its first parameter is `self`.
    """
    marked: SkillMark = getattr(function, MARK, SkillMark())
    own = marked.name or getattr(function, "__name__", "")
    if not own:
        raise UsageError("@skill needs a name for a function without one: skill(name='…')(function)")
    text, documented = _documented(function)
    parameters, context = _parameters(function, own, documented, skip_first=in_class)
    return _tool(prefix + own, marked.description or text, function, _arguments(parameters, own), context)


# ---- the tools of a NativeSkill


def _skill_tools(skill: NativeSkill) -> Iterator[NativeTool]:
    for key in ("name", "description"):
        if not isinstance(getattr(skill, key), str):
            raise UsageError(f"{_kebab(type(skill).__name__)}: its {key} must be text, not {getattr(skill, key)!r}")
    name = skill.name or _kebab(type(skill).__name__)
    about = skill.description or (inspect.cleandoc(type(skill).__doc__ or "") if type(skill) is not NativeSkill else "")
    if not about.strip():
        raise UsageError(f"the native skill {name} has no description: the model needs one to know when to use it")
    callbacks = {kind: getattr(skill, kind) for kind in CALLBACKS if callable(getattr(skill, kind, None))}
    methods = {key: getattr(skill, key) for key in _marked_methods(type(skill))}
    implemented = {**callbacks, **methods}
    allowed = _allowed(skill.allowed_tools, name)
    missing = sorted(set(allowed or ()) - set(implemented))
    if missing or not implemented:
        wanted = ", ".join(missing) or "any of " + ", ".join(CALLBACKS)
        raise CallbackMissingError(f"the native skill {name} does not implement {wanted}")
    for kind, function in implemented.items():
        if allowed is not None and kind not in allowed:
            continue
        if kind in methods:
            tool = function_tool(function, f"{name}_")
            described = f"{about}\n\n{tool.definition.description}"
            yield _tool(tool.name, described, tool.function, tool.takes, tool.context)
        else:
            yield _callback_tool(name, about, kind, function)


def _marked_methods(kind: type) -> list[str]:
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            found.pop(name, None)
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if isinstance(getattr(function, MARK, None), SkillMark):
                found[name] = None
    return list(found)


_START = Parameter("offset", int, False, 0, "The first line to return, counted from 0.", minimum=0)
_COUNT = Parameter("limit", int, False, None, "The maximum number of lines.", minimum=0)
VALUES: Mapping[str, Sequence[Parameter]] = {
    "execute": (Parameter("command", str, description="The command, as the description explains."),),
    "read": (Parameter("path", str, description="What to read."), _START, _COUNT),
    "write": (
        Parameter("path", str, description="The path to write to."),
        Parameter("content", str, description="The complete content."),
    ),
    "modify": (
        Parameter("path", str, description="The path to change."),
        Parameter("old", str, description="The text to replace, exactly."),
        Parameter("new", str, description="The replacement."),
    ),
}
"""The parameters that each callback may declare, besides the context. `offset` and `limit` are always optional."""


def _callback_tool(name: str, about: str, kind: str, function: Callable[..., Any]) -> NativeTool:
    where = f"{name}.{kind}"
    values = {value.name: value for value in VALUES[kind]}
    text, documented = _documented(function)
    signature = _signature(function, where)
    everything = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    asked, context = list[Parameter](), CONTEXT if everything else ""
    for key in (*values, CONTEXT) if everything else tuple(signature.parameters):
        parameter = signature.parameters.get(key)
        default = parameter.default if parameter is not None else inspect.Parameter.empty
        if key == CONTEXT:
            context = CONTEXT
        elif key in values:
            asked.append(_callback_value(values[key], default, documented.get(key, "")))
        elif default is inspect.Parameter.empty:
            offered = ", ".join((*values, CONTEXT))
            callback = f"{_article(kind)} callback"
            raise UsageError(f"{where}: the parameter {key!r} is not available; {callback} may have {offered}")
    defaults = {value.name: value.default for value in asked if not value.required}
    takes = _arguments(asked, where)
    return _tool(f"{name}_{kind}", f"{about}\n\n{text}".strip(), function, takes, context, defaults)


def _callback_value(value: Parameter, default: Any, about: str) -> Parameter:
    """Return a callback's parameter with the function's own default and description."""
    if default is not inspect.Parameter.empty:
        value = replace(value, required=False, default=default)
    return replace(value, description=about or value.description)


def _allowed(given: object, name: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, Iterable):
        raise UsageError(f"the native skill {name}: allowed_tools must be a list of callback names, not {given!r}")
    words = re.split(r"[,\s]+", given.strip()) if isinstance(given, str) else list(given)
    return tuple(str(word) for word in words if word)


# ---- signatures


def _parameters(
    function: Callable[..., Any], where: str, documented: Mapping[str, str], *, skip_first: bool
) -> tuple[list[Parameter], str]:
    """Return the arguments for the model, and the name of the parameter that receives the context."""
    signature = _signature(function, where)
    written = getattr(function, "__func__", function)  # where the annotations stand
    written = written.func if isinstance(written, functools.partial) else written
    hints = _hints(inspect.unwrap(written), where)
    parameters, context = list[Parameter](), ""
    for parameter in list(signature.parameters.values())[skip_first:]:
        name, annotation = parameter.name, hints.get(parameter.name, parameter.annotation)
        if annotation is SkillContext or (name == CONTEXT and annotation is inspect.Parameter.empty):
            context = name
            continue
        if parameter.kind is not parameter.KEYWORD_ONLY and parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise UsageError(f"{where}: {parameter} cannot be described to a model; replace it by named parameters")
        required = parameter.default is inspect.Parameter.empty
        words = [note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, str)]
        about = documented.get(name, "") or " ".join(words[:1])
        kind = Any if annotation is inspect.Parameter.empty else annotation
        parameters.append(Parameter(name, kind, required, None if required else parameter.default, about))
    return parameters, context


def _hints(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """Return the annotations with names resolved. Raises UsageError for an undefined name."""
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:  # evaluating someone's annotations may raise anything
        raise UsageError(f"{where}: its annotations cannot be read: {error}") from None


def _arguments(parameters: Iterable[Parameter], where: str) -> ToolArguments:
    from conjure_magic.backends.native.arguments import arguments_of  # loads pydantic

    return arguments_of(parameters, where)


def _documented(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    from conjure_magic.backends.native.docstring import read_docstring  # loads its parser

    return read_docstring(function)


def _signature(function: Callable[..., Any], where: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: its signature cannot be read: {error}") from None


def _tool(
    name: str,
    description: str,
    function: Callable[..., Any],
    takes: ToolArguments,
    context: str,
    defaults: Mapping[str, Any] | None = None,
) -> NativeTool:
    safe = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    if not NAME.fullmatch(safe) or not safe.strip("_-"):
        raise UsageError(f"{name!r} is not a valid name for a tool: use 1 to 64 of a-z, A-Z, 0-9, _ and -")
    about = description.strip() or f"{safe.replace('_', ' ').strip()}."
    return NativeTool(ToolDefinition(safe, about, takes.schema), function, takes, context, defaults or {})


def _words(name: str, schema: Mapping[str, Any], required: bool, definitions: Mapping[str, Any]) -> str:
    return f"{name} ({', '.join(filter(None, [_kind(schema, definitions), 'required' if required else 'optional']))})"


def _kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    schema = definitions.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(filter(None, (_kind(part, definitions) for part in schema["anyOf"]))))
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(repr, schema.get("enum", [schema.get("const")])))
    return str(schema.get("type", ""))


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
