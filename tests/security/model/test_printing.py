"""All text that is printed goes through one door, whoever wrote it; so do the messages of all errors."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from kernel_kit import Kernel
from security.attacks import SEQUENCES
from security.streams import OBEYED, streams

from conjure_magic import errors

PACKAGE = Path(__file__).parents[3] / "conjure_magic"
DOOR = "printing.py"
ALONE = {"render/document_reader.py", "skills/template.py"}
"""What runs in a process of its own and prints data: a look into documents, and the script of a new skill."""


def printing(path: Path) -> list[int]:
    """The lines that print, or write to a standard stream, by themselves."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            found.append(node.lineno)
        if isinstance(node, ast.Attribute) and node.attr == "write" and ast.unparse(node.value).startswith("sys.std"):
            found.append(node.lineno)
    return found


def test_nothing_prints_past_the_door() -> None:
    modules = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    own = {name for name in modules if not name.startswith(("skills/bundled", "testing/"))} - ALONE - {DOOR}
    assert {name: lines for name in sorted(own) if (lines := printing(modules[name]))} == {}


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ConjureError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_error_carries_terminal_sequences(kind: type[errors.ConjureError]) -> None:
    for text in SEQUENCES.values():
        error = kind.__new__(kind)
        errors.ConjureError.__init__(error, text)
        error.args = (text,)
        assert not OBEYED & set(str(error))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    kernel = Kernel(folder=tmp_path_factory.mktemp("printing"))
    kernel.run("%load_ext conjure_magic")
    yield kernel
    kernel.close()


@pytest.mark.parametrize(
    "code",
    [
        "%%conjure --yes --skills 'x\x1b]0;title\x07y'\nhello",
        "%%conjure --yes --model 'x\x1b[8my'\nhello",
        "%%conjure --yes --model broken\nhello",
        "%conjure 'x\x1b[2Jy'",
        "%conjure help 'x\x1b[2Jy'",
        "%conjure session 'x\x1b[2Jy'\n%conjure reset",
        "%conjure validate 'x\x1b[2Jy'",
        "%%conjure --yes --attach 'x\x9b2Jy'\nhello",
    ],
)
def test_hostile_words_in_a_command_drive_no_terminal(kernel: Kernel, code: str) -> None:
    kernel.run("def broken(request): raise ValueError('\\x1b]0;title\\x07 \\x1b[31mred')")
    shown = streams(kernel, code)
    assert shown
    assert not (OBEYED - {"\x1b"}) & set(shown)
    assert not re.search("\x1b(?!\\[[0-9;]*m)", shown), "nothing but the colours of IPython's own"
