"""A user's program: strict mypy accepts all of it. Checked by `test_typing.py`; never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from conjure_magic import (
    ApprovalRequest,
    Artifact,
    BackendUnavailableError,
    Cancel,
    Decision,
    Event,
    FilesClient,
    Key,
    NativeSkill,
    Session,
    Settings,
    SkillRegistry,
    SkillsClient,
    TurnOptions,
    TurnResult,
    approve_all,
    load_skills,
    refuse_all,
    register_backend,
    skill,
)
from conjure_magic.backends.base import Backend
from conjure_magic.events import TextDelta


@skill
def orders(day: str, limit: int = 10) -> list[str]:
    """The orders of a day."""
    return [day] * limit


@skill(name="all-orders")
async def every_order() -> int:
    """All orders."""
    return 3


class Notes(NativeSkill):
    """Keeps notes."""

    def execute(self, command: str) -> str:
        """Run `list`."""
        return command


def ask(request: ApprovalRequest, cancel: Cancel) -> Decision:
    """Allow what reads."""
    return Decision("once") if request.text.startswith("cat ") else Decision("no", reason="Only reading, please.")


assert_type(orders("2026-03-01", limit=3), list[str])

with Session(
    "local,native",
    [orders, Notes, "./skills"],
    "offline",
    approver=ask,
    settings=Settings(max_rounds=5),
    key=Key("…"),
    workspace=Path("work"),
) as session:
    result = session.chat("Analyse app.log", files=["app.log"], limits=session.limits(max_cost=0.5))
    assert_type(result, TurnResult)
    assert_type(result.text, str)
    assert_type(result.files["top.csv"], Artifact)
    assert_type(result.cost, float | None)
    for event in session.stream("Go on", approver=approve_all, cancel=Cancel()):
        assert_type(event, Event)
        if isinstance(event.body, TextDelta):
            assert_type(event.body.text, str)
    options: TurnOptions = {"approver": refuse_all, "model": lambda request: "hello"}
    assert_type(session.retry(**options), TurnResult)
    session.use(backend="docker", skills=SkillRegistry(["./skills"]), model="claude-opus-5-5")
    saved = session.download_files(result.files, "out")
    assert_type(saved, list[Path])
    unsubscribe = session.subscribe(print, events=[TextDelta])
    unsubscribe()

with SkillsClient() as skills, FilesClient() as files:
    mine = skills.create("./skills/house-style")
    assert_type(mine.id, str)
    for file in files.list():
        assert_type(file.filename, str)

for found in load_skills(["./skills"]):
    assert_type(found.name, str)


def licensed(setup: object) -> Backend:
    """A backend that cannot work here."""
    raise BackendUnavailableError("it needs a license")


register_backend("licensed", licensed)
