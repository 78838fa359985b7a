"""A hostile file of the hosted container: it comes into a folder of the person's only on request, and asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosted_kit import THINK, call, session

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.cancel import Cancel
from conjure_magic.testing.stub import StubServer, bash

pytestmark = pytest.mark.usefixtures("folder")


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_hosted_file_that_is_shown_and_read_writes_nothing_into_a_folder_of_the_persons(
    stub: StubServer, folder: Path
) -> None:
    before = names(folder)
    stub.reply([THINK, *bash("make", files={"pandas.py": b"raise SystemExit"}), "Made."])
    with session(stub, workspace=".") as it:
        result = it.chat("Make it.")
        assert result.files["pandas.py"].read()
        assert names(folder) == before
        result.files["pandas.py"].save(folder / "mine.txt")
        assert names(folder) == before | {"mine.txt"}, "where the person says, and there alone"


@pytest.mark.parametrize("scope", ["no", "once"])
def test_a_file_that_is_fetched_into_a_folder_of_the_persons_asks(stub: StubServer, folder: Path, scope: str) -> None:
    asked: list[ApprovalRequest] = []

    def approve(request: ApprovalRequest, cancel: Cancel) -> Decision:
        asked.append(request)
        return Decision(scope)  # type: ignore[arg-type]

    before = names(folder)
    made = bash("make", files={"pandas.py": b"raise SystemExit"})
    stub.reply([THINK, *made, call("fetch_file", name="pandas.py")], "Fetched.")
    with session(stub, ["anthropic", "local"], workspace=".", approver=approve) as it:
        it.chat("Make it.")
    assert [request.question for request in asked] == ["Write this file?"]
    assert "pandas.py" in asked[0].text
    assert names(folder) == (before | {"pandas.py"} if scope == "once" else before)
