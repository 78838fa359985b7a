"""Whatever is new goes through the hostile corpus: passes, questions and fetchers are found by their names."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hostile import EVERYTHING, TEXTS, markdown_offences, offences, text_offences
from security.gates import GATES, HOME_GATES, Turn
from security.growth import PACKAGE
from security.passes import PASSES
from security.streams import OBEYED

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.render.style import page

CORPUS = {**TEXTS, "everything": EVERYTHING}
DRAWN = ("render_",)
"""How functions begin whose result is drawn. `test_growth` finds those that are not in the table of passes."""


def strings(shown: object) -> Iterator[str]:
    if isinstance(shown, str):
        yield shown
    elif isinstance(shown, list | tuple):
        for part in shown:
            yield from strings(part)


def faults(name: str, shown: object) -> list[str]:
    """What of a result could act where it is drawn; the name of its function says what it is."""
    if isinstance(shown, dict):
        return [
            *offences(shown.get("text/html", "")),
            *markdown_offences(shown.get("text/markdown", "")),
            *text_offences(shown.get("text/plain", "")),
        ]
    if name == "markdown.render_markdown" or not name.endswith(("_markdown", "_source", "_text")):
        return [fault for text in strings(shown) for fault in offences(page(text))]
    check = text_offences if name.endswith("_text") else markdown_offences
    return [fault for text in strings(shown) for fault in check(text)]


@pytest.mark.parametrize("name", PASSES)
def test_nothing_of_the_corpus_acts_or_ends_a_pass(name: str) -> None:
    function = name.partition(" ")[0]
    for text in CORPUS.values():
        shown = PASSES[name](text)
        if function.rpartition(".")[2].startswith(DRAWN) and not function.startswith("offline."):
            found = [shown] if isinstance(shown, dict) else list(shown) if isinstance(shown, tuple) else [shown]
            assert [fault for part in found for fault in faults(function, part)] == [], text
        elif function.startswith("characters."):
            assert not OBEYED & set(str(shown)), text


# ---- questions and fetchers


@dataclass(frozen=True)
class Place:
    """A call in the package that makes a question."""

    file: str
    first: int
    last: int


def places() -> Iterator[Place]:
    """Where an `ApprovalRequest` is made, or a native skill's context is asked for one."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "ApprovalRequest(" not in text and "context.question(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("ApprovalRequest", "context.question"):
                yield Place(str(path.relative_to(PACKAGE)), node.lineno, node.end_lineno or node.lineno)


ELSEWHERE = {"model/test_hosted.py": ("backends/hosted/file_tools.py", "WRITE_LATER")}
"""Test file -> a question that is not in the table of gates: its module, and a word of it."""


def is_tested_elsewhere(place: Place) -> bool:
    lines = (PACKAGE / place.file).read_text(encoding="utf-8").splitlines()[place.first - 1 : place.last]
    return any(place.file == file and word in "".join(lines) for file, word in ELSEWHERE.values())


def test_everything_that_asks_is_a_gate_that_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new question joins `GATES`, where each is refused, answered once, and answered for the session."""
    reached: set[tuple[str, int]] = set()
    make = ApprovalRequest.__init__

    def noting(self: ApprovalRequest, *given: Any, **named: Any) -> None:
        frame = sys._getframe(1)
        while frame is not None and Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
            reached.add((str(Path(frame.f_code.co_filename).relative_to(PACKAGE)), frame.f_lineno))
            frame = frame.f_back
        make(self, *given, **named)

    monkeypatch.setattr(ApprovalRequest, "__init__", noting)
    home = tmp_path.resolve()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    (home / "one").write_text("x")
    for _, gate in [*GATES.values(), *HOME_GATES.values()]:
        with gate(home) as (workspace, come):
            come("one", Turn(workspace, Decision("no")))
    asked = {place for place in places() if any(place.file == f and place.first <= n <= place.last for f, n in reached)}
    assert len(asked) > 6
    assert {place for place in places() if not is_tested_elsewhere(place)} - asked == set()


def test_everything_that_fetches_an_address_of_the_models_is_known() -> None:
    """It goes through the list of public addresses and asks about hosts, as `test_fetcher` tries."""
    fetching = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "conjure_magic.api.fetch" in path.read_text(encoding="utf-8") and path.parent.name != "api"
    }
    assert fetching == {"backends/bundled_native/log_fetcher.py"}
