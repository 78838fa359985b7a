"""Skills in Python, from what a person writes to what a model is offered and what a turn shows."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedModel, check_history, use

from conjure_magic import NativeSkill, Session, ToolError, TurnResult, UsageError, register_backend, skill
from conjure_magic import backends as table
from conjure_magic.backends.native import SkillContext
from conjure_magic.backends.native.tool import NAME, tools_of
from conjure_magic.errors import BackendUnavailableError, SkillError
from conjure_magic.events import Notice, ToolOutput, ToolProgress

pytestmark = pytest.mark.usefixtures("folder")


class Kernel:
    """A host with nothing but variables."""

    hidden = frozenset[str]()

    def __init__(self, **namespace: Any) -> None:
        self.namespace: dict[str, Any] = namespace

    def run(self, code: str) -> Any:
        raise NotImplementedError

    def call_soon(self, function: Any) -> bool:
        return False


@contextlib.contextmanager
def session(*skills: Any, replies: Any = (), host: Any = None, **options: Any) -> Iterator[Session]:
    with Session("native", list(skills), ScriptedModel(*replies), host=host, **options) as made:
        yield made


def call(tool: Any, name: str, /, **given: Any) -> TurnResult:
    """One turn in which the model calls a tool once."""
    with session(tool, replies=[[use("t1", name, **given)], ["Done."]]) as made:
        result = made.chat("go")
        check_history(made.messages)
        return result


def answer(tool: Any, name: str, /, **given: Any) -> str:
    """What the model reads of one call."""
    result = call(tool, name, **given).tool_calls[0].result
    assert result is not None
    return result.text


def schemas(tool: Any) -> dict[str, dict[str, Any]]:
    return {t.name: dict(t.definition.to_dict()) for t in tools_of(tool)}


# ---- the class


class LogFetcher(NativeSkill):
    """Fetches logs."""

    name = "log-fetcher"
    allowed_tools = ("execute", "read")

    def execute(self, command: str, context: SkillContext) -> str:
        """Commands: `fetch URL`"""
        return f"{command} in {context.session}"

    def read(self, path: str, context: Any, offset: int, limit: int | None) -> str:
        return f"{path} {offset} {limit}"

    def write(self, path: str, content: str) -> str:
        raise AssertionError("not allowed")


def test_what_is_implemented_and_allowed_becomes_a_tool() -> None:
    found = schemas(LogFetcher())
    assert set(found) == {"log-fetcher_execute", "log-fetcher_read"}
    assert found["log-fetcher_execute"]["description"] == "Fetches logs.\n\nCommands: `fetch URL`"
    assert found["log-fetcher_execute"]["input_schema"]["required"] == ["command"]
    assert found["log-fetcher_read"]["input_schema"]["required"] == ["path"]
    assert list(found["log-fetcher_read"]["input_schema"]["properties"]) == ["path", "offset", "limit"]


def test_a_class_is_offered_as_one_object_that_keeps_its_state() -> None:
    class Counter(NativeSkill):
        """Counts."""

        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def execute(self) -> int:
            self.count += 1
            return self.count

    replies = [[use("t1", "counter_execute")], ["a"], [use("t2", "counter_execute")], ["b"]]
    with session(Counter, replies=replies) as made:
        assert [made.chat("go").tool_calls[0].result.text for _ in range(2)] == ["1", "2"]  # type: ignore[union-attr]


def test_a_callback_gets_what_it_names() -> None:
    assert answer(LogFetcher, "log-fetcher_execute", command="fetch x") == "fetch x in main"
    assert answer(LogFetcher, "log-fetcher_read", path="a") == "a 0 None"
    assert answer(LogFetcher, "log-fetcher_read", path="a", offset=2, limit=5) == "a 2 5"
    assert "expected 0 or more" in answer(LogFetcher, "log-fetcher_read", path="a", offset=-1)


def test_a_skill_is_built_in_place_from_functions() -> None:
    notes: dict[str, str] = {}
    made = NativeSkill(
        name="notes",
        description="Keeps notes.",
        write=lambda path, content: notes.update({path: content}),
        modify=lambda path, old, new: notes.update({path: notes[path].replace(old, new)}),
        read=lambda **given: f"{notes[given['path']]} {sorted(given)}",
    )
    assert set(schemas(made)) == {"notes_read", "notes_write", "notes_modify"}
    answer(made, "notes_write", path="a", content="old text")
    answer(made, "notes_modify", path="a", old="old", new="new")
    assert answer(made, "notes_read", path="a") == "new text ['context', 'limit', 'offset', 'path']"


def test_methods_with_the_decorator_are_tools_in_addition_to_the_callbacks() -> None:
    class Shop(NativeSkill):
        """A shop."""

        def execute(self, command: str) -> str:
            return command

        @skill
        def price(self, item: str, *, taxed: bool = False) -> str:
            """The price of an item.

            Args:
                item: its name.
            """
            return f"{item} {taxed} {type(self).__name__}"

    found = schemas(Shop())
    assert set(found) == {"shop_execute", "shop_price"}
    assert found["shop_price"]["description"] == "A shop.\n\nThe price of an item."
    assert found["shop_price"]["input_schema"]["properties"]["item"] == {"type": "string", "description": "its name."}
    assert answer(Shop, "shop_price", item="tea", taxed=True) == "tea True Shop"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (NativeSkill(name="a", description="b"), "does not implement any of execute, read, write, modify"),
        (NativeSkill("a", "b", ["write"], execute=lambda: 1), "does not implement write"),
        (NativeSkill(name="a", execute=lambda: 1), "has no description"),
        (NativeSkill("a", "b", execute=lambda url: 1), "an execute callback may have command, context"),
        (NativeSkill("a", "b", execute=print), "the parameter 'args' is not available"),
        (NativeSkill("a", "b", 3, execute=lambda: 1), "allowed_tools must be a list of callback names, not 3"),  # type: ignore[arg-type]
        (NativeSkill(7, "b", execute=lambda: 1), "its name must be text, not 7"),  # type: ignore[arg-type]
        (NativeSkill("a", 7, execute=lambda: 1), "its description must be text, not 7"),  # type: ignore[arg-type]
        (NativeSkill("a" * 60, "b", execute=lambda: 1), "is not a valid name for a tool"),
        (NativeSkill("…", "b", execute=lambda: 1), None),
        (len, "put @skill above it"),
        (Session, "is a class, but not a NativeSkill"),
        (3, "an int, not a skill"),
    ],
)
def test_what_cannot_be_offered_is_a_slip_that_says_why(made: Any, said: str | None) -> None:
    if said is None:
        assert all(NAME.fullmatch(tool.name) for tool in tools_of(made))
        return
    with pytest.raises(UsageError, match=said):
        tools_of(made)


# ---- the function


@skill
def compare(first: str, second: str = "b", *, context: SkillContext) -> dict[str, Any]:
    """Compare two things.

    Some more on it.

    Args:
        first: the one.
        second (str): the other,
            which may be left out.

    Returns:
        What differs.

    Raises:
        ValueError: never.
    """
    return {"first": first, "second": second, "session": context.session}


def test_signature_and_docstring_become_the_schema() -> None:
    tool = schemas(compare)["compare"]
    assert tool["description"] == "Compare two things.\n\nSome more on it.\n\nReturns:\n    What differs."
    assert tool["input_schema"] == {
        "type": "object",
        "properties": {
            "first": {"type": "string", "description": "the one."},
            "second": {"type": "string", "description": "the other, which may be left out.", "default": "b"},
        },
        "required": ["first"],
        "additionalProperties": False,
    }


def test_a_function_stays_the_function_it_was() -> None:
    @skill(name="twice", description="Doubles.")
    def double(n: int) -> int:
        return 2 * n

    assert double(4) == 8
    assert list(schemas(double)) == ["twice"]
    assert answer(double, "twice", n=4) == "8"


def test_an_argument_may_be_called_context() -> None:
    @skill
    def explain(context: str) -> str:
        return context

    assert answer(explain, "explain", context="words") == "words"


def documented(text: str) -> Any:
    """The definition of a tool whose docstring this is."""

    def function(x: int, y: int = 0) -> None: ...

    function.__doc__ = text
    return schemas(skill(function))["function"]


@pytest.mark.parametrize(
    "text",
    [
        "Do.\n\nParameters\n----------\nx : int\n    The size,\n    in metres.\ny\n    Other.\n",
        "Do.\n\n:param int x: The size,\n    in metres.\n:param y: Other.\n:raises ValueError: never\n",
        "Do.\n\nArgs:\n    x (int): The size,\n        in metres.\n    y: Other.\n",
    ],
)
def test_three_styles_of_docstring_are_read(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    definition = documented(text)
    properties = definition["input_schema"]["properties"]
    assert definition["description"] == "Do."
    assert [part["description"] for part in properties.values()] == ["The size, in metres.", "Other."]
    assert capfd.readouterr() == ("", "")


def test_all_prose_of_a_docstring_reaches_the_model() -> None:
    """What it returns, examples, notes, and what stands below the arguments; not what it raises."""
    text = (
        "Do.\n\nArgs:\n    x: a size.\n\nReturns:\n    int: how many.\n\nOnly on weekdays.\n\n"
        "Note:\n    Slow: wait.\n\nExamples:\n    >>> function(1)\n\nRaises:\n    ValueError: never.\n"
    )
    assert documented(text)["description"] == (
        "Do.\n\nReturns:\n    int: how many.\n\nOnly on weekdays.\n\nNote:\n    Slow: wait.\n\n"
        "Examples:\n    >>> function(1)"
    )


@pytest.mark.parametrize("text", ["", "Args:\n    bad\n", ":param", "Parameters\n----------\n", "Args:"])
def test_an_odd_docstring_is_no_obstacle(text: str) -> None:
    assert documented(text)["description"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("@skill\ndef f(*args: int): ...", "replace it by named parameters"),
        ("@skill\ndef f(x, /): ...", "replace it by named parameters"),
        ("@skill\ndef f(x: 'Nowhere'): ...", "annotations cannot be read"),
        ("@skill\ndef f(x: object, y: type(skill)): ...", "f: y: function cannot be described to a model"),
        ("@skill\nclass F: ...", "goes above a function"),
        ("skill(len)", "cannot be used on len; put it above a function that calls len"),
        ("skill(''.join)", "cannot be used on join"),
        ("skill(__import__('functools').partial(max, 1))", "needs a name for a function without one"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_where_it_is_written(code: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        exec(code, {"skill": skill})


def test_a_partial_with_a_name_is_a_tool() -> None:
    def scale(factor: int, n: int) -> int:
        return factor * n

    double = skill(name="double", description="Double a number.")(functools.partial(scale, 2))
    assert schemas(double)["double"]["input_schema"]["properties"] == {"n": {"type": "integer"}}
    assert answer(double, "double", n=21) == "42"


def test_static_and_class_methods_under_skill_are_tools() -> None:
    class Maths(NativeSkill):
        """Does sums."""

        @staticmethod
        @skill
        def double(n: int) -> int:
            return 2 * n

        @skill
        @staticmethod
        def triple(n: int) -> int:
            return 3 * n

        @classmethod
        @skill
        def name_of(cls, n: int) -> str:
            return cls.__name__ * n

        @skill
        @classmethod
        def half(cls, n: int) -> float:
            return n / 2

    found = schemas(Maths())
    assert sorted(found) == ["maths_double", "maths_half", "maths_name_of", "maths_triple"]
    assert all(list(tool["input_schema"]["properties"]) == ["n"] for tool in found.values())
    assert answer(Maths, "maths_double", n=2) == "4"
    assert answer(Maths, "maths_triple", n=2) == "6"
    assert answer(Maths, "maths_name_of", n=2) == "MathsMaths"
    assert answer(Maths, "maths_half", n=1) == "0.5"


def test_a_default_of_none_is_taken_from_the_model_too() -> None:
    """`limit: int = None` is how people write it, and what the schema names as its default must not be refused."""

    @skill
    def fetch(limit: int = None, word: str = None) -> str:  # type: ignore[assignment]  # noqa: RUF013
        return f"{limit} {word}"

    properties = schemas(fetch)["fetch"]["input_schema"]["properties"]
    assert properties["limit"] == {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    assert answer(fetch, "fetch", limit=None, word=None) == "None None"
    assert answer(fetch, "fetch", limit=3) == "3 None"
    assert "expected a whole number" in answer(fetch, "fetch", limit="x")


# ---- in a turn


def test_wrong_arguments_come_back_to_the_model_and_nothing_runs() -> None:
    ran: list[int] = []

    @skill
    def take(n: int) -> None:
        ran.append(n)

    called = call(take, "take", n="many").tool_calls[0]
    assert called.result is not None
    assert called.result.is_error
    assert 'n: expected a whole number, got "many"' in called.result.text
    assert ran == []


def test_an_exception_is_one_line_for_the_model_and_a_traceback_for_the_person() -> None:
    @skill
    def divide(n: int) -> float:
        return inner(n)

    def inner(n: int) -> float:
        return 1 / n

    turn = call(divide, "divide", n=0)
    result = turn.tool_calls[0].result
    assert result is not None
    assert (result.text, result.is_error) == ("ZeroDivisionError: division by zero", True)
    assert "in inner" in result.details
    assert "native/calling" not in result.details
    assert turn.text == "Done."
    from conjure_magic.render import display_limits, render_turn
    from conjure_magic.settings import Settings

    assert "Traceback</summary>" in render_turn(turn, display_limits(Settings()))["text/html"]


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (asyncio.CancelledError(), "CancelledError"),
        (GeneratorExit(), "GeneratorExit"),
        (BaseException("odd"), "BaseException: odd"),
        (MuteError(), "MuteError: (its message cannot be shown)"),
        (ToolError(" "), "leave failed without a message"),
    ],
)
def test_whatever_is_raised_does_not_end_the_turn(error: BaseException, said: str) -> None:
    @skill
    def leave() -> None:
        raise error

    turn = call(leave, "leave")
    result = turn.tool_calls[0].result
    assert result is not None
    assert (result.text, result.is_error, turn.stop_reason) == (said, True, "end_turn")


def test_a_failure_of_our_own_shows_no_frames_of_ours() -> None:
    @skill
    def number() -> int:
        return 10**5000  # more digits than Python turns into text

    result = call(number, "number").tool_calls[0].result
    assert result is not None
    assert result.is_error
    assert "conjure_magic" not in result.details
    assert "ValueError: Exceeds the limit" in result.details


def test_a_tool_error_is_what_the_model_reads() -> None:
    @skill
    def refuse() -> None:
        raise ToolError("API returned 503")

    result = call(refuse, "refuse").tool_calls[0].result
    assert result is not None
    assert (result.text, result.is_error, result.details) == ("API returned 503", True, "")


def test_a_nested_chat_on_its_own_session_is_a_tool_error() -> None:
    outer: list[Session] = []

    @skill
    def ask() -> str:
        return outer[0].chat("nested").text

    with session(ask, replies=[[use("t1", "ask")], ["Done."]]) as made:
        outer.append(made)
        result = made.chat("go").tool_calls[0].result
        assert result is not None
        assert result.is_error
        assert "cannot use the session that is calling it" in result.text
        assert not made.is_busy


def test_a_nested_chat_on_another_session_works() -> None:
    @skill
    def delegate() -> str:
        with Session("native", [compare], ScriptedModel(["From inside."]), name="inner") as other:
            return other.chat("nested").text

    assert answer(delegate, "delegate") == "From inside."


def test_progress_log_and_notices_are_events() -> None:
    @skill
    def work(context: SkillContext) -> str:
        for step in range(1, 101):
            context.progress(step, 100, "rows")
        context.log("half", 2)
        context.notify("mind the gap")
        return "ok"

    with session(work, replies=[[use("t1", "work")], ["Done."]]) as made:
        bodies = [event.body for event in made.stream("go")]
    progress = [body for body in bodies if isinstance(body, ToolProgress)]
    assert progress[-1] == ToolProgress("t1", 100, 100, "rows")
    assert len(progress) < 50, "a tight loop does not flood the turn"
    assert ToolOutput("t1", "half 2\n") in bodies
    assert Notice("mind the gap") in bodies


@pytest.mark.parametrize(("total", "told"), [(None, "ok"), (0, "ok"), ("many", "could not convert string to float")])
def test_progress_takes_an_unknown_total_and_nothing_that_is_no_number(total: Any, told: str) -> None:
    @skill
    def work(context: SkillContext) -> str:
        context.progress(1_234_567, total, "rows")
        return "ok"

    with session(work, replies=[[use("t1", "work")], ["Done."]]) as made:
        bodies = [event.body for event in made.stream("go")]
        (call,) = made.turns[-1].tool_calls
    assert [body for body in bodies if isinstance(body, ToolProgress)] == [ToolProgress("t1", 1_234_567, 0, "rows")] * (
        told == "ok"
    )
    assert call.result is not None
    assert told in call.result.text


def test_secrets_of_conjure_are_masked_in_everything_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret-indeed")

    @skill
    def leak(context: SkillContext, *, how: str) -> str:
        context.log("sk-very-secret-indeed")
        context.progress(1, 1, "sk-very-secret-indeed")
        if how == "raise":
            raise ValueError("sk-very-secret-indeed")
        return "sk-very-secret-indeed"

    for how in ("return", "raise"):
        with session(leak, replies=[[use("t1", "leak", how=how)], ["Done."]]) as made:
            assert "sk-very" not in repr([event.body for event in made.stream("go")])


def test_files_that_a_function_writes_are_reported() -> None:
    @skill
    def write(context: SkillContext) -> str:
        (context.workspace / "made.txt").write_text("x")
        context.save("made.txt", "y")
        raise ValueError("after all")

    turn = call(write, "write")
    assert {file.name: file.read() for file in turn.files} == {"made.txt": b"x", "made-2.txt": b"y"}


# ---- names of variables, and what is offered


def test_a_name_is_looked_up_again_for_each_turn() -> None:
    """Redefining a function in a later cell replaces it; the model is told that something changed."""

    @skill
    def greet(who: str) -> str:
        return f"hello {who}"

    @skill(name="greet")
    def again(who: str, loud: bool = False) -> str:
        return f"HELLO {who}"

    host = Kernel(greet=greet)
    replies = [[use("t1", "greet", who="a")], ["x"], [use("t2", "greet", who="a", loud=True)], ["y"]]
    with session("greet", replies=replies, host=host) as made:
        assert made.chat("one").tool_calls[0].result.text == "hello a"  # type: ignore[union-attr]
        host.namespace["greet"] = again
        assert made.chat("two").tool_calls[0].result.text == "HELLO a"  # type: ignore[union-attr]
        assert "[conjure: the available tools have changed" in made.messages[-4].text
        del host.namespace["greet"]
        with pytest.raises(
            UsageError, match=r"'greet', which was chosen as a skill, is gone.*Define it again, or choose others"
        ):
            made.chat("three")
        host.namespace["greet"] = 3
        with pytest.raises(UsageError, match=r"greet is an int, not a skill.*Define it again, or choose others"):
            made.chat("four")


def test_a_plain_function_by_name_says_what_to_do() -> None:
    def plain() -> None: ...

    with pytest.raises(UsageError, match=r"plain is a plain function: put @skill above it"):
        Session("native", "plain", host=Kernel(plain=plain))


def test_a_python_skill_needs_the_native_backend() -> None:
    with pytest.raises(UsageError, match="compare is a skill in Python, which needs the backend native"):
        Session("local", [compare])
    with pytest.raises(UsageError, match=r"^log-fetcher is a skill in Python"):
        Session("local", "log-fetcher")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("compair", "did you mean compare, which is a skill in Python"),
        ("Log_Fetcher", "did you mean log-fetcher"),
        ("fetches", "did you mean Fetches"),
        ("runbook", "did you mean Fetches"),
        ("kernl", "did you mean kernel"),
        ("zzz", "skills in Python: log-fetcher, kernel, frames, compare, Fetches$"),
    ],
)
def test_a_mistyped_python_skill_says_which_one_may_be_meant(typed: str, said: str) -> None:
    host = Kernel(compare=compare, Fetches=NativeSkill("runbook", "x", execute=print), _hidden=compare)
    with pytest.raises((UsageError, SkillError), match=said):
        Session("native", typed, host=host)


def test_what_is_named_twice_is_offered_once() -> None:
    with Session("native,native", "compare, compare,log-fetcher,log-fetcher", host=Kernel(compare=compare)) as made:
        assert made.backends == ("native",)
        assert [tool["name"] for tool in made.tool_definitions()] == ["compare", "log-fetcher_execute"]


def test_the_bundled_skills_are_offered_unless_others_are_named() -> None:
    def names(*skills: Any, host: Any = None) -> set[str]:
        with session(*skills, host=host) as made:
            return {tool["name"] for tool in made.tool_definitions()}

    kernel = {"kernel_variables", "kernel_look", "kernel_run"}
    assert names() == {"log-fetcher_execute"}, "without a kernel there is no skill of one"
    frames = {"frames_describe", "frames_rows", "frames_figure"}
    assert names(host=Kernel()) == {"log-fetcher_execute", *kernel, *frames}
    assert names(compare) == {"compare"}
    assert names("log-fetcher", compare) == {"log-fetcher_execute", "compare"}
    assert names("kernel", host=Kernel()) == kernel
    assert names("log-analyzer") == {"log-fetcher_execute"}, "a skill folder is not for this backend"


def test_two_tools_of_one_name_say_what_to_do() -> None:
    said = "two native skills have a tool named 'compare'; rename one"
    with session(compare, compare) as made, pytest.raises(UsageError, match=said):
        made.chat("go")


def test_native_and_local_share_one_turn() -> None:
    @skill
    def fetch(context: SkillContext) -> Path:
        return context.save("data.csv", "a,b\n1,2\n")

    replies = [[use("t1", "fetch"), use("t2", "view", path="data.csv")], ["Done."]]
    with Session("native,local", [fetch], ScriptedModel(*replies)) as made:
        first, second = made.chat("go").tool_calls
        assert (first.backend, second.backend) == ("native", "local")
        assert second.result is not None
        assert "1,2" in second.result.text


# ---- backends from outside


def test_a_registered_backend_is_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from fakes import ScriptedBackend

    monkeypatch.setattr(table, "OTHERS", dict(table.OTHERS))
    register_backend("mine", lambda setup: ScriptedBackend(f"mine in {setup.session}"))
    with Session("mine", model=ScriptedModel([use("t1")], ["Done."])) as made:
        assert made.chat("go").backends == ("mine in main",)
    assert "mine" in table.backend_names()
    for name, said in (("local", "built-in"), ("a,b", "letters"), ("", "letters")):
        with pytest.raises(UsageError, match=said):
            register_backend(name, lambda setup: ScriptedBackend())


def test_an_entry_point_adds_a_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an installed package would: metadata on the path."""
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    points = "[conjure_magic.backends]\nother = other_backend:make\nbroken = no_such_module_at_all:make\n"
    (info / "entry_points.txt").write_text(points)
    code = "from fakes import ScriptedBackend\n\ndef make(setup):\n    return ScriptedBackend('other')\n"
    (tmp_path / "other_backend.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Session("other", model=ScriptedModel([use("t1")], ["Done."])) as made:
        assert made.chat("go").backends == ("other",)
    with pytest.raises(UsageError, match="did you mean other"):
        Session("othr")
    with pytest.raises(BackendUnavailableError, match=r"broken .* cannot be loaded"):
        Session("broken")
