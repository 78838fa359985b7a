"""Annotations as JSON schemas: random signatures and arguments, with another validator as the judge."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from conjure_magic import ToolError, UsageError, skill
from conjure_magic.backends.native.codec import MismatchError, codec_for, lifted
from conjure_magic.backends.native.tool import NativeTool, function_tool, tools_of


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Line:
    start: Point
    end: Point | None = None


class Person(BaseModel):
    name: str
    age: int = 0


class Team(BaseModel):
    lead: Person
    others: list[Person] = []


# ---- random types, signatures and values

NAMES = st.sampled_from(["url", "limit", "level", "name", "x", "größe", "from_", "a1"])
LITERALS = st.lists(
    st.one_of(st.text(max_size=4), st.integers(-3, 3), st.booleans(), st.none()), min_size=1, max_size=4
)
SCALARS = st.one_of(
    st.sampled_from([str, int, float, bool, type(None), Any, list, dict, Point, Line, Color]),
    LITERALS.map(lambda choices: Literal[tuple(choices)]),
)
TYPES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda t: list[t]),
        inner.map(lambda t: Optional[t]),  # noqa: UP045 - a Literal has no |
        inner.map(lambda t: dict[str, t]),
        inner.map(lambda t: tuple[t, ...]),
        st.lists(inner, min_size=1, max_size=3).map(lambda ts: tuple[tuple(ts)]),
        st.lists(inner, min_size=2, max_size=3).map(lambda ts: Union[tuple(ts)]),  # noqa: UP007 - the same
    ),
    max_leaves=3,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([0, 1, 1.0, 0.0, True, False, "red", "x", ""]),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["x", "y", "tags", "start", "end", "z"]), inner, max_size=3),
    ),
    max_leaves=4,
)


def fitting(annotation: Any) -> st.SearchStrategy[Any]:
    """JSON values that often fit a type: drawn from its own schema, roughly."""
    return _from_schema(dict(codec_for(annotation, "x").schema))


def _from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_from_schema(part) for part in schema["anyOf"]])
    match schema.get("type"):
        case "string":
            return st.text(max_size=4)
        case "integer":
            return st.integers(-9, 9)
        case "number":
            return st.floats(-9, 9)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array" if "prefixItems" in schema:
            return st.tuples(*map(_from_schema, schema["prefixItems"])).map(list)
        case "array":
            return st.lists(_from_schema(schema.get("items", {})), max_size=3)
        case "object" if "properties" in schema:
            parts = {name: _from_schema(part) for name, part in schema["properties"].items()}
            needed = {name: parts.pop(name) for name in schema["required"]}
            return st.fixed_dictionaries(needed, optional=parts)
        case "object":
            return st.dictionaries(
                st.text(max_size=3), _from_schema(schema.get("additionalProperties", {})), max_size=3
            )
    return VALUES


@st.composite
def signatures(draw: st.DrawFn) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A function with random annotations and defaults, and what its parameters are."""
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    kinds = {name: draw(TYPES) for name in names}
    optional = {name for name in names if draw(st.booleans())}
    parameters = sorted(names, key=lambda name: name in optional)
    text = ", ".join(f"{name}: T_{name}" + (" = None" if name in optional else "") for name in parameters)
    space: dict[str, Any] = {f"T_{name}": kind for name, kind in kinds.items()}
    exec(f"def made({text}):\n    return dict(locals())", space)
    return skill(space["made"]), kinds


def check_signature(data: st.DataObject) -> None:
    """The schema is valid, and what it accepts is called, what it refuses is a ToolError that names the argument."""
    function, kinds = data.draw(signatures())
    tool = function_tool(function)
    schema = tool.definition.to_dict()["input_schema"]
    as_sent = json.loads(json.dumps(schema))
    if data.draw(st.integers(0, 4)) == 0:  # half of the time that this test takes
        Draft202012Validator.check_schema(as_sent)
    given = {
        name: data.draw(st.one_of(fitting(kind), VALUES))
        for name, kind in kinds.items()
        if data.draw(st.integers(0, 9)) > 0
    }
    if data.draw(st.integers(0, 9)) == 0:
        given["other"] = 1
    fits = Draft202012Validator(schema).is_valid(given)
    if not fits:
        with pytest.raises(ToolError, match="It takes"):
            tool.arguments(given)
        return
    values = tool.arguments(given)
    called = function(**values)
    assert set(values) >= set(given) & set(kinds)
    assert set(called) == set(kinds)


FAST = settings(max_examples=1_000, suppress_health_check=list(HealthCheck))


@FAST
@given(st.data())
def test_random_signatures_take_what_their_schema_says(data: st.DataObject) -> None:
    check_signature(data)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(max_examples=100_000, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_many_random_signatures(data: st.DataObject) -> None:
    check_signature(data)


@FAST
@given(VALUES)
def test_whatever_a_model_sends_is_taken_or_refused(given_value: Any) -> None:
    """Arguments that are no object at all included: a ToolError, never another exception."""
    tool = function_tool(skill(lambda_like))
    arguments = given_value if isinstance(given_value, dict) else {"point": given_value, "names": given_value}
    try:
        values = tool.arguments(arguments)
    except ToolError:
        return
    assert isinstance(values["point"], Point)


def lambda_like(point: Point, names: list[str] | None = None) -> None:
    """Take them."""


# ---- examples


def read(annotation: Any, value: Any) -> Any:
    return codec_for(annotation, "x").read(value, "x")


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, 5.0, 5),
        (float, 5, 5.0),
        (Path, "a/b", Path("a/b")),
        (Color, "red", Color.RED),
        (Literal["a", 1], 1, 1),
        (set[int], [1, 1, 2], {1, 2}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[float, ...], [1], (1.0,)),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (int | None, None, None),
        (int | str, "5", "5"),
        (Point, {"x": 1}, Point(1)),
        (Line, {"start": {"x": 1, "y": 2}, "end": None}, Line(Point(1, 2.0))),
        (Person, {"name": "Ada"}, Person(name="Ada")),
        (Team, {"lead": {"name": "Ada"}, "others": [{"name": "Bob", "age": 3}]}, None),
        (Any, [1], [1]),
        (Annotated[int, "how many"], 3, 3),
    ],
)
def test_a_value_becomes_one_of_the_type(annotation: Any, value: Any, expected: Any) -> None:
    found = read(annotation, value)
    assert found == expected if expected is not None or value is None else isinstance(found, annotation)
    assert type(found) is type(expected) or expected is None


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (int, "5", 'x: expected a whole number, got "5"'),
        (int, True, "x: expected a whole number, got true"),
        (int, 1.5, "x: expected a whole number, got 1.5"),
        (str, None, "x: expected a string, got null"),
        (bool, 1, "x: expected true or false, got 1"),
        (Literal["a", "b"], "c", 'x: expected one of "a", "b", got "c"'),
        (list[int], [1, "b", "c"], 'x[1]: expected a whole number, got "b"; x[2]: expected a whole number, got "c"'),
        (dict[str, int], {"k": None}, 'x["k"]: expected a whole number, got null'),
        (Optional[int], "a", 'x: expected a whole number, got "a"'),  # noqa: UP045
        (Point, {"y": 1, "z": 2}, "x.z: there is no such field; x.x: is missing"),
        (Person, {"age": "old"}, "x.name: Field required; x.age: Input should be a valid integer"),
        (set[Any], [[1]], "x: "),
        (float, 10**400, "x: "),
        (str, "a" * 0 + "b", ""),
    ],
)
def test_a_misfit_says_where_and_why(annotation: Any, value: Any, said: str) -> None:
    if not said:
        assert read(annotation, value) == value
        return
    with pytest.raises(MismatchError) as found:
        read(annotation, value)
    assert str(found.value).startswith(said)


class Node(BaseModel):
    children: list["Node"] = []  # noqa: UP037 - pydantic resolves it later


def test_definitions_move_to_the_top_where_references_point() -> None:
    """A pydantic model inside a list inside a dataclass field keeps its `$ref`s true."""

    @skill
    def plan(teams: list[Team], root: Node) -> None:
        """Plan."""

    schema = tools_of(plan)[0].definition.to_dict()["input_schema"]
    assert set(schema["$defs"]) == {"Person", "Node"}
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"teams": [{"lead": {"name": "Ada"}}], "root": {"children": [{"children": []}]}})
    assert not validator.is_valid({"teams": [{"lead": {"age": 1}}], "root": {}})


def test_two_types_of_one_name_are_refused() -> None:
    one, two = {"$defs": {"A": {"type": "string"}}}, {"$defs": {"A": {"type": "null"}}}
    with pytest.raises(UsageError, match="two different types are called A"):
        lifted({"properties": {"a": one, "b": two}}, "f")


@dataclasses.dataclass
class Loop:
    again: Loop | None = None


@pytest.mark.parametrize("annotation", [Loop, dict[int, str], complex, Callable[[], int], type("Odd", (), {})])
def test_what_a_model_cannot_be_told_of_is_refused_by_name(annotation: Any) -> None:
    with pytest.raises(UsageError, match="cannot be told of"):
        codec_for(annotation, "f: x")


def test_what_a_dataclass_itself_refuses_is_a_misfit() -> None:
    @dataclasses.dataclass
    class Positive:
        n: int

        def __post_init__(self) -> None:
            if self.n < 1:
                raise ValueError("n must be above 0")

    with pytest.raises(MismatchError, match="n must be above 0"):
        codec_for(Positive, "x").read({"n": 0}, "x")


def test_all_problems_come_at_once_with_what_is_expected() -> None:
    @skill
    def fetch(url: str, limit: int = 100, level: Literal["INFO", "ERROR"] = "INFO") -> None:
        """Fetch."""

    tool: NativeTool = tools_of(fetch)[0]
    with pytest.raises(ToolError) as found:
        tool.arguments({"limt": 5, "level": "LOUD"})
    said = str(found.value)
    assert "limt: there is no such argument; did you mean limit?" in said
    assert "url: is missing" in said
    assert 'level: expected one of "INFO", "ERROR", got "LOUD"' in said
    assert said.endswith(
        "It takes url (string, required), limit (integer, optional), level (one of 'INFO', 'ERROR', optional)."
    )
