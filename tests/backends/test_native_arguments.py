"""The arguments of typed functions: random signatures and values, with another validator as the judge."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, field_validator

from conjure_magic import ToolError, UsageError, skill
from conjure_magic.backends.native.tool import NativeTool, tools_of


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
LITERALS = st.lists(st.one_of(st.text(max_size=4), st.integers(2, 5), st.none()), min_size=1, max_size=4)
"""No 0, 1, True or False: a Literal takes them for one another, as Python does and JSON does not."""
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


SIMPLE = {
    "string": st.text(max_size=4),
    "integer": st.integers(-9, 9),
    "number": st.floats(-9, 9),
    "boolean": st.booleans(),
    "null": st.none(),
}


def fitting(schema: Any, definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON values that often fit a schema."""

    def of(part: Any) -> st.SearchStrategy[Any]:
        return fitting(part, definitions)

    match schema:
        case {"$ref": str(place)}:
            return of(definitions[place.rpartition("/")[2]])
        case {"const": value}:
            return st.just(value)
        case {"enum": list(values)}:
            return st.sampled_from(values)
        case {"anyOf": list(parts)}:
            return st.one_of([of(part) for part in parts])
        case {"prefixItems": list(parts)}:
            return st.tuples(*map(of, parts)).map(list)
        case {"properties": dict(fields)}:
            parts = {name: of(part) for name, part in fields.items()}
            needed = {name: parts.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(needed, optional=parts)
        case {"type": "array"}:
            return st.lists(of(schema.get("items")), max_size=3)
        case {"type": "object"}:
            return st.dictionaries(st.text(max_size=3), of(schema.get("additionalProperties")), max_size=3)
        case {"type": str(kind)}:
            return SIMPLE[kind]
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


def tool_of(function: Callable[..., Any]) -> NativeTool:
    return tools_of(function)[0]


def check_signature(data: st.DataObject) -> None:
    """The schema is valid, and what it accepts is called, what it refuses is a ToolError that says what is taken."""
    function, kinds = data.draw(signatures())
    tool = tool_of(function)
    schema = tool.definition.to_dict()["input_schema"]
    as_sent = json.loads(json.dumps(schema))
    if data.draw(st.integers(0, 4)) == 0:  # half of the time that this test takes
        Draft202012Validator.check_schema(as_sent)
    given = {
        name: data.draw(st.one_of(fitting(schema["properties"][name], schema.get("$defs", {})), VALUES))
        for name in kinds
        if data.draw(st.integers(0, 9)) > 0
    }
    if data.draw(st.integers(0, 9)) == 0:
        given["other"] = 1
    if not Draft202012Validator(schema).is_valid(given):
        with pytest.raises(ToolError, match="Its arguments:"):
            tool.arguments(given)
        return
    values = tool.arguments(given)
    called = function(**values)
    assert set(values) == set(given)
    assert set(called) == set(kinds)


FAST = settings(max_examples=100, suppress_health_check=list(HealthCheck))


@FAST
@given(st.data())
def test_random_signatures_take_what_their_schema_says(data: st.DataObject) -> None:
    check_signature(data)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(max_examples=20_000, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_many_random_signatures(data: st.DataObject) -> None:
    check_signature(data)


def take_both(point: Point, names: list[str] | None = None) -> None:
    """Take them."""


TAKE_BOTH = tool_of(skill(take_both))


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(VALUES)
def test_whatever_a_model_sends_is_taken_or_refused(given_value: Any) -> None:
    """Arguments that are no object at all included: a ToolError, never another exception."""
    arguments = given_value if isinstance(given_value, dict) else {"point": given_value, "names": given_value}
    try:
        values = TAKE_BOTH.arguments(arguments)
    except ToolError:
        return
    assert isinstance(values["point"], Point)


# ---- examples


def taking(annotation: Any) -> NativeTool:
    """The tool of a function with one argument `x`."""

    def take(x: Any) -> None: ...

    take.__annotations__["x"] = annotation
    return tool_of(skill(take))


def read(annotation: Any, value: Any) -> Any:
    return taking(annotation).arguments({"x": value})["x"]


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
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (Iterable[int], [1], [1]),
        (datetime.date, "2026-01-31", datetime.date(2026, 1, 31)),
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
        (str, ["x" * 90], f'x: expected a string, got ["{"x" * 58}…'),
        (bool, 1, "x: expected true or false, got 1"),
        (Literal["a", "b"], "c", "x: expected 'a' or 'b', got \"c\""),
        (Color, "green", "x: expected 'red' or 'blue', got \"green\""),
        (list[int], [1, "b", "c"], 'x[1]: expected a whole number, got "b"\n- x[2]: expected a whole number, got "c"'),
        (dict[str, int], {"k": None}, "x.k: expected a whole number, got null"),
        (dict[str, int], [], "x: expected an object, got []"),
        (tuple[int, str], [1], "x[1]: is missing"),
        (Optional[int], "a", 'x: expected a whole number, got "a"'),  # noqa: UP045
        (int | list[str], None, "x: expected a whole number or a list, got null"),
        (Point, {"y": 1, "z": 2}, "x.x: is missing\n- x.z: unknown field"),
        (Point, 3, "x: expected an object, got 3"),
        (Person, {"age": "old"}, 'x.name: is missing\n- x.age: expected a whole number, got "old"'),
        (set[Any], [[1]], "x[0]: "),
        (float, 10**400, "x: expected a finite number"),
        (str, "half of a pair: \ud800", "the arguments: "),
    ],
)
def test_a_misfit_says_where_and_why(annotation: Any, value: Any, said: str) -> None:
    with pytest.raises(ToolError) as found:
        read(annotation, value)
    assert f"take was not called:\n- {said}" in str(found.value)
    assert "pydantic" not in str(found.value)


class Node(BaseModel):
    children: list["Node"] = []  # noqa: UP037 - pydantic resolves it later


def test_definitions_stand_where_references_point() -> None:
    """Those of a pydantic model inside a list inside a dataclass field too."""

    @skill
    def plan(teams: list[Team], root: Node) -> None:
        """Plan."""

    schema = tool_of(plan).definition.to_dict()["input_schema"]
    assert set(schema["$defs"]) == {"Person", "Team", "Node"}
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"teams": [{"lead": {"name": "Ada"}}], "root": {"children": [{"children": []}]}})
    assert not validator.is_valid({"teams": [{"lead": {"age": 1}}], "root": {}})


def test_two_types_of_the_same_name_are_distinguished() -> None:
    one = dataclasses.make_dataclass("Same", [("a", int)])
    other = dataclasses.make_dataclass("Same", [("b", str)])

    def take(first: Any, second: Any) -> None: ...

    take.__annotations__ |= {"first": one, "second": other}
    validator = Draft202012Validator(tool_of(skill(take)).definition.to_dict()["input_schema"])
    assert validator.is_valid({"first": {"a": 1}, "second": {"b": "x"}})
    assert not validator.is_valid({"first": {"b": "x"}, "second": {"b": "x"}})


@dataclasses.dataclass
class Loop:
    again: Loop | None = None


def test_a_type_may_hold_itself() -> None:
    assert read(Loop, {"again": {"again": None}}) == Loop(Loop())


@pytest.mark.parametrize("annotation", [Callable[[], int], type("Odd", (), {}), list[type("Odd", (), {})]])
def test_types_that_cannot_be_described_to_a_model_are_refused_by_name(annotation: Any) -> None:
    with pytest.raises(UsageError, match=r"take: x: .* cannot be described to a model"):
        taking(annotation)


def test_a_validator_of_the_users_is_quoted() -> None:
    @dataclasses.dataclass
    class Positive:
        n: int

        def __post_init__(self) -> None:
            if self.n < 1:
                raise ValueError("n must be above 0")

    class Even(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def is_even(cls, n: int) -> int:
            assert n % 2 == 0, "n must be even"
            return n

    with pytest.raises(ToolError, match=r"- x: n must be above 0\n"):
        read(Positive, {"n": 0})
    with pytest.raises(ToolError, match=r"- x\.n: n must be even"):
        read(Even, {"n": 1})


@pytest.mark.parametrize("name", ["_x", "schema", "model_config", "copy", "größe", "self", "json"])
def test_an_argument_may_have_any_name(name: str) -> None:
    space: dict[str, Any] = {}
    exec(f"def take({name}: int, *, other: int = 0): return {name}", space)
    tool = tool_of(skill(space["take"]))
    assert list(tool.definition.input_schema["properties"]) == [name, "other"]
    assert tool.arguments({name: 3}) == {name: 3}


def test_defaults_are_in_the_schema_if_json_has_them_and_are_left_to_the_function() -> None:
    """A default is an object of the person's, and is not copied."""
    connection = object()

    @skill
    def ask(color: Color = Color.RED, tags: list[str] = ["a"], through: Any = connection, at: float = math.nan) -> None:  # noqa: B006
        """Ask."""

    tool = tool_of(ask)
    properties = json.loads(json.dumps(tool.definition.to_dict()["input_schema"]))["properties"]
    assert properties["color"]["default"] == "red"
    assert properties["tags"]["default"] == ["a"]
    assert "default" not in properties["through"]
    assert tool.arguments({}) == {}


def test_all_problems_come_at_once_with_what_is_expected() -> None:
    @skill
    def fetch(url: str, limit: int = 100, level: Literal["INFO", "ERROR"] = "INFO", color: Color | None = None) -> None:
        """Fetch."""

    tool: NativeTool = tools_of(fetch)[0]
    with pytest.raises(ToolError) as found:
        tool.arguments({"limt": 5, "level": "LOUD"})
    said = str(found.value)
    assert "limt: unknown argument; did you mean limit?" in said
    assert "url: is missing" in said
    assert "level: expected 'INFO' or 'ERROR', got \"LOUD\"" in said
    assert said.endswith(
        "Its arguments: url (string, required), limit (integer, optional), level (one of 'INFO', 'ERROR', optional), "
        "color (one of 'red', 'blue' or null, optional)."
    )
