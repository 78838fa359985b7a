"""Mistakes in a user's program: strict mypy rejects each. An ignore that is not needed is an error, too."""

from __future__ import annotations

from conjure_magic import Session, TurnOptions, nothing_like_it, skill  # type: ignore[attr-defined]


@skill
def orders(day: str) -> int:
    """How many orders there were."""
    return len(day)


print(nothing_like_it)
orders(3)  # type: ignore[arg-type]
orders("today", "tomorrow")  # type: ignore[call-arg]
skill(naem="orders")  # type: ignore[call-overload]

Session(skillz=1)  # type: ignore[call-arg]
Session(skills=3)  # type: ignore[arg-type]
Session(model=3)  # type: ignore[arg-type]
Session(approver=lambda request: "yes")  # type: ignore[arg-type, misc]

session = Session("local")
session.chat("x", modle=1)  # type: ignore[call-arg]
session.chat("x", files=3)  # type: ignore[arg-type]
session.chat()  # type: ignore[call-arg]
session.stream("x", limits=5)  # type: ignore[arg-type]
session.retry(promt="x")  # type: ignore[call-arg]
session.limits(max_costs=1)  # type: ignore[call-arg]
session.use(skillz="x")  # type: ignore[call-arg]
session.chatt("x")  # type: ignore[attr-defined]
session.chat("x").txt  # type: ignore[attr-defined]  # noqa: B018
options: TurnOptions = {"modle": "offline"}  # type: ignore[typeddict-unknown-key]
