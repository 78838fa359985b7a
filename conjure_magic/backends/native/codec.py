"""Annotations both ways: the JSON schema that tells a model what to send, and the check of what it sent.

Each type becomes a `Codec`. What it accepts is what its schema accepts, no more and no less; what it returns is
the Python value. Problems are collected, so that a model can mend all of them at once.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import enum
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, Union, get_args, get_origin

from conjure_magic.errors import UsageError

SHOWN = 60
"""Characters of a wrong value that its message repeats."""
SEQUENCES = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Set)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class MismatchError(ValueError):
    """A value does not fit; `problems` says where and why, one sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Codec:
    """A type's JSON schema, and how a JSON value becomes a value of the type."""

    schema: Mapping[str, Any]
    read: Callable[[Any, str], Any]
    """Takes the value and where it stands ("filters[0].level"). Raises MismatchError."""


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of an object: an argument, or a field of a dataclass."""

    name: str
    codec: Codec
    required: bool
    default: Any = None
    description: str = ""

    def schema(self) -> dict[str, Any]:
        """The part's schema, with its description, and its default where JSON can hold it."""
        schema = dict(self.codec.schema)
        if self.description:
            schema["description"] = self.description
        if not self.required and _is_plain(self.default):
            schema["default"] = self.default
        return schema


def codec_for(annotation: Any, where: str, within: tuple[type, ...] = ()) -> Codec:
    """The codec of an annotation. Raises UsageError, which names `where`, if a model cannot be told of the type."""
    if annotation in (inspect.Parameter.empty, Any, object):
        return Codec({}, lambda value, _: value)
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, args = get_origin(annotation) or annotation, get_args(annotation)
    if origin is typing.Annotated:
        return _annotated(args, where, within)
    if origin is Literal:
        return _choices({_json(choice): choice for choice in args}, where)
    if origin in (Union, types.UnionType):
        return _union([codec_for(arg, where, within) for arg in args])
    if origin in SEQUENCES:
        return _sequence(origin, args, where, within)
    if origin in MAPPINGS:
        return _mapping(args, where, within)
    if hasattr(annotation, "__supertype__"):  # typing.NewType
        return codec_for(annotation.__supertype__, where, within)
    if isinstance(annotation, type):
        return _class(annotation, where, within)
    raise _unknown(annotation, where)


def with_none(codec: Codec) -> Codec:
    """The codec of the same type or None, for what is None by default though its annotation does not say so."""
    try:
        codec.read(None, "")
    except MismatchError:
        return _union([codec, _NULL])
    return codec


def object_codec(fields: Iterable[Field], make: Callable[[dict[str, Any]], Any], noun: str = "field") -> Codec:
    """The codec of a JSON object with these parts and no others; `make` gets the values by name."""
    known = {field.name: field for field in fields}
    schema = {
        "type": "object",
        "properties": {name: field.schema() for name, field in known.items()},
        "required": [name for name, field in known.items() if field.required],
        "additionalProperties": False,
    }

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise MismatchError(_expected("an object", value, where))
        values, problems = {}, [_surplus(name, known, where, noun) for name in value if name not in known]
        for name, field in known.items():
            place = f"{where}.{name}" if where else name
            if name in value:
                try:
                    values[name] = field.codec.read(value[name], place)
                except MismatchError as mismatch:
                    problems += mismatch.problems
            elif field.required:
                problems.append(f"{place}: is missing")
        if problems:
            raise MismatchError(*problems)
        return make(values)

    return Codec(schema, read)


def lifted(schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The schema with all `$defs` below it at its top, where references to them point.

    Raises UsageError if two different definitions have the same name.
    """
    found: dict[str, Any] = {}
    lean = _lean(schema, found, where)
    return {**lean, "$defs": found} if found else lean


# ---- kinds of types


def _scalar(schema: Mapping[str, Any], words: str, fits: Callable[[Any], bool], make: Callable[[Any], Any]) -> Codec:
    def read(value: Any, where: str) -> Any:
        if not fits(value):
            raise MismatchError(_expected(words, value, where))
        try:
            return make(value)
        except (ValueError, OverflowError) as error:
            raise MismatchError(f"{where}: {error}") from None

    return Codec(schema, read)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _same(value: Any) -> Any:
    return value


_STRING = _scalar({"type": "string"}, "a string", lambda value: isinstance(value, str), _same)
_PATH = _scalar({"type": "string"}, "a path as a string", lambda value: isinstance(value, str), Path)
_NULL = _scalar({"type": "null"}, "null", lambda value: value is None, _same)
_SCALARS: Mapping[Any, Codec] = {
    str: _STRING,
    int: _scalar({"type": "integer"}, "a whole number", _is_whole, int),
    float: _scalar({"type": "number"}, "a number", _is_number, float),
    bool: _scalar({"type": "boolean"}, "true or false", lambda value: isinstance(value, bool), _same),
    None: _NULL,
    type(None): _NULL,
    Path: _PATH,
    PurePath: _PATH,
    list: _scalar({"type": "array"}, "a list", lambda value: isinstance(value, list), _same),
    tuple: _scalar({"type": "array"}, "a list", lambda value: isinstance(value, list), tuple),
    dict: _scalar({"type": "object"}, "an object", lambda value: isinstance(value, dict), _same),
}


def _annotated(args: tuple[Any, ...], where: str, within: tuple[type, ...]) -> Codec:
    codec = codec_for(args[0], where, within)
    words = next((note for note in args[1:] if isinstance(note, str)), "")
    return dataclasses.replace(codec, schema={**codec.schema, "description": words}) if words else codec


def _choices(choices: Mapping[str, Any], where: str, value_of: Callable[[Any], Any] = _same) -> Codec:
    """One of some values, told apart as JSON does: 1 is 1.0 but not true."""
    values = [value_of(choice) for choice in choices.values()]
    if not all(value is None or isinstance(value, str | int | float) for value in values):
        raise _unknown("a choice of other things than strings, numbers, true, false and null", where)

    def read(value: Any, where: str) -> Any:
        for choice, known in zip(choices.values(), values, strict=True):
            if isinstance(value, bool) is isinstance(known, bool) and value == known:
                return choice
        raise MismatchError(_expected(f"one of {', '.join(map(_json, values))}", value, where))

    return Codec({"enum": values}, read)


def _union(codecs: list[Codec]) -> Codec:
    def read(value: Any, where: str) -> Any:
        problems: list[str] = []
        for codec in codecs:
            try:
                return codec.read(value, where)
            except MismatchError as mismatch:
                problems.append("; ".join(mismatch.problems))
        real = [p for p, codec in zip(problems, codecs, strict=True) if codec is not _NULL]
        raise MismatchError(" or ".join(dict.fromkeys(real)) or problems[0])

    return Codec({"anyOf": [dict(codec.schema) for codec in codecs]}, read)


def _sequence(origin: Any, args: tuple[Any, ...], where: str, within: tuple[type, ...]) -> Codec:
    make = origin if origin in (list, tuple, set, frozenset) else list
    if origin is tuple and args and not (len(args) == 2 and args[1] is Ellipsis):
        return _fixed([codec_for(arg, where, within) for arg in args if arg != ()])
    item = codec_for(args[0] if args else Any, f"{where}[…]", within)

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise MismatchError(_expected("a list", value, where))
        return _made(make, _items([item] * len(value), value, where), where)

    return Codec({"type": "array", "items": dict(item.schema)}, read)


def _fixed(items: list[Codec]) -> Codec:
    size = len(items)

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list) or len(value) != size:
            raise MismatchError(_expected(f"a list of {size}", value, where))
        return tuple(_items(items, value, where))

    schema: dict[str, Any] = {"type": "array", "minItems": size, "maxItems": size}
    return Codec({**schema, "prefixItems": [dict(i.schema) for i in items]} if items else schema, read)


def _items(codecs: list[Codec], values: list[Any], where: str) -> list[Any]:
    found, problems = list[Any](), list[str]()
    for index, (codec, value) in enumerate(zip(codecs, values, strict=True)):
        try:
            found.append(codec.read(value, f"{where}[{index}]"))
        except MismatchError as mismatch:
            problems += mismatch.problems
    if problems:
        raise MismatchError(*problems)
    return found


def _made(make: Callable[[list[Any]], Any], items: list[Any], where: str) -> Any:
    try:
        return make(items)
    except TypeError as error:  # a set of lists
        raise MismatchError(f"{where}: {error}") from None


def _mapping(args: tuple[Any, ...], where: str, within: tuple[type, ...]) -> Codec:
    if args and args[0] not in (str, Any):
        raise _unknown("a dict whose keys are not str", where)
    item = codec_for(args[1] if args else Any, f"{where}{{…}}", within)

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise MismatchError(_expected("an object", value, where))
        found, problems = dict[str, Any](), list[str]()
        for key in value:
            try:
                found[key] = item.read(value[key], f"{where}[{_json(key)}]")
            except MismatchError as mismatch:
                problems += mismatch.problems
        if problems:
            raise MismatchError(*problems)
        return found

    return Codec({"type": "object", "additionalProperties": dict(item.schema)}, read)


def _class(kind: type, where: str, within: tuple[type, ...]) -> Codec:
    if kind in within:
        raise _unknown(f"{kind.__name__}, which holds itself", where)
    if issubclass(kind, enum.Enum):
        return _choices({member.name: member for member in kind}, where, lambda member: member.value)
    if hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate"):  # pydantic, never imported here
        return _pydantic(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, where, (*within, kind))
    raise _unknown(kind, where)


def _dataclass(kind: Any, where: str, within: tuple[type, ...]) -> Codec:
    hints = type_hints(kind, where)
    fields = []
    for field in dataclasses.fields(kind):
        if field.init:
            missing = dataclasses.MISSING
            required = field.default is missing and field.default_factory is missing
            codec = codec_for(hints[field.name], f"{where}.{field.name}", within)
            codec = with_none(codec) if field.default is None else codec
            default = None if field.default is missing else field.default
            shown = field.default is not missing
            fields.append(Field(field.name, codec, required, default if shown else _NO_DEFAULT))

    def make(values: dict[str, Any]) -> Any:
        try:
            return kind(**values)
        except (TypeError, ValueError) as error:  # its own __post_init__
            raise MismatchError(f"{kind.__name__}: {error}") from None

    return object_codec(fields, make)


def _pydantic(kind: Any) -> Codec:
    def read(value: Any, where: str) -> Any:
        try:
            return kind.model_validate(value)
        except ValueError as error:
            raise MismatchError(*_pydantic_problems(error, where)) from None

    return Codec(kind.model_json_schema(), read)


def _pydantic_problems(error: Any, where: str) -> list[str]:
    found = error.errors() if hasattr(error, "errors") else []
    places = [".".join([where, *map(str, problem["loc"])]) for problem in found]
    return [f"{place}: {problem['msg']}" for place, problem in zip(places, found, strict=True)] or [f"{where}: {error}"]


# ---- small parts

_NO_DEFAULT = object()


def type_hints(of: Any, where: str) -> dict[str, Any]:
    """The annotations of a function or class, names resolved. Raises UsageError for one that is not there."""
    try:
        return typing.get_type_hints(of, include_extras=True)
    except Exception as error:  # evaluating somebody's annotations may raise anything
        raise UsageError(f"{where}: its annotations cannot be read: {error}") from None


def _unknown(annotation: Any, where: str) -> UsageError:
    name = getattr(annotation, "__name__", str(annotation))
    return UsageError(
        f"{where}: a model cannot be told of {name}; use str, int, float, bool, Literal, Optional, list, dict, "
        "a dataclass or a pydantic model"
    )


def _expected(words: str, value: Any, where: str) -> str:
    text = _json(value)
    return f"{where or 'the arguments'}: expected {words}, got {text if len(text) <= SHOWN else text[:SHOWN] + '…'}"


def _surplus(name: str, known: Iterable[str], where: str, noun: str) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    place = f"{where}.{name}" if where else name
    return f"{place}: there is no such {noun}{f'; did you mean {close[0]}?' if close else ''}"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _is_plain(value: Any) -> bool:
    """True for what JSON holds as it is."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in (str, int, bool) or (type(value) is float and value - value == 0)


def _lean(schema: Mapping[str, Any], found: dict[str, Any], where: str) -> dict[str, Any]:
    """The schema without its definitions, which are put into `found`."""
    for name, definition in schema.get("$defs", {}).items():
        if found.setdefault(name, definition) != definition:
            raise UsageError(f"{where}: two different types are called {name}; rename one of them")
    lean = {key: value for key, value in schema.items() if key != "$defs"}
    for key in ("properties",):
        if isinstance(lean.get(key), dict):
            lean[key] = {name: _lean(part, found, where) for name, part in lean[key].items()}
    for key in ("anyOf", "prefixItems"):
        if isinstance(lean.get(key), list):
            lean[key] = [_lean(part, found, where) for part in lean[key]]
    for key in ("items", "additionalProperties"):
        if isinstance(lean.get(key), dict):
            lean[key] = _lean(lean[key], found, where)
    return lean
