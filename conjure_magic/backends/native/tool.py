"""From a native skill to its tools: what the model is told of each, and the call behind it."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conjure_magic.backends.native.base import CALLBACKS, MARK, Marked, NativeSkill, is_native
from conjure_magic.backends.native.codec import (
    Codec,
    Field,
    MismatchError,
    codec_for,
    lifted,
    object_codec,
    type_hints,
    with_none,
)
from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.docstring import read_docstring
from conjure_magic.errors import CallbackMissingError, NotNativeError, ToolError, UsageError
from conjure_magic.models.base import ToolDefinition

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the API takes as a tool's name."""
CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class NativeTool:
    """A tool of a native skill."""

    definition: ToolDefinition
    function: Callable[..., Any]
    codec: Codec
    context: str = ""
    """The parameter that takes the context; empty if none does."""

    @property
    def name(self) -> str:
        """As the model calls it."""
        return self.definition.name

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The function's keywords for a call's input.

        Raises ToolError that lists everything wrong, and what is expected.
        """
        try:
            values: dict[str, Any] = self.codec.read(dict(given), "")
        except MismatchError as mismatch:
            problems = "\n".join(f"- {problem}" for problem in mismatch.problems)
            raise ToolError(f"{self.name} was not called:\n{problems}\nIt takes {self._takes()}.") from None
        return values

    def call(self, arguments: dict[str, Any], context: SkillContext) -> Any:
        """Call the function: its value, or what is to be awaited for it."""
        return self.function(**arguments, **({self.context: context} if self.context else {}))

    def _takes(self) -> str:
        schema = self.codec.schema
        words = [_words(name, part, name in schema["required"]) for name, part in schema["properties"].items()]
        return ", ".join(words) or "no arguments"


def tools_of(value: object) -> tuple[NativeTool, ...]:
    """The tools of a NativeSkill or of a function under `@skill`.

    Raises UsageError, which says what to do, for anything else, and for a skill that cannot be offered.
    """
    if isinstance(value, NativeSkill):
        return tuple(_skill_tools(value))
    if is_native(value) and callable(value) and not isinstance(value, type):
        return (function_tool(value),)
    raise NotNativeError(not_native(getattr(value, "__name__", "") or repr(value)[:60], value))


def not_native(name: str, value: object) -> str:
    """Why a value is no native skill, and what would make it one."""
    if inspect.isfunction(value) or inspect.ismethod(value) or inspect.isbuiltin(value):
        return f"{name} is a plain function: put @skill above it (from conjure_magic import skill)"
    if isinstance(value, type):
        return f"{name} is a class, but not a NativeSkill: write class {name}(NativeSkill)"
    return f"{name} is no skill but {_article(type(value).__name__)}; use a NativeSkill or a function under @skill"


def function_tool(function: Callable[..., Any], prefix: str = "", *, in_class: bool = False) -> NativeTool:
    """The tool of a function under `@skill`. Raises UsageError if it cannot be one.

    `in_class`: it is still a plain function in a class body, whose first parameter is not the model's.
    """
    marked: Marked = getattr(function, MARK, Marked())
    own = marked.name or getattr(function, "__name__", "")
    if not own:
        raise UsageError("@skill needs a name for what has none of its own: skill(name='…')(function)")
    text, documented = read_docstring(function)
    fields, context = _parameters(function, own, documented, skip_first=in_class)
    return _tool(prefix + own, marked.description or text, function, fields, context)


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
            yield _tool(tool.name, described, tool.function, (), tool.context, tool.codec)
        else:
            yield _callback_tool(name, about, kind, function)


def _marked_methods(kind: type) -> list[str]:
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            found.pop(name, None)
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if isinstance(getattr(function, MARK, None), Marked):
                found[name] = None
    return list(found)


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _whole(description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "description": description}


VALUES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "execute": {"command": _text("The command, as the description explains.")},
    "read": {
        "path": _text("What to read."),
        "offset": _whole("The first line, counted from 0."),
        "limit": _whole("How many lines at most."),
    },
    "write": {"path": _text("Where to."), "content": _text("The whole content.")},
    "modify": {
        "path": _text("Where."),
        "old": _text("The text to replace, exactly."),
        "new": _text("What comes in its place."),
    },
}
"""What each callback may ask for, beside the context."""


def _callback_tool(name: str, about: str, kind: str, function: Callable[..., Any]) -> NativeTool:
    where = f"{name}.{kind}"
    values = VALUES[kind]
    text, documented = read_docstring(function)
    signature = _signature(function, where)
    everything = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    fields, context = [], CONTEXT if everything else ""
    for key in (*values, CONTEXT) if everything else tuple(signature.parameters):
        parameter = signature.parameters.get(key)
        default = parameter.default if parameter is not None else inspect.Parameter.empty
        if key == CONTEXT:
            context = CONTEXT
        elif key in values:
            fields.append(_callback_field(key, values[key], default, documented.get(key, "")))
        elif default is inspect.Parameter.empty:
            offered = ", ".join((*values, CONTEXT))
            callback = f"{_article(kind)} callback"
            raise UsageError(f"{where} asks for {key!r}, which there is not; {callback} may ask for {offered}")
    return _tool(f"{name}_{kind}", f"{about}\n\n{text}".strip(), function, fields, context)


def _callback_field(key: str, schema: Mapping[str, Any], default: Any, about: str) -> Field:
    """A value of a callback. `offset` and `limit` may always be left out: from the start, to the end."""
    whole = schema["type"] == "integer"
    codec = codec_for(int if whole else str, key)
    read = codec.read

    def counted(value: Any, where: str) -> Any:
        number = read(value, where)
        if number < 0:
            raise MismatchError(f"{where}: expected 0 or more, got {number}")
        return number

    codec = Codec(dict(schema), counted if whole else read)
    has_default = default is not inspect.Parameter.empty
    if whole and not has_default:
        return Field(key, codec, False, 0 if key == "offset" else None, about)
    return Field(key, codec, not has_default, default if has_default else None, about)


def _allowed(given: object, name: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, Iterable):
        raise UsageError(f"the native skill {name}: allowed_tools lists names of callbacks, not {given!r}")
    words = re.split(r"[,\s]+", given.strip()) if isinstance(given, str) else list(given)
    return tuple(str(word) for word in words if word)


# ---- signatures


def _parameters(
    function: Callable[..., Any], where: str, documented: Mapping[str, str], *, skip_first: bool
) -> tuple[list[Field], str]:
    """The arguments that a model gives, and the name of the parameter that takes the context."""
    signature = _signature(function, where)
    written = getattr(function, "__func__", function)  # where the annotations stand
    written = written.func if isinstance(written, functools.partial) else written
    hints = type_hints(inspect.unwrap(written), where)
    fields, context = [], ""
    for parameter in list(signature.parameters.values())[skip_first:]:
        name, annotation = parameter.name, hints.get(parameter.name, parameter.annotation)
        if annotation is SkillContext or (name == CONTEXT and annotation is inspect.Parameter.empty):
            context = name
            continue
        if parameter.kind is not parameter.KEYWORD_ONLY and parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise UsageError(f"{where}: {parameter} cannot be told to a model; give each parameter a name of its own")
        required = parameter.default is inspect.Parameter.empty
        codec = codec_for(annotation, f"{where}: {name}")
        codec = with_none(codec) if parameter.default is None else codec
        about = documented.get(name, "")
        default = None if required else parameter.default
        fields.append(Field(name, codec, required, default, about))
    return fields, context


def _signature(function: Callable[..., Any], where: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: its signature cannot be read: {error}") from None


def _tool(
    name: str,
    description: str,
    function: Callable[..., Any],
    fields: Sequence[Field],
    context: str,
    codec: Codec | None = None,
) -> NativeTool:
    safe = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    if not NAME.fullmatch(safe) or not safe.strip("_-"):
        raise UsageError(f"{name!r} cannot name a tool: it takes 1 to 64 of a-z, A-Z, 0-9, _ and -")
    if codec is None:
        made = object_codec(fields, _complete(fields), "argument")
        codec = Codec(lifted(made.schema, name), made.read)
    about = description.strip() or f"{safe.replace('_', ' ').strip()}."
    return NativeTool(ToolDefinition(safe, about, codec.schema), function, codec, context)


def _complete(fields: Sequence[Field]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Adds the defaults that stand in no signature: a callback's `offset` and `limit`."""
    defaults = {field.name: field.default for field in fields if not field.required}
    return lambda values: {**defaults, **values}


def _words(name: str, schema: Mapping[str, Any], required: bool) -> str:
    kind = schema.get("type") or ("one of " + ", ".join(map(repr, schema["enum"])) if "enum" in schema else "")
    return f"{name} ({', '.join(filter(None, [str(kind), 'required' if required else 'optional']))})"


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
