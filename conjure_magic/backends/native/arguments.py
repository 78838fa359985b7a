"""ToolArguments of a tool, by pydantic: the JSON schema for the model, and the validation of its input.

Imported when the first tool is created, since importing pydantic takes a tenth of a second.
"""

from __future__ import annotations

import collections.abc
import difflib
import json
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails

from conjure_magic.backends.native.parameter import Parameter
from conjure_magic.errors import UsageError

SHOWN = 60
"""Characters of an invalid value that are repeated in the message."""
EXACT = 2**53
"""Below this, a JSON number such as 5.0 is the same as 5."""
CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Strict, so that only values that match the schema are accepted: "5" is not a whole number. The user's own models keep
their configuration; dataclasses use this one."""

EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "string_type": "a string",
    "bool_type": "true or false",
    "none_required": "null",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
}
"""Error types with a simpler description in terms of JSON than pydantic's message."""
SURPLUS = ("extra_forbidden", "unexpected_keyword_argument")
MISSING = ("missing", "missing_keyword_only_argument", "missing_argument")


UNFIT = (PydanticUserError, PydanticUndefinedAnnotation, TypeError)
"""Exceptions that pydantic raises for unsupported types."""


class MismatchError(ValueError):
    """The arguments are invalid; `problems` says where and why, one sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Schema(GenerateJsonSchema):
    """Omits the title of each field, which repeats its name, and the warnings about defaults that are not JSON."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - as the base class has it

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class ToolArguments:
    """The arguments of a tool."""

    schema: Mapping[str, Any]
    """JSON schema of the object that the model sends."""
    model: type[BaseModel]

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Validate the given arguments and return their Python values by name. Raises MismatchError."""
        try:
            made = self.model.model_validate_json(json.dumps(_whole(given)))
        except ValidationError as error:
            raise MismatchError(
                *_sentences(error.errors(include_url=False), given, self.schema["properties"])
            ) from None
        fields = type(made).model_fields
        return {str(fields[key].alias): getattr(made, key) for key in fields if key in made.model_fields_set}


def arguments_of(parameters: Iterable[Parameter], where: str) -> ToolArguments:
    """Return the arguments for these parameters.

    Raises UsageError, which begins with `where` and the parameter's name, for a type without a JSON schema.
    """
    # Fields are numbered and have the parameters' names as aliases, so that any name works, even `_x` and `schema`.
    fields: dict[str, Any] = {f"p{n}": _field(parameter) for n, parameter in enumerate(parameters)}
    try:
        return _made(fields)
    except UNFIT as error:
        raise _unfit(fields, where, error) from None


def _made(fields: dict[str, Any]) -> ToolArguments:
    model: type[BaseModel] = create_model("arguments", __config__=CONFIG, **fields)
    schema = model.model_json_schema(schema_generator=_Schema)
    del schema["title"]
    return ToolArguments({"properties": {}, "required": [], **schema}, model)


def _unfit(fields: dict[str, Any], where: str, error: Exception) -> UsageError:
    """Return the error for parameters that pydantic rejects, naming the first one that fails on its own."""
    kind: Any = "these parameters together"
    for kind, field in fields.values():
        try:
            _made({"p": (kind, field)})
        except UNFIT as found:
            where, error = f"{where}: {field.alias}", found
            break
    name = getattr(kind, "__name__", str(kind))
    return UsageError(
        f"{where}: {name} cannot be described to a model; use str, int, float, bool, Literal, Optional, list, dict, "
        f"a dataclass or a pydantic model ({str(error).splitlines()[0]})"
    )


def _field(parameter: Parameter) -> tuple[Any, Any]:
    """Return the type and the field as `create_model` expects them."""
    kind = parameter.annotation
    if typing.get_origin(kind) is collections.abc.Iterable:
        kind = list[typing.get_args(kind)]  # type: ignore[misc]  # pydantic would check its items only as they are read
    if parameter.default is None and not parameter.required:
        kind = kind | None if isinstance(kind, type) else typing.Optional[kind]  # noqa: UP045 - a string has no |
    default = ... if parameter.required else parameter.default
    about = parameter.description or None
    return kind, Field(default, alias=parameter.name, description=about, ge=parameter.minimum)


def _whole(value: Any) -> Any:
    """Return the value with 5.0 as 5: JSON has one type of number, strict pydantic has two."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return value


# ---- messages


def _sentences(errors: Sequence[ErrorDetails], given: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    """Return one sentence for each place, with the alternatives of a union joined."""
    found: dict[str, list[str]] = {}
    got: dict[str, str] = {}
    for error in errors:
        place = _place(error, given)
        if error["type"] in MISSING:
            said = "is missing"
        elif error["type"] in SURPLUS:
            said = _no_such(str(error["loc"][-1]), known if len(error["loc"]) == 1 else None)
        else:
            said, got[place] = _said(error), _shown(error["input"])
        found.setdefault(place, []).append(said)
    return [_sentence(place, list(dict.fromkeys(said)), got.get(place, "")) for place, said in found.items()]


def _sentence(place: str, said: list[str], got: str) -> str:
    expected = [words.removeprefix("expected ") for words in said if words.startswith("expected ")]
    if len(expected) == len(said) and got:
        return f"{place}: expected {' or '.join(expected)}, got {got}"
    return f"{place}: {' or '.join(said)}"


def _place(error: ErrorDetails, given: Any) -> str:
    """Return the place as in `filters[0].level`, without the names of a union's members that pydantic includes."""
    text, value, loc = "", given, error["loc"]
    for at, step in enumerate(loc):
        if _has(value, step):
            value = value[step]
        elif at < len(loc) - 1 or error["type"] not in MISSING:
            continue
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "the arguments"


def _has(value: Any, step: int | str) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, Mapping) and step in value


def _said(error: ErrorDetails) -> str:
    """Return the problem without its place."""
    if error["type"] in EXPECTED:
        return f"expected {EXPECTED[error['type']]}"
    if error["type"] == "greater_than_equal":
        return f"expected {error['ctx']['ge']} or more"
    text = error["msg"]
    for before in ("Value error, ", "Assertion failed, "):  # raised by a validator of the user's
        if text.startswith(before):
            return text.removeprefix(before)
    expected = text.removeprefix("Input should be ")
    return f"expected {expected}" if expected != text else f"{text[:1].lower()}{text[1:]}"


def _no_such(name: str, known: Iterable[str] | None) -> str:
    if known is None:
        return "unknown field"
    close = difflib.get_close_matches(name, list(known), 1)
    return f"unknown argument{f'; did you mean {close[0]}?' if close else ''}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
