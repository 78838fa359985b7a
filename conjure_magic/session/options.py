"""What may be given with one turn, beside its prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from conjure_magic.approval import Approver
from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.cancel import Cancel
from conjure_magic.models.base import Model
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.skills.skill import Skill
from conjure_magic.turn.budget import Limits

ModelLike = str | Model | Callable[..., Any]
"""How a model is given: "offline", an id, a name in `Settings.models`, a Model, or a callable `request -> response`."""
SkillLike = str | Path | Skill | SkillRegistry | NativeSkill | type[NativeSkill] | Callable[..., Any]
"""How a skill is given: a folder of it or of several, a name, a Skill or a registry of them, or a skill in Python."""


class TurnOptions(TypedDict, total=False):
    """What `Session.stream`, `chat` and `retry` take beside the prompt; what is left out is as in the session."""

    extra_text: str | Sequence[str]
    """Further text sent with the prompt and not repeated in the displayed result."""
    files: str | Path | Iterable[str | Path]
    """Files sent with the prompt: uploaded for the hosted backend, copied into the workspace for the others."""
    approver: Approver | None
    """Asks a person before a call runs, instead of the session's approver."""
    model: ModelLike | None
    """Answers instead of the session's model."""
    limits: Limits | None
    """Bounds of this turn, such as `session.limits(max_cost=0.50)`, instead of the settings'."""
    cancel: Cancel
    """Stops the turn when set; `Session.stop` does the same."""
