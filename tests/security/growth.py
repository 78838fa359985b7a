"""Whether work grows with its input as it should: processor time of doubled sizes, and texts that patterns dislike."""

from __future__ import annotations

import ast
import gc
import importlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = Path(__file__).parents[2] / "conjure_magic"
SIZE = 1 << 11
"""Characters of the smaller text."""
CHEAP = 0.02
"""Seconds of processor time for the larger one below which there is nothing to compare."""
MOST = 3.0
"""By what the work may grow as the text doubles: 2, and what a busy machine adds; a square would be 4."""
DEADLINE = 5
"""Seconds of processor time after which a single pass over the larger text is given up."""


class TooSlowError(Exception):
    """A pass that did not end."""


@contextmanager
def _bounded() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, DEADLINE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def cost(work: Callable[[], object]) -> float:
    """Seconds of processor time that something takes."""
    began = time.process_time()
    with _bounded():
        work()
    return time.process_time() - began


def steps(work: Callable[[], object]) -> int:
    """How many function calls something makes: the same on every machine, however busy, and after every other test."""
    count = 0
    gc.collect()

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += 1

    gc.disable()  # it would run the finalizers of what others left
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def growth(work: Callable[[str], object], make: Callable[[int], str], size: int = SIZE) -> str:
    """Empty if the work at most doubles with the text; else what it cost. The best of several tries counts."""
    small, large = make(size), make(2 * size)
    try:
        costs = cost(lambda: work(large))
        if costs < CHEAP:
            return ""
        before = cost(lambda: work(small))
        for _ in range(4):
            if costs <= MOST * before or costs < CHEAP:
                return ""
            before, costs = max(before, cost(lambda: work(small))), min(costs, cost(lambda: work(large)))
        if costs <= MOST * before:
            return ""
    except TooSlowError:
        return f"more than {DEADLINE} s for {2 * size:,} characters"
    # The least of several tries is what the work costs; the most that the smaller text took stands for a busy machine.
    return f"{before * 1000:.0f} ms for {size:,} characters, {costs * 1000:.0f} ms for twice as many"


def filled(start: str, unit: str, end: str) -> Callable[[int], str]:
    """A text of a length: its start, a unit over and over, its end."""
    return lambda size: start + unit * (size // len(unit)) + end


# ---- every pattern of the package


@dataclass(frozen=True)
class Pattern:
    """A regular expression of the package."""

    place: str
    compiled: re.Pattern[str]
    anchored: bool
    """True if it is only ever tried at the beginning of a text."""

    def work(self, text: str) -> object:
        """Look for it as the package does."""
        return self.compiled.match(text) if self.anchored else sum(1 for _ in self.compiled.finditer(text))


ANCHORED = {"match", "fullmatch"}


def patterns() -> Iterator[Pattern]:
    """All of text: those with a name in a module, and those that stand where they are used; without bundled skills."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "bundled" in path.parts or path.name in ("__main__.py", "supervisor.py", "unstarted_containers.py"):
            continue
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used: dict[str, set[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used.setdefault(node.value.id, set()).add(node.attr)
        module = importlib.import_module(name.removesuffix(".__init__"))
        for word, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield Pattern(f"{name}.{word}", value, bool(used.get(word)) and used[word] <= ANCHORED)
        yield from _inline(tree, name)


def _inline(tree: ast.AST, name: str) -> Iterator[Pattern]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
            function, text = ast.unparse(node.func), node.args[0]
            if function != "re.compile" and isinstance(text, ast.Constant) and isinstance(text.value, str):
                words = re.findall(r"re\.([A-Z]+)\b", ast.unparse(node))
                flags = sum({getattr(re, word).value for word in words})
                anchored = function.removeprefix("re.") in ANCHORED
                yield Pattern(f"{name}:{node.lineno}", re.compile(text.value, flags), anchored)


def literals(compiled: re.Pattern[str]) -> list[str]:
    """The characters that a pattern looks for, in its order, one for each set and class."""
    found: list[str] = []
    _visit(re._parser.parse(compiled.pattern, compiled.flags), found)  # type: ignore[attr-defined]
    return found


INSIDE = {"MAX_REPEAT": 2, "MIN_REPEAT": 2, "POSSESSIVE_REPEAT": 2, "SUBPATTERN": 3, "ASSERT": 1, "ASSERT_NOT": 1}
"""Operation -> where in its arguments the pattern inside it stands."""


def _visit(items: Any, found: list[str]) -> None:
    for operation, argument in items:
        name = str(operation)
        if name in INSIDE:
            _visit(argument[INSIDE[name]], found)
        elif name == "ATOMIC_GROUP":
            _visit(argument, found)
        elif name == "BRANCH":
            for branch in argument[1]:
                _visit(branch, found)
        elif name == "LITERAL":
            found.append(chr(argument))
        elif name == "IN":
            found.append(_of_set(argument))
        elif name in ("NOT_LITERAL", "ANY"):
            found.append("a")


CLASSES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}
CLASSES |= {"CATEGORY_NOT_DIGIT": "a", "CATEGORY_NOT_SPACE": "a", "CATEGORY_NOT_WORD": "-"}


def _of_set(items: list[tuple[object, object]]) -> str:
    for op, argument in items:
        if str(op) == "LITERAL":
            return chr(argument)  # type: ignore[arg-type]
        if str(op) == "RANGE":
            return chr(argument[0])  # type: ignore[index]
        if str(op) == "CATEGORY":
            return CLASSES[str(argument)]
    return "a"


def disliked(compiled: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Texts (start, unit, end) that begin over and over what the pattern looks for, and never end it."""
    found = literals(compiled)[:10]
    units = dict.fromkeys(["".join(found[a:b]) for a in range(len(found)) for b in range(a + 1, len(found) + 1)])
    for unit in list(units)[:16]:
        yield "", unit, "\x00"
        yield "".join(found[:1]), unit, "\x00"


UNITS = (
    *(
        "[",
        "]",
        "(",
        "](",
        "[a](",
        "![",
        "[[",
        "[x]: ",
        "`",
        "``a",
        "*",
        "**a ",
        "_",
        "*a_",
        "~",
        "<",
        "<a ",
    ),
    *(
        "</",
        "<!--",
        "<title ",
        "<title>",
        "<?",
        "&",
        "&#",
        "&a",
        "\\",
        "#",
        "# a\n",
        "> ",
        "- ",
        "1. ",
    ),
    *(
        "    ",
        "\t",
        " ",
        "\n",
        "\r",
        "\r\n",
        "|",
        "|a",
        "|-",
        "| a |\n",
        "|a|b\n|-|-\n",
        "a|b\n",
        "```\n",
    ),
    *(
        "~~~\n",
        "===\n",
        "---\n",
        "$",
        "\\$",
        ",/a",
        "/a",
        "/a/",
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1bP",
        "\x1b[1",
    ),
    *(
        "\x9d",
        "\x9d0",
        "\x90",
        "\x9b",
        "\x9b1",
        "\x08",
        "a\x08",
        "\x07",
        "\x00",
        "{",
        "}",
        "[],",
        '{"a":',
    ),
    *(
        '"',
        "'",
        ",",
        ";",
        ":",
        "=",
        "a=",
        "a: ",
        "%",
        "@",
        "a@",
        "http://",
        "https://a",
        "a.",
        "../",
    ),
    *(
        "\u202e",
        "\u200b",
        "\ufe0f",
        "\ud800",
        "\xe9",
        "\u754c",
        "\U000e0041",
        "0",
        "0,",
        "-",
        "--",
        "-a ",
    ),
    *(
        "+",
        "a",
        "a ",
        "A",
        "ab\n",
    ),
)
"""What renderers, cleaners, previewers and parsers look for."""
TABLE = "| a | b |\n|---|---|\n"
STARTS = ("", TABLE, "```\n", "- a\n", "<svg><title", "[1")
"""What a text may begin with, before one unit of these is repeated."""
