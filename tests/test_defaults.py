"""Each default of a setting is written once, in settings.py; what stands below is given its value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conjure_magic.settings import Settings

PACKAGE = Path(__file__).parent.parent / "conjure_magic"
DEFAULTS: dict[str, Any] = {name: trait.default() for name, trait in Settings.class_traits(config=True).items()}

# The same value with another meaning, each looked at: what it is called -> what it bounds.
UNRELATED = {
    "KEPT_HEAD": "characters of a command's output that stay in memory",
    "KEPT_TAIL": "the same, of its end",
    "LIVE_LIMIT": "characters of a running command that are shown live",
    "(HEAD, TAIL)": "characters of a native result",
    "MARKDOWN_LIMIT": "characters of a file that the offline model shows",
    "turn_characters": "characters of calls, not bytes of files",
    "UNPACKED": "bytes that a document may unpack to",
    "PATIENCE": "seconds that a container's files are waited for",
}


def distinctive(value: object) -> bool:
    """True for a value that is hardly written twice by chance: 50, "none" or False may be."""
    if isinstance(value, str):
        return len(value) > 2 and value != "none"
    return isinstance(value, int | float) and value > 100


def written_defaults(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of every default: of parameters and fields, constants of modules and classes, `default=…`."""
    for node in ast.walk(tree):
        match node:
            case ast.arguments():
                positional = [*node.posonlyargs, *node.args]
                named = [*zip(positional[len(positional) - len(node.defaults) :], node.defaults, strict=True)]
                named += [(arg, value) for arg, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value]
                yield from ((arg.arg, value) for arg, value in named)
            case ast.Module() | ast.ClassDef():
                for statement in node.body:
                    match statement:
                        case ast.AnnAssign(target=target, value=ast.expr() as value):
                            yield ast.unparse(target), value
                        case ast.Assign(targets=[target], value=value):
                            yield ast.unparse(target), value
            case ast.keyword(arg="default" as name, value=value):
                yield name, value


def literals(value: ast.expr) -> Iterator[object]:
    """The constants that a default is made of, where it is one, or a tuple of them."""
    for part in value.elts if isinstance(value, ast.Tuple) else [value]:
        if isinstance(part, ast.Constant):
            yield part.value


def is_copy(name: str, value: ast.expr) -> bool:
    """True if a default repeats a setting's: by its name with the same value, or by a value that says enough."""
    for known, default in DEFAULTS.items():
        same_name = name.lower() in (known, known.removeprefix("docker_"))
        same_value = any(type(part) is type(default) and part == default for part in literals(value))
        if same_value and default not in ("", False) and (same_name or distinctive(default)):
            return True
    return False


def test_no_default_of_a_setting_is_written_a_second_time() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        relative = path.relative_to(PACKAGE).as_posix()
        if relative == "settings.py" or relative.startswith(("testing/", "skills/bundled/")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        copies = {name for name, value in written_defaults(tree) if is_copy(name, value)}
        found |= {name if name in UNRELATED else f"{relative}: {name}" for name in copies}
    assert found - set(UNRELATED) == set(), "give it the setting's value, or say in UNRELATED what else it means"
    assert set(UNRELATED) - found == set(), "no longer there: take it out of UNRELATED"


def test_a_copy_is_found_however_it_is_written() -> None:
    copies = """
class Limits:
    max_rounds: int = 50
    memory: str = "512m"
    compact = True
TIMEOUT = 120.0
def run(a, limit=100_000_000, *, network="none"): ...
parser.add_argument("--model", default="claude-opus-5-5")
"""
    others = "rows: int = 50\nnetworks = 'none'\ndef run(max_rounds, b=10, *, c): ...\nread_only = True"
    assert [name for name, value in written_defaults(ast.parse(copies)) if is_copy(name, value)] == [
        "TIMEOUT",
        "max_rounds",
        "memory",
        "compact",
        "limit",
        "network",
        "default",
    ]
    assert [name for name, value in written_defaults(ast.parse(others)) if is_copy(name, value)] == []
